//! The layered engine: a training step as one list of dispatches, built once, recorded many times.
//!
//! Losses stay on the GPU in a ring and are read where a run ends; no step waits.

mod alone;
mod dropout;
mod flight;
mod forward;
mod forwarded;
mod fused;
mod norm;
mod state;
mod statistics;
mod step;
mod update;

use std::ops::Range;
use std::sync::Arc;

use super::kinds::Kernels;
use super::{Forward, NetworkStatus, Task};
use crate::Error;
use crate::data::{Batches, Dataset};
use crate::engine::pace::Pace;
use crate::engine::parts::{self, Part};
use crate::engine::watched::{Score, Watched};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError};
use crate::kernels::{norm_statistics, unit_counts_len};
use crate::network::{Layer, Layout, Network, row_stride};
pub use alone::{Quantity, Written};
use dropout::DropoutBuffers;
use flight::Flight;
use forward::ForwardPass;
use norm::NormBuffers;
use state::Kept;

/// Losses that the ring holds, and rates that theirs does: steps between two reads.
pub(crate) const RING_LEN: u32 = 1024;
/// Where the rates begin in the buffer of the clock: a binding may start there.
const RATES_AT: usize = 64;

/// Dispatches of the first submission: a few small kernels.
const FIRST_DISPATCHES: usize = 8;
/// However short they are: what is recorded at once stays bounded.
const MOST_DISPATCHES: usize = 32_768;
/// Steps of a submission at most: more would make it no cheaper.
const MOST_STEPS: usize = 64;
/// Kernels that hold a product.
const PRODUCTS: [&str; 5] =
    ["matmul", "layer_forward", "output_loss", "layer_input_grad", "layer_update"];

/// What one layer computes, `[rows][stride]`. Fused kernels leave out what they keep in registers.
#[derive(Debug)]
pub(crate) struct LayerBuffers {
    /// Pre-activations.
    z: Buffer,
    /// Activations.
    a: Buffer,
    /// dLoss/da.
    d_a: Buffer,
    /// dLoss/dz.
    d_z: Buffer,
    /// Of fused kernels, how often units were zero or saturated.
    unit_counts: Buffer,
    /// Of fused kernels, where in the sums of squares its own lie.
    sums: Range<usize>,
    /// Of its norm, if it has one.
    norm: Option<NormBuffers>,
    /// Where activations are dropped.
    dropout: Option<DropoutBuffers>,
}

/// Everything a step reads and writes.
#[derive(Debug)]
pub(crate) struct Buffers {
    parameters: Buffer,
    gradients: Buffer,
    /// The data set.
    data: Vec<Part>,
    /// The mini-batch out of it, where a step does not take all rows as they stand.
    batch: Option<BatchBuffers>,
    layers: Vec<LayerBuffers>,
    row_loss: Buffer,
    losses: Buffer,
    /// The optimizer's, in the network's layout.
    moments: [Buffer; 2],
    /// Of fused kernels by layer, of plain ones by stretches of gradients: sums of squares.
    sums: Buffer,
    /// What gradients are multiplied by where their norm is clipped.
    scale: Buffer,
    /// Steps done, and 1 once a parameter is not finite; from [`RATES_AT`] on a ring of the rates and
    /// corrections of steps.
    clock: Buffer,
    /// Submissions done.
    submissions: Buffer,
}

/// A mini-batch.
#[derive(Debug)]
pub(crate) struct BatchBuffers {
    rows: Buffer,
    inputs: Buffer,
    targets: Buffer,
}

/// A network in training on a GPU.
#[derive(Debug)]
pub struct LayeredEngine {
    gpu: Arc<Gpu>,
    task: Task,
    layout: Layout,
    layers: Vec<Layer>,
    kernels: Kernels,
    /// Whether fused kernels leave the gradients to a dispatch of their own.
    keeps_gradients: bool,
    buffers: Buffers,
    /// A step over a whole batch.
    full: Vec<Dispatch>,
    /// A step over the short last batch of an epoch, where there is one.
    short: Vec<Dispatch>,
    /// The last dispatch of every submission: counts it.
    count_submission: Dispatch,
    submissions: u32,
    step: u32,
    /// Whether a parameter had left the finite numbers when the last run ended.
    diverged: bool,
    /// Rows that it looks at when it is asked to.
    watched: Option<Watched>,
    /// Copies of where it stood, one for each [`Slot`].
    kept: [Option<Kept>; 2],
    /// Steps whose rates are in the ring.
    rates_until: u32,
    pace: Pace,
}

/// Whether `gpu` can take this: every matrix in one binding, every sum within a dispatch.
pub(super) fn check_limits(
    network: &Network,
    data: &Dataset,
    batches: &Batches,
    gpu: &Gpu,
    kernels: Kernels,
) -> Result<(), GpuError> {
    let layout = Layout::new(network);
    parts::check(gpu, data, batches.batch())?;
    match kernels {
        Kernels::Fused => fused::check_iterations(network, batches.batch(), gpu)?,
        Kernels::Plain => step::check_iterations(network, batches.batch(), gpu)?,
    }
    for layer in network.layers() {
        let index = layer.index;
        gpu.check_binding(&format!("layer {index}"), layout.block(index).len)?;
        let len = batches.batch() * row_stride(layer.fan_out);
        gpu.check_binding(&format!("a batch of layer {index}"), len)?;
        if layer.is_normed() {
            let what = format!("the norm of a batch of {}", batches.batch());
            let launch = norm_statistics(batches.batch(), layer.fan_out);
            gpu.check_iterations(&what, launch.iterations())?;
        }
    }
    Ok(())
}

impl LayeredEngine {
    /// A network at its start, with everything allocated and every pipeline made.
    ///
    /// # Errors
    /// As [`Task::check`], or [`GpuError`] where the device is too small or fails.
    pub async fn new(task: Task, gpu: Arc<Gpu>, kernels: Kernels) -> Result<LayeredEngine, Error> {
        // A norm is known only when every gradient is.
        let keeps = kernels == Kernels::Plain || task.optimizer.clip_norm.is_some();
        LayeredEngine::build(task, gpu, kernels, keeps).await
    }

    /// The same of fused kernels that keep the gradients, for whatever is done with them.
    ///
    /// # Errors
    /// As [`LayeredEngine::new`].
    pub async fn keeping_gradients(task: Task, gpu: Arc<Gpu>) -> Result<LayeredEngine, Error> {
        LayeredEngine::build(task, gpu, Kernels::Fused, true).await
    }

    async fn build(
        task: Task,
        gpu: Arc<Gpu>,
        kernels: Kernels,
        keeps_gradients: bool,
    ) -> Result<LayeredEngine, Error> {
        task.check()?;
        let layout = Layout::new(&task.network);
        let layers: Vec<Layer> = task.network.layers().collect();
        let buffers = Buffers::new(&gpu, &task, &layout, &layers, kernels, keeps_gradients).await?;
        let count_submission = step::advance(&gpu, &buffers.submissions).await?;
        let step = task.start.step;
        let mut engine = LayeredEngine {
            gpu,
            task,
            layout,
            layers,
            kernels,
            keeps_gradients,
            buffers,
            full: Vec::new(),
            short: Vec::new(),
            count_submission,
            submissions: 0,
            step,
            diverged: false,
            watched: None,
            kept: [None, None],
            rates_until: step,
            pace: Pace::new(FIRST_DISPATCHES, MOST_DISPATCHES),
        };
        let batches = &engine.task.batches;
        let short_rows = batches.rows() % batches.batch();
        engine.full = engine.step_list(batches.batch()).await?;
        if short_rows != 0 {
            engine.short = engine.step_list(short_rows).await?;
        }
        Ok(engine)
    }

    /// Steps done since the start.
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// What became of it: whether its parameters were finite when the last run ended.
    pub fn status(&self) -> NetworkStatus {
        if self.diverged { NetworkStatus::Diverged } else { NetworkStatus::Unsolved }
    }

    /// The names of a full step's dispatches, in order.
    pub fn step_names(&self) -> Vec<&'static str> {
        self.full.iter().map(Dispatch::name).collect()
    }

    /// Does `steps` steps, or fewer where `stop` says so between submissions, but whole ones;
    /// returns the loss of each.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails or did not do what was submitted.
    pub async fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) -> Result<Vec<f32>, GpuError> {
        Ok(self.run_and_look(steps, false, stop).await?.0)
    }

    /// The same; after the last of the steps it looks at the rows it watches, where that is wanted.
    ///
    /// # Errors
    /// As [`LayeredEngine::run`].
    pub async fn run_and_look(
        &mut self,
        steps: u32,
        looks: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<(Vec<f32>, Option<Score>), GpuError> {
        let (mut losses, mut seen) = (Vec::with_capacity(steps as usize), None);
        let end = self.step + steps;
        while self.step < end {
            let from = self.step;
            self.run_ring(from + (end - from).min(RING_LEN), stop).await?;
            let looks = looks && self.step == end;
            seen = self.read_losses(from, looks, &mut losses).await?;
            if self.step < end && stop() {
                break;
            }
        }
        Ok((losses, seen))
    }

    /// Runs up to step `end`, or to the end of a step where `stop` says so: submissions of as
    /// many dispatches as the pace allows, which may be less than a step. The host records the next
    /// ones while the device is busy with the last.
    async fn run_ring(&mut self, mut end: u32, stop: &dyn Fn() -> bool) -> Result<(), GpuError> {
        self.write_rates(end);
        let batches = self.task.batches;
        let (mut step, mut at) = (self.step, 0);
        let mut flight = Flight::new();
        // Made once: no step allocates.
        let mut chunk: Vec<(bool, Range<usize>)> = Vec::new();
        while step < end || !flight.is_over() {
            if step >= end || flight.is_full() {
                flight.wait(&self.gpu, &mut self.pace).await?;
                if stop() {
                    end = end.min(step + u32::from(at > 0));
                }
                continue;
            }
            let most = MOST_STEPS * self.full.len();
            let (count, mut len) = (self.pace.next().min(most), 0);
            chunk.clear();
            while step < end && len < count {
                let is_short = batches.len_of(step) < batches.batch();
                let list = if is_short { &self.short } else { &self.full };
                let capacity = (count - len).min(list.len() - at);
                chunk.push((is_short, at..at + capacity));
                (at, len) = (at + capacity, len + capacity);
                if at == list.len() {
                    (step, at) = (step + 1, 0);
                }
            }
            let dispatches = chunk.iter().flat_map(|(is_short, range)| {
                let list = if *is_short { &self.short } else { &self.full };
                &list[range.clone()]
            });
            self.submissions += 1;
            let all = dispatches.chain(std::iter::once(&self.count_submission));
            flight.push(self.gpu.submit(all), len);
        }
        self.step = step;
        Ok(())
    }

    /// The dispatches of a step that hold a product, with what fused ones do at their ends, and no other,
    /// so many times, handed over as steps are. The parameters are then none that a training gives.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn products_alone(&self, steps: u32) -> Result<(), GpuError> {
        let is_product = |dispatch: &&Dispatch| PRODUCTS.contains(&dispatch.name());
        let products: Vec<&Dispatch> = self.full.iter().filter(is_product).collect();
        let (mut left, mut pace) = (steps as usize, self.pace);
        let mut flight = Flight::new();
        while left > 0 || !flight.is_over() {
            if left == 0 || flight.is_full() {
                flight.wait(&self.gpu, &mut pace).await?;
                continue;
            }
            let count = (pace.next() / products.len().max(1)).clamp(1, MOST_STEPS).min(left);
            let all = std::iter::repeat_n(&products, count).flatten().copied();
            flight.push(self.gpu.submit(all), count * products.len());
            left -= count;
        }
        Ok(())
    }

    /// The losses of steps `from..self.step`, at most a ring of them, and the proof that they ran; notes
    /// whether parameters are still finite. In the same go looks at the rows it watches, where it does.
    async fn read_losses(
        &mut self,
        from: u32,
        looks: bool,
        to: &mut Vec<f32>,
    ) -> Result<Option<Score>, GpuError> {
        let place = |step: u32| (step % RING_LEN) as usize;
        let (first, len) = (place(from), (self.step - from) as usize);
        let before_wrap = len.min(RING_LEN as usize - first);
        let losses = &self.buffers.losses;
        let watched = self.watched.as_ref().filter(|_| looks);
        let look = watched.map_or_else(Vec::new, |watched| watched.after(&self.gpu, []));
        let scores = watched.map_or((losses, 0..0), Watched::range);
        let wanted = [
            (losses, first..first + before_wrap),
            (losses, 0..len - before_wrap),
            (&self.buffers.clock, 0..2),
            (&self.buffers.submissions, 0..1),
            scores,
        ];
        let lists = self.gpu.run_and_read::<u32>(look, &wanted).await?;
        self.diverged = lists[2][1] != 0;
        let counts = [("steps", self.step), ("submissions", self.submissions)];
        for (list, (what, expected)) in lists[2..].iter().zip(counts) {
            check_done(what, expected, list[0])?;
        }
        to.extend(lists[..2].iter().flatten().copied().map(f32::from_bits));
        Ok(Score::list(&lists[4]).first().copied())
    }

    /// A forward pass over other rows with the parameters as they are now.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn forward(&self, inputs: &[f32]) -> Result<Forward, GpuError> {
        let rows = inputs.len() / self.task.network.inputs();
        let pass = ForwardPass::new(self, rows).await?;
        pass.run(self, inputs).await
    }
}

/// Whether work that was handed over was also done: some drivers drop it without an error.
pub(super) fn check_done(what: &'static str, expected: u32, done: u32) -> Result<(), GpuError> {
    if done == expected { Ok(()) } else { Err(GpuError::WorkMissing { what, expected, done }) }
}

impl Buffers {
    async fn new(
        gpu: &Gpu,
        task: &Task,
        layout: &Layout,
        layers: &[Layer],
        kernels: Kernels,
        keeps_gradients: bool,
    ) -> Result<Buffers, GpuError> {
        let data = &task.data;
        let (input_stride, target_stride) =
            (row_stride(data.input_len()), row_stride(data.target_width()));
        let rows = task.batches.batch();
        let batch = if task.batches.is_full() {
            None
        } else {
            Some(BatchBuffers {
                rows: gpu.buffer("batch rows", rows).await?,
                inputs: gpu.buffer("batch inputs", rows * input_stride).await?,
                targets: gpu.buffer("batch targets", rows * target_stride).await?,
            })
        };
        let (sums_of_layers, sums_len) = match kernels {
            Kernels::Fused => fused::sums(layers, rows, gpu),
            Kernels::Plain => (Vec::new(), 4 * update::stretches(layout)),
        };
        let mut layer_buffers = Vec::with_capacity(layers.len());
        for layer in layers {
            let [sums, norm_sums] = sums_of_layers.get(layer.index).cloned().unwrap_or_default();
            let len = rows * row_stride(layer.fan_out);
            let is_plain = kernels == Kernels::Plain;
            let is_last = layer.index + 1 == layers.len();
            let is_wide = is_last && !fused::fuses_loss(layer, gpu);
            let of = |is_used: bool, len: usize| if is_used { len } else { 0 };
            let block = layout.norm(layer.index);
            let has_z = is_plain || is_wide || block.is_some();
            let (z, a) = (of(has_z, len), of(is_plain || !is_last || is_wide, len));
            let d_a = of(is_plain || is_wide, len);
            let has_counts = !is_plain || block.is_some();
            let counts = of(has_counts, unit_counts_len(rows, layer.fan_out));
            layer_buffers.push(LayerBuffers {
                z: gpu.buffer("pre-activations", z).await?,
                a: gpu.buffer("activations", a).await?,
                d_a: gpu.buffer("activation gradients", d_a).await?,
                d_z: gpu.buffer("pre-activation gradients", len).await?,
                unit_counts: gpu.buffer("counts of units", counts).await?,
                sums,
                norm: match block {
                    Some(block) => {
                        Some(NormBuffers::new(gpu, block, len, kernels, norm_sums).await?)
                    }
                    None => None,
                },
                dropout: match layer.dropout > 0.0 {
                    true => Some(DropoutBuffers::new(gpu, len).await?),
                    false => None,
                },
            });
        }
        // Those that the optimizer has, in their order; a few numbers stand for one that it has not.
        let mut given = task.start.moments.iter();
        let mut moment = async |is_kept: bool| match is_kept.then(|| given.next()).flatten() {
            Some(values) => gpu.buffer_of("moments", values).await,
            None => gpu.buffer("moments", if is_kept { layout.len() } else { 4 }).await,
        };
        let [first, second] = task.optimizer.has_moments();
        let clock = gpu.buffer("clock", RATES_AT + 4 * RING_LEN as usize).await?;
        gpu.write(&clock, 0, &[task.start.step]);
        Ok(Buffers {
            parameters: gpu.buffer_of("parameters", &task.start.parameters).await?,
            gradients: gpu
                .buffer("gradients", if keeps_gradients { layout.len() } else { 4 })
                .await?,
            data: parts::upload(gpu, data).await?,
            batch,
            layers: layer_buffers,
            row_loss: gpu.buffer("row losses", rows).await?,
            losses: gpu.buffer("losses", RING_LEN as usize).await?,
            moments: [moment(first).await?, moment(second).await?],
            sums: gpu.buffer("sums of squares", sums_len).await?,
            scale: gpu.buffer("scale of gradients", 4).await?,
            clock,
            submissions: gpu.buffer("submissions", 1).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_is_missing_is_an_error_that_says_how_much() {
        assert!(check_done("steps", 7, 7).is_ok());
        let error = check_done("submissions", 7, 6).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains("6 submissions where 7"), "{error}");
    }
}
