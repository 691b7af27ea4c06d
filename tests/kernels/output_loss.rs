use wgrad::check::kernels::{block, classes, launched, shape, with_weights};
use wgrad::check::{Bound, padded};
use wgrad::kernels;
use wgrad::network::{Activation, Loss};
use wgrad::reference::Real;
use wgrad::reference::fused::{self, LayerShape};
use wgrad::reference::twins::TargetRows;

use crate::common::{assert_apart, assert_close, loss_with_default, with_default};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};
use crate::losses::power_of_two;

const SCALE: f32 = 0.125;

fn run(
    (loss, kind): (Loss, Activation),
    input: &[f32],
    parameters: &[f32],
    target: &[f32],
    shape: LayerShape,
    is_weighted: bool,
) -> (Vec<f32>, Vec<f32>) {
    let args = [
        Arg::of(input),
        Arg::of(parameters),
        Arg::of(target),
        Arg::Out(shape.rows),
        Arg::Out(shape.rows * shape.stride),
    ];
    let ends = (loss_with_default(loss), with_default(kind));
    let layer = kernels::output_loss(ends, launched(shape), SCALE, is_weighted);
    let written = launch(&layer, &args);
    (floats(&written[0]).to_vec(), floats(&written[1]).to_vec())
}

fn twin<T: Real>(
    ends: (Loss, Activation),
    input: &[T],
    parameters: &[T],
    target: &[T],
    shape: LayerShape,
) -> (Vec<T>, Vec<T>) {
    let (mut row_loss, mut d_output) =
        (vec![T::default(); shape.rows], vec![T::default(); target.len()]);
    let ends = (loss_with_default(ends.0), with_default(ends.1), T::of(f64::from(SCALE)));
    let target = TargetRows::plain(target, shape.stride);
    fused::output_loss(ends, input, parameters, target, &mut row_loss, &mut d_output, shape);
    (row_loss, d_output)
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("output_loss");
}

#[test]
fn by_hand() {
    // z = 2 * 0.5 - 1 = 0 against a target of 1: a loss of ln 2, a slope of 1/2 - 1.
    let shape = shape((1, 1, 1));
    let (input, target) = ([2.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]);
    let parameters = [0.5, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0];
    let ends = (Loss::Bce, Activation::Sigmoid);
    let (row_loss, d) = run(ends, &input, &parameters, &target, shape, false);
    let near = Bound::Mixed { absolute: 1e-6, relative: 1e-6 };
    assert_close("loss", &row_loss, &[std::f32::consts::LN_2], near);
    assert_close("gradient", &d, &[-0.0625f32, 0.0, 0.0, 0.0], near);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let shape = shape((9, 13, 3));
    let (input, parameters, target) = (padded(9, 13, 28), block(shape, 29), classes(9, 3));
    let ends = (Loss::SoftmaxCrossEntropy, Activation::Identity);
    let actual = run(ends, &input, &parameters, &target, shape, false);
    let near = Bound::Mixed { absolute: 1e-4, relative: 1e-4 };
    let other = (Loss::BceWithLogits, Activation::Identity);
    let other = twin(other, &input, &parameters, &target, shape);
    assert_apart("another loss", &actual.0, &other.0, near);
    assert_apart("another gradient", &actual.1, &other.1, near);
}

/// By powers of two, to the bit; with as many outputs that the weight has a vector of its own, and with fewer.
#[test]
fn weights_are_factors_of_their_rows() {
    for sizes in [(1, 1, 1), (7, 13, 4), (65, 64, 10)] {
        let shape = shape(sizes);
        let (input, parameters) = (padded(shape.rows, shape.fan_in, 28), block(shape, 29));
        let target = classes(shape.rows, shape.fan_out);
        let weighted = with_weights(&target, shape.fan_out, power_of_two);
        for (loss, kind) in [
            (Loss::MseMean, Activation::Tanh),
            (Loss::BceWithLogits, Activation::Identity),
            (Loss::SoftmaxCrossEntropy, Activation::Identity),
        ] {
            let ends = (loss, kind);
            let (row_loss, d_output) = run(ends, &input, &parameters, &target, shape, false);
            let (seen_loss, seen_d) = run(ends, &input, &parameters, &weighted, shape, true);
            let label = format!("{loss} of {sizes:?}");
            let losses: Vec<f32> =
                row_loss.iter().enumerate().map(|(row, loss)| power_of_two(row) * loss).collect();
            assert_close(&label, &seen_loss, &losses, Bound::Exact);
            let of_row = |i: usize| power_of_two(i / shape.stride);
            let gradients: Vec<f32> =
                d_output.iter().enumerate().map(|(i, d)| of_row(i) * d).collect();
            assert_close(&label, &seen_d, &gradients, Bound::Exact);
        }
    }
}
