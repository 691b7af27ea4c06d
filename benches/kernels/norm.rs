//! The kernels of batch norm.

use std::sync::Arc;

use criterion::Criterion;
use wgrad::gpu::Gpu;
use wgrad::kernels;
use wgrad::reference::fused::COUNTED_ROWS;
use wgrad::reference::norm;

use super::{COLS, Case, GRID, LEN, ROWS, SIZE, TANH, ULP, Work, close, numbers, words};

pub fn norms(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (input, d_output) = (numbers(LEN, 5), numbers(LEN, 6));
    let parameters = numbers(2 * COLS, 7);
    let work = |matrices: usize, formula| Work {
        operations: 0,
        bytes: (4 * matrices * LEN) as u64,
        formula,
    };
    let (mut statistics, mut running) = (vec![0.0; 2 * COLS], vec![0.0; 2 * COLS]);
    norm::norm_statistics(&input, &mut statistics, &mut running, GRID);
    let launch = kernels::norm_statistics(ROWS, COLS);
    let buffers = vec![words(&input), vec![0; 2 * COLS], vec![0; 2 * COLS]];
    Case { launch, buffers, work: work(2, "4 (2 rows cols)") }.run(c, gpu, SIZE, |outputs| {
        close("norm_statistics", &outputs[0], &statistics, ROWS as f64 * ULP);
    });

    let (mut a, mut n) = (vec![0.0; LEN], vec![0.0; LEN]);
    let mut counts = vec![0; ROWS.div_ceil(COUNTED_ROWS) * COLS];
    let (of, to) = ([&statistics[..], &parameters], [&mut a[..], &mut n]);
    norm::norm_apply(TANH, &input, of, to, &mut counts, GRID);
    let launch = kernels::norm_apply(TANH, false, ROWS, COLS);
    let given = [&input, &statistics, &parameters].map(|list| words(list));
    let mut buffers = given.to_vec();
    buffers.extend([vec![0; LEN], vec![0; counts.len()], vec![0; 4]]);
    Case { launch, buffers, work: work(2, "4 (2 rows cols)") }.run(c, gpu, SIZE, |outputs| {
        close("norm_apply", &outputs[0], &a, 64.0 * ULP);
    });

    let mut gradients = vec![0.0; 2 * COLS];
    norm::norm_grad([&input, &statistics, &d_output], &mut gradients, GRID);
    let launch = kernels::norm_grad(ROWS, COLS);
    let buffers = vec![words(&input), words(&statistics), words(&d_output), vec![0; 2 * COLS]];
    Case { launch, buffers, work: work(2, "4 (2 rows cols)") }.run(c, gpu, SIZE, |outputs| {
        close("norm_grad", &outputs[0], &gradients, ROWS as f64 * ULP * ROWS as f64);
    });

    let mut d_input = vec![0.0; LEN];
    let of = [&input[..], &statistics, &d_output];
    norm::norm_input_grad(of, [&parameters, &gradients], &mut d_input, GRID);
    let launch = kernels::norm_input_grad(ROWS, COLS);
    let given = [&input, &statistics, &parameters, &gradients, &d_output].map(|list| words(list));
    let mut buffers = given.to_vec();
    buffers.push(vec![0; LEN]);
    Case { launch, buffers, work: work(3, "4 (3 rows cols)") }.run(c, gpu, SIZE, |outputs| {
        close("norm_input_grad", &outputs[0], &d_input, 64.0 * ULP);
    });
}
