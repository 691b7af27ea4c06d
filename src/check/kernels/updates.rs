//! What the cases of the kernels that update parameters share: optimizers, the schedule, and bounds of an update.

use crate::check::{Findings, Scope, ULP};
use crate::optimizer::{Decay, Optimizer, OptimizerKind};
use crate::reference::twins::{Update, update};

/// The learning rate.
pub const RATE: f32 = 0.25;
/// Steps that the ring of rates holds.
pub const RING: u32 = 5;
/// The step that is made: not the first place of the ring.
pub const STEP: u32 = 8;

/// Every kind, with each decay it can have and without, clipped by value and not.
pub fn optimizers() -> Vec<Optimizer> {
    let mut all = Vec::new();
    for &kind in OptimizerKind::ALL {
        let plain = Optimizer::new(kind);
        all.push(plain);
        all.push(Optimizer { clip_value: Some(0.375), ..plain });
        for &decay in Decay::ALL {
            let decayed = Optimizer { weight_decay: 0.0625, decay, ..plain };
            all.extend(decayed.check().is_ok().then_some(decayed));
        }
    }
    all
}

/// The same, or where it is quick every kind as it comes, and one with every decay.
pub(super) fn some_optimizers(scope: &Scope) -> Vec<Optimizer> {
    let is_plain = |one: &Optimizer| {
        one.clip_value.is_none() && one.weight_decay == Optimizer::new(one.kind).weight_decay
    };
    let all = optimizers().into_iter();
    all.filter(|one| !scope.is_quick || is_plain(one) || one.kind == OptimizerKind::Momentum)
        .collect()
}

/// What makes an optimizer different from others.
pub(super) fn describe(optimizer: &Optimizer) -> String {
    let mut text = optimizer.kind.to_string();
    if optimizer.weight_decay != 0.0 {
        text += &format!(", {} decay {}", optimizer.decay, optimizer.weight_decay);
    }
    for (name, most) in [("value", optimizer.clip_value), ("norm", optimizer.clip_norm)] {
        if let Some(most) = most {
            text += &format!(", clipped to a {name} of {most}");
        }
    }
    text
}

/// The buffer of the clock and the rates.
pub fn schedule(optimizer: &Optimizer, rate: f32) -> Vec<f32> {
    let numbers = optimizer.coefficients(rate.into(), STEP);
    let mut words = vec![f32::NAN; 64 + 4 * RING as usize];
    words[0] = f32::from_bits(STEP);
    words[1] = f32::from_bits(0);
    let now = [numbers.rate, numbers.correction1, numbers.correction2, 0.0].map(|n| n as f32);
    words[64 + 4 * (STEP % RING) as usize..][..4].copy_from_slice(&now);
    words
}

/// Holds a schedule that a kernel left to what it was, but for the note that a parameter is not finite.
pub(super) fn expect_schedule(
    written: &[u32],
    optimizer: &Optimizer,
    all_finite: bool,
    findings: &mut Findings,
) {
    let mut before: Vec<u32> = schedule(optimizer, RATE).iter().map(|it| it.to_bits()).collect();
    before[1] = u32::from(!all_finite);
    findings.equal("schedule", written, &before);
}

/// How far an update may be off: roundings of its terms, each as large as it can be without cancelling,
/// where its gradient is off by `of_gradient`. A root grants 2 ULP, a quotient 2.5; decays and gains are
/// rounded too. Plain descent has one product and one difference.
pub fn update_bound(
    optimizer: &Optimizer,
    gradient: f32,
    parameter: f32,
    (m, v): (f32, f32),
    of_gradient: f64,
) -> f64 {
    let g = f64::from(gradient).abs() + of_gradient;
    let size = f64::from(parameter).abs();
    if optimizer.kind == OptimizerKind::Sgd && optimizer.weight_decay == 0.0 {
        return f64::from(RATE) * of_gradient + 4.0 * ULP * (size + f64::from(RATE) * g);
    }
    let numbers = Update::<f64>::new(optimizer, RATE.into(), STEP);
    let (mut p, mut m, mut v) = (-size, f64::from(m).abs(), f64::from(v));
    // Signs that make every sum one of magnitudes.
    let g = g + optimizer.weight_decay * 2.0 * size;
    let taken = update(&numbers, g, &mut p, &mut m, &mut v).abs();
    let share = if g > 0.0 { of_gradient / g } else { 0.0 };
    24.0 * ULP * (size + taken) + 4.0 * share * taken
}
