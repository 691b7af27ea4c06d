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
            moments: [vec![T::of(0.0); len], vec![T::of(0.0); len]],
            steps: 0,
        }
    }

    /// Outputs `[rows][outputs]` of `inputs` `[rows][inputs]`.
    pub fn forward(&mut self, inputs: &[T]) -> &[T] {
        let rows = inputs.len() / self.network.inputs();
        self.trace = Trace::default();
        for layer in self.network.layers() {
            let block = self.layout.block(layer.index);
            let parameters = &self.parameters[block.range()];
            let input = self.trace.activations.last().map_or(inputs, |a| a);
            let grid = Grid { rows, cols: layer.fan_out, stride: layer.fan_out };
            let mut z = vec![T::of(0.0); rows * layer.fan_out];
            let mut a = z.clone();
            let shape = MatmulShape {
                m: rows,
                k: layer.fan_in,
                n: layer.fan_out,
                left_stride: layer.fan_in,
                right_stride: block.stride,
                output_stride: layer.fan_out,
                transpose_left: false,
                transpose_right: false,
            };
            twins::matmul(input, parameters, &mut z, shape);
            twins::bias_add(&parameters[block.bias_offset..], &mut z, grid);
            twins::activate((layer.activation, layer.parameter), &z, &mut a, grid);
            self.trace.pre_activations.push(z);
            self.trace.activations.push(a);
        }
        self.outputs()
    }

    /// The outputs of the last forward pass.
    pub fn outputs(&self) -> &[T] {
        self.trace.activations.last().map_or(&[], |a| a)
    }

    /// The loss of the last forward pass against `targets`, `[rows][outputs]`, or with the row's weight behind
    /// each `[rows][outputs + 1]`, and its gradient as the loss gives
    /// it: with respect to outputs or to pre-activations ([`Loss::gradient_at`](crate::network::Loss::gradient_at)).
    pub fn loss(&self, targets: &[T]) -> (T, Vec<T>) {
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
        (twins::loss_mean(&row_loss, T::of(loss.value_scale(rows, outputs))), d)
    }

    /// Every gradient of the last forward pass over `inputs`; returns the loss.
    pub fn backward(&mut self, inputs: &[T], targets: &[T]) -> T {
        let rows = inputs.len() / self.network.inputs();
        let (loss, mut d) = self.loss(targets);
        let mut at = self.network.loss().gradient_at();
        let mut d_pre_activations = Vec::new();
        for layer in self.network.layers().rev() {
            let block = self.layout.block(layer.index);
            let grid = Grid { rows, cols: layer.fan_out, stride: layer.fan_out };
            if at == GradientAt::Output {
                let d_output = d.clone();
                let Trace { pre_activations, activations, .. } = &self.trace;
                let before = [&pre_activations[layer.index][..], &activations[layer.index]];
                let kind = (layer.activation, layer.parameter);
                twins::activate_grad(kind, before, &d_output, &mut d, grid);
            }
            at = GradientAt::Output;
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
            let mut d_input = vec![T::of(0.0); rows * layer.fan_in];
            let shape = MatmulShape {
                m: rows,
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
        d_pre_activations.reverse();
        self.trace.d_pre_activations = d_pre_activations;
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
