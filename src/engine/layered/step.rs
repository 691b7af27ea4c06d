//! A training step, top to bottom: the batch, and then one kernel per formula, or fused ones.

use super::forwarded::{Forwarded, IDENTITY};
use super::{BatchBuffers, Kernels, LayerBuffers, LayeredEngine, RING_LEN};
use crate::engine::parts::Part;
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels::{self, LayerShape};
use crate::network::{GradientAt, Layer, LayerBlock, Network};

/// Whether every sum of the plain kernels ends within a dispatch.
pub(super) fn check_iterations(network: &Network, batch: usize, gpu: &Gpu) -> Result<(), GpuError> {
    check_loss(network, batch, gpu)?;
    for Layer { index, fan_in, fan_out, .. } in network.layers() {
        for (what, shape) in [
            (format!("a sum over a batch of {batch}"), [fan_in, batch, fan_out]),
            (format!("a sum over the inputs of layer {index}"), [batch, fan_in, fan_out]),
            (format!("a sum over the units of layer {index}"), [batch, fan_out, fan_in]),
        ] {
            gpu.check_iterations(&what, kernels::matmul(shape, [false; 2]).iterations())?;
        }
    }
    Ok(())
}

/// Whether the kernel of the loss goes over its outputs within a dispatch.
pub(super) fn check_loss(network: &Network, batch: usize, gpu: &Gpu) -> Result<(), GpuError> {
    let outputs = network.outputs();
    let launch = kernels::loss(network.loss_function(), batch, outputs, 1.0, false);
    gpu.check_iterations(&format!("the loss of {outputs} outputs"), launch.iterations())
}

impl LayeredEngine {
    /// The dispatches of one step over a batch of `rows` rows.
    pub(super) async fn step_list(&self, rows: usize) -> Result<Vec<Dispatch>, GpuError> {
        let buffers = &self.buffers;
        let mut list = Vec::new();
        let (inputs, targets) = match &buffers.batch {
            // All rows as they stand: they are one part.
            None => (&buffers.data[0].inputs, &buffers.data[0].targets),
            Some(batch) => {
                list.push(self.batch_rows(&batch.rows, rows).await?);
                for part in &buffers.data {
                    list.push(self.gather_batch(part, batch, rows).await?);
                }
                (&batch.inputs, &batch.targets)
            }
        };
        list.extend(match self.kernels {
            Kernels::Fused => self.fused_step(inputs, targets, rows).await?,
            Kernels::Plain => self.plain_step(inputs, targets, rows).await?,
        });
        Ok(list)
    }

    /// The dispatches from the batch to the end of the step, one formula each.
    async fn plain_step(
        &self,
        inputs: &Buffer,
        targets: &Buffer,
        rows: usize,
    ) -> Result<Vec<Dispatch>, GpuError> {
        let buffers = &self.buffers;
        let mut list = Vec::new();
        for layer in &self.layers {
            let state = &buffers.layers[layer.index];
            let input = self.layer_input(layer, inputs);
            list.extend(self.sum_layer(layer, input, &state.z, rows).await?);
            let activated = match &state.norm {
                None => &state.z,
                Some(norm) => {
                    let (output, unit_counts) = (&norm.normalized, &state.unit_counts);
                    let to = Forwarded { output, unit_counts, pre_activations: None };
                    list.extend(self.norm_forward(layer, norm, IDENTITY, to, rows).await?);
                    output
                }
            };
            list.push(self.activate(layer, activated, &state.a, rows).await?);
            if let Some(dropout) = &state.dropout {
                list.push(self.dropout(layer, &state.a, &dropout.dropped, rows).await?);
            }
        }

        list.push(self.loss(targets, rows).await?);

        for layer in self.layers.iter().rev() {
            let state = &buffers.layers[layer.index];
            let is_last = layer.index + 1 == self.layers.len();
            if !is_last || self.task.network.loss().gradient_at() == GradientAt::Output {
                list.push(self.activate_grad(layer, rows).await?);
            }
            if let Some(norm) = &state.norm {
                list.extend(self.norm_backward(layer, norm, rows).await?);
            }
            let input = self.layer_input(layer, inputs);
            list.push(self.weights_grad(layer, input, &state.d_z, rows).await?);
            list.push(self.bias_grad(layer, &state.d_z, rows).await?);
            if let Some(previous) = layer.index.checked_sub(1) {
                let before = &buffers.layers[previous];
                let d_dropped = before.dropout.as_ref().map(|dropout| &dropout.d_dropped);
                let d_input = d_dropped.unwrap_or(&before.d_a);
                list.push(self.input_grad(layer, &state.d_z, d_input, rows).await?);
                if let Some(from) = d_dropped {
                    list.push(self.dropout(&self.layers[previous], from, &before.d_a, rows).await?);
                }
            }
        }

        list.extend(self.optimizer_step().await?);
        list.push(self.finish_step(rows).await?);
        Ok(list)
    }

    /// What feeds a layer: the one before it, as far as its activations were not dropped, or the batch.
    pub(super) fn layer_input<'a>(&'a self, layer: &Layer, inputs: &'a Buffer) -> &'a Buffer {
        match layer.index.checked_sub(1) {
            Some(previous) => {
                let LayerBuffers { a, dropout, .. } = &self.buffers.layers[previous];
                dropout.as_ref().map_or(a, |dropout| &dropout.dropped)
            }
            None => inputs,
        }
    }

    /// One layer's block of a buffer that lies in the network's layout.
    pub(super) fn block<'a>(&self, buffer: &'a Buffer, block: LayerBlock) -> Slice<'a> {
        Slice::range(buffer, block.offset, block.len)
    }

    async fn batch_rows(&self, rows: &Buffer, len: usize) -> Result<Dispatch, GpuError> {
        let bound = [Slice::range(&self.buffers.clock, 0, 1), Slice::all(rows)];
        self.gpu.dispatch(&kernels::batch_rows(&self.task.batches, len), &bound).await
    }

    /// What a batch takes out of a part of the data set.
    async fn gather_batch(
        &self,
        part: &Part,
        batch: &BatchBuffers,
        len: usize,
    ) -> Result<Dispatch, GpuError> {
        let data = &self.task.data;
        let (inputs, targets) = (data.input_len(), data.target_width());
        let launch = kernels::gather_batch(len, inputs, targets, part.range());
        let bound = [&batch.rows, &part.inputs, &part.targets, &batch.inputs, &batch.targets];
        self.gpu.dispatch(&launch, &bound.map(Slice::all)).await
    }

    /// `z = input . weights`, `z += bias`.
    async fn sum_layer(
        &self,
        layer: &Layer,
        input: &Buffer,
        z: &Buffer,
        rows: usize,
    ) -> Result<[Dispatch; 2], GpuError> {
        let Layer { index, fan_in, fan_out, .. } = *layer;
        let parameters = || self.block(&self.buffers.parameters, self.layout.block(index));
        let matmul = kernels::matmul([rows, fan_in, fan_out], [false, false]);
        let bound = [Slice::all(input), parameters(), Slice::all(z)];
        let matmul = self.gpu.dispatch(&matmul, &bound).await?;
        let bias_add = kernels::bias_add(LayerShape::of(layer, rows));
        let bias_add = self.gpu.dispatch(&bias_add, &[parameters(), Slice::all(z)]).await?;
        Ok([matmul, bias_add])
    }

    /// `a = activation(z)`.
    pub(super) async fn activate(
        &self,
        layer: &Layer,
        z: &Buffer,
        a: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let launch = kernels::activate(layer.function(), rows, layer.fan_out);
        self.gpu.dispatch(&launch, &[Slice::all(z), Slice::all(a)]).await
    }

    /// The loss of each row, and its gradient where it enters the backward pass.
    pub(super) async fn loss(&self, targets: &Buffer, rows: usize) -> Result<Dispatch, GpuError> {
        let loss = self.task.network.loss();
        let outputs = self.task.network.outputs();
        let state = &self.buffers.layers[self.layers.len() - 1];
        let (from, d) = match loss.gradient_at() {
            GradientAt::Output => (&state.a, &state.d_a),
            GradientAt::PreActivation => (&state.z, &state.d_z),
        };
        let scale = loss.gradient_scale(rows, outputs) as f32;
        let bound = [from, targets, &self.buffers.row_loss, d].map(Slice::all);
        let kind = self.task.network.loss_function();
        let launch = kernels::loss(kind, rows, outputs, scale, self.task.data.is_weighted());
        self.gpu.dispatch(&launch, &bound).await
    }

    /// The step's loss, and the step counted.
    pub(super) async fn finish_step(&self, rows: usize) -> Result<Dispatch, GpuError> {
        let Self { buffers, task, .. } = self;
        let scale = task.network.loss().value_scale(rows, task.network.outputs()) as f32;
        let bound = [
            Slice::all(&buffers.row_loss),
            Slice::range(&buffers.clock, 0, 1),
            Slice::all(&buffers.losses),
        ];
        let launch = kernels::finish_step(rows, RING_LEN, scale);
        self.gpu.dispatch(&launch, &bound).await
    }

    /// `d_z = d_a * slope`, or the gradient of what a norm gave.
    pub(super) async fn activate_grad(
        &self,
        layer: &Layer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let state = &self.buffers.layers[layer.index];
        let launch = kernels::activate_grad(layer.function(), rows, layer.fan_out);
        let [z, d_z] = match &state.norm {
            None => [&state.z, &state.d_z],
            Some(norm) => [&norm.normalized, &norm.d_normalized],
        };
        let bound = [z, &state.a, &state.d_a, d_z].map(Slice::all);
        self.gpu.dispatch(&launch, &bound).await
    }

    /// `d_weights = input^T . d_z`.
    async fn weights_grad(
        &self,
        layer: &Layer,
        input: &Buffer,
        d_z: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let launch = kernels::matmul([layer.fan_in, rows, layer.fan_out], [true, false]);
        let gradients = self.block(&self.buffers.gradients, self.layout.block(layer.index));
        self.gpu.dispatch(&launch, &[Slice::all(input), Slice::all(d_z), gradients]).await
    }

    /// `d_bias = column sums of d_z`.
    async fn bias_grad(
        &self,
        layer: &Layer,
        d_z: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let launch = kernels::bias_grad(LayerShape::of(layer, rows));
        let gradients = self.block(&self.buffers.gradients, self.layout.block(layer.index));
        self.gpu.dispatch(&launch, &[Slice::all(d_z), gradients]).await
    }

    /// `d_input = d_z . weights^T`.
    async fn input_grad(
        &self,
        layer: &Layer,
        d_z: &Buffer,
        d_input: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let launch = kernels::matmul([rows, layer.fan_out, layer.fan_in], [false, true]);
        let parameters = self.block(&self.buffers.parameters, self.layout.block(layer.index));
        self.gpu.dispatch(&launch, &[Slice::all(d_z), parameters, Slice::all(d_input)]).await
    }
}

/// Adds one to a counter.
pub(super) async fn advance(gpu: &Gpu, counter: &Buffer) -> Result<Dispatch, GpuError> {
    gpu.dispatch(&kernels::advance(1), &[Slice::range(counter, 0, 1)]).await
}
