//! What a step computed, by what it is of: from the buffers of a device, dispatch by dispatch, or from the reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::matrix::Source;
use crate::Error;
use crate::check::{batch, reference_of, reference_step};
use crate::engine::{
    CpuEngine, Kernels, LayeredEngine, NetworkStatus, Quantity, State, Task, Written,
};
use crate::gpu::Gpu;
use crate::network::{Layout, Tensor, TensorKind};

/// What a list of numbers is of; layers count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Inputs,
    Targets,
    Z(usize),
    A(usize),
    DZ(usize),
    DA(usize),
    /// Means and variances that a norm takes, what it gives and its gradient.
    Statistics(usize),
    N(usize),
    DN(usize),
    /// What dropout leaves of activations, and its gradient.
    D(usize),
    DD(usize),
    RowLosses,
    Loss,
    Squares,
    ClipScale,
    /// In the network's layout, as the rest.
    GradientOfWeights,
    GradientOfBiases,
    GradientOfNorms,
    Parameters,
    Moment(usize),
}

/// Numbers and the kernels that wrote them.
#[derive(Debug, Clone, Default)]
struct Entry {
    kernels: Vec<&'static str>,
    values: Vec<f64>,
}

/// A step as it was made.
#[derive(Debug)]
pub(super) struct Record {
    /// Where it stood before.
    pub before: State,
    is_on_device: bool,
    entries: BTreeMap<Item, Entry>,
}

impl Record {
    /// The numbers of an item, if there are any.
    pub(super) fn values(&self, item: Item) -> Option<&[f64]> {
        self.entries.get(&item).map(|entry| entry.values.as_slice())
    }

    /// Where they come from.
    pub(super) fn source(&self, item: Item) -> Source {
        match self.entries.get(&item) {
            _ if !self.is_on_device => Source::Reference,
            Some(entry) if entry.kernels.is_empty() => Source::Buffer,
            Some(entry) => Source::Kernels(entry.kernels.clone()),
            None => Source::NoKernel,
        }
    }

    /// Whether a device made it.
    pub(super) fn is_on_device(&self) -> bool {
        self.is_on_device
    }

    /// A tensor's numbers out of an item that lies in the network's layout.
    pub(super) fn tensor(&self, item: Item, tensor: &Tensor) -> Vec<f64> {
        let all = self.values(item).unwrap_or_default();
        tensor.indices().map(|index| all.get(index).copied().unwrap_or(f64::NAN)).collect()
    }

    /// Makes `step - 1` steps of a task as its engine does, and then one whose dispatches run alone.
    pub(super) async fn on_device(
        task: &Task,
        gpu: &Arc<Gpu>,
        step: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<Record, Error> {
        let mut engine = LayeredEngine::new(task.clone(), Arc::clone(gpu), Kernels::Plain).await?;
        let steps = step - 1;
        engine.run(steps, stop).await?;
        if engine.steps_done() < task.start.step + steps {
            return Err(interrupted(engine.steps_done()));
        }
        check_finite(engine.status(), steps)?;
        let before = engine.state().await?;
        let layout_len = Layout::new(&task.network).len();
        let mut record = Record { before, is_on_device: true, entries: BTreeMap::new() };
        if let Some([inputs, targets]) = engine.standing_batch().await? {
            record.put(Item::Inputs, inputs);
            record.put(Item::Targets, targets);
        }
        let mut note = |written: &Written| {
            record.note(written, layout_len);
            true
        };
        engine.step_alone(&mut note).await?;
        Ok(record)
    }

    /// Numbers that no kernel has written.
    fn put(&mut self, item: Item, values: Vec<f64>) {
        self.entries.insert(item, Entry { kernels: Vec::new(), values });
    }

    /// Takes what a kernel wrote.
    fn note(&mut self, written: &Written, layout_len: usize) {
        let (item, start) = match written.what {
            // Which rows the batch has is known.
            Quantity::BatchRows => return,
            Quantity::NormStatistics(layer) => (Item::Statistics(layer), None),
            Quantity::Normalized(layer) => (Item::N(layer), None),
            Quantity::NormalizedGradients(layer) => (Item::DN(layer), None),
            Quantity::Dropped(layer) => (Item::D(layer), None),
            Quantity::DroppedGradients(layer) => (Item::DD(layer), None),
            Quantity::Inputs => (Item::Inputs, None),
            Quantity::Targets => (Item::Targets, None),
            Quantity::PreActivations(layer) => (Item::Z(layer), None),
            Quantity::Activations(layer) => (Item::A(layer), None),
            Quantity::PreActivationGradients(layer) => (Item::DZ(layer), None),
            Quantity::ActivationGradients(layer) => (Item::DA(layer), None),
            Quantity::RowLosses => (Item::RowLosses, None),
            Quantity::Loss => (Item::Loss, None),
            Quantity::Squares => (Item::Squares, None),
            Quantity::ClipScale => (Item::ClipScale, None),
            Quantity::Gradients(start) => match written.kernel {
                "bias_grad" => (Item::GradientOfBiases, Some(start)),
                "norm_grad" => (Item::GradientOfNorms, Some(start)),
                _ => (Item::GradientOfWeights, Some(start)),
            },
            Quantity::Parameters(start) => (Item::Parameters, Some(start)),
            Quantity::Moment(at, start) => (Item::Moment(at), Some(start)),
        };
        let entry = self.entries.entry(item).or_default();
        if !entry.kernels.contains(&written.kernel) {
            entry.kernels.push(written.kernel);
        }
        match start {
            None => entry.values.clone_from(&written.values),
            // A part of what lies in the network's layout.
            Some(start) => {
                entry.values.resize(layout_len, 0.0);
                entry.values[start..start + written.values.len()].copy_from_slice(&written.values);
            }
        }
    }

    /// Makes `step - 1` steps on the cpu engine, and then one of the reference in f32.
    pub(super) fn on_reference(
        task: &Task,
        step: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<Record, Error> {
        let mut engine = CpuEngine::new(task.clone())?;
        let steps = step - 1;
        engine.run(steps, stop);
        if engine.steps_done() < task.start.step + steps {
            return Err(interrupted(engine.steps_done()));
        }
        check_finite(engine.status(), steps)?;
        let before = engine.state().clone();
        let from_here = Task { start: before.clone(), ..task.clone() };
        let mut reference = reference_of(&from_here, <[f32]>::to_vec);
        let [inputs, targets] = batch::<f64>(task, before.step);
        reference_step(task, &mut reference);
        let mut record = Record { before, is_on_device: false, entries: BTreeMap::new() };
        record.put(Item::Inputs, inputs);
        record.put(Item::Targets, targets);
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
        let (trace, between) = (&reference.trace, &reference.between);
        for layer in 0..task.network.activations().len() {
            record.put(Item::Z(layer), wide(&trace.pre_activations[layer]));
            record.put(Item::A(layer), wide(&trace.activations[layer]));
            record.put(Item::DZ(layer), wide(&trace.d_pre_activations[layer]));
            for (item, all) in [
                (Item::Statistics(layer), &between.statistics),
                (Item::N(layer), &between.normalized),
                (Item::DN(layer), &between.d_normalized),
                (Item::D(layer), &between.dropped),
                (Item::DD(layer), &between.d_dropped),
            ] {
                record.put(item, wide(&all[layer]));
            }
            if !between.d_activations[layer].is_empty() {
                record.put(Item::DA(layer), wide(&between.d_activations[layer]));
            }
        }
        record.put(Item::RowLosses, wide(&between.row_loss));
        record.put(Item::Loss, vec![between.loss.into()]);
        if task.optimizer.clip_norm.is_some() {
            record.put(Item::Squares, vec![between.squares.into()]);
            record.put(Item::ClipScale, vec![between.clip_scale.into()]);
        }
        record.put(Item::GradientOfWeights, wide(&reference.gradients));
        record.put(Item::GradientOfBiases, wide(&reference.gradients));
        record.put(Item::GradientOfNorms, wide(&reference.gradients));
        record.put(Item::Parameters, wide(&reference.parameters));
        for (at, is_kept) in task.optimizer.has_moments().into_iter().enumerate() {
            if is_kept {
                record.put(Item::Moment(at), wide(&reference.moments[at]));
            }
        }
        Ok(record)
    }
}

/// The gradients of weights, biases and norms lie in one buffer, which a kernel for each writes.
pub(super) fn gradient_of(kind: TensorKind) -> Item {
    match kind {
        TensorKind::Weights => Item::GradientOfWeights,
        TensorKind::Bias => Item::GradientOfBiases,
        _ => Item::GradientOfNorms,
    }
}

fn interrupted(steps: u32) -> Error {
    Error::setting("`step`", format!("interrupted after {steps} steps; use an earlier one"))
}

fn check_finite(status: NetworkStatus, steps: u32) -> Result<(), Error> {
    match status {
        NetworkStatus::Diverged => Err(Error::diverged("a parameter", steps)),
        _ => Ok(()),
    }
}
