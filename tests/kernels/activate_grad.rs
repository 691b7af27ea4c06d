use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::Activation;
use wgrad::reference::twins::{self, Grid};

use crate::common::{assert_apart, assert_close, numbers, stride, with_default};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch, unpadded};

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

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("activate_grad");
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
