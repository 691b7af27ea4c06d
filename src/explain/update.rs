//! What becomes of each parameter, and which part of its change is due to what.

use super::record::{Item, Record, gradient_of};
use crate::engine::Task;
use crate::network::{Layout, Tensor};
use crate::optimizer::{Coefficients, Decay, Optimizer};
use crate::reference::twins::clipped;

/// One parameter in this step. Before, gradient, moments and after are as they are in the step's buffers; the parts
/// of the change are computed from them in f64 by the formula of the optimizer, and add up to it but for rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// Before the step.
    pub before: f64,
    /// dLoss/dp, before any clipping.
    pub gradient: f64,
    /// The same after clipping.
    pub clipped: f64,
    /// What this step's gradient alone changes.
    pub from_gradient: f64,
    /// What weight decay changes.
    pub from_decay: f64,
    /// What the gradients of earlier steps change, through the first moment.
    pub from_moment: f64,
    /// What changed: after less before.
    pub change: f64,
    /// After the step.
    pub after: f64,
    /// The moments after the step, as far as the optimizer has them.
    pub moments: [Option<f64>; 2],
}

/// The update of one tensor.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Update {
    /// As formulas call the tensor.
    pub name: String,
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub cols: usize,
    /// Row by row, `[rows][cols]`.
    pub changes: Vec<Change>,
}

impl Update {
    /// The largest distance between a change and the sum of its parts.
    pub fn unexplained(&self) -> f64 {
        let rest = |c: &Change| (c.change - c.from_gradient - c.from_decay - c.from_moment).abs();
        self.changes.iter().map(rest).fold(0.0, f64::max)
    }
}

/// The numbers of a parameter that its update is computed from.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    parameter: f64,
    /// After clipping.
    gradient: f64,
    first: f64,
    second: f64,
}

/// What of a change is due to the gradient, to decay, and to the first moment. An update is a sum of terms that are
/// each proportional to one of them, once the second moment is known.
fn parts(optimizer: &Optimizer, c: &Coefficients<f64>, before: Before) -> [f64; 3] {
    let Before { parameter, gradient, first, second } = before;
    let rule = optimizer.kind.row().rule;
    let decays = optimizer.weight_decay != 0.0;
    let is_coupled = decays && optimizer.decay == Decay::L2;
    let decay = if is_coupled { c.weight_decay * parameter } else { 0.0 };
    let whole = gradient + decay;
    let second = c.decay2 * second + c.gain2 * whole * whole;
    // A part of the gradient adds its share to the first moment too.
    let of = |part: f64| -rule.step(c, part, c.gain1 * part, second);
    let from_decay = match decays && !is_coupled {
        true => -c.rate * c.weight_decay * parameter,
        false => of(decay),
    };
    [of(gradient), from_decay, -rule.step(c, 0.0, c.decay1 * first, second)]
}

/// The updates of every tensor that is learned.
pub(super) fn updates(
    task: &Task,
    record: &Record,
    name: impl Fn(&Tensor) -> String,
) -> Vec<Update> {
    let layout = Layout::new(&task.network);
    let rate = rate(task, record.before.step);
    let c = task.optimizer.coefficients(rate, record.before.step);
    let scale = record.values(Item::ClipScale).map_or(1.0, |scale| scale[0]);
    let of_tensor = |tensor: &Tensor| {
        let gradients = record.tensor(gradient_of(tensor.kind), tensor);
        let after = record.tensor(Item::Parameters, tensor);
        let moments = [0, 1].map(|at| {
            record.values(Item::Moment(at)).map(|_| record.tensor(Item::Moment(at), tensor))
        });
        let changes = tensor.indices().enumerate().map(|(at, index)| {
            let of = |list: &Vec<f32>| list.get(index).copied().map_or(0.0, f64::from);
            let before = of(&record.before.parameters);
            // The lists that there are stand in the order of the moments that the optimizer has.
            let [has_first, has_second] = task.optimizer.has_moments();
            let mut lists = record.before.moments.iter();
            let first = has_first.then(|| lists.next()).flatten().map_or(0.0, of);
            let second = has_second.then(|| lists.next()).flatten().map_or(0.0, of);
            let within = |most| clipped(gradients[at], most);
            let clipped = scale * task.optimizer.clip_value.map_or(gradients[at], within);
            let numbers = Before { parameter: before, gradient: clipped, first, second };
            let [from_gradient, from_decay, from_moment] = parts(&task.optimizer, &c, numbers);
            Change {
                before,
                gradient: gradients[at],
                clipped,
                from_gradient,
                from_decay,
                from_moment,
                change: after[at] - before,
                after: after[at],
                moments: [0, 1].map(|of| moments[of].as_ref().map(|list| list[at])),
            }
        });
        Update {
            name: name(tensor),
            rows: tensor.rows,
            cols: tensor.cols,
            changes: changes.collect(),
        }
    };
    layout.learned().map(of_tensor).collect()
}

/// The learning rate of a step.
pub(super) fn rate(task: &Task, step: u32) -> f64 {
    f64::from(task.learning_rate * task.schedule.factor(step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::OptimizerKind;
    use crate::reference::twins::{Update as Numbers, update};

    /// The parts of a change add up to what the twin of the kernel changes, for every optimizer and both decays.
    #[test]
    fn parts_of_a_change_add_up_to_it() {
        for &kind in OptimizerKind::ALL {
            for decay in [Decay::L2, Decay::Decoupled] {
                let optimizer = Optimizer { weight_decay: 0.1, decay, ..Optimizer::new(kind) };
                if optimizer.check().is_err() {
                    continue;
                }
                let before = Before { parameter: 0.7, gradient: -0.3, first: 0.2, second: 0.05 };
                let c = optimizer.coefficients(0.5, 3);
                let numbers = Numbers::<f64>::new(&optimizer, 0.5, 3);
                let [mut p, mut m, mut v] = [before.parameter, before.first, before.second];
                update(&numbers, before.gradient, &mut p, &mut m, &mut v);
                let [has_first, _] = optimizer.has_moments();
                let [gradient, decay, moment] = parts(&optimizer, &c, before);
                let sum = gradient + decay + moment;
                approx::assert_relative_eq!(sum, p - before.parameter, max_relative = 1e-12);
                assert!(decay < 0.0, "{kind}: decay takes from a positive parameter");
                assert_eq!(moment != 0.0, has_first, "{kind}");
            }
        }
    }
}
