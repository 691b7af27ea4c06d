//! When the doctor looks at a training: at some of its report boundaries, so that looking costs next to
//! nothing, and wherever something breaks.

use super::doctor::{Divergence, End, checkup, diagnose, duplicates};
use super::{Checkup, Finding, TrainerState, Training};
use crate::Error;
use crate::engine::{CpuEngine, Engine, State};
use crate::network::Layout;

/// Steps between two looks at least: one costs as much as a few steps of the smallest networks.
const LEAST_STEPS: u32 = 512;
/// Looks at one training at most, about.
const MOST_LOOKS: u32 = 32;
/// Multiply-adds of a step up to which one is made on the CPU to look at it, where the engine itself keeps
/// nothing of its own.
const MOST_WORK: usize = 1 << 26;

/// What the doctor sees of one start on its way.
#[derive(Debug)]
pub(super) struct Checkups {
    /// Of each layer, the duplicate units at the start of the run.
    duplicates: Vec<usize>,
    seen: Vec<Checkup>,
    /// The step from which on it looks again.
    next: u32,
}

impl Checkups {
    /// None yet, of a run that begins with these parameters.
    pub(super) fn new(training: &Training, parameters: &[f32]) -> Checkups {
        let duplicates = duplicates(&training.network, parameters);
        Checkups { duplicates, seen: Vec::new(), next: 0 }
    }

    /// A look at what the last step of an engine showed, or at what a step from its state would show, if it
    /// is time for one.
    pub(super) async fn look(
        &mut self,
        training: &Training,
        engine: &Engine,
        trainer_state: &TrainerState,
        is_last: bool,
    ) -> Result<(), Error> {
        let step = engine.steps_done();
        if step < self.next && !is_last {
            return Ok(());
        }
        match engine.statistics().await? {
            Some(statistics) => {
                let rows = training.batches(trainer_state.seed).len_of(step.saturating_sub(1));
                let at = (trainer_state.epoch, step, trainer_state.latest.unwrap_or(f32::NAN));
                self.seen.push(checkup(&training.network, &self.duplicates, &statistics, rows, at));
            }
            None => self.look_from(training, engine.states().await?.swap_remove(0), trainer_state),
        }
        let all = training.epochs * training.batches(0).steps_per_epoch() as u32;
        self.next = step.saturating_add((all / MOST_LOOKS).max(LEAST_STEPS));
        Ok(())
    }

    /// A look at a step from a state, made on the CPU; none where that would take long.
    pub(super) fn look_from(
        &mut self,
        training: &Training,
        state: State,
        trainer_state: &TrainerState,
    ) {
        let (step, batches) = (state.step, training.batches(trainer_state.seed));
        let rows = batches.len_of(step);
        if rows.saturating_mul(training.network.parameter_count()) > MOST_WORK {
            return;
        }
        let task = training.task_from(state, trainer_state.seed, trainer_state.rate);
        let Ok(mut engine) = CpuEngine::new(task) else { return };
        if let (Some(loss), Some(statistics)) =
            (engine.run(1, &|| false).pop(), engine.statistics())
        {
            let at = (trainer_state.epoch, step, loss * training.data.loss_unit() as f32);
            self.seen.push(checkup(&training.network, &self.duplicates, &statistics, rows, at));
        }
    }

    /// Forgets what was seen after a step: it is made again.
    pub(super) fn forget_after(&mut self, step: u32) {
        self.seen.retain(|seen| seen.step <= step);
        self.next = self.next.min(step);
    }

    /// What is wrong with a run that left the finite numbers.
    pub(super) fn autopsy(
        &self,
        training: &Training,
        parameters: &[f32],
        trainer_state: &TrainerState,
        step: u32,
    ) -> Vec<Finding> {
        let layout = Layout::new(&training.network);
        let mut bad = (0..).zip(parameters).filter(|(_, value)| !value.is_finite());
        let layer = bad.find_map(|(at, _)| layout.locate(at)).map(|(tensor, _, _)| tensor.layer);
        let end = End::diverged(trainer_state.epoch, Divergence { step, layer });
        diagnose(training, &trainer_state.history, &self.seen, &end)
    }

    /// All that was seen so far.
    pub(super) fn seen(&self) -> &[Checkup] {
        &self.seen
    }

    /// All that was seen.
    pub(super) fn into_seen(self) -> Vec<Checkup> {
        self.seen
    }
}
