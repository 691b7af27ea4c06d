//! What engines are given to train: every place that can, and tasks over rows of any kind.
#![allow(dead_code, clippy::expect_used, clippy::unwrap_used)]

use std::sync::Arc;

use crate::common::{gpu, numbers, wide};
use wgrad::check::reference_step;
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::State;
use wgrad::engine::resident::{self, Request};
use wgrad::engine::{EngineSpec, Kernels, Mapping, Task};
use wgrad::network::{Activation, Initializer, Loss, Network};
use wgrad::reference::Reference;

/// Every place that can step, but the resident engine, which does not take every network.
pub fn specs() -> [EngineSpec; 3] {
    let layered = |kernels| EngineSpec::Layered(gpu(), kernels);
    [EngineSpec::Cpu, layered(Kernels::Fused), layered(Kernels::Plain)]
}

/// The resident engine with each mapping that takes a network.
pub fn resident_specs(task: &Task) -> Vec<EngineSpec> {
    let fits = |mapping: &&Mapping| {
        let mapping = Some(**mapping);
        let wanted = Request { mapping, ..task.request() };
        resident::check_limits(wanted, &task.data, &gpu()).is_ok()
    };
    Mapping::ALL
        .iter()
        .filter(fits)
        .map(|&mapping| EngineSpec::Resident(gpu(), Some(mapping)))
        .collect()
}

pub fn never() -> bool {
    false
}

/// Rows with inputs of any kind and targets that every loss takes.
pub fn data(rows: usize, inputs: usize, outputs: usize) -> Arc<Dataset> {
    let mut targets = vec![0.0; rows * outputs];
    for row in 0..rows {
        targets[row * outputs + row * 7 % outputs] = 1.0;
    }
    let inputs_list = numbers(rows * inputs, 50);
    Arc::new(Dataset::new("rows", inputs_list, inputs, targets, outputs).unwrap())
}

pub fn task(
    sizes: &[usize],
    hidden: Activation,
    loss: Loss,
    rows: usize,
    batch: usize,
    order: Order,
) -> Task {
    let output = loss.required_output().unwrap_or(Activation::Tanh);
    let network = Network::uniform(sizes.to_vec(), hidden, output, loss).unwrap();
    let data = data(rows, network.inputs(), network.outputs());
    let mut task = Task::new(network, data, Batches::new(rows, batch, order, 11));
    task.start = State::new(Initializer::XavierNormal.parameters(&task.network, 3, 1.0));
    task.learning_rate = 0.125;
    task
}

/// The reference over the same task, in f64.
pub fn reference_losses(task: &Task, steps: u32) -> (Vec<f64>, Reference<f64>) {
    let mut reference = Reference::new(&task.network, wide(&task.start.parameters));
    let losses = (0..steps).map(|_| reference_step(task, &mut reference));
    (losses.collect(), reference)
}
