//! One start in the hands of whoever trains it: as many steps as are asked for, and a look at it in between. What a
//! page does, where [`Training::run`] trains to the end. The steps are the same, bit by bit.

use super::doctor::{End, diagnose};
use super::examine::Checkups;
use super::{Evaluation, Finding, TrainerState, Training};
use crate::Error;
use crate::data::Batches;
use crate::engine::{Engine, EngineSpec, NetworkStatus, State, Task};
use crate::optimizer::ScheduleKind;

/// A start in training. Nothing ends it before the epochs of its training are over.
#[derive(Debug)]
pub struct Course {
    training: Training,
    spec: EngineSpec,
    batches: Batches,
    engine: Engine,
    trainer_state: TrainerState,
    checkups: Checkups,
    diverged: Option<u32>,
}

/// What a network does at a point of its course.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Look {
    /// On the rows of the training.
    pub evaluation: Evaluation,
    /// On those kept for validation, where there are any.
    pub validation: Option<Evaluation>,
}

impl Course {
    /// The start with the training's seed, before its first step.
    ///
    /// # Errors
    /// As [`Training::check_on`]; [`Error::Gpu`].
    pub async fn new(training: Training, spec: &EngineSpec) -> Result<Course, Error> {
        let state = training.task(training.seed).start;
        let trainer_state = TrainerState::new(&training, training.seed);
        Course::from(training, spec, state, trainer_state).await
    }

    /// The same start from where it once stood, as [`Course::state`] and [`Course::trainer_state`] told.
    ///
    /// # Errors
    /// As [`Course::new`].
    pub async fn from(
        training: Training,
        spec: &EngineSpec,
        state: State,
        trainer_state: TrainerState,
    ) -> Result<Course, Error> {
        training.check_on(spec)?;
        let checkups = Checkups::new(&training, &state.parameters);
        let seed = trainer_state.seed;
        let task = training.task_from(state, seed, trainer_state.rate);
        let engine = Engine::new(task, spec).await?;
        let batches = training.batches(seed);
        let (spec, diverged) = (spec.clone(), None);
        Ok(Course { training, spec, batches, engine, trainer_state, checkups, diverged })
    }

    /// Goes on as another training of the same network says: over other rows, or at another rate.
    ///
    /// # Errors
    /// As [`Course::new`]; it then stands as before.
    pub async fn change(&mut self, training: Training) -> Result<(), Error> {
        let state = self.state().await?;
        let per_epoch = training.batches(training.seed).steps_per_epoch() as u32;
        let mut trainer_state = self.trainer_state.clone();
        // A loss over some rows and one over others are no course.
        (trainer_state.pending, trainer_state.latest) = (Vec::new(), None);
        trainer_state.epoch = state.step / per_epoch;
        *self = Course::from(training, &self.spec, state, trainer_state).await?;
        Ok(())
    }

    /// What is trained.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// Where it is trained.
    pub fn spec(&self) -> &EngineSpec {
        &self.spec
    }

    /// Steps done.
    pub fn steps_done(&self) -> u32 {
        self.engine.steps_done()
    }

    /// Steps of the whole training.
    pub fn steps(&self) -> u32 {
        self.training.epochs * self.batches.steps_per_epoch() as u32
    }

    /// How far it has come.
    pub fn trainer_state(&self) -> &TrainerState {
        &self.trainer_state
    }

    /// The step at which it was seen to have left the finite numbers, if it has: it makes none any more.
    pub fn diverged(&self) -> Option<u32> {
        self.diverged
    }

    /// Where the engine stands.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn state(&self) -> Result<State, Error> {
        Ok(self.engine.states().await?.swap_remove(0))
    }

    /// The parameters, `[len]` of the network's layout.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn parameters(&self) -> Result<Vec<f32>, Error> {
        self.engine.parameters().await
    }

    /// Makes steps, as many as are asked for and left. Returns the loss of each, `[steps]`, before its
    /// update.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn advance(&mut self, steps: u32) -> Result<Vec<f32>, Error> {
        let until = self.steps_done().saturating_add(steps).min(self.steps());
        let mut losses = Vec::new();
        while self.steps_done() < until && self.diverged.is_none() {
            losses.extend(self.stretch(until).await?);
        }
        if !losses.is_empty() && self.diverged.is_none() {
            let (training, state) = (&self.training, &self.trainer_state);
            let is_last = self.engine.steps_done() == self.steps();
            self.checkups.look(training, &self.engine, state, is_last).await?;
        }
        Ok(losses)
    }

    /// Steps up to one, or to the next report boundary before it where that may change the rate.
    async fn stretch(&mut self, until: u32) -> Result<Vec<f32>, Error> {
        let before = self.steps_done();
        let is_plateau = self.training.schedule.kind == ScheduleKind::Plateau;
        let per_epoch = self.batches.steps_per_epoch() as u32;
        let boundary = self.training.next_boundary(before / per_epoch).saturating_mul(per_epoch);
        let end = if is_plateau { until.min(boundary) } else { until };
        let losses = self.engine.run(end - before, &|| false).await?;
        let unit = self.training.data.loss_unit() as f32;
        let losses: Vec<f32> = losses.into_iter().map(|loss| unit * loss).collect();
        let steps = before..self.steps_done();
        let all = losses.iter().copied();
        let bad = self.trainer_state.note(&self.training, &self.batches, steps, 1, all);
        let is_finite = self.engine.statuses().iter().all(|it| *it != NetworkStatus::Diverged);
        self.diverged = bad.or((!is_finite).then_some(self.steps_done()));
        if is_plateau && end == boundary && self.diverged.is_none() {
            self.decide().await?;
        }
        Ok(losses)
    }

    /// A report boundary at which the rate may change.
    async fn decide(&mut self) -> Result<(), Error> {
        let loss = match &self.training.held_out.validation {
            None => self.trainer_state.latest.map(f64::from),
            Some(data) => {
                let state = self.state().await?;
                match self.training.look(&self.engine, &state, data).await {
                    Err(Error::Diverged { step, .. }) => {
                        self.diverged = Some(step);
                        None
                    }
                    look => Some(look?.loss),
                }
            }
        };
        if let Some(loss) = loss {
            let before = self.trainer_state.rate;
            self.trainer_state.decide(&self.training, loss);
            if self.trainer_state.rate != before {
                self.engine.set_rates(&[self.trainer_state.rate]);
            }
        }
        Ok(())
    }

    /// What it does now; nothing where it has left the finite numbers.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn look(&self) -> Result<Option<Look>, Error> {
        let (training, state) = (&self.training, self.state().await?);
        let mut seen = Vec::new();
        for data in [Some(&training.data), training.held_out.validation.as_ref()] {
            let Some(data) = data else { continue };
            match training.look(&self.engine, &state, data).await {
                Err(Error::Diverged { .. }) => return Ok(None),
                look => seen.push(look?),
            }
        }
        let mut seen = seen.into_iter();
        Ok(seen.next().map(|evaluation| Look { evaluation, validation: seen.next() }))
    }

    /// What the doctor finds, were this the end.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn findings(&mut self) -> Result<Vec<Finding>, Error> {
        let state = self.state().await?;
        let look = self.look().await?;
        let (training, trainer_state) = (&self.training, &self.trainer_state);
        let seen = self.checkups.seen();
        let (Some(look), None) = (look, self.diverged) else {
            let step = self.diverged.unwrap_or(state.step);
            return Ok(self.checkups.autopsy(training, &state.parameters, trainer_state, step));
        };
        let history = &trainer_state.history;
        let stands = (trainer_state.epoch, &look.evaluation, &state.parameters[..]);
        let end = End::at(training, stands, history, seen);
        Ok(diagnose(training, history, seen, &end))
    }

    /// What an engine needs to go on from here.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn task(&self) -> Result<Task, Error> {
        let TrainerState { seed, rate, .. } = self.trainer_state;
        Ok(self.training.task_from(self.state().await?, seed, rate))
    }
}
