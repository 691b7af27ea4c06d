//! A training step as few dispatches: bias and activation in the store of a layer's product, the loss
//! and its gradient in that of the last, slopes in that of what goes back, the update in that of the
//! gradients. What goes back through a layer is computed before its weights are updated.

use std::ops::Range;

use super::forwarded::{Forwarded, IDENTITY};
use super::{LayerBuffers, LayeredEngine, RING_LEN, step};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels::{self, LayerShape, STRETCH, Variant, variant};
use crate::network::{Activation, GradientAt, Layer, Network, row_stride};
use crate::optimizer::Optimizer;

/// Where each layer's sums of squares lie in a buffer of all of them, and those of its norm; and how long that is:
/// every range begins where a binding may.
pub(super) fn sums(layers: &[Layer], batch: usize, gpu: &Gpu) -> (Vec<[Range<usize>; 2]>, usize) {
    let mut end = 0usize;
    let mut range = |len: usize| {
        let start = end.next_multiple_of(64);
        end = start + len;
        start..end
    };
    let of_layer = |layer: &Layer| {
        let shape = LayerShape::of(layer, batch);
        let own = range(kernels::update_sums_len(shape, variant(gpu, shape.weights_grad())));
        let of_norm = 4 * (2 * row_stride(layer.fan_out)).div_ceil(STRETCH);
        [own, if layer.is_normed() { range(of_norm) } else { 0..0 }]
    };
    (layers.iter().map(of_layer).collect(), end)
}

/// Whether the last layer and its loss are one dispatch.
pub(super) fn fuses_loss(layer: &Layer, gpu: &Gpu) -> bool {
    let (shape, class) = (LayerShape::of(layer, 1), gpu.adapter().class());
    kernels::fuses_loss(shape, class, gpu.max_iterations() as usize)
}

/// Whether every sum of the fused kernels ends within a dispatch.
pub(super) fn check_iterations(network: &Network, batch: usize, gpu: &Gpu) -> Result<(), GpuError> {
    let last = network.layers().len() - 1;
    for layer in network.layers() {
        let (index, shape) = (layer.index, LayerShape::of(&layer, batch));
        let [forward, input_grad, weights_grad] =
            [shape.forward(), shape.input_grad(), shape.weights_grad()]
                .map(|product| variant(gpu, product));
        for (what, launch) in [
            (
                format!("a sum over a batch of {batch}"),
                kernels::layer_update(&Optimizer::default(), false, RING_LEN, shape, weights_grad),
            ),
            (
                format!("a sum over the inputs of layer {index}"),
                kernels::layer_forward(layer.function(), false, shape, forward),
            ),
            (
                format!("a sum over the units of layer {index}"),
                kernels::layer_input_grad(layer.function(), shape, input_grad),
            ),
        ] {
            gpu.check_iterations(&what, launch.iterations())?;
        }
        if index == last && !fuses_loss(&layer, gpu) {
            step::check_loss(network, batch, gpu)?;
        }
    }
    Ok(())
}

impl LayerBuffers {
    /// The gradient with respect to what the activation takes.
    fn d_activated(&self) -> &Buffer {
        self.norm.as_ref().map_or(&self.d_z, |norm| &norm.d_normalized)
    }

    /// Where the gradient that comes back from the next layer goes, behind the activation's slope.
    fn d_input(&self) -> &Buffer {
        self.dropout.as_ref().map_or(self.d_activated(), |dropout| &dropout.d_dropped)
    }
}

impl LayeredEngine {
    /// The dispatches from the batch to the end of the step.
    pub(super) async fn fused_step(
        &self,
        inputs: &Buffer,
        targets: &Buffer,
        rows: usize,
    ) -> Result<Vec<Dispatch>, GpuError> {
        let mut list = Vec::new();
        let hidden = &self.layers[..self.layers.len() - 1];
        for layer in hidden {
            let (input, output) =
                (self.layer_input(layer, inputs), &self.buffers.layers[layer.index].a);
            let (input, state) = (Slice::all(input), &self.buffers.layers[layer.index]);
            let (unit_counts, needs) =
                (&state.unit_counts, layer.activation.needs_pre_activation());
            let pre_activations = needs.then_some(state.d_input());
            let to = Forwarded { output, unit_counts, pre_activations };
            match &state.norm {
                None => {
                    list.push(self.layer_forward(layer, layer.function(), input, to, rows).await?);
                }
                Some(norm) => {
                    let sums = Forwarded { output: &state.z, unit_counts, pre_activations: None };
                    list.push(self.layer_forward(layer, IDENTITY, input, sums, rows).await?);
                    list.extend(self.norm_forward(layer, norm, layer.function(), to, rows).await?);
                }
            }
            if let Some(dropout) = &state.dropout {
                list.push(self.dropout(layer, output, &dropout.dropped, rows).await?);
            }
        }
        list.extend(self.outputs_and_loss(inputs, targets, rows).await?);
        for layer in self.layers.iter().rev() {
            let norm = self.buffers.layers[layer.index].norm.as_ref();
            if let Some(norm) = norm {
                list.extend(self.norm_backward(layer, norm, rows).await?);
            }
            if let Some(previous) = layer.index.checked_sub(1) {
                list.push(self.layer_input_grad(layer, rows).await?);
                let before = &self.buffers.layers[previous];
                if let Some(dropout) = &before.dropout {
                    let (from, to) = (&dropout.d_dropped, before.d_activated());
                    list.push(self.dropout(&self.layers[previous], from, to, rows).await?);
                }
            }
            list.push(self.layer_update(layer, self.layer_input(layer, inputs), rows).await?);
            if let Some(norm) = norm.filter(|_| !self.keeps_gradients) {
                list.push(self.norm_update(norm).await?);
            }
        }
        if self.keeps_gradients {
            list.extend(self.optimizer_step().await?);
        }
        list.push(self.finish_step(rows).await?);
        Ok(list)
    }

    /// The last layer to its gradient: in one dispatch, or where its outputs are many by the plain
    /// kernels after its product.
    async fn outputs_and_loss(
        &self,
        inputs: &Buffer,
        targets: &Buffer,
        rows: usize,
    ) -> Result<Vec<Dispatch>, GpuError> {
        let layer = &self.layers[self.layers.len() - 1];
        let input = self.layer_input(layer, inputs);
        if fuses_loss(layer, &self.gpu) {
            return Ok(vec![self.output_loss(layer, input, targets, rows).await?]);
        }
        let state = &self.buffers.layers[layer.index];
        let at_output = self.task.network.loss().gradient_at() == GradientAt::Output;
        // The loss reads either the outputs or what the activation would make them of.
        let (kind, output) = match at_output {
            true => (layer.function(), &state.a),
            false => (IDENTITY, &state.z),
        };
        // The plain kernel of the way back takes them from z.
        let pre_activations = kind.0.needs_pre_activation().then_some(&state.z);
        let to = Forwarded { output, unit_counts: &state.unit_counts, pre_activations };
        let mut list = vec![self.layer_forward(layer, kind, Slice::all(input), to, rows).await?];
        list.push(self.loss(targets, rows).await?);
        if at_output {
            list.push(self.activate_grad(layer, rows).await?);
        }
        Ok(list)
    }

    /// `output = activation(input . weights + bias)`.
    pub(super) async fn layer_forward(
        &self,
        layer: &Layer,
        kind: (Activation, f64),
        input: Slice<'_>,
        to: Forwarded<'_>,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let keeps_z = to.pre_activations.is_some();
        let shape = LayerShape::of(layer, rows);
        let variant = variant(&self.gpu, shape.forward());
        let launch = kernels::layer_forward(kind, keeps_z, shape, variant);
        let bound = [
            input,
            self.block(&self.buffers.parameters, self.layout.block(layer.index)),
            Slice::all(to.output),
            Slice::all(to.unit_counts),
            // Something must be bound where nothing is kept.
            Slice::all(to.pre_activations.unwrap_or(&self.buffers.scale)),
        ];
        self.gpu.dispatch(&launch, &bound).await
    }

    async fn output_loss(
        &self,
        layer: &Layer,
        input: &Buffer,
        targets: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let (index, network) = (layer.index, &self.task.network);
        let scale = network.loss().gradient_scale(rows, layer.fan_out) as f32;
        let ends = (network.loss_function(), layer.function());
        let is_weighted = self.task.data.is_weighted();
        let launch = kernels::output_loss(ends, LayerShape::of(layer, rows), scale, is_weighted);
        let d_output = &self.buffers.layers[index].d_z;
        let bound = [
            Slice::all(input),
            self.block(&self.buffers.parameters, self.layout.block(index)),
            Slice::all(targets),
            Slice::all(&self.buffers.row_loss),
            Slice::all(d_output),
        ];
        self.gpu.dispatch(&launch, &bound).await
    }

    /// `d_z` of the layer before, or the gradient of what its norm gave, before any mask.
    async fn layer_input_grad(&self, layer: &Layer, rows: usize) -> Result<Dispatch, GpuError> {
        let index = layer.index;
        let kind = self.layers[index - 1].function();
        let shape = LayerShape::of(layer, rows);
        let variant = variant(&self.gpu, shape.input_grad());
        let launch = kernels::layer_input_grad(kind, shape, variant);
        let before = &self.buffers.layers[index - 1];
        let bound = [
            Slice::all(&self.buffers.layers[index].d_z),
            self.block(&self.buffers.parameters, self.layout.block(index)),
            Slice::all(&before.a),
            Slice::all(before.d_input()),
        ];
        self.gpu.dispatch(&launch, &bound).await
    }

    /// How the gradients of a layer's weights are computed, also of a short batch: the sums that go with them
    /// have their places.
    pub(super) fn update_variant(&self, layer: &Layer) -> Variant {
        let shape = LayerShape::of(layer, self.task.batches.batch());
        variant(&self.gpu, shape.weights_grad())
    }

    /// The layer's gradients, and its update where nothing else needs them.
    async fn layer_update(
        &self,
        layer: &Layer,
        input: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let block = self.layout.block(layer.index);
        let (optimizer, keeps) = (&self.task.optimizer, self.keeps_gradients);
        let shape = LayerShape::of(layer, rows);
        let variant = self.update_variant(layer);
        let launch = kernels::layer_update(optimizer, keeps, RING_LEN, shape, variant);
        let state = &self.buffers.layers[layer.index];
        let bound = [
            Slice::all(input),
            Slice::all(&state.d_z),
            Slice::all(&self.buffers.clock),
            self.block(&self.buffers.parameters, block),
            match self.keeps_gradients {
                true => self.block(&self.buffers.gradients, block),
                false => Slice::all(&self.buffers.gradients),
            },
            self.moment_slice(0, block.range()),
            self.moment_slice(1, block.range()),
            Slice::range(&self.buffers.sums, state.sums.start, state.sums.len()),
        ];
        self.gpu.dispatch(&launch, &bound).await
    }
}
