//! Sweeps: every network of one against the f32 reference, against `train`, against the cpu engine
//! and against the odds that others found; how a sweep is cut, stopped and put together.

use std::cell::Cell as StdCell;
use std::sync::Arc;

use crate::common::{ULP, assert_close, gpu, with};
use wgrad::check::Bound;
use wgrad::data::{Batches, Dataset, Order, Source};
use wgrad::engine::{
    EngineSpec, Kernels, Mapping, Member, NetworkStatus, Population, ResidentEngine, Start,
};
use wgrad::network::{Activation, Initializer, Loss, Network};
use wgrad::optimizer::{Optimizer, OptimizerKind, RateSchedule, Schedule, ScheduleKind};
use wgrad::reference::Reference;
use wgrad::sweep::{AxisValue, Cell, Count, Part, Shard, Sweep, SweepOutcome, SweepProgress, join};
use wgrad::train::Training;

fn xor() -> Arc<Dataset> {
    Arc::new(Source::Xor.built_in().unwrap().unwrap())
}

fn network(sizes: &[usize], hidden: Activation, loss: Loss) -> Network {
    let output = loss.required_output().unwrap_or(Activation::Sigmoid);
    Network::uniform(sizes.to_vec(), hidden, output, loss).unwrap()
}

/// XOR by 2-3-1 under cross-entropy at rate 0.5, from He's starts.
fn training(hidden: Activation, networks: u32, epochs: u32) -> Training {
    let mut training = Training::new(network(&[2, 3, 1], hidden, Loss::Bce), xor());
    training.init = Initializer::HeNormal;
    training.epochs = epochs;
    training.restarts = networks;
    training
}

fn sweep(trainings: Vec<Training>) -> Sweep {
    let cell = |(at, training)| Cell::new(vec![("at", AxisValue::Whole(at))], training);
    Sweep::new((0..).zip(trainings).map(cell).collect())
}

fn run(sweep: &Sweep, spec: &EngineSpec) -> SweepOutcome {
    pollster::block_on(sweep.run(spec, &mut |_| (), &|| false)).unwrap()
}

fn resident() -> EngineSpec {
    EngineSpec::Resident(gpu(), None)
}

/// Networks that learn four rows at once by plain gradient descent, as long as they are told to.
fn population<'a>(
    network: &'a Network,
    data: &'a Dataset,
    members: &'a [Member],
) -> Population<'a> {
    Population {
        optimizer: Optimizer::default(),
        schedule: RateSchedule::default(),
        network,
        data,
        batches: Batches::new(4, 0, Order::Sequential, 0),
        members,
        stops_when_solved: false,
        mapping: None,
    }
}

/// 65,536 networks of a population, at rates of their own, are where the f32 reference is after
/// each of their first epochs. An epoch rounds each of a few dozen operations once, on numbers of
/// the order of 1, and networks this small do not amplify it over so few.
#[test]
fn every_network_of_a_population_follows_the_f32_reference() {
    const NETWORKS: usize = 65_536;
    const EPOCHS: u32 = 4;
    let (net, data) = (network(&[2, 3, 1], Activation::Relu, Loss::Bce), xor());
    let rate = |at: usize| [0.1f32, 0.5, 1.0][at % 3];
    let members: Vec<Member> =
        (0..NETWORKS).map(|at| Member::new(&Optimizer::default(), rate(at), at as u32)).collect();
    let population = population(&net, &data, &members);
    let mut engine = pollster::block_on(ResidentEngine::new(&population, gpu())).unwrap();
    let init = Initializer::HeNormal;
    let start = Start { networks: 0..NETWORKS, init, scale: 1.0, seed: 0 };
    pollster::block_on(engine.draw(&[start])).unwrap();
    let mut references: Vec<Reference<f32>> = (0..NETWORKS as u64)
        .map(|seed| Reference::new(&net, init.parameters(&net, seed, 1.0)))
        .collect();
    for epoch in 1..=EPOCHS {
        let losses = pollster::block_on(engine.run(1, &|| false)).unwrap();
        let expected: Vec<f32> = references
            .iter_mut()
            .enumerate()
            .map(|(at, reference)| reference.step(data.inputs(), data.targets(), rate(at)))
            .collect();
        let bound = f64::from(epoch) * 32.0 * ULP;
        let near = Bound::Mixed { absolute: bound, relative: bound };
        assert_close(&format!("losses of epoch {epoch}"), &losses, &expected, near);
        let parameters = pollster::block_on(engine.parameters()).unwrap().concat();
        let expected: Vec<f32> =
            references.iter().flat_map(|reference| reference.parameters.clone()).collect();
        assert_close(&format!("parameters after epoch {epoch}"), &parameters, &expected, near);
    }
}

/// The shares that an independent C program found over 4,000 seeds each within 5,000 epochs under
/// cross-entropy, by gradient descent at rate 0.5 and by Adam at 0.01: four standard errors of both. The
/// medians within a tenth.
#[test]
fn odds_are_those_that_others_found() {
    const NETWORKS: u32 = 4000;
    let wide = |hidden, width| {
        with(training(hidden, NETWORKS, 5000), |it| {
            it.network = network(&[2, width, 1], hidden, Loss::Bce)
        })
    };
    let xavier =
        |hidden| with(training(hidden, NETWORKS, 5000), |it| it.init = Initializer::XavierUniform);
    let adam = |training: Training| {
        with(training, |it| {
            it.optimizer = Optimizer::new(OptimizerKind::Adam);
            it.learning_rate = 0.01;
        })
    };
    use Activation::{LeakyRelu, Relu, Sigmoid, Tanh};
    let known = [
        (wide(Relu, 2), 0.216, None),
        (wide(Relu, 3), 0.458, Some(150)),
        (wide(Relu, 4), 0.652, None),
        (wide(Relu, 8), 0.956, None),
        (wide(LeakyRelu, 3), 0.701, Some(188)),
        (wide(Tanh, 3), 0.886, Some(165)),
        (wide(Sigmoid, 3), 0.952, Some(901)),
        (xavier(Relu), 0.418, Some(154)),
        (xavier(Tanh), 0.926, Some(175)),
        (xavier(Sigmoid), 0.980, Some(1016)),
        (adam(wide(Relu, 3)), 0.385, Some(309)),
        (adam(wide(LeakyRelu, 3)), 0.848, Some(331)),
        (adam(xavier(Tanh)), 0.846, Some(271)),
        (adam(xavier(Sigmoid)), 0.875, Some(599)),
    ];
    let sweep = sweep(known.iter().map(|(training, _, _)| training.clone()).collect());
    let outcome = run(&sweep, &resident());
    for ((training, rate, median), count) in known.iter().zip(&outcome.cells) {
        let kind = training.optimizer.kind;
        let label = format!("{:?} {} {kind}", training.network.activations(), training.init);
        assert_eq!(count.networks, u64::from(NETWORKS));
        let variance: f64 = rate * (1.0 - rate);
        let allowed = 4.0 * (2.0 * variance / f64::from(NETWORKS)).sqrt();
        let seen = count.rate().unwrap();
        assert!((seen - rate).abs() <= allowed, "{label}: {seen}, {rate} +- {allowed} expected");
        if let Some(median) = *median {
            let seen = f64::from(count.median_epochs().unwrap());
            let median = f64::from(median);
            assert!((seen - median).abs() <= 0.1 * median, "{label}: median {seen}, not {median}");
        }
    }
}

/// On the same seeds the cpu engine finds the same: as many networks solve their data, as soon.
/// Only one that stands at the threshold, to a rounding, may be told an epoch later.
#[test]
fn the_cpu_engine_counts_the_same_on_the_same_seeds() {
    let mini = with(training(Activation::Tanh, 100, 300), |it| it.batch = 3);
    let logits = with(training(Activation::Tanh, 200, 300), |it| {
        it.network = network(&[2, 4, 1], Activation::Tanh, Loss::BceWithLogits)
    });
    let squares = with(training(Activation::Sigmoid, 200, 600), |it| {
        it.network = network(&[2, 3, 3, 1], Activation::Sigmoid, Loss::MseHalfMean);
        it.learning_rate = 4.0;
    });
    let workgroup = with(training(Activation::Relu, 60, 100), |it| {
        it.network = network(&[2, 24, 1], Activation::Relu, Loss::Bce)
    });
    let nesterov = with(training(Activation::Tanh, 200, 300), |it| {
        it.optimizer = with(Optimizer::new(OptimizerKind::Nesterov), |it| {
            (it.weight_decay, it.clip_norm) = (1e-3, Some(1.0))
        });
        it.learning_rate = 0.05;
        it.schedule = Schedule::new(ScheduleKind::Cosine, 300);
    });
    let plain = training(Activation::Relu, 500, 300);
    let trainings = vec![plain, mini, logits, squares, workgroup, nesterov];
    let sweep = sweep(trainings);
    let (here, there) = (run(&sweep, &EngineSpec::Cpu), run(&sweep, &resident()));
    for (at, (cpu, resident)) in here.cells.iter().zip(&there.cells).enumerate() {
        assert_eq!((cpu.networks, cpu.diverged), (resident.networks, resident.diverged), "{at}");
        assert!(cpu.solved > 0, "cell {at} solves nothing");
        let apart = cpu.solved.abs_diff(resident.solved);
        assert!(apart <= cpu.networks / 100, "cell {at}: {} and {}", cpu.solved, resident.solved);
        let (a, b) = (cpu.median_epochs().unwrap(), resident.median_epochs().unwrap());
        assert!(a.abs_diff(b) <= 2, "cell {at}: medians {a} and {b}");
    }
}

/// However many networks there are, those of a chunk have their parameters and moments in one binding.
#[test]
fn a_sweep_is_cut_so_that_every_chunk_fits_the_device() {
    for kind in [OptimizerKind::Sgd, OptimizerKind::Momentum, OptimizerKind::Adam] {
        let many = with(training(Activation::Relu, 70_000, 1), |it| {
            it.network = network(&[2, 16, 16, 1], Activation::Relu, Loss::Bce);
            it.optimizer = Optimizer::new(kind);
        });
        assert_eq!(
            sweep(vec![many]).check_on(&resident()).map_err(|error| error.to_string()),
            Ok(())
        );
    }
}

/// The statuses of a population of `training`'s networks, each drawn and stopped when solved, as in a sweep.
fn statuses(training: &Training, spec: &EngineSpec) -> Vec<NetworkStatus> {
    let EngineSpec::Resident(gpu, mapping) = spec else {
        panic!("statuses are the resident engine's")
    };
    let member = |seed| Member::new(&training.optimizer, training.learning_rate, seed);
    let members: Vec<Member> = (0..training.restarts).map(member).collect();
    let population = Population {
        optimizer: Optimizer::default(),
        schedule: RateSchedule::default(),
        network: &training.network,
        data: &training.data,
        batches: training.batches(training.seed),
        members: &members,
        stops_when_solved: true,
        mapping: *mapping,
    };
    pollster::block_on(async {
        let mut engine = ResidentEngine::new(&population, Arc::clone(gpu)).await.unwrap();
        let (init, scale) = (training.init, training.init_scale);
        let (networks, seed) = (0..members.len(), training.seed);
        engine.draw(&[Start { networks, init, scale, seed }]).await.unwrap();
        let steps = training.epochs * training.batches(0).steps_per_epoch() as u32;
        while engine.steps_done() < steps && !engine.is_decided() {
            engine.advance(steps - engine.steps_done(), 0).await.unwrap();
        }
        engine.statuses().to_vec()
    })
}

/// Whoever is called solved is solved where it is trained alone for as many epochs, which is how
/// any network of a sweep is taken out and looked at, and was not an epoch before.
#[test]
fn a_network_taken_out_alone_is_the_one_that_was_counted() {
    let mini = with(training(Activation::Tanh, 40, 300), |it| it.batch = 3);
    let two = with(training(Activation::Tanh, 40, 400), |it| {
        it.network = network(&[2, 3, 3, 1], Activation::Tanh, Loss::Bce)
    });
    let wide = with(training(Activation::Relu, 30, 400), |it| {
        it.network = network(&[2, 20, 1], Activation::Relu, Loss::MseMean);
        it.init = Initializer::HeUniform;
        it.init_scale = 0.7;
    });
    for training in [training(Activation::Relu, 60, 300), mini, two, wide] {
        let per_epoch = training.batches(0).steps_per_epoch() as u32;
        let mut solved = 0;
        for (seed, status) in (0..).zip(statuses(&training, &resident())) {
            let NetworkStatus::Solved(steps) = status else { continue };
            // `train`, whose verdict is that of a forward pass on the CPU, as `predict` makes it.
            let alone = |epochs: u32| {
                let alone = with(training.clone(), |it| {
                    (it.seed, it.restarts, it.epochs) = (seed, 1, epochs)
                });
                let spec = resident();
                let outcome = pollster::block_on(alone.run(&spec, &mut |_| (), &|| false));
                outcome.unwrap().kept.evaluation
            };
            let epochs = steps / per_epoch;
            assert_eq!(steps % per_epoch, 0, "solved networks stop where an epoch begins");
            assert_eq!(alone(epochs).solved, Some(true), "seed {seed}");
            let before = alone(epochs - 1).predictions;
            let pairs = before.iter().zip(training.data.targets());
            let farthest = pairs.map(|(p, t)| (*p as f32 - t).abs()).fold(0.0, f32::max);
            assert!(farthest > 0.0998, "seed {seed} was solved an epoch before");
            solved += 1;
        }
        assert!(solved >= 8, "{solved} solved of {}", training.restarts);
    }
}

/// A network that leaves the finite numbers is counted as that, and its neighbours, in the same
/// workgroup and the same vectors, do not notice.
#[test]
fn a_diverged_network_is_counted_as_diverged_and_harms_no_neighbour() {
    let (net, data) = (network(&[2, 3, 1], Activation::Relu, Loss::MseMean), xor());
    let net = Network::new(
        net.sizes().to_vec(),
        vec![Activation::Relu, Activation::Identity],
        Loss::MseMean,
    )
    .unwrap();
    for mapping in Mapping::ALL {
        let fates_at = |rate: &dyn Fn(u32) -> f32| {
            let members: Vec<Member> =
                (0..200).map(|seed| Member::new(&Optimizer::default(), rate(seed), seed)).collect();
            let population = Population {
                stops_when_solved: true,
                mapping: Some(*mapping),
                ..population(&net, &data, &members)
            };
            pollster::block_on(async {
                let mut engine = ResidentEngine::new(&population, gpu()).await.unwrap();
                let init = Initializer::HeNormal;
                let start = Start { networks: 0..200, init, scale: 1.0, seed: 0 };
                engine.draw(&[start]).await.unwrap();
                while engine.steps_done() < 500 && !engine.is_decided() {
                    engine.advance(500 - engine.steps_done(), 0).await.unwrap();
                }
                engine.statuses().to_vec()
            })
        };
        let calm = fates_at(&|_| 0.1);
        let wild = fates_at(&|seed| if seed % 2 == 0 { 1e30 } else { 0.1 });
        assert!(calm.iter().any(|status| matches!(status, NetworkStatus::Solved(_))), "{mapping}");
        for (seed, (calm, wild)) in calm.iter().zip(&wild).enumerate() {
            let expected = if seed % 2 == 0 { NetworkStatus::Diverged } else { *calm };
            assert_eq!(*wild, expected, "seed {seed}, {mapping}");
        }
    }
    // On the CPU too, and in the counts.
    let wild =
        with(training(Activation::Relu, 64, 50), |it| (it.network, it.learning_rate) = (net, 1e30));
    let sweep = sweep(vec![wild]);
    for spec in [EngineSpec::Cpu, resident()] {
        let count = &run(&sweep, &spec).cells[0];
        assert_eq!((count.networks, count.solved, count.diverged), (64, 0, 64));
    }
}

/// Cells that share a shape run in the same dispatches and those that do not follow, and none of it
/// shows: every cell is what it is alone.
#[test]
fn cells_do_not_depend_on_the_company_they_are_in() {
    let base = training(Activation::Relu, 300, 200);
    let trainings = vec![
        base.clone(),
        with(base.clone(), |it| it.learning_rate = 1.5),
        with(base.clone(), |it| (it.init, it.init_scale) = (Initializer::HeUniform, 0.5)),
        with(base.clone(), |it| it.network = network(&[2, 5, 1], Activation::Relu, Loss::Bce)),
        with(base, |it| it.init = Initializer::XavierUniform),
    ];
    let together = run(&sweep(trainings.clone()), &resident());
    for (training, count) in trainings.into_iter().zip(&together.cells) {
        assert_eq!(run(&sweep(vec![training]), &resident()).cells, std::slice::from_ref(count));
    }
}

/// A part as `wgrad sweep --save` would write it.
fn part(sweep: &Sweep, outcome: &SweepOutcome) -> (String, Part) {
    let mut part = Part::new(sweep, Default::default(), None);
    part.set(outcome);
    (sweep.shard.to_string(), part)
}

/// The parts of any number make the whole, to the last count; a part may be empty.
#[test]
fn parts_of_a_sweep_make_the_whole() {
    let trainings = vec![
        training(Activation::Relu, 70, 200),
        with(training(Activation::Tanh, 70, 200), |it| it.learning_rate = 2.0),
    ];
    parts_make_the_whole(&sweep(trainings), &[1, 2, 3, 7, 71]);
    // So many that on a software adapter another mapping takes them than would take a part alone, at
    // a rate at which that shows.
    let many = with(training(Activation::Tanh, 400, 150), |it| {
        it.network = network(&[2, 16, 1], Activation::Tanh, Loss::Bce);
        it.learning_rate = 12.0;
    });
    parts_make_the_whole(&sweep(vec![many]), &[4]);
}

fn parts_make_the_whole(whole: &Sweep, numbers: &[u32]) {
    let expected: Vec<Count> = run(whole, &resident()).cells;
    for &of in numbers {
        let parts: Vec<(String, Part)> = (1..=of)
            .map(|at| {
                let sweep = with(whole.clone(), |it| it.shard = Shard { part: at, of });
                // Wherever a part is computed: half of them on the CPU would round otherwise.
                part(&sweep, &run(&sweep, &resident()))
            })
            .collect();
        let joined: Vec<Count> =
            join(&parts).unwrap().whole.cells.into_iter().map(|cell| cell.1).collect();
        assert_eq!(joined, expected, "{of} parts");
    }
}

/// More networks than go into the same dispatches: where they are cut does not show.
#[test]
fn a_sweep_of_many_networks_is_cut_into_chunks_that_do_not_show() {
    let cells = |networks| {
        let first = training(Activation::Tanh, networks, 40);
        sweep(vec![with(first.clone(), |it| it.learning_rate = 3.0), first])
    };
    let whole = run(&cells(90_000), &resident());
    assert_eq!(whole.networks(), 180_000);
    let parts: Vec<(String, Part)> = (1..=3)
        .map(|at| {
            let sweep = with(cells(90_000), |it| it.shard = Shard { part: at, of: 3 });
            part(&sweep, &run(&sweep, &resident()))
        })
        .collect();
    let joined: Vec<Count> =
        join(&parts).unwrap().whole.cells.into_iter().map(|cell| cell.1).collect();
    assert_eq!(joined, whole.cells);
    assert!(whole.cells[0].solved > 1000, "{:?}", whole.cells[0].solved);
}

/// A stop ends a sweep with the networks that are done, each of them with its true status.
#[test]
fn a_stop_keeps_what_is_done() {
    let sweep = sweep(vec![training(Activation::Relu, 2000, 300); 3]);
    let whole = run(&sweep, &EngineSpec::Cpu);
    let told = StdCell::new(0);
    let stop = || told.get() >= 20 * 300;
    let mut tell = |progress: SweepProgress| told.set(progress.net_epochs);
    let outcome = pollster::block_on(sweep.run(&EngineSpec::Cpu, &mut tell, &stop)).unwrap();
    assert!(outcome.stopped && !whole.stopped);
    assert!(outcome.networks() > 0 && outcome.networks() < whole.networks());
    // What is counted are the first networks, and going on from there makes the whole.
    let grown = StdCell::new(0);
    let mut keep = |counts: &[Count]| {
        let networks = counts.iter().map(|count| count.networks).sum();
        assert!(networks >= grown.replace(networks));
    };
    let mut resume = |spec: &EngineSpec| {
        let counts = outcome.cells.clone();
        pollster::block_on(sweep.resume(spec, counts, &mut |_| (), &|| false, &mut keep)).unwrap()
    };
    let resumed = resume(&EngineSpec::Cpu);
    assert_eq!((resumed.cells, resumed.stopped), (whole.cells.clone(), false));
    assert_eq!(grown.take(), sweep.networks());
    // On another engine too.
    assert_eq!(resume(&resident()).networks(), sweep.networks());
    assert_eq!(grown.get(), sweep.networks());
    // Not even a training under way is waited for.
    let long = self::sweep(vec![with(training(Activation::Relu, 100, 1_000_000_000), |it| {
        it.learning_rate = 1e-3
    })]);
    let outcome = pollster::block_on(long.run(&EngineSpec::Cpu, &mut |_| (), &|| true)).unwrap();
    assert!(outcome.stopped && outcome.networks() == 0);
    let none = pollster::block_on(sweep.run(&resident(), &mut |_| (), &|| true)).unwrap();
    assert!(none.stopped);
    assert_eq!(none.networks(), 0, "networks without all their epochs say nothing");
}

/// Progress goes from nothing to all, never back.
#[test]
fn progress_counts_up_to_the_whole() {
    let sweep = sweep(vec![training(Activation::Relu, 3000, 400); 2]);
    for spec in [EngineSpec::Cpu, resident()] {
        let mut told = Vec::new();
        pollster::block_on(sweep.run(&spec, &mut |p| told.push(p.net_epochs), &|| false)).unwrap();
        assert!(told.is_sorted(), "{}: {told:?}", spec.kind());
        assert_eq!(told.last(), Some(&(2 * 3000 * 400)), "{}", spec.kind());
    }
}

/// What cannot be swept is refused by name before anything is drawn.
#[test]
fn what_cannot_be_swept_is_refused() {
    let refused = |training: Training, spec: &EngineSpec| {
        let error = pollster::block_on(sweep(vec![training]).run(spec, &mut |_| (), &|| false))
            .unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    };
    let parity = with(training(Activation::Relu, 4, 10), |it| {
        it.data = Arc::new(Source::Parity(7).built_in().unwrap().unwrap());
        it.network = network(&[7, 3, 1], Activation::Relu, Loss::Bce);
    });
    assert!(refused(parity, &resident()).contains("at most 64 rows"));
    let layered = EngineSpec::Layered(gpu(), Kernels::Fused);
    assert!(refused(training(Activation::Relu, 4, 10), &layered).contains("`engine` resident"));
    let large = with(training(Activation::Relu, 4, 10), |it| {
        it.network = network(&[2, 20_000, 1], Activation::Relu, Loss::Bce)
    });
    assert!(refused(large, &resident()).contains("workgroup memory"));
}
