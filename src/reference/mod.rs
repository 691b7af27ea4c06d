//! The oracle: plain loops, no speed, no wgpu. A network's forward, loss, backward and update are
//! put together here from the twins of the kernels.

pub mod fused;
pub mod twins;

pub use crate::network::Real;

use crate::network::{Activation, GradientAt, Layout, Link, Network};
use crate::optimizer::Optimizer;
use twins::{Grid, MatmulShape, TargetRows};

/// What one step computed, `[rows][units]` without padding, one list per weight layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace<T> {
    /// `z` of each layer.
    pub pre_activations: Vec<Vec<T>>,
    /// `a` of each layer; the last is the outputs.
    pub activations: Vec<Vec<T>>,
    /// dLoss/dz of each layer.
    pub d_pre_activations: Vec<Vec<T>>,
}

/// What the last step computed between these, and then wrote over or added up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Between<T> {
    /// `input . weights` of each layer, before the bias is added.
    pub products: Vec<Vec<T>>,
    /// dLoss/da of each layer; none of the last where the loss gives dLoss/dz at once.
    pub d_activations: Vec<Vec<T>>,
    /// The loss of each row.
    pub row_loss: Vec<T>,
    /// The mean of them.
    pub loss: T,
    /// The sum of the squares of all gradients, each clipped by value.
    pub squares: T,
    /// What gradients are multiplied by where their norm is clipped.
    pub clip_scale: T,
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
}

impl<T: Real> Reference<T> {
    /// `network` with `parameters` in its [`Layout`].
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
        }
    }

    /// Outputs `[rows][outputs]` of `inputs` `[rows][inputs]`.
    pub fn forward(&mut self, inputs: &[T]) -> &[T] {
        self.trace = Trace::default();
        self.between = Between::default();
        for index in 0..self.network.activations().len() {
            self.pre_activate(index, inputs);
            self.activate(index);
        }
        self.outputs()
    }

    /// The same from the activation of a layer on, whose pre-activations in the trace may have been changed.
    pub fn forward_from(&mut self, layer: usize) -> &[T] {
        self.trace.pre_activations.truncate(layer + 1);
        self.trace.activations.truncate(layer);
        self.between.products.truncate(layer + 1);
        self.activate(layer);
        self.forward_after(layer)
    }

    /// The same from behind the activation of a layer, whose activations in the trace may have been changed.
    pub fn forward_after(&mut self, layer: usize) -> &[T] {
        self.trace.pre_activations.truncate(layer + 1);
        self.trace.activations.truncate(layer + 1);
        self.between.products.truncate(layer + 1);
        for index in layer + 1..self.network.activations().len() {
            self.pre_activate(index, &[]);
            self.activate(index);
        }
        self.outputs()
    }

    /// A layer's pre-activations, from `inputs` or from the layer before.
    fn pre_activate(&mut self, index: usize, inputs: &[T]) {
        let [fan_in, fan_out] = [index, index + 1].map(|at| self.network.sizes()[at]);
        let block = self.layout.block(index);
        let parameters = &self.parameters[block.range()];
        let input = self.trace.activations.last().map_or(inputs, |a| a);
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
    fn activate(&mut self, index: usize) {
        let Some(layer) = self.network.layers().nth(index) else { return };
        let z = &self.trace.pre_activations[index];
        let mut a = vec![T::of(0.0); z.len()];
        let rows = z.len() / layer.fan_out;
        let grid = Grid { rows, cols: layer.fan_out, stride: layer.fan_out };
        twins::activate(layer.function(), z, &mut a, grid);
        self.trace.activations.push(a);
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
        let (mut d_activations, mut d_pre_activations) = (Vec::new(), Vec::new());
        for layer in self.network.layers().rev() {
            let block = self.layout.block(layer.index);
            let grid = Grid { rows, cols: layer.fan_out, stride: layer.fan_out };
            let mut d_output = Vec::new();
            if at == GradientAt::Output {
                d_output = d.clone();
                let Trace { pre_activations, activations, .. } = &self.trace;
                let before = [&pre_activations[layer.index][..], &activations[layer.index]];
                twins::activate_grad(layer.function(), before, &d_output, &mut d, grid);
            }
            at = GradientAt::Output;
            d_activations.push(d_output);
            let input = match layer.index.checked_sub(1) {
                Some(previous) => &self.trace.activations[previous],
                None => inputs,
            };
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
        d_pre_activations.reverse();
        self.trace.d_pre_activations = d_pre_activations;
        self.between = Between {
            products: std::mem::take(&mut self.between.products),
            d_activations,
            row_loss,
            loss,
            ..Between::default()
        };
        loss
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
        self.forward(inputs);
        let loss = self.backward(inputs, targets);
        let mut sums = vec![T::of(0.0); self.gradients.len()];
        twins::gradient_squares(&self.gradients, &mut sums, optimizer.clip_value.map(T::of));
        let scale =
            optimizer.clip_norm.map_or(T::of(1.0), |most| twins::clip_scale(&sums, T::of(most)));
        self.between.squares = sums.iter().copied().sum();
        self.between.clip_scale = scale;
        let numbers = twins::Update::new(optimizer, rate, self.steps);
        let [first, second] = &mut self.moments;
        let parameters = &mut self.parameters;
        twins::optimizer_step(&numbers, scale, &self.gradients, parameters, [first, second]);
        self.steps += 1;
        loss
    }
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
