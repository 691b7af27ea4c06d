//! A training step, top to bottom: the batch, and then one kernel per formula, or fused ones.

use super::rows::Part;
use super::{BatchBuffers, Kernels, LayeredEngine, RING_LEN};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels::{
    self, ActivateParams, AdvanceParams, BatchRowsParams, BiasParams, GatherParams, LossMeanParams,
    LossParams, MatmulParams,
};
use crate::network::{GradientAt, Layer, LayerBlock, Link, Loss, Network, row_stride};
use crate::random::seed_key;

/// Loop rounds granted to the walk of `batch_rows`: it lands on a row with a chance of at least a
/// half each time, and llvmpipe's own limit is far away.
const WALK_ROUNDS: usize = 64;
/// Rounds of `loss_mean` over its halves.
pub(super) const TREE_ROUNDS: usize = 8;

/// Whether every sum of the plain kernels ends within a dispatch.
pub(super) fn check_rounds(network: &Network, batch: usize, gpu: &Gpu) -> Result<(), GpuError> {
    let outputs = network.outputs();
    let rounds = loss_loops(network.loss()) * outputs;
    gpu.check_rounds(&format!("the loss of {outputs} outputs"), rounds)?;
    gpu.check_rounds(&format!("a sum over a batch of {batch}"), batch)?;
    for layer in network.layers() {
        let index = layer.index;
        gpu.check_rounds(&format!("a sum over the inputs of layer {index}"), layer.fan_in)?;
        gpu.check_rounds(&format!("a sum over the units of layer {index}"), layer.fan_out)?;
    }
    Ok(())
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
                    match self.kernels {
                        Kernels::Fused => list.push(self.gather_batch(part, batch, rows).await?),
                        Kernels::Plain => list.extend(self.gather(part, batch, rows).await?),
                    }
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
            list.extend(self.forward_layer(layer, input, &state.z, &state.a, rows).await?);
        }

        list.push(self.loss(targets, rows).await?);
        list.push(self.loss_mean(rows).await?);

        for layer in self.layers.iter().rev() {
            let state = &buffers.layers[layer.index];
            let is_last = layer.index + 1 == self.layers.len();
            if !is_last || self.task.network.loss().gradient_at() == GradientAt::Output {
                list.push(self.activate_grad(layer, rows).await?);
            }
            let input = self.layer_input(layer, inputs);
            list.push(self.weights_grad(layer, input, &state.d_z, rows).await?);
            list.push(self.bias_grad(layer, &state.d_z, rows).await?);
            if let Some(previous) = layer.index.checked_sub(1) {
                let d_input = &buffers.layers[previous].d_a;
                list.push(self.input_grad(layer, &state.d_z, d_input, rows).await?);
            }
        }

        list.extend(self.optimizer_step().await?);
        list.push(advance(&self.gpu, &self.buffers.clock).await?);
        Ok(list)
    }

    /// What feeds a layer: the one before it, or the batch.
    pub(super) fn layer_input<'a>(&'a self, layer: &Layer, inputs: &'a Buffer) -> &'a Buffer {
        match layer.index.checked_sub(1) {
            Some(previous) => &self.buffers.layers[previous].a,
            None => inputs,
        }
    }

    /// One layer's block of a buffer that lies in the network's layout.
    pub(super) fn block<'a>(&self, buffer: &'a Buffer, block: LayerBlock) -> Slice<'a> {
        Slice::range(buffer, block.offset, block.len)
    }

    async fn batch_rows(&self, rows: &Buffer, len: usize) -> Result<Dispatch, GpuError> {
        let batches = &self.task.batches;
        let [seed_low, seed_high] = seed_key(batches.seed());
        let params = BatchRowsParams {
            len: len as u32,
            data_rows: batches.rows() as u32,
            batch: batches.batch() as u32,
            steps_per_epoch: batches.steps_per_epoch() as u32,
            seed_low,
            seed_high,
            shuffled: batches.shuffled().into(),
        };
        let pipeline = self.gpu.pipeline(&kernels::BATCH_ROWS, &[]).await?;
        let buffers = [Slice::range(&self.buffers.clock, 0, 1), Slice::all(rows)];
        self.gpu.dispatch(&pipeline, &params, &buffers, len, WALK_ROUNDS).await
    }

    /// What a batch takes out of a part of the data set.
    async fn gather(
        &self,
        part: &Part,
        batch: &BatchBuffers,
        len: usize,
    ) -> Result<[Dispatch; 2], GpuError> {
        let pipeline = self.gpu.pipeline(&kernels::GATHER, &[]).await?;
        let one = async |source: &Buffer, output: &Buffer, cols: usize| {
            let params = GatherParams {
                len: len as u32,
                cols: cols as u32,
                stride: row_stride(cols) as u32,
                first_row: part.first as u32,
                source_rows: part.rows as u32,
            };
            let buffers = [Slice::all(&batch.rows), Slice::all(source), Slice::all(output)];
            self.gpu.dispatch(&pipeline, &params, &buffers, len * cols, 0).await
        };
        let network = &self.task.network;
        Ok([
            one(&part.inputs, &batch.inputs, network.inputs()).await?,
            one(&part.targets, &batch.targets, network.outputs()).await?,
        ])
    }

    /// `z = input . weights`, `z += bias`, `a = activation(z)`.
    async fn forward_layer(
        &self,
        layer: &Layer,
        input: &Buffer,
        z: &Buffer,
        a: &Buffer,
        rows: usize,
    ) -> Result<[Dispatch; 3], GpuError> {
        let block = self.layout.block(layer.index);
        let stride = block.stride as u32;
        let parameters = || self.block(&self.buffers.parameters, block);
        let elements = rows * layer.fan_out;

        let params = MatmulParams {
            m: rows as u32,
            k: layer.fan_in as u32,
            n: layer.fan_out as u32,
            left_stride: row_stride(layer.fan_in) as u32,
            right_stride: stride,
            output_stride: stride,
        };
        let bound = [Slice::all(input), parameters(), Slice::all(z)];
        let matmul = matmul(&self.gpu, params, (false, false), &bound).await?;

        let params = bias_params(layer, block, rows);
        let pipeline = self.gpu.pipeline(&kernels::BIAS_ADD, &[]).await?;
        let bound = [parameters(), Slice::all(z)];
        let bias_add = self.gpu.dispatch(&pipeline, &params, &bound, elements, 0).await?;
        Ok([matmul, bias_add, self.activate(layer, z, a, rows).await?])
    }

    /// `a = activation(z)`.
    pub(super) async fn activate(
        &self,
        layer: &Layer,
        z: &Buffer,
        a: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let stride = row_stride(layer.fan_out) as u32;
        let params = ActivateParams { rows: rows as u32, cols: layer.fan_out as u32, stride };
        let constants = kernels::activation_constants(layer);
        let pipeline = self.gpu.pipeline(&kernels::ACTIVATE, &constants).await?;
        let bound = [Slice::all(z), Slice::all(a)];
        self.gpu.dispatch(&pipeline, &params, &bound, rows * layer.fan_out, 0).await
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
        let params = LossParams {
            rows: rows as u32,
            cols: outputs as u32,
            stride: row_stride(outputs) as u32,
            scale: loss.gradient_scale(rows, outputs) as f32,
        };
        let pipeline = match loss.link() {
            Link::Softmax => self.gpu.pipeline(&kernels::LOSS_SOFTMAX, &[]).await?,
            Link::Identity | Link::Sigmoid => {
                let constants = kernels::loss_constants(&self.task.network);
                self.gpu.pipeline(&kernels::LOSS_ELEMENTWISE, &constants).await?
            }
        };
        let row_loss = Slice::all(&self.buffers.row_loss);
        let buffers = [Slice::all(from), Slice::all(targets), row_loss, Slice::all(d)];
        self.gpu.dispatch(&pipeline, &params, &buffers, rows, loss_loops(loss) * outputs).await
    }

    async fn loss_mean(&self, rows: usize) -> Result<Dispatch, GpuError> {
        let loss = self.task.network.loss();
        let params = LossMeanParams {
            rows: rows as u32,
            ring_len: RING_LEN,
            scale: loss.value_scale(rows, self.task.network.outputs()) as f32,
        };
        let lanes = kernels::LOSS_MEAN.lanes as usize;
        let pipeline = self.gpu.pipeline(&kernels::LOSS_MEAN, &[]).await?;
        let Self { buffers, .. } = self;
        let bound = [
            Slice::all(&buffers.row_loss),
            Slice::range(&buffers.clock, 0, 1),
            Slice::all(&buffers.losses),
        ];
        self.gpu
            .dispatch(&pipeline, &params, &bound, lanes, rows.div_ceil(lanes) + TREE_ROUNDS)
            .await
    }

    /// `d_z = d_a * slope`.
    pub(super) async fn activate_grad(
        &self,
        layer: &Layer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let state = &self.buffers.layers[layer.index];
        let stride = row_stride(layer.fan_out) as u32;
        let params = ActivateParams { rows: rows as u32, cols: layer.fan_out as u32, stride };
        let constants = kernels::activation_constants(layer);
        let pipeline = self.gpu.pipeline(&kernels::ACTIVATE_GRAD, &constants).await?;
        let buffers = [&state.z, &state.a, &state.d_a, &state.d_z].map(Slice::all);
        self.gpu.dispatch(&pipeline, &params, &buffers, rows * layer.fan_out, 0).await
    }

    /// `d_weights = input^T . d_z`.
    async fn weights_grad(
        &self,
        layer: &Layer,
        input: &Buffer,
        d_z: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let block = self.layout.block(layer.index);
        let params = MatmulParams {
            m: layer.fan_in as u32,
            k: rows as u32,
            n: layer.fan_out as u32,
            left_stride: row_stride(layer.fan_in) as u32,
            right_stride: block.stride as u32,
            output_stride: block.stride as u32,
        };
        let gradients = self.block(&self.buffers.gradients, block);
        let buffers = [Slice::all(input), Slice::all(d_z), gradients];
        matmul(&self.gpu, params, (true, false), &buffers).await
    }

    /// `d_bias = column sums of d_z`.
    async fn bias_grad(
        &self,
        layer: &Layer,
        d_z: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let block = self.layout.block(layer.index);
        let params = bias_params(layer, block, rows);
        let pipeline = self.gpu.pipeline(&kernels::BIAS_GRAD, &[]).await?;
        let buffers = [Slice::all(d_z), self.block(&self.buffers.gradients, block)];
        self.gpu.dispatch(&pipeline, &params, &buffers, layer.fan_out, rows).await
    }

    /// `d_input = d_z . weights^T`.
    async fn input_grad(
        &self,
        layer: &Layer,
        d_z: &Buffer,
        d_input: &Buffer,
        rows: usize,
    ) -> Result<Dispatch, GpuError> {
        let block = self.layout.block(layer.index);
        let params = MatmulParams {
            m: rows as u32,
            k: layer.fan_out as u32,
            n: layer.fan_in as u32,
            left_stride: block.stride as u32,
            right_stride: block.stride as u32,
            output_stride: row_stride(layer.fan_in) as u32,
        };
        let parameters = self.block(&self.buffers.parameters, block);
        let buffers = [Slice::all(d_z), parameters, Slice::all(d_input)];
        matmul(&self.gpu, params, (false, true), &buffers).await
    }
}

/// Adds one to a counter.
pub(super) async fn advance(gpu: &Gpu, counter: &Buffer) -> Result<Dispatch, GpuError> {
    let pipeline = gpu.pipeline(&kernels::ADVANCE, &[]).await?;
    gpu.dispatch(&pipeline, &AdvanceParams { steps: 1 }, &[Slice::range(counter, 0, 1)], 1, 0).await
}

/// Loops that a loss's kernel makes over all outputs.
pub(super) fn loss_loops(loss: Loss) -> usize {
    match loss.link() {
        Link::Softmax => 3,
        Link::Identity | Link::Sigmoid => 1,
    }
}

fn bias_params(layer: &Layer, block: LayerBlock, rows: usize) -> BiasParams {
    BiasParams {
        rows: rows as u32,
        cols: layer.fan_out as u32,
        stride: block.stride as u32,
        bias_offset: block.bias_offset as u32,
    }
}

/// One product, with the operands transposed as told.
async fn matmul(
    gpu: &Gpu,
    params: MatmulParams,
    (left, right): (bool, bool),
    buffers: &[Slice<'_>],
) -> Result<Dispatch, GpuError> {
    let constants = [
        ("TRANSPOSE_LEFT", f64::from(u8::from(left))),
        ("TRANSPOSE_RIGHT", f64::from(u8::from(right))),
    ];
    let pipeline = gpu.pipeline(&kernels::MATMUL, &constants).await?;
    let elements = params.m as usize * params.n as usize;
    gpu.dispatch(&pipeline, &params, buffers, elements, params.k as usize).await
}
