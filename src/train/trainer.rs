//! The trainer: one start, or many at once, from report boundary to report boundary. Whatever happens on
//! the way (history, validation, divergence, decisions, checkpoints, a device that is lost) happens here.

use std::cell::Cell;
use std::time::Duration;

use web_time::Instant;

use super::control::Control;
use super::examine::Checkups;
use super::group::{Candidate, Group, Seed};
use super::outcome::is_finite;
use super::{
    Ended, Event, Halving, HeldOut, OnDivergence, Progress, Resume, Run, TrainerState, Training,
    ValidationPoint,
};
use crate::Error;
use crate::engine::{EngineSpec, Slot, State};
use crate::gpu::GpuError;
use crate::network::Layout;

/// Halvings after which a training is given up: the rate is then a millionth of what it was.
const MOST_HALVINGS: usize = 20;

/// How often the steps that are made are told. The clock is read at few of them: a small network makes a step
/// in the time that takes.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// Starts in training. A single one can be decided on, gone back with and kept in checkpoints.
pub(super) struct Trainer<'a> {
    training: &'a Training,
    spec: EngineSpec,
    seeds: Vec<Seed<'a>>,
    group: Group<'a>,
    /// Whether the device was lost and opened again.
    reopened: bool,
    /// The last checkpoint, or the beginning of a resumed run: where the device is lost, it goes on from
    /// there, and from the starts where there is none.
    saved: Option<Resume>,
    /// What goes with [`Slot::Good`], where anybody may want to go back there.
    good: Option<TrainerState>,
    /// What goes with [`Slot::Best`], and whether a checkpoint has told of it.
    best: Option<(TrainerState, bool)>,
    /// The state of the lowest loss before the device was lost, or before the run was resumed.
    earlier_best: Option<State>,
    /// The last epoch whose loss was told, and how many halvings were.
    told: (u32, usize),
    /// What the doctor sees of a single start.
    checkups: Option<Checkups>,
    /// Whether rows kept for validation are right or wrong.
    has_classes: bool,
}

/// The networks of these seeds, and what the doctor is to see of them; or the one of a resumed run.
async fn group_of<'a>(
    training: &'a Training,
    seeds: &[Seed<'a>],
    from: Option<&Resume>,
    spec: &EngineSpec,
) -> Result<(Group<'a>, Option<Checkups>), Error> {
    let (mut group, checkups) = match *seeds {
        [(_, seed)] => {
            let Resume { state, trainer_state, .. } = from.cloned().unwrap_or_else(|| {
                Resume::new(training.task(seed).start, TrainerState::new(training, seed))
            });
            let checkups = training.doctor.then(|| Checkups::new(training, &state.parameters));
            (Group::resumed(training, state, trainer_state, spec).await?, checkups)
        }
        _ => (Group::new(seeds, false, spec).await?, None),
    };
    if let Some(data) = &training.held_out.validation {
        group.engine.watch(data).await?;
    }
    Ok((group, checkups))
}

impl<'a> Trainer<'a> {
    /// Starts with these seeds; or the one of a resumed run, from where it stood.
    pub async fn new(
        training: &'a Training,
        seeds: Vec<Seed<'a>>,
        from: Option<Resume>,
        snapshots: bool,
        spec: &EngineSpec,
    ) -> Result<Trainer<'a>, Error> {
        let halves = training.on_divergence == OnDivergence::HalveLr;
        let goes_back = seeds.len() == 1 && (snapshots || halves || from.is_some());
        let told = from.as_ref().map_or((0, 0), |Resume { trainer_state, .. }| {
            (trainer_state.history.last().map_or(0, |point| point.0), trainer_state.halvings.len())
        });
        let (group, checkups) = group_of(training, &seeds, from.as_ref(), spec).await?;
        let mut trainer = Trainer {
            training,
            spec: spec.clone(),
            seeds,
            group,
            reopened: false,
            earlier_best: from.as_ref().and_then(|from| from.best.clone()),
            saved: from,
            good: None,
            best: None,
            told,
            checkups,
            has_classes: training.data.is_classification()
                && training.held_out.validation.as_ref().is_some_and(|it| it.is_classification()),
        };
        if goes_back {
            trainer.keep_good().await?;
        }
        Ok(trainer)
    }

    /// Trains to the end. Returns what came of each start, in the order of seeds.
    ///
    /// # Errors
    /// [`Error::Gpu`], or [`Error::Diverged`] of a single start.
    pub async fn run(
        mut self,
        control: &mut Control<'_>,
    ) -> Result<Vec<Result<Run, Error>>, Error> {
        loop {
            match self.run_to_end(control).await {
                Ok(runs) => return Ok(runs),
                Err(error) => self.recover(error, control).await?,
            }
        }
    }

    async fn run_to_end(
        &mut self,
        control: &mut Control<'_>,
    ) -> Result<Vec<Result<Run, Error>>, Error> {
        let mut ended = None;
        while ended.is_none() && !self.group.has_made(self.training.epochs) {
            if self.group.candidates.iter().all(|one| one.diverged.is_some()) {
                break;
            }
            ended = self.stretch(control).await?;
        }
        if control.snapshots {
            self.tell_checkpoint(control).await?;
        }
        self.finish(ended.unwrap_or(Ended::Epochs)).await
    }

    /// The course of the first start: the only one, where it matters.
    fn trainer_state(&mut self) -> &mut TrainerState {
        &mut self.group.candidates[0].trainer_state
    }

    /// Up to the next report boundary or checkpoint; why the training ends there, if it does.
    async fn stretch(&mut self, control: &mut Control<'_>) -> Result<Option<Ended>, Error> {
        let training = self.training;
        let boundary = training.next_boundary(self.group.epoch());
        let until = training.next_checkpoint(self.group.epoch()).min(boundary);
        let is_whole = loop {
            let (started, asked, is_late) = (Instant::now(), Cell::new(0u32), Cell::new(false));
            let pauses = || {
                asked.set(asked.get() + 1);
                if asked.get().is_power_of_two() || asked.get().is_multiple_of(64) {
                    is_late.set(started.elapsed() >= TOLD_EVERY);
                }
                is_late.get() || control.stops().is_some()
            };
            self.group.advance(until, until == boundary, &pauses).await?;
            if self.group.has_made(until) {
                break true;
            }
            if control.stops().is_some() {
                break false;
            }
            (control.watch)(Event::Steps(self.group.engine.steps_done()))?;
        };
        self.group.note_divergence();
        let is_boundary = is_whole && until == boundary;
        if is_boundary {
            self.look().await?;
        }
        if let [Candidate { diverged: Some(_), .. }] = self.group.candidates[..] {
            self.go_back(control).await?;
            return Ok(None);
        }
        let mut ended = None;
        if is_boundary {
            ended = self.decide(control).await?;
        }
        let told = self.tell_progress(control)?;
        if let (Some((of, progress)), Some(shown)) = (told, control.shown)
            && (shown.is_due)()
        {
            let state = self.group.engine.states().await?.swap_remove(of);
            let forward = self.group.engine.forward_from(&state, shown.inputs).await?;
            (control.watch)(Event::Shown(progress, &forward))?;
        }
        if ended.is_none() && !self.group.has_made(training.epochs) {
            ended = control.stops();
        }
        let is_due = training.checkpoint_every.is_some_and(|every| until.is_multiple_of(every));
        if ended.is_none() && is_due && control.snapshots && until < training.epochs {
            self.tell_checkpoint(control).await?;
        }
        Ok(ended)
    }

    /// Notes what each network does on the rows kept for validation, where there are any: as its engine saw it,
    /// or as is seen now where that keeps no rows.
    async fn look(&mut self) -> Result<(), Error> {
        let Some(data) = &self.training.held_out.validation else { return Ok(()) };
        let (step, unit) = (self.group.engine.steps_done(), data.loss_unit());
        let losses: Vec<(f64, Option<usize>)> = match self.group.take_scores() {
            Some(scores) => scores
                .iter()
                .map(|score| {
                    let right = self.has_classes.then_some(score.right as usize);
                    (unit * f64::from(score.loss), right)
                })
                .collect(),
            None => {
                let mut seen = Vec::new();
                for state in &self.group.engine.states().await? {
                    seen.push(match self.training.look(&self.group.engine, state, data).await {
                        Err(Error::Diverged { .. }) => (f64::NAN, None),
                        look => look.map(|look| (look.loss, look.right))?,
                    });
                }
                seen
            }
        };
        for (candidate, (loss, right)) in self.group.candidates.iter_mut().zip(losses) {
            let accuracy = right.map(|right| right as f64 / data.rows() as f64);
            let epoch = candidate.trainer_state.epoch;
            candidate.seen = Some(ValidationPoint { epoch, loss, accuracy });
            if !loss.is_finite() {
                candidate.diverged = candidate.diverged.or(Some((step, Some("an output"))));
            }
        }
        Ok(())
    }

    /// A report boundary: what is decided there, and what is kept of it.
    async fn decide(&mut self, control: &Control<'_>) -> Result<Option<Ended>, Error> {
        let training = self.training;
        let (ended, is_best) = self.group.decide();
        let is_last = ended.is_some() || self.group.has_made(training.epochs);
        let trainer_state = &self.group.candidates[0].trainer_state;
        if let Some(checkups) = &mut self.checkups {
            checkups.look(training, &self.group.engine, trainer_state, is_last).await?;
        }
        if self.good.is_some() {
            self.keep_good().await?;
        }
        let keeps_best = control.snapshots || training.keeps_best();
        if is_best && keeps_best && self.group.candidates.len() == 1 {
            self.group.engine.keep(Slot::Best).await?;
            self.best = Some((self.trainer_state().clone(), false));
        }
        Ok(ended)
    }

    async fn keep_good(&mut self) -> Result<(), Error> {
        self.group.engine.keep(Slot::Good).await?;
        self.good = Some(self.trainer_state().clone());
        Ok(())
    }

    /// Tells of the last loss, where one came: of several starts that of the best so far, which is returned with
    /// its place.
    fn tell_progress(
        &mut self,
        control: &mut Control<'_>,
    ) -> Result<Option<(usize, Progress)>, Error> {
        let told = self.told.0;
        let of = |(at, candidate): (usize, &Candidate<'_>)| {
            let TrainerState { seed, ref history, .. } = candidate.trainer_state;
            let &(epoch, loss) = history.last().filter(|point| point.0 > told)?;
            let validation = candidate.seen.filter(|seen| seen.epoch == epoch);
            let is_sound = candidate.diverged.is_none();
            is_sound.then_some((at, Progress { seed, epoch, loss, validation }))
        };
        let ranked =
            |(_, one): &(usize, Progress)| one.validation.map_or(one.loss.into(), |seen| seen.loss);
        let all = self.group.candidates.iter().enumerate().filter_map(of);
        let best = all.min_by(|one, other| ranked(one).total_cmp(&ranked(other)));
        if let Some((_, progress)) = best {
            self.told.0 = progress.epoch;
            (control.watch)(Event::Progress(progress))?;
        }
        Ok(best)
    }

    /// Tells of a checkpoint. Where a divergence goes back to the last report boundary, it is that: from
    /// any later step a resumed run would go back elsewhere.
    async fn tell_checkpoint(&mut self, control: &mut Control<'_>) -> Result<(), Error> {
        let halves = self.training.on_divergence == OnDivergence::HalveLr;
        let now = match &self.good {
            Some(trainer_state) if halves => self.kept(Slot::Good, trainer_state).await?,
            _ => {
                let state = self.group.engine.states().await?.swap_remove(0);
                Resume::new(state, self.trainer_state().clone())
            }
        };
        self.save(now, control).await
    }

    /// Tells of a checkpoint, and of the lowest loss if that has changed.
    async fn save(&mut self, now: Resume, control: &mut Control<'_>) -> Result<(), Error> {
        let best = match &mut self.best {
            Some((trainer_state, told @ false)) => {
                *told = true;
                let trainer_state = trainer_state.clone();
                Some(self.kept(Slot::Best, &trainer_state).await?)
            }
            _ => None,
        };
        (control.watch)(Event::Checkpoint(now.snapshot(), best.as_ref().map(Resume::snapshot)))?;
        let best = best.map(|best| best.state);
        let best = best.or_else(|| self.saved.as_ref().and_then(|saved| saved.best.clone()));
        self.saved = Some(Resume { best, ..now });
        Ok(())
    }

    /// What a slot holds of the first start, which has come so far there.
    async fn kept(&self, slot: Slot, trainer_state: &TrainerState) -> Result<Resume, Error> {
        let state = self.group.engine.kept(slot).await?.into_iter().next().unwrap_or_default();
        Ok(Resume::new(state, trainer_state.clone()))
    }

    /// Where the loss on the rows kept for validation was lowest, where that was not at the end.
    async fn best_before(&self, end: &TrainerState) -> Result<Option<Resume>, Error> {
        let Some((epoch, _)) = end.best.filter(|best| best.0 < end.epoch) else { return Ok(None) };
        match (&self.best, &self.earlier_best) {
            (Some((trainer_state, _)), _) => Ok(Some(self.kept(Slot::Best, trainer_state).await?)),
            (None, Some(state)) => {
                let trainer_state = TrainerState { epoch, ..end.clone() };
                Ok(Some(Resume::new(state.clone(), trainer_state)))
            }
            (None, None) => Ok(None),
        }
    }

    /// The single start diverged: back to the last report boundary and on at half the rate where that is asked
    /// for; else the end, after a word about where it last was sound.
    async fn go_back(&mut self, control: &mut Control<'_>) -> Result<(), Error> {
        let state = self.group.engine.states().await?.swap_remove(0);
        let (error, step) = self.divergence(&self.group.candidates[0], &state);
        let Some(good) = self.good.clone() else {
            return self.give_up(error, step, &state, control);
        };
        let halves = self.training.on_divergence == OnDivergence::HalveLr
            && good.halvings.len() < MOST_HALVINGS;
        if !halves {
            if control.snapshots {
                let good = self.kept(Slot::Good, &good).await?;
                self.save(good, control).await?;
            }
            let error = self.with_halvings(error);
            return self.give_up(error, step, &state, control);
        }
        let rate = self.trainer_state().rate.min(good.rate) / 2.0;
        let halving = Halving { epoch: good.epoch, step, rate };
        let mut trainer_state = TrainerState { rate, ..good };
        trainer_state.halvings.push(halving);
        self.group.engine.restore(Slot::Good);
        self.group.engine.set_rates(&[rate]);
        let count = trainer_state.halvings.len();
        self.told.0 = self.told.0.min(trainer_state.epoch);
        self.good = Some(trainer_state.clone());
        let only = &mut self.group.candidates[0];
        (only.trainer_state, only.diverged) = (trainer_state, None);
        if count > self.told.1 {
            self.told.1 = count;
            (control.watch)(Event::Halved(halving))?;
        }
        Ok(())
    }

    /// How a start diverged, by name where its parameters have left the finite numbers, and at which step.
    fn divergence(&self, candidate: &Candidate<'_>, state: &State) -> (Error, u32) {
        let (step, what) = candidate.diverged.unwrap_or((state.step, None));
        let layout = Layout::new(&self.training.network);
        let mut bad = (0..).zip(&state.parameters).filter(|(_, value)| !is_finite(**value));
        // Padding, which may be none either, has no name.
        let tensor = bad.find_map(|(at, _)| layout.locate(at));
        let name = tensor.map(|(tensor, _, _)| format!("layer {} ({})", tensor.layer, tensor.name));
        let what = name.unwrap_or_else(|| what.unwrap_or("a parameter").to_owned());
        (Error::diverged(what, step), step)
    }

    /// An error with how often the rate was halved in vain.
    fn with_halvings(&mut self, error: Error) -> Error {
        let TrainerState { halvings, rate, .. } = self.trainer_state();
        match error {
            Error::Diverged { what, step, .. } if !halvings.is_empty() => {
                let count = halvings.len();
                let kept = format!("; {count} halvings did not help, the last to {rate}");
                Error::Diverged { what, step, kept }
            }
            error => error,
        }
    }

    /// The end of a start that diverged, after what the doctor has to say of the only one there is.
    fn give_up(
        &mut self,
        error: Error,
        step: u32,
        state: &State,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        if let (Some(checkups), 1) = (&self.checkups, self.training.restarts) {
            let trainer_state = &self.group.candidates[0].trainer_state;
            let findings = checkups.autopsy(self.training, &state.parameters, trainer_state, step);
            (control.watch)(Event::Findings(&findings))?;
        }
        Err(error)
    }

    /// A device that was lost is opened again, once: from the last checkpoint, or from the start, the same
    /// steps give the same bits.
    async fn recover(&mut self, error: Error, control: &mut Control<'_>) -> Result<(), Error> {
        if self.reopened || !matches!(error, Error::Gpu(GpuError::Lost { .. })) {
            return Err(error);
        }
        self.reopened = true;
        self.spec = self.spec.reopened().await?;
        let made = group_of(self.training, &self.seeds, self.saved.as_ref(), &self.spec).await?;
        self.group = made.0;
        if let Some(checkups) = &mut self.checkups {
            checkups.forget_after(self.group.engine.steps_done());
        }
        self.best = None;
        self.earlier_best = self.saved.as_ref().and_then(|saved| saved.best.clone());
        if self.good.is_some() {
            self.keep_good().await?;
        }
        (control.watch)(Event::Reopened(self.group.epoch()))
    }

    /// What came of each start.
    async fn finish(&mut self, ended: Ended) -> Result<Vec<Result<Run, Error>>, Error> {
        let states = self.group.engine.states().await?;
        let candidates = std::mem::take(&mut self.group.candidates);
        let mut runs = Vec::with_capacity(states.len());
        for (candidate, state) in candidates.into_iter().zip(states) {
            let run = match candidate.diverged {
                Some(_) => Err(self.divergence(&candidate, &state).0),
                None => self.run_of(candidate, state, ended).await,
            };
            match run {
                // Only this one's.
                Err(error @ Error::Diverged { .. }) => runs.push(Err(error)),
                run => runs.push(Ok(run?)),
            }
        }
        Ok(runs)
    }

    async fn run_of(
        &mut self,
        candidate: Candidate<'_>,
        state: State,
        ended: Ended,
    ) -> Result<Run, Error> {
        let training = self.training;
        let Candidate { trainer_state, seen, .. } = candidate;
        let HeldOut { validation: validation_data, test } = &training.held_out;
        let best = match training.keeps_best() {
            true => self.best_before(&trainer_state).await?,
            false => None,
        };
        if best.is_some() && self.best.is_some() {
            self.group.engine.restore(Slot::Best);
        }
        let engine = &self.group.engine;
        let kept = best.as_ref().map_or(&state, |best| &best.state);
        let evaluation = training.look(engine, kept, &training.data).await?;
        let mut validation = None;
        let mut validation_history = trainer_state.validation_history.clone();
        if let Some(data) = validation_data {
            let last = match seen.filter(|seen| seen.epoch == trainer_state.epoch) {
                Some(seen) => seen,
                None => {
                    let last = training.look(engine, &state, data).await?;
                    ValidationPoint::new(trainer_state.epoch, &last, data)
                }
            };
            if validation_history.last().map(|point| point.epoch) < Some(trainer_state.epoch) {
                validation_history.push(last);
            }
            let mut look = training.look(engine, kept, data).await?;
            // As it was told already.
            look.loss = match (&best, trainer_state.best) {
                (Some(_), Some((_, loss))) => loss,
                _ => last.loss,
            };
            validation = Some(look);
        }
        let test = match test {
            Some(data) => Some(training.look(engine, kept, data).await?),
            None => None,
        };
        let mut history = trainer_state.history.clone();
        // Where a run ends between two points, its last epoch is told of too.
        if let (Some(latest), true) =
            (trainer_state.latest, history.last().map(|p| p.0) < Some(trainer_state.epoch))
        {
            history.push((trainer_state.epoch, latest));
        }
        Ok(Run {
            seed: trainer_state.seed,
            ended,
            checkups: self.checkups.take().map(Checkups::into_seen).unwrap_or_default(),
            epochs: trainer_state.epoch,
            trainer_state,
            step: state.step,
            moments: state.moments,
            history,
            parameters: state.parameters,
            best,
            evaluation,
            validation,
            validation_history,
            test,
        })
    }
}
