use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::optimizer::{LARGE_SCALE, Optimizer};
use wgrad::reference::twins::{SQUARE_LANES, SQUARES_EACH, gradient_squares};

use crate::common::{ULP, assert_apart, assert_close, numbers, wide};
use crate::launch::{Arg, floats, hold, launch};

const STRETCH: usize = SQUARE_LANES * SQUARES_EACH;

/// The sums of squares, and the scaled ones.
fn both(gradients: &[f32], clip_value: Option<f32>) -> [Vec<f32>; 2] {
    let clip_value = clip_value.map(f64::from);
    let optimizer = Optimizer { clip_value, ..Optimizer::default() };
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
    for len in [1, 63, 65, STRETCH, STRETCH + 1, 3 * STRETCH + 77] {
        for clip_value in [None, Some(0.25)] {
            let gradients = numbers(len, 14);
            let stretches = len.div_ceil(STRETCH);
            let (mut exact, mut truth) = (vec![0.0; stretches], vec![0.0; stretches]);
            gradient_squares(&gradients, &mut exact, clip_value);
            gradient_squares(&wide(&gradients), &mut truth, clip_value.map(f64::from));
            // Of positive terms: as many roundings as any of them passes through.
            let iterations = (SQUARES_EACH + 8) as f64;
            let bounds: Vec<f64> = truth.iter().map(|sum| iterations * ULP * sum).collect();
            let label = format!("squares of {len}, {clip_value:?}");
            hold(&label, &run(&gradients, clip_value), Some(&exact), &truth, &bounds);
        }
    }
}

/// Gradients up to the largest that f32 holds, beside small ones and alone: where the sum of squares is beyond
/// f32 the scaled one holds it.
#[test]
fn squares_beyond_f32_are_in_the_scaled_sum() {
    let mixed = numbers(STRETCH + 1, 14).into_iter().enumerate();
    let mixed: Vec<f32> = mixed.map(|(at, g)| g * [1e38, 1.0, 1e14, 1e16][at % 4]).collect();
    for gradients in [mixed, vec![f32::MAX; STRETCH], vec![-1e19; 65], vec![1e20]] {
        let mut truth = vec![0.0; gradients.len().div_ceil(STRETCH)];
        gradient_squares(&wide(&gradients), &mut truth, None);
        let [plain, scaled] = both(&gradients, None);
        assert!(plain.iter().all(|&sum| sum == f32::INFINITY), "{plain:?}");
        let seen: Vec<f64> = wide(&scaled).iter().map(|sum| sum / LARGE_SCALE.powi(2)).collect();
        let iterations = (SQUARES_EACH + 8) as f64;
        let bounds: Vec<f64> = truth.iter().map(|sum| iterations * ULP * sum).collect();
        let label = format!("{} from {}", gradients.len(), gradients[0]);
        assert_close(&label, &seen, &truth, Bound::Each(&bounds));
    }
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
