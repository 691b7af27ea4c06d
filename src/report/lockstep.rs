//! The report of a training in lockstep with the reference: the drift as a curve, and the first number out of its
//! bound.

use std::fmt::Write as _;

use super::train::applied;
use super::{Detail, OutputError, engine_line, json, print, table};
use crate::check::{Lockstep, LockstepPoint};
use crate::engine::{EngineSpec, Task};
use crate::network::joined;
use crate::picture::Curves;

/// A training in lockstep.
#[derive(Debug)]
pub struct LockstepReport<'a> {
    /// What was trained.
    pub task: &'a Task,
    /// Where.
    pub at: &'a EngineSpec,
    /// Steps that were asked for.
    pub steps: u32,
    /// What came of it.
    pub found: &'a Lockstep,
    /// How long it took.
    pub seconds: f64,
}

impl LockstepReport<'_> {
    /// Prints the whole report.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn print(&self, detail: Detail) -> Result<(), OutputError> {
        print(&match detail {
            Detail::Json => json::lockstep(self),
            Detail::Quiet => format!("{}\n", self.verdict()),
            Detail::Normal | Detail::Verbose => format!("{}{}\n", self.drift(), self.verdict()),
        })
    }

    /// Whether every step that was asked for was made and held, or the training left f32 as the reference did.
    pub fn is_pass(&self) -> bool {
        let found = self.found;
        let is_whole = found.points.len() == self.steps as usize || found.diverged.is_some();
        found.apart.is_none() && is_whole
    }

    fn drift(&self) -> String {
        let Task { network, data, batches, optimizer, .. } = self.task;
        let mut text = engine_line(self.at, None, None);
        let activations: Vec<String> = network.layers().map(|layer| applied(&layer)).collect();
        let _ = writeln!(
            text,
            "network {}, {}, {}, {}; data {}, batches of {}; compared with the f64 reference after every kernel\n",
            joined(network.sizes(), "-"),
            activations.join(","),
            network.loss(),
            optimizer.kind,
            data.name(),
            batches.batch(),
        );
        let points = &self.found.points;
        let of = |point: &LockstepPoint| (f64::from(point.step), point.drift);
        let positive: Vec<_> = points.iter().map(of).filter(|point| point.1 > 0.0).collect();
        if let (Some(first), Some(last)) = (positive.first(), positive.last()) {
            text += "largest difference of a parameter from the reference that went along from the start\n";
            let left = format!("step {}", first.0);
            let ends = [left, last.0.to_string()];
            text += &Curves { name: "drift", logarithmic: true, ends }.one(&positive);
        }
        if let Some(last) = points.last() {
            let LockstepPoint { step, drift, bound, .. } = last;
            let allowed = match bound.is_finite() {
                true => format!("; the bound carried from the start is {bound:.2e}"),
                false => String::new(),
            };
            let _ = writeln!(text, "after step {step}: {drift:.2e} apart{allowed}");
        }
        if let Some(step) = self.found.vague_from {
            let _ = writeln!(
                text,
                "from step {step} on the bound carried from the start is larger than the largest parameter: there each \
                 step is held to its own bound alone"
            );
        }
        text
    }

    /// What came of it, in one line.
    pub fn verdict(&self) -> String {
        let found = self.found;
        if let Some(apart) = &found.apart {
            let at = self.at.gpu().map(|gpu| format!("; on {}", gpu.adapter().describe()));
            let version = env!("CARGO_PKG_VERSION");
            return format!("FAILED {apart}{}; wgrad {version}", at.unwrap_or_default());
        }
        let all = format!(
            "{}, {} of kernels, {} numbers in {}",
            table::counted(found.points.len() as u64, "step"),
            table::counted(found.outputs as u64, "output"),
            found.compared,
            table::seconds(self.seconds, 1)
        );
        let share = found.points.iter().map(|point| point.share).fold(0.0, f64::max);
        let largest = format!("the largest error of one step is {share:.2} of its bound");
        match found.diverged {
            Some(step) => format!(
                "passed: {all}; {largest}; in step {step} the training left the numbers of f32, as it does on the \
                 reference: use a lower --lr to see more"
            ),
            None if self.is_pass() => format!("passed: {all}; {largest}"),
            None => format!("interrupted after {all}, all within their bounds"),
        }
    }
}

/// The drift after each step, as comma-separated values.
pub fn lockstep_csv(found: &Lockstep) -> String {
    let lines = found.points.iter().map(|point| {
        let LockstepPoint { step, loss, reference_loss, drift, bound, share, .. } = point;
        let numbers = [loss, reference_loss, drift, bound, share].map(f64::to_string);
        [step.to_string()].into_iter().chain(numbers).collect()
    });
    let head = ["step", "loss", "reference_loss", "drift", "bound", "share_of_step_bound"];
    table::csv(&head, lines)
}
