//! Cases of the kernels that train whole networks, `train_invocation` and `train_workgroup`.

use super::trial::Trial;
use super::updates::{RATE, STEP};
use crate::check::{Case, Scope, numbers};
use crate::engine::Mapping;
use crate::network::{Activation, Loss, Network, Norm};
use crate::optimizer::{Optimizer, OptimizerKind};

/// 2-3-1 networks over XOR of which one is solved, one is not, and one is no network any more.
fn stopping(mapping: Mapping, network: &Network, batch: usize) -> Trial {
    let solved = vec![1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, -1.0, 0.0, 10.0, -20.0, 0.0, -5.0];
    let trial = Trial::xor(mapping, network, 2);
    let mut broken = trial.starts[1].clone();
    broken[0] = f32::NAN;
    Trial {
        starts: vec![solved, trial.starts[1].clone(), broken],
        batch,
        steps: 4,
        loss_every: 0,
        stops_when_solved: true,
        ..trial
    }
}

/// A network with one kind of unit and the outputs that its loss takes.
fn network(sizes: &[usize], hidden: Activation, loss: Loss) -> Option<Network> {
    let output = loss.required_output().unwrap_or(Activation::Tanh);
    Network::uniform(sizes.to_vec(), hidden, output, loss).ok()
}

/// Seven rows of three inputs and two targets, of one class each; with weights where that is asked for.
fn classes(is_weighted: bool) -> [Vec<f32>; 2] {
    let mut targets = Vec::new();
    for row in 0..7 {
        targets.extend([[1.0, 0.0], [0.0, 1.0]][row * 5 % 7 % 2]);
        targets.extend(is_weighted.then_some(0.5 + row as f32 / 4.0));
    }
    [numbers(21, 70), targets]
}

/// Units per layer, and what hidden ones are.
type Shape = (&'static [usize], Activation);

fn cases(
    mapping: Mapping,
    shapes: &[Shape],
    dropping: &[(&'static [usize], Activation, usize)],
    wide: &[usize],
    scope: &Scope,
) -> Vec<Case> {
    let mut all = Vec::new();
    let plain = network(&[2, 3, 1], Activation::Relu, Loss::Bce);
    for network in plain.iter() {
        for (networks, rates, steps, loss_every) in [
            (1, &[0.5][..], 1, 1),
            (5, &[0.5], 20, 6),
            (66, &[0.25, 0.5, 1.0], 12, 1),
            (3, &[0.5], 20, 0),
        ] {
            let trial = Trial::xor(mapping, network, networks);
            let rates = rates.to_vec();
            let trial = Trial { rates, steps, loss_every, ..trial };
            all.extend(trial.case(&format!("losses of every {loss_every}")));
        }
        for &batch in scope.some(&[0, 3], 0) {
            let case = stopping(mapping, network, batch).case("stopping when solved");
            all.extend(case.map(Case::trusted));
        }
    }
    // A mask of its own for each step, row and network; what is solved is seen without one.
    for network in plain.iter().filter(|_| !scope.is_quick) {
        let Ok(network) = network.clone().with_dropout(0.5) else { continue };
        for batch in [0, 3] {
            let case = stopping(mapping, &network, batch).case("dropout, stopping when solved");
            all.extend(case.map(Case::trusted));
        }
    }
    for &(sizes, hidden, batch) in scope.some(dropping, 0) {
        let Some(network) = network(sizes, hidden, Loss::Bce) else { continue };
        let Ok(network) = network.with_dropout(0.25) else { continue };
        let trial = Trial { steps: 7, first: 2, batch, ..Trial::xor(mapping, &network, 5) };
        all.extend(trial.case(&format!("{hidden}, dropout")).map(Case::trusted));
    }
    for &(sizes, hidden) in scope.some(shapes, 0) {
        let Some(network) = network(sizes, hidden, Loss::Bce) else { continue };
        let trial = Trial { steps: 20, ..Trial::xor(mapping, &network, 5) };
        all.extend(trial.case(&format!("{hidden}")).map(Case::trusted));
    }
    // One step of each optimizer from where moments are, with what else there is: every kind of unit, losses,
    // weights, batches in an order of their own, of which the last is short.
    let of = |kind| Optimizer::new(kind);
    use OptimizerKind::{Adam, AdamW, Momentum, Nesterov, RmsProp, Sgd};
    let clipped = |kind, norm: f64| Optimizer { clip_norm: Some(norm), ..of(kind) };
    let valued = |kind, value: f64| Optimizer { clip_value: Some(value), ..of(kind) };
    let decayed = Optimizer { weight_decay: 0.0625, ..of(Momentum) };
    let rows: [(Optimizer, Activation, Loss, bool, usize); 6] = [
        (clipped(Adam, 0.125), Activation::Gelu, Loss::SoftmaxCrossEntropy, true, 3),
        (decayed, Activation::Tanh, Loss::MseMean, false, 3),
        (valued(Nesterov, 0.0625), Activation::Silu, Loss::Huber, false, 0),
        (of(RmsProp), Activation::LeakyRelu, Loss::BceWithLogits, true, 0),
        (of(AdamW), Activation::Elu, Loss::SoftmaxCrossEntropy, false, 3),
        (clipped(Sgd, 0.125), Activation::Sigmoid, Loss::Bce, false, 3),
    ];
    for &(optimizer, hidden, loss, is_weighted, batch) in scope.some(&rows, 0) {
        let Some(network) = network(wide, hidden, loss) else { continue };
        for (first, steps) in [(STEP, 1), (STEP + 1, 1)] {
            let trial = Trial {
                optimizer,
                data: classes(is_weighted),
                is_weighted,
                batch,
                rates: vec![RATE],
                first,
                steps,
                ..Trial::xor(mapping, &network, 5)
            };
            all.extend(trial.case(&format!("{hidden}, {loss}, step {first}")).map(Case::trusted));
        }
    }
    all
}

/// One hidden layer and two, of as many units as lanes and of a rest, and equally wide ones.
pub(super) fn invocation(scope: &Scope) -> Vec<Case> {
    use Activation::{Relu, Sigmoid};
    // A sigmoid of nothing is 1/2: lanes without a unit must not count.
    let shapes: [Shape; 4] = [
        (&[2, 3, 2, 1], Relu),
        (&[2, 5, 1], Sigmoid),
        (&[2, 4, 4, 1], Relu),
        (&[2, 2, 2, 1], Relu),
    ];
    // Groups of three, of which every other begins at an odd unit.
    let dropping: [(&[usize], _, _); 2] = [(&[2, 6, 1], Sigmoid, 3), (&[2, 3, 4, 1], Relu, 0)];
    cases(Mapping::Invocation, &shapes, &dropping, &[3, 2, 2], scope)
}

/// Networks with a norm, what hidden units are, how gradients are clipped, rows of a batch and the probability of dropout.
type Normed = (&'static [usize], Activation, Option<f64>, usize, f64);
const NORMED: [Normed; 4] = [
    (&[3, 5, 2], Activation::Tanh, None, 0, 0.0),
    (&[3, 70, 2], Activation::Relu, None, 4, 0.0),
    (&[3, 5, 4, 2], Activation::Gelu, Some(0.125), 5, 0.0),
    (&[3, 4, 4, 2], Activation::Sigmoid, None, 0, 0.5),
];

/// Two steps of such networks, the second of them a short batch where there is one.
fn normed(&(sizes, hidden, clip_norm, batch, dropout): &Normed) -> Option<Case> {
    let plain = network(sizes, hidden, Loss::SoftmaxCrossEntropy)?;
    let network = plain.with_norm(Norm::Batch).ok()?.with_dropout(dropout).ok()?;
    let trial = Trial {
        optimizer: Optimizer { clip_norm, ..Optimizer::default() },
        data: classes(false),
        batch,
        steps: 2,
        ..Trial::xor(Mapping::Workgroup, &network, 3)
    };
    trial.case(&format!("{hidden} behind a norm")).map(Case::trusted)
}

/// Any depth.
pub(super) fn workgroup(scope: &Scope) -> Vec<Case> {
    use Activation::{Gelu, Relu};
    let shapes: [Shape; 3] = [(&[2, 1], Relu), (&[2, 70, 1], Relu), (&[2, 3, 4, 5, 1], Gelu)];
    let dropping: [(&[usize], _, _); 2] = [(&[2, 70, 1], Relu, 0), (&[2, 3, 4, 5, 1], Gelu, 3)];
    let mut all = cases(Mapping::Workgroup, &shapes, &dropping, &[3, 5, 4, 2], scope);
    all.extend(scope.some(&NORMED, 0).iter().filter_map(normed));
    all
}

#[cfg(test)]
mod tests {
    use super::{invocation, workgroup};
    use crate::check::Scope;
    use crate::gpu::AdapterClass;

    /// A network that a mapping does not take would be left out without a word.
    #[test]
    fn every_network_fits_its_mapping() {
        let class = AdapterClass::Gpu;
        let whole =
            Scope { class, is_llvmpipe: false, iterations: u32::MAX, is_quick: false, seed: 0 };
        let quick = Scope { is_quick: true, ..whole };
        assert_eq!([&whole, &quick].map(|scope| invocation(scope).len()), [4 + 2 + 4 + 4 + 12, 4]);
        assert_eq!(
            [&whole, &quick].map(|scope| workgroup(scope).len()),
            [4 + 2 + 4 + 3 + 12 + 4, 4]
        );
    }
}
