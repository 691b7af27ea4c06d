use wgrad::check::Bound;
use wgrad::kernels::{self, LayerShape};
use wgrad::reference::twins::{self, Grid};

use crate::common::{assert_apart, assert_close, numbers, stride};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

/// A layer's block with two rows of weights before the bias, and the matrix it is added to.
fn run(parameters: &[f32], output: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let args = [Arg::of(parameters), Arg::of(output)];
    floats(&launch(&kernels::bias_add(LayerShape { rows, fan_in: 2, fan_out: cols }), &args)[0])
        .to_vec()
}

fn grid(rows: usize, cols: usize) -> Grid {
    Grid { rows, cols, stride: stride(cols) }
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("bias_add");
}

#[test]
fn by_hand() {
    let parameters = [9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 10.0, 20.0, 30.0, 9.0];
    let output = [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0];
    let expected = [11.0f32, 22.0, 33.0, 0.0, 14.0, 25.0, 36.0, 0.0];
    assert_close("by hand", &run(&parameters, &output, 2, 3), &expected, Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (parameters, output) = (numbers(12, 1), numbers(8, 2));
    let mut wrong = output.clone();
    twins::bias_add(&parameters[4..], &mut wrong, grid(2, 3));
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    assert_apart("another row as bias", &run(&parameters, &output, 2, 3), &wrong, bound);
}
