//! What a running training tells and asks, and what one is resumed from.

use web_time::Instant;

use super::{Ended, Event, Run, Snapshot, TrainerState};
use crate::Error;
use crate::engine::State;

/// What a training goes on from, given to [`Training::run_from`](super::Training::run_from): what a [`Snapshot`] showed of
/// it, as `Resume::from(snapshot)`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Resume {
    /// The engine's state.
    pub state: State,
    /// The trainer's.
    pub trainer_state: TrainerState,
    /// Where the loss on the rows for validation was lowest, where that was before and is known.
    pub best: Option<State>,
}

impl Resume {
    /// From where a training stood; where its loss was lowest is not known.
    pub fn new(state: State, trainer_state: TrainerState) -> Resume {
        Resume { state, trainer_state, best: None }
    }

    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { state: &self.state, trainer_state: &self.trainer_state }
    }
}

impl From<Snapshot<'_>> for Resume {
    fn from(now: Snapshot<'_>) -> Resume {
        Resume::new(now.state.clone(), now.trainer_state.clone())
    }
}

/// Inputs whose outputs are to be seen while a training runs.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Shown<'a> {
    /// Rows of inputs, `[rows][inputs]`.
    pub inputs: &'a [f32],
    /// Asked at each report boundary: whether to look now.
    pub is_due: &'a dyn Fn() -> bool,
}

impl<'a> Shown<'a> {
    /// Rows of inputs, `[rows][inputs]`, and whether to look now.
    pub fn new(inputs: &'a [f32], is_due: &'a dyn Fn() -> bool) -> Shown<'a> {
        Shown { inputs, is_due }
    }
}

/// What a running training has to tell and to ask.
pub(super) struct Control<'a> {
    /// Hears of what happens; its error ends the training.
    pub watch: &'a mut dyn FnMut(Event<'_>) -> Result<(), Error>,
    /// Whether anybody keeps checkpoints.
    pub snapshots: bool,
    /// What is looked at on the way, if anything.
    pub shown: Option<Shown<'a>>,
    /// Whether somebody asks for an end.
    pub asked: &'a dyn Fn() -> bool,
    /// When the time began, and how many seconds there are.
    pub started: Instant,
    pub max_seconds: Option<f64>,
}

impl Control<'_> {
    /// Tells of a checkpoint of the start that was kept.
    pub fn tell_end(&mut self, kept: &Run) -> Result<(), Error> {
        let (parameters, moments) = (kept.parameters.clone(), kept.moments.clone());
        let state = State { step: kept.step, parameters, moments };
        let now = Snapshot { state: &state, trainer_state: &kept.trainer_state };
        let best = kept.best.as_ref().map(Resume::snapshot);
        // Where nobody looked on the way, its end is the best that is known of it.
        (self.watch)(Event::Checkpoint(now, best.or(Some(now))))
    }

    /// Why to end at the next step, if at all.
    pub fn stops(&self) -> Option<Ended> {
        if (self.asked)() {
            Some(Ended::Asked)
        } else {
            let is_late = |most| self.started.elapsed().as_secs_f64() >= most;
            self.max_seconds.is_some_and(is_late).then_some(Ended::MaxSeconds)
        }
    }
}
