//! Dropout in a step: a kernel of its own behind a layer's activation, and before its slope on the way back. The
//! activations stay as they were, for slopes are taken from them.

use super::LayeredEngine;
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels;
use crate::network::Layer;

/// What dropout makes of a layer's matrices, `[rows][stride]`.
#[derive(Debug)]
pub(super) struct DropoutBuffers {
    /// Activations that are left.
    pub dropped: Buffer,
    /// The loss's gradient with respect to these; of fused kernels behind the activation's slope, and before that
    /// the pre-activations, where the slope needs them.
    pub d_dropped: Buffer,
}

impl DropoutBuffers {
    /// Of a layer whose matrices have so many elements.
    pub(super) async fn new(gpu: &Gpu, len: usize) -> Result<DropoutBuffers, GpuError> {
        Ok(DropoutBuffers {
            dropped: gpu.buffer("activations that are left", len).await?,
            d_dropped: gpu.buffer("gradients of what is left", len).await?,
        })
    }
}

impl LayeredEngine {
    /// What the step's mask leaves of a matrix of a layer.
    pub(super) async fn dropout(
        &self,
        layer: &Layer,
        from: &Buffer,
        to: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let launch = kernels::dropout(layer, self.task.batches.seed(), rows);
        let clock = Slice::range(&self.buffers.clock, 0, 1);
        self.gpu.dispatch(&launch, &[clock, Slice::all(from), Slice::all(to)]).await
    }
}
