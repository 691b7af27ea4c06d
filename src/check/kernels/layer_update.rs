//! Cases of `layer_update`.

use std::sync::Arc;

use super::layers::{LAYERS, block, built, is_in_order, launched, shape, sum_bound, variants};
use super::updates::{RATE, RING, STEP, describe, expect_schedule, schedule, update_bound};
use crate::check::{
    Arg, Bound, Case, Findings, SENTINEL, Scope, ULP, absolute, floats, padded, wide,
};
use crate::kernels::{self, Variant};
use crate::network::Real;
use crate::optimizer::{Optimizer, OptimizerKind};
use crate::reference::fused::{self, LayerShape};
use crate::reference::twins::Update;

/// What an update leaves.
struct Updated<T> {
    parameters: Vec<T>,
    gradients: Vec<T>,
    moments: [Vec<T>; 2],
    /// Of gradients, parameters before and steps.
    squares: [T; 3],
}

/// The twin's, of a layer whose parameters and moments are given.
fn twin<T: Real>(
    optimizer: &Optimizer,
    [input, d_output]: [&[T]; 2],
    [parameters, first, second]: [&[T]; 3],
    shape: LayerShape,
) -> Updated<T> {
    let numbers = Update::<T>::new(optimizer, RATE.into(), STEP);
    let (mut parameters, mut m, mut v) = (parameters.to_vec(), first.to_vec(), second.to_vec());
    let mut gradients = vec![T::of(0.0); shape.block_len()];
    let all = (&mut parameters[..], [&mut m[..], &mut v[..]]);
    let squares = fused::layer_update(input, d_output, all, &mut gradients, &numbers, shape);
    Updated { parameters, gradients, moments: [m, v], squares }
}

/// What must come of a layer, whichever variant computes it.
struct Expected {
    optimizer: Optimizer,
    before: Vec<f32>,
    exact: Updated<f32>,
    truth: Updated<f64>,
    of_gradients: Vec<f64>,
    of_parameters: Vec<f64>,
}

impl Expected {
    fn new(
        optimizer: Optimizer,
        [input, d_output]: [&[f32]; 2],
        state: [&[f32]; 3],
        shape: LayerShape,
    ) -> Expected {
        let [before, first, second] = state;
        let exact = twin(&optimizer, [input, d_output], state, shape);
        let [x, d, p, m, v] = [input, d_output, before, first, second].map(wide);
        let truth = twin(&optimizer, [&x, &d], [&p, &m, &v], shape);
        let sums = [absolute(input), absolute(d_output)];
        let sgd = Optimizer::default();
        let sums = twin(&sgd, [&sums[0], &sums[1]], [&p, &m, &v], shape).gradients;
        let of_gradients: Vec<f64> = sums.iter().map(|&sum| sum_bound(shape.rows, sum)).collect();
        let of_parameters = (0..before.len())
            .map(|i| {
                let (g, moments) = (exact.gradients[i], (first[i], second[i]));
                update_bound(&optimizer, g, before[i], moments, of_gradients[i])
            })
            .collect();
        Expected { optimizer, before: before.to_vec(), exact, truth, of_gradients, of_parameters }
    }

    /// Where the gradients are kept, everything else is left to others.
    fn judge(&self, written: &[Vec<u32>], keeps: bool, in_order: bool, findings: &mut Findings) {
        let Expected { optimizer, exact, truth, .. } = self;
        let len = self.before.len();
        expect_schedule(&written[0], optimizer, true, findings);
        let bits = |exact| if in_order { Some(exact) } else { None };
        let (parameters, gradients) = (floats(&written[1]), floats(&written[2]));
        if keeps {
            let exact = bits(&exact.gradients[..]);
            findings.hold("gradients", gradients, exact, &truth.gradients, &self.of_gradients);
            findings.close("parameters", parameters, &self.before, Bound::Exact);
        } else {
            let exact = bits(&exact.parameters[..]);
            findings.hold("parameters", parameters, exact, &truth.parameters, &self.of_parameters);
            findings.equal("gradients are not kept", &written[2], &vec![SENTINEL; len]);
        }
        for (index, name) in ["moment1", "moment2"].into_iter().enumerate() {
            let words = &written[3 + index];
            if !optimizer.has_moments()[index] {
                findings.equal("a moment it does not have", words, &[SENTINEL; 4]);
            } else if !keeps {
                // Products of numbers within 1 and their sum; of the second moment a square.
                let near: Vec<f64> = (0..len)
                    .map(|i| {
                        let g = truth.gradients[i].abs();
                        8.0 * ULP * (1.0 + g * g) + 2.0 * self.of_gradients[i] * (1.0 + g)
                    })
                    .collect();
                let (exact, truth) = (bits(&exact.moments[index][..]), &truth.moments[index]);
                findings.hold(name, floats(words), exact, truth, &near);
            }
        }
        self.judge_sums(&written[5], keeps, findings);
    }

    /// Sums over all workgroups: squares of gradients, parameters and updates, and how many are not finite.
    fn judge_sums(&self, words: &[u32], keeps: bool, findings: &mut Findings) {
        let of = |at: usize| floats(words).iter().skip(at).step_by(4).map(|&sum| f64::from(sum));
        let seen: Vec<f64> = (0..4).map(|at| of(at).sum()).collect();
        let [g, p, step] = self.truth.squares;
        // With kept gradients the third holds scaled squares, which of these are below f32.
        let truth = [g, p, if keeps { 0.0 } else { step }, 0.0];
        let none = vec![0.0; self.before.len()];
        let of_terms = [&self.of_gradients, &none, &self.of_parameters];
        let mut bounds: Vec<f64> = of_terms
            .iter()
            .zip(truth)
            .map(|(of_terms, sum)| {
                // By Cauchy and Schwarz: the squares of terms that are off by so much; and as many roundings as
                // there are sums at most.
                let off: f64 = of_terms.iter().map(|off| off * off).sum();
                let roundings = self.before.len() as f64;
                2.0 * (sum * off).sqrt()
                    + off
                    + roundings * ULP * sum
                    + f64::from(f32::MIN_POSITIVE)
            })
            .collect();
        bounds.push(0.0);
        findings.close("sums of squares", &seen, &truth, Bound::Each(&bounds));
    }
}

/// A layer under an optimizer, by each of these variants.
fn layer(
    optimizer: Optimizer,
    keeps: bool,
    sizes: (usize, usize, usize),
    variants: &[Variant],
) -> Vec<Case> {
    let (shape, (rows, fan_in, fan_out)) = (shape(sizes), sizes);
    let (input, d_output) = (padded(rows, fan_in, 25), padded(rows, fan_out, 26));
    let (before, first) = (block(shape, 27), block(shape, 28));
    let second: Vec<f32> = block(shape, 29).iter().map(|v| v * v).collect();
    let state = [&before[..], &first, &second];
    let expected = Arc::new(Expected::new(optimizer, [&input, &d_output], state, shape));
    let case = |&variant: &Variant| {
        let moment = |index: usize| match optimizer.has_moments()[index] {
            true => Arg::of(state[1 + index]),
            false => Arg::Out(4),
        };
        let args = [
            Arg::of(&input),
            Arg::of(&d_output),
            Arg::of(&schedule(&optimizer, RATE)),
            Arg::of(&before),
            Arg::Out(shape.block_len()),
            moment(0),
            moment(1),
            Arg::Out(kernels::update_sums_len(launched(shape), variant)),
        ];
        let launch = kernels::layer_update(&optimizer, keeps, RING, launched(shape), variant);
        let keeping = if keeps { ", gradients kept" } else { "" };
        let label =
            format!("{} of {rows}x{fan_in}x{fan_out}{keeping}, {variant}", describe(&optimizer));
        let expected = Arc::clone(&expected);
        Case::new(label, launch, args, move |written, findings| {
            expected.judge(written, keeps, is_in_order(variant), findings);
        })
    };
    variants.iter().map(case).collect()
}

/// An input that is not finite makes a weight so, which is counted and noted, and no bias. Where gradients are
/// kept parameters are left to others, who note them.
fn not_finite(bad: f32, keeps: bool) -> Case {
    let (optimizer, variant, shape) = (Optimizer::default(), Variant::Direct, shape((2, 1, 1)));
    let args = [
        Arg::of(&[1.0, 0.0, 0.0, 0.0, bad, 0.0, 0.0, 0.0]),
        Arg::of(&[0.5f32, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0]),
        Arg::of(&schedule(&optimizer, RATE)),
        Arg::of(&[0.0f32; 8]),
        Arg::Out(8),
        Arg::Out(4),
        Arg::Out(4),
        Arg::Out(kernels::update_sums_len(launched(shape), variant)),
    ];
    let launch = kernels::layer_update(&optimizer, keeps, RING, launched(shape), variant);
    let keeping = if keeps { ", gradients kept" } else { "" };
    let case =
        Case::new(format!("an input is {bad}{keeping}"), launch, args, move |written, findings| {
            expect_schedule(&written[0], &optimizer, keeps, findings);
            let counted = floats(&written[5]).iter().skip(3).step_by(4).sum::<f32>();
            findings.close("numbers that are not finite", &[counted], &[1.0f32], Bound::Exact);
            // The gradient of the bias is -1/2.
            let bias = if keeps { floats(&written[2])[4] } else { floats(&written[1])[4] };
            let expected = if keeps { -0.5 } else { 0.5 * RATE };
            findings.close("bias", &[bias], &[expected], Bound::Exact);
        });
    case.trusted()
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    let (sgd, variants) = (Optimizer::default(), variants(scope));
    for &sizes in scope.some(&LAYERS, 3) {
        let cases = layer(sgd, false, sizes, &variants);
        all.extend(cases.into_iter().zip(&variants).map(|(case, &variant)| built(case, variant)));
        // Who keeps gradients knows nothing of products either.
        let kept = layer(sgd, true, sizes, scope.some(&variants[..variants.len().min(4)], 0));
        all.extend(kept.into_iter().map(Case::trusted));
    }
    for keeps in scope.some(&[false, true], 1) {
        all.extend([f32::NAN, f32::INFINITY].map(|bad| not_finite(bad, *keeps)));
    }
    if !scope.is_quick {
        // Gradients are kept as they are, and count in the sums as they are clipped.
        let clipped = Optimizer { clip_value: Some(0.375), ..sgd };
        all.extend(
            layer(clipped, true, (9, 13, 5), &[Variant::Direct]).into_iter().map(Case::trusted),
        );
    }
    // Other kinds of optimizer, on one shape: their moments begin somewhere. The formulas of all in all settings are
    // held to their twins with `optimizer_step`.
    let momentum = Optimizer::new(OptimizerKind::Momentum);
    let others = [
        momentum,
        Optimizer { clip_value: Some(0.375), ..momentum },
        Optimizer { weight_decay: 0.0625, ..momentum },
        Optimizer::new(OptimizerKind::Nesterov),
        Optimizer::new(OptimizerKind::AdamW),
        Optimizer::new(OptimizerKind::RmsProp),
    ];
    for &optimizer in scope.some(&others, 0) {
        let cases = layer(optimizer, false, (9, 13, 5), &[Variant::Direct]);
        all.extend(cases.into_iter().map(Case::trusted));
    }
    all
}
