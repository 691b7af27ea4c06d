//! One start of a training, up to report boundaries.

use web_time::Instant;

use super::outcome::Tally;
use super::run::Control;
use super::{
    Checkup, Course, Ended, Evaluation, Event, Halving, OnDivergence, Progress, Resume, Run,
    Snapshot, Training, ValidationPoint,
};
use crate::Error;
use crate::engine::{Engine, Place, State, Task};
use crate::gpu::GpuError;

/// Halvings after which a training is given up: the rate is then a millionth of what it was.
const MOST_HALVINGS: usize = 20;

/// A start in training.
struct Start<'a> {
    training: &'a Training,
    place: Place,
    /// Whether its device was lost and opened again.
    reopened: bool,
    engine: Engine,
    course: Course,
    /// The parameters at the end of the last stretch.
    parameters: Vec<f32>,
    /// Where it stood at the last report boundary, where anybody may want to go back there.
    good: Option<Resume>,
    /// Where its loss was lowest, until a checkpoint tells of it.
    best: Option<Resume>,
    /// What the doctor saw, and the step from which on it looks again.
    checkups: Vec<Checkup>,
    next_look: u32,
}

impl Training {
    /// A start of a seed, from its beginning or from where it stood.
    pub(super) async fn run_once(
        &self,
        place: &Place,
        seed: u64,
        from: Option<Resume>,
        tally: &mut Tally,
        control: &mut Control<'_>,
    ) -> Result<Run, Error> {
        let started = Instant::now();
        let is_resumed = from.is_some();
        let Resume { state, course } = from.unwrap_or_else(|| Resume {
            state: self.task(seed).start,
            course: Course::new(self, seed),
        });
        let halves = self.on_divergence == OnDivergence::HalveLr;
        let goes_back = control.snapshots || halves || is_resumed;
        let good = goes_back.then(|| Resume { state: state.clone(), course: course.clone() });
        let engine = Engine::new(self.task_from(state, &course), place).await?;
        tally.setup_seconds += started.elapsed().as_secs_f64();
        let parameters = Vec::new();
        let mut start = Start {
            training: self,
            place: place.clone(),
            reopened: false,
            engine,
            course,
            parameters,
            good,
            best: None,
            checkups: Vec::new(),
            next_look: 0,
        };
        let started = Instant::now();
        let run = start.run(tally.restarts, control).await;
        tally.train_seconds += started.elapsed().as_secs_f64();
        run
    }

    /// What an engine needs to go on.
    pub(super) fn task_from(&self, state: State, course: &Course) -> Task {
        Task { start: state, learning_rate: course.rate, ..self.task_without_start(course.seed) }
    }

    /// The epoch up to which the next stretch goes: a report boundary, a checkpoint, or the last.
    fn next_stop(&self, epoch: u32) -> u32 {
        let next = |every: u32| (epoch / every).saturating_add(1).saturating_mul(every);
        let checkpoint = self.checkpoint_every.map_or(u32::MAX, next);
        next(self.report_every()).min(checkpoint).min(self.epochs)
    }
}

impl Start<'_> {
    async fn run(&mut self, restart: u32, control: &mut Control<'_>) -> Result<Run, Error> {
        let (mut validation, mut ended) = (None, Ended::Epochs);
        while ended == Ended::Epochs && self.course.epoch < self.training.epochs {
            match self.stretch(restart, control, &mut validation).await {
                Ok(end) => ended = end.unwrap_or(ended),
                Err(error) => self.recover(error, control).await?,
            }
        }
        if control.snapshots {
            self.tell(control).await?;
        }
        self.finish(validation, ended).await
    }

    /// Up to the next report boundary or checkpoint; why the training ends there, if it does.
    async fn stretch(
        &mut self,
        restart: u32,
        control: &mut Control<'_>,
        validation: &mut Option<Evaluation>,
    ) -> Result<Option<Ended>, Error> {
        let training = self.training;
        let batches = training.batches(self.course.seed);
        let per_epoch = batches.steps_per_epoch() as u32;
        let mut ended = None;
        let until = training.next_stop(self.course.epoch);
        let steps = until * per_epoch - self.engine.steps_done();
        let losses = self.engine.run(steps, &|| control.stops().is_some()).await?;
        // The old copy goes before the new one comes.
        drop(std::mem::take(&mut self.parameters));
        self.parameters = self.engine.parameters().await?;
        let points = self.course.history.len();
        let bad_loss = self.course.note(training, &batches, &losses);
        let step = self.engine.steps_done();
        let sound = training.check_parameters(&self.parameters, bad_loss.unwrap_or(step));
        let sound = sound.and_then(|()| match bad_loss {
            Some(step) => Err(Error::diverged("the loss", step)),
            None => Ok(()),
        });
        if let Err(error) = sound {
            self.go_back(error, control).await?;
            return Ok(None);
        }
        let is_stopped = (losses.len() as u32) < steps;
        let is_report = until.is_multiple_of(training.report_every()) || until == training.epochs;
        let mut seen = None;
        if (is_report || is_stopped)
            && let Some(data) = &training.held_out.validation
        {
            let evaluation = training.look(&self.engine, data).await?;
            seen = Some(ValidationPoint::new(self.course.epoch, &evaluation, data));
            *validation = Some(evaluation);
        }
        if is_report && !is_stopped {
            ended = self.report(seen, control).await?;
        }
        if let Some(&(epoch, loss)) = self.course.history[points..].last() {
            let seed = self.course.seed;
            let progress = Progress { restart, seed, epoch, loss, validation: seen };
            (control.watch)(Event::Progress(progress))?;
        }
        if ended.is_none() && self.course.epoch < training.epochs {
            ended = control.stops();
        }
        let is_due = training.checkpoint_every.is_some_and(|every| until.is_multiple_of(every));
        if ended.is_none() && is_due && control.snapshots && until < training.epochs {
            self.tell(control).await?;
        }
        Ok(ended)
    }

    /// A device that was lost is opened again, once: from the last report boundary that is kept, or from
    /// the start, the same steps give the same bits.
    async fn recover(&mut self, error: Error, control: &mut Control<'_>) -> Result<(), Error> {
        if self.reopened || !matches!(error, Error::Gpu(GpuError::Lost { .. })) {
            return Err(error);
        }
        self.reopened = true;
        self.place = self.place.reopened().await?;
        let seed = self.course.seed;
        let back = self.good.clone().unwrap_or_else(|| Resume {
            state: self.training.task(seed).start,
            course: Course::new(self.training, seed),
        });
        self.course = back.course;
        let task = self.training.task_from(back.state, &self.course);
        self.engine = Engine::new(task, &self.place).await?;
        (control.watch)(Event::Reopened(self.course.epoch))
    }

    /// A report boundary: what is decided there, and what is kept of it.
    async fn report(
        &mut self,
        seen: Option<ValidationPoint>,
        control: &Control<'_>,
    ) -> Result<Option<Ended>, Error> {
        self.course.validation_history.extend(seen);
        let loss = self.course.watched(seen.map(|seen| seen.loss));
        let rate = self.course.rate;
        let (ended, is_best) = self.course.decide(self.training, loss);
        if self.course.rate != rate {
            self.engine.set_learning_rate(self.course.rate);
        }
        let step = self.engine.steps_done();
        let is_last = ended.is_some() || self.course.epoch == self.training.epochs;
        if self.training.doctor && (step >= self.next_look || is_last) {
            let look = self.training.look_at(&self.engine, &self.course, &self.parameters);
            self.checkups.extend(look.await?);
            self.next_look = step.saturating_add(self.training.look_every());
        }
        if self.good.is_some() {
            let (state, course) = (self.engine.state().await?, self.course.clone());
            let good = Resume { state, course };
            if is_best && control.snapshots {
                self.best = Some(good.clone());
            }
            self.good = Some(good);
        }
        Ok(ended)
    }

    /// A divergence: back to the last report boundary and on at half the rate where that is asked for;
    /// else the end, after a word about where it last was sound.
    async fn go_back(&mut self, error: Error, control: &mut Control<'_>) -> Result<(), Error> {
        let Error::Diverged { step, .. } = error else { return Err(error) };
        let Some(good) = &self.good else {
            return self.give_up(error, step, control);
        };
        let halves = self.training.on_divergence == OnDivergence::HalveLr
            && good.course.halvings.len() < MOST_HALVINGS;
        if !halves {
            if control.snapshots {
                let best = self.best.take();
                let best = best.as_ref().map(Resume::snapshot);
                (control.watch)(Event::Checkpoint(good.snapshot(), best))?;
            }
            let error = self.with_halvings(error);
            return self.give_up(error, step, control);
        }
        let mut back = good.clone();
        let rate = self.course.rate.min(back.course.rate) / 2.0;
        let halving = Halving { epoch: back.course.epoch, step, rate };
        back.course.rate = rate;
        back.course.halvings.push(halving);
        self.course = back.course.clone();
        let task = self.training.task_from(back.state.clone(), &back.course);
        self.engine = Engine::new(task, &self.place).await?;
        self.good = Some(back);
        (control.watch)(Event::Halved(halving))
    }

    /// An error with how often the rate was halved in vain.
    fn with_halvings(&self, error: Error) -> Error {
        let count = self.course.halvings.len();
        match error {
            Error::Diverged { what, step, .. } if count > 0 => {
                let kept =
                    format!("; {count} halvings did not help, the last to {}", self.course.rate);
                Error::Diverged { what, step, kept }
            }
            error => error,
        }
    }

    /// The end of a start that diverged, after what the doctor has to say of the only one there is.
    fn give_up(&self, error: Error, step: u32, control: &mut Control<'_>) -> Result<(), Error> {
        if self.training.doctor && self.training.restarts == 1 {
            let (course, checkups) = (&self.course, &self.checkups);
            let findings = self.training.autopsy(&self.parameters, course, checkups, step);
            (control.watch)(Event::Findings(&findings))?;
        }
        Err(error)
    }

    /// Tells of a checkpoint. Where a divergence goes back to the last report boundary, it is that: from
    /// any later step a resumed run would go back elsewhere.
    async fn tell(&mut self, control: &mut Control<'_>) -> Result<(), Error> {
        if self.training.on_divergence == OnDivergence::HalveLr
            && let Some(good) = &self.good
        {
            let best = self.best.as_ref().map(Resume::snapshot);
            (control.watch)(Event::Checkpoint(good.snapshot(), best))?;
            self.best = None;
            return Ok(());
        }
        let state = self.engine.state().await?;
        let best = self.best.take();
        let now = Snapshot { state: &state, course: &self.course };
        (control.watch)(Event::Checkpoint(now, best.as_ref().map(Resume::snapshot)))
    }

    async fn finish(&mut self, validation: Option<Evaluation>, ended: Ended) -> Result<Run, Error> {
        let training = self.training;
        if self.parameters.is_empty() {
            // Nothing was left to be done.
            self.parameters = self.engine.parameters().await?;
        }
        let evaluation = training.look(&self.engine, &training.data).await?;
        let validation = match (&training.held_out.validation, validation) {
            (Some(data), None) => Some(training.look(&self.engine, data).await?),
            (_, seen) => seen,
        };
        let test = match &training.held_out.test {
            Some(data) => Some(training.look(&self.engine, data).await?),
            None => None,
        };
        let course = self.course.clone();
        let mut history = course.history.clone();
        let mut validation_history = course.validation_history.clone();
        // Where a run ends between two points, its last epoch is told of too.
        if let (Some(latest), true) =
            (course.latest, history.last().map(|p| p.0) < Some(course.epoch))
        {
            history.push((course.epoch, latest));
        }
        if let (Some(data), Some(seen)) = (&training.held_out.validation, &validation)
            && validation_history.last().map(|point| point.epoch) < Some(course.epoch)
        {
            validation_history.push(ValidationPoint::new(course.epoch, seen, data));
        }
        let State { step, moments, .. } = self.engine.state().await?;
        Ok(Run {
            step,
            moments,
            seed: course.seed,
            ended,
            checkups: std::mem::take(&mut self.checkups),
            epochs: course.epoch,
            course,
            history,
            parameters: std::mem::take(&mut self.parameters),
            evaluation,
            validation,
            validation_history,
            test,
        })
    }
}

impl Resume {
    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { state: &self.state, course: &self.course }
    }
}
