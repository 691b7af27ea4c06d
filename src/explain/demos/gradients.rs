//! Demonstrations of gradients: wrong ones, small ones and large ones.

use super::lab::{Lab, data, norm, shape, weights, xor};
use super::{Inequality, Measured, Relation, Section, Table};
use crate::Error;
use crate::check::{
    GradientCheck, MutantOutcome, Options, STEP, Watch, batch, central_differences, run_mutants,
    wide,
};
use crate::data::{Shape, Source};
use crate::network::{Activation, Layout, Loss, Network, Norm};
use crate::optimizer::Optimizer;
use crate::reference::Reference;
use crate::train::Training;

/// Below this a gradient is not told from rounding.
const FLOOR: f64 = 1e-6;
const EPOCHS: u32 = 2000;

/// The gradients of a network with one hidden layer by a backward pass that forgets the activation's derivative there:
/// it takes dLoss/da for dLoss/dz. Leaves the right ones of the output layer.
fn without_derivative(
    network: &Network,
    reference: &mut Reference<f64>,
    inputs: &[f64],
    targets: &[f64],
) {
    reference.forward(inputs);
    reference.backward(inputs, targets);
    let layout = Layout::new(network);
    let (fan_in, units) = (network.inputs(), network.sizes()[1]);
    let rows: Vec<(&[f64], &[f64])> = inputs
        .chunks_exact(fan_in)
        .zip(reference.between.d_activations[0].chunks_exact(units))
        .collect();
    for unit in 0..units {
        for input in 0..fan_in {
            let sum = rows.iter().map(|(x, d)| x[input] * d[unit]).sum();
            reference.gradients[layout.weights(0).index(input, unit)] = sum;
        }
        let sum = rows.iter().map(|(_, d)| d[unit]).sum();
        reference.gradients[layout.bias(0).index(0, unit)] = sum;
    }
}

pub(super) async fn missing_derivative(lab: &Lab<'_>) -> Measured {
    let training = xor(&[2, 3, 1], Activation::Tanh)?;
    let (network, task) = (&training.network, training.task(0));
    let [inputs, targets] = batch::<f64>(&task, 0);
    let start = wide(&task.start.parameters);
    let right = central_differences(network, &start, &inputs, &targets, STEP);
    let mut broken = Reference::new(network, start.clone());
    without_derivative(network, &mut broken, &inputs, &targets);
    let layout = Layout::new(network);
    let places = layout.tensors().iter().flat_map(|tensor| tensor.indices());
    let wrong: Vec<GradientCheck> = right
        .iter()
        .zip(places)
        .map(|(check, index)| GradientCheck { analytic: broken.gradients[index], ..check.clone() })
        .collect();
    let worst = |checks: &[GradientCheck]| {
        checks.iter().map(|check| check.relative_error(FLOOR)).fold(0.0, f64::max)
    };
    let mut table =
        Table::new(&["tensor", "parameters", "relative error", "without the derivative"]);
    let mut at = 0;
    for tensor in layout.tensors() {
        let range = at..at + tensor.rows * tensor.cols;
        at = range.end;
        table.push([
            tensor.name.clone().into(),
            range.len().into(),
            worst(&right[range.clone()]).into(),
            worst(&wrong[range]).into(),
        ]);
    }
    lab.note("f64 reference".to_owned());
    let about = "XOR, 2-3-1 with tanh units, seed 0: the largest relative error of each tensor's gradients against \
                 central differences, of the right backward pass and of one that takes dA1 for dZ1:"
        .to_owned();
    let mut sections = vec![Section { about, table }];
    let mut inequalities = vec![
        Inequality::new("relative error", worst(&right), Relation::Below, 1e-5),
        Inequality::new(
            "relative error without the derivative",
            worst(&wrong),
            Relation::Above,
            0.1,
        ),
    ];
    // Such a network trains all the same, only worse: nothing fails but the check.
    let mut own = Reference::new(network, start.clone());
    let mut without = Reference::new(network, start);
    let (mut losses, rate) = ([0.0; 2], f64::from(training.learning_rate));
    for _ in 0..EPOCHS {
        losses[0] = own.optimized_step(&inputs, &targets, &Optimizer::default(), rate);
        without_derivative(network, &mut without, &inputs, &targets);
        losses[1] = without.between.loss;
        let gradients = without.gradients.iter();
        without.parameters.iter_mut().zip(gradients).for_each(|(p, g)| *p -= rate * g);
    }
    let mut trained = Table::new(&["backward pass", "epochs", "loss"]);
    trained.push(["right".into(), EPOCHS.into(), losses[0].into()]);
    trained.push(["without the derivative".into(), EPOCHS.into(), losses[1].into()]);
    let about = format!("{EPOCHS} epochs of each, from the same start:");
    sections.push(Section { about, table: trained });
    if let Some(gpu) = lab.gpu() {
        let filter = Some("activate_grad".to_owned());
        let options = Options { filter, ..Options::default() };
        let report = run_mutants(gpu, &options, &mut Watch::new(|_| (), || lab.stops())).await?;
        let mut table = Table::new(&["fault in the kernel activate_grad", "found by"]);
        for trial in &report.trials {
            let found = match &trial.outcome {
                MutantOutcome::Caught { by } => by.split(": ").next().unwrap_or_default(),
                _ => "nothing",
            };
            table.push([trial.mutant.name.into(), found.into()]);
        }
        lab.note(format!("kernels broken on purpose on {}", gpu.adapter().describe()));
        let about = "The kernel that applies the derivative, broken on purpose on the device, and the case of its check \
                     that finds each fault:"
            .to_owned();
        sections.push(Section { about, table });
        let (found, all) = (report.caught() as f64, report.trials.len() as f64);
        inequalities
            .push(Inequality::new("faults found", found, Relation::Equal, all).than("faults made"));
    }
    Ok((sections, inequalities))
}

/// Hidden layers of the deep networks, and their units.
const DEPTH: usize = 6;
const WIDTH: usize = 8;
const SEEDS: u64 = 8;

pub(super) async fn vanishing(lab: &Lab<'_>) -> Measured {
    let sizes = [vec![4], vec![WIDTH; DEPTH], vec![1]].concat();
    let kinds = [Activation::Sigmoid, Activation::Tanh, Activation::Relu];
    let mut norms = vec![vec![0.0; kinds.len()]; DEPTH + 1];
    let parity = data(&Source::Parity(4))?;
    for (column, &kind) in kinds.iter().enumerate() {
        let network = Network::uniform(sizes.clone(), kind, Activation::Sigmoid, Loss::Bce)?;
        let training = Training::new(network, parity.clone());
        for seed in 0..SEEDS {
            let (gradients, _) = lab.first_gradients(training.task(seed)).await?;
            for (layer, row) in norms.iter_mut().enumerate() {
                let own = norm(weights(&training.network, layer, &gradients));
                row[column] += own / SEEDS as f64;
            }
        }
    }
    let mut table = Table::new(&["layer", "sigmoid", "tanh", "relu"]);
    for (layer, row) in norms.iter().enumerate() {
        let numbers = row.iter().map(|&value| value.into());
        table.push(std::iter::once((layer + 1).into()).chain(numbers));
    }
    let about = format!(
        "The parity of 4 bits, {DEPTH} hidden layers of {WIDTH} units: the norm of each layer's weight gradients in the \
         first step, the mean of {SEEDS} starts. Each sigmoid multiplies what comes back by its slope, at most 1/4:"
    );
    let left = |column: usize| norms[0][column] / norms[DEPTH][column];
    let [sigmoid, tanh, relu] = [0, 1, 2].map(left);
    let mut shares = Table::new(&["activation", "first layer / last layer"]);
    for (name, share) in [("sigmoid", sigmoid), ("tanh", tanh), ("relu", relu)] {
        shares.push([name.into(), share.into()]);
    }
    let inequalities = vec![
        Inequality::new("first / last with sigmoid", sigmoid, Relation::Below, 1e-3),
        Inequality::new("first / last with relu", relu, Relation::Above, 100.0 * sigmoid)
            .than("100 times that with sigmoid"),
    ];
    let what = "What is left of the gradient at the first layer:".to_owned();
    Ok((vec![Section { about, table }, Section { about: what, table: shares }], inequalities))
}

pub(super) async fn clipping(lab: &Lab<'_>) -> Measured {
    let sizes = vec![4, 16, 16, 1];
    let network =
        Network::uniform(sizes, Activation::LeakyRelu, Activation::Identity, Loss::MseMean)?;
    let plain = Training {
        doctor: false,
        learning_rate: 1.0,
        epochs: 500,
        ..Training::new(network, data(&Source::Parity(4))?)
    };
    let mut table = Table::new(&["clipping", "epochs", "ended", "loss at the start", "at the end"]);
    let mut measured = Vec::new();
    for clip_norm in [None, Some(0.1)] {
        let optimizer = Optimizer { clip_norm, ..Optimizer::default() };
        let training = Training { optimizer, ..plain.clone() };
        let (losses, _) = lab.steps(&training, 1).await?;
        let first = f64::from(losses[0]);
        let (epochs, ended, last) = match lab.train(&training).await {
            Ok(run) => (run.epochs, "in order", Some(run.evaluation.loss)),
            Err(Error::Diverged { step, .. }) => (step, "diverged", None),
            Err(error) => return Err(error),
        };
        let name = clip_norm.map_or("none".to_owned(), |most| format!("norm at most {most}"));
        table.push([name.into(), epochs.into(), ended.into(), first.into(), last.into()]);
        measured.push((first, last, epochs));
    }
    let about = "The parity of 4 bits as a regression, 4-16-16-1 with leaky-relu units, mse-mean, rate 1: far too large. An \
                 error makes a gradient that makes a larger error. (The step at which a run is seen to have diverged is \
                 that of a report boundary.)"
        .to_owned();
    let diverged = f64::from(u8::from(measured[0].1.is_none()));
    let last = measured[1].1.unwrap_or(f64::NAN);
    let inequalities = vec![
        Inequality::new("runs without clipping that diverge", diverged, Relation::Equal, 1.0),
        Inequality::new("loss with clipping at the end", last, Relation::Below, measured[1].0)
            .than("that at the start"),
    ];
    Ok((vec![Section { about, table }], inequalities))
}

/// Hidden layers that a norm makes trainable, their units, and for how long.
const MANY_LAYERS: usize = 9;
const MANY_UNITS: usize = 16;
const MANY_EPOCHS: u32 = 100;

pub(super) async fn batch_norm(lab: &Lab<'_>) -> Measured {
    let circles = shape(Shape::Circles, 500)?;
    let sizes = [vec![2], vec![MANY_UNITS; MANY_LAYERS], vec![1]].concat();
    let network = Network::uniform(sizes, Activation::Sigmoid, Activation::Sigmoid, Loss::Bce)?;
    let head = ["layer", "gradient without", "gradient with"];
    let (mut gradients, mut trained) =
        (Table::new(&head), Table::new(&["norm", "loss at the end", "rows right"]));
    let (mut norms, mut right) = (Vec::new(), Vec::new());
    for kind in [Norm::None, Norm::Batch] {
        let network = network.clone().with_norm(kind)?;
        let plain = Training::new(network, circles.clone());
        let training =
            Training { doctor: false, epochs: MANY_EPOCHS, batch: 32, learning_rate: 0.1, ..plain };
        let (all, _) = lab.first_gradients(training.task(training.seed)).await?;
        let layers = 0..=MANY_LAYERS;
        norms.push(
            layers.map(|layer| norm(weights(&training.network, layer, &all))).collect::<Vec<_>>(),
        );
        let evaluation = lab.train(&training).await?.evaluation;
        let share = evaluation.accuracy(training.data.rows()).unwrap_or(f64::NAN);
        trained.push([kind.name().into(), evaluation.loss.into(), share.into()]);
        right.push(share);
    }
    for (layer, (without, with)) in norms[0].iter().zip(&norms[1]).enumerate() {
        gradients.push([(layer + 1).into(), (*without).into(), (*with).into()]);
    }
    let about = format!(
        "Two circles of {} rows, {MANY_LAYERS} hidden layers of {MANY_UNITS} sigmoid units and an output: the norm of each \
         layer's weight gradients in the first step, without and with batch normalization:",
        circles.rows()
    );
    let after = format!("After {MANY_EPOCHS} epochs in batches of 32 rows, from the same start:");
    let inequalities = vec![
        Inequality::new(
            "first / last layer's gradient without",
            norms[0][0] / norms[0][MANY_LAYERS],
            Relation::Below,
            1e-4,
        ),
        Inequality::new(
            "first layer's gradient with",
            norms[1][0],
            Relation::Above,
            1e4 * norms[0][0],
        )
        .than("10,000 times that without"),
        Inequality::new("share of rows right without", right[0], Relation::Below, 0.6),
        Inequality::new("share of rows right with", right[1], Relation::Above, 0.95),
    ];
    Ok((
        vec![Section { about, table: gradients }, Section { about: after, table: trained }],
        inequalities,
    ))
}
