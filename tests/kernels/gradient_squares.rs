use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::optimizer::Optimizer;
use wgrad::reference::twins::{SQUARE_LANES, SQUARES_EACH, gradient_squares};

use crate::common::{ULP, assert_apart, assert_close, numbers, wide};
use crate::launch::{Arg, floats, hold, launch};

const STRETCH: usize = SQUARE_LANES * SQUARES_EACH;

fn run(gradients: &[f32], clip_value: Option<f32>) -> Vec<f32> {
    let clip_value = clip_value.map(f64::from);
    let optimizer = Optimizer { clip_value, ..Optimizer::default() };
    let stretches = gradients.len().div_ceil(STRETCH);
    let args = [Arg::F32(gradients), Arg::Out(4 * stretches)];
    let written = launch(&kernels::gradient_squares(&optimizer, gradients.len()), &args);
    let sums = floats(&written[0]);
    assert!(sums.chunks_exact(4).all(|sum| sum[1..] == [0.0; 3]), "{sums:?}");
    sums.iter().copied().step_by(4).collect()
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
            let rounds = (SQUARES_EACH + 8) as f64;
            let bounds: Vec<f64> = truth.iter().map(|sum| rounds * ULP * sum).collect();
            let label = format!("squares of {len}, {clip_value:?}");
            hold(&label, &run(&gradients, clip_value), Some(&exact), &truth, &bounds);
        }
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
