use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::{Activation, Link, Loss};
use wgrad::reference::fused;
use wgrad::reference::twins::{Grid, TargetRows};

use crate::common::{
    ULP, assert_apart, assert_close, loss_with_default, numbers, stride, wide, with_default,
};
use crate::launch::{Arg, launch};
use crate::losses::with_weights;

const SCALE: f32 = 0.125;
/// The rows begin behind so many others among the targets.
const FIRST_ROW: usize = 2;

/// Loss and count of each network; what was there `before` is gone on from.
fn run(
    (loss, kind): (Loss, Activation),
    z: &[f32],
    target: &[f32],
    (rows, cols): (usize, usize),
    takes_largest: bool,
    before: Option<&[(f32, u32)]>,
) -> Vec<(f32, u32)> {
    run_rows((loss, kind), z, target, (rows, cols), takes_largest, before, false)
}

fn run_rows(
    (loss, kind): (Loss, Activation),
    z: &[f32],
    target: &[f32],
    (rows, cols): (usize, usize),
    takes_largest: bool,
    before: Option<&[(f32, u32)]>,
    is_weighted: bool,
) -> Vec<(f32, u32)> {
    let networks = z.len() / rows / stride(cols);
    let ends = (loss_with_default(loss), with_default(kind));
    let rows = (FIRST_ROW..FIRST_ROW + rows, before.is_some());
    let launched =
        kernels::evaluate_rows(ends, rows, cols, networks, takes_largest, SCALE, is_weighted);
    let words: Vec<f32> = before
        .unwrap_or_default()
        .iter()
        .flat_map(|&(loss, right)| [loss, f32::from_bits(right)])
        .collect();
    let scores = match before {
        Some(_) => Arg::of(&words),
        None => Arg::Out(2 * networks),
    };
    let written = launch(&launched, &[Arg::of(z), Arg::of(target), scores]).remove(0);
    written.chunks_exact(2).map(|score| (f32::from_bits(score[0]), score[1])).collect()
}

/// What these rows are given: pre-activations, and targets that every loss takes.
fn given((rows, cols): (usize, usize), networks: usize) -> (Vec<f32>, Vec<f32>) {
    let z = numbers(rows * stride(cols) * networks, 82).iter().map(|z| 3.0 * z).collect();
    let mut target = vec![0.0; (FIRST_ROW + rows) * stride(cols)];
    (0..FIRST_ROW + rows).for_each(|row| target[row * stride(cols) + row * 7 % cols] = 1.0);
    (z, target)
}

#[test]
fn matches_its_twin_for_every_loss() {
    for (sizes, networks) in
        [((1, 1), 1), ((4, 1), 64), ((7, 5), 3), ((64, 2), 2), ((65, 10), 1), ((300, 3), 5)]
    {
        let (rows, cols) = sizes;
        let (z, target) = given(sizes, networks);
        for &loss in Loss::ALL.iter().filter(|loss| cols > 1 || loss.link() != Link::Softmax) {
            let kind = loss.required_output().unwrap_or(Activation::Tanh);
            // The softmax speaks of one class.
            let is_softmax = loss.link() == Link::Softmax;
            for takes_largest in [false, true].into_iter().filter(|&it| it || !is_softmax) {
                let actual = run((loss, kind), &z, &target, sizes, takes_largest, None);
                let grid = Grid { rows, cols, stride: stride(cols) };
                let ends = (loss_with_default(loss), with_default(kind));
                let own = &target[FIRST_ROW * stride(cols)..];
                let own = wide(own);
                let both = (&wide(&z)[..], TargetRows::plain(&own, stride(cols)));
                let scale = f64::from(SCALE);
                let truth = fused::evaluate_rows(ends, both, takes_largest, scale, grid, networks);
                let label = format!("{loss} of {sizes:?}, {networks} networks");
                let losses = |scores: &[(f32, u32)]| -> Vec<f32> {
                    scores.iter().map(|score| score.0).collect()
                };
                let of_truth: Vec<f64> = truth.iter().map(|score| score.0).collect();
                // A row's loss is off by some roundings of exp, log and tanh of numbers within 3, for each
                // output; their sum by one rounding for each row that a lane takes, and each halving.
                let roundings = 24.0 * cols as f64 + rows as f64 / 64.0 + 8.0;
                let bounds: Vec<f64> = of_truth
                    .iter()
                    .map(|loss| roundings * ULP * (loss + scale * rows as f64))
                    .collect();
                assert_close(&label, &losses(&actual), &of_truth, Bound::Each(&bounds));
                let right = |scores: &[(f32, u32)]| -> Vec<u32> {
                    scores.iter().map(|score| score.1).collect()
                };
                let expected: Vec<u32> = truth.iter().map(|score| score.1).collect();
                assert_eq!(right(&actual), expected, "{label}: right rows");
                // Another part after that.
                let both = run((loss, kind), &z, &target, sizes, takes_largest, Some(&actual));
                let twice: Vec<u32> = expected.iter().map(|count| 2 * count).collect();
                assert_eq!(right(&both), twice, "{label}: of two parts");
                let doubled: Vec<f32> = actual.iter().map(|score| 2.0 * score.0).collect();
                assert_close(&label, &losses(&both), &doubled, Bound::Exact);
            }
        }
    }
}

#[test]
fn by_hand() {
    // z = 0 against 1, and 0 against 0: a loss of ln 2 each, and 1/2 is not above 1/2.
    let target = [9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let ends = (Loss::Bce, Activation::Sigmoid);
    let scores = run(ends, &[0.0; 8], &target, (2, 1), false, None);
    let near = Bound::Mixed { absolute: 1e-6, relative: 1e-6 };
    assert_close("ln 2", &[scores[0].0], &[2.0 * SCALE * std::f32::consts::LN_2], near);
    assert_eq!(scores[0].1, 1);
    // Of equal outputs the first is the class.
    let target = [[0.0; 8], [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]].concat();
    let z = [2.0, 2.0, 0.0, 0.0, -1.0, -1.0, 0.0, 0.0];
    let ends = (Loss::SoftmaxCrossEntropy, Activation::Identity);
    assert_eq!(run(ends, &z, &target, (2, 2), true, None)[0].1, 1);
}

#[test]
fn what_is_not_finite_leaves_no_loss() {
    let (z, target) = given((70, 3), 2);
    let ends = (Loss::MseMean, Activation::Relu);
    let sound = run(ends, &z, &target, (70, 3), true, None);
    assert!(sound.iter().all(|score| score.0.is_finite()));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut z = z.clone();
        // Of the second network, in the last row.
        z[(69 * stride(3) + 1) * 2 + 1] = bad;
        let seen = run(ends, &z, &target, (70, 3), true, None);
        assert!(seen[0] == sound[0] && seen[1].0.is_nan(), "{bad}: {seen:?}");
        let seen = run(ends, &z, &target, (70, 3), true, Some(&sound));
        assert!(seen[0].0.is_finite() && seen[1].0.is_nan(), "{bad}: {seen:?}");
    }
    let before = [(f32::INFINITY, 0), (1.0, 0)];
    let seen = run(ends, &z, &target, (70, 3), true, Some(&before));
    assert!(seen[0].0.is_nan() && seen[1].0.is_finite(), "{seen:?}");
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (z, target) = given((33, 3), 2);
    let ends = (Loss::SoftmaxCrossEntropy, Activation::Identity);
    let actual = run(ends, &z, &target, (33, 3), true, None);
    let twin = |loss: Loss, takes_largest, target: &[f32]| {
        let ends = (loss_with_default(loss), with_default(Activation::Identity));
        let grid = Grid { rows: 33, cols: 3, stride: 4 };
        let both = (&z[..], TargetRows::plain(&target[FIRST_ROW * 4..], 4));
        fused::evaluate_rows(ends, both, takes_largest, SCALE, grid, 2)
    };
    let losses = |scores: &[(f32, u32)]| [scores[0].0, scores[1].0];
    let near = Bound::Mixed { absolute: 1e-3, relative: 1e-3 };
    let other = twin(Loss::BceWithLogits, true, &target);
    assert_apart("another loss", &losses(&actual), &losses(&other), near);
    let mut moved = target.clone();
    moved.rotate_left(4);
    let other = twin(Loss::SoftmaxCrossEntropy, true, &moved);
    assert_apart("the next row's targets", &losses(&actual), &losses(&other), near);
    let ends = (Loss::BceWithLogits, Activation::Identity);
    let actual = run(ends, &z, &target, (33, 3), true, None);
    let counts = |scores: &[(f32, u32)]| [scores[0].1, scores[1].1];
    assert_eq!(counts(&actual), counts(&twin(Loss::BceWithLogits, true, &target)));
    let other = twin(Loss::BceWithLogits, false, &target);
    assert_ne!(counts(&actual), counts(&other), "another way to count");
}

/// Weights change the loss, and no count.
#[test]
fn rows_count_in_the_loss_as_their_weights_say() {
    let weight = |row: usize| 0.3 + (row % 7) as f32;
    for (sizes, networks) in [((7, 1), 3), ((65, 4), 2), ((130, 10), 1)] {
        let (rows, cols) = sizes;
        let (z, target) = given(sizes, networks);
        let weighted = with_weights(&target, cols, weight);
        for (loss, kind) in [
            (Loss::BceWithLogits, Activation::Identity),
            (Loss::SoftmaxCrossEntropy, Activation::Identity),
            (Loss::MseMean, Activation::Tanh),
        ] {
            let plain = run((loss, kind), &z, &target, sizes, true, None);
            let seen = run_rows((loss, kind), &z, &weighted, sizes, true, None, true);
            let grid = Grid { rows, cols, stride: stride(cols) };
            let ends = (loss_with_default(loss), with_default(kind));
            let stride = stride(cols + 1);
            let own = wide(&weighted[FIRST_ROW * stride..]);
            let own = TargetRows { values: &own, stride, is_weighted: true };
            let both = (&wide(&z)[..], own);
            let truth = fused::evaluate_rows(ends, both, true, SCALE.into(), grid, networks);
            for ((seen, truth), plain) in seen.iter().zip(&truth).zip(&plain) {
                let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
                assert_close(&format!("{loss} of {sizes:?}"), &[seen.0], &[truth.0 as f32], near);
                assert_eq!((seen.1, seen.1), (truth.1, plain.1));
            }
        }
    }
}
