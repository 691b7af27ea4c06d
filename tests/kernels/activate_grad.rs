use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::Activation;
use wgrad::reference::twins::{self, Grid};

use crate::activate::{bound, gelu_tanh_bound};
use crate::common::{SHAPES, ULP, assert_apart, assert_close, numbers, stride, wide, with_default};
use crate::launch::{Arg, floats, hold, launch, unpadded};

/// Inputs and outputs of the activation.
type Both<'a, T> = [&'a [T]; 2];

fn run(
    kind: Activation,
    [input, output]: Both<'_, f32>,
    d_output: &[f32],
    rows: usize,
    cols: usize,
) -> Vec<f32> {
    let stride = stride(cols);
    let args = [Arg::of(input), Arg::of(output), Arg::of(d_output), Arg::Out(rows * stride)];
    let launched = kernels::activate_grad(with_default(kind), rows, cols);
    unpadded(floats(&launch(&launched, &args)[0]), cols, stride)
}

fn twin<T: wgrad::reference::Real>(
    kind: Activation,
    both: Both<'_, T>,
    d_output: &[T],
    rows: usize,
    cols: usize,
) -> Vec<T> {
    let mut d_input = vec![T::default(); d_output.len()];
    let grid = Grid { rows, cols, stride: stride(cols) };
    twins::activate_grad(with_default(kind), both, d_output, &mut d_input, grid);
    d_input.chunks_exact(stride(cols)).flat_map(|row| &row[..cols]).copied().collect()
}

/// How far a slope, and a product with it, may be off for outputs of at most 1.
fn slope_bound(kind: Activation, z: f64, a: f64) -> f64 {
    let parameter = kind.default_parameter();
    match kind {
        // 1 - a a, a (1 - a): two roundings relative to at most 1; one more for the product.
        Activation::Relu
        | Activation::LeakyRelu
        | Activation::Tanh
        | Activation::Sigmoid
        | Activation::Identity => 3.0 * ULP,
        // a + 1 is at most 2.
        Activation::Elu => 4.0 * ULP,
        // (1 + h)/2, and z/2 (1 - h^2) c (1 + 0.134 z^2), in which h comes in with its own bound.
        Activation::Gelu => {
            let factor = 0.5 * z.abs() * 0.8 * (1.0 + 0.134145 * z * z);
            let h = gelu_tanh_bound(z);
            (0.5 + 2.0 * factor) * h + (2.0 + 12.0 * factor) * ULP
        }
        // s + a (1 - s): s counts with 1 - a.
        Activation::Silu => {
            let s = twins::activation(Activation::Sigmoid, parameter, z);
            (1.0 + a.abs()) * bound(Activation::Sigmoid, z) + 4.0 * ULP * (s + a.abs())
        }
    }
}

#[test]
fn matches_its_twin() {
    for &kind in Activation::ALL {
        for (rows, cols) in SHAPES {
            let len = rows * stride(cols);
            // Outputs as sigmoid and tanh can give them.
            let output: Vec<f32> = numbers(len, 5).iter().map(|a| a.abs()).collect();
            let (input, d_output) = (numbers(len, 9), numbers(len, 6));
            let input: Vec<f32> = input.iter().map(|z| 4.0 * z).collect();
            let wide_both = [&wide(&input)[..], &wide(&output)];
            let truth = twin(kind, wide_both, &wide(&d_output), rows, cols);
            let size = twin(Activation::Identity, wide_both, &wide(&d_output), rows, cols);
            let columns = |values: &[f64]| -> Vec<f64> {
                values.chunks_exact(stride(cols)).flat_map(|row| row[..cols].to_vec()).collect()
            };
            let (z, a) = (columns(wide_both[0]), columns(wide_both[1]));
            let bounds: Vec<f64> = size
                .iter()
                .zip(z.iter().zip(&a))
                .map(|(d, (&z, &a))| slope_bound(kind, z, a) * d.abs())
                .collect();
            let exact = twin(kind, [&input, &output], &d_output, rows, cols);
            let label = format!("activate_grad {kind} {rows}x{cols}");
            let actual = run(kind, [&input, &output], &d_output, rows, cols);
            let bits = !kind.needs_pre_activation();
            hold(&label, &actual, bits.then_some(&exact[..]), &truth, &bounds);
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
        let d_input = run(kind, [&output, &output], &d_output, 1, 4);
        assert_close(kind.name(), &d_input, &expected, Bound::Exact);
    }
    // Slopes from z: at 0 both are 1/2, and at 1 what PyTorch gives.
    let (input, output) = ([0.0, 1.0, 0.0, 0.0], [0.0, 0.841_192, 0.0, 0.0]);
    let near = Bound::Mixed { absolute: 2e-6, relative: 2e-6 };
    let gelu = run(Activation::Gelu, [&input, &output], &d_output, 1, 4);
    assert_close("gelu", &gelu[..2], &[1.0, 2.0 * 1.082_964_086_532_5], near);
    let output = [0.0, 0.731_058_6, 0.0, 0.0];
    let silu = run(Activation::Silu, [&input, &output], &d_output, 1, 4);
    assert_close("silu", &silu[..2], &[1.0, 2.0 * 0.927_670_511_871_49], near);
    let elu = run(Activation::Elu, [&input, &[-0.5, 0.0, 0.5, -1.0]], &d_output, 1, 4);
    assert_close("elu", &elu, &[1.0f32, 2.0, 2.0, 0.0], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (output, d_output) = (numbers(64, 5), numbers(64, 6));
    let input: Vec<f32> = numbers(64, 9).iter().map(|z| 4.0 * z).collect();
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    for &kind in Activation::ALL {
        let both = [&input[..], &output];
        let actual = run(kind, both, &d_output, 4, 16);
        for &other in Activation::ALL.iter().filter(|&&other| other != kind) {
            let wrong = twin(other, both, &d_output, 4, 16);
            assert_apart(&format!("{kind} as {other}"), &actual, &wrong, near);
        }
        if kind != Activation::Identity {
            assert_apart("the forgotten slope", &actual, &d_output, near);
        }
    }
}
