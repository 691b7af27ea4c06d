//! What the tests of all losses share: one run of a loss kernel, and one of its twin.

use wgrad::check::Bound;
use wgrad::check::kernels::with_weights;
use wgrad::kernels;
use wgrad::network::Loss;
use wgrad::reference::Real;
use wgrad::reference::twins::{self, Grid, TargetRows};

use crate::common::{SHAPES, assert_close, loss_with_default, numbers, stride, wide};
use crate::launch::{Arg, floats, launch, unpadded};

/// `row_loss` and `d_output` of any of the losses.
pub fn run_loss(
    loss: Loss,
    output: &[f32],
    target: &[f32],
    scale: f32,
    rows: usize,
    cols: usize,
) -> (Vec<f32>, Vec<f32>) {
    run(loss, output, target, scale, [rows, cols], false)
}

fn run(
    loss: Loss,
    output: &[f32],
    target: &[f32],
    scale: f32,
    [rows, cols]: [usize; 2],
    is_weighted: bool,
) -> (Vec<f32>, Vec<f32>) {
    let stride = stride(cols);
    let args = [Arg::of(output), Arg::of(target), Arg::Out(rows), Arg::Out(rows * stride)];
    let launched = kernels::loss(loss_with_default(loss), rows, cols, scale, is_weighted);
    let written = launch(&launched, &args);
    (floats(&written[0]).to_vec(), unpadded(floats(&written[1]), cols, stride))
}

/// A weight that multiplies without rounding.
pub fn power_of_two(row: usize) -> f32 {
    [1.0, 4.0, 0.5, 2.0, 0.25][row % 5]
}

/// Weights are factors on the losses and the gradients of their rows: by powers of two, to the bit.
pub fn assert_weights_are_factors(loss: Loss, target: impl Fn(usize, usize) -> Vec<f32>) {
    for (rows, cols) in SHAPES {
        let output = numbers(rows * stride(cols), 7);
        let target = target(rows, cols);
        let (row_loss, d_output) = run(loss, &output, &target, 0.5, [rows, cols], false);
        let weighted = with_weights(&target, cols, power_of_two);
        let (seen_loss, seen_d) = run(loss, &output, &weighted, 0.5, [rows, cols], true);
        let label = format!("{loss} of {rows}x{cols}");
        let losses: Vec<f32> =
            row_loss.iter().enumerate().map(|(row, loss)| power_of_two(row) * loss).collect();
        assert_close(&label, &seen_loss, &losses, Bound::Exact);
        let gradients: Vec<f32> =
            d_output.iter().enumerate().map(|(i, d)| power_of_two(i / cols) * d).collect();
        assert_close(&label, &seen_d, &gradients, Bound::Exact);
        let wide = wide(&weighted);
        let rows_of = TargetRows { values: &wide, stride: stride(cols + 1), is_weighted: true };
        let grid = Grid { rows, cols, stride: stride(cols) };
        let (mut truth, mut d) = (vec![0.0; rows], vec![0.0; output.len()]);
        let kind = loss_with_default(loss);
        twins::loss(kind, &self::wide(&output), rows_of, &mut truth, &mut d, 0.5, grid);
        let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
        let truth: Vec<f32> = truth.iter().map(|&loss| loss as f32).collect();
        assert_close(&format!("{label}, the twin's"), &seen_loss, &truth, near);
    }
}

/// The same from a twin.
pub fn loss_twin<T: Real>(
    twin: impl Fn(&[T], TargetRows<'_, T>, &mut [T], &mut [T], T, Grid),
    output: &[T],
    target: &[T],
    scale: T,
    rows: usize,
    cols: usize,
) -> (Vec<T>, Vec<T>) {
    let grid = Grid { rows, cols, stride: stride(cols) };
    let (mut row_loss, mut d_output) = (vec![T::default(); rows], vec![T::default(); output.len()]);
    let target = TargetRows::plain(target, grid.stride);
    twin(output, target, &mut row_loss, &mut d_output, scale, grid);
    (row_loss, d_output.chunks_exact(grid.stride).flat_map(|row| &row[..cols]).copied().collect())
}
