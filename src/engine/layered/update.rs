//! The update of parameters by gradients that are kept, with what clips their norm; and the rates of
//! steps, which it and the fused update read from a ring.

use std::ops::Range;

use super::{Kernels, LayeredEngine, RATES_AT, RING_LEN, fused};
use crate::gpu::{Dispatch, GpuError, Slice};
use crate::kernels::{self, STRETCH};
use crate::network::Layout;

/// The least that a binding holds of whole stretches, sixteen of whose sums are 256 bytes.
const PORTION: usize = 16 * STRETCH;

/// Stretches of all gradients.
pub(super) fn stretches(layout: &Layout) -> usize {
    layout.learned_len().div_ceil(STRETCH)
}

impl LayeredEngine {
    /// Every parameter's update by its gradient, in portions that a binding can hold; where the norm is
    /// clipped, after what finds it.
    pub(super) async fn optimizer_step(&self) -> Result<Vec<Dispatch>, GpuError> {
        let mut list = self.clipping().await?;
        let Self { buffers, gpu, task, .. } = self;
        for range in self.portions() {
            let launch = kernels::optimizer_step(&task.optimizer, RING_LEN, range.len());
            let of = |buffer| Slice::range(buffer, range.start, range.len());
            let bound = [
                of(&buffers.gradients),
                Slice::all(&buffers.scale),
                Slice::all(&buffers.clock),
                of(&buffers.parameters),
                self.moment_slice(0, range.clone()),
                self.moment_slice(1, range.clone()),
            ];
            list.push(gpu.dispatch(&launch, &bound).await?);
        }
        Ok(list)
    }

    /// What finds the norm of all gradients, in two levels, and the factor that brings it down. Fused
    /// kernels have done the first level beside their products.
    async fn clipping(&self) -> Result<Vec<Dispatch>, GpuError> {
        let Some(clip_norm) = self.task.optimizer.clip_norm else { return Ok(Vec::new()) };
        let Self { buffers, gpu, task, .. } = self;
        let mut list = Vec::new();
        let sums_len = match self.kernels {
            Kernels::Fused => {
                for norm in buffers.layers.iter().filter_map(|layer| layer.norm.as_ref()) {
                    list.push(self.norm_squares(norm).await?);
                }
                fused::sums(&self.layers, self.task.batches.batch(), &self.gpu).1
            }
            Kernels::Plain => {
                for range in self.portions() {
                    let launch = kernels::gradient_squares(&task.optimizer, range.len());
                    let (first, count) = (range.start / STRETCH, range.len().div_ceil(STRETCH));
                    let bound = [
                        Slice::range(&buffers.gradients, range.start, range.len()),
                        Slice::range(&buffers.sums, 4 * first, 4 * count),
                    ];
                    list.push(gpu.dispatch(&launch, &bound).await?);
                }
                4 * stretches(&self.layout)
            }
        };
        let launch = kernels::clip_scale(clip_norm as f32, sums_len / 4);
        let bound = [Slice::range(&buffers.sums, 0, sums_len), Slice::all(&buffers.scale)];
        list.push(gpu.dispatch(&launch, &bound).await?);
        Ok(list)
    }

    /// What is learned in portions that a binding can hold, each of whole stretches whose sums begin
    /// where a binding may.
    fn portions(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let bound = (self.gpu.adapter().limits.max_binding_bytes / 4) as usize;
        let (len, most) = (self.layout.learned_len(), (bound / PORTION).max(1) * PORTION);
        (0..len).step_by(most).map(move |start| start..(start + most).min(len))
    }

    /// A range of a moment, or all of what stands for one that the optimizer does not have.
    pub(super) fn moment_slice(&self, index: usize, range: Range<usize>) -> Slice<'_> {
        let buffer = &self.buffers.moments[index];
        match self.task.optimizer.has_moments()[index] {
            true => Slice::range(buffer, range.start, range.len()),
            false => Slice::all(buffer),
        }
    }

    /// Puts the rates of the steps up to `end` into the ring, at most as many as it holds: between two
    /// submissions, none of which waits for it.
    pub(super) fn write_rates(&mut self, end: u32) {
        let from = self.step.max(self.rates_until);
        if from >= end {
            return;
        }
        let task = &self.task;
        let steps = if task.schedule.is_constant() && !task.optimizer.is_corrected() {
            // All alike: the whole ring at once, for good.
            self.rates_until = u32::MAX;
            self.step..self.step.saturating_add(RING_LEN)
        } else {
            self.rates_until = end;
            from..end
        };
        let rates: Vec<[f32; 4]> = steps
            .clone()
            .map(|step| {
                let numbers = task.coefficients(task.learning_rate, step);
                [numbers.rate, numbers.correction1, numbers.correction2, 0.0].map(|n| n as f32)
            })
            .collect();
        let first = (steps.start % RING_LEN) as usize;
        let (straight, wrapped) = rates.split_at(rates.len().min(RING_LEN as usize - first));
        let clock = &self.buffers.clock;
        self.gpu.write(clock, RATES_AT + 4 * first, straight.as_flattened());
        self.gpu.write(clock, RATES_AT, wrapped.as_flattened());
    }

    /// From the next step on, another largest rate.
    pub fn set_learning_rate(&mut self, rate: f32) {
        self.task.learning_rate = rate;
        self.rates_until = self.step;
    }
}
