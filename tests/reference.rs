//! The oracle itself: gradients by central differences in f64 for every parameter, and what must
//! hold of any right trainer.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;

use common::{assert_apart, assert_close, numbers, wide};
use wgrad::check::{Bound, central_differences};
use wgrad::data::Source;
use wgrad::network::{Activation, Initializer, Layout, Loss, Network, Norm, TensorKind};
use wgrad::reference::Reference;

/// Relative error below which a gradient counts as right.
const TOLERANCE: f64 = 1e-5;
/// Gradients smaller than this are compared with this: below it the two losses' rounding is all
/// there is (1e-16 of a loss near 1, over a step of 1e-5, is 1e-11).
const FLOOR: f64 = 1e-5;
const STEP: f64 = 1e-5;

/// Every loss with every output it takes, over several shapes and hidden activations.
fn networks() -> Vec<Network> {
    let mut networks = Vec::new();
    for &loss in Loss::ALL {
        let outputs =
            loss.required_output().map_or(Activation::ALL.to_vec(), |output| vec![output]);
        for output in outputs {
            for &hidden in Activation::ALL {
                for sizes in [vec![3, 2], vec![2, 3, 2], vec![3, 4, 3, 2]] {
                    networks.push(Network::uniform(sizes, hidden, output, loss).unwrap());
                }
                for sizes in [vec![2, 3, 2], vec![3, 4, 3, 2]] {
                    let network = Network::uniform(sizes, hidden, output, loss).unwrap();
                    networks.push(network.with_norm(Norm::Batch).unwrap());
                }
            }
        }
    }
    networks
}

/// Five rows; targets are class probabilities, so that every loss takes them.
fn rows(network: &Network) -> (Vec<f64>, Vec<f64>) {
    let inputs = wide(&numbers(5 * network.inputs(), 20));
    let targets = (0..5).flat_map(|row| if row % 2 == 0 { [1.0, 0.0] } else { [0.25, 0.75] });
    (inputs, targets.collect())
}

/// Parameters with biases that are not zero.
fn parameters(network: &Network) -> Vec<f64> {
    let layout = Layout::new(network);
    let lens = layout.tensors().iter().map(|tensor| tensor.rows * tensor.cols);
    let lists: Vec<Vec<f64>> = (30..).zip(lens).map(|(s, len)| wide(&numbers(len, s))).collect();
    layout.pack(&lists)
}

#[test]
fn every_gradient_agrees_with_central_differences() {
    let (mut compared, mut kinks) = (0, 0);
    for network in networks() {
        let (inputs, targets) = rows(&network);
        for check in central_differences(&network, &parameters(&network), &inputs, &targets, STEP) {
            let error = check.relative_error(FLOOR);
            assert!(error < TOLERANCE, "{network:?} {check:?}: relative error {error:e}");
            compared += usize::from(check.numeric.is_some());
            kinks += usize::from(check.numeric.is_none());
        }
    }
    assert!(compared > 2000, "{compared} gradients compared");
    assert!(kinks < compared / 100, "{kinks} of {compared} fell on kinks");
}

/// Differences must be able to fail: gradients made wrong on purpose are found out.
#[test]
fn a_wrong_gradient_is_found_out() {
    let network =
        Network::uniform(vec![2, 3, 2], Activation::Tanh, Activation::Sigmoid, Loss::MseMean)
            .unwrap();
    let (inputs, targets) = rows(&network);
    let checks = central_differences(&network, &parameters(&network), &inputs, &targets, STEP);
    let numeric: Vec<f64> = checks.iter().map(|check| check.numeric.unwrap()).collect();
    let analytic: Vec<f64> = checks.iter().map(|check| check.analytic).collect();
    let bound = Bound::Mixed { absolute: 1e-9, relative: TOLERANCE };
    assert_close("as it is", &analytic, &numeric, bound);
    let negated: Vec<f64> = analytic.iter().map(|g| -g).collect();
    assert_apart("wrong sign", &negated, &numeric, bound);
    let unscaled: Vec<f64> = analytic.iter().map(|g| g * 5.0).collect();
    assert_apart("the forgotten 1/B", &unscaled, &numeric, bound);
    // The forgotten slope of the hidden layer: it then trains as if it were linear.
    let linear =
        Network::uniform(vec![2, 3, 2], Activation::Identity, Activation::Sigmoid, Loss::MseMean)
            .unwrap();
    let checks = central_differences(&linear, &parameters(&linear), &inputs, &targets, STEP);
    let forgotten: Vec<f64> = checks.iter().map(|check| check.analytic).collect();
    assert_apart("the forgotten slope", &forgotten, &numeric, bound);
}

#[test]
fn hidden_units_that_start_alike_stay_alike() {
    for init in [0.0, 0.3] {
        let network =
            Network::uniform(vec![2, 3, 1], Activation::Tanh, Activation::Sigmoid, Loss::Bce)
                .unwrap();
        let layout = Layout::new(&network);
        let lists = layout.tensors().iter().map(|tensor| vec![init; tensor.rows * tensor.cols]);
        let mut reference = Reference::new(&network, layout.pack(&lists.collect::<Vec<_>>()));
        let xor = Source::Xor.built_in().unwrap().unwrap();
        // Not quite XOR: its symmetry would keep even the outputs' gradient at zero.
        let targets = [0.0, 1.0, 0.5, 0.0];
        for _ in 0..500 {
            reference.step(&wide(xor.inputs()), &targets, 0.5);
        }
        let lists = layout.unpack(&reference.parameters);
        for row in lists[0].chunks(3).chain([&lists[1][..], &lists[2][..]]) {
            assert!(row.iter().all(|unit| *unit == row[0]), "from {init}: {row:?}");
        }
    }
}

#[test]
fn a_single_row_is_fitted() {
    for &loss in Loss::ALL {
        let output = loss.required_output().unwrap_or(Activation::Sigmoid);
        let network = Network::uniform(vec![3, 5, 2], Activation::Tanh, output, loss).unwrap();
        let mut reference = Reference::new(
            &network,
            wide(&Initializer::XavierUniform.parameters(&network, 1, 1.0)),
        );
        let (inputs, targets) = ([0.5, -1.0, 0.25], [1.0, 0.0]);
        let mut last = f64::INFINITY;
        for _ in 0..5000 {
            last = reference.step(&inputs, &targets, 0.5);
        }
        assert!(last < 2e-3, "{loss}: loss {last}");
    }
}

#[test]
fn a_single_layer_cannot_pass_three_of_four_on_xor() {
    let network =
        Network::uniform(vec![2, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap();
    let xor = Source::Xor.built_in().unwrap().unwrap();
    let mut best = 0;
    for seed in 0..50 {
        let mut reference = Reference::new(
            &network,
            wide(&Initializer::XavierUniform.parameters(&network, seed, 1.0)),
        );
        for _ in 0..300 {
            reference.step(&wide(xor.inputs()), &wide(xor.targets()), 1.0);
            let pairs = reference.outputs().iter().zip(xor.targets());
            best = best.max(pairs.filter(|(y, t)| (**y > 0.5) == (**t > 0.5)).count());
        }
    }
    assert!((2..=3).contains(&best), "{best} of 4");
}

#[test]
fn gradients_that_must_be_zero_are_zero() {
    // A ReLU unit that is off on every row, an input that is always 0, and padding.
    let network =
        Network::uniform(vec![2, 2, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap();
    let layout = Layout::new(&network);
    let lists = [vec![1.0, -1.0, 0.5, -2.0], vec![0.1, -0.5], vec![0.7, 0.9], vec![0.2]];
    let mut reference = Reference::new(&network, layout.pack(&lists));
    let (inputs, targets) = ([1.0, 0.0, 2.0, 0.0, 0.5, 0.0], [1.0, 0.0, 1.0]);
    reference.forward(&inputs);
    reference.backward(&inputs, &targets);
    let weights = layout.weights(0);
    let zero = [
        weights.index(0, 1),
        weights.index(1, 0),
        weights.index(1, 1),
        layout.bias(0).index(0, 1),
        layout.weights(1).index(1, 0),
    ];
    for index in zero {
        assert_eq!(reference.gradients[index], 0.0, "{:?}", layout.locate(index));
    }
    for index in [weights.index(0, 0), layout.bias(0).index(0, 0), layout.weights(1).index(0, 0)] {
        assert_ne!(reference.gradients[index], 0.0, "{:?}", layout.locate(index));
    }
    for index in (0..layout.len()).filter(|&index| layout.locate(index).is_none()) {
        assert_eq!(reference.gradients[index], 0.0, "padding at {index}");
    }
}

/// One step of 2-3-1 worked out on paper: every unit is on, so that the sums stay small.
#[test]
fn one_step_by_hand() {
    let network =
        Network::uniform(vec![2, 2, 1], Activation::Relu, Activation::Identity, Loss::MseHalfMean)
            .unwrap();
    let layout = Layout::new(&network);
    let lists = [vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 1.0], vec![1.0, -1.0], vec![0.5]];
    let mut reference = Reference::new(&network, layout.pack(&lists));
    // x = (1, 1): z1 = (4, 7), y = 4 - 7 + 0.5 = -2.5; t = 0.5, so dy = -3 and loss = 4.5.
    let loss = reference.step(&[1.0, 1.0], &[0.5], 0.1);
    assert_eq!(loss, 4.5);
    assert_eq!(reference.outputs(), [-2.5]);
    let gradients = layout.unpack(&reference.gradients);
    assert_eq!(
        gradients,
        [vec![-3.0, 3.0, -3.0, 3.0], vec![-3.0, 3.0], vec![-12.0, -21.0], vec![-3.0]]
    );
    let after = layout.unpack(&reference.parameters);
    let expected = [vec![1.3, 1.7, 3.3, 3.7], vec![0.3, 0.7], vec![2.2, 1.1], vec![0.8]];
    assert_close(
        "after",
        &after.concat(),
        &expected.concat(),
        Bound::Mixed { absolute: 1e-14, relative: 0.0 },
    );
    assert_eq!(layout.bias(0).kind, TensorKind::Bias);
}
