//! Networks in training, all of one shape: what is submitted, and what is read back of it.

use std::sync::Arc;

use web_time::Instant;

use super::outcome::{IN_TRAINING, check_done, status};
use super::plan::plan_on;
use super::population::{Member, Population, rules};
use super::request::{Plan, Request};
use super::rows::{self, Rows};
use crate::data::Batches;
use crate::engine::NetworkStatus;
use crate::engine::kinds::Mapping;
use crate::engine::pace::Pace;
use crate::engine::watched::{Score, Watched};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels::Trainings;
use crate::network::{Layout, Network};
use crate::optimizer::{Optimizer, RateSchedule};

/// Numbers that the ring of losses holds at most.
const RING_LEN: usize = 1 << 20;
/// Steps of any submission.
const MOST_STEPS: usize = 1 << 22;
/// Steps of a submission at most where each has a rate of its own.
const SCHEDULE_LEN: usize = 1 << 16;
/// Columns that are not worth moving together.
const FEW_COLUMNS: usize = 64;
/// Multiply-adds of the first submission, over all rows, networks and steps: little for any device.
const FIRST_WORK: usize = 1 << 21;
/// Networks in training, all of one shape, over the same rows.
#[derive(Debug)]
pub struct ResidentEngine {
    pub(super) gpu: Arc<Gpu>,
    pub(super) network: Network,
    pub(super) layout: Layout,
    pub(super) optimizer: Optimizer,
    schedule: RateSchedule,
    /// Whether steps have rates of their own.
    scheduled: bool,
    batches: Batches,
    pub(super) members: Vec<Member>,
    stops_when_solved: bool,
    plan: Plan,
    pub(super) buffers: Buffers,
    /// Which member each column of the buffers is: all, until some stop and are dropped.
    pub(super) columns: Vec<u32>,
    pub(super) statuses: Vec<NetworkStatus>,
    /// Of the columns that there are; its params are set for each submission.
    dispatch: Option<Dispatch>,
    /// Rows that they look at when they are asked to.
    pub(super) watched: Option<Watched>,
    /// Copies of where they stood, one for each [`Slot`](super::Slot).
    pub(super) kept: [Option<Kept>; 2],
    ring_len: u32,
    pub(super) step: u32,
    pace: Pace,
}

#[derive(Debug)]
pub(super) struct Buffers {
    data: Buffer,
    rules: Buffer,
    seeds: Buffer,
    schedule: Buffer,
    pub(super) parameters: Buffer,
    losses: Buffer,
    pub(super) done: Buffer,
    pub(super) outcome: Buffer,
}

/// A copy of where all networks stood.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) step: u32,
    /// Parameters and moments, as the engine's own.
    pub(super) buffer: Buffer,
}

/// What one submission gave.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Advance {
    /// Steps that were made.
    pub steps: u32,
    /// The losses of those of them that were kept, `[steps][columns]`: of so many epochs, those of the
    /// last; none where it is 0. One more is that of the last step, where a stop came before its turn.
    pub losses: Vec<f32>,
    /// How many epochs that is.
    pub every: u32,
    /// Which network each column is; all of them in order, where they do not stop when solved.
    pub columns: Vec<u32>,
    /// What each network does on the rows it watches, where it was to look after the last step and did.
    pub scores: Option<Vec<Score>>,
}

impl ResidentEngine {
    /// Networks whose parameters are all zero, to be set or drawn next.
    ///
    /// # Errors
    /// [`GpuError::NotResident`] where the network fits no mapping, [`GpuError::Limit`] where the
    /// networks do not fit the device.
    pub async fn new(
        population: &Population<'_>,
        gpu: Arc<Gpu>,
    ) -> Result<ResidentEngine, GpuError> {
        let Population { network, optimizer, schedule, data, batches, members, .. } = *population;
        let Population { stops_when_solved, mapping, .. } = *population;
        let networks = members.len();
        let request = Request {
            network,
            optimizer,
            schedule,
            batches: &batches,
            networks,
            stops_when_solved,
            is_weighted: data.is_weighted(),
            mapping,
        };
        let scheduled = request.is_scheduled();
        let plan = plan_on(request, &gpu)?;
        let ring_len = (RING_LEN / networks).max(1);
        let states = 1 + optimizer.moments();
        let keeps_losses = !stops_when_solved || schedule.is_plateau();
        let rows = Rows::data(data);
        let seeds: Vec<u32> = members.iter().map(|member| member.seed).collect();
        let buffers = Buffers {
            data: match rows::is_uniform(plan.kernel.bindings) {
                true => gpu.uniform_of("data", &rows).await?,
                false => gpu.buffer_of("data", &rows).await?,
            },
            rules: gpu.buffer_of("rules", &rules(members.iter().copied())).await?,
            seeds: gpu.buffer_of("seeds", &seeds).await?,
            schedule: gpu.buffer("schedule", 4 * if scheduled { SCHEDULE_LEN } else { 1 }).await?,
            parameters: gpu
                .buffer("parameters", states * Layout::new(network).count() * networks)
                .await?,
            losses: gpu
                .buffer("losses", if keeps_losses { ring_len * networks } else { 1 })
                .await?,
            done: gpu.buffer("steps done", networks).await?,
            outcome: gpu.buffer_of("outcomes", &vec![IN_TRAINING; networks]).await?,
        };
        let step_work = network.parameter_count() * batches.batch();
        let first_steps = FIRST_WORK / step_work.saturating_mul(networks).max(1);
        let mut engine = ResidentEngine {
            network: network.clone(),
            layout: Layout::new(network),
            optimizer,
            schedule,
            scheduled,
            batches,
            members: members.to_vec(),
            stops_when_solved,
            plan,
            buffers,
            columns: (0..networks as u32).collect(),
            statuses: vec![NetworkStatus::Unsolved; networks],
            dispatch: None,
            watched: None,
            kept: [None, None],
            ring_len: ring_len as u32,
            step: 0,
            pace: Pace::new(first_steps.max(1), MOST_STEPS),
            gpu,
        };
        // Compiled and bound now, so that training need not.
        engine.dispatch(0, 0, 0).await?;
        Ok(engine)
    }

    /// What all networks here are.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// How networks are mapped.
    pub fn mapping(&self) -> Mapping {
        self.plan.mapping
    }

    /// Steps done since the start, by every network that is still in training.
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// Networks here.
    pub fn networks(&self) -> usize {
        self.members.len()
    }

    /// What became of each network so far: whether it is finite, and, where it stops when solved, solved.
    pub fn statuses(&self) -> &[NetworkStatus] {
        &self.statuses
    }

    /// Whether every network has stopped, so that no step would do anything more.
    pub fn is_decided(&self) -> bool {
        self.columns.is_empty()
    }

    /// Makes up to `steps` steps, as many as suit one submission. Of `loss_every` epochs the last
    /// one's losses are kept, none where it is 0; networks that stop when solved keep none but under a plateau.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails or did not do what was submitted.
    pub async fn advance(&mut self, steps: u32, loss_every: u32) -> Result<Advance, GpuError> {
        self.advance_and_look(steps, loss_every, false).await
    }

    /// The same; after the last of the steps all look at the rows they watch, where that is wanted.
    ///
    /// # Errors
    /// As [`ResidentEngine::advance`].
    pub async fn advance_and_look(
        &mut self,
        steps: u32,
        loss_every: u32,
        looks: bool,
    ) -> Result<Advance, GpuError> {
        let keeps_losses = !self.stops_when_solved || self.schedule.is_plateau();
        let loss_every = if keeps_losses { loss_every } else { 0 };
        let count = steps.min(self.pace.next() as u32).min(self.ring_window(loss_every));
        let count = if self.scheduled { count.min(SCHEDULE_LEN as u32) } else { count };
        self.write_schedule(count);
        let started = Instant::now();
        let cut = self.steps_of_a_dispatch(loss_every);
        let dispatch = self.dispatch(cut, self.step + count, loss_every).await?;
        let slots = self.kept_before(self.step, loss_every)
            ..self.kept_before(self.step + count, loss_every);
        let kept = (slots.end - slots.start) as usize;
        let ring = self.ring_len as usize;
        let first = (slots.start % u64::from(self.ring_len)) as usize;
        // What goes beyond the end of the ring went on at its start.
        let (straight, wrapped) = (kept.min(ring - first), kept - kept.min(ring - first));
        let width = self.columns.len();
        let Buffers { losses, done, outcome, .. } = &self.buffers;
        let watched = self.watched.as_ref().filter(|_| looks && count == steps);
        let scores = watched.map_or((done, 0..0), Watched::range);
        let ranges = [
            (done, 0..width),
            (outcome, 0..width),
            (losses, first * width..(first + straight) * width),
            (losses, 0..wrapped * width),
            scores,
        ];
        let dispatches = std::iter::repeat_n(&dispatch, count.div_ceil(cut) as usize);
        let lists = match watched {
            None => self.gpu.run_and_read::<u32>(dispatches, &ranges).await?,
            Some(watched) => {
                self.gpu.run_and_read(watched.after(&self.gpu, dispatches), &ranges).await?
            }
        };
        let scores = watched.map(|_| Score::list(&lists[4]));
        if scores.is_none() {
            self.pace.took(count as usize, started.elapsed());
        }
        self.step += count;
        let (done, outcomes) = (&lists[0], &lists[1]);
        check_done(done, outcomes, self.step, self.stops_when_solved)?;
        let losses = lists[2..4].iter().flatten().copied().map(f32::from_bits).collect();
        let columns = self.columns.clone();
        for (&column, &outcome) in self.columns.iter().zip(outcomes) {
            self.statuses[column as usize] = status(outcome);
        }
        if self.stops_when_solved {
            self.drop_decided(outcomes).await?;
        }
        Ok(Advance { steps: count, losses, every: loss_every, columns, scores })
    }

    /// Does `steps` steps, or fewer where `stop` says so between submissions; returns every loss,
    /// `[steps][networks]`.
    ///
    /// # Errors
    /// As [`ResidentEngine::advance`].
    pub async fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) -> Result<Vec<f32>, GpuError> {
        let (mut losses, mut made) = (Vec::new(), 0);
        while made < steps && !(made > 0 && stop()) {
            let advance = self.advance(steps - made, 1).await?;
            losses.extend(advance.losses);
            made += advance.steps;
        }
        Ok(losses)
    }

    /// Steps before `step` whose losses are kept.
    fn kept_before(&self, step: u32, loss_every: u32) -> u64 {
        if loss_every == 0 {
            return 0;
        }
        let per_epoch = self.batches.steps_per_epoch() as u32;
        let (epoch, place) = (step / per_epoch, step % per_epoch);
        let within = if (epoch + 1).is_multiple_of(loss_every) { place } else { 0 };
        u64::from(epoch / loss_every) * u64::from(per_epoch) + u64::from(within)
    }

    /// Steps of which no more are kept than the ring holds, wherever they begin.
    fn ring_window(&self, loss_every: u32) -> u32 {
        let per_epoch = self.batches.steps_per_epoch() as u32;
        let periods = (self.ring_len / per_epoch).saturating_sub(1);
        let whole = periods.saturating_mul(per_epoch).saturating_mul(loss_every.max(1));
        if loss_every == 0 { u32::MAX } else { self.ring_len.max(whole) }
    }

    /// Loop iterations of a step on average; where an epoch is one step, only every `loss_every`-th
    /// looks at its losses.
    fn step_iterations(&self, loss_every: u32) -> usize {
        let Plan { step_iterations, loss_iterations, .. } = self.plan;
        let losses = match (loss_every, self.batches.is_full()) {
            (0, _) => 0,
            (every, true) => loss_iterations.div_ceil(every as usize),
            (_, false) => loss_iterations,
        };
        step_iterations + losses
    }

    fn steps_of_a_dispatch(&self, loss_every: u32) -> u32 {
        let iterations = self.gpu.max_iterations() as usize - self.plan.dispatch_iterations;
        (iterations / self.step_iterations(loss_every)).clamp(1, MOST_STEPS) as u32
    }

    /// A dispatch of `steps` steps, which the device makes in full, but none beyond `until`.
    async fn dispatch(
        &mut self,
        steps: u32,
        until: u32,
        loss_every: u32,
    ) -> Result<Dispatch, GpuError> {
        let iterations =
            self.plan.dispatch_iterations + steps as usize * self.step_iterations(loss_every);
        let launch = self
            .plan
            .launch(&Trainings {
                network: &self.network,
                optimizer: &self.optimizer,
                batches: &self.batches,
                networks: self.columns.len(),
                steps,
                until,
                schedule_first: self.step,
                ring_len: self.ring_len,
                loss_every,
            })
            .with_iterations(iterations);
        if let Some(made) = &self.dispatch {
            made.set_params(&self.gpu, &launch)?;
            return Ok(made.clone());
        }
        let Buffers { data, rules, seeds, schedule, parameters, losses, done, outcome } =
            &self.buffers;
        let bound =
            [data, rules, seeds, schedule, parameters, losses, done, outcome].map(Slice::all);
        let made = self.gpu.dispatch(&launch, &bound).await?;
        self.dispatch = Some(made.clone());
        Ok(made)
    }

    /// Numbers that a network is, with its moments; running estimates of norms have places among these too.
    pub(super) fn numbers_of_one(&self) -> usize {
        (1 + self.optimizer.moments()) * self.layout.count()
    }

    /// The factors and corrections of the next `count` steps, where they are not the same for all.
    pub(super) fn write_schedule(&self, count: u32) {
        if !self.scheduled {
            return;
        }
        let steps = self.step..self.step + count;
        let rates: Vec<[f32; 4]> = steps
            .map(|step| {
                let (first, second) = self.optimizer.corrections(step);
                [self.schedule.factor(step), first as f32, second as f32, 0.0]
            })
            .collect();
        self.gpu.write(&self.buffers.schedule, 0, rates.as_flattened());
    }

    /// From the next step on, other largest rates: one for each network.
    pub fn set_rates(&mut self, rates: &[f32]) {
        for (member, &rate) in self.members.iter_mut().zip(rates) {
            member.rate = rate;
        }
        let members = self.columns.iter().map(|&column| self.members[column as usize]);
        self.gpu.write(&self.buffers.rules, 0, &rules(members));
    }

    /// Once half of the networks still here are decided, they are dropped: a lane whose network is done
    /// would go on doing nothing.
    pub(super) async fn drop_decided(&mut self, outcomes: &[u32]) -> Result<(), GpuError> {
        let kept: Vec<usize> =
            (0..outcomes.len()).filter(|&column| outcomes[column] == IN_TRAINING).collect();
        if kept.is_empty() || 2 * kept.len() <= outcomes.len() && outcomes.len() > FEW_COLUMNS {
            self.keep_columns(&kept).await?;
        }
        Ok(())
    }

    /// Drops every column but these.
    async fn keep_columns(&mut self, kept: &[usize]) -> Result<(), GpuError> {
        let width = self.columns.len();
        let count = self.numbers_of_one();
        let parameters = &self.buffers.parameters;
        let flat = self.gpu.read::<f32>(&[(parameters, 0..count * width)]).await?.remove(0);
        let packed: Vec<f32> = flat
            .chunks_exact(width)
            .flat_map(|row| kept.iter().map(|&column| row[column]))
            .collect();
        self.columns = kept.iter().map(|&column| self.columns[column]).collect();
        let members = || self.columns.iter().map(|&column| self.members[column as usize]);
        self.gpu.write(parameters, 0, &packed);
        self.gpu.write(&self.buffers.rules, 0, &rules(members()));
        let seeds: Vec<u32> = members().map(|member| member.seed).collect();
        self.gpu.write(&self.buffers.seeds, 0, &seeds);
        self.gpu.write(&self.buffers.done, 0, &vec![self.step; kept.len()]);
        self.gpu.write(&self.buffers.outcome, 0, &vec![IN_TRAINING; kept.len()]);
        self.dispatch = None;
        Ok(())
    }
}
