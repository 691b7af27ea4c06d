//! The three products of a layer, as its kernels compute them: in any variant, each compared with sums in f64 before
//! it is timed.

use std::sync::Arc;
use std::time::Instant;

use super::Times;
use super::crossover::{BenchRow, Crossover, MEASURED, ULP, Watch};
use super::peak::measure_peak;
use crate::Error;
use crate::engine::cpu;
use crate::gpu::{Buffer, Dispatch, Gpu, Slice};
use crate::kernels::{self, Form, Product, Variant};
use crate::network::{Activation, row_stride};
use crate::optimizer::Optimizer;
use crate::random::{Purpose, Threefry};
use crate::train::seconds_of_one;

/// Elements of a product that are compared with a sum in f64.
const SAMPLED: usize = 64;

/// The three products of a size `[m, k, n]`.
pub fn forms([m, k, n]: [usize; 3]) -> [Product; 3] {
    Form::ALL.map(|form| Product { form, rows: m, cols: n, terms: k })
}

/// Times the three products of each of these sizes `[m, k, n]`.
///
/// # Errors
/// [`Error::Check`] where a product is wrong, [`Error`] where the device is too small or fails.
pub async fn products(
    gpu: &Arc<Gpu>,
    sizes: &[[usize; 3]],
    rounds: u32,
    watch: &mut Watch<'_>,
) -> Result<Crossover, Error> {
    let peak = measure_peak(gpu, watch.stop).await?;
    let mut rows = Vec::new();
    for product in sizes.iter().copied().flat_map(forms) {
        (watch.tell)(&product.to_string());
        if (watch.stop)() {
            return Ok(Crossover { rows, peak, rounds, stopped: true });
        }
        rows.push(beside_the_cpu(gpu, product, rounds, watch.stop).await?);
    }
    Ok(Crossover { rows, peak, rounds, stopped: (watch.stop)() })
}

/// Both matrices of a product, random.
pub(super) struct Matrices {
    product: Product,
    left: Vec<f32>,
    right: Vec<f32>,
}

/// Numbers in [-1, 1), `[rows][stride]`, padded with zeros.
fn matrix(rows: usize, cols: usize, part: u32) -> Vec<f32> {
    use rand::Rng;
    let mut stream = Threefry::new(0, Purpose::Rows, part);
    let mut values = vec![0.0; rows * row_stride(cols)];
    for row in values.chunks_exact_mut(row_stride(cols)) {
        let number = || (stream.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0;
        row[..cols].fill_with(number);
    }
    values
}

impl Matrices {
    pub(super) fn new(product: Product) -> Matrices {
        let Product { form, rows: m, cols: n, terms: k } = product;
        let (left, right) = match form {
            Form::Nn => {
                // Below weights stands a row of biases, which are 0.
                let mut weights = matrix(k, n, 1);
                weights.extend(std::iter::repeat_n(0.0, row_stride(n)));
                (matrix(m, k, 0), weights)
            }
            Form::Tn => (matrix(k, m, 0), matrix(k, n, 1)),
            Form::Nt => (matrix(m, k, 0), matrix(n, k, 1)),
        };
        Matrices { product, left, right }
    }

    /// A term of an element's sum.
    fn term(&self, row: usize, col: usize, at: usize) -> f64 {
        let Product { form, rows: m, cols: n, terms: k } = self.product;
        let [m, k, n] = [m, k, n].map(row_stride);
        let (a, b) = match form {
            Form::Nn => (self.left[row * k + at], self.right[at * n + col]),
            Form::Tn => (self.left[at * m + row], self.right[at * n + col]),
            Form::Nt => (self.left[row * k + at], self.right[col * k + at]),
        };
        f64::from(a) * f64::from(b)
    }
}

/// A product on a device, compared.
pub(super) struct Ready {
    pub dispatch: Dispatch,
    /// Seconds from nothing to the first result.
    cold: f64,
    /// Seconds of that in which a pipeline is created.
    pipelines: f64,
    /// The largest error, and the bound where it was the largest share of that.
    worst: (f64, f64),
}

/// Computes a product once in a variant, and compares elements of it with sums in f64.
///
/// # Errors
/// [`Error::Check`] where one is wrong, [`Error`] where the device is too small or fails.
pub(super) async fn ready(
    gpu: &Arc<Gpu>,
    matrices: &Matrices,
    variant: Variant,
) -> Result<Ready, Error> {
    let product = matrices.product;
    let Product { rows: m, cols: n, terms: k, .. } = product;
    let (started, before) = (Instant::now(), gpu.pipeline_seconds());
    let (dispatch, output) = dispatched(gpu, matrices, variant).await?;
    gpu.wait(gpu.submit([&dispatch])).await?;
    let (cold, pipelines) = (started.elapsed().as_secs_f64(), gpu.pipeline_seconds() - before);
    let stride = row_stride(n);
    let seen = gpu.read::<f32>(&[(&output, 0..m * stride)]).await?.remove(0);
    // Corners, and others spread over the product.
    let places = (0..SAMPLED).map(|at| (at * (m - 1) / (SAMPLED - 1), at * 7919 % n));
    let mut worst = (0.0, ULP);
    for (row, col) in places.chain([(0, n - 1), (m - 1, 0), (m - 1, n - 1)]) {
        let terms = || (0..k).map(|at| matrices.term(row, col, at));
        let (sum, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
        // Each product and each sum rounds once.
        let (error, bound) =
            ((f64::from(seen[row * stride + col]) - sum).abs(), (k as f64 + 1.0) * ULP * size);
        // No number is within no bound.
        if error.is_nan() || error > bound {
            let what = format!(
                "{product} by {variant}: element [{row}][{col}] is {} where {sum} was expected, bound {bound:e}",
                seen[row * stride + col]
            );
            return Err(Error::Check { what });
        }
        if error * worst.1 >= worst.0 * bound && bound > 0.0 {
            worst = (error, bound);
        }
    }
    Ok(Ready { dispatch, cold, pipelines, worst })
}

/// A product as one dispatch, and where its result is.
async fn dispatched(
    gpu: &Arc<Gpu>,
    matrices: &Matrices,
    variant: Variant,
) -> Result<(Dispatch, Buffer), Error> {
    let Matrices { product, left, right } = matrices;
    let Product { form, rows: m, cols: n, .. } = *product;
    let (identity, shape) = ((Activation::Identity, 0.0), product.layer());
    let left = gpu.buffer_of("left", left).await?;
    let right = gpu.buffer_of("right", right).await?;
    let output = gpu.buffer("output", (m + 1) * row_stride(n)).await?;
    let few = gpu.buffer("not used", 4).await?;
    let (launch, buffers) = match form {
        Form::Nn => {
            let counts = gpu.buffer("counts", kernels::unit_counts_len(m, n)).await?;
            let launch = kernels::layer_forward(identity, false, shape, variant);
            (launch, vec![left, right, output.clone(), counts, few])
        }
        Form::Tn => {
            let schedule = gpu.buffer("schedule", 68).await?;
            let parameters = gpu.buffer("parameters", (m + 1) * row_stride(n)).await?;
            let sums = gpu.buffer("sums", kernels::update_sums_len(shape, variant)).await?;
            let launch = kernels::layer_update(&Optimizer::default(), true, 1, shape, variant);
            let moments = [few.clone(), few];
            let all = [left, right, schedule, parameters, output.clone()];
            (launch, all.into_iter().chain(moments).chain([sums]).collect())
        }
        Form::Nt => {
            let input = gpu.buffer("input", m * row_stride(n)).await?;
            let launch = kernels::layer_input_grad(identity, shape, variant);
            (launch, vec![left, right, input, output.clone()])
        }
    };
    let bound: Vec<Slice<'_>> = buffers.iter().map(Slice::all).collect();
    Ok((gpu.dispatch(&launch, &bound).await?, output))
}

/// Seconds of a dispatch.
pub(super) async fn seconds(
    gpu: &Gpu,
    dispatch: &Dispatch,
    stop: &dyn Fn() -> bool,
) -> Result<f64, Error> {
    let run = async |count: u32| {
        let all = (0..count).map(|_| dispatch);
        Ok(gpu.wait(gpu.submit(all)).await?)
    };
    seconds_of_one(MEASURED, stop, run).await
}

async fn beside_the_cpu(
    gpu: &Arc<Gpu>,
    product: Product,
    rounds: u32,
    stop: &dyn Fn() -> bool,
) -> Result<BenchRow, Error> {
    let Product { form, rows: m, cols: n, terms: k } = product;
    let (matrices, variant) = (Matrices::new(product), kernels::variant(gpu, product));
    let Ready { dispatch, cold, pipelines, worst } = ready(gpu, &matrices, variant).await?;
    let mut here = vec![0.0; m * row_stride(n)];
    let (mut adapter, mut cpu) = (Times::default(), Times::default());
    for round in 0..=rounds {
        let there = seconds(gpu, &dispatch, stop).await?;
        let run = async |count: u32| {
            let both = [&matrices.left[..], &matrices.right];
            (0..count).for_each(|_| {
                cpu::product(form == Form::Tn, form == Form::Nt, [m, k, n], both, &mut here);
            });
            Ok(())
        };
        let own = seconds_of_one(MEASURED, stop, run).await?;
        if stop() {
            break;
        }
        // The first of each warms up.
        if round > 0 {
            adapter.extend([there]);
            cpu.extend([own]);
        }
    }
    Ok(BenchRow {
        work: form.name(),
        sizes: vec![m, k, n],
        batch: None,
        variant: variant.to_string(),
        operations: product.operations(),
        adapter,
        cpu,
        cold,
        pipelines,
        max_error: worst.0,
        bound: worst.1,
    })
}
