use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::optimizer::Optimizer;
use wgrad::reference::twins::{SQUARE_LANES, SQUARES_EACH, gradient_squares};

use crate::common::{assert_apart, assert_close, numbers, with};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

const STRETCH: usize = SQUARE_LANES * SQUARES_EACH;

/// The sums of squares, and the scaled ones.
fn both(gradients: &[f32], clip_value: Option<f32>) -> [Vec<f32>; 2] {
    let clip_value = clip_value.map(f64::from);
    let optimizer = with(Optimizer::default(), |it| it.clip_value = clip_value);
    let stretches = gradients.len().div_ceil(STRETCH);
    let args = [Arg::of(gradients), Arg::Out(4 * stretches)];
    let written = launch(&kernels::gradient_squares(&optimizer, gradients.len()), &args);
    let sums = floats(&written[0]);
    assert!(sums.chunks_exact(4).all(|sum| sum[1] == 0.0 && sum[3] == 0.0), "{sums:?}");
    [0, 2].map(|at| sums.iter().copied().skip(at).step_by(4).collect())
}

/// The sums of squares where no gradient is large.
fn run(gradients: &[f32], clip_value: Option<f32>) -> Vec<f32> {
    let [plain, scaled] = both(gradients, clip_value);
    assert!(scaled.iter().all(|&sum| sum == 0.0), "{scaled:?}");
    plain
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("gradient_squares");
}

#[test]
fn by_hand() {
    assert_close("9 + 16", &run(&[3.0, 4.0], None), &[25.0f32], Bound::Exact);
    assert_close("4 + 4", &run(&[3.0, -4.0], Some(2.0)), &[8.0f32], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let gradients = numbers(5000, 14);
    let near = Bound::Mixed { absolute: 0.0, relative: 1e-5 };
    let mut short = [0.0; 2];
    gradient_squares(&gradients[1..], &mut short, None);
    assert_apart("one short", &run(&gradients, None), &short, near);
    let mut unclipped = [0.0; 2];
    gradient_squares(&gradients, &mut unclipped, None);
    assert_apart("not clipped", &run(&gradients, Some(0.9)), &unclipped, near);
}
