//! When an adapter pays: whole training steps of wider and wider layers beside the cpu engine at the same work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::peak::measure_peak;
use super::{Times, pixels};
use crate::Error;
use crate::data::{Batches, Order};
use crate::engine::{Engine, EngineSpec, Kernels, State, Task};
use crate::gpu::Gpu;
use crate::kernels::{self, LayerShape, Product};
use crate::network::{Activation, Initializer, Loss, Network};
use crate::optimizer::{Optimizer, RateSchedule};
use crate::train::seconds_of_one;

/// What one measurement takes at least.
pub(super) const MEASURED: Duration = Duration::from_millis(100);
/// The relative error of one rounding.
pub(super) const ULP: f64 = 1.0 / 8_388_608.0;
/// The factor on gradients.
const RATE: f32 = 0.01;

/// One measurement of an adapter beside the cpu engine.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchRow {
    /// `matmul-nn`, `matmul-tn`, `matmul-nt`, or `width`.
    pub work: &'static str,
    /// `[m, k, n]` of a product, or units per layer.
    pub sizes: Vec<usize>,
    /// Rows of a batch, of a step.
    pub batch: Option<usize>,
    /// How the adapter computes it.
    pub variant: String,
    /// Floating-point operations: 2 m k n of a product; of a step those of its products.
    pub operations: u64,
    /// Seconds on the adapter.
    pub adapter: Times,
    /// The same on the cpu engine.
    pub cpu: Times,
    /// Seconds from nothing to the first result: pipelines are made, and drivers compile.
    pub cold: f64,
    /// Seconds of that in which pipelines are created.
    pub pipelines: f64,
    /// The largest error, and the bound where it was the largest share of that.
    pub max_error: f64,
    /// That bound.
    pub bound: f64,
}

impl BenchRow {
    /// GFLOP/s of the adapter.
    pub fn gflops(&self) -> f64 {
        self.operations as f64 / self.adapter.median() / 1e9
    }

    /// How many times as fast as the cpu engine the adapter is.
    pub fn ratio(&self) -> f64 {
        self.cpu.median() / self.adapter.median()
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossover {
    /// Those that were measured, in order.
    pub rows: Vec<BenchRow>,
    /// GFLOP/s of multiply-adds alone on the adapter.
    pub peak: f64,
    /// Measurements of each.
    pub rounds: u32,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

/// What the loops below tell and ask.
pub struct Watch<'a> {
    /// Is told what is measured next.
    pub tell: &'a mut dyn FnMut(&str),
    /// A true answer ends it with what is there.
    pub stop: &'a dyn Fn() -> bool,
}

/// The networks 784-H-10 and H-H-H for each of these widths, and their batches.
fn networks(widths: &[usize], batches: &[usize]) -> Vec<(Vec<usize>, usize)> {
    let shapes: [fn(usize) -> Vec<usize>; 2] = [|h| vec![784, h, 10], |h| vec![h, h, h]];
    let of_batch = |shape: fn(usize) -> Vec<usize>, batch: usize| {
        widths.iter().map(move |&width| (shape(width), batch))
    };
    let of_shape = |shape| batches.iter().flat_map(move |&batch| of_batch(shape, batch));
    shapes.into_iter().flat_map(of_shape).collect()
}

/// The products of a training step of these networks, each once.
pub fn products_of(widths: &[usize], batches: &[usize]) -> Vec<Product> {
    let mut all = Vec::new();
    for (layers, rows) in networks(widths, batches) {
        for (index, sizes) in layers.windows(2).enumerate() {
            let layer = LayerShape { rows, fan_in: sizes[0], fan_out: sizes[1] };
            let back = (index > 0).then(|| layer.input_grad());
            for product in [layer.forward(), layer.weights_grad()].into_iter().chain(back) {
                if !all.contains(&product) {
                    all.push(product);
                }
            }
        }
    }
    all
}

/// Times a training step of 784-H-10 and of H-H-H for each of these widths and batches.
///
/// # Errors
/// [`Error::Check`] where the engines differ, [`Error`] where the device is too small or fails.
pub async fn widths(
    gpu: &Arc<Gpu>,
    (widths, batches): (&[usize], &[usize]),
    rounds: u32,
    watch: &mut Watch<'_>,
) -> Result<Crossover, Error> {
    let peak = measure_peak(gpu, watch.stop).await?;
    let mut rows = Vec::new();
    for (layers, batch) in networks(widths, batches) {
        (watch.tell)(&format!("{layers:?}, batch {batch}"));
        if (watch.stop)() {
            return Ok(Crossover { rows, peak, rounds, stopped: true });
        }
        rows.push(step(gpu, layers, batch, rounds, watch.stop).await?);
    }
    Ok(Crossover { rows, peak, rounds, stopped: (watch.stop)() })
}

async fn step(
    gpu: &Arc<Gpu>,
    layers: Vec<usize>,
    batch: usize,
    rounds: u32,
    stop: &dyn Fn() -> bool,
) -> Result<BenchRow, Error> {
    let (relu, identity) = (Activation::Relu, Activation::Identity);
    let network = Network::uniform(layers.clone(), relu, identity, Loss::SoftmaxCrossEntropy)?;
    let task = Task {
        data: Arc::new(pixels(batch, network.inputs(), network.outputs())?),
        batches: Batches::new(batch, 0, Order::Sequential, 0),
        start: State::new(Initializer::HeNormal.parameters(&network, 0, 1.0)),
        learning_rate: RATE,
        optimizer: Optimizer::default(),
        schedule: RateSchedule::default(),
        network,
    };
    let operations = super::step::operations(&task.network, batch);
    let spec = EngineSpec::Layered(Arc::clone(gpu), Kernels::Fused);
    Engine::check(task.request(), &task.data, &spec)?;
    let (started, before) = (Instant::now(), gpu.pipeline_seconds());
    let mut there = Engine::new(task.clone(), &spec).await?;
    let seen = there.run(1, &|| false).await?;
    let (cold, pipelines) = (started.elapsed().as_secs_f64(), gpu.pipeline_seconds() - before);
    let mut here = Engine::new(task.clone(), &EngineSpec::Cpu).await?;
    let expected = here.run(1, &|| false).await?;
    let error = f64::from((seen[0] - expected[0]).abs());
    // Two sums over the widest layer, of terms that are of the loss's size, on both sides.
    let widest = layers.iter().copied().max().unwrap_or(1);
    let bound = 4.0 * (widest + batch) as f64 * ULP * f64::from(expected[0].abs()).max(1.0);
    if error.is_nan() || error > bound {
        let what = format!(
            "the loss of {layers:?} at a batch of {batch} is {} where the cpu engine has {}, bound {bound:e}",
            seen[0], expected[0]
        );
        return Err(Error::Check { what });
    }
    let (mut adapter, mut cpu) = (Times::default(), Times::default());
    for round in 0..=rounds {
        for (engine, times) in [(&mut there, &mut adapter), (&mut here, &mut cpu)] {
            let run = async |count: u32| engine.run(count, stop).await.map(drop);
            let seconds = seconds_of_one(MEASURED, stop, run).await?;
            if round > 0 && !stop() {
                times.extend([seconds]);
            }
        }
        if stop() {
            break;
        }
    }
    let first = LayerShape { rows: batch, fan_in: layers[0], fan_out: layers[1] }.forward();
    let variant = kernels::variant(gpu, first).to_string();
    let (batch, max_error) = (Some(batch), error);
    Ok(BenchRow {
        work: "width",
        sizes: layers,
        batch,
        variant,
        operations,
        adapter,
        cpu,
        cold,
        pipelines,
        max_error,
        bound,
    })
}
