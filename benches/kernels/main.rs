//! Each kernel: compared with its twin, then timed. No number is printed for a kernel that was
//! not compared in the same run.
//!
//! `cargo bench` runs all on the adapter that `wgrad` would take; `cargo bench -- matmul` some.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

#[path = "../../tests/common/mod.rs"]
mod common;
mod trainings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use common::{ULP, assert_close, gpu, numbers, stride, wide};
use criterion::{BenchmarkId, Criterion, Throughput};
use wgrad::check::Bound;
use wgrad::data::Source;
use wgrad::gpu::{Access, Gpu, Kernel, Slice};
use wgrad::kernels::*;
use wgrad::network::{Activation, Initializer, Layout, Loss, Network};
use wgrad::random::{Purpose, seed_key, stream_id};
use wgrad::reference::Reference;
use wgrad::reference::twins::{self, Grid, MatmulShape};

/// Dispatches of one submission: the cost of the submission itself is spread over them.
const DISPATCHES: u32 = 50;

/// What a dispatch must compute and move.
struct Work {
    operations: u64,
    bytes: u64,
    formula: &'static str,
}

/// One kernel at one size.
struct Case<'a, P> {
    kernel: &'a Kernel,
    constants: &'a [(&'a str, f64)],
    params: P,
    /// Words of every binding, in order; outputs hold what they start from.
    buffers: Vec<Vec<u32>>,
    invocations: usize,
    rounds: usize,
    work: Work,
}

fn words<T: Pod>(values: &[T]) -> Vec<u32> {
    bytemuck::cast_slice(values).to_vec()
}

impl<P: Pod> Case<'_, P> {
    /// Runs once and hands the outputs to `verify`, which panics where they are wrong; then times.
    fn run(self, c: &mut Criterion, gpu: &Arc<Gpu>, size: &str, verify: impl Fn(&[Vec<u32>])) {
        let name = self.kernel.name;
        let (dispatch, outputs) = pollster::block_on(async {
            let pipeline = gpu.pipeline(self.kernel, self.constants).await.unwrap();
            let mut buffers = Vec::new();
            for (binding, words) in self.kernel.bindings.iter().zip(&self.buffers) {
                buffers.push(match binding.access {
                    Access::Uniform => gpu.uniform_of(binding.name, words).await.unwrap(),
                    _ => gpu.buffer_of(binding.name, words).await.unwrap(),
                });
            }
            let bound: Vec<Slice<'_>> = buffers.iter().map(Slice::all).collect();
            let dispatch = gpu
                .dispatch(&pipeline, &self.params, &bound, self.invocations, self.rounds)
                .await
                .unwrap();
            gpu.wait(gpu.submit([&dispatch])).await.unwrap();
            let mut outputs = Vec::new();
            for ((buffer, words), binding) in
                buffers.iter().zip(&self.buffers).zip(self.kernel.bindings)
            {
                if binding.access == Access::ReadWrite {
                    outputs.push(
                        gpu.read::<u32>(&[(buffer, 0..words.len())]).await.unwrap().remove(0),
                    );
                }
            }
            (dispatch, outputs)
        });
        verify(&outputs);
        let Work { operations, bytes, formula } = self.work;
        println!("{name} {size}: as its twin; {operations} FLOP (elem), {bytes} bytes ({formula})");
        let mut group = c.benchmark_group(name);
        group.throughput(match operations {
            0 => Throughput::Bytes(bytes),
            elements => Throughput::ElementsAndBytes { elements, bytes },
        });
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter_custom(|iterations| {
                let mut left = iterations;
                let mut time = Duration::ZERO;
                while left > 0 {
                    let count = left.min(DISPATCHES.into());
                    let started = Instant::now();
                    let work = (0..count).map(|_| &dispatch);
                    pollster::block_on(gpu.wait(gpu.submit(work))).unwrap();
                    time += started.elapsed();
                    left -= count;
                }
                time
            });
        });
        group.finish();
    }
}

/// Holds the floats of one output to a twin.
fn close(label: &'static str, output: &[u32], twin: &[f32], bound: f64) {
    let near = Bound::Mixed { absolute: bound, relative: bound };
    assert_close(label, bytemuck::cast_slice::<u32, f32>(output), twin, near);
}

fn matmul(c: &mut Criterion, gpu: &Arc<Gpu>) {
    for (m, k, n) in [(4, 2, 3), (64, 784, 128), (256, 256, 256)] {
        let shape = MatmulShape {
            m,
            k,
            n,
            left_stride: stride(k),
            right_stride: stride(n),
            output_stride: stride(n),
            transpose_left: false,
            transpose_right: false,
        };
        let (left, right) = (numbers(m * stride(k), 1), numbers(k * stride(n), 2));
        let mut twin = vec![0.0f64; m * stride(n)];
        twins::matmul(&wide(&left), &wide(&right), &mut twin, shape);
        let case = Case {
            kernel: &MATMUL,
            constants: &[("TRANSPOSE_LEFT", 0.0), ("TRANSPOSE_RIGHT", 0.0)],
            params: MatmulParams {
                m: m as u32,
                k: k as u32,
                n: n as u32,
                left_stride: stride(k) as u32,
                right_stride: stride(n) as u32,
                output_stride: stride(n) as u32,
            },
            buffers: vec![words(&left), words(&right), vec![0; m * stride(n)]],
            invocations: m * n,
            rounds: k,
            work: Work {
                operations: (2 * m * k * n) as u64,
                bytes: (4 * (m * k + k * n + m * n)) as u64,
                formula: "2 m k n; 4 (m k + k n + m n)",
            },
        };
        case.run(c, gpu, &format!("{m}x{k}x{n}"), |outputs| {
            // (k + 2) roundings of at most k products of numbers below 1.
            let bound = (k + 2) as f64 * ULP * k as f64;
            let near = Bound::Mixed { absolute: bound, relative: 0.0 };
            assert_close("matmul", bytemuck::cast_slice::<u32, f32>(&outputs[0]), &twin, near);
        });
    }
}

const ROWS: usize = 256;
const COLS: usize = 512;
const LEN: usize = ROWS * COLS;
const SIZE: &str = "256x512";
const GRID: Grid = Grid { rows: ROWS, cols: COLS, stride: COLS };

fn elementwise(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (input, other) = (numbers(LEN, 3), numbers(LEN, 4));
    let params = ActivateParams { rows: ROWS as u32, cols: COLS as u32, stride: COLS as u32 };
    let constants = [("ACTIVATION", f64::from(Activation::Tanh.code()))];
    let bytes = |matrices: usize| Work {
        operations: 0,
        bytes: (4 * matrices * LEN) as u64,
        formula: "4 rows cols for every matrix read or written",
    };
    let mut twin = vec![0.0; LEN];
    twins::activate(Activation::Tanh, &input, &mut twin, GRID);
    let buffers = vec![words(&input), vec![0; LEN]];
    Case {
        kernel: &ACTIVATE,
        constants: &constants,
        params,
        buffers,
        invocations: LEN,
        rounds: 0,
        work: bytes(2),
    }
    .run(c, gpu, SIZE, |outputs| close("activate", &outputs[0], &twin, 2e-6));

    let mut twin = vec![0.0; LEN];
    twins::activate_grad(Activation::Tanh, &input, &other, &mut twin, GRID);
    let buffers = vec![words(&input), words(&other), vec![0; LEN]];
    Case {
        kernel: &ACTIVATE_GRAD,
        constants: &constants,
        params,
        buffers,
        invocations: LEN,
        rounds: 0,
        work: bytes(3),
    }
    .run(c, gpu, SIZE, |outputs| close("activate_grad", &outputs[0], &twin, 4.0 * ULP));

    let mut twin = input.clone();
    twins::sgd(&other, &mut twin, 0.5);
    let buffers = vec![words(&other), words(&input)];
    let params = SgdParams { len: LEN as u32, learning_rate: 0.5 };
    Case {
        kernel: &SGD,
        constants: &[],
        params,
        buffers,
        invocations: LEN,
        rounds: 0,
        work: bytes(3),
    }
    .run(c, gpu, SIZE, |outputs| close("sgd", &outputs[0], &twin, 2.0 * ULP));

    let rows: Vec<u32> = (0..ROWS as u32).map(|i| i * 7 % ROWS as u32).collect();
    let mut twin = vec![0.0; LEN];
    twins::gather(&rows, &input, &mut twin, GRID, 0..ROWS);
    let params = GatherParams {
        len: ROWS as u32,
        cols: COLS as u32,
        stride: COLS as u32,
        first_row: 0,
        source_rows: ROWS as u32,
    };
    let buffers = vec![rows, words(&input), vec![0; LEN]];
    Case {
        kernel: &GATHER,
        constants: &[],
        params,
        buffers,
        invocations: LEN,
        rounds: 0,
        work: bytes(2),
    }
    .run(c, gpu, SIZE, |outputs| close("gather", &outputs[0], &twin, 0.0));
}

fn biases(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (matrix, bias) = (numbers(LEN, 5), numbers(COLS, 6));
    let params =
        BiasParams { rows: ROWS as u32, cols: COLS as u32, stride: COLS as u32, bias_offset: 0 };
    let mut twin = matrix.clone();
    twins::bias_add(&bias, &mut twin, GRID);
    let work = |matrices: usize, formula| Work {
        operations: LEN as u64,
        bytes: (4 * (matrices * LEN + COLS)) as u64,
        formula,
    };
    let buffers = vec![words(&bias), words(&matrix)];
    let formula = "rows cols; 4 (2 rows cols + cols)";
    Case {
        kernel: &BIAS_ADD,
        constants: &[],
        params,
        buffers,
        invocations: LEN,
        rounds: 0,
        work: work(2, formula),
    }
    .run(c, gpu, SIZE, |outputs| close("bias_add", &outputs[0], &twin, ULP));

    let mut twin = vec![0.0; COLS];
    twins::bias_grad(&matrix, &mut twin, GRID);
    let buffers = vec![words(&matrix), vec![0; COLS]];
    let formula = "rows cols; 4 (rows cols + cols)";
    Case {
        kernel: &BIAS_GRAD,
        constants: &[],
        params,
        buffers,
        invocations: COLS,
        rounds: ROWS,
        work: work(1, formula),
    }
    .run(c, gpu, SIZE, |outputs| {
        close("bias_grad", &outputs[0], &twin, ROWS as f64 * ULP * ROWS as f64)
    });
}

type LossTwin = fn(&[f64], &[f64], &mut [f64], &mut [f64], f64, Grid);

fn losses(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let output = numbers(LEN, 7);
    let target: Vec<f32> = (0..LEN).map(|i| if i % COLS == i / COLS { 1.0 } else { 0.0 }).collect();
    let params =
        LossParams { rows: ROWS as u32, cols: COLS as u32, stride: COLS as u32, scale: 1.0 };
    let cases: [(&Kernel, &'static str, LossTwin); 3] = [
        (&LOSS_MSE, "loss_mse", twins::loss_mse),
        (&LOSS_BCE, "loss_bce", twins::loss_bce),
        (&LOSS_SOFTMAX, "loss_softmax", twins::loss_softmax),
    ];
    for (kernel, label, twin) in cases {
        let (mut row_loss, mut d) = (vec![0.0; ROWS], vec![0.0; LEN]);
        twin(&wide(&output), &wide(&target), &mut row_loss, &mut d, 1.0, GRID);
        let buffers = vec![words(&output), words(&target), vec![0; ROWS], vec![0; LEN]];
        let bytes = (4 * (3 * LEN + ROWS)) as u64;
        let work = Work { operations: 0, bytes, formula: "4 (3 rows cols + rows)" };
        Case { kernel, constants: &[], params, buffers, invocations: ROWS, rounds: 3 * COLS, work }
            .run(c, gpu, SIZE, |outputs| {
                // Each of the terms of a row's sum within 2^-21, and cols roundings of the sum.
                let sums =
                    Bound::Mixed { absolute: COLS as f64 * 5e-7, relative: COLS as f64 * ULP };
                assert_close(label, bytemuck::cast_slice::<u32, f32>(&outputs[0]), &row_loss, sums);
                let each = Bound::Mixed { absolute: 2e-6, relative: COLS as f64 * ULP };
                assert_close(label, bytemuck::cast_slice::<u32, f32>(&outputs[1]), &d, each);
            });
    }

    let rows = 4096;
    let row_loss = numbers(rows, 8);
    let scale = 1.0 / rows as f32;
    let twin = twins::loss_mean(&row_loss, scale);
    let buffers = vec![words(&row_loss), vec![0], vec![0]];
    let params = LossMeanParams { rows: rows as u32, ring_len: 1, scale };
    let work = Work { operations: rows as u64, bytes: 4 * rows as u64, formula: "rows; 4 rows" };
    Case {
        kernel: &LOSS_MEAN,
        constants: &[],
        params,
        buffers,
        invocations: 256,
        rounds: 24,
        work,
    }
    .run(c, gpu, "4096", |outputs| close("loss_mean", &outputs[0], &[twin], 25.0 * ULP));
}

fn counting(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (rows, batch) = (60_000, 256);
    let mut twin = vec![0; batch];
    twins::batch_rows(&mut twin, rows, 0, 9, 0);
    let [seed_low, seed_high] = seed_key(9);
    let params = BatchRowsParams {
        len: batch as u32,
        data_rows: rows,
        batch: batch as u32,
        steps_per_epoch: rows.div_ceil(batch as u32),
        seed_low,
        seed_high,
        shuffled: 1,
    };
    let work = |bytes| Work { operations: 0, bytes, formula: "4 for every number written" };
    let buffers = vec![vec![0], vec![0; batch]];
    Case {
        kernel: &BATCH_ROWS,
        constants: &[],
        params,
        buffers,
        invocations: batch,
        rounds: 64,
        work: work(4 * batch as u64),
    }
    .run(c, gpu, "256 of 60000", |outputs| assert_eq!(outputs[0], twin, "batch_rows"));

    let params = AdvanceParams { steps: 1 };
    Case {
        kernel: &ADVANCE,
        constants: &[],
        params,
        buffers: vec![vec![0]],
        invocations: 1,
        rounds: 0,
        work: work(4),
    }
    .run(c, gpu, "1", |outputs| assert_eq!(outputs[0], [1], "advance"));

    let params = CanaryParams { rounds: 32_768 };
    Case {
        kernel: &CANARY,
        constants: &[],
        params,
        buffers: vec![vec![0]],
        invocations: 1,
        rounds: 32_768,
        work: work(4),
    }
    .run(c, gpu, "32768 rounds", |outputs| assert_eq!(outputs[0], [32_768], "canary"));
}

fn main() {
    let gpu = gpu();
    println!("adapter: {}", gpu.adapter().describe());
    let mut c = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    matmul(&mut c, &gpu);
    elementwise(&mut c, &gpu);
    biases(&mut c, &gpu);
    losses(&mut c, &gpu);
    counting(&mut c, &gpu);
    trainings::inits(&mut c, &gpu);
    trainings::trainings(&mut c, &gpu);
    c.final_summary();
}
