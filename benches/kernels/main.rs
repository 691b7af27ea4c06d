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
mod layers;
mod norm;
mod plain;
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

const TANH: (Activation, f64) = (Activation::Tanh, 0.0);

const RELU: (Activation, f64) = (Activation::Relu, 0.0);

const ROWS: usize = 256;

const COLS: usize = 512;

const LEN: usize = ROWS * COLS;

const SIZE: &str = "256x512";

const GRID: Grid = Grid { rows: ROWS, cols: COLS, stride: COLS };

fn main() {
    let gpu = gpu();
    println!("adapter: {}", gpu.adapter().describe());
    let mut c = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    plain::matmul(&mut c, &gpu);
    plain::elementwise(&mut c, &gpu);
    plain::biases(&mut c, &gpu);
    norm::norms(&mut c, &gpu);
    plain::losses(&mut c, &gpu);
    layers::layers(&mut c, &gpu);
    layers::evaluation(&mut c, &gpu);
    plain::counting(&mut c, &gpu);
    trainings::inits(&mut c, &gpu);
    trainings::trainings(&mut c, &gpu);
    c.final_summary();
}
