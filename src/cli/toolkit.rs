//! What the settings of optimizers, schedules and stopping mean, and which of them mean nothing beside others.

use super::bad_setting;
use super::settings::{Family, Setting, Settings};
use crate::Error;
use crate::optimizer::{Optimizer, OptimizerKind, Schedule, ScheduleKind};
use crate::train::Stopping;

/// The rate of the Adams, which move every parameter by about as much.
const ADAM_RATE: f32 = 0.01;

/// The rate where none is asked for, from that of plain gradient descent: a velocity of 0.9 adds up to ten
/// times its gradient.
pub(super) fn default_rate(optimizer: &Optimizer, plain: f32) -> f32 {
    match optimizer.kind {
        OptimizerKind::Sgd => plain,
        OptimizerKind::Momentum | OptimizerKind::Nesterov => plain / 10.0,
        OptimizerKind::Adam | OptimizerKind::AdamW => ADAM_RATE,
    }
}

/// Whether an optimizer has a number.
fn optimizer_has(kind: OptimizerKind, key: &str) -> bool {
    match key {
        "momentum" => matches!(kind, OptimizerKind::Momentum | OptimizerKind::Nesterov),
        _ => Optimizer::new(kind).is_corrected(),
    }
}

/// Whether a schedule has a number.
fn schedule_has(kind: ScheduleKind, key: &str) -> bool {
    use ScheduleKind::{Constant, Cosine, Exponential, Plateau, Step};
    match kind {
        Constant => false,
        Cosine => key == "min-lr",
        Exponential => key != "lr-every",
        Step | Plateau => true,
    }
}

/// `a, b or c`.
fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

impl Settings {
    /// The optimizer, also where only its momentum is given.
    pub(super) fn optimizer_kind(&self) -> OptimizerKind {
        self.optimizer.unwrap_or(match self.momentum {
            Some(_) => OptimizerKind::Momentum,
            None => OptimizerKind::Sgd,
        })
    }

    fn schedule_kind(&self) -> ScheduleKind {
        self.schedule.unwrap_or(ScheduleKind::Constant)
    }

    /// Why a setting would mean nothing beside these, if it would.
    pub(super) fn unused(&self, row: &Setting) -> Option<String> {
        let (optimizer, schedule) = (self.optimizer_kind(), self.schedule_kind());
        let lacks = |kind: &str, flag: &str, having: Vec<&str>| {
            let also = if row.key == "momentum" { ", or --beta1 with adam" } else { "" };
            Some(format!("{kind} has none; use --{flag} {}{also}", either(&having)))
        };
        match (row.key, row.family) {
            ("decay", _) => {
                let decays = self.weight_decay.is_some() || optimizer == OptimizerKind::AdamW;
                let reason = "says how weights decay, and none do; give --weight-decay too";
                (!decays).then(|| reason.to_owned())
            }
            ("min-delta", _) => {
                let waits = self.patience.is_some() || schedule == ScheduleKind::Plateau;
                let reason = "is for --patience and --schedule plateau; give one of them";
                (!waits).then(|| reason.to_owned())
            }
            (key, Some(Family::Optimizer)) if !optimizer_has(optimizer, key) => {
                let having = OptimizerKind::ALL.iter().filter(|&&kind| optimizer_has(kind, key));
                lacks(optimizer.name(), "optimizer", having.map(|kind| kind.name()).collect())
            }
            (key, Some(Family::Schedule)) if !schedule_has(schedule, key) => {
                let having = ScheduleKind::ALL.iter().filter(|&&kind| schedule_has(kind, key));
                lacks(schedule.name(), "schedule", having.map(|kind| kind.name()).collect())
            }
            _ => None,
        }
    }

    /// Whether everything that is given means something.
    ///
    /// # Errors
    /// [`Error::Setting`] with the flag that does not, and why.
    pub(super) fn check_use(&self) -> Result<(), Error> {
        for (row, texts) in self.given().rows() {
            if let Some(reason) = self.unused(row) {
                return Err(bad_setting(row.flag(texts), reason));
            }
        }
        Ok(())
    }

    /// How gradients become updates.
    pub(super) fn rule(&self) -> Optimizer {
        let default = Optimizer::new(self.optimizer_kind());
        Optimizer {
            momentum: self.momentum.unwrap_or(default.momentum),
            beta1: self.beta1.unwrap_or(default.beta1),
            beta2: self.beta2.unwrap_or(default.beta2),
            eps: self.eps.unwrap_or(default.eps),
            weight_decay: self.weight_decay.unwrap_or(default.weight_decay),
            decay: self.decay.unwrap_or(default.decay),
            clip_norm: self.clip_norm,
            clip_value: self.clip_value,
            ..default
        }
    }

    /// The schedule of the learning rate over so many epochs.
    pub(super) fn rate_schedule(&self, epochs: u32, rate: f32) -> Result<Schedule, Error> {
        let default = Schedule::new(self.schedule_kind(), epochs);
        let floor = match self.min_lr {
            None => 0.0,
            Some(least) if least >= 0.0 && least <= rate => f64::from(least) / f64::from(rate),
            Some(least) => {
                let reason = format!("must be at least 0 and at most the rate, {rate}");
                return Err(bad_setting(format!("--min-lr {least}"), reason));
            }
        };
        Ok(Schedule {
            warmup: self.warmup.unwrap_or(0),
            every: self.lr_every.unwrap_or(default.every),
            factor: self.lr_factor.unwrap_or(default.factor),
            floor,
            ..default
        })
    }

    pub(super) fn stopping(&self) -> Stopping {
        Stopping {
            target_loss: self.target_loss,
            patience: self.patience,
            min_delta: self.min_delta.unwrap_or(0.0),
            max_seconds: self.max_seconds,
        }
    }
}
