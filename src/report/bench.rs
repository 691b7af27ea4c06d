//! The reports of benchmarks.

use std::fmt::Write as _;

use super::{OutputError, json, print, table};
use crate::bench::{
    BoundaryCosts, Contest, Contestant, Speed, StepContest, StepSizes, Stepper, Times,
};
use crate::engine::{EngineKind, Kernels};
use crate::gpu::AdapterEntry;
use crate::network::joined;

fn heading(adapter: Option<&AdapterEntry>) -> String {
    match adapter {
        Some(adapter) => format!("adapter: {}\n", adapter.describe()),
        None => "without an adapter, on the CPU alone\n".to_owned(),
    }
}

fn spread(times: &Times) -> String {
    format!("{:.0} %", 100.0 * times.spread())
}

/// A table of what was measured, if anything was.
fn table(left: usize, names: &[&str], lines: impl ExactSizeIterator<Item = Vec<String>>) -> String {
    match lines.len() {
        0 => "nothing was measured\n".to_owned(),
        _ => table::columns(left, names, lines),
    }
}

/// The fastest first; those that were not measured are left out.
fn ranked<T>(speeds: &[T], times: impl Fn(&T) -> &Times) -> Vec<&T> {
    let mut ranked: Vec<&T> = speeds.iter().filter(|speed| !times(speed).is_empty()).collect();
    ranked.sort_by(|a, b| times(a).median().total_cmp(&times(b).median()));
    ranked
}

/// All speeds, the fastest first.
///
/// # Errors
/// [`OutputError`].
pub fn contest(
    contest: &Contest,
    adapter: Option<&AdapterEntry>,
    as_json: bool,
) -> Result<(), OutputError> {
    if as_json {
        return print(&json::contest(contest, adapter));
    }
    let sizes = contest.sizes;
    let text = format!(
        "{}\
         XOR, 2-3-1, relu, sigmoid, bce, full batch; each verified against the reference, then timed;\n\
         median of {} interleaved measurements\n\n\
         one network, {} epochs\n{}\n\
         {} networks, {} epochs each\n{}\n{}",
        heading(adapter),
        sizes.rounds,
        sizes.epochs,
        speeds(&contest.one, "ns per epoch", |seconds| format!("{:.1}", 1e9 * seconds)),
        sizes.networks,
        sizes.population_epochs,
        speeds(&contest.many, "epochs per second", |seconds| format!("{:.3e}", 1.0 / seconds)),
        verdict(contest),
    );
    print(&text)
}

/// The speeds of a training step, the fastest first, each with the share of its time that its matrix
/// products alone take.
///
/// # Errors
/// [`OutputError`].
pub fn step_contest(
    contest: &StepContest,
    adapter: Option<&AdapterEntry>,
    as_json: bool,
) -> Result<(), OutputError> {
    if as_json {
        return print(&json::step_contest(contest, adapter));
    }
    let mut text = heading(adapter);
    let StepSizes { layers, batch, rounds } = &contest.sizes;
    let _ = writeln!(
        text,
        "a training step of {}, relu, batch of {batch}: {} operations in its matrix products;\n\
         each verified against the reference, then timed; median of {rounds} interleaved measurements\n",
        joined(layers, "-"),
        contest.operations
    );
    let time = |stepper| {
        let speed = contest.speeds.iter().find(|speed| speed.stepper == stepper);
        speed.map(|speed| speed.times.median())
    };
    let lines = ranked(&contest.speeds, |speed| &speed.times).into_iter().map(|speed| {
        let median = speed.times.median();
        let products = speed.stepper.products().and_then(time);
        vec![
            speed.stepper.name(),
            table::seconds(median, 3),
            format!("{:.3}", contest.operations as f64 / median / 1e9),
            table::or_empty(products.map(|time| format!("{:.0} %", 100.0 * time / median))),
            spread(&speed.times),
        ]
    });
    text += &table(1, &["", "time", "GFLOP/s", "matmul share", "spread"], lines);
    let fused = time(Stepper::Layered(Kernels::Fused));
    if let Some((fused, plain)) = fused.zip(time(Stepper::Layered(Kernels::Plain))) {
        let _ =
            writeln!(text, "\nFused kernels are {:.1} times as fast as plain ones.", plain / fused);
    }
    if let Some((gpu, cpu)) = fused.zip(time(Stepper::Cpu)) {
        let (winner, other) = match gpu < cpu {
            true => ("adapter", "cpu"),
            false => ("CPU", "layered"),
        };
        let times = gpu.max(cpu) / gpu.min(cpu);
        let _ =
            writeln!(text, "The {winner} wins: {times:.2} times as fast as the {other} engine.");
    }
    if contest.stopped {
        text.push_str("(interrupted)\n");
    }
    print(&text)
}

/// The cost of report boundaries, beside that of a step.
///
/// # Errors
/// [`OutputError`].
pub fn boundary_costs(
    measured: &BoundaryCosts,
    adapter: Option<&AdapterEntry>,
    as_json: bool,
) -> Result<(), OutputError> {
    if as_json {
        return print(&json::boundary_costs(measured, adapter));
    }
    let mut text = heading(adapter);
    let _ = writeln!(
        text,
        "a report boundary after a step over one batch: a look at as many rows kept for validation, and copies of\n\
         the last and of the best state; each loss compared with the CPU's; median of {} interleaved measurements\n",
        measured.rounds
    );
    let lines = measured.costs.iter().map(|cost| {
        vec![
            joined(&cost.layers, "-"),
            cost.engine.clone(),
            cost.rows.to_string(),
            table::seconds(cost.steps.median(), 1),
            table::seconds(cost.boundaries.median(), 1),
        ]
    });
    text += &table(2, &["network", "engine", "rows", "step", "boundary"], lines);
    if measured.stopped {
        text.push_str("(interrupted)\n");
    }
    print(&text)
}

fn speeds(speeds: &[Speed], unit: &str, show: impl Fn(f64) -> String) -> String {
    let ranked = ranked(speeds, |speed| &speed.times);
    let fastest = ranked.first().map_or(f64::NAN, |speed| speed.times.median());
    let lines = ranked.iter().map(|speed| {
        let threads = match speed.threads {
            0 => String::new(),
            count => format!(", {}", table::counted(count as u64, "thread")),
        };
        vec![
            speed.contestant.name() + &threads,
            show(speed.times.median()),
            format!("{:.2}", speed.times.median() / fastest),
            spread(&speed.times),
        ]
    });
    table(1, &["", unit, "relative time", "spread"], lines)
}

/// Whether the GPU or the CPU is faster.
fn verdict(contest: &Contest) -> String {
    let mut text = String::new();
    for (what, speeds) in [("One network", &contest.one), ("The population", &contest.many)] {
        let ranked = ranked(speeds, |speed| &speed.times);
        let fastest = |on_gpu: bool| ranked.iter().find(|s| s.contestant.needs_gpu() == on_gpu);
        let (Some(gpu), Some(cpu)) = (fastest(true), fastest(false)) else { continue };
        let (winner, first, second) = match gpu.times.median() <= cpu.times.median() {
            true => ("adapter", gpu, cpu),
            false => ("CPU", cpu, gpu),
        };
        let _ = writeln!(
            text,
            "{what}: the {winner} wins; {} is {:.2} times as fast as {}.",
            first.contestant.name(),
            second.times.median() / first.times.median(),
            second.contestant.name(),
        );
    }
    let find = |kind| {
        let is_it = |speed: &&Speed| speed.contestant == Contestant::Engine(kind);
        contest.one.iter().find(is_it).filter(|speed| !speed.times.is_empty())
    };
    let layered = find(EngineKind::Layered);
    if let Some((layered, resident)) = layered.zip(find(EngineKind::Resident)) {
        let times = layered.times.median() / resident.times.median();
        let _ = writeln!(
            text,
            "One dispatch per training is {times:.0} times as fast as a list of dispatches per step."
        );
    }
    if let Some(layered) = layered.filter(|speed| speed.epochs < contest.sizes.epochs) {
        let _ = writeln!(text, "(layered was too slow: {} epochs per measurement)", layered.epochs);
    }
    if contest.stopped {
        text.push_str("Interrupted; these are the measurements made so far.\n");
    }
    text
}
