//! Batch norm through whole trainings: engines against the reference, states that go on to the same bits, evaluation
//! by running estimates, what is refused, and the network that it is the cure for.

use crate::command::{events, fail, folder, succeed, wgrad};
use crate::common::{assert_apart, assert_close, gpu, numbers, wide, with};
use wgrad::check::{Bound, reference_step};
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::{Engine, EngineSpec, Kernels, LayeredEngine, Mapping, Slot, State, Task};
use wgrad::model::{Model, RunFolder};
use wgrad::network::{Activation, Initializer, Layout, Loss, Network, Norm, TensorKind};
use wgrad::optimizer::{Optimizer, OptimizerKind};
use wgrad::reference::Reference;

/// Every engine that takes a norm.
fn specs() -> [EngineSpec; 4] {
    let layered = |kernels| EngineSpec::Layered(gpu(), kernels);
    let resident = EngineSpec::Resident(gpu(), Some(Mapping::Workgroup));
    [EngineSpec::Cpu, layered(Kernels::Fused), layered(Kernels::Plain), resident]
}

fn never() -> bool {
    false
}

/// 19 rows in batches of 8, the last of three.
fn task(hidden: Activation, optimizer: Optimizer) -> Task {
    let sizes = vec![5, 17, 6, 3];
    let (output, loss) = (Activation::Identity, Loss::SoftmaxCrossEntropy);
    let network = Network::uniform(sizes, hidden, output, loss).unwrap();
    let network = network.with_norm(Norm::Batch).unwrap();
    let target = |row: usize| (0..3).map(move |col| f32::from(u8::from(row * 7 % 3 == col)));
    let targets = (0..19).flat_map(target).collect();
    let data = Dataset::new("rows", numbers(19 * 5, 50), 5, targets, 3).unwrap();
    let mut task = Task::new(network, data, Batches::new(19, 8, Order::Shuffled, 11));
    task.start = State::new(Initializer::XavierNormal.parameters(&task.network, 3, 1.0));
    task.learning_rate = 0.125;
    task.optimizer = optimizer;
    task
}

fn rules() -> [Optimizer; 3] {
    let clipped = with(Optimizer::new(OptimizerKind::Momentum), |it| it.clip_norm = Some(0.5));
    let decayed = with(Optimizer::new(OptimizerKind::Nesterov), |it| it.weight_decay = 0.01);
    [Optimizer::default(), clipped, decayed]
}

/// Short last batches, activations whose slope needs what the norm gave, decay and clipping: all near the f64
/// reference, running estimates too.
#[test]
fn engines_follow_the_reference() {
    const STEPS: u32 = 10;
    for hidden in [Activation::Relu, Activation::Gelu, Activation::Sigmoid] {
        for optimizer in rules() {
            let task = task(hidden, optimizer);
            let mut reference = Reference::new(&task.network, wide(&task.start.parameters));
            let losses: Vec<f64> =
                (0..STEPS).map(|_| reference_step(&task, &mut reference)).collect();
            let near = Bound::Mixed { absolute: 2e-4, relative: 2e-4 };
            for spec in specs() {
                let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
                let actual = pollster::block_on(engine.run(STEPS, &never)).unwrap();
                assert_close(&format!("{hidden} {} losses", spec.kind()), &actual, &losses, near);
                let parameters = pollster::block_on(engine.parameters()).unwrap();
                let label = format!("{hidden} {} parameters", spec.kind());
                assert_close(&label, &parameters, &reference.parameters, near);
            }
        }
    }
}

/// What is no parameter stays zero, in gradients too, and nothing learns the running estimates.
#[test]
fn padding_stays_zero_and_estimates_have_no_gradients() {
    let decayed = rules()[2];
    let layout = Layout::new(&task(Activation::Tanh, decayed).network);
    for spec in specs().into_iter().take(3) {
        let task = task(Activation::Tanh, decayed);
        let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
        pollster::block_on(engine.run(7, &never)).unwrap();
        let parameters = pollster::block_on(engine.parameters()).unwrap();
        let kept = match pollster::block_on(engine.gradients()).unwrap() {
            Some(gradients) => gradients,
            None => pollster::block_on(async {
                let mut kept = LayeredEngine::keeping_gradients(task, gpu()).await.unwrap();
                kept.run(7, &never).await.unwrap();
                assert_eq!(kept.parameters().await.unwrap(), parameters, "kept or not, the same");
                kept.gradients().await.unwrap().unwrap()
            }),
        };
        let moments = pollster::block_on(engine.states()).unwrap().remove(0).moments;
        for index in 0..layout.len() {
            let tensor = layout.locate(index).map(|(tensor, ..)| tensor);
            if tensor.is_none() {
                assert_eq!(parameters[index], 0.0, "at {index}");
            }
            if tensor.is_none_or(|tensor| !tensor.kind.is_learned()) {
                assert_eq!((kept[index], moments[0][index]), (0.0, 0.0), "at {index}");
            }
        }
    }
}

/// A state goes on to the same bits, and so does one that was kept on the device.
#[test]
fn what_is_resumed_goes_on_to_the_same_bits() {
    for spec in specs() {
        let task = task(Activation::Sigmoid, rules()[1]);
        let new = |task| pollster::block_on(Engine::new(task, &spec)).unwrap();
        let states = |engine: &Engine| pollster::block_on(engine.states()).unwrap().remove(0);
        let mut whole = new(task.clone());
        pollster::block_on(whole.run(4, &never)).unwrap();
        pollster::block_on(whole.keep(Slot::Best)).unwrap();
        let half = states(&whole);
        pollster::block_on(whole.run(5, &never)).unwrap();
        let end = states(&whole);
        let mut again = new(with(task, |it| it.start = half.clone()));
        pollster::block_on(again.run(5, &never)).unwrap();
        assert_eq!(states(&again), end, "{}", spec.kind());
        whole.restore(Slot::Best);
        assert_eq!(states(&whole), half, "{}", spec.kind());
        pollster::block_on(whole.run(5, &never)).unwrap();
        assert_eq!(states(&whole), end, "{}", spec.kind());
    }
}

/// Predictions take the running estimates: one row alone is what it is among others.
#[test]
fn evaluation_takes_the_running_estimates() {
    let task = task(Activation::Tanh, Optimizer::default());
    let rows = numbers(33 * 5, 61);
    for spec in specs() {
        let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
        pollster::block_on(engine.watch(&task.data)).unwrap();
        let seen = pollster::block_on(engine.advance(9, 1, true, &never)).unwrap().scores;
        let parameters = pollster::block_on(engine.parameters()).unwrap();
        let mut reference = Reference::new(&task.network, wide(&parameters));
        let expected = reference.forward(&wide(&rows)).to_vec();
        let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
        let outputs = pollster::block_on(engine.forward(&rows)).unwrap().outputs;
        assert_close(&format!("outputs on {}", spec.kind()), &outputs, &expected, near);
        let alone = pollster::block_on(engine.forward(&rows[..5])).unwrap().outputs;
        assert_close(
            "alone",
            &alone,
            &outputs[..3],
            Bound::Mixed { absolute: 1e-6, relative: 0.0 },
        );
        let by_batch = reference.forward_in_training(&wide(&rows)).to_vec();
        assert_apart("by the batch", &outputs, &by_batch, near);
        // What the device makes of rows that it watches is the same again.
        if let Some(scores) = seen {
            let forward = pollster::block_on(engine.forward(task.data.inputs())).unwrap();
            let loss = wgrad::train::evaluate(&task.network, &task.data, &forward).loss;
            assert_close("watched", &[scores[0].loss], &[loss], near);
        }
    }
}

#[test]
fn batches_of_one_row_are_refused_with_the_fix() {
    let base = ["--norm", "batch", "--layers", "2,4,1", "--engine", "cpu", "--restarts", "1"];
    let with = |more: &[&str]| wgrad(&[&base[..], more].concat());
    fail(with(&["--batch", "1"]), 2, &["--norm batch", "batches of one row", "--batch"]);
    fail(
        with(&["--batch", "3"]),
        2,
        &["--norm batch", "a last batch of one row", "4 in batches of 3"],
    );
    fail(
        wgrad(&["--norm", "batch", "--layers", "2,1"]),
        2,
        &["--norm batch", "hidden", "--layers"],
    );
    fail(wgrad(&["--norm", "layer"]), 2, &["layer", "none, batch"]);
    let mut one = task(Activation::Relu, Optimizer::default());
    one.batches = Batches::new(19, 6, Order::Shuffled, 0);
    let error = pollster::block_on(Engine::new(one, &EngineSpec::Cpu)).unwrap_err();
    assert!(error.to_string().contains("19 in batches of 6"), "{error}");
}

#[test]
fn engines_without_it_decline_by_name_and_auto_takes_another() {
    let args = ["--norm", "batch", "--layers", "2,4,1", "--epochs", "20", "--restarts", "2"];
    let with = |engine| wgrad(&[&args[..], &["--engine", engine]].concat());
    let reason = "an invocation goes row by row, and batch norm needs all rows";
    fail(with("resident-invocation"), 2, &[reason, "--engine layered or cpu"]);
    for engine in ["resident", "resident-workgroup"] {
        let text = succeed(with(engine));
        assert!(
            text.contains("one workgroup per network") && text.contains("batch norm relu"),
            "{text}"
        );
    }
    let text = succeed(wgrad(&[&args[..], &["--device", "gpu"]].concat()));
    assert!(text.contains("batch norm relu"), "{text}");
    succeed(wgrad(&args));
    let sweep = ["sweep", "--norm", "none,batch", "--layers", "2,4,1", "--networks", "4"];
    let text = succeed(wgrad(&[&sweep[..], &["--epochs", "50", "--csv", "-"]].concat()));
    assert!(text.lines().next().unwrap().contains("norm") && text.contains("batch"), "{text}");
}

/// Saved, read back, predicted with, started from, resumed and exported: the running estimates go along.
#[test]
fn a_normed_network_is_saved_with_all_it_needs() {
    let folder = folder("norm-saved");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let model = path("m.safetensors");
    let base = ["--data", "iris", "--layers", "4,8,3", "--norm", "batch", "--engine", "cpu"];
    let saved = ["--epochs", "30", "--json", "--save", &model];
    let trained = events(wgrad(&[&base[..], &saved].concat())).pop().unwrap();
    let read = Model::from_bytes(&std::fs::read(&model).unwrap()).unwrap();
    assert_eq!(read.network.norm(), Norm::Batch);
    let layout = Layout::new(&read.network);
    let variances = layout.tensors().iter().filter(|t| t.kind == TensorKind::RunningVariance);
    assert!(variances.flat_map(|t| t.indices()).all(|at| read.parameters[at] != 1.0));
    assert_eq!(Model::from_bytes(&read.to_bytes().unwrap()).unwrap(), read);
    let predicted = ["predict", "--model", &model, "--data", "iris", "--part", "test", "--json"];
    let predicted = events(wgrad(&predicted)).pop().unwrap();
    assert_eq!(predicted["loss"], trained["test_loss"], "{predicted} {trained}");
    succeed(wgrad(&["predict", "--model", &model, "--input", "5.9,3,5.1,1.8"]));
    for what in ["hidden", "weights"] {
        let drawn = ["plot", &model, "--data", "iris", "--what", what, "--out", "-"];
        assert!(succeed(wgrad(&drawn)).starts_with("<svg xmlns="), "{what}");
    }
    let plain = ["--data", "iris", "--layers", "4,8,3", "--engine", "cpu", "--init-from", &model];
    fail(wgrad(&plain), 6, &["its norm is batch", "--norm batch"]);
    succeed(wgrad(&[&base[..], &["--init-from", &model, "--epochs", "2"]].concat()));
    // Resumed, it is the training that was not interrupted.
    let (whole, parts) = (path("whole"), path("parts"));
    let run = |epochs: &str, out: &str| {
        let with = ["--optimizer", "momentum", "--epochs", epochs, "--out", out];
        succeed(wgrad(&[&base[..], &with].concat()));
        let bytes = std::fs::read(RunFolder::weights_path(out.as_ref())).unwrap();
        Model::from_bytes(&bytes).unwrap()
    };
    let expected = run("12", &whole);
    run("5", &parts);
    succeed(wgrad(&["--resume", &parts, "--epochs", "12"]));
    let bytes = std::fs::read(RunFolder::weights_path(parts.as_ref())).unwrap();
    assert_eq!(Model::from_bytes(&bytes).unwrap(), expected);
    let script = path("twin.py");
    succeed(wgrad(&[&["export", "--pytorch", &script, "--steps", "5"], &base[..6]].concat()));
    let text = std::fs::read_to_string(&script).unwrap();
    for part in [
        "nn.Linear(4, 8),\n        nn.BatchNorm1d(8),\n        nn.ReLU()",
        "\"norms.0.running_var\"",
        "NOT_COUNTED = []",
    ] {
        assert!(text.contains(part), "{text}\nshould contain {part}");
    }
}

/// The demonstration: ten layers of sigmoids learn nothing, and with the norm they tell two circles apart.
#[test]
fn ten_layers_of_sigmoids_learn_with_the_norm_alone() {
    let layers = format!("2,{}1", "16,".repeat(9));
    let args = ["--data", "circles", "--layers", &layers, "--activation", "sigmoid"];
    let accuracy = |norm: &str| {
        let with = ["--norm", norm, "--engine", "cpu", "--epochs", "100", "--json"];
        let end = events(wgrad(&[&args[..], &with].concat())).pop().unwrap();
        (end["accuracy"].as_f64().unwrap(), end["test_accuracy"].as_f64().unwrap())
    };
    let (without, with) = (accuracy("none"), accuracy("batch"));
    assert!(without.0 < 0.6 && without.1 < 0.6, "{without:?} without");
    assert!(with.0 > 0.95 && with.1 > 0.95, "{with:?} with");
}
