//! Traces that PyTorch computed (`tests/golden/README.md` explains them), as an engine takes them.
#![allow(dead_code, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use serde::Deserialize;
use wgrad::check::{Bound, compare};
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::{State, Task};
use wgrad::network::{Activation, HUBER_DELTA, Layout, Loss, Network, Norm};
use wgrad::optimizer::{Optimizer, OptimizerKind};

#[derive(Deserialize, Clone)]
pub struct Trace {
    pub name: String,
    pub network: TraceNetwork,
    pub optimizer: TraceOptimizer,
    pub batch_size: usize,
    pub steps_total: u32,
    pub inputs: Vec<Vec<f64>>,
    pub targets: Targets,
    pub params: Vec<Params>,
    pub f64: Recorded,
    pub f32_drift: Drift,
}

#[derive(Deserialize, Clone)]
pub struct TraceNetwork {
    pub sizes: Vec<usize>,
    pub activations: Vec<Activation>,
    pub loss: Loss,
    pub huber_delta: Option<f64>,
    pub norm: Option<Norm>,
}

/// Whatever is left out is as PyTorch has it by default.
#[derive(Deserialize, Clone)]
pub struct TraceOptimizer {
    pub name: String,
    pub lr: f64,
    #[serde(default)]
    pub momentum: f64,
    #[serde(default)]
    pub nesterov: bool,
    #[serde(default)]
    pub weight_decay: f64,
    pub weight_decay_mode: Option<String>,
    pub clip_global_norm: Option<f64>,
    pub beta1: Option<f64>,
    pub beta2: Option<f64>,
    pub alpha: Option<f64>,
    pub eps: Option<f64>,
}

impl TraceOptimizer {
    pub fn rule(&self) -> Optimizer {
        let kind = match (self.name.as_str(), self.nesterov, self.momentum == 0.0) {
            ("sgd", true, _) => OptimizerKind::Nesterov,
            ("sgd", false, false) => OptimizerKind::Momentum,
            (name, ..) => name.parse().unwrap(),
        };
        let mut rule = Optimizer::new(kind);
        if self.momentum != 0.0 {
            rule.momentum = self.momentum;
        }
        rule.beta1 = self.beta1.unwrap_or(rule.beta1);
        rule.beta2 = self.beta2.unwrap_or(rule.beta2);
        rule.alpha = self.alpha.unwrap_or(rule.alpha);
        rule.eps = self.eps.unwrap_or(rule.eps);
        rule.weight_decay = self.weight_decay;
        if self.weight_decay != 0.0 {
            rule.decay = self.weight_decay_mode.as_deref().unwrap_or("l2").parse().unwrap();
        }
        rule.clip_norm = self.clip_global_norm;
        rule.check().unwrap();
        rule
    }
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub enum Targets {
    Rows(Vec<Vec<f64>>),
    Classes(Vec<usize>),
}

#[derive(Deserialize, Clone)]
pub struct Params {
    pub w: Vec<Vec<f64>>,
    pub b: Vec<f64>,
    pub gamma: Option<Vec<f64>>,
    pub beta: Option<Vec<f64>>,
}

/// The running estimates of a layer's norm.
#[derive(Deserialize, Clone)]
pub struct Running {
    pub mean: Vec<f64>,
    pub var: Vec<f64>,
}

#[derive(Deserialize, Clone)]
pub struct Recorded {
    pub steps: Vec<Step>,
    pub loss_curve: Vec<(u32, f64)>,
    pub r#final: Final,
}

#[derive(Deserialize, Clone)]
pub struct Step {
    pub step: u32,
    pub rows: [usize; 2],
    pub loss: f64,
    pub outputs: Vec<Vec<f64>>,
    pub pre_activations: Option<Vec<Vec<Vec<f64>>>>,
    pub pre_activation_grads: Option<Vec<Vec<Vec<f64>>>>,
    pub grads: Vec<Params>,
    pub params_after: Vec<Params>,
    #[serde(default)]
    pub running: Vec<Running>,
}

#[derive(Deserialize, Clone)]
pub struct Final {
    pub loss: f64,
    pub outputs: Vec<Vec<f64>>,
    pub params: Vec<Params>,
    #[serde(default)]
    pub running: Vec<Running>,
}

#[derive(Deserialize, Clone)]
pub struct Drift {
    pub steps: Vec<StepDrift>,
    pub loss_curve: f64,
    pub r#final: FinalDrift,
}

#[derive(Deserialize, Clone)]
pub struct StepDrift {
    pub loss: f64,
    pub outputs: f64,
    pub grads: f64,
    pub params_after: f64,
    #[serde(default)]
    pub running: f64,
}

#[derive(Deserialize, Clone)]
pub struct FinalDrift {
    pub loss: f64,
    pub outputs: f64,
    pub params: f64,
    #[serde(default)]
    pub running: f64,
}

/// How near a replay must be: the traces' README gives both.
#[derive(Clone, Copy)]
pub enum Nearness {
    /// f64: 1e-9 relative. The absolute part is for sums that cancel.
    Truth,
    /// f32: a few times the distance of PyTorch's own f32 run, and never less than some 1e-6,
    /// absolute for values up to 1 and relative above.
    Single,
}

/// "A few times."
pub const DRIFTS: f64 = 6.0;
/// "Some 1e-6."
pub const FLOOR: f64 = 4e-6;

impl Nearness {
    pub fn check(
        self,
        label: &str,
        actual: &[f64],
        expected: &[f64],
        drift: f64,
    ) -> Result<(), Failed> {
        let each: Vec<f64> = match self {
            Nearness::Truth => expected.iter().map(|e| 1e-12 + 1e-9 * e.abs()).collect(),
            Nearness::Single => expected
                .iter()
                .map(|e| f64::max(DRIFTS * drift, FLOOR * e.abs().max(1.0)))
                .collect(),
        };
        compare(label, actual, expected, Bound::Each(&each)).map(|_| ()).map_err(Failed::from)
    }
}

pub fn flat(rows: &[Vec<f64>]) -> Vec<f64> {
    rows.iter().flatten().copied().collect()
}

/// What is learned of every layer, in the order of the network's layout.
fn param_lists(layers: &[Params]) -> Vec<Vec<f64>> {
    let lists = |layer: &Params| {
        let of_norm = [layer.gamma.clone(), layer.beta.clone()];
        [Some(flat(&layer.w)), Some(layer.b.clone())].into_iter().chain(of_norm)
    };
    layers.iter().flat_map(lists).flatten().collect()
}

pub fn flat_params(layers: &[Params]) -> Vec<f64> {
    param_lists(layers).concat()
}

pub fn flat_running(norms: &[Running]) -> Vec<f64> {
    norms.iter().flat_map(|norm| [&norm.mean[..], &norm.var].concat()).collect()
}

impl Trace {
    pub fn read(path: &Path) -> Result<Trace, Failed> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?)
    }

    pub fn network(&self) -> Network {
        let TraceNetwork { sizes, activations, loss, huber_delta, norm } = self.network.clone();
        let network = Network::new(sizes, activations, loss).unwrap();
        let network = network.with_norm(norm.unwrap_or_default()).unwrap();
        match huber_delta {
            Some(delta) => network.with_hyperparameter(&HUBER_DELTA, delta).unwrap(),
            None => network,
        }
    }

    pub fn targets(&self) -> Vec<f64> {
        let outputs = *self.network.sizes.last().unwrap();
        match &self.targets {
            Targets::Rows(rows) => flat(rows),
            Targets::Classes(classes) => classes
                .iter()
                .flat_map(|&class| (0..outputs).map(move |col| f64::from(u8::from(col == class))))
                .collect(),
        }
    }

    /// The initial parameters in the network's layout.
    pub fn parameters(&self) -> Vec<f64> {
        let layout = Layout::new(&self.network());
        let mut lists = param_lists(&self.params);
        for tensor in &layout.tensors()[lists.len()..] {
            lists.push(vec![tensor.kind.start().into(); tensor.cols]);
        }
        layout.pack(&lists)
    }

    /// What an engine is given.
    pub fn task(&self) -> Task {
        let network = self.network();
        let narrow = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        let (inputs, targets) = (narrow(&flat(&self.inputs)), narrow(&self.targets()));
        let (input_len, target_len) = (network.inputs(), network.outputs());
        let data = Dataset::new(&self.name, inputs, input_len, targets, target_len).unwrap();
        data.check_fits(&network).unwrap();
        let mut task = Task::new(network, data, self.batches());
        task.learning_rate = self.optimizer.lr as f32;
        task.optimizer = self.optimizer.rule();
        task.start = State::new(narrow(&self.parameters()));
        task
    }

    pub fn batches(&self) -> Batches {
        Batches::new(self.inputs.len(), self.batch_size, Order::Sequential, 0)
    }
}

/// The files of a folder that hold traces.
pub fn trace_paths(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
}
