//! The reports of benchmarks.

use std::fmt::Write as _;

use super::{OutputError, json, print, table};
use crate::bench::{
    BoundaryCosts, Contest, Contestant, Speed, StepContest, StepSizes, StepSpeed, Stepper,
};
use crate::engine::Kernels;
use crate::gpu::AdapterEntry;

fn heading(adapter: Option<&AdapterEntry>) -> String {
    match adapter {
        Some(adapter) => format!("adapter: {}\n", adapter.describe()),
        None => "no adapter: CPU only\n".to_owned(),
    }
}

/// How far measurements, sorted, are apart, relative to their median.
fn spread(seconds: &[f64], median: f64) -> String {
    let range = seconds.last().zip(seconds.first()).map_or(0.0, |(last, first)| last - first);
    format!("{:.0} %", 100.0 * range / median)
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
    let layers: Vec<String> = layers.iter().map(usize::to_string).collect();
    let _ = writeln!(
        text,
        "a training step of {}, relu, batch of {batch}: {} operations in its matrix products;\n\
         each verified against the reference, then timed; median of {rounds} interleaved measurements\n",
        layers.join("-"),
        contest.operations
    );
    let time = |stepper| {
        let speed = contest.speeds.iter().find(|speed| speed.stepper == stepper);
        speed.map(StepSpeed::median)
    };
    let mut ranked: Vec<&StepSpeed> = contest.speeds.iter().collect();
    ranked.sort_by(|a, b| a.median().total_cmp(&b.median()));
    let lines = ranked.iter().map(|speed| {
        let median = speed.median();
        let products = speed.stepper.products().and_then(time);
        vec![
            speed.stepper.name(),
            table::seconds(median, 3),
            format!("{:.3}", contest.operations as f64 / median / 1e9),
            table::or_empty(products.map(|time| format!("{:.0} %", 100.0 * time / median))),
            spread(&speed.seconds, median),
        ]
    });
    text += &match ranked.is_empty() {
        true => "nothing was measured\n".to_owned(),
        false => table::columns(1, &["", "time", "GFLOP/s", "matmul share", "spread"], lines),
    };
    let fused = time(Stepper::Layered(Kernels::Fused));
    if let Some((fused, plain)) = fused.zip(time(Stepper::Layered(Kernels::Plain))) {
        let _ =
            writeln!(text, "\nFused kernels are {:.1} times as fast as plain ones.", plain / fused);
    }
    if let Some((gpu, cpu)) = fused.zip(time(Stepper::Cpu)) {
        let _ = match gpu < cpu {
            true => {
                writeln!(
                    text,
                    "The adapter wins: {:.2} times as fast as the cpu engine.",
                    cpu / gpu
                )
            }
            false => {
                writeln!(
                    text,
                    "The CPU wins: {:.2} times as fast as the layered engine.",
                    gpu / cpu
                )
            }
        };
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
        let (step, boundary) = cost.medians();
        let layers: Vec<String> = cost.layers.iter().map(usize::to_string).collect();
        vec![
            layers.join("-"),
            cost.engine.clone(),
            cost.rows.to_string(),
            table::seconds(step, 1),
            table::seconds(boundary, 1),
        ]
    });
    text += &match measured.costs.is_empty() {
        true => "nothing was measured\n".to_owned(),
        false => table::columns(2, &["network", "engine", "rows", "step", "boundary"], lines),
    };
    if measured.stopped {
        text.push_str("(interrupted)\n");
    }
    print(&text)
}

/// What was measured, the fastest first.
fn ranked(speeds: &[Speed]) -> Vec<&Speed> {
    let mut ranked: Vec<&Speed> = speeds.iter().filter(|speed| !speed.seconds.is_empty()).collect();
    ranked.sort_by(|a, b| a.median().total_cmp(&b.median()));
    ranked
}

fn speeds(speeds: &[Speed], unit: &str, show: impl Fn(f64) -> String) -> String {
    let ranked = ranked(speeds);
    let Some(fastest) = ranked.first().map(|speed| speed.median()) else {
        return "nothing was measured\n".to_owned();
    };
    let lines = ranked.iter().map(|speed| {
        let threads = match speed.threads {
            0 => String::new(),
            count => format!(", {}", table::counted(count as u64, "thread")),
        };
        vec![
            speed.contestant.name() + &threads,
            show(speed.median()),
            format!("{:.2}", speed.median() / fastest),
            spread(&speed.seconds, speed.median()),
        ]
    });
    table::columns(1, &["", unit, "relative time", "spread"], lines)
}

/// Whether the GPU or the CPU is faster.
fn verdict(contest: &Contest) -> String {
    let mut text = String::new();
    for (what, speeds) in [("One network", &contest.one), ("The population", &contest.many)] {
        let ranked = ranked(speeds);
        let fastest = |on_gpu: bool| ranked.iter().find(|s| s.contestant.needs_gpu() == on_gpu);
        let (Some(gpu), Some(cpu)) = (fastest(true), fastest(false)) else { continue };
        let (winner, first, second) = match gpu.median() <= cpu.median() {
            true => ("adapter", gpu, cpu),
            false => ("CPU", cpu, gpu),
        };
        let _ = writeln!(
            text,
            "{what}: the {winner} wins; {} is {:.2} times as fast as {}.",
            first.contestant.name(),
            second.median() / first.median(),
            second.contestant.name(),
        );
    }
    let one = ranked(&contest.one);
    let find = |contestant| one.iter().find(|speed| speed.contestant == contestant);
    let layered = find(Contestant::Layered);
    if let Some((layered, resident)) = layered.zip(find(Contestant::Resident)) {
        let times = layered.median() / resident.median();
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
