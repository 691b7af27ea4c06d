use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::Activation;
use wgrad::reference::Real;
use wgrad::reference::fused::{self, LayerShape};

use crate::common::{ULP, assert_apart, assert_close, numbers, wide, with_default};
use crate::launch::{Arg, SENTINEL, floats, hold, launch};
use crate::layers::{absolute, launched, shape};

/// The layer's parameters stand behind so many others.
const BEFORE: usize = 3;
/// The rows begin behind so many others of a data set.
const FIRST_ROW: usize = 2;

/// `[rows][fan_out][networks]`; fails where padding was written.
fn run(
    kind: Activation,
    (input, is_data): (&[f32], bool),
    parameters: &[f32],
    shape: LayerShape,
    networks: usize,
) -> Vec<f32> {
    let first = is_data.then_some(FIRST_ROW);
    let kind = with_default(kind);
    let layer = kernels::population_forward(kind, launched(shape), networks, BEFORE, first);
    let len = shape.rows * shape.stride * networks;
    let written = launch(&layer, &[Arg::of(input), Arg::of(parameters), Arg::Out(len)]);
    let units = written[0].chunks_exact(networks).enumerate();
    let (used, padding): (Vec<_>, Vec<_>) =
        units.partition(|(at, _)| at % shape.stride < shape.fan_out);
    assert!(padding.iter().all(|(_, words)| words.iter().all(|&word| word == SENTINEL)));
    used.into_iter().flat_map(|(_, words)| floats(words)).copied().collect()
}

fn twin<T: Real>(
    kind: Activation,
    (input, is_data): (&[T], bool),
    parameters: &[T],
    shape: LayerShape,
    networks: usize,
) -> Vec<T> {
    let mut output = vec![T::default(); shape.rows * shape.stride * networks];
    let own = &parameters[BEFORE * networks..];
    let input = if is_data { &input[FIRST_ROW * shape.input_stride..] } else { input };
    let kind = with_default(kind);
    fused::population_forward(kind, (input, is_data), own, &mut output, shape, networks);
    let units = output.chunks_exact(networks).enumerate();
    let used = units.filter(|(at, _)| at % shape.stride < shape.fan_out);
    used.flat_map(|(_, values)| values.to_vec()).collect()
}

/// What a layer of these sizes is given.
fn given(shape: LayerShape, networks: usize, is_data: bool) -> (Vec<f32>, Vec<f32>) {
    let rows = if is_data { FIRST_ROW + shape.rows } else { shape.rows * networks };
    let parameters = BEFORE + (shape.fan_in + 1) * shape.fan_out;
    (numbers(rows * shape.input_stride, 80), numbers(parameters * networks, 81))
}

#[test]
fn matches_its_twin_from_data_and_from_the_layer_before() {
    for (sizes, networks) in [
        ((1, 1, 1), 1),
        ((4, 2, 3), 1),
        ((4, 2, 3), 64),
        ((7, 13, 5), 3),
        ((65, 3, 2), 70),
        ((3, 64, 17), 5),
    ] {
        let shape = shape(sizes);
        for is_data in [true, false] {
            let (input, parameters) = given(shape, networks, is_data);
            for kind in [Activation::Relu, Activation::Tanh, Activation::Identity] {
                let actual = run(kind, (&input, is_data), &parameters, shape, networks);
                let exact = twin(kind, (&input, is_data), &parameters, shape, networks);
                let wide_input = wide(&input);
                let truth = twin(kind, (&wide_input, is_data), &wide(&parameters), shape, networks);
                let (x, p) = (absolute(&input), absolute(&parameters));
                let sums = twin(Activation::Identity, (&x, is_data), &p, shape, networks);
                // No activation here is steeper than 1; tanh adds some roundings of its own.
                let bounds: Vec<f64> = sums
                    .iter()
                    .map(|sum| (shape.fan_in + 3) as f64 * ULP * sum + 8.0 * ULP)
                    .collect();
                let label = format!("{kind} of {sizes:?}, {networks} networks");
                let exact = (kind != Activation::Tanh).then_some(&exact[..]);
                hold(&label, &actual, exact, &truth, &bounds);
            }
        }
    }
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
    let other = twin(Activation::Identity, (&input, false), &parameters, shape, 6);
    assert_apart("another activation", &actual, &other, near);
    let mut moved = parameters.clone();
    moved.rotate_left(1);
    let other = twin(Activation::Relu, (&input, false), &moved, shape, 6);
    assert_apart("the next network's parameters", &actual, &other, near);
}
