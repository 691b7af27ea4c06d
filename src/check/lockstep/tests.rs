use std::sync::Arc;

use super::*;
use crate::data::{Batches, Order, Source};
use crate::network::{Activation, Initializer, Loss, Network};
use crate::optimizer::{Optimizer, OptimizerKind, RateSchedule};

fn xor(kind: OptimizerKind, learning_rate: f32) -> Task {
    let (hidden, output) = (Activation::Tanh, Activation::Identity);
    let network = Network::uniform(vec![2, 3, 1], hidden, output, Loss::MseMean).unwrap();
    Task {
        start: State::new(Initializer::XavierNormal.parameters(&network, 0, 1.0)),
        network,
        data: Arc::new(Source::Xor.built_in().unwrap().unwrap()),
        batches: Batches::new(4, 3, Order::Shuffled, 0),
        learning_rate,
        optimizer: Optimizer::new(kind),
        schedule: RateSchedule::default(),
    }
}

/// What a device should write in the first step.
fn pair(task: &Task) -> Pair<'_> {
    let mut pair = Pair::new(task);
    carried_step(task, &mut pair.whole);
    carried_step(task, &mut pair.single);
    pair
}

#[test]
fn the_first_number_out_of_its_bound_is_named() {
    let task = xor(OptimizerKind::Adam, 0.01);
    for (kernel, what, place, tensor, element) in [
        ("batch_rows", Quantity::BatchRows, 2, "batch", "[2]"),
        ("matmul", Quantity::PreActivations(0), 5, "product of layer 0", "[1][2]"),
        ("bias_add", Quantity::PreActivations(0), 8, "pre-activations of layer 0", "[2][2]"),
        ("layer_forward", Quantity::Activations(0), 0, "activations of layer 0", "[0][0]"),
        (
            "activate_grad",
            Quantity::PreActivationGradients(0),
            4,
            "pre-activation gradients of layer 0",
            "[1][1]",
        ),
        ("finish_step", Quantity::Loss, 0, "loss", ""),
        ("bias_grad", Quantity::Gradients(0), 10, "gradient of layers.0.bias", "[0][2]"),
        ("layer_update", Quantity::Parameters(64), 8, "layers.1.weight", "[2][0]"),
        ("optimizer_step", Quantity::Moment(1, 0), 5, "second moment of layers.0.weight", "[1][1]"),
    ] {
        let mut pair = pair(&task);
        let written = |change: f64| {
            let len = if matches!(what, Quantity::Parameters(64)) { 16 } else { 128 };
            let mut values = vec![0.0; len];
            for piece in
                pair.expected(&pair.single, &Written { kernel, what, values: values.clone() })
            {
                for (at, number) in piece.numbers.iter().enumerate() {
                    values[piece.at + at] = f64::from(number.value() as f32);
                }
            }
            values[place] += change;
            Written { kernel, what, values }
        };
        let (right, wrong) = (written(0.0), written(1e-3));
        pair.compare(&right);
        assert_eq!(pair.found.apart, None, "{kernel}");
        pair.compare(&wrong);
        let apart = pair.found.apart.unwrap();
        let named = (apart.step, apart.kernel, &apart.tensor[..], &apart.element[..]);
        assert_eq!(named, (1, kernel, tensor, element));
        let text = apart.to_string();
        for part in [kernel, tensor, element, "bound of this step"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

/// What goes along from the start notices what each step by itself does not: a rate that is a little off.
#[test]
fn what_adds_up_is_found_by_the_reference_from_the_start() {
    let task = xor(OptimizerKind::Sgd, 0.1);
    let mut pair = pair(&task);
    let number = pair.whole.parameters[0];
    pair.single.parameters[0] = Inexact::new(number.value() + 1e-3, 1e-6);
    let mut values: Vec<f64> =
        pair.whole.parameters.iter().map(|number| f64::from(number.value() as f32)).collect();
    values[0] += 1e-3;
    pair.compare(&Written { kernel: "layer_update", what: Quantity::Parameters(0), values });
    assert!(!pair.found.apart.unwrap().of_step);
}
