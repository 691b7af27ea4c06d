//! A step whose dispatches are run one at a time, each with what it wrote read back: for comparing every one of
//! them with what should come out.

use super::{Kernels, LayeredEngine, RING_LEN};
use crate::engine::unpad_rows;
use crate::gpu::{Dispatch, GpuError, Output};
use crate::network::row_stride;
use crate::optimizer::LARGE_SCALE;

/// What numbers are of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// Rows of the data set that the batch takes.
    BatchRows,
    /// Their inputs.
    Inputs,
    /// Their targets, with the weights of rows behind them.
    Targets,
    /// A layer's pre-activations, `[rows][units]`.
    PreActivations(usize),
    /// Means and variances of these, from which its norm goes, `[2][units]`.
    NormStatistics(usize),
    /// What the norm of a layer made of them, `[rows][units]`.
    Normalized(usize),
    /// A layer's activations, alike.
    Activations(usize),
    /// What dropout left of these, alike.
    Dropped(usize),
    /// The loss's gradient with respect to what is left, alike.
    DroppedGradients(usize),
    /// dLoss/da of a layer, alike.
    ActivationGradients(usize),
    /// The loss's gradient with respect to what the norm of a layer gave, alike.
    NormalizedGradients(usize),
    /// dLoss/dz of a layer, alike.
    PreActivationGradients(usize),
    /// The loss of each row.
    RowLosses,
    /// The loss of the step.
    Loss,
    /// The sum of the squares of all gradients.
    Squares,
    /// What gradients are multiplied by, so that their norm is small enough.
    ClipScale,
    /// Gradients in the network's layout, from this place on.
    Gradients(usize),
    /// Parameters, alike.
    Parameters(usize),
    /// The first or the second moment that the optimizer has, alike.
    Moment(usize, usize),
}

/// What one dispatch wrote.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Written {
    /// The kernel.
    pub kernel: &'static str,
    /// What it wrote.
    pub what: Quantity,
    /// The numbers, without padding but for what lies in the network's layout.
    pub values: Vec<f64>,
}

impl LayeredEngine {
    /// Makes one step, dispatch by dispatch. After each of them `note` is given what it wrote; where it says
    /// false, the step ends there, and the engine cannot go on.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn step_alone(
        &mut self,
        note: &mut dyn FnMut(&Written) -> bool,
    ) -> Result<(), GpuError> {
        self.write_rates(self.step + 1);
        let batches = &self.task.batches;
        let is_short = batches.len_of(self.step) < batches.batch();
        let list = if is_short { &self.short } else { &self.full };
        for (at, dispatch) in list.iter().enumerate() {
            // What several dispatches write together is there after the last of them.
            let is_last = list.get(at + 1).is_none_or(|next| next.name() != dispatch.name());
            for written in self.written_by(dispatch, is_last).await? {
                if !note(&written) {
                    return Ok(());
                }
            }
        }
        self.step += 1;
        Ok(())
    }

    /// The inputs and the targets of the next step, out of the buffers in which all rows lie, where a step takes them
    /// as they stand; where it does not, a dispatch of the step writes them.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn standing_batch(&self) -> Result<Option<[Vec<f64>; 2]>, GpuError> {
        if self.buffers.batch.is_some() {
            return Ok(None);
        }
        let (part, data) = (&self.buffers.data[0], &self.task.data);
        let len = |cols: usize| part.rows * row_stride(cols);
        let wanted = [
            (&part.inputs, 0..len(data.input_len())),
            (&part.targets, 0..len(data.target_width())),
        ];
        let lists = self.gpu.read::<u32>(&wanted).await?;
        let kinds = [Quantity::Inputs, Quantity::Targets];
        let mut values = kinds.into_iter().zip(&lists).map(|(what, list)| self.values(what, list));
        Ok(Some([values.next().unwrap_or_default(), values.next().unwrap_or_default()]))
    }

    /// Runs a dispatch; what it wrote, but for what only the engine itself looks at.
    async fn written_by(
        &self,
        dispatch: &Dispatch,
        is_last: bool,
    ) -> Result<Vec<Written>, GpuError> {
        let is_whole = |what: &Quantity| {
            is_last || !matches!(what, Quantity::Inputs | Quantity::Targets | Quantity::Squares)
        };
        let outputs = dispatch.outputs().iter().filter_map(|output| {
            let what = self.quantity(dispatch.name(), output).filter(is_whole)?;
            Some((what, output))
        });
        let outputs: Vec<(Quantity, &Output)> = outputs.collect();
        let mut wanted: Vec<_> =
            outputs.iter().map(|(_, output)| (&output.buffer, output.range.clone())).collect();
        // Something has to be read, so that it is waited for.
        wanted.push((&self.buffers.clock, 0..1));
        let lists = self.gpu.run_and_read::<u32>([dispatch], &wanted).await?;
        let kernel = dispatch.name();
        let written = outputs.iter().zip(&lists).map(|((what, _), words)| Written {
            kernel,
            what: *what,
            values: self.values(*what, words),
        });
        Ok(written.collect())
    }

    /// What a kernel writes into a buffer.
    fn quantity(&self, kernel: &str, output: &Output) -> Option<Quantity> {
        let Output { buffer, range } = output;
        let buffers = &self.buffers;
        for (index, layer) in buffers.layers.iter().enumerate() {
            for (own, what) in [
                (&layer.z, Quantity::PreActivations(index)),
                (&layer.a, Quantity::Activations(index)),
                (&layer.d_a, Quantity::ActivationGradients(index)),
                (&layer.d_z, Quantity::PreActivationGradients(index)),
            ] {
                if buffer == own {
                    // The backward pass finds them there, before it writes over them.
                    let keeps_z = kernel == "layer_forward" && buffer == &layer.d_z;
                    return Some(if keeps_z { Quantity::PreActivations(index) } else { what });
                }
            }
        }
        for (index, layer) in buffers.layers.iter().enumerate() {
            let Some(dropout) = &layer.dropout else { continue };
            if buffer == &dropout.dropped {
                return Some(Quantity::Dropped(index));
            }
            if buffer == &dropout.d_dropped {
                return match kernel {
                    "matmul" => Some(Quantity::DroppedGradients(index)),
                    "layer_forward" => Some(Quantity::PreActivations(index)),
                    "norm_apply" => Some(Quantity::Normalized(index)),
                    // Behind the slope and before the mask: nothing that has a name.
                    _ => None,
                };
            }
        }
        for (index, layer) in buffers.layers.iter().enumerate() {
            let Some(norm) = &layer.norm else { continue };
            let keeps = kernel == "norm_apply";
            for (own, what) in [
                (&norm.statistics, Quantity::NormStatistics(index)),
                (&norm.normalized, Quantity::Normalized(index)),
                (&norm.d_normalized, Quantity::NormalizedGradients(index)),
                (&norm.gradients, Quantity::Gradients(norm.block.offset)),
            ] {
                if buffer == own {
                    let is_kept = keeps && buffer == &norm.d_normalized;
                    return Some(if is_kept { Quantity::Normalized(index) } else { what });
                }
            }
        }
        let batch = buffers.batch.as_ref();
        let is_of_batch = |of: fn(&super::BatchBuffers) -> &crate::gpu::Buffer| {
            batch.is_some_and(|batch| of(batch) == buffer)
        };
        let [first, second] = self.task.optimizer.has_moments();
        let is_plain = self.kernels == Kernels::Plain;
        // Where gradients are kept the update comes later.
        let updates = kernel != "layer_update" || !self.keeps_gradients;
        // Of what stands for a buffer that is not there nothing is written.
        let known = [
            (is_of_batch(|batch| &batch.rows), Quantity::BatchRows),
            (is_of_batch(|batch| &batch.inputs), Quantity::Inputs),
            (is_of_batch(|batch| &batch.targets), Quantity::Targets),
            (buffer == &buffers.row_loss, Quantity::RowLosses),
            (buffer == &buffers.losses, Quantity::Loss),
            (is_plain && buffer == &buffers.sums, Quantity::Squares),
            (kernel == "clip_scale" && buffer == &buffers.scale, Quantity::ClipScale),
            (
                self.keeps_gradients && buffer == &buffers.gradients,
                Quantity::Gradients(range.start),
            ),
            (updates && buffer == &buffers.parameters, Quantity::Parameters(range.start)),
            (updates && first && buffer == &buffers.moments[0], Quantity::Moment(0, range.start)),
            (updates && second && buffer == &buffers.moments[1], Quantity::Moment(1, range.start)),
        ];
        known.into_iter().find_map(|(is_it, what)| is_it.then_some(what))
    }

    /// Words as the numbers that they are of, without padding.
    fn values(&self, what: Quantity, words: &[u32]) -> Vec<f64> {
        let numbers: &[f32] = bytemuck::cast_slice(words);
        let wide = |numbers: &[f32]| numbers.iter().map(|&number| f64::from(number)).collect();
        let rows = self.task.batches.len_of(self.step);
        let of_rows = |cols: usize| {
            let stride = row_stride(cols);
            wide(&unpad_rows(&numbers[..rows * stride], cols, stride))
        };
        match what {
            Quantity::BatchRows => words[..rows].iter().map(|&row| f64::from(row)).collect(),
            Quantity::Inputs => of_rows(self.task.data.input_len()),
            Quantity::Targets => of_rows(self.task.data.target_width()),
            Quantity::NormStatistics(layer) => {
                let cols = self.layers[layer].fan_out;
                wide(&unpad_rows(numbers, cols, row_stride(cols)))
            }
            Quantity::PreActivations(layer)
            | Quantity::Normalized(layer)
            | Quantity::NormalizedGradients(layer)
            | Quantity::Activations(layer)
            | Quantity::Dropped(layer)
            | Quantity::DroppedGradients(layer)
            | Quantity::ActivationGradients(layer)
            | Quantity::PreActivationGradients(layer) => of_rows(self.layers[layer].fan_out),
            Quantity::RowLosses => wide(&numbers[..rows]),
            Quantity::Loss => wide(&numbers[(self.step % RING_LEN) as usize..][..1]),
            Quantity::Squares => {
                let sum =
                    |at: usize| numbers.iter().skip(at).step_by(4).map(|&n| f64::from(n)).sum();
                let (sum, scaled): (f64, f64) = (sum(0), sum(2));
                vec![if sum.is_finite() { sum } else { scaled / LARGE_SCALE.powi(2) }]
            }
            Quantity::ClipScale => vec![f64::from(numbers[0]) * f64::from(numbers[1])],
            Quantity::Gradients(_) | Quantity::Parameters(_) | Quantity::Moment(..) => {
                wide(numbers)
            }
        }
    }
}
