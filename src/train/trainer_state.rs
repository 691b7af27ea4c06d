//! Where a training stands beside its parameters, and what is decided from it at report boundaries: the
//! rate of a plateau, patience, a target, a lower rate after a divergence.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::outcome::{ValidationPoint, epoch_loss, is_finite};
use super::{Training, setting};
use crate::Error;
use crate::data::Batches;
use crate::network::named;
use crate::optimizer::ScheduleKind;

named! {
    /// What happens where parameters leave the finite numbers.
    pub enum OnDivergence ("on-divergence") {
        /// The training ends, with an error.
        Stop = "stop",
        /// It goes back to the last report boundary and on from there at half the rate.
        HalveLr = "halve-lr",
    }
}

named! {
    /// Which weights are kept of a training with rows for validation.
    pub enum Weights ("weights") {
        /// Those with the lowest loss on the rows for validation.
        Best = "best",
        /// Those of the end.
        Last = "last",
    }
}

named! {
    /// Why a training ended.
    pub enum Ended ("end") {
        /// All epochs are done.
        Epochs = "epochs",
        /// The loss came down to the target.
        TargetLoss = "target-loss",
        /// The loss had not fallen for so long.
        Patience = "patience",
        /// The time was up.
        MaxSeconds = "max-seconds",
        /// Somebody asked for it.
        Asked = "asked",
    }
}

/// When a training ends before its last epoch. The loss is that of the rows kept for validation where
/// there are any, else that of the last epoch, each looked at at report boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Stopping {
    /// Once the loss is no higher; `None`, as everywhere here the default, for never.
    pub target_loss: Option<f64>,
    /// Once the loss has not fallen for so many epochs, at least 1.
    pub patience: Option<u32>,
    /// By how much it must fall to have fallen, for `patience` and for a plateau: 0 or more, 0 by default.
    pub min_delta: f64,
    /// Once so many seconds are gone, above 0: at the end of a step. The one setting that depends on time.
    pub max_seconds: Option<f64>,
}

impl Stopping {
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(target) = self.target_loss
            && !target.is_finite()
        {
            return setting(format!("`target_loss` {target}"), "must be a number, as in 0.01");
        }
        if self.patience == Some(0) {
            return setting("`patience` 0", "must be at least 1 epoch");
        }
        if !(self.min_delta.is_finite() && self.min_delta >= 0.0) {
            let reason = "must be 0 or more, as in 0.001";
            return setting(format!("`min_delta` {}", self.min_delta), reason);
        }
        if let Some(seconds) = self.max_seconds
            && !(seconds.is_finite() && seconds > 0.0)
        {
            let reason = "must be a positive number, as in 60";
            return setting(format!("`max_seconds` {seconds}"), reason);
        }
        Ok(())
    }
}

/// How long a loss has not fallen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Waiting {
    /// The lowest so far.
    pub lowest: Option<f64>,
    /// The epoch at which that was seen, or the count began anew.
    pub since: u32,
}

impl Waiting {
    /// Notes the loss after an epoch; returns for how many epochs none has been lower by `min_delta`.
    pub fn note(&mut self, epoch: u32, loss: f64, min_delta: f64) -> u32 {
        if self.lowest.is_none_or(|lowest| loss < lowest - min_delta) {
            *self = Waiting { lowest: Some(loss), since: epoch };
        }
        epoch - self.since
    }
}

/// The rate after a divergence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Halving {
    /// The epoch that was gone back to.
    pub epoch: u32,
    /// The step at which the divergence was seen.
    pub step: u32,
    /// The largest rate from there on.
    pub rate: f32,
}

/// Where a training of one start stands between two steps, beside the engine's own state: with both it
/// goes on as if it had never stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainerState {
    /// The start's seed.
    pub seed: u64,
    /// Whole epochs done.
    pub epoch: u32,
    /// The losses of the steps of the epoch under way, where they are wanted.
    pub pending: Vec<f32>,
    /// `(epoch, loss)`, as [`Run::history`](super::Run::history).
    pub history: Vec<(u32, f32)>,
    /// As [`Run::validation_history`](super::Run::validation_history).
    pub validation_history: Vec<ValidationPoint>,
    /// The loss of the last whole epoch, where it is known.
    pub latest: Option<f32>,
    /// The largest rate, after plateaus and halvings.
    pub rate: f32,
    /// What a plateau waits for.
    pub plateau: Waiting,
    /// What patience waits for.
    pub patience: Waiting,
    /// The epoch with the lowest loss at a report boundary, and that loss.
    pub best: Option<(u32, f64)>,
    /// Every divergence that was gone back from.
    pub halvings: Vec<Halving>,
}

impl TrainerState {
    /// That of a start that has made no step.
    pub fn new(training: &Training, seed: u64) -> TrainerState {
        TrainerState {
            seed,
            epoch: 0,
            pending: Vec::new(),
            history: Vec::new(),
            validation_history: Vec::new(),
            latest: None,
            rate: training.learning_rate,
            plateau: Waiting::default(),
            patience: Waiting::default(),
            best: None,
            halvings: Vec::new(),
        }
    }

    /// Notes the losses of `steps`, as far as they are known: those of every `every`-th epoch, none where it
    /// is 0, and that of the last step, a whole epoch, where a stop came before its turn. Returns the number, from
    /// 1, of the first step whose loss was not finite.
    pub(super) fn note(
        &mut self,
        training: &Training,
        batches: &Batches,
        steps: Range<u32>,
        every: u32,
        mut losses: impl Iterator<Item = f32>,
    ) -> Option<u32> {
        if steps.is_empty() {
            return None;
        }
        let per_epoch = batches.steps_per_epoch() as u32;
        let under_way = steps.start / per_epoch + 1;
        self.epoch = steps.end / per_epoch;
        if self.epoch >= under_way {
            self.latest = None;
        }
        let first = under_way.checked_next_multiple_of(every).unwrap_or(u32::MAX);
        if first != under_way {
            self.pending.clear();
        }
        let mut bad = None;
        let mut next = Some(first).filter(|_| every > 0);
        while let Some(epoch) = next.filter(|epoch| (epoch - 1) <= (steps.end - 1) / per_epoch) {
            let end = epoch.saturating_mul(per_epoch).min(steps.end);
            let own = steps.start.max((epoch - 1) * per_epoch)..end;
            for (step, loss) in own.zip(&mut losses) {
                bad = bad.or((!is_finite(loss)).then_some(step + 1));
                self.pending.push(loss);
            }
            if epoch <= self.epoch {
                // Of an epoch that began before its losses were wanted the first ones are missing.
                if self.pending.len() == per_epoch as usize {
                    let loss = epoch_loss(batches, &self.pending);
                    self.latest = (epoch == self.epoch).then_some(loss);
                    if training.is_history_point(epoch) {
                        self.history.push((epoch, loss));
                    }
                }
                self.pending.clear();
            }
            next = epoch.checked_add(every);
        }
        if let Some(loss) = losses.next() {
            bad = bad.or((!is_finite(loss)).then_some(steps.end));
            self.latest = Some(loss);
        }
        bad
    }

    /// Decides at a report boundary: whether the training ends here, and whether the loss is the lowest.
    /// A plateau has set the rate.
    pub(super) fn decide(&mut self, training: &Training, loss: f64) -> (Option<Ended>, bool) {
        let Stopping { target_loss, patience, min_delta, .. } = training.stopping;
        let is_best = self.best.is_none_or(|(_, lowest)| loss < lowest);
        if is_best {
            self.best = Some((self.epoch, loss));
        }
        if training.schedule.kind == ScheduleKind::Plateau {
            self.rate = plateau(training, &mut self.plateau, self.epoch, loss, self.rate);
        }
        let waited = self.patience.note(self.epoch, loss, min_delta);
        let ended = if target_loss.is_some_and(|target| loss <= target) {
            Some(Ended::TargetLoss)
        } else if patience.is_some_and(|patience| waited >= patience) {
            Some(Ended::Patience)
        } else {
            None
        };
        (ended, is_best)
    }
}

/// The largest rate after a look at the loss of an epoch: lower by the schedule's factor where the loss has
/// not fallen for as long as it waits, and never below its floor. In the warmup nothing is decided.
pub fn plateau(
    training: &Training,
    waiting: &mut Waiting,
    epoch: u32,
    loss: f64,
    rate: f32,
) -> f32 {
    let schedule = &training.schedule;
    let waited = waiting.note(epoch, loss, training.stopping.min_delta);
    if epoch <= schedule.warmup {
        waiting.since = epoch;
        return rate;
    }
    if waited < schedule.every {
        return rate;
    }
    waiting.since = epoch;
    let floor = f64::from(training.learning_rate) * schedule.floor;
    (f64::from(rate) * schedule.factor).max(floor) as f32
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Source;
    use crate::network::{Activation, Loss, Network};

    #[test]
    fn a_loss_must_fall_by_enough_to_have_fallen() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.note(10, 1.0, 0.1), 0);
        assert_eq!(waiting.note(20, 0.95, 0.1), 10);
        assert_eq!(waiting.note(30, 0.89, 0.1), 0);
        assert_eq!(waiting.note(40, f64::NAN, 0.1), 10);
        assert_eq!((waiting.lowest, waiting.since), (Some(0.89), 30));
    }

    /// However a run is cut, and however few losses are known, an epoch's is that of all its steps or none.
    #[test]
    fn epochs_are_noted_from_any_cuts_and_any_losses() {
        let network =
            Network::uniform(vec![2, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce);
        let data = Arc::new(Source::Xor.built_in().unwrap().unwrap());
        let training = Training { epochs: 600, batch: 3, ..Training::new(network.unwrap(), data) };
        let batches = training.batches(0);
        // Two steps an epoch, and a point of the history every three epochs.
        let loss = |step: u32| step as f32;
        let mean = |epoch: u32| epoch_loss(&batches, &[loss(2 * epoch - 2), loss(2 * epoch - 1)]);
        let whole: Vec<(u32, f32)> = [1, 3, 6, 9].map(|epoch| (epoch, mean(epoch))).to_vec();
        for cuts in [&[20][..], &[1, 4, 5, 20], &[2, 6, 12, 20], &[3, 7, 11, 13, 17, 19, 20]] {
            let mut trainer_state = TrainerState::new(&training, 0);
            for (&from, &to) in [0].iter().chain(cuts).zip(cuts) {
                trainer_state.note(&training, &batches, from..to, 1, (from..to).map(loss));
                assert_eq!(
                    (trainer_state.epoch, trainer_state.pending.len() as u32),
                    (to / 2, to % 2)
                );
                let latest = (to > 1).then(|| mean(to / 2));
                assert_eq!(trainer_state.latest, latest, "{cuts:?}");
            }
            assert_eq!(trainer_state.history, whole, "{cuts:?}");
        }
        // Only every third epoch's are known: steps 4 and 5, 10 and 11, 16 and 17.
        let known = |steps: Range<u32>| steps.filter(|step| step / 2 % 3 == 2).map(loss);
        for cuts in [&[20][..], &[5, 6, 11, 20], &[4, 17, 20]] {
            let mut trainer_state = TrainerState::new(&training, 0);
            for (&from, &to) in [0].iter().chain(cuts).zip(cuts) {
                trainer_state.note(&training, &batches, from..to, 3, known(from..to));
                let is_known = to / 2 % 3 == 0 && to > 1;
                assert_eq!(
                    trainer_state.latest,
                    is_known.then(|| mean(to / 2)),
                    "{cuts:?} at {to}"
                );
            }
            assert_eq!(trainer_state.history, whole[1..], "{cuts:?}");
        }
        // Wanted only from the middle of an epoch on.
        let mut trainer_state = TrainerState::new(&training, 0);
        trainer_state.note(&training, &batches, 0..5, 0, std::iter::empty());
        trainer_state.note(&training, &batches, 5..6, 1, [loss(5)].into_iter());
        assert_eq!(
            (trainer_state.epoch, trainer_state.latest, trainer_state.history.len()),
            (3, None, 0)
        );
        let bad = [0.0, f32::NAN, f32::INFINITY];
        assert_eq!(trainer_state.note(&training, &batches, 6..9, 1, bad.into_iter()), Some(8));
        assert_eq!(trainer_state.note(&training, &batches, 9..9, 1, std::iter::empty()), None);
    }

    #[test]
    fn what_ends_no_training_is_refused_with_flag_and_value() {
        for (stopping, part) in [
            (Stopping { target_loss: Some(f64::NAN), ..Stopping::default() }, "`target_loss` NaN"),
            (Stopping { patience: Some(0), ..Stopping::default() }, "`patience` 0"),
            (Stopping { min_delta: -1.0, ..Stopping::default() }, "`min_delta` -1"),
            (Stopping { max_seconds: Some(0.0), ..Stopping::default() }, "`max_seconds` 0"),
        ] {
            let error = stopping.check().unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
