//! A training step as few dispatches: bias and activation in the store of a layer's product, the loss
//! and its gradient in that of the last, slopes in that of what goes back, the update in that of the
//! gradients. What goes back through a layer is computed before its weights are updated.

use std::ops::Range;

use super::rows::Part;
use super::step::{TREE_ROUNDS, loss_loops};
use super::{BatchBuffers, LayeredEngine, RING_LEN};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels::{
    self, GatherBatchParams, LayerForwardParams, LayerInputGradParams, LayerUpdateParams,
    LossMeanParams, OutputLossParams,
};
use crate::network::{Activation, GradientAt, Layer, Network, row_stride};

/// Outputs that one invocation holds in registers, with their loss.
const FUSED_OUTPUTS: usize = 16;
/// Rows, and columns, of the tile that an invocation owns.
const TILE: usize = 8;
/// Rows of which the states of units are counted together: those of a tile.
pub(super) const COUNTED_ROWS: usize = TILE;

/// Tiles of a matrix of so many rows and padded columns.
fn tiles(rows: usize, stride: usize) -> usize {
    rows.div_ceil(TILE) * stride.div_ceil(TILE)
}

/// Numbers of a layer's `unit_counts`, over a batch of so many rows.
pub(super) fn counts_len(layer: &Layer, rows: usize) -> usize {
    rows.div_ceil(TILE) * row_stride(layer.fan_out)
}

/// Workgroups that update a layer: each leaves its sums.
fn update_groups(layer: &Layer) -> usize {
    tiles(layer.fan_in, row_stride(layer.fan_out)).div_ceil(kernels::LAYER_UPDATE.lanes as usize)
}

/// Where each layer's sums of squares lie in a buffer of all of them, and how long that is: every range
/// begins where a binding may.
pub(super) fn sums(layers: &[Layer]) -> (Vec<Range<usize>>, usize) {
    let mut end = 0usize;
    let ranges = layers.iter().map(|layer| {
        let start = end.next_multiple_of(64);
        end = start + 4 * update_groups(layer);
        start..end
    });
    (ranges.collect(), end)
}

/// Loop rounds of `output_loss`: each of the sum goes over the outputs' vectors; what follows goes over
/// the outputs, some ten times.
fn output_rounds(layer: &Layer) -> usize {
    let vectors = row_stride(layer.fan_out) / 4;
    row_stride(layer.fan_in) / 4 * (1 + vectors) + 10 * layer.fan_out
}

/// Whether the last layer and its loss are one dispatch.
pub(super) fn fuses_loss(layer: &Layer, gpu: &Gpu) -> bool {
    layer.fan_out <= FUSED_OUTPUTS && output_rounds(layer) <= gpu.max_rounds() as usize
}

/// Whether every sum of the fused kernels ends within a dispatch.
pub(super) fn check_rounds(network: &Network, batch: usize, gpu: &Gpu) -> Result<(), GpuError> {
    gpu.check_rounds(&format!("a sum over a batch of {batch}"), batch + TREE_ROUNDS)?;
    let last = network.layers().len() - 1;
    for layer in network.layers() {
        let index = layer.index;
        let [inputs, units] = [layer.fan_in, layer.fan_out].map(|len| row_stride(len) / 4);
        gpu.check_rounds(&format!("a sum over the inputs of layer {index}"), inputs)?;
        gpu.check_rounds(&format!("a sum over the units of layer {index}"), units)?;
        if index == last && !fuses_loss(&layer, gpu) {
            let rounds = loss_loops(network.loss()) * layer.fan_out;
            gpu.check_rounds(&format!("the loss of {} outputs", layer.fan_out), rounds)?;
        }
    }
    Ok(())
}

/// Where a layer's forward pass puts what it computes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forwarded<'a> {
    pub output: &'a Buffer,
    pub unit_counts: &'a Buffer,
    /// Where they are to be kept.
    pub pre_activations: Option<&'a Buffer>,
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
            let (input, state) =
                (self.layer_input(layer, inputs), &self.buffers.layers[layer.index]);
            let to = Forwarded {
                output: &state.a,
                unit_counts: &state.unit_counts,
                pre_activations: layer.activation.needs_pre_activation().then_some(&state.d_z),
            };
            list.push(self.layer_forward(layer, layer.activation, input, to, rows).await?);
        }
        list.extend(self.outputs_and_loss(inputs, targets, rows).await?);
        for layer in self.layers.iter().rev() {
            if layer.index > 0 {
                list.push(self.layer_input_grad(layer, rows).await?);
            }
            list.push(self.layer_update(layer, self.layer_input(layer, inputs), rows).await?);
        }
        if self.keeps_gradients {
            list.extend(self.optimizer_step().await?);
        }
        list.push(self.finish_step(rows).await?);
        Ok(list)
    }

    /// What a batch takes out of a part of the data set.
    pub(super) async fn gather_batch(
        &self,
        part: &Part,
        batch: &BatchBuffers,
        len: usize,
    ) -> Result<Dispatch, GpuError> {
        let network = &self.task.network;
        let strides = [network.inputs(), network.outputs()].map(|units| row_stride(units) / 4);
        let params = GatherBatchParams {
            len: len as u32,
            input_stride: strides[0] as u32,
            target_stride: strides[1] as u32,
            first_row: part.first as u32,
            source_rows: part.rows as u32,
        };
        let pipeline = self.gpu.pipeline(&kernels::GATHER_BATCH, &[]).await?;
        let bound = [&batch.rows, &part.inputs, &part.targets, &batch.inputs, &batch.targets];
        let vectors = len * (strides[0] + strides[1]);
        self.gpu.dispatch(&pipeline, &params, &bound.map(Slice::all), vectors, 0).await
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
            true => (layer.activation, &state.a),
            false => (Activation::Identity, &state.z),
        };
        // Either of them: the plain kernels take the slope from pre-activations that stand in z.
        let pre_activations =
            (at_output && kind.needs_pre_activation()).then_some(&state.z);
        let to = Forwarded { output, unit_counts: &state.unit_counts, pre_activations };
        let mut list = vec![self.layer_forward(layer, kind, input, to, rows).await?];
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
        kind: Activation,
        input: &Buffer,
        to: Forwarded<'_>,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let (block, input_stride) = (self.layout.block(layer.index), row_stride(layer.fan_in));
        let params = LayerForwardParams {
            rows: rows as u32,
            fan_in: layer.fan_in as u32,
            fan_out: layer.fan_out as u32,
            input_stride: (input_stride / 4) as u32,
            stride: (block.stride / 4) as u32,
        };
        let keeps = f64::from(u8::from(to.pre_activations.is_some()));
        let [kind, parameter] = kernels::activation_constants(&Layer { activation: kind, ..*layer });
        let constants = [kind, parameter, ("KEEP_PRE_ACTIVATIONS", keeps)];
        let pipeline = self.gpu.pipeline(&kernels::LAYER_FORWARD, &constants).await?;
        let parameters = self.block(&self.buffers.parameters, block);
        let bound = [
            Slice::all(input),
            parameters,
            Slice::all(to.output),
            Slice::all(to.unit_counts),
            // Something must be bound where nothing is kept.
            Slice::all(to.pre_activations.unwrap_or(&self.buffers.scale)),
        ];
        self.gpu
            .dispatch(&pipeline, &params, &bound, tiles(rows, block.stride), input_stride / 4)
            .await
    }

    async fn output_loss(
        &self,
        layer: &Layer,
        input: &Buffer,
        targets: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let (block, loss) = (self.layout.block(layer.index), self.task.network.loss());
        let params = OutputLossParams {
            rows: rows as u32,
            fan_in: layer.fan_in as u32,
            input_stride: (row_stride(layer.fan_in) / 4) as u32,
            gradient_scale: loss.gradient_scale(rows, layer.fan_out) as f32,
        };
        let constants = kernels::output_constants(&self.task.network);
        let lines = kernels::output_lines(layer.fan_out);
        let pipeline = self.gpu.shaped_pipeline(&kernels::OUTPUT_LOSS, &lines, &constants).await?;
        let d_output = &self.buffers.layers[layer.index].d_z;
        let bound = [
            Slice::all(input),
            self.block(&self.buffers.parameters, block),
            Slice::all(targets),
            Slice::all(&self.buffers.row_loss),
            Slice::all(d_output),
        ];
        self.gpu.dispatch(&pipeline, &params, &bound, rows, output_rounds(layer)).await
    }

    /// `d_z` of the layer before.
    async fn layer_input_grad(&self, layer: &Layer, rows: usize) -> Result<Dispatch, GpuError> {
        let (block, input_stride) = (self.layout.block(layer.index), row_stride(layer.fan_in));
        let params = LayerInputGradParams {
            rows: rows as u32,
            fan_in: layer.fan_in as u32,
            input_stride: (input_stride / 4) as u32,
            stride: (block.stride / 4) as u32,
        };
        let before = &self.buffers.layers[layer.index - 1];
        let constants = kernels::activation_constants(&self.layers[layer.index - 1]);
        let pipeline = self.gpu.pipeline(&kernels::LAYER_INPUT_GRAD, &constants).await?;
        let bound = [
            Slice::all(&self.buffers.layers[layer.index].d_z),
            self.block(&self.buffers.parameters, block),
            Slice::all(&before.a),
            Slice::all(&before.d_z),
        ];
        self.gpu
            .dispatch(&pipeline, &params, &bound, tiles(rows, input_stride), block.stride / 4)
            .await
    }

    /// The layer's gradients, and its update where nothing else needs them.
    async fn layer_update(
        &self,
        layer: &Layer,
        input: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let block = self.layout.block(layer.index);
        let numbers = self.task.coefficients(0.0, 0);
        let params = LayerUpdateParams {
            rows: rows as u32,
            fan_in: layer.fan_in as u32,
            fan_out: layer.fan_out as u32,
            input_stride: (row_stride(layer.fan_in) / 4) as u32,
            stride: (block.stride / 4) as u32,
            ring_len: RING_LEN,
            decay1: numbers.decay1 as f32,
            gain1: numbers.gain1 as f32,
            decay2: numbers.decay2 as f32,
            gain2: numbers.gain2 as f32,
            eps: numbers.eps as f32,
            weight_decay: numbers.weight_decay as f32,
            clip_value: self.clip_value(),
        };
        let keeps = ("KEEP_GRADIENTS", f64::from(u8::from(self.keeps_gradients)));
        let [optimizer, decay, clip_value] = self.optimizer_constants();
        let constants = [keeps, optimizer, decay, clip_value];
        let pipeline = self.gpu.pipeline(&kernels::LAYER_UPDATE, &constants).await?;
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
        self.gpu
            .dispatch(
                &pipeline,
                &params,
                &bound,
                tiles(layer.fan_in, block.stride),
                rows + TREE_ROUNDS,
            )
            .await
    }

    /// The step's loss, and the step counted.
    async fn finish_step(&self, rows: usize) -> Result<Dispatch, GpuError> {
        let loss = self.task.network.loss();
        let params = LossMeanParams {
            rows: rows as u32,
            ring_len: RING_LEN,
            scale: loss.value_scale(rows, self.task.network.outputs()) as f32,
        };
        let lanes = kernels::FINISH_STEP.lanes as usize;
        let pipeline = self.gpu.pipeline(&kernels::FINISH_STEP, &[]).await?;
        let Self { buffers, .. } = self;
        let bound = [
            Slice::all(&buffers.row_loss),
            Slice::range(&buffers.clock, 0, 1),
            Slice::all(&buffers.losses),
        ];
        let rounds = rows.div_ceil(lanes) + TREE_ROUNDS;
        self.gpu.dispatch(&pipeline, &params, &bound, lanes, rounds).await
    }
}
