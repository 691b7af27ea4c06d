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
//! | `rmsprop` | `v = alpha v + (1 - alpha) g^2` | `p -= lr g / (sqrt(v) + eps)` |
//!
//! `adamw` is `adam` whose decay is decoupled (Kingma & Ba 2015; Loshchilov & Hutter 2019); there is no
//! dampening, and the rate stands outside the moments, as in PyTorch.

mod kind;
mod schedule;

use serde::{Deserialize, Serialize};

use crate::network::{BadValue, Hyperparameter, Number};
pub use kind::{
    ALPHA, BETA1, BETA2, CLIP_NORM, CLIP_VALUE, Decay, DefaultRate, EPS, FirstMoment,
    HYPERPARAMETERS, MOMENTUM, OptimizerKind, OptimizerRow, PyTorchArgument, UpdateRule,
    WEIGHT_DECAY,
};
pub use schedule::{RateSchedule, Schedule, ScheduleKind};

/// Added to a norm before it divides, as in PyTorch.
pub const CLIP_EPSILON: f64 = 1e-6;

/// 2^-80, by which kernels scale large gradients down before they square them: that of
/// `shaders/common/norm.wgsl`.
#[doc(hidden)]
pub const LARGE_SCALE: f64 = 1.0 / (1u128 << 80) as f64;

fn default_alpha() -> f64 {
    ALPHA.default
}

/// How gradients become updates. In f64, so that 0.999 is 0.999 wherever more digits than f32's are
/// asked for. Numbers that its kind does not use play no part.
///
/// ```
/// use wgrad::optimizer::{Decay, Optimizer, OptimizerKind};
///
/// let mut optimizer = Optimizer::new(OptimizerKind::AdamW);
/// assert_eq!((optimizer.beta1, optimizer.decay), (0.9, Decay::Decoupled));
/// optimizer.clip_norm = Some(1.0);
/// assert!(optimizer.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Optimizer {
    /// Which update; `sgd` by default.
    pub kind: OptimizerKind,
    /// The velocity's decay in a step, of `momentum` and `nesterov`: at least 0 and below 1, 0.9 by default.
    pub momentum: f64,
    /// The first moment's decay in a step, of the Adams: at least 0 and below 1, 0.9 by default.
    pub beta1: f64,
    /// The second moment's: at least 0 and below 1, 0.999 by default.
    pub beta2: f64,
    /// The decay of rmsprop's mean of squares: at least 0 and below 1, 0.99 by default.
    #[serde(default = "default_alpha")]
    pub alpha: f64,
    /// Added to the root of the mean of squares: above 0, 1e-8 by default.
    pub eps: f64,
    /// How strongly weights decay: 0 or more, 0 for not at all, which is the default but for `adamw`'s 0.01.
    pub weight_decay: f64,
    /// And how: `l2` by default, `decoupled` of `adamw`.
    pub decay: Decay,
    /// The largest Euclidean norm of all gradients together, above 0; `None`, the default, for any.
    pub clip_norm: Option<f64>,
    /// The largest absolute value of one gradient, above 0; `None`, the default, for any.
    pub clip_value: Option<f64>,
}

impl Default for Optimizer {
    fn default() -> Optimizer {
        Optimizer::new(OptimizerKind::Sgd)
    }
}

/// The numbers of one step's update: what kernels, twins and engines compute with,
/// each in its own type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Coefficients<T> {
    /// The step's rate.
    pub rate: T,
    /// `m = decay1 m + gain1 g`.
    pub decay1: T,
    /// 1 but for the Adams.
    pub gain1: T,
    /// `v = decay2 v + gain2 g^2`.
    pub decay2: T,
    /// As above.
    pub gain2: T,
    /// Added to the root of `v`.
    pub eps: T,
    /// 0 where weights do not decay.
    pub weight_decay: T,
    /// The factor on `m` that makes up for its start at 0.
    pub correction1: T,
    /// That on the root of `v`.
    pub correction2: T,
}

impl Coefficients<f64> {
    /// The same in another type, each rounded once.
    pub fn cast<T: Number>(&self) -> Coefficients<T> {
        Coefficients {
            rate: T::of(self.rate),
            decay1: T::of(self.decay1),
            gain1: T::of(self.gain1),
            decay2: T::of(self.decay2),
            gain2: T::of(self.gain2),
            eps: T::of(self.eps),
            weight_decay: T::of(self.weight_decay),
            correction1: T::of(self.correction1),
            correction2: T::of(self.correction2),
        }
    }
}

impl Optimizer {
    /// One of a kind, with PyTorch's defaults, and a momentum of 0.9.
    pub fn new(kind: OptimizerKind) -> Optimizer {
        Optimizer {
            kind,
            momentum: MOMENTUM.default,
            beta1: BETA1.default,
            beta2: BETA2.default,
            alpha: ALPHA.default,
            eps: EPS.default,
            weight_decay: kind.row().weight_decay,
            decay: kind.row().decay,
            clip_norm: None,
            clip_value: None,
        }
    }

    /// Whether every number is one that an update can be made of.
    ///
    /// # Errors
    /// [`BadValue`] names the field and its value.
    pub fn check(&self) -> Result<(), BadValue> {
        for row in HYPERPARAMETERS.iter().chain([&&WEIGHT_DECAY]) {
            row.check(self.value(row))?;
        }
        for (row, value) in [(&CLIP_NORM, self.clip_norm), (&CLIP_VALUE, self.clip_value)] {
            value.map_or(Ok(()), |value| row.check(value))?;
        }
        let row = self.kind.row();
        if self.decay != row.decay && !row.may_decay_otherwise {
            let may = |other: &&OptimizerKind| {
                other.row().rule == row.rule && other.row().may_decay_otherwise
            };
            let other = OptimizerKind::ALL.iter().find(may);
            let fix = other.map_or(String::new(), |other| format!("; use `optimizer` {other}"));
            return Err(BadValue {
                setting: format!("`decay` {}", self.decay),
                reason: format!("{} has {} weight decay alone{fix}", self.kind, row.decay),
            });
        }
        Ok(())
    }

    /// As JSON: null for numbers that it does not use.
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!({
            "name": self.kind,
            "weight_decay": self.weight_decay,
            "decay": (self.weight_decay != 0.0).then_some(self.decay),
            "clip_norm": self.clip_norm,
            "clip_value": self.clip_value,
        });
        for row in HYPERPARAMETERS {
            let has = self.kind.row().hyperparameters.iter().any(|own| own.name == row.name);
            value[row.name] = serde_json::json!(has.then(|| self.value(row)));
        }
        value
    }

    /// The value of a hyperparameter; its default where that is none of an optimizer.
    pub fn value(mut self, row: &Hyperparameter) -> f64 {
        self.value_mut(row).map_or(row.default, |value| *value)
    }

    /// The same, to be set.
    pub fn value_mut(&mut self, row: &Hyperparameter) -> Option<&mut f64> {
        let fields = [
            (&MOMENTUM, &mut self.momentum),
            (&BETA1, &mut self.beta1),
            (&BETA2, &mut self.beta2),
            (&ALPHA, &mut self.alpha),
            (&EPS, &mut self.eps),
            (&WEIGHT_DECAY, &mut self.weight_decay),
        ];
        fields.into_iter().find_map(|(own, field)| (own.name == row.name).then_some(field))
    }

    /// Whether it keeps a mean of gradients, and one of their squares.
    pub const fn has_moments(&self) -> [bool; 2] {
        [self.kind.row().first.is_some(), self.kind.row().second.is_some()]
    }

    /// How many numbers a parameter carries along from step to step: 0 to 2.
    pub const fn moments(&self) -> usize {
        let [first, second] = self.has_moments();
        first as usize + second as usize
    }

    /// The number by which WGSL knows the update: the `const` of the same name in
    /// `shaders/common/optimizer.wgsl`.
    #[doc(hidden)]
    pub const fn code(&self) -> u32 {
        self.kind.row().rule.code()
    }

    /// The number by which WGSL knows the decay: 0 for none.
    #[doc(hidden)]
    pub fn decay_code(&self) -> u32 {
        match self.decay {
            _ if self.weight_decay == 0.0 => 0,
            Decay::L2 => 1,
            Decay::Decoupled => 2,
        }
    }

    /// Whether its moments begin too small and are corrected for it, step by step.
    pub const fn is_corrected(&self) -> bool {
        self.kind.row().is_corrected
    }

    /// The coefficients of the update after `step` others, at a rate.
    #[doc(hidden)]
    pub fn coefficients(&self, rate: f64, step: u32) -> Coefficients<f64> {
        let row = self.kind.row();
        let (correction1, correction2) = self.corrections(step);
        let (decay1, gain1) = match &row.first {
            Some(first) => {
                let decay = self.value(first.decay);
                (decay, if first.is_mean { 1.0 - decay } else { 1.0 })
            }
            None => (0.0, 1.0),
        };
        let decay2 = row.second.map_or(0.0, |decay| self.value(decay));
        Coefficients {
            rate,
            decay1,
            gain1,
            decay2,
            gain2: 1.0 - decay2,
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
            (Optimizer { momentum: 1.0, ..adam }, "`momentum` 1"),
            (Optimizer { beta1: -0.1, ..adam }, "`beta1` -0.1"),
            (Optimizer { beta2: 1.0, ..adam }, "`beta2` 1"),
            (Optimizer { beta2: f64::NAN, ..adam }, "`beta2` NaN"),
            (Optimizer { beta2: 1.0 - 1e-12, ..adam }, "`beta2` 0.999999999999"),
            (Optimizer { eps: 0.0, ..adam }, "`eps` 0"),
            (Optimizer { eps: 1e-60, ..adam }, "`eps`"),
            (Optimizer { weight_decay: -1.0, ..adam }, "`weight_decay` -1"),
            (Optimizer { clip_norm: Some(0.0), ..adam }, "`clip_norm` 0"),
            (Optimizer { clip_value: Some(-2.0), ..adam }, "`clip_value` -2"),
            (
                Optimizer { decay: Decay::L2, ..Optimizer::new(OptimizerKind::AdamW) },
                "`optimizer` adam",
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
