//! One training step of a larger network on every engine, beside the products it consists of.

use std::sync::Arc;
use std::time::Duration;

use super::{Times, pixels, verified};
use crate::Error;
use crate::check::Bound;
use crate::data::{Batches, Order};
use crate::engine::{Engine, EngineSpec, Kernels, State, Task};
use crate::gpu::Gpu;
use crate::network::{Activation, Initializer, Loss, Network};
use crate::optimizer::{Optimizer, RateSchedule};
use crate::reference::Reference;
use crate::train::seconds_of_one;

/// Steps of each before any is timed, compared with the reference.
const CHECKED_STEPS: u32 = 2;
/// What one measurement takes at least.
const MEASURED: Duration = Duration::from_millis(200);
/// The factor on gradients.
const RATE: f32 = 0.01;

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct StepSizes {
    /// Units per layer, the input first: relu, and softmax-cross-entropy over the outputs.
    pub layers: Vec<usize>,
    /// Rows of a batch.
    pub batch: usize,
    /// Measurements of each, in turn with the others.
    pub rounds: u32,
}

impl Default for StepSizes {
    fn default() -> StepSizes {
        StepSizes { layers: vec![784, 512, 10], batch: 256, rounds: 5 }
    }
}

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stepper {
    /// The cpu engine.
    Cpu,
    /// Its library's products alone, of the same shapes.
    CpuProducts,
    /// The layered engine.
    Layered(Kernels),
    /// Its dispatches with a product in them, and no other: fused ones with what they do at their ends.
    LayeredProducts(Kernels),
}

impl Stepper {
    /// What it is called.
    pub fn name(self) -> String {
        match self {
            Stepper::Cpu => "cpu".to_owned(),
            Stepper::CpuProducts => "cpu, the library's products alone".to_owned(),
            Stepper::Layered(kernels) => format!("layered, {kernels}"),
            Stepper::LayeredProducts(kernels) => {
                format!("layered, {kernels}, kernels with a product alone")
            }
        }
    }

    /// The products that a step of it consists of, timed alone.
    pub fn products(self) -> Option<Stepper> {
        match self {
            Stepper::Cpu => Some(Stepper::CpuProducts),
            Stepper::Layered(kernels) => Some(Stepper::LayeredProducts(kernels)),
            Stepper::CpuProducts | Stepper::LayeredProducts(_) => None,
        }
    }
}

/// How fast one of them is.
#[derive(Debug, Clone, PartialEq)]
pub struct StepSpeed {
    /// What was timed.
    pub stepper: Stepper,
    /// One step in each measurement.
    pub times: Times,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepContest {
    /// What was measured.
    pub sizes: StepSizes,
    /// Floating-point operations of a step's products.
    pub operations: u64,
    /// One for each that was timed.
    pub speeds: Vec<StepSpeed>,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

/// Times a training step of every engine, on `gpu` too where there is one, after a comparison with the
/// reference. `tell` is told what is measured next; a true answer of `stop` ends it.
///
/// # Errors
/// [`Error::Check`] where an engine computes something else, [`Error`] where a network cannot be or a
/// device fails.
pub async fn steps(
    gpu: Option<&Arc<Gpu>>,
    sizes: StepSizes,
    tell: &mut dyn FnMut(&str),
    stop: &dyn Fn() -> bool,
) -> Result<StepContest, Error> {
    let task = task(&sizes)?;
    // Whatever cannot be is told before anything is computed.
    let mut specs = vec![(Stepper::Cpu, EngineSpec::Cpu)];
    for kernels in [Kernels::Fused, Kernels::Plain] {
        let spec = |gpu| (Stepper::Layered(kernels), EngineSpec::Layered(Arc::clone(gpu), kernels));
        specs.extend(gpu.map(spec));
    }
    for (_, spec) in &specs {
        Engine::check(task.request(), &task.data, spec)?;
    }
    let operations = operations(&task.network, sizes.batch);
    tell("the reference");
    let Some(expected) = reference(&task, stop) else {
        return Ok(StepContest { sizes, operations, speeds: Vec::new(), stopped: true });
    };
    let mut engines = Vec::new();
    for (stepper, spec) in &specs {
        let mut engine = Engine::new(task.clone(), spec).await?;
        let losses = engine.run(CHECKED_STEPS, &|| false).await?;
        // Sums of as many terms as the widest layer has inputs, step after step.
        let near = Bound::Mixed { absolute: 1e-4, relative: 1e-4 };
        verified(&format!("losses of {}", stepper.name()), &losses, &expected, near)?;
        engines.push((*stepper, engine));
    }
    let mut speeds: Vec<StepSpeed> = Vec::new();
    let mut stopped = false;
    'rounds: for round in 0..=sizes.rounds {
        for (stepper, engine) in &mut engines {
            for who in [Some(*stepper), stepper.products()].into_iter().flatten() {
                if stop() {
                    stopped = true;
                    break 'rounds;
                }
                tell(&who.name());
                let seconds = seconds(engine, who != *stepper, stop).await?;
                // The first of each warms up; one that was cut short says nothing.
                if round > 0 && !stop() {
                    match speeds.iter_mut().find(|speed| speed.stepper == who) {
                        Some(speed) => speed.times.extend([seconds]),
                        None => {
                            let mut times = Times::default();
                            times.extend([seconds]);
                            speeds.push(StepSpeed { stepper: who, times });
                        }
                    }
                }
            }
        }
    }
    Ok(StepContest { sizes, operations, speeds, stopped })
}

/// Those of forward, of weights' gradients, and of what goes back through all but the first layer.
pub(super) fn operations(network: &Network, batch: usize) -> u64 {
    let of = |layer: crate::network::Layer| {
        let products = if layer.index == 0 { 2 } else { 3 };
        2 * products * (batch * layer.fan_in * layer.fan_out) as u64
    };
    network.layers().map(of).sum()
}

fn task(sizes: &StepSizes) -> Result<Task, Error> {
    let (relu, identity) = (Activation::Relu, Activation::Identity);
    let loss = match sizes.layers.last() {
        Some(1) => Loss::BceWithLogits,
        _ => Loss::SoftmaxCrossEntropy,
    };
    let network = Network::uniform(sizes.layers.clone(), relu, identity, loss)?;
    // Two batches, so that one has to be gathered.
    let (rows, outputs) = (sizes.batch.saturating_mul(2), network.outputs());
    let numbers = rows.saturating_mul(network.inputs() + outputs);
    let bytes = numbers.saturating_mul(size_of::<f32>());
    // Given back at once: it only has to be there.
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| Error::Memory { bytes })?;
    let data = pixels(rows, network.inputs(), outputs)?;
    Ok(Task {
        batches: Batches::new(rows, sizes.batch, Order::Shuffled, 0),
        start: State::new(Initializer::HeNormal.parameters(&network, 0, 1.0)),
        learning_rate: RATE,
        optimizer: Optimizer::default(),
        schedule: RateSchedule::default(),
        network,
        data: Arc::new(data),
    })
}

/// The losses of the first steps; `None` where `stop` said so in between.
fn reference(task: &Task, stop: &dyn Fn() -> bool) -> Option<Vec<f64>> {
    let wide = |values: &[f32]| values.iter().map(|&value| value.into()).collect::<Vec<f64>>();
    let mut reference = Reference::new(&task.network, wide(&task.start.parameters));
    let losses = (0..CHECKED_STEPS).map(|step| {
        if stop() {
            return None;
        }
        let rows: Vec<usize> = task.batches.rows_of(step).collect();
        let inputs: Vec<f64> = rows.iter().flat_map(|&row| wide(task.data.input(row))).collect();
        let targets: Vec<f64> = rows.iter().flat_map(|&row| wide(task.data.target(row))).collect();
        Some(reference.step(&inputs, &targets, RATE.into()))
    });
    losses.collect()
}

/// Of one step, or of its products alone, over as many as take long enough.
async fn seconds(
    engine: &mut Engine,
    products: bool,
    stop: &dyn Fn() -> bool,
) -> Result<f64, Error> {
    let run = async |steps| {
        match (products, &mut *engine) {
            (true, Engine::Cpu(engine)) => (0..steps).for_each(|_| engine.products_alone()),
            (true, Engine::Layered(engine)) => engine.products_alone(steps).await?,
            (_, engine) => drop(engine.run(steps, stop).await?),
        }
        Ok(())
    };
    seconds_of_one(MEASURED, stop, run).await
}
