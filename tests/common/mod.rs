//! What the test programs share: the device under test, numbers to test with, and `assert_close`.
#![allow(
    dead_code,
    unused_imports,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

use std::sync::{Arc, OnceLock};

use wgrad::check::{Bound, compare};
pub use wgrad::check::{
    SHAPES, ULP, is_arithmetic, loss_with_default, numbers, stride, wide, with_default,
};
use wgrad::engine::{EngineSpec, Kernels, Mapping};
use wgrad::gpu::{Adapters, DeviceChoice, Environment, Gpu};

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

/// A device of its own on the same adapter, for tests that lose it: the shared one must survive.
pub fn own_gpu() -> Arc<Gpu> {
    let index = gpu().adapter().index;
    pollster::block_on(async {
        let environment = Environment::read(|name| std::env::var(name).ok()).unwrap();
        let adapters = Adapters::enumerate(&environment).await;
        Arc::new(adapters.entries[index].open().await.unwrap())
    })
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

/// A value with some of its fields set: settings are made by their constructors.
pub fn with<T>(mut value: T, set: impl FnOnce(&mut T)) -> T {
    set(&mut value);
    value
}

/// Whether the device is llvmpipe, where f32 twins are held to by bits.
pub fn is_llvmpipe(gpu: &Gpu) -> bool {
    gpu.adapter().is_llvmpipe()
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
