//! What comes of a training: runs, their losses, and which of them is kept.

use serde::{Deserialize, Serialize};

use super::{
    Checkup, Confusion, Ended, Evaluation, Finding, Halving, HeldOut, Resume, TrainerState,
    Training,
};
use crate::Error;
use crate::data::{Batches, Dataset};
use crate::engine::{Forward, State};

/// One training from one start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Why it ended.
    pub ended: Ended,
    /// Where it stands beside its parameters: what was decided on the way.
    pub trainer_state: TrainerState,
    /// Steps done.
    pub step: u32,
    /// The optimizer's moments at the end, `[moments][len]`.
    pub moments: Vec<Vec<f32>>,
    /// Epochs done.
    pub epochs: u32,
    /// `(epoch, loss)`, epochs from 1: the mean loss over an epoch's rows, each batch's before its update. At most
    /// [`HISTORY_POINTS`](super::HISTORY_POINTS) and one.
    pub history: Vec<(u32, f32)>,
    /// The parameters at the end, `[len]` of the network's [`Layout`](crate::network::Layout). [`Run::weights`] are those
    /// that are kept.
    pub parameters: Vec<f32>,
    /// Where the loss on the rows kept for validation was lowest, where that was before the end and its weights
    /// are kept.
    pub best: Option<Resume>,
    /// What the kept weights do on the training rows.
    pub evaluation: Evaluation,
    /// What they do on those kept for validation.
    pub validation: Option<Evaluation>,
    /// What they did on them at report boundaries; of many starts at once, at the end alone.
    pub validation_history: Vec<ValidationPoint>,
    /// What they do on those kept for testing.
    pub test: Option<Evaluation>,
    /// What was seen of the layers at report boundaries.
    pub checkups: Vec<Checkup>,
}

/// A look at the rows kept for validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ValidationPoint {
    /// Epochs done.
    pub epoch: u32,
    /// The loss on them.
    pub loss: f64,
    /// The share of them that is right, where they are of classes.
    pub accuracy: Option<f64>,
}

impl ValidationPoint {
    pub(super) fn new(epoch: u32, evaluation: &Evaluation, data: &Dataset) -> ValidationPoint {
        let accuracy = evaluation.accuracy(data.rows());
        ValidationPoint { epoch, loss: evaluation.loss, accuracy }
    }
}

impl Run {
    /// The parameters that are kept, `[len]` of the network's [`Layout`](crate::network::Layout): those with the lowest loss on the rows kept for
    /// validation where that is wanted, else those of the end.
    pub fn weights(&self) -> &[f32] {
        self.best.as_ref().map_or(&self.parameters, |best| &best.state.parameters)
    }

    /// What the kept weights do on rows that were not trained on, those for testing before those for validation, or
    /// on those of the training where there are no others; with what these are called.
    pub fn unseen<'a>(
        &'a self,
        training: &'a Training,
    ) -> (&'static str, &'a Dataset, &'a Evaluation) {
        let HeldOut { validation, test } = &training.held_out;
        let name = training.held_out.unseen();
        match (test, &self.test, validation, &self.validation) {
            (Some(data), Some(seen), _, _) | (None, _, Some(data), Some(seen)) => {
                (name, data, seen)
            }
            _ => (name, &training.data, &self.evaluation),
        }
    }

    /// The epoch that the kept weights are of.
    pub fn weights_epoch(&self) -> u32 {
        self.best.as_ref().map_or(self.epochs, |best| best.trainer_state.epoch)
    }

    /// Which class was taken for which, on rows kept for validation and for testing, or else on those
    /// of the training; with what these are called. Nothing where they are of no classes.
    pub fn confusions(&self) -> Vec<(&'static str, &Confusion)> {
        let mut looks: Vec<(&str, &Evaluation)> = Vec::new();
        looks.extend(self.validation.iter().map(|look| ("validation", look)));
        looks.extend(self.test.iter().map(|look| ("test", look)));
        if looks.is_empty() {
            looks.push(("training", &self.evaluation));
        }
        let counted =
            looks.into_iter().filter_map(|(of, look)| Some((of, look.confusion.as_ref()?)));
        counted.collect()
    }

    /// What it told at its report boundaries, or would have told had it run alone.
    pub fn progress(&self, training: &Training) -> impl Iterator<Item = Progress> {
        let next = |at: usize| self.history.get(at + 1).map_or(u32::MAX, |point| point.0);
        // Of the points between two boundaries the last is told.
        let is_told = move |&(at, &(epoch, _)): &(usize, &(u32, f32))| {
            next(at) > training.next_boundary(epoch - 1)
        };
        self.history.iter().enumerate().filter(is_told).map(|(_, &(epoch, loss))| {
            let mut seen = self.validation_history.iter();
            let validation = seen.find(|seen| seen.epoch == epoch).copied();
            Progress { seed: self.seed, epoch, loss, validation }
        })
    }

    /// What tells which of several runs is better: the loss on rows kept for validation, else that
    /// on the training rows.
    fn ranking_loss(&self) -> f64 {
        self.validation.as_ref().unwrap_or(&self.evaluation).loss
    }
}

/// What came of a training.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// The run that was kept: the first that solved its data, else the one with the lowest loss,
    /// on the rows kept for validation where there are any.
    pub kept: Run,
    /// The seed of the first start.
    pub first_seed: u64,
    /// Starts that were trained.
    pub restarts: u32,
    /// How many of them solved their data.
    pub solved: u32,
    /// How many of them diverged.
    pub diverged: u32,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
    /// Seconds spent making engines.
    pub setup_seconds: f64,
    /// Seconds spent training.
    pub train_seconds: f64,
}

/// Where a training is, told at every report boundary.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Progress {
    /// The seed of the start: of several at once, that of the one with the lowest loss so far.
    pub seed: u64,
    /// Epochs done.
    pub epoch: u32,
    /// The last epoch's loss of that start.
    pub loss: f32,
    /// What was seen of the rows kept for validation, where they were looked at.
    pub validation: Option<ValidationPoint>,
}

/// A training as it stands between two steps: what a checkpoint holds.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Snapshot<'a> {
    /// The engine's state.
    pub state: &'a State,
    /// The trainer's.
    pub trainer_state: &'a TrainerState,
}

/// How one of the starts ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum StartEnd<'a> {
    /// It came to its end.
    Done(&'a Run),
    /// It left the finite numbers.
    Diverged {
        /// Its seed.
        seed: u64,
        /// The step at which that was seen.
        step: u32,
    },
}

impl<'a> StartEnd<'a> {
    /// That of a seed; nothing where it came to no end of its own.
    pub(super) fn of(seed: u64, run: &'a Result<Run, Error>) -> Option<StartEnd<'a>> {
        match run {
            Ok(run) => Some(StartEnd::Done(run)),
            Err(Error::Diverged { step, .. }) => Some(StartEnd::Diverged { seed, step: *step }),
            Err(_) => None,
        }
    }
}

/// What a training has to tell on its way.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A report boundary.
    Progress(Progress),
    /// The outputs that were to be seen, of the network that was told of last at this report boundary.
    Shown(Progress, &'a Forward),
    /// So many steps are made: now and then while it is far to the next report boundary.
    Steps(u32),
    /// A start came to its end.
    StartEnded(StartEnd<'a>),
    /// A checkpoint is due: where the training stands, and where its loss was lowest, if that has changed.
    Checkpoint(Snapshot<'a>, Option<Snapshot<'a>>),
    /// It diverged, and goes on from an earlier epoch at half the rate.
    Halved(Halving),
    /// The device was lost and is open again: it goes on from this epoch.
    Reopened(u32),
    /// It diverged for good: what the doctor found.
    Findings(&'a [Finding]),
}

/// The count of starts, and the best of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub kept: Option<Run>,
    pub restarts: u32,
    pub solved: u32,
    pub diverged: u32,
    /// The step at which the last of those did.
    pub last_diverged: u32,
    pub setup_seconds: f64,
    pub train_seconds: f64,
}

impl Tally {
    /// Counts a start, in the order of seeds: the first that is solved is kept, else the lowest
    /// loss. One that diverged never is, and is an error only where it is the last of `most` and
    /// nothing else is left.
    pub(super) fn add(&mut self, run: Result<Run, Error>, most: u32) -> Result<(), Error> {
        self.restarts += 1;
        match run {
            Ok(run) => {
                let is_solved = run.evaluation.solved == Some(true);
                let better = match &self.kept {
                    None => true,
                    Some(kept) if self.solved == 0 => {
                        is_solved || run.ranking_loss() < kept.ranking_loss()
                    }
                    Some(_) => false,
                };
                self.solved += u32::from(is_solved);
                if better {
                    self.kept = Some(run);
                }
                Ok(())
            }
            Err(Error::Diverged { step, .. }) if self.restarts < most || self.kept.is_some() => {
                self.diverged += 1;
                self.last_diverged = step;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether a number that came from a GPU is one: by its bits, as WGSL may take no notice of NaN.
pub(super) fn is_finite(value: f32) -> bool {
    value.to_bits() & 0x7f80_0000 != 0x7f80_0000
}

/// The mean over an epoch's rows from the means over its batches.
pub fn epoch_loss(batches: &Batches, losses: &[f32]) -> f32 {
    let sum: f64 =
        (0..).zip(losses).map(|(step, &loss)| f64::from(loss) * batches.len_of(step) as f64).sum();
    (sum / batches.rows() as f64) as f32
}
