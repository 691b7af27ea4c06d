//! Cases of `bias_add`.

use crate::check::{Arg, Case, SHAPES, Scope, ULP, floats, numbers, stride, wide};
use crate::kernels::{self, LayerShape};
use crate::reference::twins::{self, Grid};

/// A layer's block with two rows of weights before the bias, and the matrix it is added to.
pub(super) fn cases(_: &Scope) -> Vec<Case> {
    let case = |(rows, cols)| {
        let stride = stride(cols);
        let (parameters, output) = (numbers(3 * stride, 1), numbers(rows * stride, 2));
        let launch = kernels::bias_add(LayerShape { rows, fan_in: 2, fan_out: cols });
        let args = [Arg::of(&parameters), Arg::of(&output)];
        Case::new(format!("{rows}x{cols}"), launch, args, move |written, findings| {
            let (bias, grid) = (&parameters[2 * stride..], Grid { rows, cols, stride });
            let (mut exact, mut truth) = (output.clone(), wide(&output));
            twins::bias_add(bias, &mut exact, grid);
            twins::bias_add(&wide(bias), &mut truth, grid);
            // One sum.
            let bounds: Vec<f64> = truth.iter().map(|sum| ULP * sum.abs()).collect();
            findings.hold("output", floats(&written[0]), Some(&exact), &truth, &bounds);
        })
    };
    SHAPES.into_iter().map(case).collect()
}
