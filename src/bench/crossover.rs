//! When an adapter pays: the three products of a layer, and whole training steps of wider and wider layers, each
//! beside the cpu engine at the same work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::peak::measure_peak;
use super::{Times, pixels};
use crate::Error;
use crate::data::{Batches, Order};
use crate::engine::{Engine, EngineSpec, Kernels, State, Task, cpu};
use crate::gpu::{Dispatch, Gpu, Slice};
use crate::kernels::{self, LayerShape, Variant};
use crate::network::{Activation, Initializer, Loss, Network, row_stride};
use crate::optimizer::{Optimizer, RateSchedule};
use crate::random::{Purpose, Threefry};
use crate::train::seconds_of_one;

/// What one measurement takes at least.
const MEASURED: Duration = Duration::from_millis(100);
/// The relative error of one rounding.
const ULP: f64 = 1.0 / 8_388_608.0;
/// Elements of a product that are compared with a sum in f64.
const SAMPLED: usize = 64;
/// The factor on gradients.
const RATE: f32 = 0.01;

/// One of the three products of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Forward: input times weights.
    Nn,
    /// The gradients of weights: input, transposed, times the gradients of outputs.
    Tn,
    /// The gradients of inputs: those of outputs times the weights, transposed.
    Nt,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 3] = [Form::Nn, Form::Tn, Form::Nt];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Form::Nn => "matmul-nn",
            Form::Tn => "matmul-tn",
            Form::Nt => "matmul-nt",
        }
    }
}

/// One measurement of an adapter beside the cpu engine.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchRow {
    /// `matmul-nn`, `matmul-tn`, `matmul-nt`, or `width`.
    pub work: &'static str,
    /// `[m, k, n]` of a product, or units per layer.
    pub sizes: Vec<usize>,
    /// Rows of a batch, of a step.
    pub batch: Option<usize>,
    /// How the adapter computes it.
    pub variant: String,
    /// Floating-point operations: 2 m k n of a product; of a step those of its products.
    pub operations: u64,
    /// Seconds on the adapter.
    pub adapter: Times,
    /// The same on the cpu engine.
    pub cpu: Times,
    /// Seconds from nothing to the first result: pipelines are made, and drivers compile.
    pub cold: f64,
    /// The largest error, and the bound where it was the largest share of that.
    pub max_error: f64,
    /// That bound.
    pub bound: f64,
}

impl BenchRow {
    /// GFLOP/s of the adapter.
    pub fn gflops(&self) -> f64 {
        self.operations as f64 / self.adapter.median() / 1e9
    }

    /// How many times as fast as the cpu engine the adapter is.
    pub fn ratio(&self) -> f64 {
        self.cpu.median() / self.adapter.median()
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossover {
    /// Those that were measured, in order.
    pub rows: Vec<BenchRow>,
    /// GFLOP/s of multiply-adds alone on the adapter.
    pub peak: f64,
    /// Measurements of each.
    pub rounds: u32,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

/// What the loops below tell and ask.
pub struct Watch<'a> {
    /// Is told what is measured next.
    pub tell: &'a mut dyn FnMut(&str),
    /// A true answer ends it with what is there.
    pub stop: &'a dyn Fn() -> bool,
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
    for &size in sizes {
        for form in Form::ALL {
            (watch.tell)(&format!("{} of {size:?}", form.name()));
            if (watch.stop)() {
                return Ok(Crossover { rows, peak, rounds, stopped: true });
            }
            rows.push(product(gpu, form, size, rounds, watch.stop).await?);
        }
    }
    Ok(Crossover { rows, peak, rounds, stopped: (watch.stop)() })
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

/// A product as one dispatch, and where its result is.
struct Launched {
    dispatch: Dispatch,
    output: crate::gpu::Buffer,
    variant: Variant,
}

async fn launched(
    gpu: &Arc<Gpu>,
    form: Form,
    [m, k, n]: [usize; 3],
    [left, right]: [&[f32]; 2],
) -> Result<Launched, Error> {
    let identity = (Activation::Identity, 0.0);
    let shape = match form {
        Form::Nn => LayerShape { rows: m, fan_in: k, fan_out: n },
        Form::Tn => LayerShape { rows: k, fan_in: m, fan_out: n },
        Form::Nt => LayerShape { rows: m, fan_in: n, fan_out: k },
    };
    let of = match form {
        Form::Nn => shape.forward(),
        Form::Tn => shape.weights_grad(),
        Form::Nt => shape.input_grad(),
    };
    let variant = kernels::choose(of, gpu.adapter().class());
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
    Ok(Launched { dispatch: gpu.dispatch(&launch, &bound).await?, output, variant })
}

async fn product(
    gpu: &Arc<Gpu>,
    form: Form,
    sizes: [usize; 3],
    rounds: u32,
    stop: &dyn Fn() -> bool,
) -> Result<BenchRow, Error> {
    let [m, k, n] = sizes;
    // Of weights a row of biases, which are 0, stands below them.
    let (left, right) = match form {
        Form::Nn => {
            let mut weights = matrix(k, n, 1);
            weights.extend(std::iter::repeat_n(0.0, row_stride(n)));
            (matrix(m, k, 0), weights)
        }
        Form::Tn => (matrix(k, m, 0), matrix(k, n, 1)),
        Form::Nt => (matrix(m, k, 0), matrix(n, k, 1)),
    };
    let started = Instant::now();
    let Launched { dispatch, output, variant } =
        launched(gpu, form, sizes, [&left, &right]).await?;
    gpu.wait(gpu.submit([&dispatch])).await?;
    let cold = started.elapsed().as_secs_f64();
    let stride = row_stride(n);
    let seen = gpu.read::<f32>(&[(&output, 0..m * stride)]).await?.remove(0);
    let term = |row: usize, col: usize, at: usize| {
        let (a, b) = match form {
            Form::Nn => (left[row * row_stride(k) + at], right[at * stride + col]),
            Form::Tn => (left[at * row_stride(m) + row], right[at * stride + col]),
            Form::Nt => (left[row * row_stride(k) + at], right[col * row_stride(k) + at]),
        };
        f64::from(a) * f64::from(b)
    };
    // Corners, and others spread over the product.
    let places = (0..SAMPLED).map(|at| (at * (m - 1) / (SAMPLED - 1), at * 7919 % n));
    let mut worst = (0.0, ULP);
    for (row, col) in places.chain([(0, n - 1), (m - 1, 0), (m - 1, n - 1)]) {
        let terms = || (0..k).map(|at| term(row, col, at));
        let (sum, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
        // Each product and each sum rounds once.
        let (error, bound) =
            ((f64::from(seen[row * stride + col]) - sum).abs(), (k as f64 + 1.0) * ULP * size);
        // No number is within no bound.
        if error.is_nan() || error > bound {
            let what = format!(
                "{} of {m} x {k} x {n} by {variant}: element [{row}][{col}] is {} where {sum} was expected, bound {bound:e}",
                form.name(),
                seen[row * stride + col]
            );
            return Err(Error::Check { what });
        }
        if error * worst.1 >= worst.0 * bound && bound > 0.0 {
            worst = (error, bound);
        }
    }
    let mut here = vec![0.0; m * stride];
    let (mut adapter, mut cpu) = (Times::default(), Times::default());
    for round in 0..=rounds {
        let run = async |count: u32| {
            let all = (0..count).map(|_| &dispatch);
            Ok(gpu.wait(gpu.submit(all)).await?)
        };
        let there = seconds_of_one(MEASURED, stop, run).await?;
        let run = async |count: u32| {
            (0..count).for_each(|_| {
                cpu::product(form == Form::Tn, form == Form::Nt, sizes, [&left, &right], &mut here);
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
        sizes: sizes.to_vec(),
        batch: None,
        variant: variant.to_string(),
        operations: 2 * (m * k * n) as u64,
        adapter,
        cpu,
        cold,
        max_error: worst.0,
        bound: worst.1,
    })
}

/// Times a training step of 784-H-10 and of H-H-H for each of these widths and batches.
///
/// # Errors
/// [`Error::Check`] where the engines differ, [`Error`] where the device is too small or fails.
pub async fn widths(
    gpu: &Arc<Gpu>,
    (widths, batches): (&[usize], &[usize]),
    rounds: u32,
    watch: &mut Watch<'_>,
) -> Result<Crossover, Error> {
    let peak = measure_peak(gpu, watch.stop).await?;
    let mut rows = Vec::new();
    let shapes: [fn(usize) -> Vec<usize>; 2] = [|h| vec![784, h, 10], |h| vec![h, h, h]];
    for layers in shapes {
        for &batch in batches {
            for &width in widths {
                let layers = layers(width);
                (watch.tell)(&format!("{layers:?}, batch {batch}"));
                if (watch.stop)() {
                    return Ok(Crossover { rows, peak, rounds, stopped: true });
                }
                rows.push(step(gpu, layers, batch, rounds, watch.stop).await?);
            }
        }
    }
    Ok(Crossover { rows, peak, rounds, stopped: (watch.stop)() })
}

async fn step(
    gpu: &Arc<Gpu>,
    layers: Vec<usize>,
    batch: usize,
    rounds: u32,
    stop: &dyn Fn() -> bool,
) -> Result<BenchRow, Error> {
    let (relu, identity) = (Activation::Relu, Activation::Identity);
    let network = Network::uniform(layers.clone(), relu, identity, Loss::SoftmaxCrossEntropy)?;
    let task = Task {
        data: Arc::new(pixels(batch, network.inputs(), network.outputs())?),
        batches: Batches::new(batch, 0, Order::Sequential, 0),
        start: State::new(Initializer::HeNormal.parameters(&network, 0, 1.0)),
        learning_rate: RATE,
        optimizer: Optimizer::default(),
        schedule: RateSchedule::default(),
        network,
    };
    let operations = super::step::operations(&task.network, batch);
    let spec = EngineSpec::Layered(Arc::clone(gpu), Kernels::Fused);
    Engine::check(task.request(), &task.data, &spec)?;
    let started = Instant::now();
    let mut there = Engine::new(task.clone(), &spec).await?;
    let seen = there.run(1, &|| false).await?;
    let cold = started.elapsed().as_secs_f64();
    let mut here = Engine::new(task.clone(), &EngineSpec::Cpu).await?;
    let expected = here.run(1, &|| false).await?;
    let error = f64::from((seen[0] - expected[0]).abs());
    // Two sums over the widest layer, of terms that are of the loss's size, on both sides.
    let widest = layers.iter().copied().max().unwrap_or(1);
    let bound = 4.0 * (widest + batch) as f64 * ULP * f64::from(expected[0].abs()).max(1.0);
    if error.is_nan() || error > bound {
        let what = format!(
            "the loss of {layers:?} at a batch of {batch} is {} where the cpu engine has {}, bound {bound:e}",
            seen[0], expected[0]
        );
        return Err(Error::Check { what });
    }
    let (mut adapter, mut cpu) = (Times::default(), Times::default());
    for round in 0..=rounds {
        for (engine, times) in [(&mut there, &mut adapter), (&mut here, &mut cpu)] {
            let run = async |count: u32| engine.run(count, stop).await.map(drop);
            let seconds = seconds_of_one(MEASURED, stop, run).await?;
            if round > 0 && !stop() {
                times.extend([seconds]);
            }
        }
        if stop() {
            break;
        }
    }
    let variant = LayerShape { rows: batch, fan_in: layers[0], fan_out: layers[1] }.forward();
    let variant = kernels::choose(variant, gpu.adapter().class()).to_string();
    let (batch, max_error) = (Some(batch), error);
    Ok(BenchRow {
        work: "width",
        sizes: layers,
        batch,
        variant,
        operations,
        adapter,
        cpu,
        cold,
        max_error,
        bound,
    })
}
