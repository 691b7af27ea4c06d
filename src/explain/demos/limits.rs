//! Demonstrations of what a network can and cannot do.

use std::sync::Arc;

use super::lab::{Lab, norm, weights, xor};
use super::{Inequality, Measured, Relation, Section, Table};
use crate::check::{batch, wide};
use crate::data::Dataset;
use crate::engine::activations;
use crate::network::{Activation, Layout, Loss, Network};
use crate::reference::Reference;
use crate::train::Training;

/// The four rows of XOR, as their table has them.
const ROWS: [([f64; 2], bool); 4] =
    [([0.0, 0.0], false), ([0.0, 1.0], true), ([1.0, 0.0], true), ([1.0, 1.0], false)];

/// A line `w1 x1 + w2 x2 + b = 0`: what it gives for each row.
fn sums([w1, w2, b]: [f64; 3]) -> [f64; 4] {
    ROWS.map(|([x1, x2], _)| w1 * x1 + w2 * x2 + b)
}

/// How many rows lie on their side of it.
fn right(line: [f64; 3]) -> usize {
    sums(line).iter().zip(&ROWS).filter(|(sum, (_, is_one))| (**sum > 0.0) == *is_one).count()
}

pub(super) async fn single_layer(lab: &Lab<'_>) -> Measured {
    let training = Training { restarts: 64, epochs: 2000, ..xor(&[2, 1], Activation::Relu)? };
    let run = lab.train(&training).await?;
    let layout = Layout::new(&training.network);
    let own = |index: usize| f64::from(run.parameters[index]);
    let w = layout.weights(0);
    let trained = [own(w.index(0, 0)), own(w.index(1, 0)), own(layout.bias(0).index(0, 0))];
    let or = [1.0, 1.0, -0.5];
    let needs = ["b <= 0", "w2 + b > 0", "w1 + b > 0", "w1 + w2 + b <= 0"];
    let mut table =
        Table::new(&["row", "target", "needs", "trained", "holds", "x1 + x2 - 0.5", "holds"]);
    let holds = |sum: f64, is_one: bool| if (sum > 0.0) == is_one { "yes" } else { "no" };
    let (of_trained, of_or) = (sums(trained), sums(or));
    for (at, ([x1, x2], is_one)) in ROWS.into_iter().enumerate() {
        table.push([
            format!("{x1} {x2}").into(),
            usize::from(is_one).into(),
            needs[at].into(),
            of_trained[at].into(),
            holds(of_trained[at], is_one).into(),
            of_or[at].into(),
            holds(of_or[at], is_one).into(),
        ]);
    }
    // Not the end alone: a run may pass by what it does not keep.
    let mut most = 0;
    let task = training.task(0);
    let [inputs, targets] = batch::<f64>(&task, 0);
    for seed in 0..u64::from(training.restarts) {
        let start = training.init.parameters(&training.network, seed, 1.0);
        let mut reference = Reference::new(&training.network, wide(&start));
        for _ in 0..training.epochs {
            reference.step(&inputs, &targets, f64::from(training.learning_rate));
            let of = |index: usize| reference.parameters[index];
            let line = [of(w.index(0, 0)), of(w.index(1, 0)), of(layout.bias(0).index(0, 0))];
            most = most.max(right(line));
        }
    }
    lab.note("f64 reference (the rows right after every epoch)".to_owned());
    let about = format!(
        "One layer computes w1 x1 + w2 x2 + b, and answers 1 where that is above 0. Each row of XOR asks one inequality \
         of it. Those of 0 1 and 1 0 add up to w1 + w2 + 2b > 0, those of 0 0 and 1 1 to w1 + w2 + 2b <= 0: whatever \
         the weights, one of the four fails. Here the sums of the network that was trained best (of 64 starts of 2-1, \
         2000 epochs: w1 = {:.1e}, w2 = {:.1e}, b = {:.1e}; with bce it ends where every output is 1/2), and of a line that \
         gets 3 rows right:",
        trained[0], trained[1], trained[2]
    );
    // Every line with weights and bias between -2 and 2 in quarters.
    let quarters = || (-8..=8).map(|at| f64::from(at) / 4.0);
    let lines = quarters()
        .flat_map(|w1| quarters().flat_map(move |w2| quarters().map(move |b| right([w1, w2, b]))));
    let mut counts = Table::new(&["rows right", "lines"]);
    let found: Vec<usize> = lines.collect();
    for rows in 0..=4 {
        let lines = found.iter().filter(|found| **found == rows).count();
        counts.push([rows.into(), lines.into()]);
    }
    let tried = format!(
        "How many rows of XOR each of {} lines gets right, with w1, w2 and b from -2 to 2 in quarters:",
        found.len()
    );
    let solved = lab.count(vec![training.clone()]).await?;
    let [none, one, other, both] = of_trained;
    let inequalities = vec![
        Inequality::new(
            "most rows right after any of 2000 epochs of 64 starts",
            most as f64,
            Relation::Equal,
            3.0,
        ),
        Inequality::new(
            "most rows right of these lines",
            found.into_iter().max().unwrap_or(0) as f64,
            Relation::Equal,
            3.0,
        ),
        Inequality::new(
            "starts of 64 that solve XOR",
            solved[0].solved as f64,
            Relation::Equal,
            0.0,
        ),
        Inequality::new(
            "distance of the sums of 0 1 and 1 0 together from those of 0 0 and 1 1",
            (one + other - none - both).abs(),
            Relation::AtMost,
            1e-12,
        ),
    ];
    Ok((vec![Section { about, table }, Section { about: tried, table: counts }], inequalities))
}

pub(super) async fn one_point(lab: &Lab<'_>) -> Measured {
    let network =
        Network::uniform(vec![2, 3, 1], Activation::Tanh, Activation::Identity, Loss::MseHalfMean)?;
    let data = Arc::new(Dataset::new("one point", vec![0.3, -0.7], 2, vec![0.25], 1)?);
    let training = Training { doctor: false, epochs: 1000, ..Training::new(network, data) };
    let (losses, _) = lab.steps(&training, training.epochs).await?;
    let mut table = Table::new(&["epoch", "loss before it"]);
    for epoch in [1, 2, 5, 10, 20, 50, 100, 1000] {
        table.push([epoch.into(), losses[epoch - 1].into()]);
    }
    let about = "2-3-1 with tanh units on the one row 0.3, -0.7 with the target 0.25, rate 0.5. A network that cannot do \
                 even this has a fault in its backward pass:"
        .to_owned();
    let (first, last) = (f64::from(losses[0]), f64::from(losses[losses.len() - 1]));
    let inequalities = vec![
        Inequality::new("loss before the last epoch", last, Relation::Below, 1e-10),
        Inequality::new("loss before the first epoch", first, Relation::Above, 1e-3),
    ];
    Ok((vec![Section { about, table }], inequalities))
}

/// Where the hidden units put each row of XOR, and how far on its side of the output's line each lies.
fn folded(network: &Network, parameters: &[f32], inputs: &[f32]) -> Vec<([f32; 2], f64)> {
    let hidden = activations(network, parameters, inputs).swap_remove(0);
    let w = weights(network, 1, parameters);
    let bias = parameters[Layout::new(network).bias(1).index(0, 0)];
    let of_row = |(h, (_, is_one)): (&[f32], &([f64; 2], bool))| {
        let distance = f64::from(h[0] * w[0] + h[1] * w[1] + bias) / norm(w.clone());
        ([h[0], h[1]], if *is_one { distance } else { -distance })
    };
    hidden.chunks_exact(2).zip(&ROWS).map(of_row).collect()
}

pub(super) async fn folding(lab: &Lab<'_>) -> Measured {
    let training = Training { restarts: 64, epochs: 2000, ..xor(&[2, 2, 1], Activation::Tanh)? };
    let run = lab.train(&training).await?;
    let network = &training.network;
    let start = training.init.parameters(network, run.seed, training.init_scale);
    let inputs = training.data.inputs();
    let (before, after) =
        (folded(network, &start, inputs), folded(network, &run.parameters, inputs));
    let mut table = Table::new(&[
        "row",
        "target",
        "h1 before",
        "h2 before",
        "margin",
        "h1 after",
        "h2 after",
        "margin",
    ]);
    for (([x1, x2], is_one), (before, after)) in ROWS.into_iter().zip(before.iter().zip(&after)) {
        table.push([
            format!("{x1} {x2}").into(),
            usize::from(is_one).into(),
            before.0[0].into(),
            before.0[1].into(),
            before.1.into(),
            after.0[0].into(),
            after.0[1].into(),
            after.1.into(),
        ]);
    }
    let line = |parameters: &[f32]| {
        let w = weights(network, 1, parameters);
        let bias = parameters[Layout::new(network).bias(1).index(0, 0)];
        format!("{:.4} h1 + {:.4} h2 + {bias:.4} = 0", w[0], w[1]).replace("+ -", "- ")
    };
    let about = format!(
        "XOR, 2-2-1 with tanh units, 2000 epochs from the first of 64 starts that solves it (seed {}). The hidden units \
         h1 and h2 are coordinates of each row; the output is above 1/2 on one side of a line in them: {} before, {} \
         after. A margin is the distance from that line, negative on the wrong side:",
        run.seed,
        line(&start),
        line(&run.parameters)
    );
    let least = |all: &[([f32; 2], f64)]| all.iter().map(|row| row.1).fold(f64::INFINITY, f64::min);
    let inequalities = vec![
        Inequality::new("smallest margin before", least(&before), Relation::AtMost, 0.0),
        Inequality::new("smallest margin after", least(&after), Relation::Above, 0.0),
    ];
    lab.note("cpu engine (hidden units, from the weights)".to_owned());
    Ok((vec![Section { about, table }], inequalities))
}
