//! What fused kernels note of a step beside its results: how large gradients, parameters and updates
//! are, what is not finite, and which units do nothing.

use super::{Kernels, LayeredEngine};
use crate::engine::statistics::{LayerStatistics, least_rows};
use crate::gpu::{GpuError, Slice};
use crate::kernels::{self, LayerShape};
use crate::optimizer::LARGE_SCALE;

impl LayeredEngine {
    /// What the last step noted, layer by layer, added up on the device: eight words a layer are read. `None`
    /// from plain kernels, which note nothing, and where a batch is too large for one dispatch of it.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn statistics(&self) -> Result<Option<Vec<LayerStatistics>>, GpuError> {
        if self.kernels == Kernels::Plain {
            return Ok(None);
        }
        let rows = self.task.batches.len_of(self.step.saturating_sub(1));
        let mut dispatches = Vec::with_capacity(self.layers.len());
        let statistics = self.gpu.buffer("statistics", 8 * self.layers.len()).await?;
        for (layer, state) in self.layers.iter().zip(&self.buffers.layers) {
            let of = (layer.index, layer.index + 1 < self.layers.len());
            let shape = LayerShape::of(layer, rows);
            let launch = kernels::layer_statistics(of, shape, state.sums.len(), least_rows(rows));
            if launch.iterations() > self.gpu.max_iterations() as usize {
                return Ok(None);
            }
            let sums = Slice::range(&self.buffers.sums, state.sums.start, state.sums.len());
            let bound = [sums, Slice::all(&state.unit_counts), Slice::all(&statistics)];
            dispatches.push(self.gpu.dispatch(&launch, &bound).await?);
        }
        let range = (&statistics, 0..8 * self.layers.len());
        let words = self.gpu.run_and_read::<u32>(&dispatches, &[range]).await?.remove(0);
        let of_layer = |words: &[u32]| {
            let [squares, parameters, third, not_finite] =
                [0, 1, 2, 3].map(|at| f64::from(f32::from_bits(words[at])));
            // Where gradients are kept, the third sum stands in for the first beyond f32.
            let (gradients, updates) = match (self.keeps_gradients, squares) {
                (true, f64::INFINITY) => (third / LARGE_SCALE.powi(2), f64::NAN),
                (true, squares) => (squares, f64::NAN),
                (false, squares) => (squares, third),
            };
            LayerStatistics {
                gradient_norm: gradients.sqrt(),
                parameter_norm: parameters.sqrt(),
                update_norm: updates.sqrt(),
                not_finite: not_finite as u64,
                zero_units: words[4] as usize,
                saturated_units: words[5] as usize,
            }
        };
        Ok(Some(words.chunks_exact(8).map(of_layer).collect()))
    }
}
