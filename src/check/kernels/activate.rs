//! Cases of `activate`.

use crate::check::{
    Arg, Case, SHAPES, Scope, ULP, columns, is_arithmetic, numbers, stride, unpadded, wide,
    with_default,
};
use crate::kernels;
use crate::network::{Activation, Real};
use crate::reference::twins::{self, Grid};

/// Below this, an exponential may be flushed to zero.
const TINY: f64 = 1.2e-38;

/// How far the formulas of `common/activation.wgsl` may be from the truth at `z`, from WGSL's
/// accuracies: e^x within 3 + 2|x| ULP, a quotient 2.5 ULP, the rest one rounding each.
pub fn activation_bound(kind: Activation, z: f64) -> f64 {
    let value = |kind: Activation, z| twins::activation(kind, kind.default_parameter(), z);
    let a = value(kind, z).abs();
    match kind {
        Activation::Relu | Activation::Identity => 0.0,
        // A factor of 0.01 that is itself rounded, and one product.
        Activation::LeakyRelu => 2.0 * ULP * a,
        Activation::Sigmoid => {
            let e = (-z.abs()).exp();
            let from_exp = e * (3.0 + 2.0 * z.abs()) * ULP;
            // For z < 0 the exponential is the numerator too.
            from_exp + 4.0 * ULP * a + TINY
        }
        // The correction is at most 0.08 of the result, and each of its eight roundings counts
        // with that; the sum is one more.
        Activation::Tanh if z.abs() < 0.5 => (4.5e-9 + (1.0 + 8.0 * 0.083) * ULP) * a,
        // 2 t / (1 - t) with t = tanh(z/2): its derivative is 2 / (1 - t)^2; a difference, a quotient.
        Activation::Elu if z > 0.0 => 0.0,
        Activation::Elu => {
            let t = value(Activation::Tanh, z / 2.0);
            let slope = 2.0 / (1.0 - t).powi(2);
            slope * activation_bound(Activation::Tanh, z / 2.0) + 5.0 * ULP * a + TINY
        }
        Activation::Gelu => 0.5 * z.abs() * gelu_tanh_bound(z) + 4.0 * ULP * a + TINY,
        Activation::Silu => {
            z.abs() * activation_bound(Activation::Sigmoid, z) + 2.0 * ULP * a + TINY
        }
        Activation::Tanh => {
            let e = (-2.0 * z.abs()).exp();
            let from_exp = 2.0 * e * (3.0 + 4.0 * z.abs()) * ULP / (1.0 + e).powi(2);
            from_exp + 5.0 * ULP * a + TINY
        }
    }
}

/// How far the inner tanh of gelu may be from the truth: its argument, a sum of terms of one sign, by six
/// roundings; and its own bound.
pub(super) fn gelu_tanh_bound(z: f64) -> f64 {
    let w = z.clamp(-10.0, 10.0);
    let argument = 0.797_884_560_802_865_4 * (w + 0.044715 * w.powi(3));
    let slope = 1.0 - argument.tanh().powi(2);
    slope * 6.0 * ULP * argument.abs() + activation_bound(Activation::Tanh, argument)
}

/// Where formulas switch, saturate, or would overflow.
const SPECIALS: [f32; 26] = [
    0.0,
    -0.0,
    1e-45,
    1e-38,
    1e-20,
    -1e-20,
    1e-4,
    -1e-4,
    0.499_999_97,
    0.5,
    -0.5,
    0.500_000_06,
    1.0,
    -1.0,
    9.0,
    -9.0,
    10.0,
    -10.0,
    20.0,
    -20.0,
    44.0,
    45.0,
    88.0,
    -88.0,
    -104.0,
    3.4e38,
];

/// Values of both signs, eight to a factor of 10, over all that f32 holds, and those where formulas switch.
pub(super) fn spaced() -> Vec<f32> {
    let sizes = (-300..=304).map(|eighths| 10f64.powf(f64::from(eighths) / 8.0) as f32);
    sizes.flat_map(|size| [size, -size]).chain(SPECIALS).collect()
}

fn twin<T: Real>(kind: Activation, input: &[T], [rows, cols]: [usize; 2]) -> Vec<T> {
    let mut output = vec![T::of(0.0); input.len()];
    let stride = stride(cols);
    twins::activate(with_default(kind), input, &mut output, Grid { rows, cols, stride });
    columns(&output, cols, stride)
}

fn case(label: String, kind: Activation, input: Vec<f32>, by_bits: bool, at: [usize; 2]) -> Case {
    let [rows, cols] = at;
    let stride = stride(cols);
    let args = [Arg::of(&input), Arg::Out(rows * stride)];
    let launch = kernels::activate(with_default(kind), rows, cols);
    Case::new(label, launch, args, move |written, findings| {
        let output = unpadded(&written[0], cols, stride, findings);
        let (truth, exact) = (twin(kind, &wide(&input), at), twin(kind, &input, at));
        let z = columns(&wide(&input), cols, stride);
        // Subnormal inputs may be flushed.
        let flushed = if by_bits { 0.0 } else { TINY };
        let bounds: Vec<f64> = z.iter().map(|&z| activation_bound(kind, z) + flushed).collect();
        findings.hold("output", &output, by_bits.then_some(&exact[..]), &truth, &bounds);
    })
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    for &kind in Activation::ALL {
        let (mut input, len) = (spaced(), spaced().len());
        input.resize(stride(len), 0.0);
        all.push(case(format!("{kind} over all of f32"), kind, input, false, [1, len]));
        for &(rows, cols) in scope.some(&SHAPES, 2) {
            let numbers = numbers(rows * stride(cols), 4);
            let input = numbers.iter().map(|number| number * 6.0).collect();
            let label = format!("{kind} of {rows}x{cols}");
            all.push(case(label, kind, input, is_arithmetic(kind), [rows, cols]));
        }
    }
    all
}
