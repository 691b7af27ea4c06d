//! What is decided at report boundaries: plateaus, patience, targets, divergence, a device that is lost. The
//! same on every engine, and from a checkpoint as if it had never been left.

use std::sync::Arc;

use crate::common::{engines, gpu, own_gpu, with};
use wgrad::Error;
use wgrad::data::{Dataset, Source};
use wgrad::engine::{Engine, EngineSpec, Kernels, Mapping, State};
use wgrad::gpu::Gpu;
use wgrad::network::{Activation, Loss, Network};
use wgrad::optimizer::{Optimizer, OptimizerKind, Schedule, ScheduleKind};
use wgrad::sweep::over_rates;
use wgrad::train::{
    Ended, Event, OnDivergence, Outcome, Resume, Stopping, TrainerState, Training, evaluate,
};

/// One that gets stuck: two of its units die.
fn xor() -> Training {
    let network =
        Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap();
    let mut training = Training::new(network, Arc::new(Source::Xor.built_in().unwrap().unwrap()));
    training.epochs = 1500;
    training.seed = 1;
    training
}

fn specs() -> Vec<EngineSpec> {
    engines().into_iter().map(|(_, spec)| spec).collect()
}

fn run(training: &Training, spec: &EngineSpec) -> Result<Outcome, Error> {
    pollster::block_on(training.run(spec, &mut |_| (), &|| false))
}

/// What a run told of checkpoints: where it stood at each.
fn checkpoints(training: &Training, spec: &EngineSpec, from: Option<Resume>) -> Vec<Resume> {
    let mut seen = Vec::new();
    let mut watch = |event: Event<'_>| {
        if let Event::Checkpoint(now, _) = event {
            seen.push(Resume::from(now));
        }
        Ok(())
    };
    pollster::block_on(training.run_from(spec, from, true, &mut watch, &|| false)).unwrap();
    seen
}

#[test]
fn patience_and_targets_end_a_run_at_the_same_epoch_on_every_engine() {
    let patient =
        with(xor(), |it| (it.stopping.patience, it.stopping.min_delta) = (Some(200), 1e-3));
    let aiming = with(xor(), |it| (it.stopping.target_loss, it.seed) = (Some(0.05), 2));
    for (training, reason) in [(patient, Ended::Patience), (aiming, Ended::TargetLoss)] {
        let ends: Vec<(u32, Ended)> = specs()
            .iter()
            .map(|spec| {
                let run = run(&training, spec).unwrap().kept;
                assert!(run.epochs < training.epochs && !run.history.is_empty());
                assert_eq!(run.epochs % training.report_every(), 0, "a report boundary");
                (run.epochs, run.ended)
            })
            .collect();
        assert!(ends.iter().all(|end| *end == (ends[0].0, reason)), "{ends:?}");
    }
    let whole = run(&xor(), &EngineSpec::Cpu).unwrap().kept;
    assert_eq!((whole.ended, whole.epochs), (Ended::Epochs, 1500));
}

/// On a plateau the rate goes down by the factor after as many epochs as are waited for, again and again,
/// and not below its floor; on every engine at the same epochs.
#[test]
fn a_plateau_lowers_the_rate_at_the_same_epochs_on_every_engine() {
    let schedule = with(Schedule::new(ScheduleKind::Plateau, 1500), |it| {
        it.every = 210;
        it.factor = 0.5;
        it.floor = 0.1;
    });
    let training = with(xor(), |it| (it.schedule, it.stopping.min_delta) = (schedule, 1e-3));
    let rates: Vec<f32> =
        specs().iter().map(|spec| run(&training, spec).unwrap().kept.trainer_state.rate).collect();
    assert!(rates.iter().all(|rate| *rate == rates[0]), "{rates:?}");
    assert!(rates[0] < 0.5 && rates[0] >= 0.05, "{rates:?}");
    let endless = with(training, |it| it.epochs = 20_000);
    assert_eq!(run(&endless, &EngineSpec::Cpu).unwrap().kept.trainer_state.rate, 0.05);
}

/// A short run too: it looks at the loss while the plateau waits, however few epochs that is. Nothing counts
/// as an improvement here, so the rate goes down after every wait.
#[test]
fn a_plateau_of_a_short_run_is_not_missed() {
    for (epochs, every, most) in [(60, 3, 20), (60, 20, 3), (40, 1, 40), (100, 45, 2)] {
        let training = with(xor(), |it| {
            it.epochs = epochs;
            it.schedule = with(Schedule::new(ScheduleKind::Plateau, epochs), |it| {
                it.every = every;
                it.factor = 0.9;
            });
            it.stopping.min_delta = 1e6;
        });
        assert!(training.report_every() <= (every / 10).max(1));
        for spec in specs() {
            let rate = run(&training, &spec).unwrap().kept.trainer_state.rate;
            let lowered = (f64::from(rate / 0.5).ln() / 0.9f64.ln()).round();
            // The first look is the lowest loss; the wait counts from there.
            assert!((f64::from(most) - 1.0..=f64::from(most)).contains(&lowered), "{lowered}");
        }
    }
}

/// An epoch that takes long tells of its steps, and that changes nothing of what comes of it.
#[test]
fn steps_are_told_within_an_epoch_that_takes_long() {
    let rows = 400;
    let inputs = (0..2 * rows).map(|at| (at as f32).sin()).collect();
    let targets = (0..rows).map(|at| (at % 2) as f32).collect();
    let data = Arc::new(Dataset::new("d", inputs, 2, targets, 1).unwrap());
    let training = with(xor(), |it| (it.data, it.epochs, it.batch) = (data, 2, 1));
    for spec in [EngineSpec::Cpu, EngineSpec::Layered(gpu(), Kernels::Fused)] {
        let mut told = Vec::new();
        let mut watch = |event: Event<'_>| {
            if let Event::Steps(steps) = event {
                told.push(steps);
            }
            Ok(())
        };
        // It is asked between steps, or between submissions of several.
        let asked = std::cell::Cell::new(0);
        let slow = || {
            if asked.replace(asked.get() + 1) < 2 {
                std::thread::sleep(std::time::Duration::from_millis(300));
            }
            false
        };
        let outcome = training.run_from(&spec, None, false, &mut watch, &slow);
        let outcome = pollster::block_on(outcome).unwrap();
        let name = spec.kind();
        assert!(told.iter().any(|&steps| 0 < steps && steps < rows), "{name}: {told:?}");
        assert!(told.is_sorted() && told.iter().all(|&steps| steps < 2 * rows), "{told:?}");
        let quick = run(&training, &spec).unwrap();
        assert_eq!(outcome.kept.parameters, quick.kept.parameters, "{name}");
        assert_eq!(outcome.kept.history, quick.kept.history, "{name}");
    }
}

/// Rows kept for validation are looked at after every epoch, also with one batch an epoch: the lowest loss that
/// is told of is the lowest there was, and patience counts from there.
#[test]
fn the_lowest_validation_loss_is_the_lowest_of_all_epochs() {
    // What is learned at first is near the mean, and so are these rows; what is learned then is not.
    let data = |targets: &[f32]| {
        let inputs = vec![-1.0, -0.5, 0.5, 1.0];
        Arc::new(Dataset::new("d", inputs, 1, targets.to_vec(), 1).unwrap())
    };
    let (identity, tanh) = (Activation::Identity, Activation::Tanh);
    let network = Network::uniform(vec![1, 12, 1], tanh, identity, Loss::MseMean).unwrap();
    let training = with(Training::new(network, data(&[1.0, -1.0, 1.0, -1.0])), |it| {
        it.held_out.validation = Some(data(&[0.1, 0.0, -0.1, 0.0]));
        it.learning_rate = 0.1;
        it.epochs = 300;
    });
    for spec in specs() {
        // Epoch by epoch, by the engine alone.
        let mut engine =
            pollster::block_on(Engine::new(training.task(training.seed), &spec)).unwrap();
        let validation = training.held_out.validation.as_ref().unwrap();
        let losses: Vec<f64> = (0..training.epochs)
            .map(|_| {
                pollster::block_on(engine.run(1, &|| false)).unwrap();
                let forward = pollster::block_on(engine.forward(validation.inputs())).unwrap();
                evaluate(&training.network, validation, &forward).loss
            })
            .collect();
        let lowest = (1..).zip(&losses).min_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        let near = |loss: f64, other: f64| (loss - other).abs() <= 1e-6 * other;
        let whole = run(&training, &spec).unwrap().kept;
        let (best, loss) = whole.trainer_state.best.unwrap();
        assert!(lowest.0 % 64 != 0 && lowest.0 < 300, "{lowest:?}: nothing was tested");
        assert_eq!(best, lowest.0, "{spec:?}");
        assert!(near(loss, *lowest.1), "{loss} and {lowest:?}");
        assert!(whole.validation_history.len() <= 202, "bounded, however many looks");
        let stopping = with(Stopping::default(), |it| it.patience = Some(20));
        let patient =
            run(&with(training.clone(), |it| it.stopping = stopping), &spec).unwrap().kept;
        let mut waiting = (0, f64::INFINITY);
        let end = (1..).zip(&losses).find(|&(epoch, &loss)| {
            waiting = if loss < waiting.1 { (epoch, loss) } else { waiting };
            epoch - waiting.0 >= 20
        });
        assert_eq!((patient.ended, patient.epochs), (Ended::Patience, end.unwrap().0));
    }
}

/// A network that a sweep solved under a plateau is solved alone too, and the other way round.
#[test]
fn a_plateau_in_a_sweep_is_that_of_each_network_alone() {
    let schedule = with(Schedule::new(ScheduleKind::Plateau, 400), |it| it.every = 60);
    let base = with(xor(), |it| {
        it.schedule = schedule;
        it.stopping.min_delta = 0.05;
        it.epochs = 400;
        it.seed = 0;
    });
    for spec in [EngineSpec::Cpu, EngineSpec::Resident(gpu(), Some(Mapping::Invocation))] {
        let sweep = over_rates(&base, &[0.1, 0.5], 24);
        let mut solved = vec![[false; 24]; 2];
        let mut note = |cell: usize, seed: u32, status| {
            solved[cell][seed as usize] = matches!(status, wgrad::engine::NetworkStatus::Solved(_));
        };
        pollster::block_on(sweep.run_noting(&spec, &mut |_| (), &|| false, &mut note)).unwrap();
        let mut differing = 0;
        for (cell, solved) in sweep.cells.iter().zip(&solved) {
            for (seed, &is_solved) in (0..).zip(solved) {
                let alone = with(cell.training.clone(), |it| (it.seed, it.restarts) = (seed, 1));
                let alone = run(&alone, &spec).unwrap().kept;
                if is_solved {
                    assert_eq!(alone.evaluation.solved, Some(true), "seed {seed}");
                }
                differing += u32::from(alone.trainer_state.rate != cell.training.learning_rate);
            }
        }
        assert!(differing > 0, "no rate was lowered: nothing was tested");
    }
}

/// From every checkpoint of a run, each engine goes on to the same checkpoints and the same end.
#[test]
fn a_run_goes_on_from_a_checkpoint_as_if_it_had_never_stopped() {
    for kind in OptimizerKind::ALL {
        let training = with(xor(), |it| {
            it.optimizer = Optimizer::new(*kind);
            it.learning_rate = 0.05;
            it.schedule = with(Schedule::new(ScheduleKind::Plateau, 300), |it| it.every = 60);
            it.stopping.patience = Some(250);
            it.checkpoint_every = Some(70);
            it.epochs = 300;
            it.batch = 3;
        });
        for spec in specs() {
            let whole = checkpoints(&training, &spec, None);
            assert!(whole.len() >= 4, "{} checkpoints", whole.len());
            for (at, from) in whole.iter().enumerate().take(whole.len() - 1) {
                let rest = checkpoints(&training, &spec, Some(from.clone()));
                assert_eq!(rest, whole[at + 1..], "{kind} on {} from {at}", spec.kind());
            }
        }
    }
}

/// What a run on the CPU leaves that is stopped when it has asked so often whether to stop.
fn stopped(training: &Training, stop_at: u32) -> Resume {
    let asked = std::cell::Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) >= stop_at;
    let mut last = None;
    let mut watch = |event: Event<'_>| {
        if let Event::Checkpoint(now, _) = event {
            last = Some(Resume::from(now));
        }
        Ok(())
    };
    pollster::block_on(training.run_from(&EngineSpec::Cpu, None, true, &mut watch, &stop)).unwrap();
    last.unwrap()
}

/// A stop in the middle of an epoch leaves what the rest of it needs.
#[test]
fn a_run_that_was_stopped_within_an_epoch_goes_on_to_the_same_bits() {
    let training = with(xor(), |it| (it.epochs, it.batch, it.checkpoint_every) = (40, 3, Some(40)));
    let whole = checkpoints(&training, &EngineSpec::Cpu, None).pop().unwrap();
    for stop_at in [1, 2, 5, 31] {
        let from = stopped(&training, stop_at);
        assert!(from.state.step < whole.state.step, "{}", from.state.step);
        let end = checkpoints(&training, &EngineSpec::Cpu, Some(from)).pop().unwrap();
        assert_eq!(end, whole, "stopped after {stop_at}");
    }
}

/// Outputs without bounds, and a rate beyond every bound.
fn wild() -> Training {
    let data = Dataset::new("d", vec![1.0, 3.0, 0.0, -2.0], 1, vec![2.0, 1.0, 1.0, 4.0], 1);
    let network =
        Network::uniform(vec![1, 4, 1], Activation::Tanh, Activation::Identity, Loss::MseMean);
    let mut training = xor();
    training.network = network.unwrap();
    training.data = Arc::new(data.unwrap());
    training.learning_rate = 40.0;
    training.epochs = 600;
    training
}

#[test]
fn a_divergence_names_the_layer_keeps_what_was_good_and_is_explained() {
    for spec in specs() {
        let (mut last, mut found) = (None, 0);
        let mut watch = |event: Event<'_>| {
            match event {
                Event::Checkpoint(now, _) => {
                    last = Some((now.state.clone(), now.trainer_state.epoch))
                }
                Event::Findings(findings) => found = findings.len(),
                _ => {}
            }
            Ok(())
        };
        let training = wild();
        let result =
            pollster::block_on(training.run_from(&spec, None, true, &mut watch, &|| false));
        let error = result.unwrap_err();
        assert_eq!(error.exit_code(), 5);
        let Error::Diverged { what, step, .. } = &error else { panic!("{error}") };
        assert!(what.starts_with("layer ") || what == "the loss", "{what}");
        assert!(*step > 0 && *step <= training.report_every(), "{step}");
        let (state, epoch): (State, u32) = last.expect("the last good state is told of");
        assert!(epoch < *step && state.parameters.iter().all(|p| p.is_finite()));
        assert!(found > 0, "the doctor has nothing to say");
    }
}

#[test]
fn halving_the_rate_goes_back_and_on_until_it_holds() {
    for spec in specs() {
        let training = with(wild(), |it| it.on_divergence = OnDivergence::HalveLr);
        let mut told = Vec::new();
        let mut watch = |event: Event<'_>| {
            if let Event::Halved(halving) = event {
                told.push(halving);
            }
            Ok(())
        };
        let outcome =
            pollster::block_on(training.run_from(&spec, None, false, &mut watch, &|| false))
                .unwrap();
        let run = outcome.kept;
        assert!(!told.is_empty() && told == run.trainer_state.halvings, "{told:?}");
        let halved = training.learning_rate / 2f32.powi(told.len() as i32);
        assert_eq!(run.trainer_state.rate, halved);
        assert_eq!((run.epochs, run.ended), (training.epochs, Ended::Epochs));
        assert!(run.evaluation.loss.is_finite() && run.history.len() > 100);
        // The last part is that of a run from there at that rate.
        let from = told.last().unwrap().epoch;
        assert!(from.is_multiple_of(training.report_every()));
    }
    // Where no rate helps, it ends all the same.
    let hopeless = with(wild(), |it| {
        it.on_divergence = OnDivergence::HalveLr;
        it.learning_rate = f32::MAX;
    });
    assert_eq!(run(&hopeless, &EngineSpec::Cpu).unwrap_err().exit_code(), 5);
}

/// Wherever a run is stopped, a divergence after that goes back to where it would have gone.
#[test]
fn a_resumed_run_goes_back_to_the_same_boundary() {
    let schedule = with(Schedule::default(), |it| it.warmup = 400);
    let training = with(wild(), |it| {
        it.on_divergence = OnDivergence::HalveLr;
        it.schedule = schedule;
        it.learning_rate = 3.0;
    });
    let whole = checkpoints(&training, &EngineSpec::Cpu, None).pop().unwrap();
    let first = whole.trainer_state.halvings[0];
    assert!(first.epoch > 0, "it diverges only after some boundaries: {first:?}");
    for stop_at in [first.step / 3, first.step - 1, first.step + 30] {
        let from = stopped(&training, stop_at);
        assert!(from.trainer_state.epoch < training.epochs);
        let end = checkpoints(&training, &EngineSpec::Cpu, Some(from)).pop().unwrap();
        assert_eq!(end, whole, "stopped after {stop_at}");
    }
}

/// From the very start too, whatever moments an optimizer has; and where the stop comes in the last stretch.
#[test]
fn a_stop_ends_a_run_wherever_it_comes_and_it_goes_on_from_there() {
    for kind in OptimizerKind::ALL {
        for on_divergence in [OnDivergence::Stop, OnDivergence::HalveLr] {
            let optimizer = Optimizer::new(*kind);
            let training = with(xor(), |it| {
                it.epochs = 60;
                it.on_divergence = on_divergence;
                it.optimizer = optimizer;
            });
            assert_eq!(training.report_every(), 64, "all of it is one stretch");
            let asked = std::cell::Cell::new(0);
            let stop = || asked.replace(asked.get() + 1) >= 10;
            let mut last = None;
            let mut watch = |event: Event<'_>| {
                if let Event::Checkpoint(now, _) = event {
                    last = Some(Resume::from(now));
                }
                Ok(())
            };
            let run = training.run_from(&EngineSpec::Cpu, None, true, &mut watch, &stop);
            let outcome = pollster::block_on(run).unwrap();
            assert_eq!(outcome.kept.ended, Ended::Asked);
            assert!(outcome.kept.epochs < 20, "{}", outcome.kept.epochs);
            let from = last.unwrap();
            assert_eq!(from.state.moments.len(), optimizer.moments());
            let whole = checkpoints(&training, &EngineSpec::Cpu, None).pop().unwrap();
            let end = checkpoints(&training, &EngineSpec::Cpu, Some(from)).pop().unwrap();
            assert_eq!(end, whole, "{kind} {on_divergence}");
        }
    }
}

/// Where every start diverges, the first of them is looked at, and what it was is kept.
#[test]
fn many_starts_that_all_diverge_are_explained_too() {
    for spec in [EngineSpec::Cpu, EngineSpec::Resident(gpu(), Some(Mapping::Invocation))] {
        let training = with(wild(), |it| it.restarts = 3);
        let (mut kept, mut found) = (0, 0);
        let mut watch = |event: Event<'_>| {
            match event {
                Event::Checkpoint(..) => kept += 1,
                Event::Findings(findings) => found += findings.len(),
                _ => {}
            }
            Ok(())
        };
        let result =
            pollster::block_on(training.run_from(&spec, None, true, &mut watch, &|| false));
        assert_eq!(result.unwrap_err().exit_code(), 5);
        assert!(kept == 1 && found > 0, "{kept} checkpoints, {found} findings");
    }
}

/// A device that is lost on the way is opened again, and the run ends with the bits it would have had.
#[test]
fn a_lost_device_is_opened_again_once_and_changes_no_bit() {
    let training = with(xor(), |it| it.checkpoint_every = Some(500));
    let of = |gpu: &Arc<Gpu>| {
        [
            EngineSpec::Layered(Arc::clone(gpu), Kernels::Fused),
            EngineSpec::Resident(Arc::clone(gpu), Some(Mapping::Invocation)),
        ]
    };
    for at in 0..2 {
        let spec = &of(&gpu())[at];
        let whole = checkpoints(&training, spec, None).pop().unwrap();
        let lost = own_gpu();
        let (mut reopened, mut last, mut boundaries) = (Vec::new(), None, 0);
        let mut watch = |event: Event<'_>| {
            match event {
                Event::Progress(_) => {
                    boundaries += 1;
                    if boundaries == 5 {
                        lost.destroy();
                    }
                }
                Event::Reopened(epoch) => reopened.push(epoch),
                Event::Checkpoint(now, _) => {
                    last = Some(Resume::from(now));
                }
                _ => {}
            }
            Ok(())
        };
        let spec = &of(&lost)[at];
        pollster::block_on(training.run_from(spec, None, true, &mut watch, &|| false)).unwrap();
        assert_eq!(reopened.len(), 1);
        assert_eq!(last.unwrap(), whole);
    }
}

#[test]
fn a_course_is_read_as_it_was_written() {
    let training = with(xor(), |it| (it.checkpoint_every, it.epochs) = (Some(100), 300));
    for Resume { trainer_state, .. } in checkpoints(&training, &EngineSpec::Cpu, None) {
        let text = serde_json::to_string(&trainer_state).unwrap();
        assert_eq!(serde_json::from_str::<TrainerState>(&text).unwrap(), trainer_state);
    }
}
