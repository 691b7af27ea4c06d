use wgrad::check::Bound;
use wgrad::kernels::{self, LayerShape};
use wgrad::reference::twins::{self, Grid};

use crate::common::{assert_apart, assert_close, numbers, stride};
use crate::launch::{Arg, SENTINEL, assert_matches_its_twin, floats, launch};

/// The bias row of a layer's block after the kernel; its weights must stay untouched.
fn run(d_output: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let stride = stride(cols);
    let written = launch(
        &kernels::bias_grad(LayerShape { rows, fan_in: 1, fan_out: cols }),
        &[Arg::of(d_output), Arg::Out(2 * stride)],
    );
    let (weights, bias) = written[0].split_at(stride);
    assert!(
        weights.iter().chain(&bias[cols..]).all(|&word| word == SENTINEL),
        "wrote beside the bias"
    );
    floats(&bias[..cols]).to_vec()
}

fn twin<T: wgrad::reference::Real>(d_output: &[T], rows: usize, cols: usize) -> Vec<T> {
    let mut d_bias = vec![T::default(); cols];
    twins::bias_grad(d_output, &mut d_bias, Grid { rows, cols, stride: stride(cols) });
    d_bias
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("bias_grad");
}

#[test]
fn by_hand() {
    let d_output = [1.0, 2.0, 3.0, 0.0, 10.0, 20.0, 30.0, 0.0];
    assert_close("by hand", &run(&d_output, 2, 3), &[11.0f32, 22.0, 33.0], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let d_output = numbers(5 * 4, 3);
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    assert_apart("a row short", &run(&d_output, 5, 3), &twin(&d_output, 4, 3), bound);
}
