//! The update of a group: `crate::optimizer` has the formulas.

use super::group::Group;
use super::shape::{Buffer, Shape};
use super::vector::{Pack, Vector, packs, packs_mut, vectors};
use crate::optimizer::{CLIP_EPSILON, Coefficients, Decay, Optimizer, OptimizerKind, RateSchedule};

/// What the updates of one step have in common; rates, the decays of first moments and of weights are the
/// networks' own.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepRule {
    common: Coefficients<f64>,
    /// What the schedule multiplies rates by.
    factor: f32,
}

impl StepRule {
    /// That of the step after `step` others.
    pub(super) fn new(optimizer: &Optimizer, schedule: &RateSchedule, step: u32) -> StepRule {
        let common = optimizer.coefficients(0.0, step);
        StepRule { common, factor: schedule.factor(step) }
    }

    /// Whether it is the same for every step.
    pub(super) fn is_constant(optimizer: &Optimizer, schedule: &RateSchedule) -> bool {
        schedule.is_constant() && !optimizer.is_corrected()
    }
}

/// What of an update is the networks' own and may change from step to step.
struct Own<V, const M: usize> {
    rate: Pack<V, M>,
    /// What a parameter is multiplied by, where its decay is decoupled.
    kept: Pack<V, M>,
    /// What gradients are multiplied by, for their norm.
    scale: Pack<V, M>,
    /// The largest absolute value of a gradient.
    most: V,
}

impl<V: Vector, const M: usize> Own<V, M> {
    #[inline(always)]
    fn new(optimizer: &Optimizer, rule: &StepRule, group: &Group, gradients: &[f32]) -> Self {
        let one = [V::splat(1.0); M];
        let most = optimizer.clip_value.map_or(f32::INFINITY, |most| most as f32);
        let mut own = Own { rate: one, kept: one, scale: one, most: V::splat(most) };
        let (rates, decays) = (vectors::<V>(&group.rate), vectors::<V>(&group.weight_decay));
        for m in 0..M {
            own.rate[m] = rates[m] * V::splat(rule.factor);
            own.kept[m] = V::splat(1.0) - own.rate[m] * decays[m];
        }
        if let Some(largest) = optimizer.clip_norm {
            // In f64, where squares of whatever size are numbers.
            let width = group.rate.len();
            for (lane, scale) in bytemuck::cast_slice_mut(&mut own.scale).iter_mut().enumerate() {
                let own = gradients.iter().skip(lane).step_by(width);
                let square = |g: &f32| f64::from(g.clamp(-most, most)).powi(2);
                let norm = own.map(square).sum::<f64>().sqrt();
                *scale = (largest / (norm + CLIP_EPSILON)).min(1.0) as f32;
            }
        }
        own
    }
}

/// Updates every parameter, and the moments there are.
#[inline(always)]
pub(super) fn update<V: Vector, const M: usize>(
    shape: &Shape,
    rule: &StepRule,
    group: &mut Group,
    gradients: &[f32],
) {
    let optimizer = &shape.optimizer;
    let own = Own::<V, M>::new(optimizer, rule, group, gradients);
    let is_clipped = optimizer.clip_value.is_some() || optimizer.clip_norm.is_some();
    let is_plain = optimizer.weight_decay == 0.0 && !is_clipped;
    with_constant!(
        optimizer.kind,
        OptimizerKind::{Sgd, Momentum, Nesterov, Adam, AdamW, RmsProp},
        KIND => if is_plain {
            update_all::<V, M, true>(KIND, optimizer.decay, rule, &own, group, gradients);
        } else {
            update_all::<V, M, false>(KIND, optimizer.decay, rule, &own, group, gradients);
        }
    );
}

/// The same by a rule that is known; `PLAIN` where gradients are neither clipped nor weights decayed.
#[inline(always)]
fn update_all<V: Vector, const M: usize, const PLAIN: bool>(
    kind: OptimizerKind,
    decay: Decay,
    rule: &StepRule,
    own: &Own<V, M>,
    group: &mut Group,
    gradients: &[f32],
) {
    let row = kind.row();
    let mut c = rule.common.cast::<V>();
    let (decays, decay1) = (vectors::<V>(&group.weight_decay), vectors::<V>(&group.decay1));
    let (decays, decay1) = (&decays[..M], &decay1[..M]);
    let (first, second) = group.moments.split_at_mut(usize::from(row.first.is_some()));
    let (first, second) = (only::<V, M>(first), only::<V, M>(second));
    let parameters = packs_mut::<V, M>(&mut group.parameters);
    for (at, (p, g)) in parameters.iter_mut().zip(packs::<V, M>(gradients)).enumerate() {
        for m in 0..M {
            let (mut before, mut g) = (p[m], g[m]);
            if !PLAIN {
                // What is no number stays none.
                g = g.above(own.most, own.most, g);
                g = (-own.most).above(g, -own.most, g) * own.scale[m];
                match decay {
                    Decay::L2 => g = g + decays[m] * before,
                    Decay::Decoupled => before = before * own.kept[m],
                }
            }
            let (mut first_moment, mut second_moment) = (g, g);
            if row.first.is_some() {
                first_moment = decay1[m] * first[at][m] + c.gain1 * g;
                first[at][m] = first_moment;
            }
            if row.second.is_some() {
                second_moment = c.decay2 * second[at][m] + c.gain2 * g * g;
                second[at][m] = second_moment;
            }
            (c.rate, c.decay1) = (own.rate[m], decay1[m]);
            p[m] = before - row.rule.step(&c, g, first_moment, second_moment);
        }
    }
}

/// The only list of these, or none.
#[inline(always)]
fn only<V: Vector, const M: usize>(lists: &mut [Buffer]) -> &mut [Pack<V, M>] {
    lists.first_mut().map_or(&mut [], |list| packs_mut(list))
}
