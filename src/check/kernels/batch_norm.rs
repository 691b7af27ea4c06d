//! Cases of the kernels of batch norm. Their bounds are what the twins themselves carry ([`Inexact`]): sums over
//! rows in any order, and a root with eps under it, which nothing makes smaller.

use crate::check::{
    Arg, Bound, Case, Findings, Inexact, Scope, apart, columns, exactly, floats, numbers, stride,
    unpadded, with_default,
};
use crate::kernels;
use crate::network::{Activation, Real};
use crate::reference::fused::{COUNTED_ROWS, count_units};
use crate::reference::norm;
use crate::reference::twins::Grid;

/// Rows and units: two rows at least, and both one past what a workgroup takes at once.
const BATCHES: [(usize, usize); 8] =
    [(65, 17), (4, 3), (2, 1), (5, 1), (7, 13), (33, 64), (16, 16), (300, 5)];

fn grid((rows, cols): (usize, usize)) -> Grid {
    Grid { rows, cols, stride: stride(cols) }
}

/// Compares what stands in the columns of a matrix.
fn close(what: &str, actual: &[f32], expected: &[Inexact], grid: Grid, findings: &mut Findings) {
    let (truth, bounds) = apart(&columns(expected, grid.cols, grid.stride));
    findings.close(what, actual, &truth, Bound::Each(&bounds));
}

/// What a norm is given, with numbers in the padding too, which must play no part.
struct Given {
    grid: Grid,
    input: Vec<f32>,
    /// Means and variances, of about the size that those of the input have.
    statistics: Vec<f32>,
    /// Gamma and beta.
    parameters: Vec<f32>,
    d_output: Vec<f32>,
}

impl Given {
    /// Inputs around `mean`, so far from it.
    fn new(shape: (usize, usize), mean: f32, spread: f32) -> Given {
        let grid = grid(shape);
        let (len, two) = (grid.rows * grid.stride, 2 * grid.stride);
        let around = |number: &f32| mean + spread * number;
        let mut statistics: Vec<f32> = numbers(two, 41).iter().map(around).collect();
        let square = |number: f32| spread * spread * (0.25 + 0.25 * number.abs());
        for (variance, number) in statistics[grid.stride..].iter_mut().zip(numbers(two, 42)) {
            *variance = square(number);
        }
        Given {
            grid,
            input: numbers(len, 40).iter().map(around).collect(),
            statistics,
            parameters: numbers(two, 43),
            d_output: numbers(len, 44),
        }
    }
}

/// Numbers near 0; far from it, where the squares of means are thousands of times the variances; and near each
/// other, where eps counts.
const SPREADS: [(f32, f32); 3] = [(0.0, 1.0), (100.0, 0.5), (1.0, 1.0 / 256.0)];

/// Every batch, and every spread of numbers in the first of them.
fn batches(scope: &Scope) -> Vec<(String, Given)> {
    let near = SPREADS[0];
    let of = |shape: (usize, usize), (mean, spread): (f32, f32)| {
        let label = format!("{}x{} within {spread} of {mean}", shape.0, shape.1);
        (label, Given::new(shape, mean, spread))
    };
    let all = scope.some(&BATCHES, 3).iter().map(|&shape| of(shape, near));
    all.chain(SPREADS[1..].iter().map(|&spread| of(BATCHES[0], spread))).collect()
}

pub(super) fn statistics(scope: &Scope) -> Vec<Case> {
    fn twin<T: Real>(input: &[T], running: &[T], grid: Grid) -> [Vec<T>; 2] {
        let (mut statistics, mut running) = (running.to_vec(), running.to_vec());
        norm::norm_statistics(input, &mut statistics, &mut running, grid);
        [statistics, running]
    }
    let case = |(label, given): (String, Given)| {
        let Given { grid, input, statistics: running, .. } = given;
        let launch = kernels::norm_statistics(grid.rows, grid.cols);
        let args = [Arg::of(&input), Arg::Out(2 * grid.stride), Arg::of(&running)];
        Case::new(label, launch, args, move |written, findings| {
            let statistics = unpadded(&written[0], grid.cols, grid.stride, findings);
            let after = floats(&written[1]);
            let padding = |values: &[f32]| {
                let rows = values.chunks_exact(grid.stride);
                rows.flat_map(|row| row[grid.cols..].to_vec()).collect::<Vec<f32>>()
            };
            let is_kept = padding(after) == padding(&running);
            findings.ensure(is_kept, || "padding of running was written".to_owned());
            let after = columns(after, grid.cols, grid.stride);
            let expected = twin(&exactly(&input), &exactly(&running), grid);
            let exact = twin(&input, &running, grid);
            for ((what, actual), (expected, exact)) in
                [("statistics", statistics), ("running", after)]
                    .iter()
                    .zip(expected.iter().zip(&exact))
            {
                let (truth, bounds) = apart(&columns(expected, grid.cols, grid.stride));
                let exact = columns(exact, grid.cols, grid.stride);
                findings.hold(what, actual, Some(&exact), &truth, &bounds);
            }
        })
    };
    batches(scope).into_iter().map(case).collect()
}

fn counts_len(grid: Grid) -> usize {
    grid.rows.div_ceil(COUNTED_ROWS) * grid.stride
}

pub(super) fn apply(scope: &Scope) -> Vec<Case> {
    let case = |kind: Activation, (label, given): (String, Given)| {
        let Given { grid, input, statistics, parameters, .. } = given;
        let launch = kernels::norm_apply(with_default(kind), true, grid.rows, grid.cols);
        let len = grid.rows * grid.stride;
        let args = [
            Arg::of(&input),
            Arg::of(&statistics),
            Arg::of(&parameters),
            Arg::Out(len),
            Arg::Out(counts_len(grid)),
            Arg::Out(len),
        ];
        Case::new(format!("{kind} of {label}"), launch, args, move |written, findings| {
            let [output, normalized] = [&written[0], &written[2]].map(|words| floats(words));
            for (what, values) in [("output", output), ("normalized", normalized)] {
                let mut rows = values.chunks_exact(grid.stride);
                let is_zero = rows.all(|row| row[grid.cols..].iter().all(|&value| value == 0.0));
                findings.ensure(is_zero, || format!("padding of {what} is not 0"));
            }
            let [input, statistics, parameters] =
                [&input, &statistics, &parameters].map(|v| exactly(v));
            let (mut a, mut n) = (input.clone(), input.clone());
            let (of, to) = ([&statistics[..], &parameters], [&mut a[..], &mut n]);
            let mut counts = vec![0; counts_len(grid)];
            norm::norm_apply(with_default(kind), &input, of, to, &mut counts, grid);
            let own = |values: &[f32]| columns(values, grid.cols, grid.stride);
            close("normalized", &own(normalized), &n, grid, findings);
            close("output", &own(output), &a, grid, findings);
            // Counted from its own outputs, as those of layer_forward are.
            count_units(kind, output, &mut counts, grid.stride);
            let of = |counts: &[u32]| columns(counts, grid.cols, grid.stride);
            findings.equal("unit_counts", &of(&written[1]), &of(&counts));
        })
    };
    let mut all: Vec<Case> =
        batches(scope).into_iter().map(|given| case(Activation::Identity, given)).collect();
    for &kind in Activation::ALL {
        let label = format!("{}x{}", BATCHES[0].0, BATCHES[0].1);
        all.push(case(kind, (label, Given::new(BATCHES[0], 0.0, 4.0))).trusted());
    }
    all
}

pub(super) fn grad(scope: &Scope) -> Vec<Case> {
    let case = |(label, given): (String, Given)| {
        let Given { grid, input, statistics, d_output, .. } = given;
        let launch = kernels::norm_grad(grid.rows, grid.cols);
        let args =
            [Arg::of(&input), Arg::of(&statistics), Arg::of(&d_output), Arg::Out(2 * grid.stride)];
        Case::new(label, launch, args, move |written, findings| {
            let gradients = unpadded(&written[0], grid.cols, grid.stride, findings);
            let [input, statistics, d] = [&input, &statistics, &d_output].map(|v| exactly(v));
            let mut expected = statistics.clone();
            norm::norm_grad([&input, &statistics, &d], &mut expected, grid);
            close("gradients", &gradients, &expected, grid, findings);
        })
    };
    batches(scope).into_iter().map(case).collect()
}

pub(super) fn input_grad(scope: &Scope) -> Vec<Case> {
    let case = |(label, given): (String, Given)| {
        let Given { grid, input, statistics, parameters, d_output } = given;
        let launch = kernels::norm_input_grad(grid.rows, grid.cols);
        // Sums over so many rows.
        let gradients: Vec<f32> =
            numbers(2 * grid.stride, 45).iter().map(|g| grid.rows as f32 * g).collect();
        let args = [
            Arg::of(&input),
            Arg::of(&statistics),
            Arg::of(&parameters),
            Arg::of(&gradients),
            Arg::of(&d_output),
            Arg::Out(grid.rows * grid.stride),
        ];
        Case::new(label, launch, args, move |written, findings| {
            let d_input = unpadded(&written[0], grid.cols, grid.stride, findings);
            let [input, statistics, d] = [&input, &statistics, &d_output].map(|v| exactly(v));
            let [parameters, gradients] = [&parameters, &gradients].map(|v| exactly(v));
            let mut expected = input.clone();
            let by = [&parameters[..], &gradients];
            norm::norm_input_grad([&input, &statistics, &d], by, &mut expected, grid);
            close("d_input", &d_input, &expected, grid, findings);
        })
    };
    batches(scope).into_iter().map(case).collect()
}
