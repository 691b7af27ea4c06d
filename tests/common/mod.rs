//! What the test programs share: the device under test, numbers to test with, and `assert_close`.
#![allow(dead_code, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

use std::sync::{Arc, OnceLock};

use wgrad::check::{Bound, compare};
use wgrad::engine::{EngineSpec, Kernels, Mapping};
use wgrad::gpu::{Adapters, DeviceChoice, Environment, Gpu};
use wgrad::network::{Activation, Loss};

/// The relative error of one rounding where WGSL grants either neighbour.
pub const ULP: f64 = 1.0 / 8_388_608.0;

/// The one device of a test program: the default adapter of this machine, chosen as `wgrad` does.
/// Where there is none, the test fails with what to install.
pub fn gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    let open = || {
        let environment = Environment::read(|name| std::env::var(name).ok()).unwrap();
        let adapters = pollster::block_on(Adapters::enumerate(&environment));
        let adapter = adapters
            .choose(&DeviceChoice::Gpu, &environment, false)
            .unwrap_or_else(|error| panic!("these tests need an adapter: {error}"));
        let adapter = adapter.expect("the choice `gpu` is never the CPU");
        eprintln!("device under test: {}", adapter.describe());
        Arc::new(pollster::block_on(adapter.open()).unwrap())
    };
    Arc::clone(GPU.get_or_init(open))
}

/// Every engine, and each way in which it may work, by a name.
pub fn engines() -> Vec<(&'static str, EngineSpec)> {
    vec![
        ("cpu", EngineSpec::Cpu),
        ("layered", EngineSpec::Layered(gpu(), Kernels::Fused)),
        ("layered, plain", EngineSpec::Layered(gpu(), Kernels::Plain)),
        ("resident, an invocation", EngineSpec::Resident(gpu(), Some(Mapping::Invocation))),
        ("resident, a workgroup", EngineSpec::Resident(gpu(), Some(Mapping::Workgroup))),
    ]
}

/// Whether the device is Mesa's llvmpipe, where + - * / round correctly and nothing is fused: an
/// f32 twin with the same order of operations gives the same bits there.
pub fn is_llvmpipe(gpu: &Gpu) -> bool {
    gpu.adapter().name.contains("llvmpipe")
}

/// Fails with the worst element unless every element is within its bound.
#[track_caller]
pub fn assert_close<A, E>(label: &str, actual: &[A], expected: &[E], bound: Bound<'_>)
where
    A: Copy + Into<f64>,
    E: Copy + Into<f64>,
{
    if let Err(mismatch) = compare(label, actual, expected, bound) {
        panic!("{mismatch}");
    }
}

/// Fails if the two lists agree: what a wrong twin must not do.
#[track_caller]
pub fn assert_apart<A, E>(label: &str, actual: &[A], expected: &[E], bound: Bound<'_>)
where
    A: Copy + Into<f64>,
    E: Copy + Into<f64>,
{
    assert!(compare(label, actual, expected, bound).is_err(), "{label}: a wrong twin agrees");
}

/// `len` numbers in [-1, 1), the same for the same `stream`.
pub fn numbers(len: usize, stream: u32) -> Vec<f32> {
    use rand::RngExt;
    let mut generator = wgrad::random::Threefry::new(42, wgrad::random::Purpose::Weights, stream);
    (0..len).map(|_| generator.random_range(-1.0..1.0)).collect()
}

/// An activation with its hyperparameter's default.
pub fn with_default(kind: Activation) -> (Activation, f64) {
    (kind, kind.default_parameter())
}

/// A loss with its hyperparameter's default.
pub fn loss_with_default(kind: Loss) -> (Loss, f64) {
    (kind, kind.default_parameter())
}

/// Whether an activation is made of comparisons and products alone: the same bits wherever these round
/// correctly.
pub fn is_arithmetic(kind: Activation) -> bool {
    matches!(kind, Activation::Relu | Activation::LeakyRelu | Activation::Identity)
}

/// The same numbers as f64, exactly.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Row lengths and heights that no tile divides, 1, and one past a workgroup of 64.
pub const SHAPES: [(usize, usize); 7] =
    [(1, 1), (4, 3), (5, 1), (1, 65), (7, 13), (65, 17), (33, 64)];

/// What `cols` numbers a row are padded to.
pub fn stride(cols: usize) -> usize {
    cols.next_multiple_of(4)
}
