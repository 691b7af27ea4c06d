use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::optimizer::LARGE_SCALE;
use wgrad::reference::twins::clip_scale;

use crate::common::{ULP, assert_apart, assert_close};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

/// Both factors, from pairs of the sum of squares and the scaled one.
fn factors(sums: &[[f32; 2]], clip_norm: f32) -> [f32; 2] {
    // Other sums stand beside: they are not read.
    let vectors: Vec<f32> =
        sums.iter().flat_map(|&[plain, scaled]| [plain, 7.0, scaled, 9.0]).collect();
    let args = [Arg::of(&vectors), Arg::Out(2)];
    let written = launch(&kernels::clip_scale(clip_norm, sums.len()), &args);
    let factors = floats(&written[0]);
    [factors[0], factors[1]]
}

/// The factor where no sum is beyond f32.
fn run(sums: &[f32], clip_norm: f32) -> f32 {
    let sums: Vec<[f32; 2]> = sums.iter().map(|&sum| [sum, 0.0]).collect();
    let [first, second] = factors(&sums, clip_norm);
    assert_eq!(first, 1.0);
    second
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("clip_scale");
}

/// Norms whose squares are beyond f32, and norms that are; one that is let through leaves gradients as they
/// are.
#[test]
fn large_norms_are_brought_down_by_two_factors() {
    // What the first level leaves of a gradient: the sum of squares, and the scaled one.
    let sums = |g: f64| [(g * g) as f32, (LARGE_SCALE * g).powi(2) as f32];
    for (gradients, clip_norm) in [
        (vec![3e38; 1000], 1.0),
        (vec![3e38; 1000], 1e-15),
        (vec![3e38; 1000], 1e38),
        (vec![1e25, 2.0, 1e15], 1.0),
        (vec![1.5e19, 1.5e19], 1.0),
        (vec![1e19], 0.9e19),
    ] {
        let squares: Vec<f64> = gradients.iter().map(|g| g * g).collect();
        let truth = clip_scale(&squares, f64::from(clip_norm));
        let list: Vec<[f32; 2]> = gradients.iter().map(|&g| sums(g)).collect();
        let [first, second] = factors(&list, clip_norm);
        let bound = ((gradients.len().div_ceil(256) + 9) as f64 / 2.0 + 6.0) * ULP * truth;
        let product = f64::from(first) * f64::from(second);
        assert_close("both factors", &[product], &[truth], Bound::Each(&[bound]));
    }
    assert_eq!(factors(&[sums(1e20)], 2e20), [1.0, 1.0]);
}

#[test]
fn by_hand() {
    // A norm of 5 down to 2.5, but for 1e-6; and one that is within.
    let near = Bound::Mixed { absolute: 1e-6, relative: 0.0 };
    assert_close("2.5 / 5", &[run(&[9.0, 16.0], 2.5)], &[0.5f32], near);
    assert_close("within", &[run(&[9.0, 16.0], 6.0)], &[1.0f32], Bound::Exact);
    assert_close("no gradient", &[run(&[0.0], 1.0)], &[1.0f32], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let sums = [2.0, 3.0, 4.0];
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    let squared = clip_scale(&[9.0, 0.0, 0.0], 1.0f32) * 3.0;
    assert_apart("no root", &[run(&sums, 1.0)], &[squared], near);
    assert_apart("one short", &[run(&sums, 1.0)], &[clip_scale(&sums[1..], 1.0f32)], near);
}
