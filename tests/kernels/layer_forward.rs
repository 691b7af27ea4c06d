use wgrad::check::kernels::{block, launched, shape};
use wgrad::check::{Bound, padded};
use wgrad::kernels::{self, Variant};
use wgrad::network::Activation;
use wgrad::reference::Real;
use wgrad::reference::fused::{self, COUNTED_ROWS, LayerShape};

use crate::common::{assert_apart, assert_close, with_default};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

fn counts_len(shape: LayerShape) -> usize {
    shape.rows.div_ceil(COUNTED_ROWS) * shape.stride
}

/// The layer's output, padding and all, the counts of its units, and its pre-activations.
fn run(
    kind: Activation,
    input: &[f32],
    parameters: &[f32],
    shape: LayerShape,
    variant: Variant,
) -> (Vec<f32>, Vec<u32>, Vec<f32>) {
    let args = [
        Arg::of(input),
        Arg::of(parameters),
        Arg::Out(shape.rows * shape.stride),
        Arg::Out(counts_len(shape)),
        Arg::Out(shape.rows * shape.stride),
    ];
    let layer = kernels::layer_forward(with_default(kind), true, launched(shape), variant);
    let written = launch(&layer, &args);
    (floats(&written[0]).to_vec(), written[1].clone(), floats(&written[2]).to_vec())
}

fn forward<T: Real>(
    kind: Activation,
    input: &[T],
    parameters: &[T],
    output: &mut [T],
    counts: &mut [u32],
    shape: LayerShape,
) {
    let mut z = vec![T::default(); output.len()];
    let to = [output, &mut z];
    fused::layer_forward(with_default(kind), input, parameters, to, counts, shape);
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("layer_forward");
}

#[test]
fn by_hand() {
    let shape = shape((2, 2, 1));
    // Rows 1 2 and -1 -2, weights 3 and -1, bias 0.5: 1.5 and -0.5.
    let input = [1.0, 2.0, 0.0, 0.0, -1.0, -2.0, 0.0, 0.0];
    let parameters = [3.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0];
    let (relu, zeros, _) = run(Activation::Relu, &input, &parameters, shape, Variant::Direct);
    assert_close("relu", &relu, &[1.5f32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], Bound::Exact);
    assert_eq!(zeros[0], 1, "one of two rows leaves the unit zero");
    let steep: Vec<f32> = parameters.iter().map(|p| 10.0 * p).collect();
    let (_, saturated, _) = run(Activation::Sigmoid, &input, &steep, shape, Variant::Direct);
    assert_eq!(saturated[0], 2 << 16, "sigmoids of 15 and -5 are both near their ends");
    let (tanh, saturated, _) = run(Activation::Tanh, &input, &parameters, shape, Variant::Direct);
    assert!((tanh[0] - 0.905_148_3).abs() < 1e-6 && saturated[0] == 0, "{tanh:?} {saturated:x?}");
}

#[test]
fn a_wrong_twin_is_found_out() {
    let shape = shape((9, 13, 5));
    let (input, parameters) = (padded(9, 13, 20), block(shape, 21));
    let (actual, _, _) = run(Activation::Relu, &input, &parameters, shape, Variant::Direct);
    let mut counts = vec![0; counts_len(shape)];
    let near = Bound::Mixed { absolute: 1e-4, relative: 1e-4 };
    let mut other = vec![0.0; actual.len()];
    forward(Activation::LeakyRelu, &input, &parameters, &mut other, &mut counts, shape);
    assert_apart("another activation", &actual, &other, near);
    let mut unbiased = parameters;
    unbiased[shape.bias_offset()..].fill(0.0);
    forward(Activation::Relu, &input, &unbiased, &mut other, &mut counts, shape);
    assert_apart("no bias", &actual, &other, near);
}
