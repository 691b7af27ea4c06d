//! The oracle: plain loops, no speed, no wgpu. A network's forward, loss, backward and update are
//! put together here from the twins of the kernels.

pub mod fused;
pub mod norm;
pub mod twins;

pub use crate::network::Real;

use crate::network::{Activation, GradientAt, Layer, Layout, Link, Mask, Network, NormBlock};
use crate::optimizer::Optimizer;
use twins::{Grid, MatmulShape, TargetRows};

/// What one step computed, `[rows][units]` without padding, one list per weight layer.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Trace<T> {
    /// `z` of each layer.
    pub pre_activations: Vec<Vec<T>>,
    /// `a` of each layer; the last is the outputs.
    pub activations: Vec<Vec<T>>,
    /// dLoss/dz of each layer.
    pub d_pre_activations: Vec<Vec<T>>,
}

/// What the last step computed between these, and then wrote over or added up. `[rows][units]` without padding, one list
/// per weight layer, but for what is said.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Between<T> {
    /// `input . weights` of each layer, before the bias is added.
    pub products: Vec<Vec<T>>,
    /// Of each layer with a norm the means and variances that it took, `[2][units]`; of others nothing.
    pub statistics: Vec<Vec<T>>,
    /// What the norm of each layer made of `z`; nothing of a layer without one.
    pub normalized: Vec<Vec<T>>,
    /// What dropout left of the activations of each layer; nothing of a layer without it.
    pub dropped: Vec<Vec<T>>,
    /// The loss's gradient with respect to these.
    pub d_dropped: Vec<Vec<T>>,
    /// dLoss/da of each layer; none of the last where the loss gives dLoss/dz at once.
    pub d_activations: Vec<Vec<T>>,
    /// The loss's gradient with respect to what a norm made; nothing of a layer without one.
    pub d_normalized: Vec<Vec<T>>,
    /// The loss of each row, `[rows]`.
    pub row_loss: Vec<T>,
    /// The mean of them.
    pub loss: T,
    /// The sum of the squares of all gradients, each clipped by value.
    pub squares: T,
    /// What gradients are multiplied by where their norm is clipped.
    pub clip_scale: T,
}

/// What norms take their means and variances from, and whether activations are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The rows of the batch, and they are.
    Training,
    /// The running estimates, and they are not.
    Evaluation,
}

/// A network with its parameters, and what its last step computed.
#[derive(Debug, Clone)]
pub struct Reference<T> {
    network: Network,
    layout: Layout,
    /// In [`Layout`].
    pub parameters: Vec<T>,
    /// In [`Layout`]; of the last backward pass.
    pub gradients: Vec<T>,
    /// Of the last forward and backward pass.
    pub trace: Trace<T>,
    /// Of the last step.
    pub between: Between<T>,
    /// The optimizer's moments, in [`Layout`].
    pub moments: [Vec<T>; 2],
    /// Steps done with an optimizer.
    pub steps: u32,
    /// What the masks of dropout are drawn from, with the number of the step.
    pub seed: u64,
}

impl<T: Real> Reference<T> {
    /// `network` with `parameters`, `[len]` of its [`Layout`].
    ///
    /// # Panics
    /// Where there are not as many of them.
    pub fn new(network: &Network, parameters: Vec<T>) -> Reference<T> {
        let layout = Layout::new(network);
        assert_eq!(parameters.len(), layout.len(), "parameters in the network's layout");
        let len = layout.len();
        let gradients = vec![T::of(0.0); len];
        Reference {
            network: network.clone(),
            layout,
            parameters,
            gradients,
            trace: Trace::default(),
            between: Between::default(),
            moments: [vec![T::of(0.0); len], vec![T::of(0.0); len]],
            steps: 0,
            seed: 0,
        }
    }

    /// Outputs `[rows][outputs]` of `inputs` `[rows][inputs]`, as a prediction makes them: norms take their running
    /// estimates, and nothing is dropped.
    pub fn forward(&mut self, inputs: &[T]) -> &[T] {
        self.forward_as(Mode::Evaluation, inputs)
    }

    /// The same as a step makes them: norms take the statistics of these rows, and move their running
    /// estimates; dropout has the mask of the step to come.
    pub fn forward_in_training(&mut self, inputs: &[T]) -> &[T] {
        self.forward_as(Mode::Training, inputs)
    }

    fn forward_as(&mut self, mode: Mode, inputs: &[T]) -> &[T] {
        self.trace = Trace::default();
        self.between = Between::default();
        for index in 0..self.network.activations().len() {
            self.pre_activate(index, inputs);
            self.activate(index, mode);
        }
        self.outputs()
    }

    /// The same from what comes after the pre-activations of a layer on, which in the trace may have been changed.
    pub fn forward_from(&mut self, layer: usize) -> &[T] {
        self.trace.pre_activations.truncate(layer + 1);
        self.trace.activations.truncate(layer);
        self.between.products.truncate(layer + 1);
        self.between.statistics.truncate(layer);
        self.between.normalized.truncate(layer);
        self.between.dropped.truncate(layer);
        self.activate(layer, Mode::Training);
        self.forward_after(layer)
    }

    /// The same from behind the activation of a layer, whose activations in the trace may have been changed.
    pub fn forward_after(&mut self, layer: usize) -> &[T] {
        self.trace.pre_activations.truncate(layer + 1);
        self.trace.activations.truncate(layer + 1);
        self.between.products.truncate(layer + 1);
        self.between.statistics.truncate(layer + 1);
        self.between.normalized.truncate(layer + 1);
        self.between.dropped.truncate(layer);
        self.drop_units(layer, Mode::Training);
        for index in layer + 1..self.network.activations().len() {
            self.pre_activate(index, &[]);
            self.activate(index, Mode::Training);
        }
        self.outputs()
    }

    /// A layer's pre-activations, from `inputs` or from the layer before.
    fn pre_activate(&mut self, index: usize, inputs: &[T]) {
        let [fan_in, fan_out] = [index, index + 1].map(|at| self.network.sizes()[at]);
        let block = self.layout.block(index);
        let parameters = &self.parameters[block.range()];
        let input = layer_input(&self.trace, &self.between, index, inputs);
        let rows = input.len() / fan_in;
        let mut z = vec![T::of(0.0); rows * fan_out];
        let shape = MatmulShape {
            m: rows,
            k: fan_in,
            n: fan_out,
            left_stride: fan_in,
            right_stride: block.stride,
            output_stride: fan_out,
            transpose_left: false,
            transpose_right: false,
        };
        twins::matmul(input, parameters, &mut z, shape);
        self.between.products.push(z.clone());
        let grid = Grid { rows, cols: fan_out, stride: fan_out };
        twins::bias_add(&parameters[block.bias_offset..], &mut z, grid);
        self.trace.pre_activations.push(z);
    }

    /// A layer's activations, from its pre-activations.
    fn activate(&mut self, index: usize, mode: Mode) {
        let Some(layer) = self.network.layers().nth(index) else { return };
        let z = &self.trace.pre_activations[index];
        let mut a = vec![T::of(0.0); z.len()];
        let grid = grid(&layer, z.len() / layer.fan_out);
        let (mut statistics, mut normalized) = (Vec::new(), Vec::new());
        match self.layout.norm(index) {
            None => twins::activate(layer.function(), z, &mut a, grid),
            Some(block) => {
                normalized.resize(z.len(), T::of(0.0));
                let [parameters, mut running] = [block.range(), block.running()]
                    .map(|r| rows_of(&self.parameters[r], block, &layer));
                statistics.clone_from(&running);
                if mode == Mode::Training {
                    norm::norm_statistics(z, &mut statistics, &mut running, grid);
                    put(&running, &mut self.parameters[block.running()], block, &layer);
                }
                let mut counts = vec![0; grid.rows.div_ceil(fused::COUNTED_ROWS) * grid.stride];
                let (of, to) = ([&statistics[..], &parameters], [&mut a[..], &mut normalized]);
                norm::norm_apply(layer.function(), z, of, to, &mut counts, grid);
            }
        }
        self.between.statistics.push(statistics);
        self.between.normalized.push(normalized);
        self.trace.activations.push(a);
        self.drop_units(index, mode);
    }

    /// What dropout leaves of a layer's activations.
    fn drop_units(&mut self, index: usize, mode: Mode) {
        let Some(layer) = self.network.layers().nth(index) else { return };
        let a = &self.trace.activations[index];
        let mask = Mask::new(&layer, self.seed, self.steps).filter(|_| mode == Mode::Training);
        self.between.dropped.push(mask.map_or_else(Vec::new, |mask| {
            let mut dropped = vec![T::of(0.0); a.len()];
            twins::dropout(&mask, a, &mut dropped, grid(&layer, a.len() / layer.fan_out));
            dropped
        }));
    }

    /// The outputs of the last forward pass.
    pub fn outputs(&self) -> &[T] {
        self.trace.activations.last().map_or(&[], |a| a)
    }

    /// The loss of the last forward pass against `targets`, `[rows][outputs]`, or with the row's weight behind
    /// each `[rows][outputs + 1]`, and its gradient as the loss gives
    /// it: with respect to outputs or to pre-activations ([`Loss::gradient_at`](crate::network::Loss::gradient_at)).
    pub fn loss(&self, targets: &[T]) -> (T, Vec<T>) {
        let (_, loss, d) = self.row_losses(targets);
        (loss, d)
    }

    /// The loss of each row before these.
    fn row_losses(&self, targets: &[T]) -> (Vec<T>, T, Vec<T>) {
        let outputs = self.network.outputs();
        let z = self.trace.pre_activations.last().map_or(&[][..], |z| z);
        let rows = z.len() / outputs;
        let grid = Grid { rows, cols: outputs, stride: outputs };
        let mut row_loss = vec![T::of(0.0); rows];
        let mut d = vec![T::of(0.0); z.len()];
        let loss = self.network.loss();
        let scale = T::of(loss.gradient_scale(rows, outputs));
        let from = if loss.gradient_at() == GradientAt::Output { self.outputs() } else { z };
        let kind = (loss, self.network.loss_parameter());
        let stride = targets.len() / rows;
        let targets = TargetRows { values: targets, stride, is_weighted: stride > outputs };
        twins::loss(kind, from, targets, &mut row_loss, &mut d, scale, grid);
        let mean = twins::loss_mean(&row_loss, T::of(loss.value_scale(rows, outputs)));
        (row_loss, mean, d)
    }

    /// Every gradient of the last forward pass over `inputs`; returns the loss.
    pub fn backward(&mut self, inputs: &[T], targets: &[T]) -> T {
        let rows = inputs.len() / self.network.inputs();
        let (row_loss, loss, mut d) = self.row_losses(targets);
        let mut at = self.network.loss().gradient_at();
        let (mut d_activations, mut d_normalized) = (Vec::new(), Vec::new());
        let (mut d_pre_activations, mut d_dropped) = (Vec::new(), Vec::new());
        for layer in self.network.layers().rev() {
            let block = self.layout.block(layer.index);
            let grid = grid(&layer, rows);
            let (mut d_output, mut d_kept) = (Vec::new(), Vec::new());
            if let Some(mask) = self.mask(&layer) {
                d_kept.clone_from(&d);
                twins::dropout(&mask, &d_kept, &mut d, grid);
            }
            d_dropped.push(d_kept);
            let Trace { pre_activations, activations, .. } = &self.trace;
            let z = &pre_activations[layer.index];
            if at == GradientAt::Output {
                d_output = d.clone();
                let activated =
                    if layer.is_normed() { &self.between.normalized[layer.index] } else { z };
                let before = [&activated[..], &activations[layer.index]];
                twins::activate_grad(layer.function(), before, &d_output, &mut d, grid);
            }
            at = GradientAt::Output;
            d_activations.push(d_output);
            let mut d_normed = Vec::new();
            if let Some(block) = self.layout.norm(layer.index) {
                d_normed.clone_from(&d);
                let of = [&z[..], &self.between.statistics[layer.index], &d_normed];
                let parameters = rows_of(&self.parameters[block.range()], block, &layer);
                let mut gradients = vec![T::of(0.0); 2 * layer.fan_out];
                norm::norm_grad(of, &mut gradients, grid);
                norm::norm_input_grad(of, [&parameters, &gradients], &mut d, grid);
                put(&gradients, &mut self.gradients[block.range()], block, &layer);
            }
            d_normalized.push(d_normed);
            let input = layer_input(&self.trace, &self.between, layer.index, inputs);
            let gradients = &mut self.gradients[block.range()];
            let d_weights = MatmulShape {
                m: layer.fan_in,
                k: rows,
                n: layer.fan_out,
                left_stride: layer.fan_in,
                right_stride: layer.fan_out,
                output_stride: block.stride,
                transpose_left: true,
                transpose_right: false,
            };
            twins::matmul(input, &d, gradients, d_weights);
            twins::bias_grad(&d, &mut gradients[block.bias_offset..], grid);
            // Nothing needs what goes back to the inputs.
            let d_rows = if layer.index > 0 { rows } else { 0 };
            let mut d_input = vec![T::of(0.0); d_rows * layer.fan_in];
            let shape = MatmulShape {
                m: d_rows,
                k: layer.fan_out,
                n: layer.fan_in,
                left_stride: layer.fan_out,
                right_stride: block.stride,
                output_stride: layer.fan_in,
                transpose_left: false,
                transpose_right: true,
            };
            twins::matmul(&d, &self.parameters[block.range()], &mut d_input, shape);
            d_pre_activations.push(std::mem::replace(&mut d, d_input));
        }
        d_activations.reverse();
        d_dropped.reverse();
        d_normalized.reverse();
        d_pre_activations.reverse();
        self.trace.d_pre_activations = d_pre_activations;
        self.between = Between {
            d_activations,
            d_normalized,
            d_dropped,
            row_loss,
            loss,
            ..std::mem::take(&mut self.between)
        };
        loss
    }

    /// The mask of the last forward pass, where it had one of this layer.
    fn mask(&self, layer: &Layer) -> Option<Mask> {
        let has_one = self.between.dropped.get(layer.index).is_some_and(|list| !list.is_empty());
        Mask::new(layer, self.seed, self.steps).filter(|_| has_one)
    }

    /// Forward, backward, `parameters -= learning_rate * gradients`; returns the loss before it.
    pub fn step(&mut self, inputs: &[T], targets: &[T], learning_rate: T) -> T {
        self.optimized_step(inputs, targets, &Optimizer::default(), learning_rate.wide())
    }

    /// The same with any optimizer, at a rate; returns the loss before it. The gradients are left as
    /// the backward pass made them.
    pub fn optimized_step(
        &mut self,
        inputs: &[T],
        targets: &[T],
        optimizer: &Optimizer,
        rate: f64,
    ) -> T {
        self.forward_in_training(inputs);
        let loss = self.backward(inputs, targets);
        let learned = self.layout.learned_len();
        let gradients = &self.gradients[..learned];
        let mut sums = vec![T::of(0.0); learned];
        twins::gradient_squares(gradients, &mut sums, optimizer.clip_value.map(T::of));
        let scale =
            optimizer.clip_norm.map_or(T::of(1.0), |most| twins::clip_scale(&sums, T::of(most)));
        self.between.squares = sums.iter().copied().sum();
        self.between.clip_scale = scale;
        let numbers = twins::Update::new(optimizer, rate, self.steps);
        let [first, second] = self.moments.each_mut().map(|moment| &mut moment[..learned]);
        let parameters = &mut self.parameters[..learned];
        twins::optimizer_step(&numbers, scale, gradients, parameters, [first, second]);
        self.steps += 1;
        loss
    }
}

/// What feeds a layer: the one before it, as far as its units were not dropped, or `inputs`.
fn layer_input<'a, T>(
    trace: &'a Trace<T>,
    between: &'a Between<T>,
    index: usize,
    inputs: &'a [T],
) -> &'a [T] {
    match index.checked_sub(1) {
        None => inputs,
        Some(before) if between.dropped[before].is_empty() => &trace.activations[before],
        Some(before) => &between.dropped[before],
    }
}

/// What a layer computes of so many rows, without padding.
fn grid(layer: &Layer, rows: usize) -> Grid {
    Grid { rows, cols: layer.fan_out, stride: layer.fan_out }
}

/// The two rows of a norm without their padding.
fn rows_of<T: Copy>(padded: &[T], block: NormBlock, layer: &Layer) -> Vec<T> {
    padded.chunks_exact(block.stride).flat_map(|row| &row[..layer.fan_out]).copied().collect()
}

/// Puts them back.
fn put<T: Copy>(rows: &[T], padded: &mut [T], block: NormBlock, layer: &Layer) {
    let both = padded.chunks_exact_mut(block.stride).zip(rows.chunks_exact(layer.fan_out));
    both.for_each(|(to, row)| to[..row.len()].copy_from_slice(row));
}

/// Predictions `[rows][cols]` from outputs, through a loss's link.
pub fn predictions<T: Real>(link: Link, outputs: &[T], cols: usize) -> Vec<T> {
    match link {
        Link::Identity => outputs.to_vec(),
        Link::Sigmoid => {
            outputs.iter().map(|&z| twins::activation(Activation::Sigmoid, T::of(0.0), z)).collect()
        }
        Link::Softmax => outputs
            .chunks_exact(cols)
            .flat_map(|z| {
                let largest = z.iter().fold(z[0], |a, &b| if b > a { b } else { a });
                let sum: T = z.iter().map(|&z| (z - largest).exp()).sum();
                z.iter().map(move |&z| (z - largest).exp() / sum)
            })
            .collect(),
    }
}
