use wgrad::check::Bound;
use wgrad::kernels::{self, Variant};
use wgrad::optimizer::Optimizer;
use wgrad::reference::Real;
use wgrad::reference::fused::{self, LayerShape};
use wgrad::reference::twins::Update;

use crate::common::{ULP, assert_apart, assert_close, wide};
use crate::launch::{Arg, SENTINEL, floats, hold, launch};
use crate::layers::{
    LAYERS, absolute, block, is_in_order, launched, padded, shape, sum_bound, variants,
};
use crate::updates::{RATE, RING, STEP, bound, is_finite, optimizers, schedule};

struct Written {
    is_finite: bool,
    parameters: Vec<f32>,
    gradients: Vec<u32>,
    moments: [Vec<u32>; 2],
    sums: Vec<f32>,
}

fn run_with(
    optimizer: &Optimizer,
    keeps: bool,
    input: &[f32],
    d_output: &[f32],
    (parameters, moments): (&[f32], [&[f32]; 2]),
    shape: LayerShape,
    variant: Variant,
) -> Written {
    let moment = |index: usize| match optimizer.has_moments()[index] {
        true => Arg::of(moments[index]),
        false => Arg::Out(4),
    };
    let args = [
        Arg::of(input),
        Arg::of(d_output),
        Arg::of(&schedule(optimizer, RATE)),
        Arg::of(parameters),
        Arg::Out(shape.block_len()),
        moment(0),
        moment(1),
        Arg::Out(kernels::update_sums_len(launched(shape), variant)),
    ];
    let layer = kernels::layer_update(optimizer, keeps, RING, launched(shape), variant);
    let written = launch(&layer, &args);
    Written {
        is_finite: is_finite(&written[0]),
        parameters: floats(&written[1]).to_vec(),
        gradients: written[2].clone(),
        moments: [written[3].clone(), written[4].clone()],
        sums: floats(&written[5]).to_vec(),
    }
}

/// Plain gradient descent, each invocation by itself.
fn run(
    keeps: bool,
    input: &[f32],
    d_output: &[f32],
    parameters: &[f32],
    shape: LayerShape,
) -> Written {
    let (sgd, given) = (Optimizer::default(), (parameters, [&[][..], &[]]));
    run_with(&sgd, keeps, input, d_output, given, shape, Variant::Direct)
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

/// Sums over all workgroups: squares of gradients, parameters and updates, and what is not finite.
fn totals(sums: &[f32]) -> Vec<f64> {
    (0..4).map(|at| sums.iter().skip(at).step_by(4).map(|&sum| f64::from(sum)).sum()).collect()
}

#[test]
fn matches_its_twin_with_gradients_kept_and_without() {
    for sizes in LAYERS {
        let shape = shape(sizes);
        let (input, d_output) =
            (padded(shape.rows, shape.fan_in, 25), padded(shape.rows, shape.fan_out, 26));
        let before = block(shape, 27);
        let len = shape.block_len();
        let (mut exact, mut exact_gradients) = (before.clone(), vec![0.0; len]);
        twin(&input, &d_output, &mut exact, &mut exact_gradients, RATE, shape);
        let (mut truth, mut gradients) = (wide(&before), vec![0.0; len]);
        let (x, d) = (wide(&input), wide(&d_output));
        let squares = twin(&x, &d, &mut truth, &mut gradients, RATE, shape);
        let mut magnitude = vec![0.0; len];
        let (x, d, mut unused) = (absolute(&input), absolute(&d_output), vec![0.0; len]);
        twin(&x, &d, &mut unused, &mut magnitude, 0.0, shape);
        let of_gradients: Vec<f64> = magnitude.iter().map(|&m| sum_bound(shape.rows, m)).collect();
        let of_parameters: Vec<f64> = of_gradients
            .iter()
            .zip(&truth)
            .map(|(g, p)| f64::from(RATE) * g + 4.0 * ULP * (1.0 + p.abs()))
            .collect();

        for variant in variants() {
            let in_order = is_in_order(variant);
            let sgd = Optimizer::default();
            let given = (&before[..], [&[][..], &[]]);
            let updated = run_with(&sgd, false, &input, &d_output, given, shape, variant);
            let label = format!("update of {sizes:?}, {variant:?}");
            hold(
                &label,
                &updated.parameters,
                in_order.then_some(&exact[..]),
                &truth,
                &of_parameters,
            );
            assert!(updated.gradients.iter().all(|&word| word == SENTINEL), "{label}: not kept");
            let kept = run_with(&sgd, true, &input, &d_output, given, shape, variant);
            let label = format!("gradients of {sizes:?}, {variant:?}");
            hold(
                &label,
                floats(&kept.gradients),
                in_order.then_some(&exact_gradients[..]),
                &gradients,
                &of_gradients,
            );
            assert_eq!(kept.parameters, before, "{label}: left to others");

            // Squares of what is off by as much as above, and as many sums again.
            for (written, is_updated) in [(updated, true), (kept, false)] {
                let seen = totals(&written.sums);
                let squares = if is_updated { squares } else { [squares[0], squares[1], 0.0] };
                for (at, (&sum, bounds)) in
                    squares.iter().zip([&of_gradients, &vec![ULP; len], &of_gradients]).enumerate()
                {
                    let off: f64 = bounds.iter().map(|bound| 3.0 * bound * (1.0 + bound)).sum();
                    let bound = off * (1.0 + sum.sqrt()) + len as f64 * ULP * sum;
                    assert_close(
                        &format!("sum {at} of {sizes:?}"),
                        &[seen[at]],
                        &[sum],
                        Bound::Each(&[bound]),
                    );
                }
                assert_eq!(seen[3], 0.0, "all is finite");
                assert!(written.is_finite);
            }
        }
    }
}

/// Every other optimizer, on one shape: its moments begin somewhere.
#[test]
fn matches_its_twin_with_every_optimizer() {
    let shape = shape((9, 13, 5));
    let (input, d_output) = (padded(9, 13, 25), padded(9, 5, 26));
    let (before, len) = (block(shape, 27), shape.block_len());
    let first = block(shape, 28);
    let second: Vec<f32> = block(shape, 29).iter().map(|v| v * v).collect();
    let of = |optimizer| [Variant::Direct, Variant::Staged(64)].map(|variant| (optimizer, variant));
    for (optimizer, variant) in optimizers().into_iter().flat_map(of) {
        let given = (&before[..], [&first[..], &second[..]]);
        let actual = run_with(&optimizer, false, &input, &d_output, given, shape, variant);
        let (mut exact, mut m, mut v) = (before.clone(), first.clone(), second.clone());
        let mut gradients = vec![0.0; len];
        let numbers = Update::<f32>::new(&optimizer, RATE.into(), STEP);
        let all = (&mut exact[..], [&mut m[..], &mut v[..]]);
        fused::layer_update(&input, &d_output, all, &mut gradients, &numbers, shape);
        let (mut truth, mut m64, mut v64) = (wide(&before), wide(&first), wide(&second));
        let mut wide_gradients = vec![0.0; len];
        let numbers = Update::<f64>::new(&optimizer, RATE.into(), STEP);
        let all = (&mut truth[..], [&mut m64[..], &mut v64[..]]);
        let (x, d) = (wide(&input), wide(&d_output));
        let squares = fused::layer_update(&x, &d, all, &mut wide_gradients, &numbers, shape);
        let mut magnitude = vec![0.0; len];
        let (x, d, mut unused) = (absolute(&input), absolute(&d_output), vec![0.0; len]);
        twin(&x, &d, &mut unused, &mut magnitude, 0.0, shape);
        let bounds: Vec<f64> = (0..len)
            .map(|i| {
                let off = sum_bound(shape.rows, magnitude[i]);
                bound(&optimizer, gradients[i], before[i], (first[i], second[i]), off)
            })
            .collect();
        let label = format!("{optimizer:?}");
        hold(&label, &actual.parameters, Some(&exact), &truth, &bounds);
        for (index, (exact, truth)) in [(&m, &m64), (&v, &v64)].into_iter().enumerate() {
            let words = &actual.moments[index];
            if optimizer.has_moments()[index] {
                let near: Vec<f64> =
                    magnitude.iter().map(|&m| 8.0 * ULP + 2.0 * sum_bound(shape.rows, m)).collect();
                hold(&format!("{label}, moment"), floats(words), Some(exact), truth, &near);
            } else {
                assert!(words.iter().all(|&word| word == SENTINEL), "{label}: not its own");
            }
        }
        let near = Bound::Mixed { absolute: 0.0, relative: 1e-4 };
        assert_close(&format!("{label}, sums"), &totals(&actual.sums)[..3], &squares, near);
    }
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
