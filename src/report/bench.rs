//! The report of a contest.

use std::fmt::Write as _;

use super::{OutputError, json, print, table};
use crate::bench::{Contest, Contestant, Speed, StepContest, StepSizes, StepSpeed, Stepper};
use crate::engine::Kernels;
use crate::gpu::AdapterEntry;

/// Everybody's speed, the fastest first.
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
    let mut text = match adapter {
        Some(adapter) => format!("adapter: {}\n", adapter.describe()),
        None => "no adapter: the CPU alone\n".to_owned(),
    };
    let sizes = contest.sizes;
    let _ = writeln!(
        text,
        "XOR, 2-3-1, relu, sigmoid, bce, full batch; each compared with the reference first;"
    );
    let _ = writeln!(
        text,
        "the middle of {} measurements, each in turn with the others\n",
        sizes.rounds
    );
    let _ = writeln!(text, "one network, {} epochs", sizes.epochs);
    text += &lines(&contest.one, "ns an epoch", |seconds| format!("{:.1}", 1e9 * seconds));
    let _ =
        writeln!(text, "\n{} networks, {} epochs each", sizes.networks, sizes.population_epochs);
    text += &lines(&contest.many, "epochs a second", |seconds| format!("{:.3e}", 1.0 / seconds));
    text += &verdict(contest);
    print(&text)
}

/// Everybody's steps, the fastest first, each with the share of its time that its products alone take.
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
    let mut text = match adapter {
        Some(adapter) => format!("adapter: {}\n", adapter.describe()),
        None => "no adapter: the CPU alone\n".to_owned(),
    };
    let StepSizes { layers, batch, rounds } = &contest.sizes;
    let layers: Vec<String> = layers.iter().map(usize::to_string).collect();
    let _ = writeln!(
        text,
        "a step of {}, relu, over a batch of {batch}: {} operations in its products;\n\
         each compared with the reference first; the middle of {rounds} measurements, each in turn with the others\n",
        layers.join("-"),
        contest.operations
    );
    let find = |stepper| contest.speeds.iter().find(|speed| speed.stepper == stepper);
    let mut ranked: Vec<&StepSpeed> = contest.speeds.iter().collect();
    ranked.sort_by(|a, b| a.median().total_cmp(&b.median()));
    let head = ["", "a step", "GFLOP/s", "of the rate of its products", "spread"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for speed in &ranked {
        let own = speed.stepper.products().and_then(find);
        let share = own.map(|own| format!("{:.0} %", 100.0 * own.median() / speed.median()));
        let (first, last) = (speed.seconds[0], speed.seconds[speed.seconds.len() - 1]);
        lines.push(vec![
            speed.stepper.name(),
            short_seconds(speed.median()),
            format!("{:.3}", contest.operations as f64 / speed.median() / 1e9),
            share.unwrap_or_default(),
            format!("{:.0} %", 100.0 * (last - first) / speed.median()),
        ]);
    }
    text += &match ranked.is_empty() {
        true => "nothing was measured\n".to_owned(),
        false => table::columns(&lines, 1),
    };
    let times = |a: Stepper, b: Stepper| Some(find(b)?.median() / find(a)?.median());
    let (fused, plain) = (Stepper::Layered(Kernels::Fused), Stepper::Layered(Kernels::Plain));
    if let Some(times) = times(fused, plain) {
        let _ = writeln!(text, "\nFused kernels are {times:.1} times as fast as plain ones.");
    }
    match times(fused, Stepper::Cpu) {
        Some(times) if times > 1.0 => {
            let _ = writeln!(text, "The adapter wins: {times:.2} times as fast as the cpu engine.");
        }
        Some(times) => {
            let times = 1.0 / times;
            let _ = writeln!(text, "The CPU wins: {times:.2} times as fast as the layered engine.");
        }
        None => {}
    }
    if contest.stopped {
        text.push_str("(stopped before the end, as asked)\n");
    }
    print(&text)
}

/// Seconds with three digits behind the point of whatever unit suits.
fn short_seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.3} us", 1e6 * s),
        s if s < 1.0 => format!("{:.3} ms", 1e3 * s),
        s => format!("{s:.3} s"),
    }
}

/// Those that were measured, the fastest first.
fn ranked(speeds: &[Speed]) -> Vec<&Speed> {
    let mut ranked: Vec<&Speed> = speeds.iter().filter(|speed| !speed.seconds.is_empty()).collect();
    ranked.sort_by(|a, b| a.median().total_cmp(&b.median()));
    ranked
}

fn lines(speeds: &[Speed], unit: &str, show: impl Fn(f64) -> String) -> String {
    let ranked = ranked(speeds);
    let Some(fastest) = ranked.first().map(|speed| speed.median()) else {
        return "nothing was measured\n".to_owned();
    };
    let mut lines = vec![["", unit, "of the fastest's time", "spread"].map(str::to_owned).to_vec()];
    for speed in ranked {
        let threads = match speed.threads {
            0 => String::new(),
            1 => ", 1 thread".to_owned(),
            count => format!(", {count} threads"),
        };
        let (first, last) = (speed.seconds[0], speed.seconds[speed.seconds.len() - 1]);
        lines.push(vec![
            speed.contestant.name() + &threads,
            show(speed.median()),
            format!("{:.2}", speed.median() / fastest),
            format!("{:.0} %", 100.0 * (last - first) / speed.median()),
        ]);
    }
    table::columns(&lines, 1)
}

/// Who wins, honestly.
fn verdict(contest: &Contest) -> String {
    let mut text = "\n".to_owned();
    for (what, speeds) in [("One network", &contest.one), ("The population", &contest.many)] {
        let ranked = ranked(speeds);
        let find =
            |is_gpu: bool| ranked.iter().find(|speed| speed.contestant.needs_gpu() == is_gpu);
        let (Some(gpu), Some(cpu)) = (find(true), find(false)) else { continue };
        let (gpu_time, cpu_time) = (gpu.median(), cpu.median());
        let (gpu, cpu) = (gpu.contestant.name(), cpu.contestant.name());
        let _ = if gpu_time <= cpu_time {
            writeln!(
                text,
                "{what}: {gpu} wins, {:.2} times as fast as the {cpu}.",
                cpu_time / gpu_time
            )
        } else {
            writeln!(
                text,
                "{what}: the CPU wins, the {cpu} is {:.2} times as fast as {gpu}.",
                gpu_time / cpu_time
            )
        };
    }
    let measured = |speed: &&Speed| !speed.seconds.is_empty();
    let find =
        |who: Contestant| contest.one.iter().filter(measured).find(|speed| speed.contestant == who);
    let time = |who: Contestant| find(who).map(Speed::median);
    if let (Some(layered), Some(resident)) = (time(Contestant::Layered), time(Contestant::Resident))
    {
        let _ = writeln!(
            text,
            "One network in one dispatch is {:.0} times as fast as in a list of them.",
            layered / resident
        );
    }
    if let Some(layered) = find(Contestant::Layered).filter(|s| s.epochs < contest.sizes.epochs) {
        let _ = writeln!(
            text,
            "(layered was given up on after {} epochs a measurement.)",
            layered.epochs
        );
    }
    if contest.stopped {
        text.push_str("Stopped before the end, as asked; these are the measurements made.\n");
    }
    text
}
