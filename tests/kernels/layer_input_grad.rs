use wgrad::check::kernels::{block, launched, shape};
use wgrad::check::{Bound, padded};
use wgrad::kernels::{self, Variant};
use wgrad::network::Activation;
use wgrad::reference::fused::{self, LayerShape};

use crate::common::{assert_apart, assert_close, with_default};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

fn run(
    kind: Activation,
    d_output: &[f32],
    parameters: &[f32],
    [z, input]: [&[f32]; 2],
    shape: LayerShape,
    variant: Variant,
) -> Vec<f32> {
    let args = [Arg::of(d_output), Arg::of(parameters), Arg::of(input), Arg::of(z)];
    let layer = kernels::layer_input_grad(with_default(kind), launched(shape), variant);
    floats(&launch(&layer, &args)[0]).to_vec()
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("layer_input_grad");
}

#[test]
fn by_hand() {
    // One row of two outputs 1 and 2 through weights [3 4] and [-1 5]: 11 and 9; the second unit is dead.
    let shape = shape((1, 2, 2));
    let parameters = [3.0, 4.0, 0.0, 0.0, -1.0, 5.0, 0.0, 0.0, 9.0, 9.0, 0.0, 0.0];
    let a = [0.5, 0.0, 0.0, 0.0];
    let d =
        run(Activation::Relu, &[1.0, 2.0, 0.0, 0.0], &parameters, [&a, &a], shape, Variant::Direct);
    assert_close("d_input", &d, &[11.0f32, 0.0, 0.0, 0.0], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let shape = shape((9, 13, 5));
    let (d_output, parameters) = (padded(9, 5, 22), block(shape, 23));
    let input = padded(9, 13, 24);
    let actual =
        run(Activation::Tanh, &d_output, &parameters, [&input, &input], shape, Variant::Direct);
    let mut other = vec![0.0; actual.len()];
    let sigmoid = with_default(Activation::Sigmoid);
    fused::layer_input_grad(sigmoid, &d_output, &parameters, &input, &mut other, shape);
    let near = Bound::Mixed { absolute: 1e-4, relative: 1e-4 };
    assert_apart("another slope", &actual, &other, near);
}
