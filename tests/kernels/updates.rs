//! What the kernels that update parameters are tested with alike: optimizers, and bounds of an update.

use wgrad::optimizer::{Decay, Optimizer, OptimizerKind};
use wgrad::reference::twins::{Update, update};

use crate::common::ULP;

pub const RATE: f32 = 0.25;
/// Steps that the ring of rates holds, and the step that is made: not the first place of the ring.
pub const RING: u32 = 5;
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

/// Whether a schedule, as a kernel left it, says that every parameter is finite; it is otherwise as it was.
#[track_caller]
pub fn is_finite(schedule: &[u32]) -> bool {
    assert!(schedule[0] == STEP && schedule[1] <= 1, "{:?}", &schedule[..2]);
    schedule[1] == 0
}

/// How far an update may be off: roundings of its terms, each as large as it can be without cancelling,
/// where its gradient is off by `of_gradient`. A root grants 2 ULP, a quotient 2.5; decays and gains are
/// rounded too.
pub fn bound(
    optimizer: &Optimizer,
    gradient: f32,
    parameter: f32,
    (m, v): (f32, f32),
    of_gradient: f64,
) -> f64 {
    let g = f64::from(gradient).abs() + of_gradient;
    let numbers = Update::<f64>::new(optimizer, RATE.into(), STEP);
    let (mut p, mut m, mut v) = (-f64::from(parameter).abs(), f64::from(m).abs(), f64::from(v));
    // Signs that make every sum one of magnitudes.
    let g = g + optimizer.weight_decay * 2.0 * p.abs();
    let taken = update(&numbers, g, &mut p, &mut m, &mut v).abs();
    let share = if g > 0.0 { of_gradient / g } else { 0.0 };
    24.0 * ULP * (f64::from(parameter).abs() + taken) + 4.0 * share * taken
}
