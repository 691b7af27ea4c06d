use wgrad::check::kernels::{RATE, RING, STEP, block, launched, schedule, shape};
use wgrad::check::{Bound, padded};
use wgrad::kernels::{self, Variant};
use wgrad::optimizer::Optimizer;
use wgrad::reference::Real;
use wgrad::reference::fused::{self, LayerShape};
use wgrad::reference::twins::Update;

use crate::common::{assert_apart, assert_close};
use crate::launch::{Arg, assert_matches_its_twin, floats, is_finite, launch};

struct Written {
    is_finite: bool,
    parameters: Vec<f32>,
    sums: Vec<f32>,
}

/// Plain gradient descent, each invocation by itself.
fn run(
    keeps: bool,
    input: &[f32],
    d_output: &[f32],
    parameters: &[f32],
    shape: LayerShape,
) -> Written {
    let (sgd, launched, variant) = (Optimizer::default(), launched(shape), Variant::Direct);
    let args = [
        Arg::of(input),
        Arg::of(d_output),
        Arg::of(&schedule(&sgd, RATE)),
        Arg::of(parameters),
        Arg::Out(shape.block_len()),
        Arg::Out(4),
        Arg::Out(4),
        Arg::Out(kernels::update_sums_len(launched, variant)),
    ];
    let written = launch(&kernels::layer_update(&sgd, keeps, RING, launched, variant), &args);
    Written {
        is_finite: is_finite(&written[0]),
        parameters: floats(&written[1]).to_vec(),
        sums: floats(&written[5]).to_vec(),
    }
}

/// The twin under plain gradient descent.
fn twin<T: Real>(
    input: &[T],
    d_output: &[T],
    parameters: &mut [T],
    gradients: &mut [T],
    rate: f32,
    shape: LayerShape,
) -> [T; 3] {
    let numbers = Update::new(&Optimizer::default(), rate.into(), STEP);
    let all = (parameters, [&mut [][..], &mut [][..]]);
    fused::layer_update(input, d_output, all, gradients, &numbers, shape)
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("layer_update");
}

#[test]
fn by_hand() {
    // Two rows of one input, 1 and 2, and one output's 0.5 and -1: -1.5 for the weight, -0.5 for the bias.
    let shape = shape((2, 1, 1));
    let (input, d_output) =
        ([1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0]);
    let before = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0];
    let after = run(false, &input, &d_output, &before, shape);
    let expected = [1.375f32, 0.0, 0.0, 0.0, 2.125, 0.0, 0.0, 0.0];
    assert_close("parameters", &after.parameters, &expected, Bound::Exact);
    // 1.5^2 + 0.5^2, 1 + 4, a sixteenth of the first.
    assert_close("sums", &after.sums, &[2.5f32, 5.0, 0.156_25, 0.0], Bound::Exact);
}

#[test]
fn what_is_not_finite_is_counted_by_its_bits() {
    let shape = shape((2, 1, 1));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let input = [1.0, 0.0, 0.0, 0.0, bad, 0.0, 0.0, 0.0];
        let d_output = [0.5, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0];
        let seen = run(false, &input, &d_output, &[0.0; 8], shape);
        // The one weight; not the bias, nor padding.
        assert_eq!(seen.sums[3], 1.0, "{bad}: {:?}", seen.sums);
        assert!(!seen.is_finite);
        // Its parameter is left to others, who note it.
        assert!(run(true, &input, &d_output, &[0.0; 8], shape).is_finite);
        assert!(seen.parameters[1..4].iter().all(|&padding| padding == 0.0));
    }
}

#[test]
fn a_wrong_twin_is_found_out() {
    let shape = shape((9, 13, 5));
    let (input, d_output) = (padded(9, 13, 25), padded(9, 5, 26));
    let before = block(shape, 27);
    let actual = run(false, &input, &d_output, &before, shape).parameters;
    let (mut other, mut gradients) = (before.clone(), vec![0.0; shape.block_len()]);
    twin(&input, &d_output, &mut other, &mut gradients, RATE * 1.01, shape);
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    assert_apart("another rate", &actual, &other, near);
    let mut unbiased = before;
    twin(&input, &d_output, &mut unbiased, &mut gradients, RATE, shape);
    unbiased[shape.bias_offset()] += 0.01;
    assert_apart("another bias", &actual, &unbiased, near);
}
