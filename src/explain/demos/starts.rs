//! Demonstrations of how weights start, and of units that are lost.

use std::sync::Arc;

use super::lab::{Lab, data, norm, weights, xor};
use super::{Inequality, Measured, Relation, Section, Table};
use crate::data::Source;
use crate::network::{Activation, Initializer, Layout, Loss, Network};
use crate::train::Training;

const EPOCHS: u32 = 2000;
/// A start of 2-3-1 whose first unit is dead as a relu.
const DEAD_SEED: u64 = 13;

/// The largest difference between the weights of two hidden units, in and out.
fn unit_difference(network: &Network, parameters: &[f32]) -> f64 {
    let (into, out) = (weights(network, 0, parameters), weights(network, 1, parameters));
    let units = network.sizes()[1];
    let of_unit = |unit: usize| -> Vec<f32> {
        into.iter().skip(unit).step_by(units).chain([&out[unit]]).copied().collect()
    };
    let first = of_unit(0);
    let apart = |unit: usize| {
        let own = of_unit(unit);
        own.iter().zip(&first).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
    };
    (1..units).map(apart).fold(0.0, f64::max)
}

pub(super) async fn symmetry(lab: &Lab<'_>) -> Measured {
    let plain = Training { epochs: EPOCHS, ..xor(&[2, 3, 1], Activation::Sigmoid)? };
    let layout = Layout::new(&plain.network);
    let mut alike = vec![0.0; layout.len()];
    for layer in [0, 1] {
        layout.weights(layer).indices().for_each(|index| alike[index] = 0.5);
    }
    let starts = [
        ("all 0", Training { init: Initializer::Zeros, ..plain.clone() }),
        ("all 0.5", Training { initial: Some(Arc::new(alike)), ..plain.clone() }),
        ("drawn, xavier-uniform", plain.clone()),
    ];
    let mut table =
        Table::new(&["weights start", "epochs", "units differ by", "loss", "correct of 4"]);
    let mut measured = Vec::new();
    for (name, training) in starts {
        let run = lab.train(&training).await?;
        let apart = unit_difference(&training.network, &run.parameters);
        let (loss, right) = (run.evaluation.loss, run.evaluation.right);
        table.push([name.into(), run.epochs.into(), apart.into(), loss.into(), right.into()]);
        measured.push((apart, loss));
    }
    let about = format!(
        "XOR, 2-3-1 with sigmoid units, {EPOCHS} epochs of plain gradient descent. How far any two hidden units are \
         apart at the end, in all of their weights:"
    );
    let inequalities = vec![
        Inequality::new("units from all 0 differ by", measured[0].0, Relation::Equal, 0.0),
        Inequality::new("units from all 0.5 differ by", measured[1].0, Relation::Equal, 0.0),
        Inequality::new("drawn units differ by", measured[2].0, Relation::Above, 1.0),
        Inequality::new(
            "loss from drawn weights",
            measured[2].1,
            Relation::Below,
            0.1 * measured[0].1,
        )
        .than("a tenth of that from all 0"),
    ];
    Ok((vec![Section { about, table }], inequalities))
}

pub(super) async fn saturation(lab: &Lab<'_>) -> Measured {
    let network =
        Network::uniform(vec![4, 8, 1], Activation::Tanh, Activation::Sigmoid, Loss::Bce)?;
    let plain = Training { doctor: false, ..Training::new(network, data(&Source::Parity(4))?) };
    let layout = Layout::new(&plain.network);
    let mut table =
        Table::new(&["factor on W1", "mean slope", "saturated", "norm of dW1", "loss at the end"]);
    let mut measured = Vec::new();
    for factor in [1.0, 10.0, 100.0] {
        let mut start = plain.init.parameters(&plain.network, 0, 1.0);
        layout.weights(0).indices().for_each(|index| start[index] *= factor);
        let training = Training { initial: Some(Arc::new(start)), epochs: EPOCHS, ..plain.clone() };
        let (gradients, activations) = lab.first_gradients(training.task(0)).await?;
        let hidden = &activations[0];
        let count = hidden.len() as f64;
        let slope = hidden.iter().map(|a| 1.0 - f64::from(a * a)).sum::<f64>() / count;
        let full = hidden.iter().filter(|&&a| Activation::Tanh.is_saturated(a)).count() as f64;
        let gradient = norm(weights(&training.network, 0, &gradients));
        let loss = lab.train(&training).await?.evaluation.loss;
        let full = format!("{:.0} %", 100.0 * full / count);
        table.push([factor.into(), slope.into(), full.into(), gradient.into(), loss.into()]);
        measured.push((slope, gradient, loss));
    }
    let about = format!(
        "The parity of 4 bits, 4-8-1 with tanh units, xavier-uniform weights, those of the hidden layer times a factor: \
         the slope 1 - a^2 over all units and rows before the first step, the share of activations within 0.01 of -1 or \
         1, and the norm of the gradient that reaches W1; then {EPOCHS} epochs."
    );
    let [(slope, gradient, loss), _, (hot_slope, hot_gradient, hot_loss)] = measured[..] else {
        return Ok((Vec::new(), Vec::new()));
    };
    let inequalities = vec![
        Inequality::new("mean slope at 100 times", hot_slope, Relation::Below, 0.2 * slope)
            .than("a fifth of that at 1"),
        Inequality::new("norm of dW1 at 100 times", hot_gradient, Relation::Below, gradient)
            .than("that at 1"),
        Inequality::new("loss at 100 times", hot_loss, Relation::Above, loss).than("that at 1"),
    ];
    Ok((vec![Section { about, table }], inequalities))
}

pub(super) async fn dead_relu(lab: &Lab<'_>) -> Measured {
    let mut table = Table::new(&[
        "activation",
        "gradient of unit 1, first step",
        "its weights moved by",
        "loss",
        "correct of 4",
    ]);
    let mut measured = Vec::new();
    for activation in [Activation::Relu, Activation::LeakyRelu] {
        let training = Training { seed: DEAD_SEED, epochs: 5000, ..xor(&[2, 3, 1], activation)? };
        let layout = Layout::new(&training.network);
        let task = training.task(DEAD_SEED);
        let start = task.start.parameters.clone();
        let (gradients, _) = lab.first_gradients(task).await?;
        let run = lab.train(&training).await?;
        let unit = |all: &[f32]| -> Vec<f32> {
            let (into, bias) = (layout.weights(0), layout.bias(0));
            [into.index(0, 0), into.index(1, 0), bias.index(0, 0)].map(|index| all[index]).to_vec()
        };
        let gradient = norm(unit(&gradients));
        let moved = norm(unit(&run.parameters).iter().zip(unit(&start)).map(|(a, b)| a - b));
        let right = run.evaluation.right;
        table.push([
            activation.name().into(),
            gradient.into(),
            moved.into(),
            run.evaluation.loss.into(),
            right.into(),
        ]);
        measured.push((gradient, moved, right.unwrap_or(0) as f64));
    }
    let about = format!(
        "XOR, 2-3-1, the start of seed {DEAD_SEED}: both weights of unit 1 are negative, so that its sum is above 0 on no \
         row. 5000 epochs with relu, and from the same start with leaky-relu:"
    );
    let mut odds = Table::new(&["activation", "starts", "solved"]);
    let starts = [Activation::Relu, Activation::LeakyRelu].map(|activation| {
        Ok::<_, crate::Error>(Training {
            restarts: 1024,
            epochs: EPOCHS,
            ..xor(&[2, 3, 1], activation)?
        })
    });
    let counts = lab.count(starts.into_iter().collect::<Result<_, _>>()?).await?;
    for (name, count) in ["relu", "leaky-relu"].iter().zip(&counts) {
        odds.push([
            (*name).into(),
            (count.networks as usize).into(),
            (count.solved as usize).into(),
        ]);
    }
    let inequalities = vec![
        Inequality::new("gradient of the dead relu", measured[0].0, Relation::Equal, 0.0),
        Inequality::new("its weights moved by", measured[0].1, Relation::Equal, 0.0),
        Inequality::new("gradient with leaky-relu", measured[1].0, Relation::Above, 0.0),
        Inequality::new(
            "correct rows with leaky-relu",
            measured[1].2,
            Relation::Above,
            measured[0].2,
        )
        .than("those with relu"),
        Inequality::new(
            "starts solved with leaky-relu",
            counts[1].solved as f64,
            Relation::Above,
            counts[0].solved as f64,
        )
        .than("those with relu"),
    ];
    let random =
        format!("How many of 1024 random starts of 2-3-1 solve XOR within {EPOCHS} epochs:");
    let sections = vec![Section { about, table }, Section { about: random, table: odds }];
    Ok((sections, inequalities))
}
