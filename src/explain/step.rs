//! Makes the step that is explained.

use std::sync::Arc;

use super::explanation::Explanation;
use super::gradients::Slopes;
use super::record::{Item, Record};
use super::stages::Builder;
use super::update::rate;
use super::walk::walk;
use crate::Error;
use crate::check::{batch, carried, carried_step, wide};
use crate::engine::Task;
use crate::gpu::Gpu;

/// What of a training is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Which step, from 1, the default: those before it are made first.
    pub step: u32,
    /// The row of its batch that is followed by itself, from 1; `None`, the default, for none.
    pub sample: Option<usize>,
}

impl Default for Options {
    fn default() -> Options {
        Options { step: 1, sample: None }
    }
}

/// Makes a step of a task, and says everything about it. Without a GPU the f32 reference makes it. A stop that is asked
/// for while earlier steps are made is an error.
///
/// # Errors
/// As [`Task::check`]; [`Error::Setting`] for a step 0 and for a row that the batch has not; [`Error::Diverged`] where
/// parameters are not finite before the step; and where the device fails.
pub async fn explain(
    task: &Task,
    gpu: Option<&Arc<Gpu>>,
    options: Options,
    stop: &dyn Fn() -> bool,
) -> Result<Explanation, Error> {
    let Options { step, sample } = options;
    if step == 0 {
        return Err(Error::setting("`step` 0", "must be at least 1, the first step"));
    }
    let at = task.start.step + step - 1;
    let rows: Vec<usize> = task.batches.rows_of(at).collect();
    if let Some(sample) = sample.filter(|sample| !(1..=rows.len()).contains(sample)) {
        let reason = format!("must be 1 to {}, a row of the step's batch", rows.len());
        return Err(Error::setting(format!("`sample` {sample}"), reason));
    }
    let record = match gpu {
        Some(gpu) => Record::on_device(task, gpu, step, stop).await?,
        None => Record::on_reference(task, step, stop)?,
    };
    // From where the device stood, so that bounds are those of this step alone.
    let from_here = Task { start: record.before.clone(), ..task.clone() };
    let mut reference = carried(&from_here);
    carried_step(&from_here, &mut reference);
    let [inputs, targets] = batch::<f64>(task, at);
    let network = &task.network;
    let parameters = wide(&record.before.parameters);
    let slopes = Slopes::new(network, &parameters, &inputs, &targets, (task.batches.seed(), at));
    let builder =
        Builder { task, record: &record, reference: &reference, slopes, rows: rows.len() };
    let stages = builder.stages();
    let loss = record.values(Item::Loss).map_or(f64::NAN, |loss| loss[0]);
    Ok(Explanation {
        network: network.clone(),
        data: task.data.name().to_owned(),
        data_rows: task.data.rows(),
        adapter: gpu.map(|gpu| gpu.adapter().describe()),
        step,
        optimizer: task.optimizer,
        rate: rate(task, at),
        loss,
        stages,
        updates: Builder::updates(task, &record),
        walk: sample.map(|sample| walk(task, &record, rows.len(), sample - 1)),
        rows,
    })
}
