//! What a batch goes through: all layers, the loss, and back to the gradients of all parameters.

use super::layer::LayerPass;
use super::math::{activate, apply_slope, loss_gradient, row_loss};
use super::narrow;
use super::norm::NormPass;
use super::product::{
    View, add_row, bias_gradients, gemm, input_gradients, rows_mut, rows_of, weight_gradients,
    weighted_sums,
};
use crate::network::{GradientAt, Layer, Layout, Loss, Mask, Network, row_stride};

/// Multiply-adds from which a product is worth a call of the library.
const LIBRARY_WORK: usize = 8192;

/// A network's layers over the rows of a batch.
#[derive(Debug)]
pub(super) struct Pass {
    pub layers: Vec<LayerPass>,
    rows: usize,
    loss: (Loss, f32),
    outputs: usize,
    /// What slopes of the loss are multiplied by.
    scale: f32,
    /// Of each row the sum of the exponentials of a softmax, where the loss is of one.
    totals: Vec<f32>,
    /// Whether no layer has more than four units, and none a norm or dropout.
    pub(super) is_narrow: bool,
}

impl Pass {
    /// With room for so many rows.
    pub(super) fn new(network: &Network, rows: usize) -> Pass {
        let layout = Layout::new(network);
        let layer = |layer: Layer| {
            let block = layout.block(layer.index);
            let norm = layout.norm(layer.index).map(NormPass::new);
            let [z, a, d_z, factors, dropped] = [(); 5].map(|()| Vec::new());
            LayerPass { layer, block, z, a, d_z, norm, drops: false, factors, dropped }
        };
        let mut pass = Pass {
            layers: network.layers().map(layer).collect(),
            rows: 0,
            loss: (network.loss(), network.loss_parameter() as f32),
            outputs: network.outputs(),
            scale: 0.0,
            totals: Vec::new(),
            is_narrow: network.sizes().iter().all(|&units| units <= 4)
                && !network.differs_in_training(),
        };
        pass.resize(rows);
        pass
    }

    /// So many rows from now on.
    pub(super) fn resize(&mut self, rows: usize) {
        self.rows = rows;
        self.scale = self.loss.0.gradient_scale(rows, self.outputs) as f32;
        self.totals.resize(rows, 0.0);
        for LayerPass { layer, block, z, a, d_z, norm, factors, dropped, .. } in &mut self.layers {
            for list in [z, a, d_z] {
                list.resize(rows * block.stride, 0.0);
            }
            if layer.dropout > 0.0 {
                for list in [factors, dropped] {
                    list.resize(rows * block.stride, 0.0);
                }
            }
            if let Some(norm) = norm {
                norm.resize(rows);
            }
        }
    }

    /// Rows it has room for.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Every layer's `z` and `a`, from `input` `[rows][stride]`. In a step, given by its seed and number, norms are of
    /// these rows, and activations are dropped.
    pub(super) fn forward(&mut self, parameters: &[f32], input: &[f32], step: Option<(u64, u32)>) {
        if self.is_narrow {
            return narrow::forward(&mut self.layers, parameters, input);
        }
        let rows = self.rows;
        for index in 0..self.layers.len() {
            let (before, from) = self.layers.split_at_mut(index);
            let LayerPass { layer, block, z, a, norm, drops, factors, dropped, .. } = &mut from[0];
            let (in_stride, stride) = (row_stride(layer.fan_in), block.stride);
            let (weights, bias) = parameters[block.range()].split_at(block.bias_offset);
            let input = before.last().map_or(input, LayerPass::output);
            if is_large(rows, layer) {
                let x = View::rows(input, rows, layer.fan_in, in_stride);
                gemm(x, View::rows(weights, layer.fan_in, layer.fan_out, stride), z, stride);
                rows_mut(z, stride).for_each(|z| add_row(z, 1.0, bias));
            } else {
                weighted_sums((input, in_stride), (weights, bias), (z, stride));
            }
            let z = match norm {
                Some(norm) => {
                    norm.forward(parameters, z, step.is_some());
                    &norm.n
                }
                None => z,
            };
            activate(layer, stride, z, a);
            let mask = step.and_then(|(seed, step)| Mask::new(layer, seed, step));
            *drops = mask.is_some();
            if let Some(mask) = mask {
                for (row, factors) in rows_mut(factors, stride).enumerate() {
                    mask.factors(row, &mut factors[..layer.fan_out]);
                }
                dropped.copy_from_slice(a);
                drop_units(factors, dropped);
            }
        }
    }

    /// Leaves the gradient of the loss in the last layer's `d_z`. Returns whether every prediction is near its
    /// target.
    pub(super) fn loss_gradient(&mut self, target: &[f32], is_weighted: bool) -> bool {
        let &mut Pass { loss, outputs, scale, ref mut totals, .. } = self;
        let Some(LayerPass { layer, z, a, d_z, .. }) = self.layers.last_mut() else {
            return true;
        };
        let is_one =
            !is_weighted && !matches!(loss.0, Loss::BceWithLogits | Loss::SoftmaxCrossEntropy);
        let all_near = if is_one {
            // Of padding it is 0 too: all rows as one.
            loss_gradient(loss, a, target, (d_z, scale), &mut 0.0)
        } else {
            let [stride, target_stride] =
                [outputs, outputs + usize::from(is_weighted)].map(row_stride);
            let rows = rows_of(a, stride).zip(rows_of(target, target_stride));
            let mut all_near = true;
            for (((a, target), d), total) in rows.zip(rows_mut(d_z, stride)).zip(totals) {
                let scale = if is_weighted { scale * target[outputs] } else { scale };
                let (a, target, d) = (&a[..outputs], &target[..outputs], &mut d[..outputs]);
                all_near &= loss_gradient(loss, a, target, (d, scale), total);
            }
            all_near
        };
        if loss.0.gradient_at() == GradientAt::Output {
            apply_slope(layer, z, a, d_z);
        }
        all_near
    }

    /// The loss of the rows.
    pub(super) fn loss(&self, target: &[f32], is_weighted: bool) -> f32 {
        let Pass { loss, outputs, rows, .. } = *self;
        let Some(LayerPass { block, z, a, .. }) = self.layers.last() else { return 0.0 };
        let target = rows_of(target, row_stride(outputs + usize::from(is_weighted)));
        let values = rows_of(z, block.stride).zip(rows_of(a, block.stride)).zip(target);
        let sum = values.zip(&self.totals).fold(0.0, |sum, (((z, a), target), &total)| {
            let weight = if is_weighted { target[outputs] } else { 1.0 };
            let (values, target) = ([&z[..outputs], &a[..outputs]], &target[..outputs]);
            sum + f64::from(weight) * row_loss(loss, values, target, total)
        });
        (sum * loss.0.value_scale(rows, outputs)) as f32
    }

    /// The gradients of all parameters, from that of the loss.
    pub(super) fn backward(&mut self, parameters: &[f32], input: &[f32], gradients: &mut [f32]) {
        if self.is_narrow {
            return narrow::backward(&mut self.layers, parameters, input, gradients);
        }
        let rows = self.rows;
        for index in (0..self.layers.len()).rev() {
            let (before, from) = self.layers.split_at_mut(index);
            let LayerPass { layer, block, d_z, .. } = &from[0];
            let (in_stride, stride, units) =
                (row_stride(layer.fan_in), block.stride, layer.fan_out);
            let x = before.last().map_or(input, LayerPass::output);
            let (d_weights, d_bias) = gradients[block.range()].split_at_mut(block.bias_offset);
            let is_large = is_large(rows, layer);
            let d = || View::rows(d_z, rows, layer.fan_out, stride);
            if is_large {
                let x = View { data: x, rows: layer.fan_in, cols: rows, steps: (1, in_stride) };
                gemm(x, d(), d_weights, stride);
                bias_gradients((d_z, stride), d_bias);
            } else {
                weight_gradients((x, in_stride), (d_z, stride, units), (d_weights, d_bias));
            }
            let Some(below) = before.last_mut() else { return };
            let LayerPass { layer: below, z, a, d_z: d_below, norm, drops, factors, .. } = below;
            let weights = &parameters[block.range()][..block.bias_offset];
            if is_large {
                let (rows, cols, steps) = (layer.fan_out, layer.fan_in, (1, stride));
                gemm(d(), View { data: weights, rows, cols, steps }, d_below, in_stride);
            } else {
                input_gradients((d_z, stride, units), weights, (d_below, in_stride));
            }
            if *drops {
                drop_units(factors, d_below);
            }
            match norm {
                Some(norm) => {
                    apply_slope(below, &norm.n, a, d_below);
                    norm.backward(parameters, z, d_below, gradients);
                }
                None => apply_slope(below, z, a, d_below),
            }
        }
    }

    /// Moves the running estimates of norms towards those of the batch.
    pub(super) fn move_running(&self, parameters: &mut [f32]) {
        // The compiler would compute the factor of unbiased variances here in every step, with or without norms.
        if self.is_narrow {
            return;
        }
        for norm in self.layers.iter().filter_map(|layer| layer.norm.as_ref()) {
            norm.move_running(parameters, self.rows);
        }
    }

    /// The products of a step by the library, and nothing else: what a step cannot do without. What the
    /// last step computed is overwritten.
    pub(super) fn products_alone(
        &mut self,
        parameters: &[f32],
        input: &[f32],
        gradients: &mut [f32],
    ) {
        let rows = self.rows;
        for index in 0..self.layers.len() {
            let (before, from) = self.layers.split_at_mut(index);
            let LayerPass { layer, block, z, d_z, .. } = &mut from[0];
            let (Layer { fan_in, fan_out, .. }, stride) = (*layer, block.stride);
            let (weights, in_stride) = (&parameters[block.range()], row_stride(fan_in));
            let input = before.last().map_or(input, |layer| &layer.a);
            let w = View::rows(weights, fan_in, fan_out, stride);
            gemm(View::rows(input, rows, fan_in, in_stride), w, z, stride);
            let d = || View::rows(d_z, rows, fan_out, stride);
            let transposed = View { data: input, rows: fan_in, cols: rows, steps: (1, in_stride) };
            gemm(transposed, d(), &mut gradients[block.range()], stride);
            if let Some(below) = before.last_mut() {
                let w = View { data: weights, rows: fan_out, cols: fan_in, steps: (1, stride) };
                gemm(d(), w, &mut below.d_z, in_stride);
            }
        }
    }
}

/// What is left of a layer's numbers: 0 where its factor is, whatever the number.
fn drop_units(factors: &[f32], values: &mut [f32]) {
    for (value, &factor) in values.iter_mut().zip(factors) {
        *value = if factor == 0.0 { 0.0 } else { *value * factor };
    }
}

fn is_large(rows: usize, layer: &Layer) -> bool {
    rows * layer.fan_in * layer.fan_out >= LIBRARY_WORK
}
