//! The learning rate over a training: a factor on it for each step, fixed by the configuration. Only a
//! plateau is not known before: its factor is set at report boundaries.

use serde::{Deserialize, Serialize};

use crate::network::{BadValue, named};

named! {
    /// How the rate goes. `f` is [`Schedule::factor`], `n` [`Schedule::every`], `e` the whole epochs since the warmup.
    pub enum ScheduleKind ("schedule") {
        /// It stays.
        Constant = "constant",
        /// It is multiplied by a factor every so many epochs: `f^floor(e / n)`.
        Step = "step",
        /// It is multiplied by a factor every epoch: `f^e`.
        Exponential = "exponential",
        /// It goes down along half a cosine to the end (Loshchilov & Hutter 2017): `(1 + cos(pi s / S)) / 2`, `s` of
        /// the `S` steps after the warmup.
        Cosine = "cosine",
        /// It is multiplied by a factor when the loss has not fallen for so many epochs (as PyTorch's
        /// `ReduceLROnPlateau`).
        Plateau = "plateau",
    }
}

/// How the rate goes, in epochs: as a person says it. Of every step's factor on the learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Schedule {
    /// Which way; constant by default.
    pub kind: ScheduleKind,
    /// Epochs over which the rate first rises evenly from 0: fewer than the training has, 0 by default.
    pub warmup: u32,
    /// Epochs of `step` at one rate, and of `plateau` without a lower loss: 1 to those of the training.
    pub every: u32,
    /// What `step`, `exponential` and `plateau` multiply by: above 0, at most 1.
    pub factor: f64,
    /// Below which share of its largest the rate never goes, but for the warmup: 0 to 1, 0 by default.
    pub floor: f64,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule::new(ScheduleKind::Constant, 1)
    }
}

/// What `exponential` leaves of the rate by default.
const EXPONENTIAL_END: f64 = 0.01;

impl Schedule {
    /// One of a kind over so many epochs, with what it does by default: thirds at a tenth of the rate
    /// before, a fall to a hundredth, a tenth after a twentieth of the epochs without progress.
    pub fn new(kind: ScheduleKind, epochs: u32) -> Schedule {
        let (every, factor) = match kind {
            ScheduleKind::Constant | ScheduleKind::Cosine => (1, 1.0),
            ScheduleKind::Step => (epochs.div_ceil(3).max(1), 0.1),
            ScheduleKind::Exponential => {
                (1, libm::pow(EXPONENTIAL_END, 1.0 / f64::from(epochs.max(1))))
            }
            ScheduleKind::Plateau => (epochs.div_ceil(20).max(1), 0.1),
        };
        Schedule { kind, warmup: 0, every, factor, floor: 0.0 }
    }

    /// Whether it fits a run of so many epochs.
    ///
    /// # Errors
    /// [`BadValue`] names the field and its value.
    pub fn check(&self, epochs: u32) -> Result<(), BadValue> {
        let refuse = |setting: String, reason: String| Err(BadValue { setting, reason });
        if self.warmup > 0 && self.warmup >= epochs {
            let reason = format!("must be shorter than the {epochs} `epochs` of the run");
            return refuse(format!("`warmup` {}", self.warmup), reason);
        }
        let uses_every = matches!(self.kind, ScheduleKind::Step | ScheduleKind::Plateau);
        if uses_every && (self.every == 0 || self.every > epochs) {
            let reason = format!("must be 1 to {epochs}, the `epochs` of the run");
            return refuse(format!("`every` {}", self.every), reason);
        }
        if !(self.factor > 0.0 && self.factor <= 1.0) {
            let reason = "must be above 0 and at most 1, as in 0.1".to_owned();
            return refuse(format!("`factor` {}", self.factor), reason);
        }
        if !(0.0..=1.0).contains(&self.floor) {
            let reason = "must be at least 0 and no more than the rate itself".to_owned();
            return refuse(format!("`floor` at {} of the rate", self.floor), reason);
        }
        Ok(())
    }

    /// The same in steps, over `epochs` of `per_epoch` each.
    pub fn in_steps(&self, epochs: u32, per_epoch: u32) -> RateSchedule {
        let steps = |epochs: u32| u64::from(epochs) * u64::from(per_epoch);
        let (warmup, all) = (steps(self.warmup), steps(epochs));
        RateSchedule { schedule: *self, per_epoch, warmup, all, ramp: None }
    }
}

/// How the rate goes, in steps: as an engine asks for it. By default it is constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateSchedule {
    schedule: Schedule,
    per_epoch: u32,
    warmup: u64,
    all: u64,
    /// By what the rate is multiplied from the first step to the last, evenly in its logarithm; in the place
    /// of the schedule.
    ramp: Option<f64>,
}

impl Default for RateSchedule {
    fn default() -> RateSchedule {
        Schedule::default().in_steps(1, 1)
    }
}

impl RateSchedule {
    /// A rate that grows by a factor from the first of so many steps to the last: each step is as many times
    /// as fast as the one before (Smith 2017).
    pub fn ramp(steps: u32, by: f64) -> RateSchedule {
        RateSchedule { ramp: Some(by), all: steps.into(), ..RateSchedule::default() }
    }

    /// Whether every step has the same rate, until somebody sets another.
    pub fn is_constant(&self) -> bool {
        let is_plain = matches!(self.schedule.kind, ScheduleKind::Constant | ScheduleKind::Plateau);
        is_plain && self.warmup == 0 && self.ramp.is_none()
    }

    /// Whether somebody sets the rate, as the loss goes.
    pub fn is_plateau(&self) -> bool {
        self.schedule.kind == ScheduleKind::Plateau
    }

    /// What the rate is multiplied by in the step after `step` others. In f64 by the `libm` crate and
    /// rounded once: the same bits on every platform.
    pub fn factor(&self, step: u32) -> f32 {
        let Schedule { kind, every, factor, floor, .. } = self.schedule;
        let step = u64::from(step);
        if let Some(by) = self.ramp {
            let last = self.all.saturating_sub(1).max(1);
            return libm::pow(by, step as f64 / last as f64) as f32;
        }
        if step < self.warmup {
            return ((step + 1) as f64 / self.warmup as f64) as f32;
        }
        let step = step - self.warmup;
        let epoch = step / u64::from(self.per_epoch.max(1));
        let share = match kind {
            ScheduleKind::Constant | ScheduleKind::Plateau => return 1.0,
            ScheduleKind::Step => libm::pow(factor, (epoch / u64::from(every.max(1))) as f64),
            ScheduleKind::Exponential => libm::pow(factor, epoch as f64),
            ScheduleKind::Cosine => {
                let all = self.all.saturating_sub(self.warmup).max(1);
                let gone = step.min(all) as f64 / all as f64;
                let half = 0.5 * (1.0 + libm::cos(std::f64::consts::PI * gone));
                floor + (1.0 - floor) * half
            }
        };
        share.max(floor) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(schedule: Schedule, epochs: u32, per_epoch: u32) -> Vec<f32> {
        let rates = schedule.in_steps(epochs, per_epoch);
        (0..epochs * per_epoch).map(|step| rates.factor(step)).collect()
    }

    #[test]
    fn each_goes_as_its_formula_says() {
        let of = Schedule::new;
        assert_eq!(factors(of(ScheduleKind::Constant, 3), 3, 2), [1.0; 6]);
        let step = Schedule { every: 2, factor: 0.5, ..of(ScheduleKind::Step, 6) };
        assert_eq!(factors(step, 6, 1), [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
        let floored = Schedule { floor: 0.3, ..step };
        assert_eq!(factors(floored, 6, 1)[4], 0.3);
        let falling = Schedule { factor: 0.5, ..of(ScheduleKind::Exponential, 3) };
        assert_eq!(factors(falling, 3, 2), [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
        let cosine = factors(of(ScheduleKind::Cosine, 4), 4, 1);
        // (1 + cos(pi s / 4)) / 2 by hand.
        for (actual, expected) in cosine.iter().zip([1.0f32, 0.853_553_4, 0.5, 0.146_446_6]) {
            approx::assert_relative_eq!(*actual, expected, max_relative = 1e-6);
        }
        assert_eq!(factors(of(ScheduleKind::Plateau, 3), 3, 1), [1.0; 3]);
    }

    #[test]
    fn a_warmup_rises_evenly_and_the_schedule_counts_from_its_end() {
        let warm = Schedule { warmup: 2, ..Schedule::new(ScheduleKind::Cosine, 6) };
        let seen = factors(warm, 6, 2);
        assert_eq!(seen[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert!(seen[11] < 0.05, "{seen:?}");
        assert!(!Schedule { warmup: 1, ..Schedule::default() }.in_steps(5, 1).is_constant());
    }

    #[test]
    fn defaults_end_where_they_say() {
        let falling = factors(Schedule::new(ScheduleKind::Exponential, 100), 100, 1);
        approx::assert_relative_eq!(falling[99], 0.01, max_relative = 0.05);
        let thirds = factors(Schedule::new(ScheduleKind::Step, 90), 90, 1);
        assert!(thirds[29] == 1.0 && thirds[30] == 0.1 && thirds[89] == 0.01);
    }

    #[test]
    fn what_does_not_fit_a_run_is_refused_with_flag_and_value() {
        let step = Schedule::new(ScheduleKind::Step, 10);
        for (schedule, part) in [
            (Schedule { warmup: 10, ..Schedule::default() }, "`warmup` 10"),
            (Schedule { every: 11, ..step }, "`every` 11"),
            (Schedule { every: 0, ..step }, "`every` 0"),
            (Schedule { factor: 0.0, ..step }, "`factor` 0"),
            (Schedule { factor: 1.5, ..step }, "`factor` 1.5"),
            (Schedule { floor: 2.0, ..step }, "`floor`"),
        ] {
            let error = schedule.check(10).unwrap_err().to_string();
            assert!(error.contains(part), "{error} should contain {part}");
        }
        assert_eq!(step.check(10), Ok(()));
    }
}
