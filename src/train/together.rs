//! Many starts on the resident engine, all in the same dispatches.

use std::sync::Arc;

use web_time::Instant;

use super::outcome::{Record, Tally, is_finite};
use super::run::Control;
use super::{Course, Ended, Event, HeldOut, Progress, Run, Training, ValidationPoint};
use crate::Error;
use crate::data::{Batches, Dataset};
use crate::engine::{Member, Owner, Population, ResidentEngine, Start, State, forward};
use crate::gpu::Gpu;

/// Epochs up to `until`, of which every `every`-th is a point of the history, none where it is 0.
struct Stretch {
    until: u32,
    every: u32,
}

impl Training {
    /// Every start in the same dispatches. Losses are read only of the epochs that are points of
    /// the history.
    pub(super) async fn run_together(
        &self,
        gpu: &Arc<Gpu>,
        owner: Option<Owner>,
        tally: &mut Tally,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        let networks = self.restarts as usize;
        let started = Instant::now();
        let batches = self.batches(self.seed);
        let member = |seed| Member::new(&self.optimizer, self.learning_rate, seed);
        let members: Vec<Member> = (0..self.restarts).map(member).collect();
        let population = Population {
            network: &self.network,
            optimizer: self.optimizer,
            schedule: self.rate_schedule(),
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
        let mut stopped = None;
        'all: for Stretch { until, every } in self.stretches() {
            let end = until * batches.steps_per_epoch() as u32;
            let mut point = engine.steps_done() / batches.steps_per_epoch() as u32;
            let mut losses = Vec::new();
            while engine.steps_done() < end {
                let mut until = boundary(engine.steps_done()).min(end);
                if stopped.is_some() {
                    until = until.min(engine.steps_done().next_multiple_of(per_epoch));
                }
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
                        let progress = Progress { restart, seed, epoch, loss, validation };
                        (control.watch)(Event::Progress(progress))?;
                    }
                }
                losses = rest;
                let all_diverged = records.iter().all(|record| record.diverged.is_some());
                // An epoch that was begun is ended: the losses of its steps are kept nowhere.
                let is_whole = engine.steps_done().is_multiple_of(per_epoch);
                stopped = stopped.or_else(|| control.stops());
                if all_diverged || stopped.is_some() && is_whole {
                    break 'all;
                }
            }
        }
        let epochs = engine.steps_done() / batches.steps_per_epoch() as u32;
        let ended = stopped.filter(|_| epochs < self.epochs).unwrap_or(Ended::Epochs);
        let states = engine.states().await?;
        tally.train_seconds += started.elapsed().as_secs_f64();
        // Not as a range from the first: behind the last seed there may be no other.
        let seeds = (0..u64::from(self.restarts)).map(|restart| self.seed + restart);
        for ((seed, record), state) in seeds.zip(records).zip(states) {
            let run = self.judge(seed, epochs, record, state, ended);
            tally.add(run, self.restarts)?;
        }
        match &tally.kept {
            Some(kept) if control.snapshots => control.tell_end(kept),
            _ => Ok(()),
        }
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
        state: State,
        ended: Ended,
    ) -> Result<Run, Error> {
        let steps = state.step;
        if let Some(step) = record.diverged {
            return Err(Error::diverged("the loss", step));
        }
        self.check_parameters(&state.parameters, steps)?;
        let forward = forward(&self.network, &state.parameters, self.data.inputs());
        let evaluation = self.evaluate(&self.data, &forward, steps)?;
        let look = |data: &Arc<Dataset>| {
            let forward = crate::engine::forward(&self.network, &state.parameters, data.inputs());
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
        let course = Course {
            epoch: epochs,
            latest: history.last().map(|point| point.1),
            history: history.clone(),
            validation_history: validation_history.clone(),
            ..Course::new(self, seed)
        };
        Ok(Run {
            seed,
            ended,
            checkups: Vec::new(),
            course,
            epochs,
            history,
            parameters: state.parameters,
            moments: state.moments,
            step: state.step,
            evaluation,
            validation,
            validation_history,
            test,
        })
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
