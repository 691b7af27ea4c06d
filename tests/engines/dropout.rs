//! Dropout through whole trainings: the same masks on every engine, states that go on to the same bits, evaluation
//! without it, what is refused, and what it is for.

use crate::command::{events, fail, folder, succeed, wgrad};
use crate::common::{assert_apart, assert_close, gpu, numbers, wide, with};
use wgrad::check::{Bound, reference_of, reference_step};
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::{Engine, EngineSpec, Kernels, LayeredEngine, Mapping, Quantity, State, Task};
use wgrad::model::{Model, RunFolder};
use wgrad::network::{Activation, Initializer, Loss, Mask, Network, Norm};
use wgrad::optimizer::{Optimizer, OptimizerKind};

/// Every engine.
fn specs() -> [EngineSpec; 5] {
    let layered = |kernels| EngineSpec::Layered(gpu(), kernels);
    let resident = |mapping| EngineSpec::Resident(gpu(), Some(mapping));
    [
        EngineSpec::Cpu,
        layered(Kernels::Fused),
        layered(Kernels::Plain),
        resident(Mapping::Invocation),
        resident(Mapping::Workgroup),
    ]
}

fn never() -> bool {
    false
}

/// 11 rows in batches of 4, the last of three; a seed above 32 bits.
fn task(hidden: Activation, dropout: f64, optimizer: Optimizer) -> Task {
    let sizes = vec![2, 6, 3, 1];
    let (output, loss) = (Activation::Sigmoid, Loss::Bce);
    let network = Network::uniform(sizes, hidden, output, loss).unwrap();
    let network = network.with_dropout(dropout).unwrap();
    let targets = (0..11).map(|row| f32::from(u8::from(row * 7 % 3 == 1))).collect();
    let data = Dataset::new("rows", numbers(11 * 2, 50), 2, targets, 1).unwrap();
    let mut task = Task::new(network, data, Batches::new(11, 4, Order::Shuffled, (1 << 32) + 11));
    task.start = State::new(Initializer::XavierNormal.parameters(&task.network, 3, 1.0));
    task.learning_rate = 0.125;
    task.optimizer = optimizer;
    task
}

fn clipped() -> Optimizer {
    with(Optimizer::new(OptimizerKind::Momentum), |it| it.clip_norm = Some(0.5))
}

/// Short last batches, activations whose slope needs what comes before them, clipping: all near the f64 reference,
/// which no other mask is.
#[test]
fn engines_follow_the_reference() {
    const STEPS: u32 = 10;
    let near = Bound::Mixed { absolute: 2e-5, relative: 2e-5 };
    for hidden in [Activation::Relu, Activation::Gelu, Activation::Sigmoid] {
        let task = task(hidden, 0.25, clipped());
        let mut reference = reference_of(&task, wide);
        let losses: Vec<f64> = (0..STEPS).map(|_| reference_step(&task, &mut reference)).collect();
        let mut other = reference_of(&task, wide);
        other.seed += 1;
        (0..STEPS).for_each(|_| {
            reference_step(&task, &mut other);
        });
        for spec in specs() {
            let label = format!("{hidden} {} {:?}", spec.kind(), spec.mapping(task.request()));
            let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
            let actual = pollster::block_on(engine.run(STEPS, &never)).unwrap();
            assert_close(&format!("{label} losses"), &actual, &losses, near);
            let parameters = pollster::block_on(engine.parameters()).unwrap();
            let label = format!("{label} parameters");
            assert_close(&label, &parameters, &reference.parameters, near);
            assert_apart(&label, &parameters, &other.parameters, near);
        }
    }
}

/// Which activations are left, bit by bit: of the plain kernels and of the fused ones read back, of the cpu engine and of
/// the resident ones by the gradients of the next layer's weights, which are 0 for a unit that one row alone drops.
#[test]
fn the_masks_of_all_engines_are_the_same() {
    let whole = task(Activation::Sigmoid, 0.5, Optimizer::default());
    for kernels in [Kernels::Plain, Kernels::Fused] {
        let made = LayeredEngine::new(whole.clone(), gpu(), kernels);
        let mut engine = pollster::block_on(made).unwrap();
        for step in 0..4 {
            let mut seen = Vec::new();
            let mut note = |written: &wgrad::engine::Written| {
                if let Quantity::Dropped(layer) = written.what {
                    seen.push((layer, written.values.clone()));
                }
                true
            };
            pollster::block_on(engine.step_alone(&mut note)).unwrap();
            assert_eq!(seen.iter().map(|(layer, _)| *layer).collect::<Vec<_>>(), [0, 1]);
            for (layer, values) in seen {
                let layer = whole.network.layers().nth(layer).unwrap();
                let mask = Mask::new(&layer, whole.batches.seed(), step).unwrap();
                for (at, value) in values.iter().enumerate() {
                    let (row, unit) = (at / layer.fan_out, at % layer.fan_out);
                    // A sigmoid is never 0.
                    assert_eq!(
                        *value != 0.0,
                        mask.keeps(row, unit),
                        "{kernels} {step} [{row}][{unit}]"
                    );
                }
            }
        }
    }
    // One row a step: what a step does to the outgoing weight of a unit says whether it was kept.
    let one = with(whole, |it| it.batches = Batches::new(11, 1, Order::Shuffled, 5));
    let last = one.network.layers().nth(1).unwrap();
    let layout = wgrad::network::Layout::new(&one.network);
    let weights = layout.tensors().iter().find(|tensor| tensor.name == "layers.2.weight").unwrap();
    for spec in specs() {
        let mut engine = pollster::block_on(Engine::new(one.clone(), &spec)).unwrap();
        let mut before = one.start.parameters.clone();
        for step in 0..20 {
            pollster::block_on(engine.run(1, &never)).unwrap();
            let after = pollster::block_on(engine.parameters()).unwrap();
            let mask = Mask::new(&last, one.batches.seed(), step).unwrap();
            for unit in 0..last.fan_out {
                let at = weights.index(unit, 0);
                let label = format!("{} step {step}, unit {unit}", spec.kind());
                assert_eq!(after[at] != before[at], mask.keeps(0, unit), "{label}");
            }
            before = after;
        }
    }
}

/// A state goes on to the same bits.
#[test]
fn what_is_resumed_goes_on_to_the_same_bits() {
    for spec in specs() {
        let task = task(Activation::Sigmoid, 0.3, clipped());
        let new = |task| pollster::block_on(Engine::new(task, &spec)).unwrap();
        let states = |engine: &Engine| pollster::block_on(engine.states()).unwrap().remove(0);
        let mut whole = new(task.clone());
        pollster::block_on(whole.run(4, &never)).unwrap();
        let half = states(&whole);
        pollster::block_on(whole.run(5, &never)).unwrap();
        let end = states(&whole);
        let mut again = new(with(task, |it| it.start = half));
        pollster::block_on(again.run(5, &never)).unwrap();
        assert_eq!(states(&again), end, "{} {:?}", spec.kind(), spec.gpu().map(|_| ()));
    }
}

/// Predictions drop nothing: they are those of the same network without.
#[test]
fn evaluation_drops_nothing() {
    let task = task(Activation::Tanh, 0.5, Optimizer::default());
    let rows = numbers(33 * 2, 61);
    let without = task.network.clone().with_dropout(0.0).unwrap();
    for spec in specs() {
        let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
        pollster::block_on(engine.watch(&task.data)).unwrap();
        pollster::block_on(engine.run(9, &never)).unwrap();
        let start = State::new(pollster::block_on(engine.parameters()).unwrap());
        let plain = with(task.clone(), |it| (it.network, it.start) = (without.clone(), start));
        let plain = pollster::block_on(Engine::new(plain, &spec)).unwrap();
        let outputs = |engine: &Engine| pollster::block_on(engine.forward(&rows)).unwrap().outputs;
        assert_eq!(outputs(&engine), outputs(&plain), "{}", spec.kind());
    }
}

/// With a norm behind it, on the engines that take both.
#[test]
fn it_goes_with_a_norm() {
    let mut task = task(Activation::Relu, 0.25, Optimizer::default());
    task.network = task.network.with_norm(Norm::Batch).unwrap();
    task.start = State::new(Initializer::XavierNormal.parameters(&task.network, 3, 1.0));
    let mut reference = reference_of(&task, wide);
    let losses: Vec<f64> = (0..6).map(|_| reference_step(&task, &mut reference)).collect();
    let near = Bound::Mixed { absolute: 2e-4, relative: 2e-4 };
    for spec in [0, 1, 2, 4].map(|at| specs()[at].clone()) {
        let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
        let actual = pollster::block_on(engine.run(6, &never)).unwrap();
        assert_close(&format!("{} losses", spec.kind()), &actual, &losses, near);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (args, message) in [
        (&["--dropout", "1"][..], "--dropout 1: must be at least 0 and less than 1"),
        (&["--dropout=-0.1"], "less than 1"),
        (&["--dropout", "0.5", "--layers", "2,1"], "it is for hidden layers"),
    ] {
        fail(wgrad(&[&["train", "--device", "cpu"], args].concat()), 2, &[message]);
    }
}

/// It stands in settings, models and results, goes along where a training is resumed, and predictions do without.
#[test]
fn a_network_with_dropout_is_saved_resumed_and_exported() {
    let folder = folder("dropout-saved");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let base = ["--data", "moons", "--layers", "2,16,1", "--dropout", "0.2", "--engine", "cpu"];
    let settings = succeed(wgrad(&[&base[..], &["--print-config"]].concat()));
    assert!(settings.contains("dropout = 0.2"), "{settings}");
    let model = path("m.safetensors");
    let saved = ["--epochs", "30", "--json", "--save", &model];
    let mut lines = events(wgrad(&[&base[..], &saved].concat()));
    let (start, end) = (lines.remove(0), lines.pop().unwrap());
    assert_eq!(start["dropout"], 0.2);
    let read = Model::from_bytes(&std::fs::read(&model).unwrap()).unwrap();
    assert_eq!(read.network.dropout(), 0.2);
    assert_eq!(Model::from_bytes(&read.to_bytes().unwrap()).unwrap(), read);
    let predicted = ["predict", "--model", &model, "--data", "moons", "--part", "test", "--json"];
    assert_eq!(events(wgrad(&predicted)).pop().unwrap()["loss"], end["test_loss"]);
    let (whole, parts) = (path("whole"), path("parts"));
    let weights = |out: &str| {
        let bytes = std::fs::read(RunFolder::weights_path(out.as_ref())).unwrap();
        Model::from_bytes(&bytes).unwrap()
    };
    let run = |epochs: &str, out: &str| {
        let with = ["--optimizer", "momentum", "--epochs", epochs, "--out", out];
        succeed(wgrad(&[&base[..], &with].concat()));
    };
    run("12", &whole);
    run("5", &parts);
    succeed(wgrad(&["--resume", &parts, "--epochs", "12"]));
    assert_eq!(weights(&parts), weights(&whole));
    let sweep =
        ["sweep", "--dropout", "0,0.5", "--networks", "64", "--epochs", "500", "--csv", "-"];
    let text = succeed(wgrad(&sweep));
    assert!(text.lines().next().unwrap().contains("dropout"), "{text}");
}
