//! Cases of `layer_forward`.

use std::sync::Arc;

use super::activate::activation_bound;
use super::layers::{LAYERS, block, built, is_in_order, launched, shape, sum_bound, variants_for};
use crate::check::{
    Arg, Bound, Case, Findings, Scope, ULP, absolute, columns, floats, is_arithmetic, padded, wide,
    with_default,
};
use crate::kernels;
use crate::network::{Activation, Real};
use crate::reference::fused::{self, COUNTED_ROWS, LayerShape};

fn counts_len(shape: LayerShape) -> usize {
    shape.rows.div_ceil(COUNTED_ROWS) * shape.stride
}

/// Outputs, padding and all.
fn forward<T: Real>(kind: Activation, input: &[T], parameters: &[T], shape: LayerShape) -> Vec<T> {
    let len = shape.rows * shape.stride;
    let (mut output, mut z) = (vec![T::of(0.0); len], vec![T::of(0.0); len]);
    let mut counts = vec![0; counts_len(shape)];
    let to = [&mut output[..], &mut z];
    fused::layer_forward(with_default(kind), input, parameters, to, &mut counts, shape);
    output
}

/// What must come of a layer, whichever variant computes it.
struct Expected {
    kind: Activation,
    shape: LayerShape,
    exact: Vec<f32>,
    truth: Vec<f64>,
    /// Pre-activations, and how far they may be off.
    z: Vec<f64>,
    z_bounds: Vec<f64>,
    bounds: Vec<f64>,
}

impl Expected {
    fn new(kind: Activation, input: &[f32], parameters: &[f32], shape: LayerShape) -> Expected {
        let identity = Activation::Identity;
        let sums = forward(identity, &absolute(input), &absolute(parameters), shape);
        let of_sum = |sum: &f64| sum_bound(shape.fan_in, *sum);
        let z = forward(identity, &wide(input), &wide(parameters), shape);
        // No slope is more than 1.13, which is gelu's; and its own error.
        let of_output =
            |(sum, z): (&f64, &f64)| 1.13 * of_sum(sum) + activation_bound(kind, *z) + ULP;
        Expected {
            kind,
            shape,
            exact: forward(kind, input, parameters, shape),
            truth: forward(kind, &wide(input), &wide(parameters), shape),
            bounds: sums.iter().zip(&z).map(of_output).collect(),
            z_bounds: sums.iter().map(|sum| of_sum(sum) + ULP).collect(),
            z,
        }
    }

    fn judge(&self, written: &[Vec<u32>], in_order: bool, findings: &mut Findings) {
        let Expected { kind, shape, .. } = *self;
        let output = floats(&written[0]);
        let exact = (is_arithmetic(kind) && in_order).then_some(&self.exact[..]);
        findings.hold("output", output, exact, &self.truth, &self.bounds);
        let z = floats(&written[2]);
        findings.close("pre_activations", z, &self.z, Bound::Each(&self.z_bounds));
        let mut padding = output.chunks_exact(shape.stride).flat_map(|row| &row[shape.fan_out..]);
        findings.ensure(padding.all(|&a| a == 0.0), || "padding is not 0".to_owned());
        // Counted from its own outputs: a sum that is off by a rounding may be 0 or not. Of padding nothing is asked.
        let mut counts = vec![0; counts_len(shape)];
        fused::count_units(kind, output, &mut counts, shape.stride);
        let of = |counts: &[u32]| columns(counts, shape.fan_out, shape.stride);
        findings.equal("unit_counts", &of(&written[1]), &of(&counts));
    }
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    for &sizes in scope.some(&LAYERS, 3) {
        let shape = shape(sizes);
        let (input, parameters) = (padded(shape.rows, shape.fan_in, 20), block(shape, 21));
        let len = shape.rows * shape.stride;
        for &kind in Activation::ALL {
            let expected = Arc::new(Expected::new(kind, &input, &parameters, shape));
            for variant in variants_for(kind, scope) {
                let args = [
                    Arg::of(&input),
                    Arg::of(&parameters),
                    Arg::Out(len),
                    Arg::Out(counts_len(shape)),
                    Arg::Out(len),
                ];
                let (rows, fan_in, fan_out) = sizes;
                let label = format!("{kind} of {rows}x{fan_in}x{fan_out}, {variant}");
                let activation = with_default(kind);
                let launch = kernels::layer_forward(activation, true, launched(shape), variant);
                let expected = Arc::clone(&expected);
                let case = Case::new(label, launch, args, move |written, findings| {
                    expected.judge(written, is_in_order(variant), findings);
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
