//! Cases of `bias_grad`.

use crate::check::{
    Arg, Case, SENTINEL, SHAPES, Scope, ULP, absolute, floats, numbers, stride, wide,
};
use crate::kernels::{self, LayerShape};
use crate::network::Real;
use crate::reference::twins::{self, Grid};

fn twin<T: Real>(d_output: &[T], grid: Grid) -> Vec<T> {
    let mut d_bias = vec![T::of(0.0); grid.cols];
    twins::bias_grad(d_output, &mut d_bias, grid);
    d_bias
}

/// The bias row of a layer's block; its weights must stay untouched.
pub(super) fn cases(_: &Scope) -> Vec<Case> {
    let case = |(rows, cols)| {
        let stride = stride(cols);
        let d_output = numbers(rows * stride, 3);
        let launch = kernels::bias_grad(LayerShape { rows, fan_in: 1, fan_out: cols });
        let args = [Arg::of(&d_output), Arg::Out(2 * stride)];
        Case::new(format!("{rows}x{cols}"), launch, args, move |written, findings| {
            let (weights, bias) = written[0].split_at(stride);
            let mut beside = weights.iter().chain(&bias[cols..]);
            findings.ensure(beside.all(|&word| word == SENTINEL), || {
                "it wrote beside the bias".to_owned()
            });
            let grid = Grid { rows, cols, stride };
            // A sum of so many terms, one rounding each.
            let sums = twin(&absolute(&d_output), grid);
            let bounds: Vec<f64> = sums.iter().map(|sum| rows as f64 * ULP * sum).collect();
            let (exact, truth) = (twin(&d_output, grid), twin(&wide(&d_output), grid));
            findings.hold("d_bias", floats(&bias[..cols]), Some(&exact), &truth, &bounds);
        })
    };
    SHAPES.into_iter().chain([(1797, 3)]).map(case).collect()
}
