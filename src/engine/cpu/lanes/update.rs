//! The update of a group: `crate::optimizer` has the formulas.

use super::super::vector::Vector;
use super::group::Group;
use super::shape::{Buffer, Pack, Shape, packs, packs_mut, vectors};
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

/// Updates every parameter, and the moments there are.
#[inline(always)]
pub(super) fn update<V: Vector, const M: usize>(
    shape: &Shape,
    rule: &StepRule,
    group: &mut Group,
    gradients: &Buffer,
) {
    let optimizer = &shape.optimizer;
    let is_clipped = optimizer.clip_value.is_some() || optimizer.clip_norm.is_some();
    let is_plain = optimizer.weight_decay == 0.0 && !is_clipped;
    with_constant!(
        optimizer.kind,
        OptimizerKind::{Sgd, Momentum, Nesterov, Adam, AdamW, RmsProp},
        KIND => if is_plain {
            update_all::<V, M, true>(KIND, optimizer, rule, group, gradients);
        } else {
            update_all::<V, M, false>(KIND, optimizer, rule, group, gradients);
        }
    );
}

/// The same of a kind that is known; `PLAIN` where gradients are neither clipped nor weights decayed.
#[inline(always)]
fn update_all<V: Vector, const M: usize, const PLAIN: bool>(
    kind: OptimizerKind,
    optimizer: &Optimizer,
    rule: &StepRule,
    group: &mut Group,
    gradients: &Buffer,
) {
    let (row, one) = (kind.row(), V::splat(1.0));
    let mut c = rule.common.cast::<V>();
    let (rates, decay1) = (&vectors::<V>(&group.rate)[..M], &vectors::<V>(&group.decay1)[..M]);
    let decays = &vectors::<V>(&group.weight_decay)[..M];
    let mut rate = [one; M];
    for m in 0..M {
        rate[m] = rates[m] * V::splat(rule.factor);
    }
    let most = optimizer.clip_value.map_or(f32::INFINITY, |most| most as f32);
    let mut scale = [one; M];
    if let (false, Some(largest)) = (PLAIN, optimizer.clip_norm) {
        norm_scales(largest, most, gradients, bytemuck::cast_slice_mut(&mut scale));
    }
    let (first, second) = group.moments.split_at_mut(usize::from(row.first.is_some()));
    let (first, second) = (only::<V, M>(first), only::<V, M>(second));
    let parameters = packs_mut::<V, M>(&mut group.parameters);
    for (at, (p, g)) in parameters.iter_mut().zip(packs::<V, M>(gradients)).enumerate() {
        for m in 0..M {
            let (mut before, mut g) = (p[m], g[m]);
            if !PLAIN {
                g = g.within(-most, most) * scale[m];
                match optimizer.decay {
                    Decay::L2 => g = g + decays[m] * before,
                    Decay::Decoupled => before = before * (one - rate[m] * decays[m]),
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
            (c.rate, c.decay1) = (rate[m], decay1[m]);
            p[m] = before - row.rule.step(&c, g, first_moment, second_moment);
        }
    }
}

/// What the gradients of each network are multiplied by, so that their norm is `largest` at most. Sums are in
/// f64, where squares of whatever size are numbers.
fn norm_scales(largest: f64, most: f32, gradients: &[f32], scales: &mut [f32]) {
    let mut squares = vec![0.0; scales.len()];
    for gradients in gradients.chunks_exact(scales.len()) {
        for (square, gradient) in squares.iter_mut().zip(gradients) {
            *square += f64::from(gradient.clamp(-most, most)).powi(2);
        }
    }
    for (scale, square) in scales.iter_mut().zip(squares) {
        *scale = (largest / (square.sqrt() + CLIP_EPSILON)).min(1.0) as f32;
    }
}

/// The only list of these, or none.
#[inline(always)]
fn only<V: Vector, const M: usize>(lists: &mut [Buffer]) -> &mut [Pack<V, M>] {
    lists.first_mut().map_or(&mut [], packs_mut)
}
