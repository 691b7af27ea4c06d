//! Where a training is looked at: points of its history, report boundaries and checkpoints, at epochs that its settings
//! fix.

use super::{HISTORY_POINTS, Stopping, Training};
use crate::optimizer::ScheduleKind;

/// Report boundaries of a run at most, about, where one may follow every epoch: on any device they take a
/// second or two together.
pub const CLOSE_BOUNDARIES: u32 = 10_000;
/// Steps between two report boundaries at least: losses are read back there, and only there.
const BOUNDARY_STEPS: u32 = 64;
/// And at most, if that is a whole epoch: what is read back must be held.
const BOUNDARY_MOST_STEPS: u32 = 65_536;

/// How often a plateau looks at the loss while it waits, so that it waits a tenth longer at most, and
/// never misses the end of its wait. Not at every epoch: a sweep reads a loss of every network then.
const LOOKS_PER_WAIT: u32 = 10;

impl Training {
    /// Epochs between two points of the history.
    pub(super) fn history_every(&self) -> u32 {
        self.epochs.div_ceil(HISTORY_POINTS)
    }

    /// Whether the loss of an epoch is a point of the history.
    pub(super) fn is_history_point(&self, epoch: u32) -> bool {
        epoch == 1 || epoch.is_multiple_of(self.history_every()) || epoch == self.epochs
    }

    /// Whether report boundaries are as near to each other as can be: where rows are kept for validation, or
    /// a loss may end the training.
    pub(super) fn looks_closely(&self) -> bool {
        let Stopping { target_loss, patience, .. } = self.stopping;
        self.held_out.validation.is_some() || target_loss.is_some() || patience.is_some()
    }

    /// Epochs between two report boundaries: fixed by the configuration, never by time. As many
    /// as between two points of the history, but for very short and very long ones. Where rows are kept for
    /// validation, or `stopping` has a target or patience, one, but so many that there are about
    /// [`CLOSE_BOUNDARIES`] at most; every point of the history is then a boundary too. A plateau has
    /// about ten of them while it waits.
    pub fn report_every(&self) -> u32 {
        let per_epoch = self.batches(0).steps_per_epoch() as u32;
        let most = match self.schedule.kind {
            ScheduleKind::Plateau => self.schedule.every / LOOKS_PER_WAIT,
            _ => u32::MAX,
        };
        let most = most.min(BOUNDARY_MOST_STEPS / per_epoch).max(1);
        if self.looks_closely() {
            return self.epochs.div_ceil(CLOSE_BOUNDARIES).min(most);
        }
        let steps = u64::from(per_epoch) * u64::from(self.history_every());
        match u32::try_from(steps) {
            Ok(steps) if steps <= BOUNDARY_MOST_STEPS => {
                (self.history_every() * BOUNDARY_STEPS.div_ceil(steps)).min(most)
            }
            _ => most,
        }
    }

    /// The report boundary after an epoch; the last epoch is one.
    pub(super) fn next_boundary(&self, epoch: u32) -> u32 {
        let next = next_multiple(self.report_every(), epoch).min(self.epochs);
        match self.looks_closely() {
            true => next.min(next_multiple(self.history_every(), epoch)),
            false => next,
        }
    }

    /// The epoch after this one at which a checkpoint is due, if any are.
    pub(super) fn next_checkpoint(&self, epoch: u32) -> u32 {
        self.checkpoint_every.map_or(u32::MAX, |every| next_multiple(every, epoch))
    }

    /// How to make the epochs from one up to another so that the losses of the last, and of all that are
    /// points of the history, are kept: up to which epoch first, and the losses of how many epochs from one
    /// to the next.
    pub(super) fn losses_towards(&self, epoch: u32, until: u32) -> (u32, u32) {
        let every = self.history_every();
        match until / every * every {
            _ if epoch == 0 => (1, 1),
            last_point if last_point > epoch => (last_point, every),
            _ => (until, until),
        }
    }
}

/// The first multiple of `every` after `epoch`.
fn next_multiple(every: u32, epoch: u32) -> u32 {
    (epoch / every).saturating_add(1).saturating_mul(every)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::EngineSpec;
    use crate::train::tests::xor;
    use crate::train::{HeldOut, Progress};

    /// However long a run, what is read back at once is bounded, and what is told stays little.
    #[test]
    fn boundaries_of_long_runs_stay_within_memory() {
        let steps = |epochs, batch| {
            let training = Training { epochs, batch, ..xor() };
            training.report_every() * training.batches(0).steps_per_epoch() as u32
        };
        assert_eq!(steps(100, 0), 64);
        assert_eq!(steps(2_000, 0), 70);
        assert_eq!(steps(1_000_000, 0), 5_000);
        assert_eq!(steps(u32::MAX, 0), 65_536);
        assert_eq!(steps(400_000_000, 1), 65_536);
        let training = Training { epochs: 20_000_001, restarts: 1, ..xor() };
        let (told, stop) = (std::cell::Cell::new(0), std::cell::Cell::new(0u32));
        let mut report = |_: Progress| told.set(told.get() + 1);
        // A few boundaries of 65,536 steps; a point of the history falls every 100,001 epochs.
        let stopping = || stop.replace(stop.get() + 1) > 300_000;
        pollster::block_on(training.run(&EngineSpec::Cpu, &mut report, &stopping)).unwrap();
        assert!((3..=5).contains(&told.get()), "{}", told.get());
    }

    /// Where an epoch can decide something, every epoch is a boundary, and of very many a bounded number;
    /// each point of the history is one too.
    #[test]
    fn boundaries_are_close_where_an_epoch_can_decide() {
        let patient = Stopping { patience: Some(5), ..Stopping::default() };
        let aiming = Stopping { target_loss: Some(0.1), ..Stopping::default() };
        let held_out = HeldOut { validation: Some(Arc::clone(&xor().data)), test: None };
        for training in [
            Training { stopping: patient, ..xor() },
            Training { stopping: aiming, ..xor() },
            Training { held_out, ..xor() },
        ] {
            for (epochs, every) in [(1, 1), (10_000, 1), (10_001, 2), (15_000, 2), (1_000_000, 100)]
            {
                let training = Training { epochs, ..training.clone() };
                assert_eq!(training.report_every(), every, "{epochs}");
                let (mut epoch, mut count) = (0, 0);
                while epoch < epochs {
                    let (before, after) = (epoch, training.next_boundary(epoch));
                    let skipped = before + 1..after;
                    assert!(!skipped.clone().skip(1).any(|at| training.is_history_point(at)));
                    (epoch, count) = (after, count + 1);
                }
                assert!(epoch == epochs && count <= CLOSE_BOUNDARIES + HISTORY_POINTS, "{count}");
            }
            let huge = Training { epochs: 400_000_000, batch: 1, ..training };
            assert_eq!(huge.report_every(), 65_536 / 4);
        }
    }

    /// However the steps to a boundary are made, its own loss is kept and those of the history are.
    #[test]
    fn losses_are_kept_of_boundaries_and_of_the_history() {
        for epochs in [1, 7, 200, 997, 2_000, 20_000_001] {
            let training = Training { epochs, ..xor() };
            for (from, boundary) in [(0, 1), (0, 70), (70, 140), (64, 65), (3, 997)] {
                let (mut epoch, until) = (from, boundary.min(epochs));
                let mut kept = Vec::new();
                while epoch < until {
                    let (next, every) = training.losses_towards(epoch, until);
                    assert!(next > epoch && next <= until);
                    kept.extend((epoch + 1..=next).filter(|at| at.is_multiple_of(every)));
                    epoch = next;
                }
                if until > from {
                    assert_eq!(kept.last(), Some(&until));
                }
                let points = (from + 1..=until).filter(|&at| training.is_history_point(at));
                assert!(points.clone().all(|point| kept.contains(&point)), "{epochs}: {kept:?}");
            }
        }
    }
}
