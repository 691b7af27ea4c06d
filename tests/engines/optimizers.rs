//! Optimizers, schedules and clipping on every engine: step by step against the reference, and stopped and
//! gone on with to the same bits.

use std::sync::Arc;

use crate::common::{ULP, assert_apart, assert_close, engines, gpu, numbers, wide, with};
use wgrad::check::{Bound, reference_step};
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::{Engine, EngineSpec, Kernels, LayeredEngine, State, Task};
use wgrad::network::{Activation, Initializer, Loss, Network};
use wgrad::optimizer::{Decay, Optimizer, OptimizerKind, Schedule, ScheduleKind};
use wgrad::reference::Reference;

const STEPS: u32 = 24;

/// Every optimizer with what goes with it: each decay, each clipping, both, none.
fn optimizers() -> Vec<Optimizer> {
    let mut all = Vec::new();
    for &kind in OptimizerKind::ALL {
        let plain = Optimizer::new(kind);
        all.push(plain);
        for &decay in Decay::ALL {
            let decayed = with(plain, |it| (it.weight_decay, it.decay) = (0.05, decay));
            all.extend(decayed.check().is_ok().then_some(decayed));
        }
        all.push(with(plain, |it| it.clip_norm = Some(0.1)));
        all.push(with(plain, |it| (it.clip_value, it.clip_norm) = (Some(0.02), Some(0.05))));
    }
    all
}

fn schedules() -> Vec<Schedule> {
    let all = ScheduleKind::ALL.iter().map(|&kind| Schedule::new(kind, EPOCHS));
    let mut all: Vec<Schedule> = all.collect();
    all.push(with(Schedule::new(ScheduleKind::Cosine, EPOCHS), |it| {
        it.warmup = 2;
        it.floor = 0.2;
    }));
    all
}

const ROWS: usize = 12;
const BATCH: usize = 5;
const EPOCHS: u32 = 8;

/// Whether an optimizer divides by the root of a mean of squares: it moves every parameter by about its rate,
/// whatever the size of gradients.
fn divides(optimizer: &Optimizer) -> bool {
    optimizer.has_moments()[1]
}

/// Two hidden layers of different kinds, mini-batches with a short last one.
fn task(optimizer: Optimizer, schedule: Schedule) -> Task {
    let network = Network::new(
        vec![3, 4, 3, 2],
        vec![Activation::Tanh, Activation::Sigmoid, Activation::Identity],
        Loss::SoftmaxCrossEntropy,
    )
    .unwrap();
    let mut targets = vec![0.0; ROWS * 2];
    (0..ROWS).for_each(|row| targets[row * 2 + row * 7 % 3 % 2] = 1.0);
    let data = Dataset::new("rows", numbers(ROWS * 3, 50), 3, targets, 2).unwrap();
    let batches = Batches::new(ROWS, BATCH, Order::Shuffled, 11);
    let learning_rate = if divides(&optimizer) { 0.01 } else { 0.25 };
    let mut task = Task::new(network, data, batches);
    task.schedule = schedule.in_steps(EPOCHS, batches.steps_per_epoch() as u32);
    task.start = State::new(Initializer::XavierNormal.parameters(&task.network, 3, 1.0));
    task.learning_rate = learning_rate;
    task.optimizer = optimizer;
    task
}

fn reference(task: &Task, steps: u32) -> (Vec<f64>, Reference<f64>) {
    let mut reference = Reference::new(&task.network, wide(&task.start.parameters));
    let losses = (0..steps).map(|_| reference_step(task, &mut reference));
    (losses.collect(), reference)
}

fn run(task: &Task, spec: &EngineSpec, cuts: &[u32]) -> (Vec<f32>, State) {
    pollster::block_on(async {
        let mut engine = Engine::new(task.clone(), spec).await.unwrap();
        let mut losses = Vec::new();
        for &steps in cuts {
            losses.extend(engine.run(steps, &|| false).await.unwrap());
        }
        (losses, engine.states().await.unwrap().remove(0))
    })
}

/// Some divide by the root of what may be tiny: an update may be off by a share of the rate.
fn near(task: &Task) -> Bound<'static> {
    let rounding = f64::from(STEPS) * (ROWS + 8) as f64 * ULP;
    let bound = match divides(&task.optimizer) {
        true => 8.0 * rounding,
        false => rounding,
    };
    Bound::Mixed { absolute: bound, relative: bound }
}

fn follows(task: &Task, label: &str) {
    let (losses, reference) = reference(task, STEPS);
    for (name, spec) in engines() {
        let (actual, state) = run(task, &spec, &[STEPS]);
        let label = format!("{label} on {name}");
        assert_close(&format!("{label}, losses"), &actual, &losses, near(task));
        let parameters = &state.parameters;
        assert_close(&label, parameters, &reference.parameters, near(task));
        assert_eq!(state.moments.len(), task.optimizer.moments(), "{label}");
        let kept = reference.moments.iter().zip(task.optimizer.has_moments());
        let kept = kept.filter_map(|(moment, is_kept)| is_kept.then_some(moment));
        for (moment, expected) in state.moments.iter().zip(kept) {
            assert_close(&format!("{label}, moment"), moment, expected, near(task));
        }
    }
}

#[test]
fn every_optimizer_follows_the_reference_on_every_engine() {
    for optimizer in optimizers() {
        follows(&task(optimizer, Schedule::default()), &format!("{optimizer:?}"));
    }
}

#[test]
fn every_schedule_follows_the_reference_on_every_engine() {
    for schedule in schedules() {
        for kind in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
            follows(&task(Optimizer::new(kind), schedule), &format!("{schedule:?} {kind}"));
        }
    }
}

/// The same bits, whether a run is cut, or ended and gone on with by a new engine from its state.
#[test]
fn a_run_goes_on_from_its_state_to_the_same_bits() {
    let cosine = with(Schedule::new(ScheduleKind::Cosine, EPOCHS), |it| it.warmup = 1);
    let mut tasks: Vec<Task> =
        OptimizerKind::ALL.iter().map(|&kind| task(Optimizer::new(kind), cosine)).collect();
    let clipped = with(Optimizer::new(OptimizerKind::Adam), |it| it.clip_norm = Some(0.1));
    tasks.push(task(clipped, Schedule::default()));
    for task in tasks {
        for (name, spec) in engines() {
            let label = format!("{:?} on {name}", task.optimizer.kind);
            let (losses, whole) = run(&task, &spec, &[STEPS]);
            assert_eq!(run(&task, &spec, &[1, 10, STEPS - 11]).1, whole, "{label}, cut");
            for stop in [1, 7, STEPS - 1] {
                let (before, state) = run(&task, &spec, &[stop]);
                assert_eq!(state.step, stop);
                let rest = with(task.clone(), |it| it.start = state);
                let (after, end) = run(&rest, &spec, &[STEPS - stop]);
                assert_eq!([before, after].concat(), losses, "{label}, losses from {stop}");
                assert_eq!(end, whole, "{label}, gone on with from {stop}");
            }
        }
    }
}

/// Gradients whose squares, and whose norm, are beyond f32, are clipped as they are in f64: every engine
/// goes where the reference goes.
#[test]
fn norms_beyond_f32_are_clipped_on_every_engine() {
    let network = Network::new(
        vec![2, 3, 1],
        vec![Activation::LeakyRelu, Activation::Identity],
        Loss::MseHalfMean,
    )
    .unwrap();
    let (inputs, targets) = (numbers(ROWS * 2, 50), numbers(ROWS, 51));
    // Gradients of about 1e21 and of 1e37; with the latter the loss itself is beyond f32.
    for (of_inputs, of_targets, clip_norm) in
        [(1e9, 1e12, 1.0), (1e9, 1e28, 1.0), (1e9, 1e28, 1e-4)]
    {
        let inputs: Vec<f32> = inputs.iter().map(|x| x * of_inputs).collect();
        let targets: Vec<f32> = targets.iter().map(|t| t * of_targets).collect();
        for kind in [OptimizerKind::Sgd, OptimizerKind::Nesterov, OptimizerKind::Adam] {
            let optimizer = with(Optimizer::new(kind), |it| it.clip_norm = Some(clip_norm));
            let mut task = task(optimizer, Schedule::default());
            task.network = network.clone();
            task.data =
                Arc::new(Dataset::new("rows", inputs.clone(), 2, targets.clone(), 1).unwrap());
            task.start = State::new(Initializer::XavierNormal.parameters(&network, 3, 1.0));
            let (losses, reference) = reference(&task, STEPS);
            let (before, after) = (wide(&task.start.parameters), &reference.parameters);
            for (name, spec) in engines() {
                // The cpu engine's one factor is then below the normal numbers.
                if name == "cpu" && clip_norm < 1.0 {
                    continue;
                }
                let (actual, state) = run(&task, &spec, &[STEPS]);
                let label = format!("{of_targets:e} clipped to {clip_norm}, {kind} on {name}");
                if of_targets < 1e15 {
                    assert_close(&format!("{label}, losses"), &actual, &losses, near(&task));
                }
                let parameters = &state.parameters;
                assert_close(&label, parameters, &reference.parameters, near(&task));
                let moves =
                    |to: &[f64]| to.iter().zip(&before).map(|(to, from)| to - from).collect();
                let (seen, expected): (Vec<f64>, Vec<f64>) =
                    (moves(&wide(parameters)), moves(after));
                let near = Bound::Mixed { absolute: 4.0 * ULP, relative: 1e-3 };
                assert_close(&format!("{label}, way"), &seen, &expected, near);
            }
        }
    }
}

/// Another rate from a step on is that of the reference at that rate.
#[test]
fn a_rate_that_is_set_holds_from_the_next_step() {
    for kind in [OptimizerKind::Momentum, OptimizerKind::Adam] {
        let task = task(Optimizer::new(kind), Schedule::default());
        let half = with(task.clone(), |it| it.learning_rate = task.learning_rate / 2.0);
        for (name, spec) in engines() {
            let state = pollster::block_on(async {
                let mut engine = Engine::new(task.clone(), &spec).await.unwrap();
                engine.run(5, &|| false).await.unwrap();
                engine.set_rates(&[half.learning_rate]);
                engine.run(6, &|| false).await.unwrap();
                engine.states().await.unwrap().remove(0)
            });
            let (_, begun) = run(&task, &spec, &[5]);
            let (_, expected) = run(&with(half.clone(), |it| it.start = begun), &spec, &[6]);
            assert_eq!(state, expected, "{kind} on {name}");
            let (_, unchanged) = run(&task, &spec, &[11]);
            let near = Bound::Mixed { absolute: 1e-6, relative: 0.0 };
            assert_apart("the old rate", &state.parameters, &unchanged.parameters, near);
        }
    }
}

/// Clipping changes the list of a step only by what finds the norm.
#[test]
fn a_step_with_a_norm_is_one_list_in_order() {
    let clipped = with(Optimizer::default(), |it| it.clip_norm = Some(1.0));
    let names = |kernels| {
        let task = task(clipped, Schedule::default());
        pollster::block_on(LayeredEngine::new(task, gpu(), kernels)).unwrap().step_names()
    };
    let tail = |names: Vec<&'static str>, len: usize| names[names.len() - len..].to_vec();
    assert_eq!(
        tail(names(Kernels::Fused), 4),
        ["layer_update", "clip_scale", "optimizer_step", "finish_step"]
    );
    assert_eq!(
        tail(names(Kernels::Plain), 4),
        ["gradient_squares", "clip_scale", "optimizer_step", "finish_step"]
    );
}
