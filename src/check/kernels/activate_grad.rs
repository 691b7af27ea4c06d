//! Cases of `activate_grad`.

use super::activate::{activation_bound, gelu_tanh_bound, spaced};
use crate::check::{
    Arg, Case, SHAPES, Scope, ULP, columns, numbers, stride, unpadded, wide, with_default,
};
use crate::kernels;
use crate::network::{Activation, Real};
use crate::reference::twins::{self, Grid};

/// How far a slope, and a product with it, may be off where an activation gives `a` for `z`.
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
        // (1 + h)/2, and w/2 (1 - h^2) c (1 + 0.134 w^2), in which h comes in with its own bound; w is z within
        // -10 and 10.
        Activation::Gelu => {
            let w = z.clamp(-10.0, 10.0);
            let factor = 0.5 * w.abs() * 0.8 * (1.0 + 0.134145 * w * w);
            let h = gelu_tanh_bound(z);
            (0.5 + 2.0 * factor) * h + (2.0 + 12.0 * factor) * ULP
        }
        // s + a (1 - s): s counts with 1 - a.
        Activation::Silu => {
            let s = twins::activation(Activation::Sigmoid, parameter, z);
            (1.0 + a.abs()) * activation_bound(Activation::Sigmoid, z) + 4.0 * ULP * (s + a.abs())
        }
    }
}

fn twin<T: Real>(
    kind: Activation,
    both: [&[T]; 2],
    d_output: &[T],
    [rows, cols]: [usize; 2],
) -> Vec<T> {
    let mut d_input = vec![T::of(0.0); d_output.len()];
    let stride = stride(cols);
    let grid = Grid { rows, cols, stride };
    twins::activate_grad(with_default(kind), both, d_output, &mut d_input, grid);
    columns(&d_input, cols, stride)
}

fn case(
    label: String,
    kind: Activation,
    [input, output]: [Vec<f32>; 2],
    by_bits: bool,
    at: [usize; 2],
) -> Case {
    let [rows, cols] = at;
    let stride = stride(cols);
    let d_output = numbers(input.len(), 6);
    let args = [Arg::of(&input), Arg::of(&output), Arg::of(&d_output), Arg::Out(rows * stride)];
    let launch = kernels::activate_grad(with_default(kind), rows, cols);
    Case::new(label, launch, args, move |written, findings| {
        let d_input = unpadded(&written[0], cols, stride, findings);
        let (z, a, d) = (wide(&input), wide(&output), wide(&d_output));
        let truth = twin(kind, [&z, &a], &d, at);
        let exact = twin(kind, [&input, &output], &d_output, at);
        // A device may flush what is below the normal numbers to zero. At a kink zero has another slope, which differs by
        // at most 1.
        let tiny = f64::from(f32::MIN_POSITIVE);
        let is_flushed = |a: f64| kind.row().has_kink && a != 0.0 && a.abs() < tiny;
        let slope = |at: usize| {
            let own = slope_bound(kind, z[at], a[at]);
            if is_flushed(a[at]) { 1.0 + own } else { own }
        };
        let bounds: Vec<f64> = (0..z.len()).map(|at| slope(at) * d[at].abs() + tiny).collect();
        let bounds = columns(&bounds, cols, stride);
        findings.hold("d_input", &d_input, by_bits.then_some(&exact[..]), &truth, &bounds);
    })
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    for &kind in Activation::ALL {
        let by_bits = !kind.needs_pre_activation();
        let (mut input, len) = (spaced(), spaced().len());
        input.resize(stride(len), 0.0);
        let of = |z: &f32| twins::activation(kind, kind.default_parameter(), f64::from(*z)) as f32;
        let output = input.iter().map(of).collect();
        all.push(case(format!("{kind} over all of f32"), kind, [input, output], false, [1, len]));
        for &(rows, cols) in scope.some(&SHAPES, 2) {
            let len = rows * stride(cols);
            let input = numbers(len, 9).iter().map(|z| 4.0 * z).collect();
            // Outputs as sigmoid and tanh can give them.
            let output = numbers(len, 5).iter().map(|a| a.abs()).collect();
            let label = format!("{kind} of {rows}x{cols}");
            all.push(case(label, kind, [input, output], by_bits, [rows, cols]));
        }
    }
    all
}
