//! The cpu engine's updates, in f32: `crate::optimizer` has the formulas.

use std::ops::Range;

use crate::optimizer::{CLIP_EPSILON, Coefficients, Decay, Optimizer, UpdateRule};

/// What is done to every gradient and parameter of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    rule: UpdateRule,
    c: Coefficients<f32>,
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
        let c: Coefficients<f32> = c.cast();
        let (l2, kept) = match optimizer.decay {
            Decay::L2 => (c.weight_decay, 1.0),
            Decay::Decoupled => (0.0, 1.0 - c.rate * c.weight_decay),
        };
        let most = optimizer.clip_value.map_or(f32::INFINITY, |most| most as f32);
        let scale = optimizer.clip_norm.map_or(1.0, |largest| {
            let norm = squares(gradients, most).sqrt();
            (largest / (norm + CLIP_EPSILON)).min(1.0) as f32
        });
        let is_plain = most == f32::INFINITY && scale == 1.0 && l2 == 0.0 && kept == 1.0;
        Rule { rule: optimizer.kind.row().rule, c, l2, kept, most, scale, is_plain }
    }

    /// A gradient as the update takes it. What is no number stays none.
    fn effective_gradient(&self, gradient: f32, parameter: f32) -> f32 {
        gradient.clamp(-self.most, self.most) * self.scale + self.l2 * parameter
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
pub(super) fn optimize(
    rule: &Rule,
    range: Range<usize>,
    gradients: &[f32],
    parameters: &mut [f32],
    moments: &mut [Vec<f32>],
) {
    let (r, c) = (rule, rule.c);
    let (parameters, gradients) = (&mut parameters[range.clone()], &gradients[range.clone()]);
    let both = parameters.iter_mut().zip(gradients);
    match (r.rule, moments) {
        (UpdateRule::Sgd, _) if r.is_plain => both.for_each(|(p, &g)| *p -= c.rate * g),
        (UpdateRule::Momentum, [first, ..]) => {
            for ((p, &g), m) in both.zip(&mut first[range]) {
                *m = c.decay1 * *m + r.effective_gradient(g, *p);
                *p = *p * r.kept - c.rate * *m;
            }
        }
        (UpdateRule::Nesterov, [first, ..]) => {
            for ((p, &g), m) in both.zip(&mut first[range]) {
                let g = r.effective_gradient(g, *p);
                *m = c.decay1 * *m + g;
                *p = *p * r.kept - c.rate * (g + c.decay1 * *m);
            }
        }
        (UpdateRule::Adam, [first, second, ..]) => {
            for (((p, &g), m), v) in both.zip(&mut first[range.clone()]).zip(&mut second[range]) {
                let g = r.effective_gradient(g, *p);
                *m = c.decay1 * *m + c.gain1 * g;
                *v = c.decay2 * *v + c.gain2 * g * g;
                let root = v.sqrt() * c.correction2 + c.eps;
                *p = *p * r.kept - c.rate * (*m * c.correction1) / root;
            }
        }
        (UpdateRule::RmsProp, [second, ..]) => {
            for ((p, &g), v) in both.zip(&mut second[range]) {
                let g = r.effective_gradient(g, *p);
                *v = c.decay2 * *v + c.gain2 * g * g;
                *p = *p * r.kept - c.rate * g / (v.sqrt() + c.eps);
            }
        }
        _ => both.for_each(|(p, &g)| *p = *p * r.kept - c.rate * r.effective_gradient(g, *p)),
    }
}
