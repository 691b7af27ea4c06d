//! Cases of `layer_input_grad`.

use std::sync::Arc;

use super::layers::{LAYERS, block, built, is_in_order, launched, shape, sum_bound, variants_for};
use crate::check::{Arg, Case, Scope, absolute, floats, padded, wide, with_default};
use crate::kernels;
use crate::network::{Activation, Real};
use crate::reference::fused::{self, LayerShape};

fn twin<T: Real>(
    kind: Activation,
    d_output: &[T],
    parameters: &[T],
    [z, input]: [&[T]; 2],
    shape: LayerShape,
) -> Vec<T> {
    let mut d_input = z.to_vec();
    let kind = with_default(kind);
    fused::layer_input_grad(kind, d_output, parameters, input, &mut d_input, shape);
    d_input
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    for &sizes in scope.some(&LAYERS, 3) {
        let shape = shape(sizes);
        let (d_output, parameters) = (padded(shape.rows, shape.fan_out, 22), block(shape, 23));
        let input = padded(shape.rows, shape.fan_in, 24);
        let z = padded(shape.rows, shape.fan_in, 25);
        let (wide_d, wide_p) = (wide(&d_output), wide(&parameters));
        let (wide_z, wide_input) = (wide(&z), wide(&input));
        let (abs_d, abs_p) = (absolute(&d_output), absolute(&parameters));
        let sums = twin(Activation::Identity, &abs_d, &abs_p, [&wide_z, &wide_input], shape);
        // Slopes here are at most 1.13, and those of elu 2: what goes through is at most twice the sum; a slope's
        // own error is at most 16 ULP.
        let bounds: Vec<f64> =
            sums.iter().map(|&sum| 2.0 * sum_bound(shape.fan_out + 18, sum)).collect();
        for &kind in Activation::ALL {
            let exact = twin(kind, &d_output, &parameters, [&z, &input], shape);
            let truth = twin(kind, &wide_d, &wide_p, [&wide_z, &wide_input], shape);
            let expected = Arc::new((exact, truth, bounds.clone()));
            for variant in variants_for(kind, scope) {
                let args = [Arg::of(&d_output), Arg::of(&parameters), Arg::of(&input), Arg::of(&z)];
                let (rows, fan_in, fan_out) = sizes;
                let label = format!("{kind} of {rows}x{fan_in}x{fan_out}, {variant}");
                let launch =
                    kernels::layer_input_grad(with_default(kind), launched(shape), variant);
                let by_bits = !kind.needs_pre_activation() && is_in_order(variant);
                let expected = Arc::clone(&expected);
                let case = Case::new(label, launch, args, move |written, findings| {
                    let (exact, truth, bounds) = &*expected;
                    let d_input = floats(&written[0]);
                    findings.hold("d_input", d_input, by_bits.then_some(exact), truth, bounds);
                    let rows = d_input.chunks_exact(shape.input_stride);
                    let mut padding = rows.flat_map(|row| &row[shape.fan_in..]);
                    findings.ensure(padding.all(|&d| d == 0.0), || "padding is not 0".to_owned());
                });
                all.push(match kind {
                    Activation::Relu => built(case, variant),
                    _ => case.trusted(),
                });
            }
        }
    }
    all
}
