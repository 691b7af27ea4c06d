//! One training step of a larger network on every engine, beside the products it consists of.

use std::sync::Arc;
use std::time::Duration;

use web_time::Instant;

use crate::Error;
use crate::check::{Bound, compare};
use crate::data::{Batches, Dataset, Order};
use crate::engine::State;
use crate::engine::{CpuEngine, EngineSpec, Kernels, LayeredEngine, Task};
use crate::gpu::Gpu;
use crate::network::{Activation, Initializer, Loss, Network};
use crate::optimizer::{Optimizer, RateSchedule};
use crate::random::{Purpose, Threefry};
use crate::reference::Reference;
use rand::Rng;

/// Steps that everybody makes before anybody is timed, held to the reference.
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

/// Who makes steps.
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

    /// Those whose products it consists of.
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
    /// Who.
    pub stepper: Stepper,
    /// Seconds of a step, one for each measurement, the shortest first.
    pub seconds: Vec<f64>,
}

impl StepSpeed {
    /// The middle of the measurements.
    pub fn median(&self) -> f64 {
        self.seconds.get(self.seconds.len() / 2).copied().unwrap_or(f64::INFINITY)
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepContest {
    /// What was measured.
    pub sizes: StepSizes,
    /// Floating-point operations of a step's products.
    pub operations: u64,
    /// Everybody.
    pub speeds: Vec<StepSpeed>,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

/// An engine at work.
enum Engine {
    Cpu(Box<CpuEngine>),
    Layered(Box<LayeredEngine>),
}

/// Everybody's steps, on `gpu` too where there is one: first held to the reference, then timed in turn.
/// `tell` hears who is at work, a true answer of `stop` ends the measuring.
///
/// # Errors
/// [`Error::Check`] where somebody computes something else, [`Error`] where a network cannot be or a
/// device fails.
pub async fn steps(
    gpu: Option<&Arc<Gpu>>,
    sizes: StepSizes,
    tell: &mut dyn FnMut(&str),
    stop: &dyn Fn() -> bool,
) -> Result<StepContest, Error> {
    let task = task(&sizes)?;
    // Whatever cannot be is told before anything is computed.
    let mut specs = vec![EngineSpec::Cpu];
    specs.extend(gpu.map(|gpu| EngineSpec::Layered(Arc::clone(gpu), Kernels::Fused)));
    specs.extend(gpu.map(|gpu| EngineSpec::Layered(Arc::clone(gpu), Kernels::Plain)));
    for spec in &specs {
        crate::engine::Engine::check(task.request(), &task.data, spec)?;
    }
    let operations = operations(&task.network, sizes.batch);
    tell("the reference");
    let Some(expected) = reference(&task, stop) else {
        return Ok(StepContest { sizes, operations, speeds: Vec::new(), stopped: true });
    };
    let mut engines = vec![(Stepper::Cpu, Engine::Cpu(Box::new(CpuEngine::new(task.clone())?)))];
    for kernels in [Kernels::Fused, Kernels::Plain] {
        if let Some(gpu) = gpu {
            let engine = LayeredEngine::new(task.clone(), Arc::clone(gpu), kernels).await?;
            engines.push((Stepper::Layered(kernels), Engine::Layered(Box::new(engine))));
        }
    }
    for (stepper, engine) in &mut engines {
        let losses = engine.run(CHECKED_STEPS, &|| false).await?;
        // Sums of as many terms as the widest layer has inputs, step after step.
        let near = Bound::Mixed { absolute: 1e-4, relative: 1e-4 };
        compare(&format!("losses of {}", stepper.name()), &losses, &expected, near)
            .map_err(|mismatch| Error::Check { what: mismatch.to_string() })?;
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
                let seconds = engine.time(who != *stepper, stop).await?;
                // The first of each warms up; one that was cut short says nothing.
                if round > 0 && !stop() {
                    match speeds.iter_mut().find(|speed| speed.stepper == who) {
                        Some(speed) => speed.seconds.push(seconds),
                        None => speeds.push(StepSpeed { stepper: who, seconds: vec![seconds] }),
                    }
                }
            }
        }
    }
    speeds.iter_mut().for_each(|speed| speed.seconds.sort_by(f64::total_cmp));
    Ok(StepContest { sizes, operations, speeds, stopped })
}

/// Those of forward, of weights' gradients, and of what goes back through all but the first layer.
fn operations(network: &Network, batch: usize) -> u64 {
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
    let mut stream = Threefry::new(0, Purpose::Rows, 0);
    let pixel = |_| (stream.next_u32() >> 24) as f32 / 255.0;
    let inputs: Vec<f32> = (0..rows * network.inputs()).map(pixel).collect();
    let mut targets = vec![0.0; rows * outputs];
    (0..rows).for_each(|row| targets[row * outputs + row % outputs] = 1.0);
    let data = Dataset::new("steps", inputs, network.inputs(), targets, outputs)?;
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

impl Engine {
    async fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) -> Result<Vec<f32>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.run(steps, stop)),
            Engine::Layered(engine) => Ok(engine.run(steps, stop).await?),
        }
    }

    /// Seconds of one step, or of its products alone, over as many as take long enough.
    async fn time(&mut self, products: bool, stop: &dyn Fn() -> bool) -> Result<f64, Error> {
        let mut steps = 1;
        loop {
            let started = Instant::now();
            match (products, &mut *self) {
                (false, engine) => drop(engine.run(steps, stop).await?),
                (true, Engine::Cpu(engine)) => (0..steps).for_each(|_| engine.products_alone()),
                (true, Engine::Layered(engine)) => engine.products_alone(steps).await?,
            }
            let time = started.elapsed();
            if time >= MEASURED || steps > u32::MAX / 4 || stop() {
                return Ok(time.as_secs_f64() / f64::from(steps));
            }
            let wanted = MEASURED.as_secs_f64() / time.as_secs_f64().max(1e-9);
            steps = (f64::from(steps) * wanted.clamp(1.1, 100.0) * 1.1).ceil() as u32;
        }
    }
}
