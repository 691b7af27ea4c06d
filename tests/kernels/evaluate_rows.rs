use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::{Activation, Loss};
use wgrad::reference::fused;
use wgrad::reference::twins::{Grid, TargetRows};

use crate::common::{assert_apart, assert_close, loss_with_default, numbers, stride, with_default};
use crate::launch::{Arg, assert_matches_its_twin, launch};

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
    let networks = z.len() / rows / stride(cols);
    let ends = (loss_with_default(loss), with_default(kind));
    let rows = (FIRST_ROW..FIRST_ROW + rows, before.is_some());
    let launched = kernels::evaluate_rows(ends, rows, cols, networks, takes_largest, SCALE, false);
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
fn matches_its_twin() {
    assert_matches_its_twin("evaluate_rows");
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
