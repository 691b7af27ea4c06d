//! What `wgrad check` does with whole networks, on the adapter of the tests: the same calls as the command's.

use crate::common::{engines, gpu, numbers, with};
use wgrad::check::{Lockstep, Options, Proof, Report, Watch, check_network, lockstep, run};
use wgrad::data::{Batches, Dataset, Order, Source};
use wgrad::engine::{Engine, EngineSpec, State, Task};
use wgrad::network::{Activation, Initializer, Loss, Network};
use wgrad::optimizer::{Optimizer, OptimizerKind};

fn report(filter: &str, quick: bool) -> Report {
    let options =
        with(Options::default(), |it| (it.filter, it.quick) = (Some(filter.to_owned()), quick));
    pollster::block_on(run(&gpu(), &options)).unwrap()
}

#[test]
fn every_proof_over_random_networks_holds() {
    for quick in [true, false] {
        for proof in Proof::ALL {
            let report = report(proof.name(), quick);
            assert!(report.is_pass(), "{:#?}", report.failures());
            let [row] = &report.rows[..] else { panic!("{} rows", report.rows.len()) };
            // Where it is quick, only two go to the device.
            let least = if quick && *proof != Proof::Reference { 2 } else { 8 };
            assert!(row.cases >= least && row.compared >= 40 * row.cases, "{row:?}");
            // Bounds that are hardly used would let too much pass.
            assert!(*proof == Proof::Determinism || row.share > 0.01, "{row:?}");
        }
    }
}

/// Every engine side by side with the reference: the kernels of a step are all compared.
#[test]
fn every_engine_keeps_step_with_the_reference() {
    let network = Network::new(
        vec![3, 7, 5, 2],
        vec![Activation::Gelu, Activation::Relu, Activation::Identity],
        Loss::SoftmaxCrossEntropy,
    );
    let network = network.unwrap();
    let targets = (0..14).flat_map(|row| if row % 3 == 0 { [1.0, 0.0] } else { [0.0, 1.0] });
    let data = Dataset::new("rows", numbers(14 * 3, 50), 3, targets.collect(), 2).unwrap();
    for (kind, clip_norm) in [
        (OptimizerKind::Sgd, None),
        (OptimizerKind::Adam, None),
        (OptimizerKind::Nesterov, Some(0.2)),
    ] {
        let mut task =
            Task::new(network.clone(), data.clone(), Batches::new(14, 5, Order::Shuffled, 3));
        task.start = State::new(Initializer::HeNormal.parameters(&network, 1, 1.0));
        task.learning_rate = 0.03125;
        task.optimizer = with(Optimizer::new(kind), |it| it.clip_norm = clip_norm);
        for (name, spec) in engines() {
            let mut tell = |_| ();
            let found = pollster::block_on(lockstep(&task, &spec, 20, &mut tell, &|| false));
            let found = found.unwrap();
            let label = format!("{kind} on {name}");
            assert_eq!((&found.apart, found.diverged), (&None, None), "{label}");
            assert_eq!(found.points.len(), 20, "{label}");
            let least = match name {
                "layered" => 10,
                "layered, plain" => 23,
                _ => 2,
            };
            assert!(found.outputs >= 20 * least, "{label}: {} outputs", found.outputs);
            assert!(found.points.iter().all(|point| point.drift <= point.bound), "{label}");
        }
    }
}

/// Gradients of a network with more parameters than differences are taken of, whose widest layers make them go over
/// fewer rows; and of a small one, of which all are taken.
#[test]
fn the_gradients_of_any_network_are_checked_tensor_by_tensor() {
    let (relu, identity) = (Activation::Relu, Activation::Identity);
    for (sizes, loss, rows, notes) in [
        (vec![2, 3, 1], Loss::Huber, 4, "differences of all 13 parameters"),
        (
            vec![50, 300, 200, 10],
            Loss::SoftmaxCrossEntropy,
            40,
            "differences of 2000 of 77510 parameters",
        ),
    ] {
        let network = Network::uniform(sizes, relu, identity, loss).unwrap();
        let (inputs, outputs) = (network.inputs(), network.outputs());
        let mut targets = vec![0.0; rows * outputs];
        (0..rows).for_each(|row| targets[row * outputs + row * 7 % outputs] = 1.0);
        let data = Dataset::new("rows", numbers(rows * inputs, 50), inputs, targets, outputs);
        let mut task =
            Task::new(network, data.unwrap(), Batches::new(rows, 0, Order::Sequential, 0));
        task.start = State::new(Initializer::HeNormal.parameters(&task.network, 1, 1.0));
        task.learning_rate = 0.1;
        let mut watch = Watch::new(|_| (), || false);
        let report = pollster::block_on(check_network(&gpu(), &task, 5, &mut watch));
        assert!(report.is_pass(), "{:#?} {:#?}", report.failures(), report.rows);
        let layers = task.network.activations().len();
        assert_eq!(report.rows.len(), 1 + 4 * layers, "the loss, and two of each tensor");
        assert!(report.rows.iter().all(|row| row.cases > 0 && row.compared > 0), "{report:#?}");
        assert!(report.notes[0].starts_with(notes), "{:?}", report.notes);
    }
}

/// What the user stops is no pass.
#[test]
fn a_stop_ends_the_check_of_a_network() {
    let task = xor(OptimizerKind::Sgd, 0.1);
    for after in [0, 1, 3] {
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= after;
        let mut watch = Watch::new(|_| (), stop);
        let report = pollster::block_on(check_network(&gpu(), &task, 5, &mut watch));
        assert!(report.stopped && !report.is_pass(), "after {after}: {report:#?}");
        assert!(report.failures().is_empty());
    }
}

/// XOR in two batches an epoch.
fn xor(kind: OptimizerKind, learning_rate: f32) -> Task {
    let (hidden, output) = (Activation::Tanh, Activation::Identity);
    let network = Network::uniform(vec![2, 3, 1], hidden, output, Loss::MseMean).unwrap();
    let data = Source::Xor.built_in().unwrap().unwrap();
    let mut task = Task::new(network, data, Batches::new(4, 3, Order::Shuffled, 0));
    task.start = State::new(Initializer::XavierNormal.parameters(&task.network, 0, 1.0));
    task.learning_rate = learning_rate;
    task.optimizer = Optimizer::new(kind);
    task
}

fn on_cpu(task: &Task, steps: u32) -> Lockstep {
    pollster::block_on(lockstep(task, &EngineSpec::Cpu, steps, &mut |_| (), &|| false)).unwrap()
}

#[test]
fn bounds_grow_with_the_steps_and_those_of_one_step_do_not() {
    let found = on_cpu(&xor(OptimizerKind::Momentum, 0.1), 200);
    assert_eq!((found.points.len(), &found.apart, found.diverged), (200, &None, None));
    let [first, .., last] = &found.points[..] else { panic!("no points") };
    assert!(first.bound < 1e-6 && last.bound > 1e3 * first.bound, "{first:?} {last:?}");
    assert!(found.points.iter().all(|point| point.drift <= point.bound && point.share < 1.0));
    assert!(found.points.iter().any(|point| point.share > 0.02), "{first:?}");
    assert!(found.vague_from.is_some());
}

#[test]
fn a_training_that_leaves_f32_has_diverged_and_is_no_failure() {
    let found = on_cpu(&xor(OptimizerKind::Sgd, 1e9), 50);
    assert_eq!(found.apart, None);
    let step = found.diverged.unwrap();
    assert_eq!(found.points.len() + 1, step as usize);
}

/// Several networks of one shape say together what each says alone, on every engine: in one submission, and where
/// there is room for six of seven in one.
#[test]
fn networks_are_evaluated_together_as_alone() {
    for (sizes, rows) in [(vec![2, 3, 1], 4), (vec![2, 300, 1], 4000)] {
        let hidden = Activation::Tanh;
        let network = Network::uniform(sizes, hidden, Activation::Identity, Loss::MseMean).unwrap();
        let inputs = numbers(2 * rows, 5);
        for (name, spec) in engines() {
            let made = |seed| {
                let start = Initializer::XavierNormal.parameters(&network, seed, 1.0);
                let task = xor(OptimizerKind::Sgd, 0.1);
                let task =
                    with(task, |it| (it.network, it.start) = (network.clone(), State::new(start)));
                pollster::block_on(Engine::new(task, &spec))
            };
            // Not every engine takes the wider one.
            let Ok(all) = (0..7).map(made).collect::<Result<Vec<_>, _>>() else {
                assert!(rows > 4 && name.starts_with("resident"), "{name}");
                continue;
            };
            let together = pollster::block_on(Engine::forward_together(&all, &inputs)).unwrap();
            assert_eq!(together.len(), 7);
            for (engine, together) in all.iter().zip(&together) {
                let alone = pollster::block_on(engine.forward(&inputs)).unwrap();
                assert!(alone.outputs.len() == rows && alone == *together, "{name}");
            }
            assert_ne!(together[0], together[6]);
        }
    }
    assert_eq!(pollster::block_on(Engine::forward_together(&[], &[])).unwrap(), []);
}
