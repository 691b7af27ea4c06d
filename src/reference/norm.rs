//! The twins of the kernels of batch norm: `n = gamma h + beta` with `h = (z - mean) / sqrt(variance + eps)`, unit by
//! unit. Means and variances stand in two rows, the variances below the means; gamma and beta alike.

use super::Real;
use super::fused::count_units;
use super::twins::{Grid, activate, halves, inverse_deviation};
use crate::network::{Activation, NORM_MOMENTUM, unbiased};

/// Lanes over which the rows of a column are summed.
pub const COLUMN_LANES: usize = 16;

/// The sum over rows: each of 16 lanes sums every 16th, then halves are added.
fn over_rows<T: Real>(rows: usize, of_row: impl Fn(usize) -> T) -> T {
    let mut lanes = [T::of(0.0); COLUMN_LANES];
    for row in 0..rows {
        lanes[row % COLUMN_LANES] += of_row(row);
    }
    halves(&mut lanes)
}

/// `statistics` = the mean of each column of `input` and its biased variance, from the differences to that mean;
/// `running` = the running estimates, moved a tenth of the way towards the mean and the unbiased variance.
pub fn norm_statistics<T: Real>(input: &[T], statistics: &mut [T], running: &mut [T], grid: Grid) {
    let Grid { rows, cols, stride } = grid;
    let (count, momentum) = (T::of(rows as f64), T::of(NORM_MOMENTUM));
    let moved = |from: T, to: T| (T::of(1.0) - momentum) * from + momentum * to;
    for col in 0..cols {
        let mean = over_rows(rows, |row| input[row * stride + col]) / count;
        let square = |row: usize| {
            // Its sign plays no part; without it more is known of the square.
            let difference = (input[row * stride + col] - mean).abs();
            difference * difference
        };
        let variance = over_rows(rows, square) / count;
        (statistics[col], statistics[stride + col]) = (mean, variance);
        running[col] = moved(running[col], mean);
        let variance = variance * T::of(unbiased(rows));
        running[stride + col] = moved(running[stride + col], variance);
    }
}

/// `normalized = n` and `output = activation(n)`, with the counts of [`count_units`] of what came out.
pub fn norm_apply<T: Real>(
    kind: (Activation, f64),
    input: &[T],
    [statistics, parameters]: [&[T]; 2],
    [output, normalized]: [&mut [T]; 2],
    unit_counts: &mut [u32],
    grid: Grid,
) {
    let Grid { rows, cols, stride } = grid;
    for col in 0..cols {
        let (gamma, beta) = (parameters[col], parameters[stride + col]);
        let inverse = inverse_deviation(statistics[stride + col]);
        for at in (0..rows).map(|row| row * stride + col) {
            normalized[at] = gamma * ((input[at] - statistics[col]) * inverse) + beta;
        }
    }
    activate(kind, normalized, output, grid);
    count_units(kind.0, output, unit_counts, stride);
}

/// `gradients` = those of gamma, `sum of d_output h`, and of beta, `sum of d_output`.
pub fn norm_grad<T: Real>(
    [input, statistics, d_output]: [&[T]; 3],
    gradients: &mut [T],
    grid: Grid,
) {
    let Grid { rows, cols, stride } = grid;
    for col in 0..cols {
        let (mean, inverse) = (statistics[col], inverse_deviation(statistics[stride + col]));
        let term = |row: usize| {
            let at = row * stride + col;
            d_output[at] * ((input[at] - mean) * inverse)
        };
        gradients[col] = over_rows(rows, term);
        gradients[stride + col] = over_rows(rows, |row| d_output[row * stride + col]);
    }
}

/// `d_input = gamma / sqrt(variance + eps) (d_output - avg(d_output) - h avg(d_output h))`: through mean and
/// variance too; the averages are those of [`norm_grad`] over the rows.
pub fn norm_input_grad<T: Real>(
    [input, statistics, d_output]: [&[T]; 3],
    [parameters, gradients]: [&[T]; 2],
    d_input: &mut [T],
    grid: Grid,
) {
    let Grid { rows, cols, stride } = grid;
    let count = T::of(rows as f64);
    for col in 0..cols {
        let (mean, inverse) = (statistics[col], inverse_deviation(statistics[stride + col]));
        let (of_gamma, of_beta) = (gradients[col] / count, gradients[stride + col] / count);
        for at in (0..rows).map(|row| row * stride + col) {
            let normalized = (input[at] - mean) * inverse;
            let d = d_output[at] - of_beta - normalized * of_gamma;
            d_input[at] = parameters[col] * inverse * d;
        }
    }
}
