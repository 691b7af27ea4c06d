//! Demonstrations of how long it takes, and how often it works.

use std::sync::Arc;

use super::lab::{Lab, xor};
use super::{Inequality, Measured, Relation, Section, Table};
use crate::data::Dataset;
use crate::network::{Activation, Initializer, Loss, Network};
use crate::optimizer::{Optimizer, OptimizerKind};
use crate::train::Training;

pub(super) async fn bce(lab: &Lab<'_>) -> Measured {
    let losses = [Loss::Bce, Loss::MseHalfMean];
    let kinds = [Activation::Relu, Activation::Tanh];
    let mut trainings = Vec::new();
    for &kind in &kinds {
        for &loss in &losses {
            let network = Network::uniform(vec![2, 3, 1], kind, Activation::Sigmoid, loss)?;
            let plain = xor(&[2, 3, 1], kind)?;
            trainings.push(Training { network, restarts: 1024, epochs: 20_000, ..plain });
        }
    }
    let counts = lab.count(trainings).await?;
    let mut table =
        Table::new(&["hidden units", "loss", "solved of 1024", "median epochs", "bce takes"]);
    let median = |at: usize| counts[at].median_epochs().map_or(f64::NAN, f64::from);
    let mut inequalities = Vec::new();
    for (at, kind) in kinds.iter().enumerate() {
        let share = median(2 * at) / median(2 * at + 1);
        for (own, loss) in losses.iter().enumerate() {
            let count = &counts[2 * at + own];
            table.push([
                kind.name().into(),
                loss.name().into(),
                (count.solved as usize).into(),
                count.median_epochs().into(),
                (own == 0).then_some(share).into(),
            ]);
        }
        let what = format!("median epochs of bce, {kind}");
        inequalities.push(
            Inequality::new(&what, median(2 * at), Relation::Below, 0.5 * median(2 * at + 1))
                .than("half of those of mse-half-mean"),
        );
    }
    let about = "XOR, 2-3-1 with a sigmoid output, rate 0.5, 1024 starts, until solved (every output within 0.1 of its \
                 target) or 20000 epochs; the median of those that solve it, and the share of the epochs of \
                 mse-half-mean that bce takes:"
        .to_owned();
    Ok((vec![Section { about, table }], inequalities))
}

pub(super) async fn momentum(lab: &Lab<'_>) -> Measured {
    let network = Network::uniform(
        vec![2, 1],
        Activation::Identity,
        Activation::Identity,
        Loss::MseHalfMean,
    )?;
    // Curvatures 1 and 1/100.
    let inputs = vec![1.0, 0.1, 1.0, -0.1, -1.0, 0.1, -1.0, -0.1];
    let targets = inputs.chunks_exact(2).map(|x| x[0] + 5.0 * x[1]).collect();
    let data = Arc::new(Dataset::new("valley", inputs, 2, targets, 1)?);
    let plain = Training {
        doctor: false,
        init: Initializer::Zeros,
        learning_rate: 1.0,
        epochs: 2000,
        ..Training::new(network, data)
    };
    let mut table =
        Table::new(&["optimizer", "rate", "epochs until below 1e-6", "loss at the end"]);
    let mut epochs = Vec::new();
    for kind in [OptimizerKind::Sgd, OptimizerKind::Momentum, OptimizerKind::Nesterov] {
        let training = Training { optimizer: Optimizer::new(kind), ..plain.clone() };
        let (losses, _) = lab.steps(&training, training.epochs).await?;
        // Until it stays there: a velocity swings past.
        let settled = losses.iter().rposition(|&loss| loss > 1e-6).map_or(0, |at| at + 1);
        let last = losses[losses.len() - 1];
        let name = match kind {
            OptimizerKind::Sgd => "sgd".to_owned(),
            kind => format!("{kind} 0.9"),
        };
        let rate = training.learning_rate;
        table.push([name.into(), rate.into(), settled.into(), last.into()]);
        epochs.push(settled as f64);
    }
    let about = "A linear regression, t = x1 + 5 x2, whose second input is a tenth of the first: the loss is a valley \
                 100 times as steep across as along. From weights 0, all with the same rate, for 2000 epochs; the epochs after \
                 which the loss stays below 1e-6:"
        .to_owned();
    let inequalities = vec![
        Inequality::new("epochs with momentum", epochs[1], Relation::Below, epochs[0] / 3.0)
            .than("a third of those without"),
        Inequality::new("epochs with nesterov", epochs[2], Relation::Below, epochs[0] / 3.0)
            .than("a third of those without"),
    ];
    Ok((vec![Section { about, table }], inequalities))
}

const WIDTHS: [usize; 4] = [2, 3, 4, 8];
const STARTS: u32 = 1024;

pub(super) async fn odds(lab: &Lab<'_>) -> Measured {
    let kinds = [Activation::Relu, Activation::LeakyRelu, Activation::Tanh, Activation::Sigmoid];
    let mut trainings = Vec::new();
    for &kind in &kinds {
        for width in WIDTHS {
            let plain = xor(&[2, width, 1], kind)?;
            trainings.push(Training { restarts: STARTS, epochs: 5000, ..plain });
        }
    }
    let counts = lab.count(trainings).await?;
    let share =
        |kind: usize, width: usize| counts[kind * WIDTHS.len() + width].rate().unwrap_or(f64::NAN);
    let head: Vec<String> = std::iter::once("activation".to_owned())
        .chain(WIDTHS.iter().map(|width| format!("{width} units")))
        .collect();
    let mut table = Table { head, rows: Vec::new() };
    let mut inequalities = Vec::new();
    for (at, kind) in kinds.iter().enumerate() {
        let cells =
            (0..WIDTHS.len()).map(|width| format!("{:.1} %", 100.0 * share(at, width)).into());
        table.push(std::iter::once(kind.name().into()).chain(cells));
        let (few, many) = (share(at, 0), share(at, WIDTHS.len() - 1));
        let what = format!("share that 8 {kind} units solve");
        inequalities
            .push(Inequality::new(&what, many, Relation::Above, few).than("the share of 2 units"));
    }
    let about = format!(
        "How many of {STARTS} starts solve XOR within 5000 epochs at rate 0.5 with bce, by activation and by the number \
         of hidden units; weights he-normal for the relu kinds, xavier-uniform for the others:"
    );
    Ok((vec![Section { about, table }], inequalities))
}
