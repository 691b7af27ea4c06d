//! When the doctor looks at a training: at some of its report boundaries, so that looking costs next to
//! nothing, and wherever something breaks.

use super::doctor::{Divergence, End, checkup, diagnose};
use super::{Checkup, Course, Finding, Training};
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

impl Training {
    /// Steps between two looks.
    pub(super) fn look_every(&self) -> u32 {
        let all = self.epochs * self.batches(0).steps_per_epoch() as u32;
        (all / MOST_LOOKS).max(LEAST_STEPS)
    }

    /// A look at what the last step of an engine showed, or at what a step from its state would show.
    pub(super) async fn look_at(
        &self,
        engine: &Engine,
        course: &Course,
        parameters: &[f32],
    ) -> Result<Option<Checkup>, Error> {
        match engine.statistics().await? {
            Some(statistics) => {
                let step = engine.steps_done();
                let rows = self.batches(course.seed).len_of(step.saturating_sub(1));
                let layout = Layout::new(&self.network);
                let at = (course.epoch, step, course.latest.unwrap_or(f32::NAN));
                let seen = checkup(&self.network, &layout, parameters, &statistics, rows, at);
                Ok(Some(seen))
            }
            None => Ok(self.look_from(engine.state().await?, course)),
        }
    }

    /// A look at a step from a state, made on the CPU; none where that would take long.
    pub(super) fn look_from(&self, state: State, course: &Course) -> Option<Checkup> {
        let batches = self.batches(course.seed);
        let (step, rows) = (state.step, batches.len_of(state.step));
        if rows.saturating_mul(self.network.parameter_count()) > MOST_WORK {
            return None;
        }
        let mut engine = CpuEngine::new(self.task_from(state, course)).ok()?;
        let loss = engine.run(1, &|| false).pop()?;
        let statistics = engine.statistics()?;
        let layout = Layout::new(&self.network);
        let at = (course.epoch, step, loss);
        Some(checkup(&self.network, &layout, engine.parameters(), &statistics, rows, at))
    }

    /// What is wrong with a run that left the finite numbers.
    pub(super) fn autopsy(
        &self,
        parameters: &[f32],
        course: &Course,
        checkups: &[Checkup],
        step: u32,
    ) -> Vec<Finding> {
        let layout = Layout::new(&self.network);
        let bad = parameters.iter().position(|value| !value.is_finite());
        let layer = bad.and_then(|at| layout.locate(at)).map(|(tensor, _, _)| tensor.layer);
        let end = End::diverged(course.epoch, Divergence { step, layer });
        diagnose(self, &course.history, checkups, &end)
    }
}
