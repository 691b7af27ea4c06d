//! The cpu engine's updates, in f32: `crate::optimizer` has the formulas.

use crate::optimizer::{CLIP_EPSILON, Decay, Optimizer, OptimizerKind, UpdateNumbers};

/// What is done to every gradient and parameter of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    kind: OptimizerKind,
    rate: f32,
    decay1: f32,
    gain1: f32,
    decay2: f32,
    gain2: f32,
    eps: f32,
    correction1: f32,
    correction2: f32,
    /// What of a parameter is added to its gradient.
    l2: f32,
    /// What a parameter is multiplied by.
    kept: f32,
    /// The largest absolute value of a gradient.
    most: f32,
    /// What gradients are multiplied by.
    scale: f32,
}

impl Rule {
    /// The rule of a step with these gradients.
    pub(super) fn new(optimizer: &Optimizer, numbers: &UpdateNumbers, gradients: &[f32]) -> Rule {
        let [rate, weight_decay] = [numbers.rate as f32, numbers.weight_decay as f32];
        let (l2, kept) = match optimizer.decay {
            Decay::L2 => (weight_decay, 1.0),
            Decay::Decoupled => (0.0, 1.0 - rate * weight_decay),
        };
        let most = optimizer.clip_value.map_or(f32::INFINITY, |most| most as f32);
        let scale = optimizer.clip_norm.map_or(1.0, |largest| {
            let norm = squares(gradients, most).sqrt();
            (largest / (norm + CLIP_EPSILON)).min(1.0) as f32
        });
        Rule {
            kind: optimizer.kind,
            rate,
            decay1: numbers.decay1 as f32,
            gain1: numbers.gain1 as f32,
            decay2: numbers.decay2 as f32,
            gain2: numbers.gain2 as f32,
            eps: numbers.eps as f32,
            correction1: numbers.correction1 as f32,
            correction2: numbers.correction2 as f32,
            l2,
            kept,
            most,
            scale,
        }
    }

    /// A gradient as the update takes it. What is no number stays none.
    fn taken(&self, gradient: f32, parameter: f32) -> f32 {
        gradient.clamp(-self.most, self.most) * self.scale + self.l2 * parameter
    }

    fn is_plain(&self) -> bool {
        self.most == f32::INFINITY && self.scale == 1.0 && self.l2 == 0.0 && self.kept == 1.0
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

/// Updates every parameter, and the moments there are.
pub(super) fn optimize(
    rule: &Rule,
    gradients: &[f32],
    parameters: &mut [f32],
    moments: &mut [Vec<f32>],
) {
    let r = *rule;
    let both = parameters.iter_mut().zip(gradients);
    match (r.kind, moments) {
        (OptimizerKind::Sgd, _) if r.is_plain() => {
            both.for_each(|(p, &g)| *p -= r.rate * g);
        }
        (OptimizerKind::Momentum, [first, ..]) => {
            for ((p, &g), m) in both.zip(first) {
                *m = r.decay1 * *m + r.taken(g, *p);
                *p = *p * r.kept - r.rate * *m;
            }
        }
        (OptimizerKind::Nesterov, [first, ..]) => {
            for ((p, &g), m) in both.zip(first) {
                let g = r.taken(g, *p);
                *m = r.decay1 * *m + g;
                *p = *p * r.kept - r.rate * (g + r.decay1 * *m);
            }
        }
        (OptimizerKind::Adam | OptimizerKind::AdamW, [first, second, ..]) => {
            for (((p, &g), m), v) in both.zip(first).zip(second) {
                let g = r.taken(g, *p);
                *m = r.decay1 * *m + r.gain1 * g;
                *v = r.decay2 * *v + r.gain2 * g * g;
                let root = v.sqrt() * r.correction2 + r.eps;
                *p = *p * r.kept - r.rate * (*m * r.correction1) / root;
            }
        }
        _ => both.for_each(|(p, &g)| *p = *p * r.kept - r.rate * r.taken(g, *p)),
    }
}
