//! What a report boundary costs beside the steps between two of them, on every engine: a look at rows kept
//! for validation, what is decided, and copies of where the training stands.

use std::sync::Arc;
use std::time::Duration;

use super::{Times, pixels, verified};
use crate::Error;
use crate::check::Bound;
use crate::data::Source;
use crate::engine::{Engine, EngineSpec, Kernels, forward};
use crate::gpu::Gpu;
use crate::network::{Activation, Loss, Network, joined};
use crate::train::{CLOSE_BOUNDARIES, HeldOut, Training, evaluate, seconds_of_one};

/// What one measurement takes at least, where there are boundaries enough.
const MEASURED: Duration = Duration::from_millis(300);
/// Boundaries of the shorter of two trainings: what is made once, and grows at first, is in both.
const FIRST: u32 = 16;
/// The same where that many would take long.
const FEW: u32 = 3;
/// Rows of the larger network's batch, and as many that are looked at.
const ROWS: usize = 256;

/// The cost of one boundary of a training, and of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundaryCost {
    /// Units per layer, the input first.
    pub layers: Vec<usize>,
    /// Rows of the one batch, and as many that are looked at.
    pub rows: usize,
    /// Where.
    pub engine: String,
    /// One step in each measurement.
    pub steps: Times,
    /// A boundary, beyond the step before it.
    pub boundaries: Times,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundaryCosts {
    /// Measurements of each, in turn with the others.
    pub rounds: u32,
    /// Each network on each engine.
    pub costs: Vec<BoundaryCost>,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

/// One of the trainings, at one place.
struct Case {
    training: Training,
    spec: EngineSpec,
    name: String,
}

/// Trains 784-512-10 and 2-3-1 in one batch, with a report boundary after every step at which rows are looked at
/// and two copies are kept, on `gpu` too where there is one; each is first held to the CPU. `tell` hears what
/// is at work, a true answer of `stop` ends the measuring.
///
/// # Errors
/// [`Error::Check`] where an engine sees another loss, [`Error`] where a device fails.
pub async fn boundaries(
    gpu: Option<&Arc<Gpu>>,
    rounds: u32,
    tell: &mut dyn FnMut(&str),
    stop: &dyn Fn() -> bool,
) -> Result<BoundaryCosts, Error> {
    let cases = cases(gpu)?;
    let mut costs: Vec<BoundaryCost> = cases.iter().map(Case::unmeasured).collect();
    let mut stopped = false;
    'rounds: for _ in 0..rounds {
        for (case, cost) in cases.iter().zip(&mut costs) {
            tell(&case.name);
            let (step, boundary) = case.measure(stop).await?;
            // What was cut short says nothing.
            stopped = stop();
            if stopped {
                break 'rounds;
            }
            cost.steps.extend([step]);
            cost.boundaries.extend([boundary]);
        }
    }
    costs.retain(|cost| !cost.steps.is_empty());
    Ok(BoundaryCosts { rounds, costs, stopped })
}

fn cases(gpu: Option<&Arc<Gpu>>) -> Result<Vec<Case>, Error> {
    let (relu, identity) = (Activation::Relu, Activation::Identity);
    let large = Network::uniform(vec![784, 512, 10], relu, identity, Loss::SoftmaxCrossEntropy)?;
    let small = Network::uniform(vec![2, 3, 1], relu, Activation::Sigmoid, Loss::Bce)?;
    let xor = Source::Xor.built_in().transpose()?;
    let mut cases = Vec::new();
    for (network, data) in
        [Some((large, pixels(ROWS, 784, 10)?)), xor.map(|xor| (small, xor))].into_iter().flatten()
    {
        let data = Arc::new(data);
        let training = Training {
            held_out: HeldOut { validation: Some(Arc::clone(&data)), test: None },
            // So low that the loss falls at every step, and each is the best so far.
            learning_rate: 1e-4,
            doctor: false,
            ..Training::new(network, data)
        };
        let mut specs = vec![EngineSpec::Cpu];
        specs.extend(gpu.map(|gpu| EngineSpec::Layered(Arc::clone(gpu), Kernels::Fused)));
        specs.extend(gpu.map(|gpu| EngineSpec::Resident(Arc::clone(gpu), None)));
        for spec in specs {
            // The resident engine does not take every network.
            if training.check_on(&spec).is_ok() {
                let name = format!("{}, {}", joined(training.network.sizes(), "-"), spec.kind());
                cases.push(Case { training: training.clone(), spec, name });
            }
        }
    }
    Ok(cases)
}

impl Case {
    fn unmeasured(&self) -> BoundaryCost {
        BoundaryCost {
            layers: self.training.network.sizes().to_vec(),
            rows: self.training.data.rows(),
            engine: self.spec.kind().to_string(),
            steps: Times::default(),
            boundaries: Times::default(),
        }
    }

    /// Seconds of a step, and of a boundary beyond that.
    async fn measure(&self, stop: &dyn Fn() -> bool) -> Result<(f64, f64), Error> {
        let is_slow = self.seconds(FEW, stop).await? >= MEASURED.as_secs_f64();
        let least = if is_slow { FEW } else { FIRST };
        let (mut count, first) = (least, self.seconds(least, stop).await?);
        let both = loop {
            let more = self.seconds(least + count, stop).await? - first;
            if more >= MEASURED.as_secs_f64() || least + 4 * count > CLOSE_BOUNDARIES || stop() {
                break more / f64::from(count);
            }
            count *= 4;
        };
        let mut engine = Engine::new(self.training.task(self.training.seed), &self.spec).await?;
        let run = async |steps| engine.run(steps, stop).await.map(drop);
        let step = seconds_of_one(MEASURED, stop, run).await?;
        Ok((step, both - step))
    }

    /// Seconds of so many epochs, of a step and a boundary each.
    async fn seconds(&self, epochs: u32, stop: &dyn Fn() -> bool) -> Result<f64, Error> {
        let training = Training { epochs, ..self.training.clone() };
        let outcome = training.run_from(&self.spec, None, true, &mut |_| Ok(()), stop).await?;
        let run = &outcome.kept;
        if let (Some(seen), false) = (&run.validation, stop()) {
            let data = &training.data;
            let here = forward(&training.network, &run.parameters, data.inputs());
            let here = evaluate(&training.network, data, &here);
            let near = Bound::Mixed { absolute: 1e-4, relative: 1e-4 };
            let label = format!("the loss of {}", self.name);
            verified(&label, &[seen.loss as f32], &[here.loss], near)?;
        }
        Ok(outcome.train_seconds)
    }
}
