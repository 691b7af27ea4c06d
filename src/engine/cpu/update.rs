//! The cpu engine's updates, in f32: `crate::optimizer` has the formulas.

use std::ops::Range;

use super::product::{fours, fours_mut};
use super::vector::{Four, Vector};
use crate::network::Number;
use crate::optimizer::{CLIP_EPSILON, Coefficients, Decay, Optimizer, UpdateRule};

/// What is done to every gradient and parameter of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    rule: UpdateRule,
    c: Coefficients<Four>,
    /// What of a parameter is added to its gradient.
    l2: f32,
    /// What a parameter is multiplied by.
    kept: f32,
    /// The largest absolute value of a gradient.
    most: f32,
    /// What gradients are multiplied by.
    scale: f32,
    /// Whether gradients are taken, and parameters kept, as they are.
    is_plain: bool,
}

impl Rule {
    /// The rule of a step with these gradients.
    pub(super) fn new(optimizer: &Optimizer, c: &Coefficients<f64>, gradients: &[f32]) -> Rule {
        let Coefficients { rate, weight_decay, .. } = c.cast::<f32>();
        let (l2, kept) = match optimizer.decay {
            Decay::L2 => (weight_decay, 1.0),
            Decay::Decoupled => (0.0, 1.0 - rate * weight_decay),
        };
        let most = optimizer.clip_value.map_or(f32::INFINITY, |most| most as f32);
        let scale = optimizer.clip_norm.map_or(1.0, |largest| {
            let norm = squares(gradients, most).sqrt();
            (largest / (norm + CLIP_EPSILON)).min(1.0) as f32
        });
        let is_plain = most == f32::INFINITY && scale == 1.0 && l2 == 0.0 && kept == 1.0;
        Rule { rule: optimizer.kind.row().rule, c: c.cast(), l2, kept, most, scale, is_plain }
    }

    /// A gradient as the update takes it. What is no number stays none.
    #[inline(always)]
    fn effective_gradient(&self, gradient: [f32; 4], parameter: Four) -> Four {
        let gradient = Four::from(gradient).within(-self.most, self.most) * Four::splat(self.scale);
        gradient + Four::splat(self.l2) * parameter
    }
}

/// The sum of the squares of gradients within `[-most, most]`, eight at a time.
fn squares(gradients: &[f32], most: f32) -> f64 {
    let mut sums = [0.0f64; 8];
    let (eights, rest) = gradients.as_chunks::<8>();
    for eight in eights {
        for (sum, &gradient) in sums.iter_mut().zip(eight) {
            let gradient = f64::from(gradient.clamp(-most, most));
            *sum += gradient * gradient;
        }
    }
    for (sum, &gradient) in sums.iter_mut().zip(rest) {
        let gradient = f64::from(gradient.clamp(-most, most));
        *sum += gradient * gradient;
    }
    sums.iter().sum()
}

/// Updates a range of the parameters, and of the moments there are.
#[inline(always)]
pub(super) fn optimize(
    rule: &Rule,
    range: Range<usize>,
    gradients: &[f32],
    parameters: &mut [f32],
    moments: &mut [Vec<f32>],
) {
    if let (UpdateRule::Sgd, true) = (rule.rule, rule.is_plain) {
        let both =
            fours_mut(&mut parameters[range.clone()]).iter_mut().zip(fours(&gradients[range]));
        return both.for_each(|(p, g)| *p = (Four::from(*p) - rule.c.rate * Four::from(*g)).into());
    }
    optimize_by(rule, range, gradients, parameters, moments);
}

/// The same by any other rule.
// A call, so that a step of plain gradient descent, which is inlined, stays small.
#[inline(never)]
fn optimize_by(
    rule: &Rule,
    range: Range<usize>,
    gradients: &[f32],
    parameters: &mut [f32],
    moments: &mut [Vec<f32>],
) {
    let (r, c) = (rule, rule.c);
    let kept = Four::splat(r.kept);
    let parameters = fours_mut(&mut parameters[range.clone()]).iter_mut();
    let both = parameters.zip(fours(&gradients[range.clone()]));
    match (r.rule, moments) {
        (UpdateRule::Momentum, [first, ..]) => {
            for ((p, g), own) in both.zip(fours_mut(&mut first[range])) {
                let (before, m) = (Four::from(*p), Four::from(*own));
                let m = c.decay1 * m + r.effective_gradient(*g, before);
                (*p, *own) = ((before * kept - c.rate * m).into(), m.into());
            }
        }
        (UpdateRule::Nesterov, [first, ..]) => {
            for ((p, g), own) in both.zip(fours_mut(&mut first[range])) {
                let (before, m) = (Four::from(*p), Four::from(*own));
                let g = r.effective_gradient(*g, before);
                let m = c.decay1 * m + g;
                (*p, *own) = ((before * kept - c.rate * (g + c.decay1 * m)).into(), m.into());
            }
        }
        (UpdateRule::Adam, [first, second, ..]) => {
            let both = both.zip(fours_mut(&mut first[range.clone()]));
            for (((p, g), own), own2) in both.zip(fours_mut(&mut second[range])) {
                let (before, m, v) = (Four::from(*p), Four::from(*own), Four::from(*own2));
                let g = r.effective_gradient(*g, before);
                let m = c.decay1 * m + c.gain1 * g;
                let v = c.decay2 * v + c.gain2 * g * g;
                let root = v.sqrt() * c.correction2 + c.eps;
                *p = (before * kept - c.rate * (m * c.correction1) / root).into();
                (*own, *own2) = (m.into(), v.into());
            }
        }
        (UpdateRule::RmsProp, [second, ..]) => {
            for ((p, g), own) in both.zip(fours_mut(&mut second[range])) {
                let (before, v) = (Four::from(*p), Four::from(*own));
                let g = r.effective_gradient(*g, before);
                let v = c.decay2 * v + c.gain2 * g * g;
                let after = before * kept - c.rate * g / (v.sqrt() + c.eps);
                (*p, *own) = (after.into(), v.into());
            }
        }
        _ => both.for_each(|(p, g)| {
            let before = Four::from(*p);
            *p = (before * kept - c.rate * r.effective_gradient(*g, before)).into();
        }),
    }
}
