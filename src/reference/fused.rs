//! The twins of the kernels that do several things at once: the same formulas, put together from
//! the twins of the plain kernels.

use std::ops::Range;

use super::twins::{
    Grid, MatmulShape, TargetRows, Update, activate, activate_grad, activation, bias_add,
    bias_grad, gather, inverse_deviation, loss, loss_mean, matmul, update,
};
use super::{Real, predictions};
use crate::network::{Activation, GradientAt, Loss};

/// A layer and a batch: `[rows][fan_in]` to `[rows][fan_out]`. Strides are multiples of 4.
#[derive(Debug, Clone, Copy)]
pub struct LayerShape {
    /// Rows of the batch.
    pub rows: usize,
    /// Units that feed the layer.
    pub fan_in: usize,
    /// Units it has.
    pub fan_out: usize,
    /// Elements from one row of what feeds it to the next.
    pub input_stride: usize,
    /// Elements from one row of everything else to the next.
    pub stride: usize,
}

impl LayerShape {
    /// What comes out of the layer.
    pub fn output(self) -> Grid {
        Grid { rows: self.rows, cols: self.fan_out, stride: self.stride }
    }

    /// What goes into it.
    pub fn input(self) -> Grid {
        Grid { rows: self.rows, cols: self.fan_in, stride: self.input_stride }
    }

    /// Elements of its block: weights and a row of biases.
    pub fn block_len(self) -> usize {
        (self.fan_in + 1) * self.stride
    }

    /// Where in the block the biases begin.
    pub fn bias_offset(self) -> usize {
        self.fan_in * self.stride
    }
}

/// Rows of which the states of units are counted together.
pub const COUNTED_ROWS: usize = 8;

/// `output = activation(input . weights + bias)`, and the pre-activations where the slope needs them; with the counts of
/// [`count_units`].
pub fn layer_forward<T: Real>(
    (kind, parameter): (Activation, f64),
    input: &[T],
    parameters: &[T],
    [output, pre_activations]: [&mut [T]; 2],
    unit_counts: &mut [u32],
    shape: LayerShape,
) {
    let LayerShape { rows, fan_in, fan_out, input_stride, stride } = shape;
    let product = MatmulShape {
        m: rows,
        k: fan_in,
        n: fan_out,
        left_stride: input_stride,
        right_stride: stride,
        output_stride: stride,
        transpose_left: false,
        transpose_right: false,
    };
    let mut z = vec![T::of(0.0); output.len()];
    matmul(input, parameters, &mut z, product);
    bias_add(&parameters[shape.bias_offset()..], &mut z, shape.output());
    output.fill(T::of(0.0));
    activate((kind, parameter), &z, output, shape.output());
    if kind.needs_pre_activation() {
        pre_activations.copy_from_slice(&z);
    }
    count_units(kind, output, unit_counts, stride);
}

/// Of every eight rows of a layer's outputs, how many left each unit zero, and, from the 16th bit on, how many
/// saturated it.
pub fn count_units<T: Real>(kind: Activation, output: &[T], counts: &mut [u32], stride: usize) {
    counts.fill(0);
    let groups = output.chunks(COUNTED_ROWS * stride).zip(counts.chunks_exact_mut(stride));
    for (rows, counts) in groups {
        for row in rows.chunks_exact(stride) {
            for (count, &a) in counts.iter_mut().zip(row) {
                *count += unit_state(kind, a);
            }
        }
    }
}

/// 1 where an activation is 0, and 2^16 where it is saturated.
fn unit_state<T: Real>(kind: Activation, a: T) -> u32 {
    u32::from(a == T::of(0.0)) + (u32::from(kind.is_saturated(a)) << 16)
}

/// `d_input = (d_output . weights^T) * slope`, the slope taken from `input`, what the activation of the
/// layer before gave, and from its pre-activations, which `d_input` holds where they are needed.
pub fn layer_input_grad<T: Real>(
    activation: (Activation, f64),
    d_output: &[T],
    parameters: &[T],
    input: &[T],
    d_input: &mut [T],
    shape: LayerShape,
) {
    let LayerShape { rows, fan_in, fan_out, input_stride, stride } = shape;
    let product = MatmulShape {
        m: rows,
        k: fan_out,
        n: fan_in,
        left_stride: stride,
        right_stride: stride,
        output_stride: input_stride,
        transpose_left: false,
        transpose_right: true,
    };
    let mut d_activation = vec![T::of(0.0); d_input.len()];
    matmul(d_output, parameters, &mut d_activation, product);
    let z = d_input.to_vec();
    d_input.fill(T::of(0.0));
    activate_grad(activation, [&z, input], &d_activation, d_input, shape.input());
}

/// The block's gradients, weights and biases; with them its update. Returns the sums of the squares of
/// gradients (clipped by value), parameters (before) and updates.
pub fn layer_update<T: Real>(
    input: &[T],
    d_output: &[T],
    (parameters, [first, second]): (&mut [T], [&mut [T]; 2]),
    gradients: &mut [T],
    numbers: &Update<T>,
    shape: LayerShape,
) -> [T; 3] {
    let LayerShape { rows, fan_in, fan_out, input_stride, stride } = shape;
    let product = MatmulShape {
        m: fan_in,
        k: rows,
        n: fan_out,
        left_stride: input_stride,
        right_stride: stride,
        output_stride: stride,
        transpose_left: true,
        transpose_right: false,
    };
    gradients.fill(T::of(0.0));
    matmul(input, d_output, gradients, product);
    bias_grad(d_output, &mut gradients[shape.bias_offset()..], shape.output());
    let mut sums = [T::of(0.0); 3];
    for (index, (parameter, &gradient)) in parameters.iter_mut().zip(&*gradients).enumerate() {
        let (mut m, mut v) = (T::of(0.0), T::of(0.0));
        let m = first.get_mut(index).unwrap_or(&mut m);
        let v = second.get_mut(index).unwrap_or(&mut v);
        let (gradient, before) = (numbers.clip(gradient), *parameter);
        let step = update(numbers, gradient, parameter, m, v);
        for (sum, value) in sums.iter_mut().zip([gradient, before, step]) {
            *sum += value * value;
        }
    }
    sums
}

/// The output layer, the loss of each row, and its gradient with respect to the pre-activations.
pub fn output_loss<T: Real>(
    (kind, activation, gradient_scale): ((Loss, f64), (Activation, f64), T),
    input: &[T],
    parameters: &[T],
    target: TargetRows<'_, T>,
    row_loss: &mut [T],
    d_output: &mut [T],
    shape: LayerShape,
) {
    let (mut z, mut y) = (vec![T::of(0.0); d_output.len()], vec![T::of(0.0); d_output.len()]);
    let mut counts = vec![0; shape.rows.div_ceil(COUNTED_ROWS) * shape.stride];
    let identity = (Activation::Identity, 0.0);
    layer_forward(identity, input, parameters, [&mut z, &mut []], &mut counts, shape);
    activate(activation, &z, &mut y, shape.output());
    let at_output = kind.0.gradient_at() == GradientAt::Output;
    d_output.fill(T::of(0.0));
    let from = if at_output { &y } else { &z };
    loss(kind, from, target, row_loss, d_output, gradient_scale, shape.output());
    if at_output {
        let d_activation = d_output.to_vec();
        activate_grad(activation, [&z, &y], &d_activation, d_output, shape.output());
    }
}

/// Rows of inputs and of targets out of one part of a data set, as [`gather`] takes each.
pub fn gather_batch<T: Real>(
    rows: &[u32],
    [inputs, targets]: [&[T]; 2],
    [input, target]: [&mut [T]; 2],
    [input_stride, target_stride]: [usize; 2],
    part: Range<usize>,
) {
    let whole = |stride| Grid { rows: rows.len(), cols: stride, stride };
    gather(rows, inputs, input, whole(input_stride), part.clone());
    gather(rows, targets, target, whole(target_stride), part);
}

/// One step's loss, as [`loss_mean`], into the ring at the clock's place; and the clock goes on.
pub fn finish_step<T: Real>(row_loss: &[T], clock: &mut u32, losses: &mut [T], scale: T) {
    losses[*clock as usize % losses.len()] = loss_mean(row_loss, scale);
    *clock = clock.wrapping_add(1);
}

/// One layer of many networks over the same rows. `parameters` is `[..][networks]`: the layer's weights and its
/// bias, without padding; `output` is `[rows][stride][networks]`, and so is `input` but where it is the
/// data's `[rows][stride]`. With a norm, gamma and beta stand behind the bias, and its running means and variances from
/// `running_at` on.
pub fn population_forward<T: Real>(
    (kind, parameter): (Activation, f64),
    (input, is_data): (&[T], bool),
    parameters: &[T],
    running_at: Option<usize>,
    output: &mut [T],
    shape: LayerShape,
    networks: usize,
) {
    let LayerShape { rows, fan_in, fan_out, input_stride, stride } = shape;
    for network in 0..networks {
        let own = |at: usize| parameters[at * networks + network];
        for row in 0..rows {
            for unit in 0..fan_out {
                let mut sum = own(fan_in * fan_out + unit);
                for i in 0..fan_in {
                    let at = row * input_stride + i;
                    let x = if is_data { input[at] } else { input[at * networks + network] };
                    sum += x * own(i * fan_out + unit);
                }
                if let Some(mean_at) = running_at {
                    let gamma_at = (fan_in + 1) * fan_out + unit;
                    let inverse = inverse_deviation(own(mean_at + fan_out + unit));
                    sum = own(gamma_at) * ((sum - own(mean_at + unit)) * inverse)
                        + own(gamma_at + fan_out);
                }
                let at = (row * stride + unit) * networks + network;
                output[at] = activation(kind, T::of(parameter), sum);
            }
        }
    }
}

/// What rows are worth to each of many networks: `scale` times the sum of their losses, and how many are right.
/// `z` is `[rows][stride][networks]`, the pre-activations of the outputs.
pub fn evaluate_rows<T: Real>(
    (loss, (kind, parameter)): ((Loss, f64), (Activation, f64)),
    (z, target): (&[T], TargetRows<'_, T>),
    takes_largest: bool,
    scale: T,
    grid: Grid,
    networks: usize,
) -> Vec<(T, u32)> {
    let Grid { rows, cols, stride } = grid;
    let of_network = |network: usize| {
        let own: Vec<T> = z.iter().skip(network).step_by(networks).copied().collect();
        let (mut y, mut d) = (vec![T::of(0.0); own.len()], vec![T::of(0.0); own.len()]);
        activate((kind, parameter), &own, &mut y, grid);
        let at_output = loss.0.gradient_at() == GradientAt::Output;
        let mut row_loss = vec![T::of(0.0); rows];
        let from = if at_output { &y } else { &own };
        self::loss(loss, from, target, &mut row_loss, &mut d, scale, grid);
        let largest = |values: &[T]| {
            (1..cols).fold(0, |best, col| if values[col] > values[best] { col } else { best })
        };
        let half = T::of(0.5);
        let is_right = |row: usize| {
            let own = row * stride..row * stride + cols;
            let p = predictions(loss.0.link(), &y[own], cols);
            let t = &target.of(row)[..cols];
            match takes_largest {
                true => largest(&p) == largest(t),
                false => p.iter().zip(t).all(|(&p, &t)| (p > half) == (t > half)),
            }
        };
        let right = (0..rows).filter(|&row| is_right(row)).count();
        (scale * row_loss.into_iter().sum(), right as u32)
    };
    (0..networks).map(of_network).collect()
}
