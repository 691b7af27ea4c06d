//! Replays traces that PyTorch computed (`tests/golden/README.md` explains them) on the reference
//! in f64 and on every engine in f32: losses, outputs, pre-activations, gradients, parameters.
//!
//! `WGRAD_GOLDEN=DIR` replays the traces of another folder. Each trace is a test per engine that
//! takes its size; a folder without a trace that can be replayed fails.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod common;
#[path = "common/trace.rs"]
mod trace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use trace::{DRIFTS, Drift, Nearness, Trace, flat, flat_params, flat_running, trace_paths};
use wgrad::engine::resident::{self, Capacity, Request};
use wgrad::engine::{Engine, EngineSpec, Kernels, Mapping};
use wgrad::network::Layout;
use wgrad::random::{Purpose, Threefry};
use wgrad::reference::{Reference, Trace as StepTrace};

/// What is learned, and the running estimates of norms, out of a buffer in the network's layout.
fn parts(layout: &Layout, buffer: &[f64]) -> [Vec<f64>; 2] {
    let mut lists = layout.unpack(buffer);
    let running = lists.split_off(layout.learned().count());
    [lists.concat(), running.concat()]
}

impl Trace {
    /// What a run gave, compared with what PyTorch recorded.
    fn check(&self, nearness: Nearness, replay: &Replay) -> Result<(), Failed> {
        let (recorded, drifts) = (self.f64.steps.len(), self.f32_drift.steps.len());
        if recorded != drifts || recorded != replay.steps.len() || recorded == 0 {
            return Err(format!("{recorded} steps recorded, {drifts} with a drift").into());
        }
        let layout = Layout::new(&self.network());
        for (recorded, (replayed, drift)) in
            self.f64.steps.iter().zip(replay.steps.iter().zip(&self.f32_drift.steps))
        {
            let near = |what: &str, actual: &[f64], expected: &[f64], drift| {
                nearness.check(&format!("step {}, {what}", recorded.step), actual, expected, drift)
            };
            let rows = self.batches().rows_of(recorded.step).collect::<Vec<_>>();
            if rows != (recorded.rows[0]..recorded.rows[1]).collect::<Vec<_>>() {
                return Err(format!("step {} took rows {rows:?}", recorded.step).into());
            }
            near("loss", &[replayed.loss], &[recorded.loss], drift.loss)?;
            let after = flat_params(&recorded.params_after);
            let [learned, running] = parts(&layout, &replayed.parameters);
            near("parameters", &learned, &after, drift.params_after)?;
            if !running.is_empty() {
                let recorded = flat_running(&recorded.running);
                near("running estimates", &running, &recorded, drift.running)?;
            }
            // An engine that keeps the rest in registers is held to what it leaves behind.
            let Some(inside) = &replayed.inside else { continue };
            let outputs = inside.trace.activations.last().unwrap();
            near("outputs", outputs, &flat(&recorded.outputs), drift.outputs)?;
            for (layer, z) in recorded.pre_activations.iter().flatten().enumerate() {
                let actual = &inside.trace.pre_activations[layer];
                near(
                    &format!("pre-activations of layer {layer}"),
                    actual,
                    &flat(z),
                    drift.outputs,
                )?;
            }
            for (layer, d) in recorded.pre_activation_grads.iter().flatten().enumerate() {
                let actual = &inside.trace.d_pre_activations[layer];
                near(
                    &format!("d_pre-activations of layer {layer}"),
                    actual,
                    &flat(d),
                    drift.grads,
                )?;
            }
            near(
                "gradients",
                &parts(&layout, &inside.gradients)[0],
                &flat_params(&recorded.grads),
                drift.grads,
            )?;
        }
        let curve: Vec<f64> = self.f64.loss_curve.iter().map(|point| point.1).collect();
        let steps = self.f64.loss_curve.iter().map(|point| point.0 as usize);
        let replayed: Vec<f64> = steps.map(|step| replay.losses[step]).collect();
        nearness.check("loss curve", &replayed, &curve, self.f32_drift.loss_curve)?;
        // Each update rounds a parameter by half a unit in its last place, and slow ones round the
        // same way step after step: over a long run that is more than one other run's drift shows.
        let roundings = f64::from(self.steps_total) * f64::from(f32::EPSILON) / 2.0 / DRIFTS;
        let (end, drift) = (&self.f64.r#final, &self.f32_drift.r#final);
        let params_drift = drift.params.max(roundings);
        nearness.check("final loss", &[replay.final_loss], &[end.loss], drift.loss)?;
        nearness.check(
            "final outputs",
            &replay.final_outputs,
            &flat(&end.outputs),
            drift.outputs,
        )?;
        let [parameters, running] = parts(&layout, &replay.final_parameters);
        if !running.is_empty() {
            let recorded = flat_running(&end.running);
            nearness.check("final running estimates", &running, &recorded, drift.running)?;
        }
        nearness.check("final parameters", &parameters, &flat_params(&end.params), params_drift)
    }
}

/// What one run gave, in f64.
#[derive(Default)]
struct Replay {
    steps: Vec<ReplayedStep>,
    losses: Vec<f64>,
    final_loss: f64,
    final_outputs: Vec<f64>,
    final_parameters: Vec<f64>,
}

struct ReplayedStep {
    loss: f64,
    parameters: Vec<f64>,
    inside: Option<Inside>,
}

/// What a step computes on its way.
struct Inside {
    trace: StepTrace<f64>,
    gradients: Vec<f64>,
}

fn replay_reference(trace: &Trace) -> Replay {
    replay_with(trace, &mut |_| ())
}

/// The same where something is done to the reference after each step.
fn replay_with(trace: &Trace, after: &mut dyn FnMut(&mut Reference<f64>)) -> Replay {
    let network = trace.network();
    let (inputs, targets) = (flat(&trace.inputs), trace.targets());
    let batches = trace.batches();
    let take = |all: &[f64], len: usize, step| -> Vec<f64> {
        batches.rows_of(step).flat_map(|row| &all[row * len..][..len]).copied().collect()
    };
    let mut reference = Reference::new(&network, trace.parameters());
    let mut replay = Replay::default();
    for step in 0..trace.steps_total {
        let (x, t) =
            (take(&inputs, network.inputs(), step), take(&targets, network.outputs(), step));
        let rule = trace.optimizer.rule();
        let loss = reference.optimized_step(&x, &t, &rule, trace.optimizer.lr);
        after(&mut reference);
        replay.losses.push(loss);
        if replay.steps.len() < trace.f64.steps.len() {
            replay.steps.push(ReplayedStep {
                loss,
                parameters: reference.parameters.clone(),
                inside: Some(Inside {
                    trace: reference.trace.clone(),
                    gradients: reference.gradients.clone(),
                }),
            });
        }
    }
    replay.final_outputs = reference.forward(&inputs).to_vec();
    replay.final_loss = reference.loss(&targets).0;
    replay.final_parameters = reference.parameters;
    replay
}

/// Replays whose parameters and moments are rounded as f32 rounds, but by chance.
const ROUNDED: u32 = 48;

/// How far right f32 programs may be from the truth, as far as the trace itself tells: where a
/// pre-activation comes near a kink of ReLU, some fall on its one side and some on the other, a step sooner
/// or later, and the one run that PyTorch made in f32 shows only one of these. So the truth is replayed
/// with roundings that are drawn, and the farthest of all these runs counts.
fn widened(trace: &Trace) -> Drift {
    use rand::RngExt;
    let truth = replay_reference(trace);
    let mut drift = trace.f32_drift.clone();
    let farthest =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let layout = Layout::new(&trace.network());
    for run in 0..ROUNDED {
        let mut drawn = Threefry::new(7, Purpose::Weights, run);
        let mut round = |value: &mut f64| {
            *value *= 1.0 + f64::from(f32::EPSILON) / 2.0 * drawn.random_range(-1.0..1.0);
        };
        let rounded = replay_with(trace, &mut |reference| {
            reference.parameters.iter_mut().for_each(&mut round);
            reference.moments.iter_mut().flatten().for_each(&mut round);
        });
        for (drift, (a, b)) in drift.steps.iter_mut().zip(rounded.steps.iter().zip(&truth.steps)) {
            drift.loss = drift.loss.max((a.loss - b.loss).abs());
            let [a, own] = parts(&layout, &a.parameters);
            let [b, running] = parts(&layout, &b.parameters);
            drift.params_after = drift.params_after.max(farthest(&a, &b));
            drift.running = drift.running.max(farthest(&own, &running));
        }
        let curve = trace.f64.loss_curve.iter().map(|point| point.0 as usize);
        for step in curve {
            let off = (rounded.losses[step] - truth.losses[step]).abs();
            drift.loss_curve = drift.loss_curve.max(off);
        }
        let end = &mut drift.r#final;
        end.loss = end.loss.max((rounded.final_loss - truth.final_loss).abs());
        end.outputs = end.outputs.max(farthest(&rounded.final_outputs, &truth.final_outputs));
        let [a, own] = parts(&layout, &rounded.final_parameters);
        let [b, running] = parts(&layout, &truth.final_parameters);
        end.params = end.params.max(farthest(&a, &b));
        end.running = end.running.max(farthest(&own, &running));
    }
    drift
}

async fn replay_engine(trace: &Trace, spec: &EngineSpec) -> Replay {
    let network = trace.network();
    let wide = |values: Vec<f32>| common::wide(&values);
    let task = trace.task();
    let data = Arc::clone(&task.data);
    let mut engine = Engine::new(task, spec).await.unwrap();
    assert_eq!(engine.kind(), spec.kind());
    let mut replay = Replay::default();
    for _ in &trace.f64.steps {
        let losses = wide(engine.run(1, &|| false).await.unwrap());
        let lists = |lists: Vec<Vec<f32>>| lists.into_iter().map(wide).collect();
        let inside = match (engine.trace().await.unwrap(), engine.gradients().await.unwrap()) {
            (Some(step), Some(gradients)) => {
                let mut trace = StepTrace::default();
                trace.pre_activations = lists(step.pre_activations);
                trace.activations = lists(step.activations);
                trace.d_pre_activations = lists(step.d_pre_activations);
                Some(Inside { trace, gradients: wide(gradients) })
            }
            _ => None,
        };
        let is_open = matches!(spec, EngineSpec::Cpu | EngineSpec::Layered(_, Kernels::Plain));
        assert_eq!(inside.is_some(), is_open);
        replay.steps.push(ReplayedStep {
            loss: losses[0],
            parameters: wide(engine.parameters().await.unwrap()),
            inside,
        });
        replay.losses.extend(losses);
    }
    let rest = trace.steps_total - replay.steps.len() as u32;
    replay.losses.extend(wide(engine.run(rest, &|| false).await.unwrap()));
    assert_eq!(engine.steps_done(), trace.steps_total);
    let last = engine.parameters().await.unwrap();
    // How a run is cut must not show, in no bit. (Steps of the layered engine are many dispatches
    // each, and are not cut.)
    let is_resident = matches!(spec, EngineSpec::Resident(..));
    for cut in [1, 7, trace.steps_total].into_iter().filter(|_| is_resident) {
        let mut again = Engine::new(trace.task(), spec).await.unwrap();
        while again.steps_done() < trace.steps_total {
            let steps = cut.min(trace.steps_total - again.steps_done());
            again.run(steps, &|| false).await.unwrap();
        }
        assert_eq!(again.parameters().await.unwrap(), last, "cut at {cut} steps");
    }
    let forward = engine.forward(data.inputs()).await.unwrap();
    replay.final_loss = wgrad::train::evaluate(&network, &data, &forward).loss;
    replay.final_outputs = wide(forward.outputs);
    replay.final_parameters = wide(engine.parameters().await.unwrap());
    replay
}

/// The tests of one file: one per engine that takes its size.
fn trials(path: &Path) -> Vec<Trial> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let trace = match Trace::read(path) {
        Ok(trace) => trace,
        Err(failed) => return vec![Trial::test(stem, || Err(failed))],
    };
    let reference = trace.clone();
    let mut trials = vec![Trial::test(format!("{stem} on reference"), move || {
        reference.check(Nearness::Truth, &replay_reference(&reference))
    })];
    let mut engine = |name: &str, spec: fn() -> EngineSpec| {
        let trace = trace.clone();
        trials.push(Trial::test(format!("{stem} on {name}"), move || {
            let replay = pollster::block_on(replay_engine(&trace, &spec()));
            trace.check(Nearness::Single, &replay).or_else(|_| {
                let trace = Trace { f32_drift: widened(&trace), ..trace.clone() };
                trace.check(Nearness::Single, &replay)
            })
        }));
    };
    engine("cpu", || EngineSpec::Cpu);
    engine("layered", || EngineSpec::Layered(common::gpu(), Kernels::Fused));
    engine("layered, plain", || EngineSpec::Layered(common::gpu(), Kernels::Plain));
    for (mapping, name, spec) in [
        (
            Mapping::Invocation,
            "resident, an invocation",
            (|| EngineSpec::Resident(common::gpu(), Some(Mapping::Invocation)))
                as fn() -> EngineSpec,
        ),
        (Mapping::Workgroup, "resident, a workgroup", || {
            EngineSpec::Resident(common::gpu(), Some(Mapping::Workgroup))
        }),
    ] {
        // What fits WebGPU's base limits, whatever the adapter.
        let task = trace.task();
        let wanted = Request { mapping: Some(mapping), ..task.request() };
        if resident::mapping(wanted, Capacity::BASE).is_some() {
            engine(name, spec);
        }
    }
    trials
}

/// A replay of a trace that was made wrong on purpose must fail, or the rest proves nothing.
fn a_wrong_trace_is_found_out(path: &Path) -> Result<(), Failed> {
    let trace = Trace::read(path)?;
    let replay = replay_reference(&trace);
    trace.check(Nearness::Truth, &replay)?;
    let wide = Trace { f32_drift: widened(&trace), ..trace.clone() };
    type Damage = fn(&mut Trace);
    let damages: [(&str, Damage); 10] = [
        ("loss", |t| t.f64.steps[0].loss += 1e-4),
        ("outputs", |t| t.f64.steps[0].outputs[0][0] += 1e-4),
        ("pre-activations", |t| t.f64.steps[0].pre_activations.as_mut().unwrap()[0][0][0] += 1e-4),
        ("their gradients", |t| {
            t.f64.steps[0].pre_activation_grads.as_mut().unwrap()[0][0][0] += 1e-4;
        }),
        ("final loss", |t| t.f64.r#final.loss += 1e-4),
        ("final outputs", |t| t.f64.r#final.outputs[0][0] += 1e-4),
        ("gradients", |t| t.f64.steps[0].grads[0].w[0][0] += 1e-4),
        ("parameters", |t| t.f64.steps[0].params_after[0].b[0] += 1e-4),
        ("loss curve", |t| t.f64.loss_curve[1].1 += 1e-4),
        ("final parameters", |t| t.f64.r#final.params[0].w[0][0] += 1e-2),
    ];
    for (what, damage) in damages {
        let mut wrong = trace.clone();
        damage(&mut wrong);
        for nearness in [Nearness::Truth, Nearness::Single] {
            if wrong.check(nearness, &replay).is_ok() {
                return Err(format!("wrong {what} passed").into());
            }
        }
        let mut wrong = wide.clone();
        damage(&mut wrong);
        if wrong.check(Nearness::Single, &replay).is_ok() {
            return Err(format!("wrong {what} passed where bounds are widened").into());
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = std::env::var_os("WGRAD_GOLDEN").map_or(own.clone(), PathBuf::from);
    let paths = trace_paths(&folder);
    let mut trials: Vec<Trial> = paths.iter().flat_map(|path| trials(path)).collect();
    let replayed = paths.iter().filter(|path| Trace::read(path).is_ok()).count();
    trials.push(Trial::test("at least one trace is replayed", move || {
        println!("{replayed} of {} traces replayed, in {}", paths.len(), folder.display());
        if replayed == 0 {
            Err(format!("no trace to replay in {}", folder.display()).into())
        } else {
            Ok(())
        }
    }));
    trials.push(Trial::test("a wrong trace is found out", move || {
        a_wrong_trace_is_found_out(&own.join("xor_relu_bce_sgd.json"))
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
