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
mod norm;
mod trainings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use common::{ULP, assert_close, gpu, numbers, stride, wide};
use criterion::{BenchmarkId, Criterion, Throughput};
use wgrad::check::Bound;
use wgrad::data::{Batches, Order, Source};
use wgrad::engine::Mapping;
use wgrad::engine::resident::{self, Capacity, Request};
use wgrad::gpu::{Access, AdapterClass, Gpu, Launch, Slice};
use wgrad::kernels::{self, Trainings, Variant};
use wgrad::network::{Activation, Initializer, Layout, Loss, Mask, Network};
use wgrad::optimizer::{Optimizer, OptimizerKind, RateSchedule};
use wgrad::reference::Reference;
use wgrad::reference::fused::{self, LayerShape};
use wgrad::reference::twins::{self, Grid, MatmulShape, TargetRows, Update};

/// Dispatches of one submission: the cost of the submission itself is spread over them.
const DISPATCHES: u32 = 50;

/// What a dispatch must compute and move.
struct Work {
    operations: u64,
    bytes: u64,
    formula: &'static str,
}

/// One kernel at one size.
struct Case {
    launch: Launch,
    /// Words of every binding, in order; outputs hold what they start from.
    buffers: Vec<Vec<u32>>,
    work: Work,
}

fn words<T: Pod>(values: &[T]) -> Vec<u32> {
    bytemuck::cast_slice(values).to_vec()
}

impl Case {
    /// Runs once and hands the outputs to `verify`, which panics where they are wrong; then times.
    fn run(self, c: &mut Criterion, gpu: &Arc<Gpu>, size: &str, verify: impl Fn(&[Vec<u32>])) {
        let kernel = *self.launch.kernel();
        let name = kernel.name;
        let (dispatch, outputs) = pollster::block_on(async {
            let mut buffers = Vec::new();
            for (binding, words) in kernel.bindings.iter().zip(&self.buffers) {
                buffers.push(match binding.access {
                    Access::Uniform => gpu.uniform_of(binding.name, words).await.unwrap(),
                    _ => gpu.buffer_of(binding.name, words).await.unwrap(),
                });
            }
            let bound: Vec<Slice<'_>> = buffers.iter().map(Slice::all).collect();
            let dispatch = gpu.dispatch(&self.launch, &bound).await.unwrap();
            gpu.wait(gpu.submit([&dispatch])).await.unwrap();
            let mut outputs = Vec::new();
            for ((buffer, words), binding) in buffers.iter().zip(&self.buffers).zip(kernel.bindings)
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
            launch: kernels::matmul([m, k, n], [false, false]),
            buffers: vec![words(&left), words(&right), vec![0; m * stride(n)]],
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

const TANH: (Activation, f64) = (Activation::Tanh, 0.0);
const RELU: (Activation, f64) = (Activation::Relu, 0.0);

const ROWS: usize = 256;
const COLS: usize = 512;
const LEN: usize = ROWS * COLS;
const SIZE: &str = "256x512";
const GRID: Grid = Grid { rows: ROWS, cols: COLS, stride: COLS };

fn elementwise(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (input, other) = (numbers(LEN, 3), numbers(LEN, 4));
    let bytes = |matrices: usize| Work {
        operations: 0,
        bytes: (4 * matrices * LEN) as u64,
        formula: "4 rows cols for every matrix read or written",
    };
    let mut twin = vec![0.0; LEN];
    twins::activate(TANH, &input, &mut twin, GRID);
    let buffers = vec![words(&input), vec![0; LEN]];
    Case { launch: kernels::activate(TANH, ROWS, COLS), buffers, work: bytes(2) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("activate", &outputs[0], &twin, 2e-6),
    );

    let mut twin = vec![0.0; LEN];
    twins::activate_grad(TANH, [&input, &input], &other, &mut twin, GRID);
    let buffers = vec![words(&input), words(&input), words(&other), vec![0; LEN]];
    Case { launch: kernels::activate_grad(TANH, ROWS, COLS), buffers, work: bytes(4) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("activate_grad", &outputs[0], &twin, 4.0 * ULP),
    );

    let network =
        Network::uniform(vec![1, COLS, 1], Activation::Tanh, Activation::Identity, Loss::MseMean);
    let layer = network.unwrap().with_dropout(0.2).unwrap().layers().next().unwrap();
    let mut twin = vec![0.0; LEN];
    twins::dropout(&Mask::new(&layer, 5, 3).unwrap(), &input, &mut twin, GRID);
    let buffers = vec![vec![3], words(&input), vec![0; LEN]];
    Case { launch: kernels::dropout(&layer, 5, ROWS), buffers, work: bytes(2) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("dropout", &outputs[0], &twin, 2.0 * ULP),
    );

    let adam = Optimizer::new(OptimizerKind::Adam);
    let n = adam.coefficients(0.5, 0);
    let (mut twin, mut m, mut v) = (input.clone(), vec![0.0; LEN], vec![0.0; LEN]);
    let update = Update::<f32>::new(&adam, 0.5, 0);
    twins::optimizer_step(&update, 1.0, &other, &mut twin, [&mut m, &mut v]);
    let mut schedule = vec![0.0f32; 68];
    schedule[64..67].copy_from_slice(&[n.rate, n.correction1, n.correction2].map(|n| n as f32));
    let zeros = vec![0; LEN];
    let buffers = vec![
        words(&other),
        vec![0; 2],
        words(&schedule),
        words(&input),
        zeros.clone(),
        zeros.clone(),
    ];
    Case { launch: kernels::optimizer_step(&adam, 1, LEN), buffers, work: bytes(7) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("optimizer_step", &outputs[1], &twin, 32.0 * ULP),
    );

    const STRETCHES: usize = LEN.div_ceil(twins::SQUARE_LANES * twins::SQUARES_EACH);
    let mut sums = vec![0.0f32; STRETCHES];
    twins::gradient_squares(&other, &mut sums, None);
    Case {
        launch: kernels::gradient_squares(&adam, LEN),
        buffers: vec![words(&other), vec![0; 4 * STRETCHES]],
        work: bytes(1),
    }
    .run(c, gpu, SIZE, |outputs| {
        let seen: Vec<u32> = outputs[0].iter().copied().step_by(4).collect();
        let bound = (twins::SQUARES_EACH + 8) as f64 * ULP;
        let truth: Vec<f64> = wide(&sums);
        let each: Vec<f64> = truth.iter().map(|sum| bound * sum).collect();
        let floats: Vec<f32> = seen.into_iter().map(f32::from_bits).collect();
        assert_close("gradient_squares", &floats, &truth, Bound::Each(&each));
    });

    let vectors: Vec<f32> = sums.iter().flat_map(|&sum| [sum, 0.0, 0.0, 0.0]).collect();
    let scale = twins::clip_scale(&sums, 1.0f32);
    Case {
        launch: kernels::clip_scale(1.0, STRETCHES),
        buffers: vec![words(&vectors), vec![0; 2]],
        work: bytes(1),
    }
    .run(c, gpu, SIZE, |outputs| close("clip_scale", &outputs[0], &[1.0, scale], 32.0 * ULP));
}

/// Every way to compute a product that is worth its time on this device.
fn variants(gpu: &Gpu) -> Vec<Variant> {
    match gpu.adapter().class() {
        AdapterClass::Software { subgroup: Some(lanes) } => {
            let blocks = |lanes: usize, row_blocks, col_blocks| Variant::Broadcast {
                lanes,
                row_blocks,
                col_blocks,
            };
            let lanes = lanes as usize;
            vec![Variant::Direct, blocks(lanes, 1, 1), blocks(lanes, 2, 2)]
        }
        AdapterClass::Software { subgroup: None } => vec![Variant::Direct],
        _ => vec![Variant::Direct, Variant::Split(4), Variant::Staged(32), Variant::Staged(64)],
    }
}

/// The size of the layer below, by this variant.
fn named(variant: Variant) -> String {
    format!("256x784x512 {variant}")
}

/// A layer of 784 to 512 over a batch of 256, by the fused kernels; what they do at their ends is not
/// counted as work.
fn layers(c: &mut Criterion, gpu: &Arc<Gpu>) {
    const LAYER: LayerShape =
        LayerShape { rows: 256, fan_in: 784, fan_out: 512, input_stride: 784, stride: 512 };
    let LayerShape { rows, fan_in, fan_out, .. } = LAYER;
    let shape = kernels::LayerShape { rows, fan_in, fan_out };
    let input = numbers(rows * fan_in, 1);
    let parameters: Vec<f32> = numbers(LAYER.block_len(), 2).iter().map(|p| p / 28.0).collect();
    let d_output = numbers(rows * fan_out, 3);
    let work = || Work {
        operations: 2 * (rows * fan_in * fan_out) as u64,
        bytes: 4 * (rows * fan_in + fan_in * fan_out + rows * fan_out) as u64,
        formula: "2 rows fan_in fan_out; each matrix once",
    };
    let bound = (fan_in + 8) as f64 * ULP * 28.0;

    let (mut twin, mut counts) = (vec![0.0; rows * fan_out], vec![0; rows / 8 * fan_out]);
    let (x, p) = (wide(&input), wide(&parameters));
    fused::layer_forward(RELU, &x, &p, [&mut twin, &mut []], &mut counts, LAYER);
    let truth: Vec<f32> = twin.iter().map(|&a| a as f32).collect();
    for variant in variants(gpu) {
        Case {
            launch: kernels::layer_forward(RELU, false, shape, variant),
            buffers: vec![
                words(&input),
                words(&parameters),
                vec![0; truth.len()],
                vec![0; counts.len()],
                vec![0; 4],
            ],
            work: work(),
        }
        .run(c, gpu, &named(variant), |outputs| {
            close("layer_forward", &outputs[0], &truth, bound);
        });
    }

    let mut twin = vec![0.0; rows * fan_in];
    let d = wide(&d_output);
    fused::layer_input_grad(RELU, &d, &p, &x, &mut twin, LAYER);
    let truth: Vec<f32> = twin.iter().map(|&a| a as f32).collect();
    for variant in variants(gpu) {
        Case {
            launch: kernels::layer_input_grad(RELU, shape, variant),
            buffers: vec![
                words(&d_output),
                words(&parameters),
                words(&input),
                vec![0; truth.len()],
            ],
            work: work(),
        }
        .run(c, gpu, &named(variant), |outputs| {
            close("layer_input_grad", &outputs[0], &truth, bound);
        });
    }

    let (mut twin, mut gradients) = (p.clone(), vec![0.0; p.len()]);
    let sgd = Optimizer::default();
    let update = Update::new(&sgd, f64::from(1e-3f32), 0);
    let all = (&mut twin[..], [&mut [][..], &mut [][..]]);
    fused::layer_update(&x, &d, all, &mut gradients, &update, LAYER);
    let mut schedule = vec![0.0f32; 68];
    schedule[64] = 1e-3;
    let truth: Vec<f32> = twin.iter().map(|&a| a as f32).collect();
    for variant in variants(gpu) {
        Case {
            launch: kernels::layer_update(&sgd, false, 1, shape, variant),
            buffers: vec![
                words(&input),
                words(&d_output),
                words(&schedule),
                words(&parameters),
                vec![0; 4],
                vec![0; 4],
                vec![0; 4],
                vec![0; kernels::update_sums_len(shape, variant)],
            ],
            work: work(),
        }
        .run(c, gpu, &named(variant), |outputs| {
            close("layer_update", &outputs[1], &truth, bound);
        });
    }

    const OUTPUT: LayerShape =
        LayerShape { rows: 256, fan_in: 512, fan_out: 10, input_stride: 512, stride: 12 };
    let mut zero_padded = numbers(OUTPUT.block_len(), 4);
    zero_padded.chunks_exact_mut(12).for_each(|row| row[10..].fill(0.0));
    let mut targets = vec![0.0f32; 256 * 12];
    (0..256).for_each(|row| targets[row * 12 + row % 10] = 1.0);
    let (mut row_loss, mut d) = (vec![0.0; 256], vec![0.0; 256 * 12]);
    let ends = ((Loss::SoftmaxCrossEntropy, 0.0), (Activation::Identity, 0.0));
    let (x, p, t) = (wide(&input[..256 * 512]), wide(&zero_padded), wide(&targets));
    let t = TargetRows::plain(&t, 12);
    fused::output_loss((ends.0, ends.1, 1.0), &x, &p, t, &mut row_loss, &mut d, OUTPUT);
    let truth: Vec<f32> = row_loss.iter().map(|&loss| loss as f32).collect();
    Case {
        launch: kernels::output_loss(
            ends,
            kernels::LayerShape { rows: 256, fan_in: 512, fan_out: 10 },
            1.0,
            false,
        ),
        buffers: vec![
            words(&input[..256 * 512]),
            words(&zero_padded),
            words(&targets),
            vec![0; 256],
            vec![0; 256 * 12],
        ],
        work: Work {
            operations: 2 * 256 * 512 * 10,
            bytes: 4 * (256 * 512 + 512 * 10),
            formula: "2 rows fan_in fan_out; each matrix once",
        },
    }
    .run(c, gpu, "256x512x10", |outputs| close("output_loss", &outputs[0], &truth, 1e-3));

    let rows: Vec<u32> = (0..256).map(|row| row * 7 % 256).collect();
    let mut batch = [vec![0.0; input.len()], vec![0.0; targets.len()]];
    let [x, t] = &mut batch;
    fused::gather_batch(&rows, [&input, &targets], [x, t], [784, 12], 0..256);
    Case {
        launch: kernels::gather_batch(256, 784, 10, 0..256),
        buffers: vec![
            rows,
            words(&input),
            words(&targets),
            vec![0; input.len()],
            vec![0; targets.len()],
        ],
        work: Work { operations: 0, bytes: 8 * 256 * 796, formula: "8 for every number copied" },
    }
    .run(c, gpu, "256x796", |outputs| close("gather_batch", &outputs[0], &batch[0], 0.0));

    let row_loss = numbers(256, 5);
    let (mut clock, mut ring) = (0, [0.0]);
    fused::finish_step(&row_loss, &mut clock, &mut ring, 1.0);
    Case {
        launch: kernels::finish_step(256, 1, 1.0),
        buffers: vec![words(&row_loss), vec![0], vec![0]],
        work: Work { operations: 256, bytes: 1024, formula: "rows; each once" },
    }
    .run(c, gpu, "256", |outputs| close("finish_step", &outputs[1], &ring, 256.0 * ULP));
}

/// What looks at rows that are not learned from: many small networks, and one of ten outputs.
fn evaluation(c: &mut Criterion, gpu: &Arc<Gpu>) {
    const NETWORKS: usize = 1024;
    const SMALL: LayerShape =
        LayerShape { rows: 64, fan_in: 8, fan_out: 8, input_stride: 8, stride: 8 };
    let relu = (Activation::Relu, 0.0);
    let (data, parameters) = (numbers(64 * 8, 7), numbers(72 * NETWORKS, 8));
    let mut twin = vec![0.0; 64 * 8 * NETWORKS];
    fused::population_forward(relu, (&data, true), &parameters, None, &mut twin, SMALL, NETWORKS);
    let shape = kernels::LayerShape { rows: 64, fan_in: 8, fan_out: 8 };
    Case {
        launch: kernels::population_forward(relu, shape, NETWORKS, (0, None), Some(0)),
        buffers: vec![words(&data), words(&parameters), vec![0; twin.len()]],
        work: Work {
            operations: 2 * 64 * 72 * NETWORKS as u64,
            bytes: 4 * (64 * 8 + 72 + 64 * 8) * NETWORKS as u64,
            formula: "2 rows (fan_in + 1) fan_out networks; each once",
        },
    }
    .run(c, gpu, "64x8x8, 1024 networks", |outputs| {
        close("population_forward", &outputs[0], &twin, 32.0 * ULP);
    });

    let (z, grid) = (numbers(10_000 * 12, 9), Grid { rows: 10_000, cols: 10, stride: 12 });
    let mut targets = vec![0.0f32; z.len()];
    (0..10_000).for_each(|row| targets[row * 12 + row % 10] = 1.0);
    let ends = ((Loss::SoftmaxCrossEntropy, 0.0), (Activation::Identity, 0.0));
    let wide_targets = wide(&targets);
    let both = (&wide(&z)[..], TargetRows::plain(&wide_targets, 12));
    let truth = [fused::evaluate_rows(ends, both, true, 1e-4, grid, 1)[0].0 as f32];
    Case {
        launch: kernels::evaluate_rows(ends, (0..10_000, false), 10, 1, true, 1e-4, false),
        buffers: vec![words(&z), words(&targets), vec![0; 2]],
        work: Work {
            operations: 0,
            bytes: 8 * 10_000 * 10,
            formula: "8 for every output and its target",
        },
    }
    .run(c, gpu, "10000x10", |outputs| {
        close("evaluate_rows", &outputs[0][..1], &truth, 1e-4);
    });

    let shape = kernels::LayerShape { rows: 256, fan_in: 784, fan_out: 512 };
    let sums: Vec<f32> = numbers(kernels::update_sums_len(shape, Variant::Direct), 5)
        .iter()
        .map(|sum| sum.abs())
        .collect();
    let counts = vec![8u32; kernels::unit_counts_len(256, 512)];
    let (vectors, _) = sums.as_chunks::<4>();
    let (truth, [zero, _]) = twins::layer_statistics(vectors, &counts, 512, 512, [256, 244]);
    Case {
        launch: kernels::layer_statistics((0, true), shape, 4 * vectors.len(), [256, 244]),
        buffers: vec![words(&sums), counts.clone(), vec![0; 8]],
        work: Work {
            operations: 0,
            bytes: 4 * (sums.len() + counts.len()) as u64,
            formula: "4 for every sum and count",
        },
    }
    .run(c, gpu, "784x512, batch 256", |outputs| {
        close("layer_statistics", &outputs[0][..4], &truth, 32.0 * ULP);
        assert_eq!(outputs[0][4] as usize, zero);
    });
}

/// Biases alone.
const BIASED: kernels::LayerShape = kernels::LayerShape { rows: ROWS, fan_in: 0, fan_out: COLS };

fn biases(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (matrix, bias) = (numbers(LEN, 5), numbers(COLS, 6));
    let mut twin = matrix.clone();
    twins::bias_add(&bias, &mut twin, GRID);
    let work = |matrices: usize, formula| Work {
        operations: LEN as u64,
        bytes: (4 * (matrices * LEN + COLS)) as u64,
        formula,
    };
    let buffers = vec![words(&bias), words(&matrix)];
    let formula = "rows cols; 4 (2 rows cols + cols)";
    Case { launch: kernels::bias_add(BIASED), buffers, work: work(2, formula) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("bias_add", &outputs[0], &twin, ULP),
    );

    let mut twin = vec![0.0; COLS];
    twins::bias_grad(&matrix, &mut twin, GRID);
    let buffers = vec![words(&matrix), vec![0; COLS]];
    let formula = "rows cols; 4 (rows cols + cols)";
    Case { launch: kernels::bias_grad(BIASED), buffers, work: work(1, formula) }.run(
        c,
        gpu,
        SIZE,
        |outputs| close("bias_grad", &outputs[0], &twin, ROWS as f64 * ULP * ROWS as f64),
    );
}

fn losses(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let output = numbers(LEN, 7);
    let target: Vec<f32> = (0..LEN).map(|i| if i % COLS == i / COLS { 1.0 } else { 0.0 }).collect();
    for (loss, label) in [
        (Loss::MseMean, "loss_elementwise, squares"),
        (Loss::BceWithLogits, "loss_elementwise, cross-entropy"),
        (Loss::SoftmaxCrossEntropy, "loss_softmax"),
    ] {
        let (mut row_loss, mut d) = (vec![0.0; ROWS], vec![0.0; LEN]);
        let (output_wide, target_wide) = (wide(&output), wide(&target));
        let rows = TargetRows::plain(&target_wide, GRID.stride);
        twins::loss((loss, 0.0), &output_wide, rows, &mut row_loss, &mut d, 1.0, GRID);
        let buffers = vec![words(&output), words(&target), vec![0; ROWS], vec![0; LEN]];
        let bytes = (4 * (3 * LEN + ROWS)) as u64;
        let work = Work { operations: 0, bytes, formula: "4 (3 rows cols + rows)" };
        let launch = kernels::loss((loss, 0.0), ROWS, COLS, 1.0, false);
        Case { launch, buffers, work }.run(c, gpu, SIZE, |outputs| {
            // Each of the terms of a row's sum within 2^-21, and cols roundings of the sum.
            let sums = Bound::Mixed { absolute: COLS as f64 * 5e-7, relative: COLS as f64 * ULP };
            assert_close(label, bytemuck::cast_slice::<u32, f32>(&outputs[0]), &row_loss, sums);
            let each = Bound::Mixed { absolute: 2e-6, relative: COLS as f64 * ULP };
            assert_close(label, bytemuck::cast_slice::<u32, f32>(&outputs[1]), &d, each);
        });
    }
}

fn counting(c: &mut Criterion, gpu: &Arc<Gpu>) {
    let (rows, batch) = (60_000, 256);
    let mut twin = vec![0; batch];
    twins::batch_rows(&mut twin, rows, 0, 9, 0);
    let batches = Batches::new(rows as usize, batch, Order::Shuffled, 9);
    let work = |bytes| Work { operations: 0, bytes, formula: "4 for every number written" };
    let buffers = vec![vec![0], vec![0; batch]];
    Case { launch: kernels::batch_rows(&batches, batch), buffers, work: work(4 * batch as u64) }
        .run(c, gpu, "256 of 60000", |outputs| assert_eq!(outputs[0], twin, "batch_rows"));

    Case { launch: kernels::advance(1), buffers: vec![vec![0]], work: work(4) }.run(
        c,
        gpu,
        "1",
        |outputs| assert_eq!(outputs[0], [1], "advance"),
    );

    Case { launch: kernels::canary(32_768), buffers: vec![vec![0]], work: work(4) }.run(
        c,
        gpu,
        "32768 iterations",
        |outputs| assert_eq!(outputs[0], [32_768], "canary"),
    );
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
    norm::norms(&mut c, &gpu);
    losses(&mut c, &gpu);
    layers(&mut c, &gpu);
    evaluation(&mut c, &gpu);
    counting(&mut c, &gpu);
    trainings::inits(&mut c, &gpu);
    trainings::trainings(&mut c, &gpu);
    c.final_summary();
}
