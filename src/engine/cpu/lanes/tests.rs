//! Networks in lanes against the cpu engine's, one by one, and instructions against each other.

use std::sync::Arc;

use super::{Instructions, LanesEngine};
use crate::data::{Batches, Dataset, Order, Source};
use crate::engine::{CpuEngine, Member, NetworkStatus, Population, Start, State, Task};
use crate::network::{Activation, Initializer, Loss, Network};
use crate::optimizer::{
    Decay, Optimizer, OptimizerKind, RateSchedule, Schedule, ScheduleKind, UpdateRule,
};

/// A population, and how it is cut into batches.
#[derive(Debug, Clone)]
struct Case {
    network: Network,
    optimizer: Optimizer,
    schedule: RateSchedule,
    data: Arc<Dataset>,
    batches: Batches,
    members: Vec<Member>,
    starts: Vec<Start>,
}

fn xor() -> Arc<Dataset> {
    Arc::new(Source::Xor.built_in().unwrap().unwrap())
}

/// Rows of classes, of which the last has three rows and counts more where rows have weights.
fn classes(is_weighted: bool) -> Arc<Dataset> {
    let (inputs, rows) = (|at: usize| (at * 37 % 23) as f32 / 11.5 - 1.0, 11);
    let class = |row: usize| if row < 8 { row % 2 } else { 2 };
    let targets = (0..3 * rows).map(|at| f32::from(class(at / 3) == at % 3)).collect();
    let data = Dataset::new("classes", (0..2 * rows).map(inputs).collect(), 2, targets, 3).unwrap();
    Arc::new(if is_weighted { data.with_class_weights(&[1.0, 0.5, 3.0]) } else { data })
}

fn network(sizes: &[usize], hidden: Activation, loss: Loss) -> Network {
    let output = loss.required_output().unwrap_or(Activation::Tanh);
    Network::uniform(sizes.to_vec(), hidden, output, loss).unwrap()
}

impl Case {
    /// Networks of two starts, at rates and decays of their own.
    fn new(network: Network, data: Arc<Dataset>, optimizer: Optimizer, networks: usize) -> Case {
        let rate = match optimizer.kind.row().rule {
            // Sums of squares diverge at rates that suit XOR.
            UpdateRule::Sgd => {
                if data.rows() == 4 {
                    0.5
                } else {
                    0.1
                }
            }
            UpdateRule::Momentum | UpdateRule::Nesterov => 0.05,
            UpdateRule::Adam | UpdateRule::RmsProp => 0.01,
        };
        let member = |at: usize| {
            let share = [1.0, 0.5, 1.25][at % 3];
            let mut member = Member::new(&optimizer, rate * share, at as u32);
            member.weight_decay *= share;
            member
        };
        let start =
            |networks, seed| Start { networks, init: Initializer::HeNormal, scale: 1.0, seed };
        let half = networks / 2;
        Case {
            batches: Batches::new(data.rows(), 0, Order::Sequential, 7),
            schedule: RateSchedule::default(),
            members: (0..networks).map(member).collect(),
            starts: vec![start(0..half, 7), start(half..networks, 7 + half as u64)],
            network,
            optimizer,
            data,
        }
    }

    fn population(&self, stops_when_solved: bool) -> Population<'_> {
        Population {
            network: &self.network,
            optimizer: self.optimizer,
            schedule: self.schedule,
            data: &self.data,
            batches: self.batches,
            members: &self.members,
            stops_when_solved,
            mapping: None,
        }
    }

    fn lanes(&self, stops_when_solved: bool, steps: u32) -> LanesEngine<'_> {
        let mut engine = LanesEngine::new(&self.population(stops_when_solved), &self.starts);
        engine.run(steps, &|| false);
        engine
    }

    /// One of the networks, alone on the cpu engine.
    fn alone(&self, at: usize) -> CpuEngine {
        let (member, seed) = (&self.members[at], 7 + at as u64);
        let mut optimizer =
            Optimizer { weight_decay: member.weight_decay.into(), ..self.optimizer };
        if let Some(first) = &optimizer.kind.row().first {
            *optimizer.value_mut(first.decay).unwrap() = self.optimizer.value(first.decay);
        }
        CpuEngine::new(Task {
            network: self.network.clone(),
            data: Arc::clone(&self.data),
            batches: self.batches.with_seed(seed),
            learning_rate: member.rate,
            optimizer,
            schedule: self.schedule,
            start: State::new(Initializer::HeNormal.parameters(&self.network, seed, 1.0)),
        })
        .unwrap()
    }

    /// Every network is where the cpu engine has it after a few steps. A step rounds sums of some dozens of
    /// products, on numbers of the order of 1.
    fn agrees(&self, label: &str) {
        const STEPS: u32 = 7;
        let engine = self.lanes(false, STEPS);
        let mut seen = 0;
        for (at, parameters) in engine.parameters() {
            let mut alone = self.alone(at);
            alone.run(STEPS, &|| false);
            for (&here, &there) in parameters.iter().zip(alone.parameters()) {
                let bound = f32::EPSILON * STEPS as f32 * 64.0 * (1.0 + there.abs());
                assert!(
                    (here - there).abs() <= bound,
                    "{label}, network {at}: {here}, not {there}"
                );
            }
            seen += 1;
        }
        assert_eq!(seen, self.members.len(), "{label}");
    }

    /// Every network ends as on the cpu engine, at the same step; but for one in `most`, that stands at the
    /// threshold to a rounding. Returns how many solve their data.
    fn ends_alike(&self, label: &str, steps: u32, most: usize) -> usize {
        let engine = self.lanes(true, steps);
        let (mut solved, mut apart) = (0, 0);
        for (at, &status) in engine.statuses().iter().enumerate() {
            let mut alone = self.alone(at).stops_when_solved();
            alone.run(steps, &|| false);
            solved += usize::from(matches!(status, NetworkStatus::Solved(_)));
            apart += usize::from(status != alone.status());
        }
        assert!(apart * most <= self.members.len(), "{label}: {apart} end otherwise");
        solved
    }
}

#[test]
fn every_activation_loss_and_depth_follows_the_cpu_engine() {
    for &hidden in Activation::ALL {
        for &loss in Loss::ALL {
            for sizes in [&[2, 3][..], &[2, 5, 3], &[2, 4, 3, 3], &[2, 3, 4, 2, 3]] {
                for is_weighted in [false, true] {
                    let network = network(sizes, hidden, loss);
                    let case = Case::new(network, classes(is_weighted), Optimizer::default(), 11);
                    case.agrees(&format!("{hidden} {loss} {sizes:?} weighted {is_weighted}"));
                }
            }
        }
    }
}

#[test]
fn every_optimizer_follows_the_cpu_engine() {
    for &kind in OptimizerKind::ALL {
        for clips in [(None, None), (Some(0.05), None), (None, Some(0.02)), (Some(0.1), Some(0.05))]
        {
            for (weight_decay, decay) in
                [(0.0, Decay::L2), (0.1, Decay::L2), (0.1, Decay::Decoupled)]
            {
                let (clip_norm, clip_value) = clips;
                // Roots of moments near 0 make much of a rounding: eps bounds it.
                let eps = 1e-2;
                let plain = Optimizer::new(kind);
                let optimizer =
                    Optimizer { weight_decay, decay, clip_norm, clip_value, eps, ..plain };
                if optimizer.check().is_err() {
                    continue;
                }
                let network = network(&[2, 5, 3], Activation::Tanh, Loss::SoftmaxCrossEntropy);
                let mut case = Case::new(network, classes(false), optimizer, 19);
                let label = format!("{kind} {clips:?} {weight_decay} {decay}");
                case.agrees(&label);
                let cosine = Schedule { warmup: 2, ..Schedule::new(ScheduleKind::Cosine, 9) };
                case.schedule = cosine.in_steps(9, 1);
                case.agrees(&format!("{label} cosine"));
            }
        }
    }
}

/// Also where a group takes rows in several portions.
#[test]
fn batches_and_orders_follow_the_cpu_engine() {
    for batch in [1, 3, 4, 11] {
        for order in [Order::Shuffled, Order::Sequential] {
            for width in [3, 40] {
                let network = network(&[2, width, 3], Activation::Silu, Loss::BceWithLogits);
                let mut case = Case::new(network, classes(true), Optimizer::default(), 9);
                case.batches = Batches::new(11, batch, order, 7);
                case.agrees(&format!("batches of {batch} {order}, {width} units"));
            }
        }
    }
}

/// Of counts that fill no group, and more than one.
#[test]
fn networks_end_as_on_the_cpu_engine() {
    for (networks, hidden) in
        [(1, Activation::Tanh), (33, Activation::Relu), (150, Activation::Elu)]
    {
        let network = network(&[2, 3, 1], hidden, Loss::Bce);
        let mut case = Case::new(network, xor(), Optimizer::default(), networks);
        let solved = case.ends_alike("full", 400, 100);
        assert!(networks == 1 || solved * 3 > networks, "{solved}");
        case.batches = Batches::new(4, 3, Order::Shuffled, 7);
        case.ends_alike("batches of 3", 401, 50);
    }
    let squares = network(&[2, 8, 8, 1], Activation::Gelu, Loss::MseMean);
    let adam = Optimizer::new(OptimizerKind::Adam);
    assert!(Case::new(squares, xor(), adam, 40).ends_alike("adam", 400, 20) > 20);
}

#[test]
fn networks_that_leave_the_finite_numbers_are_told_apart() {
    let network =
        Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Identity, Loss::MseMean);
    let mut case = Case::new(network.unwrap(), xor(), Optimizer::default(), 50);
    for member in case.members.iter_mut().step_by(3) {
        member.rate = 30.0;
    }
    case.ends_alike("wild", 300, 51);
    let engine = case.lanes(true, 300);
    let diverged = engine.statuses().iter().filter(|&&status| status == NetworkStatus::Diverged);
    assert!(diverged.count() > 8);
}

/// However wide vectors are, and however many networks go together.
#[test]
fn all_instructions_give_the_same_bits() {
    let all = Instructions::all_here();
    for &hidden in Activation::ALL {
        for kind in [OptimizerKind::Sgd, OptimizerKind::Adam] {
            let optimizer = Optimizer { clip_norm: Some(0.5), ..Optimizer::new(kind) };
            let network = network(&[2, 5, 3], hidden, Loss::SoftmaxCrossEntropy);
            let case = Case::new(network, classes(true), optimizer, 45);
            let bits = |instructions: Instructions| {
                let population = case.population(false);
                let mut engine = LanesEngine::with(&population, &case.starts, instructions);
                engine.run(30, &|| false);
                let bits =
                    |list: Vec<f32>| list.into_iter().map(f32::to_bits).collect::<Vec<u32>>();
                engine.parameters().map(|(at, list)| (at, bits(list))).collect::<Vec<_>>()
            };
            for &instructions in &all {
                assert!(bits(instructions) == bits(Instructions::Any), "{hidden} {instructions:?}");
            }
        }
    }
}

#[test]
fn a_run_in_parts_is_the_run_and_a_stop_ends_it() {
    let network = network(&[2, 3, 1], Activation::Relu, Loss::Bce);
    let case = Case::new(network, xor(), Optimizer::new(OptimizerKind::Adam), 70);
    let whole = case.lanes(true, 500);
    let mut parts = LanesEngine::new(&case.population(true), &case.starts);
    for steps in [0, 1, 16, 100, 383] {
        parts.run(steps, &|| false);
    }
    assert_eq!(whole.statuses(), parts.statuses());
    assert_eq!((whole.steps_done(), parts.steps_done()), (500, 500));
    let asked = std::cell::Cell::new(0);
    let mut stopped = LanesEngine::new(&case.population(true), &case.starts);
    stopped.run(500, &|| {
        asked.set(asked.get() + 1);
        asked.get() > 3
    });
    assert!(stopped.steps_done() < 200 && !stopped.is_decided());
}
