//! Running a training: one start after the other or all at once.

use web_time::Instant;

use super::outcome::{Tally, is_finite};
use super::{
    Course, Ended, Evaluation, Event, Outcome, Progress, Run, Snapshot, Training, evaluate,
};
use crate::Error;
use crate::data::Dataset;
use crate::engine::{Engine, Forward, Place, State};
use crate::gpu::GpuError;
use crate::network::Layout;

/// What a training goes on from: what a [`Snapshot`](super::Snapshot) showed of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resume {
    /// The engine's state.
    pub state: State,
    /// The trainer's.
    pub course: Course,
}

/// What a running training has to tell and to ask.
pub(super) struct Control<'a> {
    /// Hears of what happens; its error ends the training.
    pub watch: &'a mut dyn FnMut(Event<'_>) -> Result<(), Error>,
    /// Whether anybody keeps checkpoints.
    pub snapshots: bool,
    /// Whether somebody asks for an end.
    pub asked: &'a dyn Fn() -> bool,
    /// When the time began, and how many seconds there are.
    pub started: Instant,
    pub max_seconds: Option<f64>,
}

impl Control<'_> {
    pub fn is_late(&self) -> bool {
        self.max_seconds.is_some_and(|most| self.started.elapsed().as_secs_f64() >= most)
    }

    /// Tells of a checkpoint of the start that was kept.
    pub fn tell_end(&mut self, kept: &Run) -> Result<(), Error> {
        let (parameters, moments) = (kept.parameters.clone(), kept.moments.clone());
        let state = State { step: kept.step, parameters, moments };
        let now = Snapshot { state: &state, course: &kept.course };
        // Nobody looked on the way: its end is the best that is known of it.
        (self.watch)(Event::Checkpoint(now, Some(now)))
    }

    /// Why to end at the next step, if at all.
    pub fn stops(&self) -> Option<Ended> {
        if (self.asked)() {
            Some(Ended::Asked)
        } else {
            self.is_late().then_some(Ended::MaxSeconds)
        }
    }
}

impl Training {
    /// Trains starts until one solves its data: one after the other, or, on the resident engine,
    /// all at once. Either way the lowest seed that solves it is kept, else the lowest loss.
    /// `report` hears of every report boundary; a true answer of `stop` ends the training in
    /// order, with what was reached.
    ///
    /// # Errors
    /// Where the settings do not fit, the GPU fails, or every start diverged.
    pub async fn run(
        &self,
        place: &Place,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<Outcome, Error> {
        let mut watch = |event: Event<'_>| {
            if let Event::Progress(progress) = event {
                report(progress);
            }
            Ok(())
        };
        self.run_from(place, None, false, &mut watch, stop).await
    }

    /// The same, from where an earlier run of the same training stood, if there is one. `watch` hears of
    /// all that happens, and of checkpoints where `snapshots` are wanted: at the end in any case, also where
    /// the training diverges, then of the last report boundary before.
    ///
    /// # Errors
    /// As [`Training::run`], and what `watch` fails with.
    pub async fn run_from(
        &self,
        place: &Place,
        from: Option<Resume>,
        snapshots: bool,
        watch: &mut dyn FnMut(Event<'_>) -> Result<(), Error>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Outcome, Error> {
        self.check_on(place)?;
        let (started, max_seconds) = (Instant::now(), self.stopping.max_seconds);
        let mut control = Control { watch, snapshots, asked: stop, started, max_seconds };
        let mut tally = Tally::default();
        let run = self.run_starts(place, from, &mut tally, &mut control).await;
        match run {
            Err(Error::Diverged { .. }) if self.restarts > 1 => {
                // All of them: the first is looked at alone, and tells of it.
                let one = Training { restarts: 1, ..self.clone() };
                control.snapshots = snapshots;
                let mut tally = Tally::default();
                let looked = one.run_in_turn(place, None, &mut tally, &mut control).await;
                return Err(looked.err().unwrap_or_else(|| Error::diverged("every start", 0)));
            }
            run => run?,
        }
        if self.doctor
            && let Some(kept) = &mut tally.kept
            && kept.checkups.is_empty()
        {
            // Nobody looked on the way: at its first step, then, and at what would be its next.
            let course = Course::new(self, kept.seed);
            kept.checkups.extend(self.look_from(self.task(kept.seed).start, &course));
            let (parameters, moments) = (kept.parameters.clone(), kept.moments.clone());
            let state = State { step: kept.step, parameters, moments };
            kept.checkups.extend(self.look_from(state, &kept.course));
        }
        let Some(kept) = tally.kept else {
            // A stop came while all that ran before it diverged.
            let step = tally.last_diverged;
            return Err(Error::diverged("every start", step));
        };
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

    /// All starts, together or in turn.
    async fn run_starts(
        &self,
        place: &Place,
        from: Option<Resume>,
        tally: &mut Tally,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        match place {
            Place::Resident(gpu, owner) if self.runs_together(&from, control.snapshots) => {
                let mut run = self.run_together(gpu, *owner, tally, control).await;
                if matches!(run, Err(Error::Gpu(GpuError::Lost { .. }))) {
                    // Once more, from the start: it is soon there again.
                    *tally = Tally::default();
                    let reopened = place.reopened().await?;
                    (control.watch)(Event::Reopened(0))?;
                    if let Some(gpu) = reopened.gpu() {
                        run = self.run_together(gpu, *owner, tally, control).await;
                    }
                }
                match run {
                    // Which of them diverged where is seen only at report boundaries.
                    Err(Error::Diverged { .. }) if self.restarts == 1 => {
                        *tally = Tally::default();
                        self.run_in_turn(place, None, tally, control).await?;
                    }
                    run => run?,
                }
            }
            _ => self.run_in_turn(place, from, tally, control).await?,
        }
        Ok(())
    }

    /// Whether all starts go through the same dispatches to the end: nothing is decided on the way, and of
    /// a single one nobody keeps what it was at report boundaries.
    fn runs_together(&self, from: &Option<Resume>, snapshots: bool) -> bool {
        !self.decides() && from.is_none() && !(snapshots && self.restarts == 1)
    }

    async fn run_in_turn(
        &self,
        place: &Place,
        mut from: Option<Resume>,
        tally: &mut Tally,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        // Of many starts the one that is kept is told of, once that is known.
        let snapshots = control.snapshots;
        control.snapshots &= self.restarts == 1;
        while tally.restarts < self.restarts && tally.solved == 0 {
            if tally.restarts > 0 && control.stops().is_some() {
                break;
            }
            let seed = self.seed + u64::from(tally.restarts);
            let run = self.run_once(place, seed, from.take(), tally, control).await;
            tally.add(run, self.restarts)?;
        }
        if snapshots
            && self.restarts > 1
            && let Some(kept) = &tally.kept
        {
            control.tell_end(kept)?;
        }
        Ok(())
    }

    /// What the network of an engine does on other rows.
    pub(super) async fn look(&self, engine: &Engine, data: &Dataset) -> Result<Evaluation, Error> {
        let forward = engine.forward(data.inputs()).await?;
        self.evaluate(data, &forward, engine.steps_done())
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
            evaluation = evaluation.of_numbers();
        }
        let outputs = forward.outputs.iter().chain(&forward.pre_activations);
        if outputs.copied().all(is_finite) && evaluation.loss.is_finite() {
            Ok(evaluation)
        } else {
            Err(Error::diverged("an output", step))
        }
    }

    /// Whether a network is still one, by the bits of its parameters: a diverged network can show
    /// a finite loss.
    pub(super) fn check_parameters(&self, parameters: &[f32], steps: u32) -> Result<(), Error> {
        let Some(at) = parameters.iter().position(|value| !is_finite(*value)) else {
            return Ok(());
        };
        let layout = Layout::new(&self.network);
        let what = layout.locate(at).map_or_else(
            || "a parameter".to_owned(),
            |(tensor, _, _)| format!("layer {} ({})", tensor.layer, tensor.name),
        );
        Err(Error::diverged(what, steps))
    }
}
