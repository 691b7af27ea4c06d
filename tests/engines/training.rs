//! Engines against the reference and against themselves, step by step, over mini-batches in both orders; and solve
//! rates.

use std::sync::Arc;

use crate::common::{ULP, assert_close, gpu, numbers, wide, with};
use crate::tasks::{never, reference_losses, resident_specs, specs, task};
use wgrad::check::Bound;
use wgrad::data::{Batches, Dataset, Order, Source};
use wgrad::engine::State;
use wgrad::engine::{
    Engine, EngineSpec, Kernels, LayeredEngine, Mapping, NetworkStatus, Slot, Task,
};
use wgrad::network::{Activation, Initializer, Layout, Loss, Network};
use wgrad::optimizer::{Optimizer, OptimizerKind};
use wgrad::reference::Reference;
use wgrad::train::{Run, Training};

/// f32 engines stay near the f64 reference over a few dozen steps: every step adds a rounding of
/// each term of the longest sum, and small nets do not amplify it.
#[test]
fn engines_follow_the_reference_step_by_step() {
    const STEPS: u32 = 23;
    let cases = [
        (vec![2, 3, 1], Activation::Relu, Loss::Bce, 4, 0),
        (vec![5, 7, 3], Activation::Tanh, Loss::SoftmaxCrossEntropy, 12, 5),
        (vec![5, 7, 3], Activation::LeakyRelu, Loss::MseMean, 12, 4),
        (vec![13, 17, 11, 7], Activation::Sigmoid, Loss::BceWithLogits, 19, 8),
        (vec![3, 2], Activation::Relu, Loss::MseHalfMean, 7, 1),
        (vec![37, 65, 10], Activation::Tanh, Loss::SoftmaxCrossEntropy, 130, 64),
    ];
    for (sizes, hidden, loss, rows, batch) in cases {
        for order in [Order::Sequential, Order::Shuffled] {
            let task = task(&sizes, hidden, loss, rows, batch, order);
            let (losses, reference) = reference_losses(&task, STEPS);
            let longest = sizes.iter().chain([&rows]).max().unwrap();
            let bound = f64::from(STEPS) * (*longest + 8) as f64 * ULP;
            let near = Bound::Mixed { absolute: bound, relative: bound };
            let mut specs = specs().to_vec();
            specs.extend(resident_specs(&task));
            for spec in &specs {
                let mut engine = pollster::block_on(Engine::new(task.clone(), spec)).unwrap();
                assert_eq!(engine.kind(), spec.kind());
                let label = format!("{sizes:?} {loss} batch {batch} {order} on {}", engine.kind());
                let actual = pollster::block_on(engine.run(STEPS, &never)).unwrap();
                assert_close(&format!("{label}, losses"), &actual, &losses, near);
                let parameters = pollster::block_on(engine.parameters()).unwrap();
                assert_close(
                    &format!("{label}, parameters"),
                    &parameters,
                    &reference.parameters,
                    near,
                );
                if let Some(trace) = pollster::block_on(engine.trace()).unwrap() {
                    assert_eq!(trace.activations[0].len(), reference.trace.activations[0].len());
                }
            }
        }
    }
}

/// How a run is cut into calls changes no bit, and the same run gives the same bits.
#[test]
fn cuts_and_repeats_change_no_bit() {
    let mut specs = specs().to_vec();
    specs.extend(Mapping::ALL.iter().map(|&mapping| EngineSpec::Resident(gpu(), Some(mapping))));
    for spec in &specs {
        let run = |cuts: &[u32]| {
            let task = task(&[2, 5, 2], Activation::Tanh, Loss::Bce, 12, 5, Order::Shuffled);
            let mut engine = pollster::block_on(Engine::new(task, spec)).unwrap();
            let mut losses = Vec::new();
            for &steps in cuts {
                losses.extend(pollster::block_on(engine.run(steps, &never)).unwrap());
            }
            assert_eq!(engine.steps_done(), 210);
            (losses, pollster::block_on(engine.parameters()).unwrap())
        };
        let whole = run(&[210]);
        assert_eq!(whole, run(&[210]), "on {}", spec.kind());
        assert_eq!(whole, run(&[1, 7, 2, 100, 100]), "on {}", spec.kind());
        assert_eq!(whole, run(&[1; 210]), "on {}", spec.kind());
    }
}

/// More steps than the ring of losses holds, read once: nothing is lost or twice there.
#[test]
fn a_run_longer_than_the_ring_keeps_every_loss() {
    let task = task(&[1, 1], Activation::Relu, Loss::MseMean, 1, 0, Order::Sequential);
    let steps = 8192 + 100;
    let (expected, _) = reference_losses(&task, steps);
    let mut engine =
        pollster::block_on(Engine::new(task, &EngineSpec::Layered(gpu(), Kernels::Fused))).unwrap();
    let losses = pollster::block_on(engine.run(steps, &never)).unwrap();
    assert_close("losses", &losses, &expected, Bound::Mixed { absolute: 1e-5, relative: 0.0 });
}

/// Rows of another set, more than one pass takes, and what the last step left stays readable.
#[test]
fn a_forward_pass_takes_any_rows_and_disturbs_nothing() {
    let task =
        task(&[5, 7, 3], Activation::Tanh, Loss::SoftmaxCrossEntropy, 12, 5, Order::Shuffled);
    let inputs = numbers(1001 * 5, 60);
    let mut reference = Reference::new(&task.network, wide(&task.start.parameters));
    let expected = reference.forward(&wide(&inputs)).to_vec();
    for spec in &specs() {
        let mut engine = pollster::block_on(Engine::new(task.clone(), spec)).unwrap();
        let forward = pollster::block_on(engine.forward(&inputs)).unwrap();
        let near = Bound::Mixed { absolute: 20.0 * ULP, relative: 20.0 * ULP };
        assert_close("outputs", &forward.outputs, &expected, near);
        assert_eq!(forward.pre_activations, forward.outputs);
        pollster::block_on(engine.run(4, &never)).unwrap();
        let before = pollster::block_on(engine.trace()).unwrap();
        pollster::block_on(engine.forward(&inputs)).unwrap();
        assert_eq!(pollster::block_on(engine.trace()).unwrap(), before);
    }
}

#[test]
fn padding_stays_zero_through_training() {
    for spec in &specs() {
        let task =
            self::task(&[13, 17, 11, 7], Activation::Sigmoid, Loss::Bce, 19, 8, Order::Shuffled);
        let layout = Layout::new(&task.network);
        let mut engine = pollster::block_on(Engine::new(task, spec)).unwrap();
        pollster::block_on(engine.run(10, &never)).unwrap();
        let parameters = pollster::block_on(engine.parameters()).unwrap();
        let gradients = pollster::block_on(engine.gradients()).unwrap();
        let gradients = match gradients {
            Some(gradients) => gradients,
            None => {
                let task = self::task(
                    &[13, 17, 11, 7],
                    Activation::Sigmoid,
                    Loss::Bce,
                    19,
                    8,
                    Order::Shuffled,
                );
                pollster::block_on(async {
                    let mut kept = LayeredEngine::keeping_gradients(task, gpu()).await.unwrap();
                    kept.run(10, &never).await.unwrap();
                    kept.gradients().await.unwrap().unwrap()
                })
            }
        };
        for index in (0..layout.len()).filter(|&index| layout.locate(index).is_none()) {
            assert_eq!((parameters[index], gradients[index]), (0.0, 0.0), "at {index}");
        }
    }
}

/// Two threads with engines of their own on one device.
#[test]
fn engines_share_a_device_across_threads() {
    let run = || {
        let task = task(&[5, 7, 3], Activation::Tanh, Loss::Bce, 12, 5, Order::Shuffled);
        let mut engine =
            pollster::block_on(Engine::new(task, &EngineSpec::Layered(gpu(), Kernels::Fused)))
                .unwrap();
        let losses: Vec<f32> =
            (0..40).flat_map(|_| pollster::block_on(engine.run(3, &never)).unwrap()).collect();
        (losses, pollster::block_on(engine.parameters()).unwrap())
    };
    let alone = run();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), alone);
        }
    });
}

fn xor(hidden: Activation, width: usize, epochs: u32) -> Training {
    let network =
        Network::uniform(vec![2, width, 1], hidden, Activation::Sigmoid, Loss::Bce).unwrap();
    let mut training = Training::new(network, Arc::new(Source::Xor.built_in().unwrap().unwrap()));
    training.init = Initializer::HeNormal;
    training.epochs = epochs;
    training
}

/// Of `seeds` starts, how many solve XOR on the CPU.
fn solved(training: &Training, seeds: u64) -> usize {
    (0..seeds)
        .filter(|&seed| {
            let training = with(training.clone(), |it| it.seed = seed);
            let outcome =
                pollster::block_on(training.run(&EngineSpec::Cpu, &mut |_| (), &never)).unwrap();
            outcome.solved == 1
        })
        .count()
}

/// The odds of He-initialised XOR under BCE at rate 0.5, from 4,000 seeds of an independent C
/// program: 45.8 % for 2-3-1 ReLU, 70.1 % leaky, 95.6 % for width 8. Four standard errors of both.
#[test]
fn xor_solves_at_the_rate_it_is_known_to() {
    const SEEDS: u64 = 600;
    for (training, rate) in [
        (xor(Activation::Relu, 3, 5000), 0.458),
        (xor(Activation::LeakyRelu, 3, 5000), 0.701),
        (xor(Activation::Relu, 8, 5000), 0.956),
    ] {
        let seen = solved(&training, SEEDS) as f64 / SEEDS as f64;
        let variance: f64 = rate * (1.0 - rate);
        let allowed = 4.0 * (variance / SEEDS as f64 + variance / 4000.0).sqrt();
        let sizes = training.network.sizes();
        assert!(
            (seen - rate).abs() <= allowed,
            "{sizes:?}: {seen} solved, {rate} +- {allowed} expected"
        );
    }
}

/// The same seeds win on every engine, one after the other or all at once.
#[test]
fn the_same_seeds_win_on_every_engine() {
    let training = with(xor(Activation::Relu, 3, 600), |it| it.restarts = 8);
    let run = |spec| pollster::block_on(training.run(&spec, &mut |_| (), &never)).unwrap();
    let cpu = run(EngineSpec::Cpu);
    let bound = Bound::Mixed { absolute: 1e-4, relative: 1e-4 };
    for spec in [EngineSpec::Layered(gpu(), Kernels::Fused), EngineSpec::Resident(gpu(), None)] {
        let kind = spec.kind();
        let other = run(spec);
        assert_eq!(other.kept.seed, cpu.kept.seed, "{kind}");
        let (actual, expected) =
            (&other.kept.evaluation.predictions, &cpu.kept.evaluation.predictions);
        assert_close(&format!("predictions of {kind}"), actual, expected, bound);
        let losses = |run: &Run| run.history.iter().map(|point| point.1).collect::<Vec<f32>>();
        let (actual, expected) = (losses(&other.kept), losses(&cpu.kept));
        assert_close(&format!("history of {kind}"), &actual, &expected, bound);
    }
    // At once, all are trained, and those that solve it are those that do alone.
    let together = run(EngineSpec::Resident(gpu(), None));
    let alone = (0..8).filter(|&seed| {
        let alone = with(training.clone(), |it| (it.seed, it.restarts) = (seed, 1));
        pollster::block_on(alone.run(&EngineSpec::Cpu, &mut |_| (), &never)).unwrap().solved == 1
    });
    assert_eq!((together.restarts, together.solved), (8, alone.count() as u32));
}

/// A copy that an engine keeps is what it was, and from there it goes on to the same bits, at whatever rate
/// it is given.
#[test]
fn an_engine_goes_back_to_where_it_was() {
    let task = task(&[2, 5, 2], Activation::Tanh, Loss::Bce, 12, 5, Order::Shuffled);
    let optimizer = Optimizer::new(OptimizerKind::Adam);
    let task = with(task, |it| it.optimizer = optimizer);
    for spec in [&specs()[..], &resident_specs(&task)].concat() {
        let on = |task: &Task| pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
        let (mut engine, label) = (on(&task), format!("{spec:?}"));
        let run = |engine: &mut Engine, steps| {
            let losses = pollster::block_on(engine.run(steps, &never)).unwrap();
            (losses, pollster::block_on(engine.states()).unwrap().remove(0))
        };
        assert!(pollster::block_on(engine.kept(Slot::Best)).unwrap().is_empty());
        run(&mut engine, 7);
        pollster::block_on(engine.keep(Slot::Good)).unwrap();
        let (_, later) = run(&mut engine, 4);
        pollster::block_on(engine.keep(Slot::Best)).unwrap();
        let good = pollster::block_on(engine.kept(Slot::Good)).unwrap().remove(0);
        assert_eq!(good.step, 7, "{label}");
        engine.restore(Slot::Good);
        assert!(pollster::block_on(engine.states()).unwrap()[0] == good, "{label}");
        assert!(run(&mut engine, 4).1 == later && engine.steps_done() == 11, "{label}");
        let best = pollster::block_on(engine.kept(Slot::Best)).unwrap();
        assert!(best == [later], "{label}");
        engine.restore(Slot::Good);
        engine.set_rates(&[0.5]);
        let other = on(&with(task.clone(), |it| (it.learning_rate, it.start) = (0.5, good)));
        assert!(run(&mut engine, 9) == run(&mut { other }, 9), "{label}");
    }
}

/// Every engine says so of parameters that have left the finite numbers, also where no loss shows it, and
/// of no others; with every way to update.
#[test]
fn engines_know_whether_parameters_are_finite() {
    // A ReLU that dies for good as its weights overflow: the loss stays what it was.
    let data = Dataset::new("d", vec![1000.0, 3000.0, 0.0], 1, vec![2000.0, 1000.0, 1.0], 1);
    let (data, relu) = (Arc::new(data.unwrap()), Activation::Relu);
    let network = Network::uniform(vec![1, 3, 1], relu, relu, Loss::MseMean).unwrap();
    let clipped = with(Optimizer::default(), |it| it.clip_norm = Some(1e6));
    for optimizer in [Optimizer::default(), clipped] {
        for learning_rate in [1e-9, 3e38] {
            let mut task = Task::new(
                network.clone(),
                Arc::clone(&data),
                Batches::new(3, 0, Order::Sequential, 0),
            );
            task.start = State::new(Initializer::HeNormal.parameters(&network, 0, 1.0));
            task.learning_rate = learning_rate;
            task.optimizer = optimizer;
            for spec in [&specs()[..], &resident_specs(&task)].concat() {
                let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
                pollster::block_on(engine.run(7, &never)).unwrap();
                let parameters = pollster::block_on(engine.parameters()).unwrap();
                let is_finite = parameters.iter().all(|parameter| parameter.is_finite());
                assert_eq!(is_finite, learning_rate < 1.0, "nothing was tested");
                assert_eq!(engine.statuses() == [NetworkStatus::Unsolved], is_finite, "{spec:?}");
            }
        }
    }
}
