//! Whole steps by the products of every class of adapter: what is chosen for a GPU gives the numbers of the cpu
//! engine, on whatever device is at hand.

use std::sync::Arc;

use crate::common::{ULP, assert_close, gpu, numbers, with};
use wgrad::check::Bound;
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::{Engine, EngineSpec, Kernels, State, Task};
use wgrad::gpu::{AdapterClass, DeviceKind, Gpu};
use wgrad::kernels::{LayerShape, Variant, choose};
use wgrad::network::{Activation, Initializer, Loss, Network};
use wgrad::optimizer::{Optimizer, OptimizerKind};

const ROWS: usize = 40;
const BATCH: usize = 16;

/// The device under test, taken for one of another kind.
fn device(kind: DeviceKind, subgroup: Option<u32>, int64: bool) -> Arc<Gpu> {
    let mut adapter = gpu().adapter().clone();
    (adapter.kind, adapter.subgroup) = (kind, subgroup.and(adapter.subgroup));
    adapter.int64 &= int64;
    Arc::new(pollster::block_on(adapter.open()).unwrap())
}

fn task(sizes: &[usize], optimizer: Optimizer) -> Task {
    let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
    let (hidden, output) = (Activation::Gelu, Activation::Identity);
    let network =
        Network::uniform(sizes.to_vec(), hidden, output, Loss::SoftmaxCrossEntropy).unwrap();
    let mut targets = vec![0.0; ROWS * outputs];
    (0..ROWS).for_each(|row| targets[row * outputs + row * 7 % outputs] = 1.0);
    let data = Dataset::new("rows", numbers(ROWS * inputs, 50), inputs, targets, outputs).unwrap();
    let mut task = Task::new(network, data, Batches::new(ROWS, BATCH, Order::Shuffled, 11));
    task.start = State::new(Initializer::XavierNormal.parameters(&task.network, 3, 1.0));
    task.learning_rate = 0.05;
    task.optimizer = optimizer;
    task
}

fn run(task: &Task, spec: &EngineSpec) -> (Vec<f32>, Vec<f32>) {
    pollster::block_on(async {
        let mut engine = Engine::new(task.clone(), spec).await.unwrap();
        let losses = engine.run(4, &|| false).await.unwrap();
        (losses, engine.parameters().await.unwrap())
    })
}

#[test]
fn every_class_of_adapter_takes_the_same_steps() {
    let sizes = [[200, 130, 5], [1024, 512, 10], [784, 512, 3]];
    let chosen: Vec<Variant> = sizes
        .iter()
        .flat_map(|&[fan_in, fan_out, _]| {
            let shape = LayerShape { rows: BATCH, fan_in, fan_out };
            [shape.forward(), shape.weights_grad()].map(|it| choose(it, AdapterClass::Gpu))
        })
        .collect();
    for variant in [Variant::Staged(64), Variant::Staged(32), Variant::Split(64), Variant::Split(2)]
    {
        assert!(chosen.contains(&variant), "{variant:?} is none of {chosen:?}");
    }
    let clipped = with(Optimizer::new(OptimizerKind::Momentum), |it| it.clip_norm = Some(0.5));
    for sizes in &sizes {
        for optimizer in [Optimizer::default(), clipped] {
            let task = task(sizes, optimizer);
            let (losses, parameters) = run(&task, &EngineSpec::Cpu);
            // Sums of up to 1024 terms about 1/32 as large as those of 1, four steps, and a rate below 1.
            let near = Bound::Mixed { absolute: 1024.0 * ULP, relative: 1024.0 * ULP };
            let classes = [
                (DeviceKind::Discrete, None, false),
                (DeviceKind::Software, None, false),
                (DeviceKind::Software, Some(8), true),
                (DeviceKind::Software, Some(8), false),
            ];
            // Without integers of 64 bits the tiles are the same: one network is enough, where pipelines take seconds.
            let len = if sizes[0] == 200 { classes.len() } else { classes.len() - 1 };
            for &(kind, subgroup, int64) in &classes[..len] {
                let device = device(kind, subgroup, int64);
                // Pairs are read on llvmpipe with 8 lanes, and where it has what that takes.
                let reads_pairs = |gpu: &Gpu| {
                    matches!(gpu.adapter().class(), AdapterClass::Software { pairs: true, .. })
                };
                let own = gpu().adapter().is_llvmpipe() && gpu().adapter().subgroup == Some(8);
                assert_eq!(reads_pairs(&gpu()), own);
                assert_eq!(reads_pairs(&device), own && int64, "{kind:?}, {subgroup:?}, {int64}");
                let spec = EngineSpec::Layered(device, Kernels::Fused);
                let label = format!("{sizes:?} on {kind:?}, {subgroup:?}, {int64}");
                let (seen_losses, seen) = run(&task, &spec);
                assert_close(&format!("{label}, losses"), &seen_losses, &losses, near);
                assert_close(&label, &seen, &parameters, near);
                // The same bits on each run.
                assert_eq!(run(&task, &spec), (seen_losses, seen), "{label}: again");
            }
        }
    }
}
