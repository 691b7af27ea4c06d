//! Random networks with random data, and how they are trained: what the checks of whole networks go over.

use std::sync::Arc;

use rand::RngExt;

use super::case::Scope;
use crate::Error;
use crate::data::{Batches, Dataset, Order, epoch_key, permuted};
use crate::engine::{State, Task};
use crate::network::{
    Activation, Layout, Link, Loss, Network, Norm, Targets, Tensor, TensorKind, joined,
};
use crate::optimizer::{Optimizer, OptimizerKind, RateSchedule};
use crate::random::{Purpose, Threefry};

/// How many networks there are, and how many of them where it is quick: with these every activation, loss and
/// optimizer is among them, and every number of layers from 1 to 4.
const NETWORKS: usize = 24;
const FEW_NETWORKS: usize = 8;
/// The most units of a layer, of a network that is small and of another, and the most rows.
pub(super) const MOST_UNITS: [usize; 2] = [6, 20];
const MOST_ROWS: usize = 17;
/// The networks of a check, with what they learn and how.
pub(super) fn tasks(scope: &Scope) -> Vec<Task> {
    let all: Vec<usize> = (0..NETWORKS).collect();
    scope.some(&all, FEW_NETWORKS).iter().filter_map(|&at| task(at, scope.seed).ok()).collect()
}

/// One of them; what is not drawn goes around, so that nothing is left out.
fn task(at: usize, seed: u64) -> Result<Task, Error> {
    let mut random = Threefry::new(seed, Purpose::Rows, at as u32);
    let around = |step: usize, len: usize| (at * step + at / len) % len;
    let loss = Loss::ALL[at % Loss::ALL.len()];
    let kind = OptimizerKind::ALL[around(1, OptimizerKind::ALL.len())];
    let layers = 1 + at % 4;
    let most = MOST_UNITS[usize::from(at % 5 > 1)];
    let mut sizes: Vec<usize> = (0..=layers).map(|_| random.random_range(1..=most)).collect();
    if loss.link() == Link::Softmax {
        sizes[layers] = sizes[layers].max(2);
    }
    let some = |place: usize| Activation::ALL[(3 * at + 2 * place) % Activation::ALL.len()];
    let mut activations: Vec<Activation> = (0..layers).map(some).collect();
    activations[layers - 1] = loss.required_output().unwrap_or(activations[layers - 1]);
    // With two and with three hidden layers, one of them behind a norm. Of a few units some are left.
    let dropout = if [3, 6].contains(&(at % 8)) { 0.25 } else { 0.0 };
    if dropout > 0.0 {
        sizes[1..layers].iter_mut().for_each(|units| *units = (*units).max(3));
    }
    let network = Network::new(sizes, activations, loss)?;

    let rows = random.random_range(3..=MOST_ROWS);
    let batch = if at.is_multiple_of(3) { 0 } else { random.random_range(1..rows) };
    // With one and with two hidden layers; in batches of two rows at least.
    let norm = if [5, 6].contains(&(at % 8)) { Norm::Batch } else { Norm::None };
    let batch = if norm.refusal(rows, batch).is_some() { 0 } else { batch };
    let network = network.with_norm(norm)?.with_dropout(dropout)?;
    let data = data(&network, rows, &mut random)?;
    let outputs = network.outputs();
    let data = match at % 5 {
        4 => data
            .with_class_weights(&(0..outputs.max(2)).map(|c| 1.0 + c as f64).collect::<Vec<_>>()),
        _ => data,
    };
    let plain = Optimizer::new(kind);
    let optimizer = Optimizer {
        clip_norm: (at % 3 == 1).then_some(0.5),
        clip_value: (at % 4 == 2).then_some(0.125),
        weight_decay: if at % 5 == 3 { 0.0625 } else { plain.weight_decay },
        ..plain
    };
    let parameters = parameters(&network, &mut random);
    Ok(Task {
        batches: Batches::new(rows, batch, Order::Shuffled, seed),
        // Who divides by the root of a mean of squares moves every parameter by about its rate.
        learning_rate: if optimizer.has_moments()[1] { 0.0009765625 } else { 0.125 },
        start: State::new(parameters),
        schedule: RateSchedule::default(),
        data: Arc::new(data),
        optimizer,
        network,
    })
}

/// Rows of numbers with targets that a network's loss takes, the same for the same seed.
///
/// # Errors
/// [`Error::Data`] for too many rows.
#[cfg(feature = "cli")]
pub fn random_rows(network: &Network, rows: usize, seed: u64) -> Result<Dataset, Error> {
    data(network, rows, &mut Threefry::new(seed, Purpose::Rows, 0))
}

fn data(network: &Network, rows: usize, random: &mut Threefry) -> Result<Dataset, Error> {
    let outputs = network.outputs();
    let inputs = (0..rows * network.inputs()).map(|_| random.random_range(-2.0f32..2.0)).collect();
    let mut targets: Vec<f32> =
        (0..rows * outputs).map(|_| random.random_range(0.0..1.0)).collect();
    match network.loss().row().targets {
        Targets::Numbers => targets.iter_mut().for_each(|target| *target = 4.0 * *target - 2.0),
        Targets::Probabilities => {}
        Targets::Distribution => {
            for row in targets.chunks_exact_mut(outputs) {
                row.fill(0.0);
                row[random.random_range(0..outputs)] = 1.0;
            }
        }
    }
    Ok(Dataset::new("random rows", inputs, network.inputs(), targets, outputs)?)
}

/// Weights that keep numbers near 1 from layer to layer, biases that are not zero, and norms that are not as at a
/// start.
fn parameters(network: &Network, random: &mut Threefry) -> Vec<f32> {
    let layout = Layout::new(network);
    let lists = layout.tensors().iter().map(|tensor| {
        let limit = match tensor.kind {
            TensorKind::Weights | TensorKind::Bias => {
                (3.0 / network.sizes()[tensor.layer] as f32).sqrt()
            }
            _ => 0.5,
        };
        let mut drawn = || tensor.kind.start() + limit * random.random_range(-1.0..1.0f32);
        (0..tensor.rows * tensor.cols).map(|_| drawn()).collect()
    });
    layout.pack::<f32>(&lists.collect::<Vec<_>>())
}

/// What makes a task different from others.
pub(super) fn described(task: &Task) -> String {
    let Task { network, optimizer, batches, .. } = task;
    let activations: Vec<&str> = network.activations().iter().map(|kind| kind.name()).collect();
    let mut label = format!(
        "{} {} {} {}, batch {} of {}",
        joined(network.sizes(), "-"),
        activations.join(","),
        network.loss(),
        optimizer.kind,
        batches.batch(),
        batches.rows()
    );
    if network.norm() != Norm::None {
        label = format!("{label}, {} norm", network.norm());
    }
    if network.dropout() > 0.0 {
        label = format!("{label}, dropout {}", network.dropout());
    }
    if task.data.is_weighted() {
        label += ", weighted";
    }
    label
}

/// Some places of a tensor.
pub(super) struct Sampled {
    pub tensor: Tensor,
    /// Rows and columns.
    pub places: Vec<(usize, usize)>,
}

/// All places of what a network learns, or where these are more than `most`, so many, of small tensors all.
pub(super) fn sampled(network: &Network, most: usize, seed: u64) -> Vec<Sampled> {
    let layout = Layout::new(network);
    let mut order: Vec<&Tensor> = layout.learned().collect();
    order.sort_by_key(|tensor| tensor.rows * tensor.cols);
    let (mut left, mut after) = (most, order.len());
    let mut all: Vec<Sampled> = Vec::new();
    for tensor in order {
        let len = tensor.rows * tensor.cols;
        let count = len.min(left / after);
        (left, after) = (left - count, after - 1);
        let key = epoch_key(seed, tensor.offset as u32);
        let place = |at: usize| match count == len {
            true => at,
            false => permuted(key, len as u32, at as u32) as usize,
        };
        let places = (0..count).map(place).map(|at| (at / tensor.cols, at % tensor.cols)).collect();
        all.push(Sampled { tensor: tensor.clone(), places });
    }
    all.sort_by_key(|sampled| sampled.tensor.offset);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::AdapterClass;

    fn scope(is_quick: bool) -> Scope {
        let class = AdapterClass::Software { subgroup: None, pairs: false };
        Scope { class, is_llvmpipe: false, iterations: u32::MAX, is_quick, seed: 0 }
    }

    #[test]
    fn every_activation_loss_optimizer_and_depth_is_among_them() {
        for (is_quick, count) in [(true, FEW_NETWORKS), (false, NETWORKS)] {
            let tasks = tasks(&scope(is_quick));
            assert_eq!(tasks.len(), count);
            let hidden = |task: &Task| {
                task.network.activations()[..task.network.activations().len() - 1].to_vec()
            };
            for kind in Activation::ALL {
                assert!(tasks.iter().any(|task| hidden(task).contains(kind)), "{kind}");
            }
            for &loss in Loss::ALL {
                assert!(tasks.iter().any(|task| task.network.loss() == loss), "{loss}");
            }
            for &kind in OptimizerKind::ALL {
                assert!(tasks.iter().any(|task| task.optimizer.kind == kind), "{kind}");
            }
            for layers in 1..=4 {
                assert!(tasks.iter().any(|task| task.network.activations().len() == layers));
            }
            let some = |is_so: fn(&Task) -> bool| tasks.iter().any(is_so);
            assert!(some(|task| task.data.is_weighted()) && some(|task| task.batches.is_full()));
            assert!(some(|task| task.optimizer.clip_norm.is_some()));
            assert!(some(|task| task.optimizer.clip_value.is_some()));
            assert!(some(|task| task.optimizer.weight_decay != 0.0));
            let has_norm = |task: &&Task| task.network.norm() == Norm::Batch;
            let normed: Vec<&Task> = tasks.iter().filter(has_norm).collect();
            assert!(normed.iter().any(|task| task.batches.is_full()) && normed.len() > 1);
            assert!(some(|task| task.network.norm() == Norm::None));
            assert!(tasks.iter().all(|task| task.check().is_ok()));
        }
    }

    #[test]
    fn a_seed_draws_the_same_networks_and_another_one_others() {
        let drawn = |seed| {
            let tasks = tasks(&Scope { seed, ..scope(true) });
            tasks.into_iter().map(|task| (task.network, task.start)).collect::<Vec<_>>()
        };
        assert!(drawn(3) == drawn(3) && drawn(3) != drawn(4));
    }

    #[test]
    fn a_sample_has_all_of_small_tensors_and_no_place_twice() {
        let (hidden, output, loss) = (Activation::Relu, Activation::Sigmoid, Loss::MseMean);
        let network = Network::uniform(vec![30, 50, 3], hidden, output, loss).unwrap();
        let all = sampled(&network, 1000, 7);
        let lens: Vec<usize> = all.iter().map(|sampled| sampled.places.len()).collect();
        assert_eq!(lens, [797, 50, 150, 3]);
        for Sampled { tensor, places } in &all {
            let mut indices: Vec<usize> =
                places.iter().map(|&(row, col)| tensor.index(row, col)).collect();
            indices.sort_unstable();
            indices.dedup();
            assert_eq!(indices.len(), places.len(), "{}", tensor.name);
        }
        let all = sampled(&network, 5000, 7);
        assert!(all.iter().all(|s| s.places.len() == s.tensor.rows * s.tensor.cols));
    }
}
