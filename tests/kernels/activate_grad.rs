use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::Activation;
use wgrad::reference::twins::{self, Grid};

use crate::common::{SHAPES, ULP, assert_apart, assert_close, numbers, stride, wide};
use crate::launch::{Arg, floats, hold, launch, unpadded};

fn run(kind: Activation, output: &[f32], d_output: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let stride = stride(cols);
    let args = [Arg::F32(output), Arg::F32(d_output), Arg::Out(rows * stride)];
    unpadded(floats(&launch(&kernels::activate_grad(kind, rows, cols), &args)[0]), cols, stride)
}

fn twin<T: wgrad::reference::Real>(
    kind: Activation,
    output: &[T],
    d_output: &[T],
    rows: usize,
    cols: usize,
) -> Vec<T> {
    let mut d_input = vec![T::default(); output.len()];
    let grid = Grid { rows, cols, stride: stride(cols) };
    twins::activate_grad(kind, output, d_output, &mut d_input, grid);
    d_input.chunks_exact(stride(cols)).flat_map(|row| &row[..cols]).copied().collect()
}

#[test]
fn matches_its_twin() {
    for &kind in Activation::ALL {
        for (rows, cols) in SHAPES {
            let len = rows * stride(cols);
            // Outputs as sigmoid and tanh can give them.
            let output: Vec<f32> = numbers(len, 5).iter().map(|a| a.abs()).collect();
            let d_output = numbers(len, 6);
            let truth = twin(kind, &wide(&output), &wide(&d_output), rows, cols);
            // 1 - a a, a (1 - a): two roundings relative to at most 1; one more for the product.
            let size = twin(Activation::Identity, &wide(&output), &wide(&d_output), rows, cols);
            let bounds: Vec<f64> = size.iter().map(|d| 3.0 * ULP * d.abs()).collect();
            let exact = twin(kind, &output, &d_output, rows, cols);
            let label = format!("activate_grad {kind} {rows}x{cols}");
            let actual = run(kind, &output, &d_output, rows, cols);
            hold(&label, &actual, Some(&exact), &truth, &bounds);
        }
    }
}

#[test]
fn by_hand_and_at_zero() {
    let (output, d_output) = ([0.0, 0.5, -0.5, 1.0], [2.0, 2.0, 2.0, 2.0]);
    for (kind, expected) in [
        (Activation::Relu, [0.0f32, 2.0, 0.0, 2.0]),
        (Activation::LeakyRelu, [0.02, 2.0, 0.02, 2.0]),
        (Activation::Tanh, [2.0, 1.5, 1.5, 0.0]),
        (Activation::Sigmoid, [0.0, 0.5, -1.5, 0.0]),
        (Activation::Identity, [2.0, 2.0, 2.0, 2.0]),
    ] {
        let d_input = run(kind, &output, &d_output, 1, 4);
        assert_close(kind.name(), &d_input, &expected, Bound::Exact);
    }
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (output, d_output) = (numbers(64, 5), numbers(64, 6));
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    for &kind in Activation::ALL {
        let actual = run(kind, &output, &d_output, 4, 16);
        for &other in Activation::ALL.iter().filter(|&&other| other != kind) {
            let wrong = twin(other, &output, &d_output, 4, 16);
            assert_apart(&format!("{kind} as {other}"), &actual, &wrong, bound);
        }
        if kind != Activation::Identity {
            assert_apart("the forgotten slope", &actual, &d_output, bound);
        }
    }
}
