//! What the flags about optimizers, schedules and stopping mean.

use super::bad_setting;
use super::settings::Settings;
use crate::Error;
use crate::optimizer::{DefaultRate, Optimizer, OptimizerKind, Schedule, ScheduleKind};
use crate::train::{Stopping, Training};

/// The rate where none is asked for, from that of plain gradient descent.
pub(super) fn default_rate(optimizer: &Optimizer, plain: f32) -> f32 {
    match optimizer.kind.row().rate {
        DefaultRate::Share(share) => plain * share,
        DefaultRate::Fixed(rate) => rate,
    }
}

/// A flag that says something of what is not there.
fn refuse<T>(flag: &str, value: impl std::fmt::Display, reason: &str) -> Result<T, Error> {
    Err(bad_setting(format!("--{flag} {value}"), reason))
}

impl Settings {
    /// How gradients become updates.
    pub(super) fn rule(&self) -> Result<Optimizer, Error> {
        let inferred = match self.momentum {
            Some(_) => OptimizerKind::Momentum,
            None => OptimizerKind::Sgd,
        };
        let kind = self.optimizer.unwrap_or(inferred);
        let default = Optimizer::new(kind);
        if let Some(momentum) = self.momentum
            && !matches!(kind, OptimizerKind::Momentum | OptimizerKind::Nesterov)
        {
            let reason = format!(
                "{kind} has no momentum; use --optimizer momentum or nesterov, or --beta1 with adam"
            );
            return refuse("momentum", momentum, &reason);
        }
        for (flag, value) in [("beta1", self.beta1), ("beta2", self.beta2), ("eps", self.eps)] {
            if let Some(value) = value
                && !default.is_corrected()
            {
                return refuse(flag, value, &format!("{kind} has none; use --optimizer adam"));
            }
        }
        let weight_decay = self.weight_decay.unwrap_or(default.weight_decay);
        if let Some(decay) = self.decay
            && self.weight_decay.is_none()
            && kind != OptimizerKind::AdamW
        {
            let reason = "says how weights decay, and none do; give --weight-decay too";
            return refuse("decay", decay, reason);
        }
        let optimizer = Optimizer {
            momentum: self.momentum.unwrap_or(default.momentum),
            beta1: self.beta1.unwrap_or(default.beta1),
            beta2: self.beta2.unwrap_or(default.beta2),
            eps: self.eps.unwrap_or(default.eps),
            weight_decay,
            decay: self.decay.unwrap_or(default.decay),
            clip_norm: self.clip_norm,
            clip_value: self.clip_value,
            ..default
        };
        optimizer.check()?;
        Ok(optimizer)
    }

    /// How the rate goes over so many epochs.
    pub(super) fn rate_schedule(&self, epochs: u32, rate: f32) -> Result<Schedule, Error> {
        let kind = self.schedule.unwrap_or(ScheduleKind::Constant);
        let default = Schedule::new(kind, epochs);
        let has = |kinds: &[ScheduleKind]| kinds.contains(&kind);
        use ScheduleKind::{Cosine, Exponential, Plateau, Step};
        if let Some(factor) = self.lr_factor
            && !has(&[Step, Exponential, Plateau])
        {
            let reason = format!("{kind} has none; use --schedule step, exponential or plateau");
            return refuse("lr-factor", factor, &reason);
        }
        if let Some(every) = self.lr_every
            && !has(&[Step, Plateau])
        {
            let reason = format!("{kind} has none; use --schedule step or plateau");
            return refuse("lr-every", every, &reason);
        }
        let mut schedule = Schedule {
            warmup: self.warmup.unwrap_or(0),
            every: self.lr_every.unwrap_or(default.every),
            factor: self.lr_factor.unwrap_or(default.factor),
            ..default
        };
        if let Some(least) = self.min_lr {
            if !has(&[Step, Exponential, Cosine, Plateau]) {
                let reason = "a constant rate has none; use another --schedule";
                return refuse("min-lr", least, reason);
            }
            if !(least >= 0.0 && least <= rate) {
                let reason = format!("must be at least 0 and at most the rate, {rate}");
                return refuse("min-lr", least, &reason);
            }
            schedule.floor = f64::from(least) / f64::from(rate);
        }
        if let Some(delta) = self.min_delta
            && delta >= 0.0
            && self.patience.is_none()
            && kind != Plateau
        {
            let reason = "is for --patience and --schedule plateau; give one of them";
            return refuse("min-delta", delta, reason);
        }
        schedule.check(epochs)?;
        Ok(schedule)
    }

    pub(super) fn stopping(&self) -> Stopping {
        Stopping {
            target_loss: self.target_loss,
            patience: self.patience,
            min_delta: self.min_delta.unwrap_or(0.0),
            max_seconds: self.max_seconds,
        }
    }

    /// These settings with what a training makes of them written out, as far as it says anything there.
    pub(super) fn with_toolkit(self, training: &Training) -> Settings {
        let Optimizer { kind, momentum, beta1, beta2, eps, weight_decay, decay, .. } =
            training.optimizer;
        let schedule = &training.schedule;
        let has_momentum = matches!(kind, OptimizerKind::Momentum | OptimizerKind::Nesterov);
        let is_adam = training.optimizer.is_corrected();
        let decays = weight_decay != 0.0 || self.weight_decay.is_some();
        let has_factor = !matches!(schedule.kind, ScheduleKind::Constant | ScheduleKind::Cosine);
        let has_every = matches!(schedule.kind, ScheduleKind::Step | ScheduleKind::Plateau);
        Settings {
            optimizer: Some(kind),
            momentum: has_momentum.then_some(momentum),
            beta1: is_adam.then_some(beta1),
            beta2: is_adam.then_some(beta2),
            eps: is_adam.then_some(eps),
            weight_decay: decays.then_some(weight_decay),
            decay: decays.then_some(decay),
            schedule: Some(schedule.kind),
            warmup: Some(schedule.warmup),
            lr_factor: has_factor.then_some(schedule.factor),
            lr_every: has_every.then_some(schedule.every),
            on_divergence: Some(training.on_divergence),
            ..self
        }
    }
}
