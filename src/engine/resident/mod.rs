//! The resident engine: whole trainings inside one dispatch, one network an invocation or a
//! workgroup, as many networks at once as asked. Parameters stay on the chip for as many steps as a
//! dispatch makes.

mod forward;
mod invocation;
mod judge;
mod plan;
mod rates;
mod rows;
mod start;
mod state;
mod workgroup;

use std::sync::Arc;

use web_time::Instant;

use super::Fate;
use super::pace::Pace;
use super::watched::{Score, Watched};
use crate::data::{Batches, Dataset};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels::{self, Trainings};
use crate::network::{Layout, Network};
use crate::optimizer::{Optimizer, RateSchedule};
use judge::IN_TRAINING;
use plan::Plan;
pub use plan::{Owner, Request, Room, owner, suits};
pub use rates::Member;
use rates::rules;
use rows::Rows;
pub use start::Start;
use state::Kept;

/// Numbers that the ring of losses holds at most.
const RING_LEN: usize = 1 << 20;
/// Steps of any submission.
const MOST_STEPS: usize = 1 << 22;
/// Steps of a submission at most where each has a rate of its own.
const SCHEDULE_LEN: usize = 1 << 16;
/// Multiply-adds of the first submission, over all rows, networks and steps: little for any device.
const FIRST_WORK: usize = 1 << 21;
/// What is to be trained at once: networks of one shape over the same rows.
#[derive(Debug, Clone, Copy)]
pub struct Population<'a> {
    /// The network that all of them are.
    pub network: &'a Network,
    /// How gradients become updates; what differs from network to network is the members'.
    pub optimizer: Optimizer,
    /// How their rates go.
    pub schedule: RateSchedule,
    /// What they learn.
    pub data: &'a Dataset,
    /// In which portions; their own seeds count from this one's.
    pub batches: Batches,
    /// Each of them.
    pub members: &'a [Member],
    /// Whether a network's training ends as soon as it solves its data.
    pub judged: bool,
    /// Who must own a network, where not just anyone will do.
    pub owner: Option<Owner>,
}

/// Networks in training, all of one shape, over the same rows.
#[derive(Debug)]
pub struct ResidentEngine {
    gpu: Arc<Gpu>,
    network: Network,
    layout: Layout,
    optimizer: Optimizer,
    schedule: RateSchedule,
    /// Whether steps have rates of their own.
    scheduled: bool,
    batches: Batches,
    members: Vec<Member>,
    judged: bool,
    plan: Plan,
    buffers: Buffers,
    /// Which member each column of the buffers is: all, until some are judged and dropped.
    columns: Vec<u32>,
    fates: Vec<Fate>,
    /// Of the columns that there are; its params are set for each submission.
    dispatch: Option<Dispatch>,
    /// Rows that they look at when they are asked to.
    watched: Option<Watched>,
    /// Copies of where they stood, one for each [`Slot`](super::Slot).
    kept: [Option<Kept>; 2],
    ring_len: u32,
    step: u32,
    pace: Pace,
}

#[derive(Debug)]
struct Buffers {
    data: Buffer,
    rules: Buffer,
    seeds: Buffer,
    schedule: Buffer,
    parameters: Buffer,
    losses: Buffer,
    done: Buffer,
    outcome: Buffer,
}

/// What one submission gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Advance {
    /// Steps that were made.
    pub steps: u32,
    /// The losses of those of them that were kept, `[steps][columns]`: of so many epochs, those of the
    /// last; none where it is 0.
    pub losses: Vec<f32>,
    /// How many epochs that is.
    pub every: u32,
    /// Which network each column is; all of them in order, where they are not judged.
    pub columns: Vec<u32>,
    /// What each network does on the rows it watches, where it was to look after the last step and did.
    pub scores: Option<Vec<Score>>,
}

/// Whether `gpu` can take this: the network one owner, the data set and the parameters of all
/// networks one binding each.
///
/// # Errors
/// Naming the limit, or why the network does not fit.
pub fn check_limits(request: Request<'_>, data: &Dataset, gpu: &Gpu) -> Result<Owner, GpuError> {
    let plan = plan_on(request, gpu)?;
    let Request { network, networks, optimizer, .. } = request;
    let one = (1 + optimizer.moments()) * network.parameter_count();
    let parameters = networks.saturating_mul(one);
    let what = format!("parameters and moments of {networks} networks at once");
    gpu.check_binding(&what, parameters).map_err(|error| match error {
        GpuError::Limit { what, wanted, unit, limit, allowed, .. } => {
            let fix = "use fewer --restarts, smaller --layers, or --engine cpu";
            GpuError::Limit { what, wanted, unit, limit, allowed, fix }
        }
        other => other,
    })?;
    check_data(data, gpu)?;
    Ok(plan.owner)
}

/// Whether the data set fits one binding.
///
/// # Errors
/// Naming the limit.
pub fn check_data(data: &Dataset, gpu: &Gpu) -> Result<(), GpuError> {
    let len = data.rows() * (data.input_len() + data.target_len()).next_multiple_of(4);
    gpu.check_binding(&format!("data set {} ({} rows)", data.name(), data.rows()), len)
}

fn plan_on(request: Request<'_>, gpu: &Gpu) -> Result<Plan, GpuError> {
    Plan::new(request, Room::of(gpu)).map_err(|reason| GpuError::NotResident { reason })
}

impl ResidentEngine {
    /// Networks whose parameters are all zero, to be set or drawn next.
    ///
    /// # Errors
    /// [`GpuError::NotResident`] where the network fits no owner, [`GpuError::Limit`] where the
    /// networks do not fit the device.
    pub async fn new(
        population: &Population<'_>,
        gpu: Arc<Gpu>,
    ) -> Result<ResidentEngine, GpuError> {
        let Population { network, optimizer, schedule, data, batches, members, .. } = *population;
        let Population { judged, owner, .. } = *population;
        let networks = members.len();
        let request =
            Request { network, optimizer, schedule, batches: &batches, networks, judged, owner };
        let scheduled = Plan::is_scheduled(request);
        let plan = plan_on(request, &gpu)?;
        let ring_len = (RING_LEN / networks).max(1);
        let states = 1 + optimizer.moments();
        let keeps_losses = !judged || schedule.is_plateau();
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
                .buffer("parameters", states * network.parameter_count() * networks)
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
            judged,
            plan,
            buffers,
            columns: (0..networks as u32).collect(),
            fates: vec![Fate::Unsolved; networks],
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

    /// Who owns a network here.
    pub fn owner(&self) -> Owner {
        self.plan.owner
    }

    /// Steps done since the start, by every network that is still in training.
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// Networks here.
    pub fn networks(&self) -> usize {
        self.members.len()
    }

    /// What became of each network so far: whether it is finite, and, where it is judged, solved.
    pub fn fates(&self) -> &[Fate] {
        &self.fates
    }

    /// Whether every network is judged, and no step would do anything more.
    pub fn is_decided(&self) -> bool {
        self.columns.is_empty()
    }

    /// Makes up to `steps` steps, as many as suit one submission. Of `loss_every` epochs the last
    /// one's losses are kept, none where it is 0; networks that are judged keep none but under a plateau.
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
        let keeps_losses = !self.judged || self.schedule.is_plateau();
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
                self.gpu.submit(dispatches);
                self.gpu.run_and_read(watched.begin(&self.gpu), &ranges).await?
            }
        };
        let scores = watched.map(|_| Score::list(&lists[4]));
        if scores.is_none() {
            self.pace.took(count as usize, started.elapsed());
        }
        self.step += count;
        let (done, outcomes) = (&lists[0], &lists[1]);
        self.check_done(done, outcomes)?;
        let losses = lists[2..4].iter().flatten().copied().map(f32::from_bits).collect();
        let columns = self.columns.clone();
        self.note_fates(outcomes);
        if self.judged {
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

    /// Loop rounds of a step on average; where an epoch is one step, only every `loss_every`-th
    /// looks at its losses.
    fn step_rounds(&self, loss_every: u32) -> usize {
        let Plan { step_rounds, loss_rounds, .. } = self.plan;
        let losses = match (loss_every, self.batches.is_full()) {
            (0, _) => 0,
            (every, true) => loss_rounds.div_ceil(every as usize),
            (_, false) => loss_rounds,
        };
        step_rounds + losses
    }

    fn steps_of_a_dispatch(&self, loss_every: u32) -> u32 {
        let rounds = self.gpu.max_rounds() as usize - self.plan.dispatch_rounds;
        (rounds / self.step_rounds(loss_every)).clamp(1, MOST_STEPS) as u32
    }

    /// A dispatch of `steps` steps, which the device makes in full, but none beyond `until`.
    async fn dispatch(
        &mut self,
        steps: u32,
        until: u32,
        loss_every: u32,
    ) -> Result<Dispatch, GpuError> {
        let Plan { kernel, ref lines, dispatch_rounds, .. } = self.plan;
        let rounds = dispatch_rounds + steps as usize * self.step_rounds(loss_every);
        let launch = kernels::train(
            &kernel,
            &Trainings {
                network: &self.network,
                optimizer: &self.optimizer,
                batches: &self.batches,
                networks: self.columns.len(),
                steps,
                until,
                schedule_first: self.step,
                ring_len: self.ring_len,
                loss_every,
            },
        )
        .with_rounds(rounds);
        if let Some(made) = &self.dispatch {
            made.set_params(&self.gpu, &launch)?;
            return Ok(made.clone());
        }
        let Buffers { data, rules, seeds, schedule, parameters, losses, done, outcome } =
            &self.buffers;
        let bound =
            [data, rules, seeds, schedule, parameters, losses, done, outcome].map(Slice::all);
        let made = self.gpu.dispatch(&launch.with_lines(lines.clone()), &bound).await?;
        self.dispatch = Some(made.clone());
        Ok(made)
    }
}
