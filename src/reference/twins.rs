//! One plain loop per kernel, in the kernel's own order of sums: what each kernel is held to.
//!
//! Matrices are row-major slices with a stride. An argument named as a kernel's binding is that
//! binding. What a kernel does not write, its twin does not write.

use std::ops::Range;

use rand::Rng;

use super::Real;
use crate::data::{epoch_key, permuted};
use crate::network::{Activation, GradientAt, Link, Loss, Mask, NORM_EPS};
use crate::optimizer::{CLIP_EPSILON, Coefficients, Decay, Optimizer, OptimizerKind};
use crate::random::{Purpose, Threefry};

/// The shapes of one matmul: `output[m][n] = sum over k of left[m][k] right[k][n]`.
#[derive(Debug, Clone, Copy)]
pub struct MatmulShape {
    /// Rows of the output.
    pub m: usize,
    /// Terms of each sum.
    pub k: usize,
    /// Columns of the output.
    pub n: usize,
    /// Elements from one row of `left`, as it is stored, to the next.
    pub left_stride: usize,
    /// Elements from one row of `right`, as it is stored, to the next.
    pub right_stride: usize,
    /// Elements from one row of `output` to the next.
    pub output_stride: usize,
    /// Whether `left` is stored as `[k][m]`.
    pub transpose_left: bool,
    /// Whether `right` is stored as `[n][k]`.
    pub transpose_right: bool,
}

/// `output = left . right`, each sum from the first term to the last.
pub fn matmul<T: Real>(left: &[T], right: &[T], output: &mut [T], shape: MatmulShape) {
    for row in 0..shape.m {
        for col in 0..shape.n {
            let mut sum = T::of(0.0);
            for i in 0..shape.k {
                let l = if shape.transpose_left { (i, row) } else { (row, i) };
                let r = if shape.transpose_right { (col, i) } else { (i, col) };
                sum += left[l.0 * shape.left_stride + l.1] * right[r.0 * shape.right_stride + r.1];
            }
            output[row * shape.output_stride + col] = sum;
        }
    }
}

/// The rows, columns and strides of an element-wise kernel.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Rows.
    pub rows: usize,
    /// Columns, padding not counted.
    pub cols: usize,
    /// Elements from one row to the next, the same for every matrix of the kernel.
    pub stride: usize,
}

impl Grid {
    fn indices(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.rows)
            .flat_map(move |row| (0..self.cols).map(move |col| (row * self.stride + col, col)))
    }
}

/// `output[row][col] += bias[col]`.
pub fn bias_add<T: Real>(bias: &[T], output: &mut [T], grid: Grid) {
    for (index, col) in grid.indices() {
        output[index] += bias[col];
    }
}

/// The activation itself.
pub fn activation<T: Real>(kind: Activation, parameter: T, z: T) -> T {
    kind.value([parameter, z])
}

/// Its slope where it gives `a` for `z`.
pub fn activation_slope<T: Real>(kind: Activation, parameter: T, z: T, a: T) -> T {
    kind.slope([parameter, z, a])
}

/// `output = activation(input)`.
pub fn activate<T: Real>(
    (kind, parameter): (Activation, f64),
    input: &[T],
    output: &mut [T],
    grid: Grid,
) {
    for (index, _) in grid.indices() {
        output[index] = activation(kind, T::of(parameter), input[index]);
    }
}

/// `1 / sqrt(variance + eps)`.
pub(super) fn inverse_deviation<T: Real>(variance: T) -> T {
    T::of(1.0) / (variance + T::of(NORM_EPS)).sqrt()
}

/// `output` = what a mask makes of `input`: of activations, and of gradients on their way back.
pub fn dropout<T: Real>(mask: &Mask, input: &[T], output: &mut [T], grid: Grid) {
    for row in 0..grid.rows {
        for col in 0..grid.cols {
            let at = row * grid.stride + col;
            output[at] = mask.applied(input[at], row, col);
        }
    }
}

/// `d_input = d_output * slope`, the slope taken where the activation gives `output` for `input`.
pub fn activate_grad<T: Real>(
    (kind, parameter): (Activation, f64),
    [input, output]: [&[T]; 2],
    d_output: &[T],
    d_input: &mut [T],
    grid: Grid,
) {
    let parameter = T::of(parameter);
    for (index, _) in grid.indices() {
        let slope = activation_slope(kind, parameter, input[index], output[index]);
        d_input[index] = d_output[index] * slope;
    }
}

/// `d_bias[col] = sum over rows of d_output[row][col]`, from the first row to the last.
pub fn bias_grad<T: Real>(d_output: &[T], d_bias: &mut [T], grid: Grid) {
    for col in 0..grid.cols {
        let mut sum = T::of(0.0);
        for row in 0..grid.rows {
            sum += d_output[row * grid.stride + col];
        }
        d_bias[col] = sum;
    }
}

/// Targets of rows, each `stride` numbers from the next, and the weights of the rows in the loss.
#[derive(Debug, Clone, Copy)]
pub struct TargetRows<'a, T> {
    /// `[rows][stride]`.
    pub values: &'a [T],
    /// Elements from one row to the next.
    pub stride: usize,
    /// Whether the row's weight stands behind its targets; else it is 1.
    pub is_weighted: bool,
}

impl<'a, T: Real> TargetRows<'a, T> {
    /// Rows without weights.
    pub fn plain(values: &'a [T], stride: usize) -> TargetRows<'a, T> {
        TargetRows { values, stride, is_weighted: false }
    }

    /// A row, with what pads it.
    pub fn of(&self, row: usize) -> &'a [T] {
        &self.values[row * self.stride..][..self.stride]
    }

    /// The weight of a row of `cols` targets.
    pub fn weight(&self, row: usize, cols: usize) -> T {
        if self.is_weighted { self.of(row)[cols] } else { T::of(1.0) }
    }
}

/// The loss of each row and its gradient, by the kernel's twin; `output` holds outputs or pre-activations, as
/// [`Loss::gradient_at`] says.
pub fn loss<T: Real>(
    (kind, parameter): (Loss, f64),
    output: &[T],
    target: TargetRows<'_, T>,
    row_loss: &mut [T],
    d_output: &mut [T],
    scale: T,
    grid: Grid,
) {
    match kind.link() {
        Link::Softmax => loss_softmax(output, target, row_loss, d_output, scale, grid),
        Link::Identity | Link::Sigmoid => {
            loss_elementwise((kind, parameter), output, target, row_loss, d_output, scale, grid);
        }
    }
}

/// `row_loss[row] = weight sum of value(output, t)`, `d_output = scale weight slope(prediction, t)`: the losses
/// whose outputs are apart from each other, by the formulas of their rows.
pub fn loss_elementwise<T: Real>(
    (kind, parameter): (Loss, f64),
    output: &[T],
    target: TargetRows<'_, T>,
    row_loss: &mut [T],
    d_output: &mut [T],
    scale: T,
    grid: Grid,
) {
    let parameter = T::of(parameter);
    row_loss[..grid.rows].fill(T::of(0.0));
    for (index, col) in grid.indices() {
        let at = (index - col) / grid.stride;
        let (value, t, weight) = (output[index], target.of(at)[col], target.weight(at, grid.cols));
        let prediction = match kind.gradient_at() {
            GradientAt::Output => value,
            GradientAt::PreActivation => activation(Activation::Sigmoid, T::of(0.0), value),
        };
        row_loss[at] += kind.value([parameter, value, t]);
        d_output[index] = scale * weight * kind.slope([parameter, prediction, t]);
    }
    for (at, row_loss) in row_loss[..grid.rows].iter_mut().enumerate() {
        *row_loss = *row_loss * target.weight(at, grid.cols);
    }
}

/// `row_loss[row] = weight sum over cols of t (ln sum e^z - z)`, `d_output = scale weight (softmax(z) - t)`;
/// targets of a row sum to 1.
pub fn loss_softmax<T: Real>(
    output: &[T],
    target: TargetRows<'_, T>,
    row_loss: &mut [T],
    d_output: &mut [T],
    scale: T,
    grid: Grid,
) {
    for (row, row_loss) in row_loss[..grid.rows].iter_mut().enumerate() {
        let cols = row * grid.stride..row * grid.stride + grid.cols;
        let (z, t) = (&output[cols.clone()], target.of(row));
        let weight = target.weight(row, grid.cols);
        let largest = z.iter().fold(z[0], |a, &b| if b > a { b } else { a });
        let sum: T = z.iter().map(|&z| (z - largest).exp()).sum();
        let log_sum = sum.ln();
        let sum_of_row: T = z.iter().zip(t).map(|(&z, &t)| t * (log_sum - (z - largest))).sum();
        *row_loss = weight * sum_of_row;
        for ((d, &z), &t) in d_output[cols].iter_mut().zip(z).zip(t) {
            *d = scale * weight * ((z - largest).exp() / sum - t);
        }
    }
}

/// Lanes over which [`loss_mean`] sums.
pub const MEAN_LANES: usize = 256;

/// `scale * sum of row_loss`: each of 256 lanes sums every 256th row, then halves are added.
pub fn loss_mean<T: Real>(row_loss: &[T], scale: T) -> T {
    let mut partial = [T::of(0.0); MEAN_LANES];
    for (row, &loss) in row_loss.iter().enumerate() {
        partial[row % MEAN_LANES] += loss;
    }
    halves(&mut partial) * scale
}

/// An update, in the type it is computed in.
#[derive(Debug, Clone, Copy)]
pub struct Update<T> {
    kind: OptimizerKind,
    decay: Option<Decay>,
    coefficients: Coefficients<T>,
    clip_value: Option<T>,
}

impl<T: Real> Update<T> {
    /// That of `optimizer` after `step` others, at a rate.
    pub fn new(optimizer: &Optimizer, rate: f64, step: u32) -> Update<T> {
        Update {
            kind: optimizer.kind,
            decay: (optimizer.weight_decay != 0.0).then_some(optimizer.decay),
            coefficients: optimizer.coefficients(rate, step).cast(),
            clip_value: optimizer.clip_value.map(T::of),
        }
    }

    /// A gradient within the largest value.
    pub fn clip(&self, gradient: T) -> T {
        self.clip_value.map_or(gradient, |most| clipped(gradient, most))
    }
}

/// One parameter's update, with its moments: [`optimizer`](crate::optimizer) has the formulas.
/// Returns what is taken from the parameter, decay that is decoupled left out.
pub fn update<T: Real>(update: &Update<T>, g: T, parameter: &mut T, m: &mut T, v: &mut T) -> T {
    let (row, c) = (update.kind.row(), &update.coefficients);
    let g = match update.decay {
        Some(Decay::L2) => g + c.weight_decay * *parameter,
        _ => g,
    };
    if row.first.is_some() {
        *m = c.decay1 * *m + c.gain1 * g;
    }
    if row.second.is_some() {
        *v = c.decay2 * *v + c.gain2 * g * g;
    }
    let step = row.rule.step(c, g, *m, *v);
    let kept = match update.decay {
        Some(Decay::Decoupled) => *parameter * (T::of(1.0) - c.rate * c.weight_decay),
        _ => *parameter,
    };
    *parameter = kept - step;
    step
}

/// Every parameter's update, its gradient first clipped by value and then multiplied by `scale`. `moments` are `m` and `v`, each
/// as long as the parameters where the optimizer has it.
pub fn optimizer_step<T: Real>(
    numbers: &Update<T>,
    scale: T,
    gradients: &[T],
    parameters: &mut [T],
    moments: [&mut [T]; 2],
) {
    let [first, second] = moments;
    for (index, (parameter, &gradient)) in parameters.iter_mut().zip(gradients).enumerate() {
        let (mut m, mut v) = (T::of(0.0), T::of(0.0));
        let m = first.get_mut(index).unwrap_or(&mut m);
        let v = second.get_mut(index).unwrap_or(&mut v);
        update(numbers, scale * numbers.clip(gradient), parameter, m, v);
    }
}

/// A gradient within `[-most, most]`; what is no number stays none.
pub fn clipped<T: Real>(gradient: T, most: T) -> T {
    gradient.above(most, most, (-most).above(gradient, -most, gradient))
}

/// Invocations that sum squares in a workgroup, and numbers that each takes.
pub const SQUARE_LANES: usize = 64;
/// As above.
pub const SQUARES_EACH: usize = 64;

/// The sum of the squares of each stretch of gradients, each within `clip_value` where there is one:
/// every lane its own, then by halves.
pub fn gradient_squares<T: Real>(gradients: &[T], sums: &mut [T], clip_value: Option<T>) {
    for (stretch, sum) in gradients.chunks(SQUARE_LANES * SQUARES_EACH).zip(sums) {
        let mut lanes = [T::of(0.0); SQUARE_LANES];
        for (lane, own) in lanes.iter_mut().enumerate() {
            for &g in stretch.iter().skip(lane).step_by(SQUARE_LANES) {
                let g = clip_value.map_or(g, |most| clipped(g, most));
                *own += g * g;
            }
        }
        *sum = halves(&mut lanes);
    }
}

/// The factor that brings a norm, given by sums of squares, down to `most`:
/// `min(1, most / (norm + 1e-6))`.
pub fn clip_scale<T: Real>(sums: &[T], most: T) -> T {
    let scale = most / (over_lanes(sums.iter().copied()).sqrt() + T::of(CLIP_EPSILON));
    T::of(1.0).above(scale, scale, T::of(1.0))
}

/// What the fused kernels noted of a layer in a step, added up: the sums of its tiles, and how many of its
/// `units` were zero, and saturated, on so many rows at least. `counts` is `[groups][stride]`, the zero rows of
/// a group in the low half of a word and the saturated ones in the high half.
pub fn layer_statistics<T: Real>(
    sums: &[[T; 4]],
    counts: &[u32],
    stride: usize,
    units: usize,
    least: [u32; 2],
) -> ([T; 4], [usize; 2]) {
    let rows = |unit: usize, shift: u32| -> u32 {
        counts.iter().skip(unit).step_by(stride).map(|word| word >> shift & 0xffff).sum()
    };
    let counted =
        |at: usize| (0..units).filter(|&unit| rows(unit, 16 * at as u32) >= least[at]).count();
    ([0, 1, 2, 3].map(|at| over_lanes(sums.iter().map(|sum| sum[at]))), [counted(0), counted(1)])
}

/// A sum over lanes, each of which takes every 256th term.
fn over_lanes<T: Real>(terms: impl Iterator<Item = T>) -> T {
    let mut lanes = [T::of(0.0); MEAN_LANES];
    for (at, term) in terms.enumerate() {
        lanes[at % MEAN_LANES] += term;
    }
    halves(&mut lanes)
}

/// The sum of lanes, the upper half added to the lower until one is left.
pub(super) fn halves<T: Real>(lanes: &mut [T]) -> T {
    let mut width = lanes.len() / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
        width /= 2;
    }
    lanes[0]
}

/// `rows[i]` = the row of the data set at place `first + i` of the epoch's order.
pub fn batch_rows(rows: &mut [u32], data_rows: u32, first: u32, seed: u64, epoch: u32) {
    let key = epoch_key(seed, epoch);
    for (i, row) in rows.iter_mut().enumerate() {
        *row = permuted(key, data_rows, first + i as u32);
    }
}

/// `parameters[i]` = draw `i` of a layer's starting weights under `seed`, uniform within `limit`.
pub fn init_uniform(parameters: &mut [f32], layer: u32, seed: u64, limit: f32) {
    let mut stream = Threefry::new(seed, Purpose::Weights, layer);
    for parameter in parameters {
        let unit = (stream.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0;
        *parameter = unit * limit;
    }
}

/// `output[i] = source[rows[i] - part.start]`, whole rows, where `rows[i]` is in `part`.
pub fn gather<T: Real>(
    rows: &[u32],
    source: &[T],
    output: &mut [T],
    grid: Grid,
    part: Range<usize>,
) {
    for (index, col) in grid.indices() {
        let row = rows[(index - col) / grid.stride] as usize;
        if part.contains(&row) {
            output[index] = source[(row - part.start) * grid.stride + col];
        }
    }
}

/// `clock[0] += steps`.
pub fn advance(clock: &mut [u32], steps: u32) {
    clock[0] = clock[0].wrapping_add(steps);
}

/// `rounds[0]` = the rounds asked for.
pub fn canary(rounds: &mut [u32], asked: u32) {
    rounds[0] = (0..asked).fold(0, |made, _| made + 1);
}
