//! Running a training: one start after the other or all at once.

use web_time::Instant;

use super::control::{Control, Resume, Shown};
use super::examine::Checkups;
use super::group::Seed;
use super::outcome::{Tally, is_finite};
use super::trainer::Trainer;
use super::{
    Checkup, Evaluation, Event, Outcome, Progress, Run, StartEnd, TrainerState, Training, evaluate,
};
use crate::Error;
use crate::data::Dataset;
use crate::engine::{Engine, EngineSpec, Forward, State, forward};

impl Training {
    /// Trains starts until one solves its data: one after the other, or, on the resident engine,
    /// all at once. Either way the lowest seed that solves it is kept, else the lowest loss.
    /// `report` hears of every report boundary; a true answer of `stop` ends the training in
    /// order, with what was reached.
    ///
    /// # Errors
    /// As [`Training::check_on`]; [`Error::Gpu`] where the device fails for the second time, [`Error::Diverged`] where
    /// every start did.
    pub async fn run(
        &self,
        spec: &EngineSpec,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<Outcome, Error> {
        let mut watch = |event: Event<'_>| {
            if let Event::Progress(progress) = event {
                report(progress);
            }
            Ok(())
        };
        self.run_from(spec, None, false, &mut watch, stop).await
    }

    /// The same, from where an earlier run of the same training stood, if there is one. `watch` hears of
    /// all that happens, and of checkpoints where `snapshots` are wanted: at the end in any case, also where
    /// the training diverges, then of the last report boundary before.
    ///
    /// # Errors
    /// As [`Training::run`], and what `watch` fails with.
    pub async fn run_from(
        &self,
        spec: &EngineSpec,
        from: Option<Resume>,
        snapshots: bool,
        watch: &mut dyn FnMut(Event<'_>) -> Result<(), Error>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Outcome, Error> {
        self.run_shown(spec, from, snapshots, None, watch, stop).await
    }

    /// The same, with a look at some inputs whenever one is due at a report boundary: `watch` hears of
    /// [`Event::Shown`]. That changes nothing of the training.
    ///
    /// # Errors
    /// As [`Training::run_from`].
    pub async fn run_shown(
        &self,
        spec: &EngineSpec,
        from: Option<Resume>,
        snapshots: bool,
        shown: Option<Shown<'_>>,
        watch: &mut dyn FnMut(Event<'_>) -> Result<(), Error>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Outcome, Error> {
        self.check_on(spec)?;
        let (started, max_seconds) = (Instant::now(), self.stopping.max_seconds);
        let mut control = Control { watch, snapshots, shown, asked: stop, started, max_seconds };
        let mut tally = Tally::default();
        match self.run_starts(spec, from, &mut tally, &mut control).await {
            Err(Error::Diverged { .. }) if self.restarts > 1 => {
                // All of them: the first is looked at alone, and tells of it.
                let one = Training { restarts: 1, ..self.clone() };
                let looked = one.run_starts(spec, None, &mut Tally::default(), &mut control).await;
                return Err(looked.err().unwrap_or_else(|| Error::diverged("every start", 0)));
            }
            run => run?,
        }
        let Some(mut kept) = tally.kept else {
            // A stop came while all that ran before it diverged.
            let step = tally.last_diverged;
            return Err(Error::diverged("every start", step));
        };
        if self.doctor && kept.checkups.is_empty() {
            kept.checkups = self.look_back(&kept);
        }
        Ok(Outcome {
            kept,
            first_seed: self.seed,
            restarts: tally.restarts,
            solved: tally.solved,
            diverged: tally.diverged,
            stopped: stop(),
            setup_seconds: tally.setup_seconds,
            train_seconds: tally.train_seconds,
        })
    }

    /// Starts until one solves its data: as many at once as the engine takes, where nothing is decided on
    /// the way that would end one before another.
    async fn run_starts(
        &self,
        spec: &EngineSpec,
        mut from: Option<Resume>,
        tally: &mut Tally,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        let at_once = match spec {
            EngineSpec::Resident(..) if !self.decides() => self.restarts,
            _ => 1,
        };
        let is_one = self.restarts == 1;
        while tally.restarts < self.restarts && tally.solved == 0 {
            if tally.restarts > 0 && control.stops().is_some() {
                break;
            }
            let first = tally.restarts;
            let restarts = first..first.saturating_add(at_once).min(self.restarts);
            // Not as a range of seeds: behind the last there may be no other.
            let seeds: Vec<Seed<'_>> =
                restarts.map(|restart| (self, self.seed + u64::from(restart))).collect();
            let snapshots = control.snapshots;
            // Of many starts the one that is kept is told of, once that is known.
            control.snapshots &= is_one;
            let runs = self.run_together(seeds.clone(), from.take(), spec, tally, control).await;
            control.snapshots = snapshots;
            let runs = match runs {
                Err(error @ Error::Diverged { .. }) => vec![Err(error)],
                runs => runs?,
            };
            for ((_, seed), run) in seeds.into_iter().zip(runs) {
                if let Some(end) = StartEnd::of(seed, &run) {
                    (control.watch)(Event::StartEnded(end))?;
                }
                tally.add(run, self.restarts)?;
            }
        }
        match &tally.kept {
            Some(kept) if control.snapshots && !is_one => control.tell_end(kept),
            _ => Ok(()),
        }
    }

    async fn run_together(
        &self,
        seeds: Vec<Seed<'_>>,
        from: Option<Resume>,
        spec: &EngineSpec,
        tally: &mut Tally,
        control: &mut Control<'_>,
    ) -> Result<Vec<Result<Run, Error>>, Error> {
        let started = Instant::now();
        let trainer = Trainer::new(self, seeds, from, control.snapshots, spec).await?;
        tally.setup_seconds += started.elapsed().as_secs_f64();
        let started = Instant::now();
        let runs = trainer.run(control).await;
        tally.train_seconds += started.elapsed().as_secs_f64();
        runs
    }

    /// What the doctor sees of a run that it did not look at on the way: its first step, and what would be its
    /// next.
    fn look_back(&self, run: &Run) -> Vec<Checkup> {
        let start = self.task(run.seed).start;
        let mut checkups = Checkups::new(self, &start.parameters);
        checkups.look_from(self, start, &TrainerState::new(self, run.seed));
        let (parameters, moments) = (run.parameters.clone(), run.moments.clone());
        checkups.look_from(self, State { step: run.step, parameters, moments }, &run.trainer_state);
        checkups.into_seen()
    }

    /// What a network that stands so does on other rows.
    pub(super) async fn look(
        &self,
        engine: &Engine,
        state: &State,
        data: &Dataset,
    ) -> Result<Evaluation, Error> {
        let forward = match engine.steps_done() == state.step {
            true => engine.forward_from(state, data.inputs()).await?,
            // The engine stands elsewhere.
            false => forward(&self.network, &state.parameters, data.inputs()),
        };
        self.evaluate(data, &forward, state.step)
    }

    /// What a network does at the end, if that is still anything: the last update has no loss
    /// after it that would show it.
    pub(super) fn evaluate(
        &self,
        data: &Dataset,
        forward: &Forward,
        step: u32,
    ) -> Result<Evaluation, Error> {
        let mut evaluation = evaluate(&self.network, data, forward);
        if !self.data.is_classification() {
            evaluation = evaluation.of_numbers(data);
        }
        let outputs = forward.outputs.iter().chain(&forward.pre_activations);
        if outputs.copied().all(is_finite) && evaluation.loss.is_finite() {
            Ok(evaluation)
        } else {
            Err(Error::diverged("an output", step))
        }
    }
}
