//! Optimizer, schedule and stopping from the settings, and which settings have no effect beside others.

use super::listed;
use super::{Family, Setting, Settings};
use crate::Error;
use crate::network::{Activation, Hyperparameter, Loss, Network};
use crate::optimizer::{
    DefaultRate, HYPERPARAMETERS, Optimizer, OptimizerKind, Schedule, ScheduleKind,
};
use crate::train::Stopping;

/// The activation of hidden layers where none is given.
pub(crate) const DEFAULT_ACTIVATION: Activation = Activation::Relu;

/// The rate where none is asked for, from that of plain gradient descent.
pub(crate) fn default_rate(optimizer: &Optimizer, plain: f32) -> f32 {
    match optimizer.kind.row().rate {
        DefaultRate::Share(share) => plain * share,
        DefaultRate::Fixed(rate) => rate,
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

impl Family {
    /// Its members that have a setting of theirs.
    pub(crate) fn members_with(self, key: &str) -> Vec<&'static str> {
        fn having<T: Copy>(
            all: &[T],
            name: fn(T) -> &'static str,
            has: impl Fn(T) -> bool,
        ) -> Vec<&'static str> {
            all.iter().copied().filter(|&member| has(member)).map(name).collect()
        }
        let is_it = |row: &Hyperparameter| row.name == key;
        match self {
            Family::Activation => having(Activation::ALL, Activation::name, |member| {
                member.row().hyperparameter.is_some_and(is_it)
            }),
            Family::Loss => having(Loss::ALL, Loss::name, |member| {
                member.row().hyperparameter.is_some_and(is_it)
            }),
            Family::Optimizer => having(OptimizerKind::ALL, OptimizerKind::name, |member| {
                member.row().hyperparameters.iter().any(|row| is_it(row))
            }),
            Family::Schedule => {
                having(ScheduleKind::ALL, ScheduleKind::name, |member| schedule_has(member, key))
            }
        }
    }
}

impl Settings {
    /// The optimizer, also where only its momentum is given.
    pub(crate) fn optimizer_kind(&self) -> OptimizerKind {
        self.optimizer.unwrap_or(match self.momentum {
            Some(_) => OptimizerKind::Momentum,
            None => OptimizerKind::Sgd,
        })
    }

    fn schedule_kind(&self) -> ScheduleKind {
        self.schedule.unwrap_or(ScheduleKind::Constant)
    }

    /// Why a setting has no effect beside these, if it has none.
    pub(crate) fn unused(&self, row: &Setting) -> Option<String> {
        let schedule = self.schedule_kind();
        match (row.key, row.family) {
            ("decay", _) => {
                let decays =
                    self.weight_decay.is_some() || self.optimizer_kind().row().weight_decay != 0.0;
                let reason = "has no effect without weight decay; give --weight-decay too";
                (!decays).then(|| reason.to_owned())
            }
            ("min-delta", _) => {
                let waits = self.patience.is_some() || schedule == ScheduleKind::Plateau;
                let reason = "is for --patience and --schedule plateau; give one of them";
                (!waits).then(|| reason.to_owned())
            }
            (key, Some(family)) => {
                let chosen = self.chosen(family);
                let having = family.members_with(key);
                if chosen.iter().any(|member| having.contains(member)) {
                    return None;
                }
                let (chosen, flag) = (chosen.first().unwrap_or(&"the default"), family.key());
                let also = if key == "momentum" { ", or --beta1 with adam" } else { "" };
                Some(format!("{chosen} has none; use --{flag} {}{also}", listed(&having, "or")))
            }
            (_, None) => None,
        }
    }

    /// The members of a family that are in use, as far as these settings say.
    fn chosen(&self, family: Family) -> Vec<&'static str> {
        match family {
            Family::Activation => {
                let hidden = self.activation.unwrap_or(DEFAULT_ACTIVATION);
                [Some(hidden), self.output_activation]
                    .into_iter()
                    .flatten()
                    .map(Activation::name)
                    .collect()
            }
            Family::Loss => self.loss.into_iter().map(Loss::name).collect(),
            Family::Optimizer => vec![self.optimizer_kind().name()],
            Family::Schedule => vec![self.schedule_kind().name()],
        }
    }

    /// The network with the numbers that are given for its activations and its loss.
    ///
    /// # Errors
    /// Where one is out of range.
    pub(crate) fn with_numbers(&self, network: Network) -> Result<Network, Error> {
        let given = self.given();
        let rows: Vec<_> = network.hyperparameters().map(|(row, _)| row).collect();
        rows.into_iter().try_fold(network, |network, row| match given.number(row)? {
            Some(value) => Ok(network.with_hyperparameter(row, value)?),
            None => Ok(network),
        })
    }

    /// Whether every setting that is given has an effect.
    ///
    /// # Errors
    /// [`Error::Setting`] with the flag that has none, and why.
    pub(crate) fn check_use(&self) -> Result<(), Error> {
        for (row, texts) in self.given().rows() {
            if let Some(reason) = self.unused(row) {
                return Err(Error::setting(row.flag(texts), reason));
            }
        }
        Ok(())
    }

    /// How gradients become updates.
    pub(crate) fn rule(&self) -> Result<Optimizer, Error> {
        let given = self.given();
        let mut optimizer = Optimizer::new(self.optimizer_kind());
        for row in HYPERPARAMETERS {
            if let (Some(number), Some(own)) = (given.number(row)?, optimizer.value_mut(row)) {
                *own = number;
            }
        }
        Ok(Optimizer {
            weight_decay: self.weight_decay.unwrap_or(optimizer.weight_decay),
            decay: self.decay.unwrap_or(optimizer.decay),
            clip_norm: self.clip_norm,
            clip_value: self.clip_value,
            ..optimizer
        })
    }

    /// The schedule of the learning rate over so many epochs.
    pub(crate) fn rate_schedule(&self, epochs: u32, rate: f32) -> Result<Schedule, Error> {
        let default = Schedule::new(self.schedule_kind(), epochs);
        let floor = match self.min_lr {
            None => 0.0,
            Some(least) if least >= 0.0 && least <= rate => f64::from(least) / f64::from(rate),
            Some(least) => {
                let reason = format!("must be at least 0 and at most the rate, {rate}");
                return Err(Error::setting(format!("--min-lr {least}"), reason));
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

    pub(crate) fn stopping(&self) -> Stopping {
        Stopping {
            target_loss: self.target_loss,
            patience: self.patience,
            min_delta: self.min_delta.unwrap_or(0.0),
            max_seconds: self.max_seconds,
        }
    }
}
