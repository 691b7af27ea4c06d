//! The data set on a GPU: uploaded once, in parts where a binding does not hold it, and the same
//! mini-batches out of it as everywhere.

use std::sync::Arc;

use crate::common::{ULP, assert_close, gpu, numbers, with};
use wgrad::Error;
use wgrad::check::Bound;
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::State;
use wgrad::engine::{CpuEngine, Engine, EngineSpec, Kernels, LayeredEngine, Task};
use wgrad::gpu::{Gpu, GpuError};
use wgrad::network::{Activation, Initializer, Loss, Network};

/// The device under test, as if its bindings held no more than this.
fn gpu_of_bindings(bytes: u64) -> Arc<Gpu> {
    let mut entry = gpu().adapter().clone();
    entry.limits.max_binding_bytes = bytes;
    Arc::new(pollster::block_on(entry.open()).unwrap())
}

fn task(sizes: &[usize], inputs: Vec<f32>, batch: usize, order: Order) -> Task {
    let (loss, hidden) = (Loss::SoftmaxCrossEntropy, Activation::Relu);
    let network = Network::uniform(sizes.to_vec(), hidden, Activation::Identity, loss).unwrap();
    let rows = inputs.len() / network.inputs();
    let mut targets = vec![0.0; rows * network.outputs()];
    (0..rows).for_each(|row| targets[row * network.outputs() + row * 7 % network.outputs()] = 1.0);
    let data = Dataset::new("rows", inputs, network.inputs(), targets, network.outputs()).unwrap();
    let mut task = Task::new(network, data, Batches::new(rows, batch, order, 5));
    task.start = State::new(Initializer::HeNormal.parameters(&task.network, 1, 1.0));
    task.learning_rate = 0.1;
    task
}

/// Losses of so many steps, and the parameters after them.
fn train(task: &Task, gpu: Arc<Gpu>, kernels: Kernels, steps: u32) -> (Vec<f32>, Vec<f32>) {
    pollster::block_on(async {
        let mut engine = LayeredEngine::new(task.clone(), gpu, kernels).await.unwrap();
        let losses = engine.run(steps, &|| false).await.unwrap();
        (losses, engine.parameters().await.unwrap())
    })
}

#[test]
fn a_data_set_in_parts_trains_to_the_same_bits_as_in_one() {
    const ROWS: usize = 1300;
    // 13 inputs lie in 64 bytes: three parts of at most 512 rows.
    let small = gpu_of_bindings(32_768);
    for (batch, order) in [(96, Order::Shuffled), (96, Order::Sequential), (7, Order::Shuffled)] {
        let task = task(&[13, 17, 3], numbers(ROWS * 13, 60), batch, order);
        let parts = pollster::block_on(LayeredEngine::new(
            task.clone(),
            Arc::clone(&small),
            Kernels::Fused,
        ));
        let names = parts.unwrap().step_names();
        assert_eq!(names.iter().filter(|name| **name == "gather_batch").count(), 3, "{names:?}");
        // Beyond the short batch that ends an epoch.
        let steps = ROWS.div_ceil(batch) as u32 + 5;
        for kernels in [Kernels::Fused, Kernels::Plain] {
            let whole = train(&task, gpu(), kernels, steps);
            let parts = train(&task, Arc::clone(&small), kernels, steps);
            assert_eq!(whole, parts, "{kernels}, batch {batch}, {order}");
        }
    }
}

#[test]
fn what_no_binding_holds_is_refused_with_the_limit_or_left_to_mini_batches() {
    let small = gpu_of_bindings(32_768);
    let full = task(&[13, 17, 3], numbers(1300 * 13, 60), 0, Order::Shuffled);
    let check = |task: &Task| {
        let spec = EngineSpec::Layered(Arc::clone(&small), Kernels::Fused);
        Engine::check(task.request(), &task.data, &spec)
    };
    let Err(Error::Gpu(error @ GpuError::Limit { .. })) = check(&full) else { panic!("taken") };
    let text = error.to_string();
    for part in ["1300 rows in one batch", "83200", "32768", "`batch`"] {
        assert!(text.contains(part), "{text}");
    }
    check(&with(full.clone(), |it| it.batches = Batches::new(1300, 100, Order::Shuffled, 0)))
        .unwrap();
    // A small network that the resident engine would take, but for its rows.
    let spec = |gpu: &Arc<Gpu>, task: &Task| {
        EngineSpec::on(Arc::clone(gpu), task.request(), &task.data).kind().name()
    };
    let tiny = task(&[13, 2, 2], numbers(1300 * 13, 60), 4, Order::Shuffled);
    assert_eq!((spec(&gpu(), &tiny), spec(&small, &tiny)), ("resident", "layered"));
}

/// As many numbers as MNIST has: more than a binding of most software adapters.
#[test]
fn data_of_the_size_of_mnist_trains_as_on_the_cpu() {
    const ROWS: usize = 60_000;
    let pixel = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7 & 255) as f32 / 255.0;
    let task = task(&[784, 16, 10], (0..ROWS * 784).map(pixel).collect(), 64, Order::Shuffled);
    let on_cpu = CpuEngine::new(task.clone()).unwrap().run(6, &|| false);
    let (losses, _) = train(&task, gpu(), Kernels::Fused, 6);
    // A sum of 784 terms, of 16, and of 64 rows each step, six times over.
    let bound = Bound::Mixed { absolute: 0.0, relative: 6.0 * (784.0 + 16.0 + 64.0) * ULP };
    assert_close("losses", &losses, &on_cpu, bound);
}
