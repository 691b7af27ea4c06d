//! Norms in a step: kernels of their own between a layer's product and its activation, with fused kernels too. The
//! statistics of a column need all rows of the batch, and a product's workgroups have a tile of it each: there is
//! no barrier across them inside a dispatch. The activation is in the store of the norm.

use std::ops::Range;

use super::forwarded::Forwarded;
use super::{Kernels, LayeredEngine, RING_LEN};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels;
use crate::network::{Activation, Layer, NormBlock};

/// What the norm of a layer computes of a batch, matrices as `[rows][stride]`.
#[derive(Debug)]
pub(super) struct NormBuffers {
    pub block: NormBlock,
    /// Means above variances, `[2][stride]`.
    pub statistics: Buffer,
    /// What the activation takes; of plain kernels alone.
    pub normalized: Buffer,
    /// The loss's gradient with respect to it. Fused kernels keep it here too, until they put the gradient in its
    /// place.
    pub d_normalized: Buffer,
    /// Those of gamma and beta, where they become updates at once.
    pub gradients: Buffer,
    /// Where in the sums of squares of fused kernels those of its gradients lie.
    pub sums: Range<usize>,
}

impl NormBuffers {
    /// Of a layer whose matrices have so many elements.
    pub(super) async fn new(
        gpu: &Gpu,
        block: NormBlock,
        len: usize,
        kernels: Kernels,
        sums: Range<usize>,
    ) -> Result<NormBuffers, GpuError> {
        let of_plain = if kernels == Kernels::Plain { len } else { 0 };
        Ok(NormBuffers {
            block,
            statistics: gpu.buffer("means and variances", 2 * block.stride).await?,
            normalized: gpu.buffer("normalized pre-activations", of_plain).await?,
            d_normalized: gpu.buffer("gradients of what is normalized", len).await?,
            gradients: gpu.buffer("gradients of a norm", 2 * block.stride).await?,
            sums,
        })
    }
}

impl LayeredEngine {
    /// A layer's norm by the statistics of the batch in its `z`, and its activation.
    pub(super) async fn norm_forward(
        &self,
        layer: &Layer,
        norm: &NormBuffers,
        kind: (Activation, f64),
        to: Forwarded<'_>,
        rows: usize,
    ) -> Result<[Dispatch; 2], GpuError> {
        let z = &self.buffers.layers[layer.index].z;
        let bound = [Slice::all(z), Slice::all(&norm.statistics), self.running(norm.block)];
        let launch = kernels::norm_statistics(rows, layer.fan_out);
        let statistics = self.gpu.dispatch(&launch, &bound).await?;
        let by = (norm.block, Slice::all(&norm.statistics));
        Ok([statistics, self.norm_apply(layer, by, kind, z, to, rows).await?])
    }

    /// The running estimates of a norm.
    pub(super) fn running(&self, block: NormBlock) -> Slice<'_> {
        Slice::range(&self.buffers.parameters, block.running_offset, 2 * block.stride)
    }

    /// `output = activation(norm(z))` by these means and variances.
    pub(super) async fn norm_apply(
        &self,
        layer: &Layer,
        (block, statistics): (NormBlock, Slice<'_>),
        kind: (Activation, f64),
        z: &Buffer,
        to: Forwarded<'_>,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let launch = kernels::norm_apply(kind, to.pre_activations.is_some(), rows, layer.fan_out);
        let bound = [
            Slice::all(z),
            statistics,
            Slice::range(&self.buffers.parameters, block.offset, 2 * block.stride),
            Slice::all(to.output),
            Slice::all(to.unit_counts),
            // Something must be bound where nothing is kept.
            Slice::all(to.pre_activations.unwrap_or(&self.buffers.scale)),
        ];
        self.gpu.dispatch(&launch, &bound).await
    }

    /// The gradients of gamma and beta, and dLoss/dz, from the gradient of what was normalized.
    pub(super) async fn norm_backward(
        &self,
        layer: &Layer,
        norm: &NormBuffers,
        rows: usize,
    ) -> Result<[Dispatch; 2], GpuError> {
        let state = &self.buffers.layers[layer.index];
        let [z, statistics, d] = [&state.z, &norm.statistics, &norm.d_normalized];
        let [z, statistics, d] = [z, statistics, d].map(|buffer| || Slice::all(buffer));
        let (offset, len) = (norm.block.offset, 2 * norm.block.stride);
        let gradients = || match self.keeps_gradients {
            true => Slice::range(&self.buffers.gradients, offset, len),
            false => Slice::all(&norm.gradients),
        };
        let parameters = Slice::range(&self.buffers.parameters, offset, len);
        let launch = kernels::norm_grad(rows, layer.fan_out);
        let grad = self.gpu.dispatch(&launch, &[z(), statistics(), d(), gradients()]).await?;
        let launch = kernels::norm_input_grad(rows, layer.fan_out);
        let bound = [z(), statistics(), parameters, gradients(), d(), Slice::all(&state.d_z)];
        Ok([grad, self.gpu.dispatch(&launch, &bound).await?])
    }

    /// The update of gamma and beta, where gradients are not kept for an update of all.
    pub(super) async fn norm_update(&self, norm: &NormBuffers) -> Result<Dispatch, GpuError> {
        let range = norm.block.range();
        let launch = kernels::optimizer_step(&self.task.optimizer, RING_LEN, range.len());
        let bound = [
            Slice::all(&norm.gradients),
            Slice::all(&self.buffers.scale),
            Slice::all(&self.buffers.clock),
            Slice::range(&self.buffers.parameters, range.start, range.len()),
            self.moment_slice(0, range.clone()),
            self.moment_slice(1, range),
        ];
        self.gpu.dispatch(&launch, &bound).await
    }

    /// The sums of squares of the gradients of gamma and beta, beside those that fused kernels make of the others.
    pub(super) async fn norm_squares(&self, norm: &NormBuffers) -> Result<Dispatch, GpuError> {
        let range = norm.block.range();
        let launch = kernels::gradient_squares(&self.task.optimizer, range.len());
        let bound = [
            Slice::range(&self.buffers.gradients, range.start, range.len()),
            Slice::range(&self.buffers.sums, norm.sums.start, norm.sums.len()),
        ];
        self.gpu.dispatch(&launch, &bound).await
    }
}
