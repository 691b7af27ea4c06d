//! Running a training: up to report boundaries, one start after the other or all at once.

use std::sync::Arc;

use web_time::Instant;

use super::outcome::{Record, Tally, is_finite};
use super::{Evaluation, HeldOut, Outcome, Progress, Run, Training, ValidationPoint, evaluate};
use crate::Error;
use crate::data::{Batches, Dataset};
use crate::engine::{
    Engine, Forward, Member, Owner, Place, Population, ResidentEngine, Start, forward,
};
use crate::gpu::Gpu;
use crate::network::Layout;

/// Epochs up to `until`, of which every `every`-th is a point of the history, none where it is 0.
struct Stretch {
    until: u32,
    every: u32,
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
        self.check_on(place)?;
        let mut tally = Tally::default();
        match place {
            Place::Resident(gpu, owner) => {
                self.run_together(gpu, *owner, &mut tally, report, stop).await?;
            }
            _ => self.run_in_turn(place, &mut tally, report, stop).await?,
        }
        let Some(kept) = tally.kept else {
            // A stop came while all that ran before it diverged.
            let step = tally.last_diverged;
            return Err(Error::Diverged { what: "every start".to_owned(), step });
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

    async fn run_in_turn(
        &self,
        place: &Place,
        tally: &mut Tally,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        while tally.restarts < self.restarts && tally.solved == 0 {
            if tally.restarts > 0 && stop() {
                break;
            }
            let seed = self.seed + u64::from(tally.restarts);
            let started = Instant::now();
            let mut engine = Engine::new(self.task(seed), place).await?;
            tally.setup_seconds += started.elapsed().as_secs_f64();
            let started = Instant::now();
            let run = self.run_once(&mut engine, tally.restarts, seed, report, stop).await;
            tally.train_seconds += started.elapsed().as_secs_f64();
            tally.add(run, self.restarts)?;
        }
        Ok(())
    }

    /// Every start in the same dispatches. Losses are read only of the epochs that are points of
    /// the history.
    async fn run_together(
        &self,
        gpu: &Arc<Gpu>,
        owner: Option<Owner>,
        tally: &mut Tally,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let networks = self.restarts as usize;
        let started = Instant::now();
        let batches = self.batches(self.seed);
        let member = |seed| Member { rate: self.learning_rate, seed };
        let members: Vec<Member> = (0..self.restarts).map(member).collect();
        let population = Population {
            network: &self.network,
            data: &self.data,
            batches,
            members: &members,
            judged: false,
            owner,
        };
        let mut engine = ResidentEngine::new(&population, Arc::clone(gpu)).await?;
        let (init, scale, seed) = (self.init, self.init_scale, self.seed);
        engine.draw(&[Start { networks: 0..networks, init, scale, seed }]).await?;
        tally.setup_seconds += started.elapsed().as_secs_f64();

        let started = Instant::now();
        let mut records = vec![Record::default(); networks];
        // Of one start the rows for validation are looked at on the way, of many at the end.
        let watched = self.held_out.validation.as_ref().filter(|_| networks == 1);
        let (per_epoch, last) = (batches.steps_per_epoch() as u32, self.epochs);
        let boundary = |steps: u32| match watched {
            Some(_) => {
                let every = self.report_every();
                let next = (steps / per_epoch / every).saturating_add(1).saturating_mul(every);
                next.min(last) * per_epoch
            }
            None => u32::MAX,
        };
        'all: for Stretch { until, every } in self.stretches() {
            let end = until * batches.steps_per_epoch() as u32;
            let mut point = engine.steps_done() / batches.steps_per_epoch() as u32;
            let mut losses = Vec::new();
            while engine.steps_done() < end {
                let until = boundary(engine.steps_done()).min(end);
                losses.extend(engine.advance(until - engine.steps_done(), every).await?.losses);
                let steps = engine.steps_done();
                let mut seen = None;
                if let Some(data) = watched.filter(|_| steps == boundary(steps - 1)) {
                    let parameters = engine.parameters().await?.remove(0);
                    let forward = forward(&self.network, &parameters, data.inputs());
                    let evaluation = self.evaluate(data, &forward, steps);
                    // What left the finite numbers is told of below.
                    seen =
                        evaluation.ok().map(|e| ValidationPoint::new(steps / per_epoch, &e, data));
                    records[0].validation.extend(seen);
                }
                let epochs = losses.chunks_exact(batches.steps_per_epoch() * networks);
                let rest = epochs.remainder().to_vec();
                for epoch in epochs {
                    point = (point / every + 1) * every;
                    let best = note_all(&mut records, &batches, point, epoch);
                    if is_finite(best) {
                        let validation = seen.filter(|seen| seen.epoch == point);
                        let (restart, seed, epoch, loss) = (0, self.seed, point, best);
                        report(Progress { restart, seed, epoch, loss, validation });
                    }
                }
                losses = rest;
                let all_diverged = records.iter().all(|record| record.diverged.is_some());
                if all_diverged || stop() {
                    break 'all;
                }
            }
        }
        let epochs = engine.steps_done() / batches.steps_per_epoch() as u32;
        let parameters = engine.parameters().await?;
        tally.train_seconds += started.elapsed().as_secs_f64();
        // Not as a range from the first: behind the last seed there may be no other.
        let seeds = (0..u64::from(self.restarts)).map(|restart| self.seed + restart);
        for ((seed, record), parameters) in seeds.zip(records).zip(parameters) {
            let run = self.judge(seed, epochs, record, parameters, engine.steps_done());
            tally.add(run, self.restarts)?;
        }
        Ok(())
    }

    /// The whole training as stretches in each of which the points of the history are evenly far
    /// apart: the first epoch, those that the history is made of, what is left, and the last.
    fn stretches(&self) -> impl Iterator<Item = Stretch> + use<> {
        let (all, every) = (self.epochs, self.history_every());
        let even = all / every * every;
        let stretches = [(1, 1), (even, every), (all - 1, 0), (all, 1)];
        let mut done = 0;
        stretches.into_iter().filter_map(move |(until, every)| {
            let is_next = until > done;
            done = done.max(until);
            is_next.then_some(Stretch { until, every })
        })
    }

    /// One of many runs, from its losses and its last parameters.
    fn judge(
        &self,
        seed: u64,
        epochs: u32,
        record: Record,
        parameters: Vec<f32>,
        steps: u32,
    ) -> Result<Run, Error> {
        if let Some(step) = record.diverged {
            return Err(Error::Diverged { what: "the loss".to_owned(), step });
        }
        self.check_parameters(&parameters, steps)?;
        let forward = forward(&self.network, &parameters, self.data.inputs());
        let evaluation = self.evaluate(&self.data, &forward, steps)?;
        let look = |data: &Arc<Dataset>| {
            let forward = crate::engine::forward(&self.network, &parameters, data.inputs());
            self.evaluate(data, &forward, steps)
        };
        let HeldOut { validation, test } = &self.held_out;
        let test = test.as_ref().map(look).transpose()?;
        let validation_data = validation.as_ref();
        let validation = validation_data.map(look).transpose()?;
        let mut validation_history = record.validation;
        if let (Some(data), Some(seen)) = (validation_data, &validation)
            && validation_history.last().is_none_or(|last| last.epoch < epochs)
        {
            validation_history.push(ValidationPoint::new(epochs, seen, data));
        }
        let history = record.history;
        Ok(Run {
            seed,
            epochs,
            history,
            parameters,
            evaluation,
            validation,
            validation_history,
            test,
            checkups: Vec::new(),
        })
    }

    async fn run_once(
        &self,
        engine: &mut Engine,
        restart: u32,
        seed: u64,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<Run, Error> {
        let batches = self.batches(seed);
        let per_epoch = batches.steps_per_epoch() as u32;
        let (mut epoch, mut record) = (0, Record::default());
        let mut parameters = Vec::new();
        let (mut validation, mut validation_history) = (None, Vec::new());
        while epoch < self.epochs {
            let epochs = self.report_every().min(self.epochs - epoch);
            let losses = engine.run(epochs * per_epoch, stop).await?;
            // The old copy goes before the new one comes.
            drop(std::mem::take(&mut parameters));
            parameters = engine.parameters().await?;
            let stopped = losses.len() < (epochs * per_epoch) as usize;
            let points = record.history.len();
            record.note(self, &batches, epoch, &losses, stopped);
            if let Some(step) = record.diverged {
                return Err(Error::Diverged { what: "the loss".to_owned(), step });
            }
            self.check_parameters(&parameters, engine.steps_done())?;
            epoch += losses.len() as u32 / per_epoch;
            let mut seen = None;
            if let Some(data) = &self.held_out.validation {
                let evaluation = self.look(engine, data).await?;
                seen = Some(ValidationPoint::new(epoch, &evaluation, data));
                validation_history.extend(seen);
                validation = Some(evaluation);
            }
            if let Some(&(epoch, loss)) = record.history[points..].last() {
                report(Progress { restart, seed, epoch, loss, validation: seen });
            }
            if stopped || stop() {
                break;
            }
        }
        let evaluation = self.look(engine, &self.data).await?;
        let test = match &self.held_out.test {
            Some(data) => Some(self.look(engine, data).await?),
            None => None,
        };
        Ok(Run {
            seed,
            epochs: epoch,
            history: record.history,
            parameters,
            evaluation,
            validation,
            validation_history,
            test,
            checkups: Vec::new(),
        })
    }

    /// What the network of an engine does on other rows.
    async fn look(&self, engine: &Engine, data: &Dataset) -> Result<Evaluation, Error> {
        let forward = engine.forward(data.inputs()).await?;
        self.evaluate(data, &forward, engine.steps_done())
    }

    /// What a network does at the end, if that is still anything: the last update has no loss
    /// after it that would show it.
    fn evaluate(&self, data: &Dataset, forward: &Forward, step: u32) -> Result<Evaluation, Error> {
        let mut evaluation = evaluate(&self.network, data, forward);
        if !self.data.is_classification() {
            evaluation = evaluation.of_numbers();
        }
        let outputs = forward.outputs.iter().chain(&forward.pre_activations);
        if outputs.copied().all(is_finite) && evaluation.loss.is_finite() {
            Ok(evaluation)
        } else {
            Err(Error::Diverged { what: "an output".to_owned(), step })
        }
    }

    /// Whether a network is still one, by the bits of its parameters: a diverged network can show
    /// a finite loss.
    fn check_parameters(&self, parameters: &[f32], steps: u32) -> Result<(), Error> {
        let Some(at) = parameters.iter().position(|value| !is_finite(*value)) else {
            return Ok(());
        };
        let layout = Layout::new(&self.network);
        let what = layout.locate(at).map_or("a parameter", |(tensor, _, _)| &tensor.name);
        Err(Error::Diverged { what: what.to_owned(), step: steps })
    }
}

/// Notes the losses `[steps][networks]` of one epoch in every network's record; returns the lowest.
fn note_all(records: &mut [Record], batches: &Batches, epoch: u32, losses: &[f32]) -> f32 {
    let networks = records.len();
    let mut best = f32::NAN;
    let mut own = vec![0.0; batches.steps_per_epoch()];
    for (network, record) in records.iter_mut().enumerate() {
        let steps = losses.iter().skip(network).step_by(networks);
        own.iter_mut().zip(steps).for_each(|(own, loss)| *own = *loss);
        record.note_epoch(batches, epoch, &own);
        best = record.history.last().map_or(best, |point| best.min(point.1));
    }
    best
}
