use std::sync::Arc;

use super::*;
use crate::data::{Dataset, Source};
use crate::engine::CpuEngine;
use crate::network::Activation::{Identity, LeakyRelu, Relu, Sigmoid, Tanh};
use crate::network::{Activation, Initializer, Layout, Loss, Network, Norm};
use crate::optimizer::{Optimizer, OptimizerKind};
use crate::train::evaluate;
use crate::train::{Ended, TrainerState};

mod steps;

/// XOR by 2-3-1, at a rate that solves it from more than half of all starts.
fn xor(hidden: Activation, sizes: &[usize]) -> Training {
    let network = Network::uniform(sizes.to_vec(), hidden, Sigmoid, Loss::Bce).unwrap();
    Training::new(network, Arc::new(Source::Xor.built_in().unwrap().unwrap()))
}

/// The fixes of a finding, as a command tells them.
fn told(finding: &Finding) -> Vec<String> {
    finding.fixes.iter().map(ToString::to_string).collect()
}

/// Two concentric rings of 120 points.
fn rings() -> Arc<Dataset> {
    let at = |row: usize| {
        let (angle, radius) =
            (row as f32 * 0.618_034 * std::f32::consts::TAU, (1 + row % 2) as f32);
        [radius * angle.cos(), radius * angle.sin()]
    };
    let inputs = (0..240).flat_map(at).collect();
    let targets = (0..240).map(|row| (row % 2) as f32).collect();
    Arc::new(Dataset::new("rings", inputs, 2, targets, 1).unwrap())
}

/// A finished training.
struct Seen {
    training: Training,
    run: Run,
    diverged: Option<Divergence>,
}

impl Seen {
    fn findings(&self) -> Vec<Finding> {
        let end = match self.diverged {
            Some(at) => End::diverged(self.run.epochs, at),
            None => End::of(&self.training, &self.run),
        };
        diagnose(&self.training, &self.run.history, &self.run.checkups, &end)
    }

    fn causes(&self) -> Vec<Cause> {
        self.findings().iter().map(|finding| finding.cause).collect()
    }

    /// The finding of this cause, which is the only one.
    fn only(&self, cause: Cause) -> Finding {
        let findings = self.findings();
        assert!(findings.len() == 1 && findings[0].cause == cause, "{findings:#?}");
        findings[0].clone()
    }

    /// The same without checkups.
    fn blind(&self) -> Vec<Cause> {
        let run = Run { checkups: Vec::new(), ..self.run.clone() };
        Seen { training: self.training.clone(), run, diverged: self.diverged }.causes()
    }

    fn solved(&self) -> bool {
        self.run.evaluation.solved == Some(true)
    }
}

/// Trains on the cpu engine, with about twenty checkups.
fn watch(training: Training) -> Seen {
    let network = &training.network;
    let batches = training.batches(training.seed);
    let per_epoch = batches.steps_per_epoch() as u32;
    let mut engine = CpuEngine::new(training.task(training.seed)).unwrap();
    let duplicates = duplicates(network, engine.parameters());
    let (mut history, mut checkups, mut diverged) = (Vec::new(), Vec::new(), None);
    let every = training.epochs.div_ceil(20);
    for epoch in 1..=training.epochs {
        let losses = engine.run(per_epoch, &|| false);
        let loss = losses.iter().sum::<f32>() / losses.len() as f32;
        history.push((epoch, loss));
        if epoch % every == 0 || epoch == training.epochs {
            let (step, rows) = (engine.steps_done(), batches.len_of(engine.steps_done() - 1));
            let (statistics, at) = (engine.statistics().unwrap(), (epoch, step, loss));
            checkups.push(checkup(network, &duplicates, &statistics, rows, at));
        }
        if !loss.is_finite() {
            diverged = Some(Divergence { step: engine.steps_done(), layer: Some(0) });
            break;
        }
    }
    let mut evaluation = evaluate(network, &training.data, &engine.forward(training.data.inputs()));
    if !training.data.is_classification() {
        evaluation = evaluation.of_numbers(&training.data);
    }
    let run = Run {
        best: None,
        seed: training.seed,
        ended: Ended::Epochs,
        trainer_state: TrainerState::new(&training, training.seed),
        step: engine.steps_done(),
        moments: Vec::new(),
        epochs: history.len() as u32,
        history,
        parameters: engine.parameters().to_vec(),
        evaluation,
        validation: None,
        validation_history: Vec::new(),
        test: None,
        checkups,
    };
    Seen { training, run, diverged }
}

/// The same from the first of many seeds that `fits`.
fn first(of: impl Fn(u64) -> Training, fits: impl Fn(&Seen) -> bool) -> Seen {
    (0..100).map(|seed| watch(Training { seed, ..of(seed) })).find(fits).unwrap()
}

#[test]
fn a_solved_run_has_no_findings() {
    for hidden in [Relu, LeakyRelu, Tanh] {
        let seen = first(|_| xor(hidden, &[2, 8, 1]), Seen::solved);
        assert_eq!((seen.findings(), seen.blind()), (vec![], vec![]));
    }
    // Nor has one with too many rows to demand that each is correct.
    let training = Training { data: rings(), batch: 24, epochs: 200, ..xor(Relu, &[2, 16, 1]) };
    let seen = watch(training);
    assert_eq!((seen.run.evaluation.right, seen.findings()), (Some(240), vec![]));
}

#[test]
fn dead_units_are_found_only_in_a_stuck_network() {
    let is_stuck = |seen: &Seen| {
        !seen.solved()
            && dead_units(&seen.training.network, &seen.run.parameters, &seen.training.data)[0].0
                > 0
    };
    let seen = first(|_| xor(Relu, &[2, 3, 1]), is_stuck);
    let finding = seen.only(Cause::DeadUnits);
    assert!(
        finding.what.contains(" of 3 hidden units ") && finding.layer == Some(0),
        "{finding:?}"
    );
    for fix in ["--restarts 64", "--activation leaky-relu", "--layers 2,8,1"] {
        assert!(told(&finding).iter().any(|given| given == fix), "{finding:?} lacks {fix}");
    }
    assert_eq!(seen.blind(), [Cause::DeadUnits]);
    // A unit that was alive at first was killed by an update: then a lower rate comes first.
    let mut pushed = seen.run.clone();
    pushed.checkups[0].layers[0].dead = 0;
    let pushed = Seen { run: pushed, training: seen.training.clone(), diverged: None };
    let finding = pushed.only(Cause::DeadUnits);
    assert!(told(&finding)[0] == "a lower --lr than 0.5 (--lr 0.25)", "{finding:?}");
    let is_odd = |seen: &Seen| seen.causes().contains(&Cause::DeadUnits);
    assert!((0..20).all(|seed| !is_odd(&watch(Training { seed, ..xor(LeakyRelu, &[2, 3, 1]) }))));
}

#[test]
fn gradients_that_vanish_are_found_in_a_deep_network_of_sigmoids() {
    let deep = [2, 8, 8, 8, 8, 8, 8, 1];
    let training =
        |hidden| Training { data: rings(), epochs: 100, batch: 24, ..xor(hidden, &deep) };
    let finding = watch(training(Sigmoid)).only(Cause::Vanishing);
    assert!(finding.layer == Some(0) && finding.what.contains("layers.0"), "{finding:?}");
    assert_eq!(told(&finding)[0], "--activation leaky-relu");
    for fix in ["--norm batch", "--layers 2,8,8,1"] {
        assert!(told(&finding).iter().any(|given| given == fix), "{finding:?} lacks {fix}");
    }
    // With the norm that is recommended the same network tells the rings apart, and nothing vanishes.
    let normed = Training { learning_rate: 0.1, ..training(Sigmoid) };
    assert!(watch(normed.clone()).run.evaluation.right < Some(150), "it is not the rate");
    let network = normed.network.clone().with_norm(Norm::Batch).unwrap();
    let seen = watch(Training { network, ..normed });
    let causes = seen.causes();
    assert!(
        !causes.contains(&Cause::Vanishing) && !causes.contains(&Cause::Saturated),
        "{causes:?}"
    );
    assert!(seen.run.evaluation.right > Some(216), "{:?}", seen.run.evaluation.right);
    for hidden in [LeakyRelu, Tanh] {
        let causes = watch(training(hidden)).causes();
        assert!(!causes.contains(&Cause::Vanishing), "{hidden}: {causes:?}");
    }
}

#[test]
fn units_that_start_alike_are_found() {
    for hidden in [Relu, Sigmoid, Tanh] {
        let seen = watch(Training { init: Initializer::Zeros, ..xor(hidden, &[2, 3, 1]) });
        let finding = seen.only(Cause::Symmetry);
        assert!(finding.what.starts_with("3 of 3 hidden units of layers.0"), "{finding:?}");
        let init = format!("--init {}", Initializer::default_for(hidden));
        assert_eq!(told(&finding), [init]);
        assert_eq!(seen.blind(), [Cause::Symmetry]);
        assert!(!watch(xor(hidden, &[2, 3, 1])).causes().contains(&Cause::Symmetry));
    }
}

#[test]
fn duplicates_are_counted_among_many() {
    let network = Network::uniform(vec![3, 500, 2], Relu, Identity, Loss::MseMean).unwrap();
    let layout = Layout::new(&network);
    let mut parameters = Initializer::HeNormal.parameters(&network, 0, 1.0);
    let count = |parameters: &[f32]| duplicates(&network, parameters).iter().sum::<usize>();
    assert_eq!(count(&parameters), 0);
    for (from, to, out) in [(7, 400, true), (7, 3, true), (20, 21, false)] {
        for input in 0..3 {
            let weights = layout.weights(0);
            parameters[weights.index(input, to)] = parameters[weights.index(input, from)];
        }
        for output in 0..if out { 2 } else { 0 } {
            let weights = layout.weights(1);
            parameters[weights.index(to, output)] = parameters[weights.index(from, output)];
        }
    }
    assert_eq!(count(&parameters), 3, "units that share only incoming weights are not duplicates");
}

#[test]
fn a_single_layer_is_reported_for_inseparable_rows() {
    let finding = watch(xor(Relu, &[2, 1])).only(Cause::SingleLayer);
    assert!(finding.why.contains("No line") && told(&finding) == ["--layers 2,8,1"], "{finding:?}");
    // Identity layers do not count as hidden layers.
    let finding = watch(xor(Identity, &[2, 4, 1])).only(Cause::SingleLayer);
    assert_eq!(told(&finding), ["--activation relu"]);
    // With many rows it is not proved.
    let seen = watch(Training { data: rings(), epochs: 100, ..xor(Relu, &[2, 1]) });
    assert!(seen.only(Cause::SingleLayer).why.contains("not proved"));
    let and = Arc::new(Source::And.built_in().unwrap().unwrap());
    for epochs in [3, 30, 1000] {
        let seen = watch(Training { data: Arc::clone(&and), epochs, ..xor(Relu, &[2, 1]) });
        assert!(!seen.causes().contains(&Cause::SingleLayer));
    }
}

#[test]
fn saturated_units_are_found() {
    let wide = Training {
        init_scale: 100.0,
        learning_rate: 0.01,
        data: rings(),
        epochs: 100,
        ..xor(Tanh, &[2, 2, 1])
    };
    let finding = watch(wide.clone()).only(Cause::Saturated);
    assert!(told(&finding).contains(&"--init-scale 1".to_owned()), "{finding:?}");
    let causes = watch(Training { init_scale: 1.0, ..wide }).causes();
    assert!(!causes.contains(&Cause::Saturated), "{causes:?}");
    // Inputs that are not normalized do the same, and are named as the cause.
    let data = rings();
    let inputs = data.inputs().iter().map(|x| 1000.0 * x).collect();
    let data = Dataset::new("far", inputs, 2, data.targets().to_vec(), 1).unwrap();
    let far = Training {
        data: Arc::new(data),
        learning_rate: 0.01,
        epochs: 100,
        ..xor(Tanh, &[2, 4, 1])
    };
    let finding = watch(far).only(Cause::Unscaled);
    assert_eq!(told(&finding), ["--normalize standard"]);
}

#[test]
fn a_plateau_is_reported_where_nothing_else_is_wrong() {
    let seen = first(
        |_| Training { epochs: 5000, ..xor(Tanh, &[2, 2, 1]) },
        |seen| seen.causes() == [Cause::Plateau],
    );
    let finding = seen.only(Cause::Plateau);
    assert_eq!(told(&finding)[0], "--restarts 64");
    // A fix that is in use already is not suggested.
    let more = Training {
        restarts: 64,
        optimizer: Optimizer::new(OptimizerKind::Adam),
        ..seen.training.clone()
    };
    let finding = Seen { training: more, ..seen }.only(Cause::Plateau);
    assert!(!told(&finding).iter().any(|fix| fix.contains("restarts") || fix.contains("adam")));
    // With many rows the best constant prediction is the measure; small steps should be larger.
    let rate = |learning_rate| {
        watch(Training { data: rings(), learning_rate, epochs: 100, ..xor(Tanh, &[2, 8, 8, 1]) })
    };
    let finding = rate(0.01).only(Cause::Plateau);
    assert!(finding.what.contains("of what the best constant prediction gives"), "{finding:?}");
    assert!(told(&finding)[0].starts_with("a higher --lr than 0.01"), "{finding:?}");
    assert_eq!(rate(1.0).causes(), []);
}

/// On any start of any of these networks: at most four findings, each once and with fixes, and no two that
/// contradict each other.
#[test]
fn findings_are_few_and_agree() {
    let contradictions = [
        (Cause::RateTooHigh, Cause::RateTooLow),
        (Cause::Exploding, Cause::Vanishing),
        (Cause::TooShort, Cause::Plateau),
        (Cause::RateTooHigh, Cause::TooShort),
    ];
    for (index, hidden) in Activation::ALL.iter().enumerate() {
        for rate in [1e-4, 0.5, 30.0, 1e4] {
            for seed in 0..3 {
                let sizes: &[usize] =
                    [&[2, 3, 1][..], &[2, 1], &[2, 4, 4, 1]][(index + seed as usize) % 3];
                let seen = watch(Training {
                    learning_rate: rate,
                    epochs: 200,
                    seed,
                    ..xor(*hidden, sizes)
                });
                let findings = seen.findings();
                let causes = seen.causes();
                assert!(findings.len() <= MOST_FINDINGS && findings.is_empty() == seen.solved());
                assert!(
                    findings
                        .iter()
                        .all(|finding| !finding.fixes.is_empty() && finding.fixes.len() <= 5)
                );
                for (a, b) in contradictions {
                    assert!(!(causes.contains(&a) && causes.contains(&b)), "{causes:?}");
                }
            }
        }
    }
}
