use wgrad::check::Bound;
use wgrad::check::kernels::{
    population_given as given, population_layer, population_twin as twin, population_units, shape,
};
use wgrad::network::Activation;
use wgrad::reference::fused::LayerShape;

use crate::common::{assert_apart, assert_close};
use crate::launch::{SENTINEL, assert_matches_its_twin, floats, launch};

/// `[rows][fan_out][networks]`; fails where padding was written.
fn run(
    kind: Activation,
    input: (&[f32], bool),
    parameters: &[f32],
    shape: LayerShape,
    networks: usize,
) -> Vec<f32> {
    let (layer, args) = population_layer(kind, input, (parameters, false), shape, networks);
    let [units, padding] = population_units(&launch(&layer, &args)[0], shape, networks);
    assert!(padding.iter().all(|&word| word == SENTINEL));
    floats(&units).to_vec()
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("population_forward");
}

#[test]
fn by_hand() {
    // Two networks over one row (1, 2): weights 1, 1 and bias 0.5; weights -1, 0.25 and bias 0.
    let shape = shape((1, 2, 1));
    let parameters = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 1.0, 0.25, 0.5, 0.0];
    let data = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0];
    let outputs = run(Activation::Relu, (&data, true), &parameters, shape, 2);
    assert_close("relu", &outputs, &[3.5f32, 0.0], Bound::Exact);
    // The same row, given for each.
    let before = [1.0, 1.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0];
    let outputs = run(Activation::Identity, (&before, false), &parameters, shape, 2);
    assert_close("identity", &outputs, &[3.5f32, -0.5], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let shape = shape((5, 4, 3));
    let (input, parameters) = given(shape, 6, false);
    let actual = run(Activation::Relu, (&input, false), &parameters, shape, 6);
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    let other = twin(Activation::Identity, (&input, false), (&parameters, false), shape, 6);
    assert_apart("another activation", &actual, &other, near);
    let mut moved = parameters.clone();
    moved.rotate_left(1);
    let other = twin(Activation::Relu, (&input, false), (&moved, false), shape, 6);
    assert_apart("the next network's parameters", &actual, &other, near);
}
