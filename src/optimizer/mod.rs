//! How gradients become updates: the optimizers, decay of weights, clipping, and the schedule of the
//! learning rate. Plain data with PyTorch's conventions; the arithmetic stands in the kernels, in
//! their twins and in the cpu engine.
//!
//! A step takes the gradients `g` of all parameters `p`, weights and biases alike, and goes
//!
//! 1. value clipping: `g = max(-c, min(c, g))`;
//! 2. norm clipping: `g = g min(1, c / (norm + 1e-6))`, the norm being that of all gradients together
//!    (as `torch.nn.utils.clip_grad_norm_`);
//! 3. decay: `l2` adds `weight_decay p` to `g`, `decoupled` takes `p = p (1 - rate weight_decay)`;
//! 4. the update, at the step's rate `lr`, with moments that begin at 0 and `k` counting from 1:
//!
//! | optimizer | moments | update |
//! | --- | --- | --- |
//! | `sgd` | | `p -= lr g` |
//! | `momentum` | `m = momentum m + g` | `p -= lr m` |
//! | `nesterov` | `m = momentum m + g` | `p -= lr (g + momentum m)` |
//! | `adam`, `adamw` | `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2` | `p -= lr (m / (1 - beta1^k)) / (sqrt(v / (1 - beta2^k)) + eps)` |
//!
//! `adamw` is `adam` whose decay is decoupled (Kingma & Ba 2015; Loshchilov & Hutter 2019); there is no
//! dampening, and the rate stands outside the moments, as in PyTorch.

mod schedule;

use serde::{Deserialize, Serialize};

use crate::network::named;
pub use schedule::{RateSchedule, Schedule, ScheduleKind};

named! {
    /// Which update.
    pub enum OptimizerKind ("optimizer") {
        /// Plain gradient descent.
        Sgd = "sgd",
        /// With a velocity (Polyak 1964).
        Momentum = "momentum",
        /// With a velocity that looks ahead (Nesterov 1983, as in PyTorch).
        Nesterov = "nesterov",
        /// With both moments, corrected for their start at 0.
        Adam = "adam",
        /// Adam whose decay is decoupled.
        AdamW = "adamw",
    }
}

named! {
    /// How weights decay.
    pub enum Decay ("decay") {
        /// As a part of the gradient: that of half the sum of squares.
        L2 = "l2",
        /// Beside it, at the step's rate.
        Decoupled = "decoupled",
    }
}

/// Added to a norm before it divides, as in PyTorch.
pub const CLIP_EPSILON: f64 = 1e-6;

/// 2^-80, by which kernels scale large gradients down before they square them: that of
/// `shaders/common/norm.wgsl`.
pub const LARGE_SCALE: f64 = 1.0 / (1u128 << 80) as f64;

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct OptimizerError {
    /// The flag, with its value.
    pub setting: String,
    /// What is wrong with it, and the fix.
    pub reason: String,
}

/// How gradients become updates. In f64, so that 0.999 is 0.999 wherever more digits than f32's are
/// asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    /// Which update.
    pub kind: OptimizerKind,
    /// The velocity's decay in a step, of `momentum` and `nesterov`.
    pub momentum: f64,
    /// The first moment's decay in a step, of the Adams.
    pub beta1: f64,
    /// The second moment's.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// How strongly weights decay; 0 for not at all.
    pub weight_decay: f64,
    /// And how.
    pub decay: Decay,
    /// The largest norm of all gradients together.
    pub clip_norm: Option<f64>,
    /// The largest absolute value of one.
    pub clip_value: Option<f64>,
}

impl Default for Optimizer {
    fn default() -> Optimizer {
        Optimizer::new(OptimizerKind::Sgd)
    }
}

/// The numbers of one step's update: what kernels, twins and engines compute with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpdateNumbers {
    /// The step's rate.
    pub rate: f64,
    /// `m = decay1 m + gain1 g`.
    pub decay1: f64,
    /// 1 but for the Adams.
    pub gain1: f64,
    /// `v = decay2 v + gain2 g^2`.
    pub decay2: f64,
    /// As above.
    pub gain2: f64,
    /// Added to the root of `v`.
    pub eps: f64,
    /// 0 where weights do not decay.
    pub weight_decay: f64,
    /// The factor on `m` that makes up for its start at 0.
    pub correction1: f64,
    /// That on the root of `v`.
    pub correction2: f64,
}

impl Optimizer {
    /// One of a kind, with PyTorch's defaults, and a momentum of 0.9.
    pub fn new(kind: OptimizerKind) -> Optimizer {
        Optimizer {
            kind,
            momentum: 0.9,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: if kind == OptimizerKind::AdamW { 0.01 } else { 0.0 },
            decay: Optimizer::default_decay(kind),
            clip_norm: None,
            clip_value: None,
        }
    }

    /// How weights decay where nothing is said of it.
    pub fn default_decay(kind: OptimizerKind) -> Decay {
        match kind {
            OptimizerKind::AdamW => Decay::Decoupled,
            _ => Decay::L2,
        }
    }

    /// Whether every number is one that an update can be made of.
    ///
    /// # Errors
    /// [`OptimizerError`] names the flag and its value.
    pub fn check(&self) -> Result<(), OptimizerError> {
        let refuse = |flag: &str, value: f64, reason: &str| {
            Err(OptimizerError { setting: format!("--{flag} {value}"), reason: reason.to_owned() })
        };
        let share = "must be at least 0 and less than 1, as in 0.9";
        for (flag, value) in
            [("momentum", self.momentum), ("beta1", self.beta1), ("beta2", self.beta2)]
        {
            // Also as the f32 it is computed with.
            if !(0.0..1.0).contains(&value) || value as f32 >= 1.0 {
                return refuse(flag, value, share);
            }
        }
        if !(self.eps as f32).is_normal() || self.eps <= 0.0 {
            let reason = "must be a positive number that f32 holds, as in 1e-8";
            return refuse("eps", self.eps, reason);
        }
        if !(self.weight_decay as f32).is_finite() || self.weight_decay < 0.0 {
            return refuse("weight-decay", self.weight_decay, "must be 0 or more, as in 0.01");
        }
        for (flag, value) in [("clip-norm", self.clip_norm), ("clip-value", self.clip_value)] {
            let Some(value) = value else { continue };
            if !(value as f32).is_normal() || value <= 0.0 {
                return refuse(flag, value, "must be a positive number, as in 1");
            }
        }
        if self.kind == OptimizerKind::AdamW && self.decay != Decay::Decoupled {
            return Err(OptimizerError {
                setting: format!("--decay {}", self.decay),
                reason: "adamw is adam with decoupled decay; use --optimizer adam".to_owned(),
            });
        }
        Ok(())
    }

    /// How many numbers a parameter carries along from step to step.
    pub const fn moments(&self) -> usize {
        match self.kind {
            OptimizerKind::Sgd => 0,
            OptimizerKind::Momentum | OptimizerKind::Nesterov => 1,
            OptimizerKind::Adam | OptimizerKind::AdamW => 2,
        }
    }

    /// The number by which WGSL knows the update: the `const` of the same name in
    /// `shaders/common/optimizer.wgsl`.
    pub const fn code(&self) -> u32 {
        match self.kind {
            OptimizerKind::Sgd => 0,
            OptimizerKind::Momentum => 1,
            OptimizerKind::Nesterov => 2,
            OptimizerKind::Adam | OptimizerKind::AdamW => 3,
        }
    }

    /// The number by which WGSL knows the decay: 0 for none.
    pub fn decay_code(&self) -> u32 {
        match self.decay {
            _ if self.weight_decay == 0.0 => 0,
            Decay::L2 => 1,
            Decay::Decoupled => 2,
        }
    }

    /// Whether its moments begin too small and are corrected for it, step by step.
    pub const fn is_corrected(&self) -> bool {
        matches!(self.kind, OptimizerKind::Adam | OptimizerKind::AdamW)
    }

    /// The numbers of the update after `step` others, at a rate.
    pub fn numbers(&self, rate: f64, step: u32) -> UpdateNumbers {
        let (correction1, correction2) = self.corrections(step);
        let (decay1, gain1) = match self.is_corrected() {
            true => (self.beta1, 1.0 - self.beta1),
            false => (self.momentum, 1.0),
        };
        UpdateNumbers {
            rate,
            decay1,
            gain1,
            decay2: self.beta2,
            gain2: 1.0 - self.beta2,
            eps: self.eps,
            weight_decay: self.weight_decay,
            correction1,
            correction2,
        }
    }

    /// `1 / (1 - beta1^k)` and `1 / sqrt(1 - beta2^k)` for `k = step + 1`; 1 where moments are not
    /// corrected.
    pub fn corrections(&self, step: u32) -> (f64, f64) {
        if !self.is_corrected() {
            return (1.0, 1.0);
        }
        let missing = |beta: f64| 1.0 - power(beta, u64::from(step) + 1);
        (1.0 / missing(self.beta1), 1.0 / missing(self.beta2).sqrt())
    }
}

/// `base^exponent` by squaring: the same bits everywhere, which the platforms' own powers do not
/// promise.
fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut left) = (1.0, base, exponent);
    while left > 0 && result > 0.0 {
        if left % 2 == 1 {
            result *= square;
        }
        square *= square;
        left /= 2;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_are_those_of_the_formula() {
        let adam = Optimizer::new(OptimizerKind::Adam);
        // 1 / (1 - 0.9) and 1 / sqrt(1 - 0.999), by hand.
        let (first, second) = adam.corrections(0);
        approx::assert_relative_eq!(first, 10.0, max_relative = 1e-13);
        approx::assert_relative_eq!(second, 31.622_776_601_683_79, max_relative = 1e-12);
        let (first, second) = adam.corrections(99);
        approx::assert_relative_eq!(first, 1.0 / (1.0 - 0.9f64.powi(100)), max_relative = 1e-13);
        let missing = 1.0 - 0.999f64.powi(100);
        approx::assert_relative_eq!(second, 1.0 / missing.sqrt(), max_relative = 1e-13);
        assert_eq!(adam.corrections(u32::MAX), (1.0, 1.0));
        assert_eq!(Optimizer::default().corrections(0), (1.0, 1.0));
    }

    #[test]
    fn what_makes_no_update_is_refused_with_flag_and_value() {
        let adam = Optimizer::new(OptimizerKind::Adam);
        for (optimizer, part) in [
            (Optimizer { momentum: 1.0, ..adam }, "--momentum 1"),
            (Optimizer { beta1: -0.1, ..adam }, "--beta1 -0.1"),
            (Optimizer { beta2: 1.0, ..adam }, "--beta2 1"),
            (Optimizer { beta2: f64::NAN, ..adam }, "--beta2 NaN"),
            (Optimizer { beta2: 1.0 - 1e-12, ..adam }, "--beta2 0.999999999999"),
            (Optimizer { eps: 0.0, ..adam }, "--eps 0"),
            (Optimizer { eps: 1e-60, ..adam }, "--eps"),
            (Optimizer { weight_decay: -1.0, ..adam }, "--weight-decay -1"),
            (Optimizer { clip_norm: Some(0.0), ..adam }, "--clip-norm 0"),
            (Optimizer { clip_value: Some(-2.0), ..adam }, "--clip-value -2"),
            (
                Optimizer { decay: Decay::L2, ..Optimizer::new(OptimizerKind::AdamW) },
                "--optimizer adam",
            ),
        ] {
            let error = optimizer.check().unwrap_err().to_string();
            assert!(error.contains(part), "{error} should contain {part}");
        }
        for &kind in OptimizerKind::ALL {
            assert_eq!(Optimizer::new(kind).check(), Ok(()));
        }
    }
}
