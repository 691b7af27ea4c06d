//! How often a training step asks the host for memory, counted by the allocator.
#![allow(unsafe_code, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use common::{gpu, numbers};
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::State;
use wgrad::engine::{CpuEngine, Engine, EngineSpec, Kernels, Task};
use wgrad::network::{Activation, Initializer, Loss, Network};

/// The system's allocator, and a count.
struct Counted;

static COUNT: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn task(sizes: &[usize], rows: usize, batch: usize) -> Task {
    let (loss, hidden) = (Loss::SoftmaxCrossEntropy, Activation::Relu);
    let network = Network::uniform(sizes.to_vec(), hidden, Activation::Identity, loss).unwrap();
    let mut targets = vec![0.0; rows * network.outputs()];
    (0..rows).for_each(|row| targets[row * network.outputs() + row % network.outputs()] = 1.0);
    let inputs = numbers(rows * network.inputs(), 70);
    let data = Dataset::new("rows", inputs, network.inputs(), targets, network.outputs()).unwrap();
    let mut task = Task::new(network, data, Batches::new(rows, batch, Order::Shuffled, 0));
    task.start = State::new(Initializer::HeNormal.parameters(&task.network, 0, 1.0));
    task.learning_rate = 0.01;
    task
}

/// Allocations of so many steps.
fn counted(engine: &mut Engine, steps: u32) -> u64 {
    let before = COUNT.load(Ordering::Relaxed);
    pollster::block_on(engine.run(steps, &|| false)).unwrap();
    COUNT.load(Ordering::Relaxed) - before
}

/// Allocations that each of 100 more steps makes; what a run makes once is not counted.
fn per_step(engine: &mut Engine) -> f64 {
    // Buffers that grow have grown.
    for _ in 0..5 {
        counted(engine, 200);
    }
    let (few, many) = (counted(engine, 200), counted(engine, 1200));
    (many as f64 - few as f64) / 1000.0
}

/// One test, for the count is everybody's.
#[test]
fn steps_allocate_nothing_of_their_own() {
    let cpu = |task| Engine::Cpu(Box::new(CpuEngine::new(task).unwrap()));
    assert_eq!(per_step(&mut cpu(task(&[5, 7, 3], 40, 8))), 0.0, "small, on the CPU");
    assert_eq!(per_step(&mut cpu(task(&[2, 4, 3], 40, 8))), 0.0, "narrow, on the CPU");
    // The library of products packs its operands into memory of its own, once for each product.
    let large = per_step(&mut cpu(task(&[64, 32, 10], 96, 32)));
    assert!(large <= 5.0, "large, on the CPU: {large}");
    // wgpu keeps a list of what each dispatch uses; nothing here adds to that.
    let spec = EngineSpec::Layered(gpu(), Kernels::Fused);
    let mut layered = pollster::block_on(Engine::new(task(&[5, 7, 3], 40, 8), &spec)).unwrap();
    let Engine::Layered(engine) = &layered else { panic!("asked for the layered engine") };
    let dispatches = engine.step_names().len() as f64;
    let allocations = per_step(&mut layered);
    assert!(allocations <= 1.5 * dispatches, "{allocations} for {dispatches} dispatches");
}
