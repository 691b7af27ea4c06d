//! Every member of the families of activations, losses and optimizers, in every place that derives from its
//! row: a member that one of them lacks fails here.

use std::sync::Arc;

use crate::command::{succeed, wgrad};
use crate::common::{ULP, assert_close, gpu, numbers, wide, with};
use wgrad::check::Bound;
use wgrad::data::{Batches, Dataset, Order};
use wgrad::engine::{Engine, EngineSpec, Kernels, Mapping, State, Task};
use wgrad::network::{
    Activation, GradientAt, Hyperparameter, Initializer, Loss, Network, SlopeNeeds, Targets,
};
use wgrad::optimizer::{HYPERPARAMETERS, Optimizer, OptimizerKind};
use wgrad::reference::Reference;

fn text(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(path).unwrap()
}

/// The name of a member's constant in WGSL.
fn constant(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

/// A function of a WGSL file, from its head to the closing brace.
fn function<'a>(source: &'a str, name: &str) -> &'a str {
    let start = source.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("no fn {name}"));
    let len = source[start..].find("\n}").unwrap();
    &source[start..start + len]
}

/// The golden traces of this repository, as text.
fn traces() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let traces = paths.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    traces.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What `wgrad --help` says of a flag: its lines up to the next one.
fn help_of(help: &str, flag: &str) -> String {
    let lines =
        help.lines().skip_while(|line| !line.trim_start().starts_with(&format!("--{flag} ")));
    let rest = |line: &&str| !line.trim_start().starts_with('-');
    let mut lines = lines.peekable();
    let first = lines.next().unwrap_or_else(|| panic!("no --{flag} in the help")).to_owned();
    lines.take_while(rest).fold(first, |all, line| all + "\n" + line)
}

/// Each member by name is offered by the flag and taken by a training, a sweep, a file and an export.
fn is_offered(flag: &str, name: &str, others: &[&str]) {
    let help = succeed(wgrad(&["train", "--help"]));
    assert!(help_of(&help, flag).contains(name), "--{flag} {name} is not in the help");
    let flag = format!("--{flag}");
    let small = ["--layers", "2,3,1", "--epochs", "2", "--restarts", "1", "--engine", "cpu"];
    let args = [&[flag.as_str(), name], others, &small[..]].concat();
    let file = succeed(wgrad(&[&args[..], &["--print-config"]].concat()));
    assert!(file.contains(&format!("= \"{name}\"")), "{file}");
    let json = succeed(wgrad(&[&args[..], &["--json"]].concat()));
    let start: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert!(start.to_string().contains(&format!("\"{name}\"")), "{start}");
    let sweep = ["sweep", &flag, name, "--networks", "2", "--epochs", "2", "--engine", "cpu"];
    succeed(wgrad(&[&sweep[..], others, &["--json"]].concat()));
}

/// A hyperparameter is a flag with its default in the help, and out of its range it is refused.
fn has_its_flag(row: &Hyperparameter) {
    let help = succeed(wgrad(&["train", "--help"]));
    let own = help_of(&help, row.name);
    assert!(own.contains(&row.default_text()), "--{}: no default in {own}", row.name);
    let error = row.check(f64::NAN).unwrap_err();
    assert!(error.setting.contains(&row.name.replace('-', "_")) && row.range.contains(row.default));
}

#[test]
fn activations_stand_in_every_place() {
    let wgsl = text("shaders/common/activation.wgsl");
    let traces = traces();
    for &kind in Activation::ALL {
        let (row, name) = (kind.row(), constant(kind.name()));
        let case = format!("case {name}:");
        // What no case names is the identity.
        let is_named = kind != Activation::Identity;
        for switch in ["activation", "activation_slope"] {
            assert_eq!(function(&wgsl, switch).contains(&case), is_named, "{switch} of {kind}");
        }
        let saturates = function(&wgsl, "is_saturated").contains(&case);
        assert_eq!(saturates, !row.saturates_at.is_empty(), "is_saturated of {kind}");
        let needs_z = function(&wgsl, "slope_needs_z").contains(&format!("kind == {name}"));
        assert_eq!(needs_z, row.slope_needs == SlopeNeeds::PreActivation, "{kind}");
        let named =
            |trace: &String| trace.contains(&format!("\"{}", kind.name().replace('-', "_")));
        assert!(traces.iter().any(named), "no golden trace of {kind}");
        if let Some(row) = row.hyperparameter {
            has_its_flag(row);
        }
        is_offered("activation", kind.name(), &[]);
        is_offered("output-activation", kind.name(), &["--loss", loss_that_takes(kind).name()]);
    }
}

/// A loss that an output activation goes with.
fn loss_that_takes(kind: Activation) -> Loss {
    let takes = |loss: &&Loss| loss.required_output().is_none_or(|needed| needed == kind);
    *Loss::ALL.iter().find(takes).unwrap()
}

#[test]
fn slopes_are_the_derivatives_of_values() {
    const H: f64 = 1e-5;
    for &kind in Activation::ALL {
        let (row, parameter) = (kind.row(), kind.default_parameter());
        let value = |z: f64| kind.value([parameter, z]);
        for z in [-7.5, -2.0, -0.75, -0.1, 0.1, 0.3, 1.0, 2.5, 9.0] {
            let numeric = (value(z + H) - value(z - H)) / (2.0 * H);
            let slope = kind.slope([parameter, z, value(z)]);
            assert!((slope - numeric).abs() < 1e-8, "{kind} at {z}: {slope} {numeric}");
            let single = kind.value([parameter as f32, z as f32]);
            assert!((f64::from(single) - value(z)).abs() < 1e-5, "{kind} in f32 at {z}");
        }
        let jump = kind.slope([parameter, 1e-9, value(1e-9)])
            - kind.slope([parameter, -1e-9, value(-1e-9)]);
        assert_eq!(jump.abs() > 1e-3, row.has_kink, "{kind} has a kink");
        let rise = |from: f64, to: f64| {
            let slope = |z| kind.slope([parameter, z, value(z)]);
            (slope(to) - slope(from)) / (to - from)
        };
        let bend = rise(1e-4, 2e-4) - rise(-2e-4, -1e-4);
        let bends = row.has_kink || bend.abs() > 0.1;
        assert_eq!(bends, row.bends_at_zero, "{kind} bends at 0");
        let ends = [value(-700.0), value(700.0)];
        for &end in row.saturates_at {
            assert!(ends.iter().any(|a| (a - end).abs() < 1e-9), "{kind} saturates at {end}");
        }
        assert_eq!(row.is_centered, ends[0] < 0.0 || value(-1.0) <= 0.0, "{kind} is centered");
        let stays_zero = [-700.0, -3.0, -1e-3].iter().all(|&z| value(z) == 0.0);
        assert_eq!(row.can_die, stays_zero, "{kind} can die");
    }
}

#[test]
fn losses_stand_in_every_place() {
    let wgsl = text("shaders/common/loss.wgsl");
    let traces = traces();
    for &loss in Loss::ALL {
        let (row, name) = (loss.row(), constant(loss.name()));
        let at_output = function(&wgsl, "is_of_output").contains(&format!("loss == {name} "))
            || function(&wgsl, "is_of_output").contains(&format!("loss == {name};"));
        assert_eq!(at_output, row.gradient_at == GradientAt::Output, "is_of_output of {loss}");
        let named =
            |trace: &String| trace.contains(&format!("\"{}\"", loss.name().replace('-', "_")));
        assert!(traces.iter().any(named), "no golden trace of {loss}");
        if let Some(row) = row.hyperparameter {
            has_its_flag(row);
        }
        if row.targets != Targets::Distribution {
            is_offered("loss", loss.name(), &[]);
        }
        assert!(!(row.pytorch.expression)(1.0).is_empty());
    }
}

#[test]
fn optimizers_stand_in_every_place() {
    let wgsl = text("shaders/common/optimizer.wgsl");
    let traces = traces();
    for &kind in OptimizerKind::ALL {
        let row = kind.row();
        let name = format!("{:?}", row.rule).to_uppercase();
        for (switch, has) in
            [("has_moment1", row.first.is_some()), ("has_moment2", row.second.is_some())]
        {
            let body = function(&wgsl, switch);
            assert_eq!(body.contains(&format!("optimizer == {name}")), has, "{switch} of {kind}");
        }
        let named = |trace: &String| {
            // PyTorch's SGD is three of these.
            let class = row.pytorch.to_lowercase();
            trace.contains(&format!("\"optimizer\":{{\"name\":\"{class}\""))
        };
        assert!(traces.iter().any(named), "no golden trace of {kind}");
        let is_its_own = |own: &&Hyperparameter| HYPERPARAMETERS.iter().any(|row| row == own);
        assert!(row.hyperparameters.iter().all(is_its_own), "{kind}");
        let decays = [row.first.as_ref().map(|first| first.decay), row.second];
        for decay in decays.into_iter().flatten() {
            assert!(row.hyperparameters.contains(&decay), "{kind}: {}", decay.name);
        }
        let optimizer = Optimizer::new(kind);
        for own in row.hyperparameters {
            has_its_flag(own);
            let mut other = optimizer;
            *other.value_mut(own).unwrap() = 0.5;
            assert_eq!(other.value(own), 0.5);
            assert_ne!(other.coefficients(0.1, 3), optimizer.coefficients(0.1, 3), "{}", own.name);
        }
        is_offered("optimizer", kind.name(), &[]);
    }
}

fn data(rows: usize, inputs: usize, outputs: usize) -> Arc<Dataset> {
    // One class a row: what every loss takes.
    let mut targets = vec![0.0; rows * outputs];
    (0..rows).for_each(|row| targets[row * outputs + row * 7 % outputs] = 1.0);
    let values = numbers(rows * inputs, 3);
    Arc::new(Dataset::new("families", values, inputs, targets, outputs).unwrap())
}

/// Every engine follows the reference in f64 for a few steps.
fn engines_follow(network: &Network, optimizer: Optimizer, rate: f32) {
    const STEPS: u32 = 9;
    let data = data(12, network.inputs(), network.outputs());
    let mut task =
        Task::new(network.clone(), Arc::clone(&data), Batches::new(12, 5, Order::Sequential, 0));
    task.start = State::new(Initializer::XavierNormal.parameters(network, 3, 1.0));
    task.learning_rate = rate;
    task.optimizer = optimizer;
    let mut reference = Reference::new(network, wide(&task.start.parameters));
    let losses: Vec<f64> = (0..STEPS)
        .map(|step| {
            let rows: Vec<usize> = task.batches.rows_of(step).collect();
            let take = |of: &dyn Fn(usize) -> Vec<f32>| {
                wide(&rows.iter().flat_map(|&row| of(row)).collect::<Vec<f32>>())
            };
            let inputs = take(&|row| data.input(row).to_vec());
            let targets = take(&|row| data.target(row).to_vec());
            reference.optimized_step(&inputs, &targets, &optimizer, rate.into())
        })
        .collect();
    let bound = f64::from(STEPS) * 64.0 * ULP;
    let near = Bound::Mixed { absolute: bound, relative: bound };
    let mut specs = vec![
        EngineSpec::Cpu,
        EngineSpec::Layered(gpu(), Kernels::Fused),
        EngineSpec::Layered(gpu(), Kernels::Plain),
    ];
    specs.extend(Mapping::ALL.iter().map(|&mapping| EngineSpec::Resident(gpu(), Some(mapping))));
    for spec in &specs {
        let mut engine = pollster::block_on(Engine::new(task.clone(), spec)).unwrap();
        let actual = pollster::block_on(engine.run(STEPS, &|| false)).unwrap();
        let label = format!("{network:?} {} on {:?}", optimizer.kind, spec.kind());
        assert_close(&format!("{label}, losses"), &actual, &losses, near);
        let parameters = pollster::block_on(engine.parameters()).unwrap();
        assert_close(&format!("{label}, parameters"), &parameters, &reference.parameters, near);
    }
}

#[test]
fn every_activation_follows_the_reference_on_every_engine() {
    for &kind in Activation::ALL {
        let outputs = [Activation::Identity, kind];
        for output in outputs {
            let network = Network::uniform(vec![3, 4, 3, 2], kind, output, Loss::MseMean).unwrap();
            engines_follow(&network, Optimizer::default(), 0.1);
            if let Some(row) = kind.row().hyperparameter {
                let network = network.with_hyperparameter(row, 0.25).unwrap();
                engines_follow(&network, Optimizer::default(), 0.1);
            }
        }
    }
}

#[test]
fn every_loss_follows_the_reference_on_every_engine() {
    for &loss in Loss::ALL {
        let output = loss.required_output().unwrap_or(Activation::Tanh);
        let network = Network::uniform(vec![3, 5, 2], Activation::Gelu, output, loss).unwrap();
        engines_follow(&network, Optimizer::default(), 0.1);
        if let Some(row) = loss.row().hyperparameter {
            let network = network.with_hyperparameter(row, 0.25).unwrap();
            engines_follow(&network, Optimizer::default(), 0.1);
        }
    }
}

#[test]
fn every_optimizer_follows_the_reference_on_every_engine() {
    let network =
        Network::uniform(vec![3, 5, 2], Activation::Tanh, Activation::Identity, Loss::MseMean);
    let network = network.unwrap();
    for &kind in OptimizerKind::ALL {
        let plain = with(Optimizer::new(kind), |it| it.eps = 1e-2);
        engines_follow(&network, plain, 0.02);
        for own in kind.row().hyperparameters {
            let mut other = plain;
            *other.value_mut(own).unwrap() = 0.5;
            engines_follow(&network, other, 0.02);
        }
    }
}
