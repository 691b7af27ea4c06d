//! The resident engine: whole trainings inside one dispatch, one network an invocation, as many
//! networks at once as asked. Parameters and gradients stay in registers for as many steps as a
//! dispatch makes.

mod shape;

use std::collections::HashMap;
use std::sync::Arc;

use web_time::Instant;

use super::pace::Pace;
use super::{Task, cpu};
use crate::data::{Batches, Dataset};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Pipeline, Slice};
use crate::kernels::TrainParams;
use crate::network::{Layout, Network};
use crate::random::seed_key;
use shape::Shape;

/// Numbers that the ring of losses holds at most.
const RING_LEN: usize = 1 << 20;
/// Steps of the first submission, and of any.
const FIRST_STEPS: usize = 64;
const MOST_STEPS: usize = 1 << 20;

/// Networks in training, all of one shape, over the same rows.
#[derive(Debug)]
pub struct ResidentEngine {
    gpu: Arc<Gpu>,
    network: Network,
    layout: Layout,
    batches: Batches,
    networks: usize,
    pipeline: Pipeline,
    buffers: Buffers,
    /// One per number of steps that was ever asked for at once.
    dispatches: HashMap<u32, Dispatch>,
    ring_steps: u32,
    /// Steps that one dispatch may make.
    cut: u32,
    step: u32,
    pace: Pace,
}

#[derive(Debug)]
struct Buffers {
    data: Buffer,
    rates: Buffer,
    parameters: Buffer,
    losses: Buffer,
    done: Buffer,
}

/// Whether a network fits one invocation, whatever the GPU.
pub fn is_small(network: &Network, batches: &Batches) -> bool {
    Shape::new(network, batches).is_ok()
}

/// Whether the engine takes a network trained in these batches on `gpu`.
pub fn fits(network: &Network, batches: &Batches, gpu: &Gpu) -> bool {
    shape_on(network, batches, gpu).is_ok()
}

/// Whether `gpu` can take this: the network one invocation, the data set and the parameters of
/// all networks one binding each.
pub(super) fn check_limits(
    network: &Network,
    data: &Dataset,
    batches: &Batches,
    networks: usize,
    gpu: &Gpu,
) -> Result<(), GpuError> {
    let parameters = networks.saturating_mul(network.parameter_count());
    gpu.check_binding(&format!("parameters of {networks} networks at once"), parameters)?;
    let len = data.rows() * (data.input_len() + data.target_len());
    gpu.check_binding(&format!("data set {} ({} rows)", data.name(), data.rows()), len)?;
    shape_on(network, batches, gpu).map(|_| ())
}

fn shape_on(network: &Network, batches: &Batches, gpu: &Gpu) -> Result<Shape, GpuError> {
    let shape = Shape::new(network, batches).map_err(|reason| GpuError::NotResident { reason })?;
    gpu.check_rounds("one step of the resident engine", shape.rounds_per_step())?;
    Ok(shape)
}

impl ResidentEngine {
    /// One network for each list of parameters (in the network's layout); network `n` has seed
    /// `task.batches.seed() + n`, which orders its mini-batches.
    ///
    /// # Errors
    /// [`GpuError::Limit`] where the network does not fit one invocation, or the networks not the
    /// device.
    pub async fn new(
        task: &Task,
        starts: &[Vec<f32>],
        gpu: Arc<Gpu>,
    ) -> Result<ResidentEngine, GpuError> {
        let layout = Layout::new(&task.network);
        let shape = shape_on(&task.network, &task.batches, &gpu)?;
        let networks = starts.len();
        let data = &task.data;
        let rows = (0..data.rows()).flat_map(|row| [data.input(row), data.target(row)]).flatten();
        let lists: Vec<Vec<f32>> = starts.iter().map(|flat| layout.unpack(flat).concat()).collect();
        let parameters: Vec<f32> = (0..task.network.parameter_count())
            .flat_map(|index| lists.iter().map(move |list| list[index]))
            .collect();
        let ring_steps = (RING_LEN / networks).max(1);
        let buffers = Buffers {
            data: gpu.buffer_of("data", &rows.copied().collect::<Vec<f32>>()).await?,
            rates: gpu.buffer_of("rates", &[task.learning_rate]).await?,
            parameters: gpu.buffer_of("parameters", &parameters).await?,
            losses: gpu.buffer("losses", ring_steps * networks).await?,
            done: gpu.buffer("steps done", networks).await?,
        };
        let last = task.network.activations().len() - 1;
        let constants = [
            ("ACTIVATION", task.network.activations()[0].code().into()),
            ("OUTPUT_ACTIVATION", task.network.activations()[last].code().into()),
            ("LOSS", task.network.loss().code().into()),
        ];
        let kernel = shape.kernel();
        let pipeline = gpu.shaped_pipeline(&kernel, &shape.lines(), &constants).await?;
        let cut = gpu.max_rounds() as usize / shape.rounds_per_step();
        Ok(ResidentEngine {
            network: task.network.clone(),
            layout,
            batches: task.batches,
            networks,
            pipeline,
            buffers,
            dispatches: HashMap::new(),
            ring_steps: ring_steps as u32,
            cut: cut.min(MOST_STEPS) as u32,
            step: 0,
            pace: Pace::new(FIRST_STEPS, MOST_STEPS),
            gpu,
        })
    }

    /// Steps done since the start, by every network.
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// Networks in training.
    pub fn networks(&self) -> usize {
        self.networks
    }

    /// Does `steps` steps, or fewer where `stop` says so between submissions. Returns the losses,
    /// `[steps][networks]`.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails or did not do what was submitted.
    pub async fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) -> Result<Vec<f32>, GpuError> {
        let mut losses = Vec::with_capacity(steps as usize * self.networks);
        let end = self.step + steps;
        while self.step < end {
            let from = self.step;
            // Up to the end of the ring, which is then read in one piece.
            let ring_end = (from / self.ring_steps + 1) * self.ring_steps;
            let until = end.min(ring_end);
            while self.step < until {
                let count = (self.pace.next() as u32).min(until - self.step);
                let started = Instant::now();
                let cuts = self.cuts(count).await?;
                let dispatches: Vec<&Dispatch> =
                    cuts.iter().map(|cut| &self.dispatches[cut]).collect();
                self.gpu.wait(self.gpu.submit(dispatches)).await?;
                self.pace.took(count as usize, started.elapsed());
                self.step += count;
                if stop() {
                    break;
                }
            }
            losses.extend(self.read_losses(from).await?);
            if self.step < end && stop() {
                break;
            }
        }
        Ok(losses)
    }

    /// `count` steps as dispatches that the device makes in full: their steps, in order.
    async fn cuts(&mut self, count: u32) -> Result<Vec<u32>, GpuError> {
        let mut cuts = vec![self.cut; (count / self.cut) as usize];
        cuts.extend(Some(count % self.cut).filter(|&rest| rest > 0));
        for &steps in &cuts {
            if !self.dispatches.contains_key(&steps) {
                let dispatch = self.dispatch(steps).await?;
                self.dispatches.insert(steps, dispatch);
            }
        }
        Ok(cuts)
    }

    async fn dispatch(&self, steps: u32) -> Result<Dispatch, GpuError> {
        let (batches, loss) = (&self.batches, self.network.loss());
        let [seed_low, seed_high] = seed_key(batches.seed());
        let short = batches.rows() % batches.batch();
        let outputs = self.network.outputs();
        let value =
            |rows: usize| if rows > 0 { loss.value_scale(rows, outputs) as f32 } else { 0.0 };
        let gradient =
            |rows: usize| if rows > 0 { loss.gradient_scale(rows, outputs) as f32 } else { 0.0 };
        let params = TrainParams {
            networks: self.networks as u32,
            steps,
            data_rows: batches.rows() as u32,
            steps_per_epoch: batches.steps_per_epoch() as u32,
            seed_low,
            seed_high,
            cell_networks: self.networks as u32,
            ring_steps: self.ring_steps,
            value_scale: value(batches.batch()),
            gradient_scale: gradient(batches.batch()),
            short_value_scale: value(short),
            short_gradient_scale: gradient(short),
        };
        let Buffers { data, rates, parameters, losses, done } = &self.buffers;
        let bound = [data, rates, parameters, losses, done].map(Slice::all);
        let rounds = steps as usize * self.gpu.max_rounds() as usize / self.cut.max(1) as usize;
        self.gpu.dispatch(&self.pipeline, &params, &bound, self.networks, rounds).await
    }

    /// The losses of steps `from..self.step`, which do not wrap, and the proof that every network
    /// made them all.
    async fn read_losses(&self, from: u32) -> Result<Vec<f32>, GpuError> {
        let first = (from % self.ring_steps) as usize * self.networks;
        let len = (self.step - from) as usize * self.networks;
        let Buffers { losses, done, .. } = &self.buffers;
        let ranges = [(losses, first..first + len), (done, 0..self.networks)];
        let mut lists = self.gpu.read::<f32>(&ranges).await?;
        let done = lists.pop().unwrap_or_default();
        match done.iter().map(|done| done.to_bits()).find(|&done| done != self.step) {
            Some(done) => Err(GpuError::WorkMissing { what: "steps", expected: self.step, done }),
            None => Ok(lists.pop().unwrap_or_default()),
        }
    }

    /// Every network's parameters, each in the network's layout.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn parameters(&self) -> Result<Vec<Vec<f32>>, GpuError> {
        let count = self.network.parameter_count();
        let range = 0..count * self.networks;
        let flat = self.gpu.read::<f32>(&[(&self.buffers.parameters, range)]).await?.remove(0);
        let lens: Vec<usize> =
            self.layout.tensors().iter().map(|tensor| tensor.rows * tensor.cols).collect();
        let packed = (0..self.networks).map(|network| {
            let mut values = (0..count).map(|index| flat[index * self.networks + network]);
            let lists: Vec<Vec<f32>> =
                lens.iter().map(|&len| values.by_ref().take(len).collect()).collect();
            self.layout.pack(&lists)
        });
        Ok(packed.collect())
    }

    /// A forward pass of one network over other rows, on the CPU: it is over before a dispatch
    /// would have begun.
    ///
    /// # Errors
    /// [`GpuError`] where the parameters cannot be read.
    pub async fn forward(
        &self,
        network: usize,
        inputs: &[f32],
    ) -> Result<super::Forward, GpuError> {
        let parameters = self.parameters().await?;
        Ok(cpu::forward_rows(&self.network, &parameters[network], inputs))
    }
}
