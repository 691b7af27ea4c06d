//! A forward pass alone, over rows that need not be the training's, with buffers of its own: what
//! the last step left behind stays readable.

use std::ops::Range;

use super::forwarded::{Forwarded, IDENTITY};
use super::step::advance;
use super::{LayeredEngine, check_done};
use crate::data::Dataset;
use crate::engine::watched::{Portion, Watched, rows_of_a_portion};
use crate::engine::{Forward, pad_rows, unpad_rows};
use crate::gpu::{Buffer, Dispatch, GpuError, Slice};
use crate::kernels::unit_counts_len;
use crate::network::{Layer, NormBlock, row_stride};

/// Bytes that the widest layer's activations may take; more rows go in several passes.
const WIDEST_BYTES: usize = 32 << 20;

/// The dispatches of a forward pass over `rows` rows at a time.
pub(super) struct ForwardPass {
    rows: usize,
    input: Buffer,
    z: Buffer,
    a: Buffer,
    /// Passes done, counted by the last dispatch of each.
    passes: Buffer,
    list: Vec<Dispatch>,
}

impl ForwardPass {
    /// For `rows` rows, or as many as fit.
    pub(super) async fn new(engine: &LayeredEngine, rows: usize) -> Result<ForwardPass, GpuError> {
        let gpu = &engine.gpu;
        let network = &engine.task.network;
        let widest = network.sizes().iter().copied().max().unwrap_or(1);
        let rows = rows.clamp(1, (WIDEST_BYTES / 4 / row_stride(widest)).max(1));
        let input = gpu.buffer("rows to predict", rows * row_stride(network.inputs())).await?;
        let mut list = Vec::new();
        let counts = engine
            .layers
            .iter()
            .map(|layer| unit_counts_len(rows, layer.fan_out))
            .max()
            .unwrap_or(1);
        let counts = gpu.buffer("counts of units", counts).await?;
        let (mut from, mut z) = (input.clone(), input.clone());
        for layer in &engine.layers {
            let len = rows * row_stride(layer.fan_out);
            let a = gpu.buffer("activations", len).await?;
            let is_last = layer.index + 1 == engine.layers.len();
            if let Some(block) = engine.layout.norm(layer.index) {
                let z = gpu.buffer("pre-activations", len).await?;
                let to = Forwarded { output: &a, unit_counts: &counts, pre_activations: None };
                list.extend(
                    engine.evaluate_layer(layer, block, Slice::all(&from), &z, to, rows).await?,
                );
                from = a;
                continue;
            }
            // Of the last layer both sides of the activation are wanted.
            let kind = if is_last { IDENTITY } else { layer.function() };
            let to = if is_last { gpu.buffer("pre-activations", len).await? } else { a.clone() };
            let forwarded = Forwarded { output: &to, unit_counts: &counts, pre_activations: None };
            let input = Slice::all(&from);
            list.push(engine.layer_forward(layer, kind, input, forwarded, rows).await?);
            if is_last {
                list.push(engine.activate(layer, &to, &a, rows).await?);
            }
            (from, z) = (a, to);
        }
        let passes = gpu.buffer("passes", 1).await?;
        list.push(advance(gpu, &passes).await?);
        Ok(ForwardPass { rows, input, z, a: from, passes, list })
    }

    /// The outputs of all of `inputs`, `self.rows` rows at a time.
    pub(super) async fn run(
        &self,
        engine: &LayeredEngine,
        inputs: &[f32],
    ) -> Result<Forward, GpuError> {
        let mut result = Forward::default();
        for (passed, chunk) in (1..).zip(inputs.chunks(self.rows * engine.task.network.inputs())) {
            let wanted = self.begin(engine, chunk);
            engine.gpu.wait(engine.gpu.submit(&self.list)).await?;
            let lists = engine.gpu.read::<f32>(&wanted).await?;
            let seen = ForwardPass::end(engine, passed, &lists)?;
            result.pre_activations.extend(seen.pre_activations);
            result.outputs.extend(seen.outputs);
        }
        Ok(result)
    }

    /// Hands over inputs; returns what is to be read once the dispatches have run.
    fn begin(&self, engine: &LayeredEngine, inputs: &[f32]) -> [(&Buffer, Range<usize>); 3] {
        let network = &engine.task.network;
        let input_len = network.inputs();
        engine.gpu.write(&self.input, 0, &pad_rows(inputs, input_len, row_stride(input_len)));
        let range = 0..inputs.len() / input_len * row_stride(network.outputs());
        [(&self.z, range.clone()), (&self.a, range), (&self.passes, 0..1)]
    }

    /// What was read, after so many passes.
    fn end(engine: &LayeredEngine, passed: u32, lists: &[Vec<f32>]) -> Result<Forward, GpuError> {
        check_done("forward passes", passed, lists[2][0].to_bits())?;
        let outputs = engine.task.network.outputs();
        let own = |list: &[f32]| unpad_rows(list, outputs, row_stride(outputs));
        Ok(Forward { pre_activations: own(&lists[0]), outputs: own(&lists[1]) })
    }
}

impl LayeredEngine {
    /// The outputs of several engines of one device, of networks of one shape, for the same inputs: in one submission,
    /// as far as their activations together are no more than one pass may have.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn forward_together(
        engines: &[&LayeredEngine],
        inputs: &[f32],
    ) -> Result<Vec<Forward>, GpuError> {
        let Some(first) = engines.first() else { return Ok(Vec::new()) };
        let (gpu, network) = (&first.gpu, &first.task.network);
        let rows = inputs.len() / network.inputs();
        let of_a_row: usize = network.sizes().iter().map(|&units| row_stride(units)).sum();
        let at_once = (WIDEST_BYTES / 4 / (rows * of_a_row).max(1)).max(1);
        let mut all = Vec::new();
        for group in engines.chunks(at_once) {
            if let [only] = group {
                all.push(only.forward(inputs).await?);
                continue;
            }
            let mut passes = Vec::new();
            for engine in group {
                passes.push(ForwardPass::new(engine, rows).await?);
            }
            let both = || group.iter().zip(&passes);
            let wanted: Vec<_> = both().flat_map(|(one, pass)| pass.begin(one, inputs)).collect();
            gpu.wait(gpu.submit(passes.iter().flat_map(|pass| &pass.list))).await?;
            let lists = gpu.read::<f32>(&wanted).await?;
            for (engine, lists) in group.iter().zip(lists.chunks_exact(3)) {
                all.push(ForwardPass::end(engine, 1, lists)?);
            }
        }
        Ok(all)
    }

    /// A layer with a norm by its running estimates, by way of `z`.
    async fn evaluate_layer(
        &self,
        layer: &Layer,
        block: NormBlock,
        input: Slice<'_>,
        z: &Buffer,
        to: Forwarded<'_>,
        rows: usize,
    ) -> Result<[Dispatch; 2], GpuError> {
        let by = (block, self.running(block));
        Ok([
            self.layer_forward(layer, IDENTITY, input, Forwarded { output: z, ..to }, rows).await?,
            self.norm_apply(layer, by, layer.function(), z, to, rows).await?,
        ])
    }

    /// From now on, looks at these rows when it is asked to.
    ///
    /// # Errors
    /// [`GpuError`] where there is no room for them.
    pub async fn watch(&mut self, data: &Dataset) -> Result<(), GpuError> {
        let engine = &*self;
        let (gpu, network) = (&engine.gpu, &engine.task.network);
        let rows = rows_of_a_portion(gpu, network, 1, data);
        let counts = engine.layers.iter().map(|layer| unit_counts_len(rows, layer.fan_out));
        let counts = gpu.buffer("counts of units", counts.max().unwrap_or(1)).await?;
        let widest = network.layers().filter(Layer::is_normed).map(|layer| layer.fan_out).max();
        let z = match widest {
            Some(units) => Some(gpu.buffer("pre-activations", rows * row_stride(units)).await?),
            None => None,
        };
        let forward = async |portion: &Portion<'_>| {
            let mut list = Vec::new();
            for layer in &engine.layers {
                let [to, fro] = portion.activations;
                let (output, before) = if layer.index % 2 == 0 { (to, fro) } else { (fro, to) };
                let (kind, input) = match layer.index {
                    0 => (layer.function(), portion.own_inputs(row_stride(layer.fan_in))),
                    _ => (layer.function(), Slice::all(before)),
                };
                let is_last = layer.index + 1 == engine.layers.len();
                let kind = if is_last { IDENTITY } else { kind };
                let to = Forwarded { output, unit_counts: &counts, pre_activations: None };
                if let (Some(block), Some(z)) = (engine.layout.norm(layer.index), &z) {
                    let rows = portion.rows;
                    list.extend(engine.evaluate_layer(layer, block, input, z, to, rows).await?);
                    continue;
                }
                list.push(engine.layer_forward(layer, kind, input, to, portion.rows).await?);
            }
            Ok(list)
        };
        let watched = Watched::new(gpu, network, 1, data, forward).await?;
        self.watched = Some(watched);
        Ok(())
    }
}
