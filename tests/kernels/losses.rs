//! What the tests of all losses share: one run of a loss kernel, and one of its twin.

use wgrad::kernels;
use wgrad::network::Loss;
use wgrad::reference::Real;
use wgrad::reference::twins::Grid;

use crate::common::{loss_with_default, stride};
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
    let stride = stride(cols);
    let args = [Arg::F32(output), Arg::F32(target), Arg::Out(rows), Arg::Out(rows * stride)];
    let written = launch(&kernels::loss(loss_with_default(loss), rows, cols, scale), &args);
    (floats(&written[0]).to_vec(), unpadded(floats(&written[1]), cols, stride))
}

/// The same from a twin.
pub fn loss_twin<T: Real>(
    twin: impl Fn(&[T], &[T], &mut [T], &mut [T], T, Grid),
    output: &[T],
    target: &[T],
    scale: T,
    rows: usize,
    cols: usize,
) -> (Vec<T>, Vec<T>) {
    let grid = Grid { rows, cols, stride: stride(cols) };
    let (mut row_loss, mut d_output) = (vec![T::default(); rows], vec![T::default(); output.len()]);
    twin(output, target, &mut row_loss, &mut d_output, scale, grid);
    (row_loss, d_output.chunks_exact(grid.stride).flat_map(|row| &row[..cols]).copied().collect())
}
