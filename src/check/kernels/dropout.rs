//! Cases of `dropout`: which units are kept, by bits everywhere; what they are multiplied by.

use crate::check::{Arg, Case, SHAPES, Scope, ULP, columns, floats, numbers, stride, wide};
use crate::kernels;
use crate::network::{Activation, Layer, Mask, Norm, Real};
use crate::reference::twins::{self, Grid};

/// Seeds with halves that differ, each with a layer, a step and a probability.
const DRAWS: [(u64, usize, u32, f64); 4] = [
    (1, 0, 0, 0.5),
    (0x0000_0007_ffff_fffe, 3, 12, 0.1),
    (0xdead_beef_0000_0003, 1, 0x0100_0001, 0.9),
    (5, 63, u32::MAX - 1, 0.25),
];

fn twin<T: Real>(mask: &Mask, input: &[T], grid: Grid) -> Vec<T> {
    let mut output = vec![T::of(0.0); input.len()];
    twins::dropout(mask, input, &mut output, grid);
    columns(&output, grid.cols, grid.stride)
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    let case = |[rows, cols]: [usize; 2], (seed, index, step, dropout): (u64, usize, u32, f64)| {
        let (activation, norm) = (Activation::Relu, Norm::None);
        let layer =
            Layer { index, fan_in: 1, fan_out: cols, activation, parameter: 0.0, norm, dropout };
        let grid = Grid { rows, cols, stride: stride(cols) };
        // None is 0, so that what is dropped is known from what comes out; padding is, and stays.
        let mut input: Vec<f32> =
            numbers(rows * grid.stride, 17).iter().map(|n| n + 0.5f32.copysign(*n)).collect();
        input.chunks_exact_mut(grid.stride).for_each(|row| row[cols..].fill(0.0));
        let args = [Arg::of(&[step]), Arg::of(&input), Arg::Out(rows * grid.stride)];
        let label = format!("{dropout} of {rows}x{cols}, layer {index}, step {step}, seed {seed}");
        Case::new(label, kernels::dropout(&layer, seed, rows), args, move |written, findings| {
            let Some(mask) = Mask::new(&layer, seed, step) else { return };
            let output = floats(&written[0]);
            let mut padding = output.chunks_exact(grid.stride).flat_map(|row| &row[cols..]);
            let is_zero = padding.all(|&value| value == 0.0);
            findings.ensure(is_zero, || "padding of output is not 0".to_owned());
            let output = columns(output, cols, grid.stride);
            let kept =
                |values: &[f32]| values.iter().map(|v| u32::from(*v != 0.0)).collect::<Vec<_>>();
            let exact = twin(&mask, &input, grid);
            findings.equal("units that are kept", &kept(&output), &kept(&exact));
            let truth = twin(&mask, &wide(&input), grid);
            // The factor is rounded to f32, and so is the product.
            let bounds: Vec<f64> = truth.iter().map(|value| 2.0 * ULP * value.abs()).collect();
            findings.hold("output", &output, Some(&exact), &truth, &bounds);
        })
    };
    let draws = DRAWS.into_iter().cycle();
    let shapes = scope.some(&SHAPES, 4).iter().map(|&(rows, cols)| [rows, cols]);
    shapes.zip(draws).map(|(shape, draw)| case(shape, draw)).collect()
}
