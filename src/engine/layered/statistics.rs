//! What fused kernels note of a step beside its results: how large gradients, parameters and updates
//! are, what is not finite, and which units do nothing.

use super::{Kernels, LayeredEngine};
use crate::engine::LayerStatistics;
use crate::gpu::GpuError;
use crate::kernels::unit_counts_len;
use crate::network::row_stride;
use crate::optimizer::LARGE_SCALE;

impl LayeredEngine {
    /// What the last step noted, layer by layer; `None` from plain kernels, which note nothing.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn statistics(&self) -> Result<Option<Vec<LayerStatistics>>, GpuError> {
        if self.kernels == Kernels::Plain {
            return Ok(None);
        }
        let rows = self.task.batches.len_of(self.step.saturating_sub(1));
        let mut ranges = Vec::new();
        for (layer, state) in self.layers.iter().zip(&self.buffers.layers) {
            let counted = layer.index + 1 < self.layers.len();
            let counts = if counted { unit_counts_len(rows, layer.fan_out) } else { 0 };
            ranges.push((&self.buffers.sums, state.sums.clone()));
            ranges.push((&state.unit_counts, 0..counts));
        }
        let lists = self.gpu.read::<u32>(&ranges).await?;
        let of_layers = self.layers.iter().zip(lists.chunks_exact(2));
        Ok(Some(
            of_layers
                .map(|(layer, lists)| {
                    let sum = |at: usize| -> f64 {
                        lists[0]
                            .iter()
                            .skip(at)
                            .step_by(4)
                            .map(|&word| f64::from(f32::from_bits(word)))
                            .sum()
                    };
                    let counted = |of: fn(u32) -> u32| {
                        let mut units =
                            vec![0; if lists[1].is_empty() { 0 } else { layer.fan_out }];
                        for group in lists[1].chunks_exact(row_stride(layer.fan_out)) {
                            units
                                .iter_mut()
                                .zip(group)
                                .for_each(|(sum, &word)| *sum += of(word) as usize);
                        }
                        units
                    };
                    // Where gradients are kept, the third sum stands in for the first beyond f32.
                    let (gradients, updates) = match (self.keeps_gradients, sum(0)) {
                        (true, f64::INFINITY) => (sum(2) / LARGE_SCALE.powi(2), f64::NAN),
                        (true, squares) => (squares, f64::NAN),
                        (false, squares) => (squares, sum(2)),
                    };
                    LayerStatistics {
                        gradient_norm: gradients.sqrt(),
                        parameter_norm: sum(1).sqrt(),
                        update_norm: updates.sqrt(),
                        not_finite: sum(3) as u64,
                        zero_rows: counted(|word| word & 0xffff),
                        saturated_rows: counted(|word| word >> 16),
                    }
                })
                .collect(),
        ))
    }
}
