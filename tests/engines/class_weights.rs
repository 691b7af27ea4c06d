//! Weights of classes in the loss, on every engine: by hand, against the reference, as rows that are repeated, and
//! from the command line to later predictions.

use crate::command::{fail, folder, succeed, wgrad, write};
use crate::common::{ULP, assert_close, engines, numbers, wide};
use serde_json::Value;
use wgrad::check::{Bound, reference_step};
use wgrad::data::{Batches, ClassWeights, Dataset, Order};
use wgrad::engine::{Engine, EngineSpec, State, Task};
use wgrad::network::{Activation, Initializer, Layout, Loss, Network};
use wgrad::reference::Reference;
use wgrad::train::evaluate;

const RATE: f32 = 0.25;

fn task(network: Network, data: Dataset, start: Vec<f32>, batch: usize) -> Task {
    let batches = Batches::new(data.rows(), batch, Order::Shuffled, 11);
    let mut task = Task::new(network, data, batches);
    task.learning_rate = RATE;
    task.start = State::new(start);
    task
}

/// The losses of steps and the parameters after them, and the loss of a forward pass then.
fn run(task: &Task, spec: &EngineSpec, steps: u32) -> (Vec<f32>, Vec<f32>, f64) {
    pollster::block_on(async {
        let mut engine = Engine::new(task.clone(), spec).await.unwrap();
        let losses = engine.run(steps, &|| false).await.unwrap();
        let forward = engine.forward(task.data.inputs()).await.unwrap();
        let parameters = engine.parameters().await.unwrap();
        (losses, parameters, evaluate(&task.network, &task.data, &forward).loss)
    })
}

/// `z = w h + b` with `h = x` of an identity layer, all rows at `z = 0` and so at a probability of 1/2. One row of
/// four is of class 1, which weighs 3 to 1: of a mean of 1 that is 2, and 2/3 for the others. The loss is ln 2;
/// dLoss/dw = 1/4 (2 (-1/2) 1 + 2/3 (1/2) (2 - 1 + 1/2)) = -1/8, dLoss/db = 1/4 (2 (-1/2) + 3 (2/3) (1/2)) = 0.
/// Without weights these would be 1/4 (-1/2 + 3/4) = 1/16 and 1/4.
#[test]
fn by_hand_on_every_engine() {
    let identity = Activation::Identity;
    let of = |outputs: usize, loss| {
        Network::uniform(vec![1, 1, outputs], identity, identity, loss).unwrap()
    };
    let inputs = vec![1.0, 2.0, -1.0, 0.5];
    let single = Dataset::new("d", inputs.clone(), 1, vec![1.0, 0.0, 0.0, 0.0], 1).unwrap();
    let both = vec![0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    let pair = Dataset::new("d", inputs, 1, both, 2).unwrap();
    for (network, data, w, b) in [
        (of(1, Loss::BceWithLogits), single, vec![RATE / 8.0], vec![0.0]),
        // The softmax's two outputs share what one logit does alone.
        (of(2, Loss::SoftmaxCrossEntropy), pair, vec![-RATE / 8.0, RATE / 8.0], vec![0.0, 0.0]),
    ] {
        let weights = "1,3".parse::<ClassWeights>().unwrap().of(&data).unwrap();
        let data = data.with_class_weights(&weights);
        let layout = Layout::new(&network);
        let zeros = || vec![0.0; w.len()];
        let start = layout.pack(&[vec![1.0], vec![0.0], zeros(), zeros()]);
        let expected = layout.pack(&[vec![1.0], vec![0.0], w.clone(), b]);
        let task = task(network, data, start, 0);
        let near = Bound::Mixed { absolute: 8.0 * ULP, relative: 8.0 * ULP };
        for (name, spec) in engines() {
            let (losses, parameters, _) = run(&task, &spec, 1);
            assert_close(name, &losses, &[std::f64::consts::LN_2], near);
            assert_close(name, &parameters, &expected, near);
        }
    }
}

/// Three classes of 20, 8 and 4 rows, so many targets that the weight begins a vector of its own, or not.
fn classes(outputs: usize) -> Dataset {
    let class = |row: usize| [0, 0, 0, 0, 0, 1, 1, 2][row % 8] % outputs.max(2);
    let rows = (0..32).map(class);
    let targets: Vec<f32> = match outputs {
        1 => rows.map(|class| class as f32).collect(),
        _ => rows
            .flat_map(|class| (0..outputs).map(move |at| f32::from(u8::from(at == class))))
            .collect(),
    };
    Dataset::new("rows", numbers(32 * 3, 50), 3, targets, outputs).unwrap()
}

/// Step by step, in batches with a short last one and in batches of all rows.
#[test]
fn every_loss_follows_the_reference_on_every_engine() {
    for (outputs, loss) in [
        (1, Loss::Bce),
        (1, Loss::MseMean),
        (3, Loss::SoftmaxCrossEntropy),
        (4, Loss::SoftmaxCrossEntropy),
        (4, Loss::Huber),
        (20, Loss::SoftmaxCrossEntropy),
    ] {
        let output = loss.required_output().unwrap_or(Activation::Identity);
        let network =
            Network::uniform(vec![3, 5, outputs], Activation::Tanh, output, loss).unwrap();
        let data = classes(outputs);
        let weights = ClassWeights::Balanced.of(&data).unwrap();
        let data = data.with_class_weights(&weights);
        let start = Initializer::XavierNormal.parameters(&network, 3, 1.0);
        for batch in [0, 5] {
            let task = task(network.clone(), data.clone(), start.clone(), batch);
            let mut reference = Reference::new(&task.network, wide(&start));
            let truth: Vec<f64> = (0..12).map(|_| reference_step(&task, &mut reference)).collect();
            // A rounding for each of 12 steps and 32 rows.
            let near = Bound::Mixed { absolute: 384.0 * ULP, relative: 384.0 * ULP };
            for (name, spec) in engines()
                .into_iter()
                .filter(|(name, _)| outputs < 20 || !name.starts_with("resident"))
            {
                let label = format!("{loss} of {outputs}, batch {batch}, on {name}");
                let (losses, parameters, _) = run(&task, &spec, 12);
                assert_close(&format!("{label}, losses"), &losses, &truth, near);
                assert_close(&label, &parameters, &reference.parameters, near);
            }
        }
    }
}

/// A class that weighs three times as much is one whose rows all stand there three times.
#[test]
fn a_weight_of_three_is_a_row_that_stands_there_three_times() {
    let network =
        Network::uniform(vec![3, 5, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap();
    let data = classes(1);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for row in 0..data.rows() {
        for _ in 0..if data.class_of(row) == 1 { 3 } else { 1 } {
            inputs.extend_from_slice(data.input(row));
            targets.extend_from_slice(data.target(row));
        }
    }
    let repeated = Dataset::new("repeated", inputs, 3, targets, 1).unwrap();
    let weighted = data.with_class_weights(&[1.0, 3.0]);
    let start = Initializer::HeNormal.parameters(&network, 1, 1.0);
    let near = Bound::Mixed { absolute: 1e-4, relative: 1e-4 };
    for (name, spec) in engines() {
        let of =
            |data: &Dataset| run(&task(network.clone(), data.clone(), start.clone(), 0), &spec, 20);
        let ((losses, parameters, loss), (others, other, its)) = (of(&weighted), of(&repeated));
        assert_close(&format!("{name}, losses"), &losses, &others, near);
        assert_close(&format!("{name}, parameters"), &parameters, &other, near);
        assert_close(&format!("{name}, evaluation"), &[loss], &[its], near);
    }
}

/// 950 rows of one class around 0, and 50 of another around 1, which overlap.
fn rare(name: &str) -> String {
    let number = |row: usize| numbers(1, row as u32)[0];
    let mut text = "x,y,kind\n".to_owned();
    for row in 0..1000 {
        let (center, kind) = if row % 20 == 0 { (1.0, "rare") } else { (0.0, "common") };
        let (x, y) = (center + 1.2 * number(2 * row), center + 1.2 * number(2 * row + 1));
        text += &format!("{x},{y},{kind}\n");
    }
    write(name, "rare.csv", &text)
}

fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_rare_class_is_found_where_classes_are_balanced() {
    let table = rare("weights-rare");
    let model = folder("weights-model").join("rare.safetensors");
    let model = model.to_str().unwrap();
    let recall = |weights: &str, engine: &str| {
        let args = ["--data", &table, "--class-weights", weights, "--engine", engine];
        let more = ["--json", "--epochs", "20", "--validation", "0.2", "--save", model, "--force"];
        let seen = events(&succeed(wgrad(&[&args[..], &more].concat())));
        let end = seen.last().unwrap().clone();
        assert_eq!(end["confusion"]["of"], "validation");
        (end["confusion"]["recall"][1].as_f64().unwrap(), seen)
    };
    let mut losses = Vec::new();
    for engine in ["cpu", "layered", "resident"] {
        let (plain, _) = recall("none", engine);
        let (balanced, seen) = recall("balanced", engine);
        assert!(balanced > plain + 0.2, "{engine}: {plain} and {balanced}");
        // 760 and 40 rows are left to train on: 800 / (2 n).
        let weights = seen[0]["class_weights"].as_array().unwrap();
        let weights: Vec<f64> = weights.iter().map(|weight| weight.as_f64().unwrap()).collect();
        assert_close("weights", &weights, &[800.0 / 1520.0, 10.0], Bound::Exact);
        let looks = seen.iter().filter(|event| event["event"] == "epoch");
        let loss = |event: &Value| event["validation_loss"].as_f64().unwrap();
        losses.push(looks.map(loss).collect::<Vec<f64>>());
    }
    // Looked at on the way, each engine by itself.
    let near = Bound::Mixed { absolute: 1e-3, relative: 1e-3 };
    assert_close("layered", &losses[1], &losses[0], near);
    assert_close("resident", &losses[2], &losses[0], near);
    // The model keeps them: the loss of a prediction is that of a training's test rows.
    let test = ["--data", &table, "--class-weights", "balanced", "--test", &table, "--json"];
    let args = [&test[..], &["--epochs", "20", "--save", model, "--force"]].concat();
    let told = events(&succeed(wgrad(&args)));
    let end = told.last().unwrap()["test_loss"].as_f64().unwrap();
    let seen = succeed(wgrad(&["predict", "--model", model, "--data", &table, "--json"]));
    let of_model = events(&seen).last().unwrap()["loss"].as_f64().unwrap();
    assert!((end - of_model).abs() < 1e-6 * end, "{end} and {of_model}");
    let text = succeed(wgrad(&["--data", &table, "--class-weights", "1,5", "--epochs", "5"]));
    assert!(text.contains("class weights common 1, rare 5"), "{text}");
}

#[test]
fn weights_that_do_not_fit_are_refused_and_others_go_everywhere() {
    let table = rare("weights-refused");
    for (weights, code, parts) in [
        ("1,2,3", 6, &["--class-weights 1,2,3", "2 classes, common, rare", "in this order"][..]),
        ("0,1", 2, &["balanced", "positive number", "1,5"]),
        ("ballanced", 2, &["balanced", "positive number"]),
    ] {
        fail(wgrad(&["--data", &table, "--class-weights", weights]), code, parts);
    }
    let numbers = write("weights-numbers", "numbers.csv", "1,2.5\n2,3.5\n3,4.25\n4,5\n");
    let parts = ["--class-weights balanced", "not of one class", "leave it out"];
    fail(wgrad(&["--data", &numbers, "--class-weights", "balanced"]), 6, &parts);

    let weighted = ["--data", "and", "--class-weights", "balanced"];
    for verb in [&["sweep", "--networks", "20", "--csv", "-"][..], &["lr-find"]] {
        succeed(wgrad(&[verb, &weighted].concat()));
    }
    let path = folder("weights-export").join("twin.py");
    let path = path.to_str().unwrap();
    let all = [&["export", "--pytorch", path, "--steps", "3"], &weighted[..]].concat();
    succeed(wgrad(&all));
    let script = std::fs::read_to_string(path).unwrap();
    // Three rows of four are 0: 4 / (2 3), and 4 / (2 1).
    assert!(
        script.contains("WEIGHTS = table(\"\"\"\\\n0.6666667\n0.6666667\n0.6666667\n2\n"),
        "{script}"
    );
    assert!(
        script.contains("loss = weighted_loss_of(model(inputs), targets, weights)"),
        "{script}"
    );
}
