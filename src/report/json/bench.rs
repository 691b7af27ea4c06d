//! The lines of `wgrad bench`.

use std::path::Path;

use serde_json::json;

use super::{line, result_on};
use crate::bench::{BoundaryCosts, Contest, Crossover, StepContest, Tuning};
use crate::gpu::AdapterEntry;

pub(in crate::report) fn contest(contest: &Contest, adapter: Option<&AdapterEntry>) -> String {
    let mut text = String::new();
    let sizes = contest.sizes;
    for (networks, speeds) in [(1, &contest.one), (sizes.networks, &contest.many)] {
        for speed in speeds.iter().filter(|speed| !speed.times.is_empty()) {
            text += &line(&json!({
                "event": "speed",
                "contestant": speed.contestant.name(),
                "threads": speed.threads,
                "networks": networks,
                "epochs": speed.epochs,
                "nanoseconds_per_net_epoch": 1e9 * speed.times.median(),
                "net_epochs_per_second": 1.0 / speed.times.median(),
                "measurements": speed.times,
            }));
        }
    }
    let result = json!({"rounds": sizes.rounds, "stopped": contest.stopped});
    text + &result_on(adapter, result)
}

pub(in crate::report) fn step_contest(
    contest: &StepContest,
    adapter: Option<&AdapterEntry>,
) -> String {
    let mut text = String::new();
    for speed in &contest.speeds {
        text += &line(&json!({
            "event": "speed",
            "contestant": speed.stepper.name(),
            "seconds_per_step": speed.times.median(),
            "gflops": contest.operations as f64 / speed.times.median() / 1e9,
            "measurements": speed.times,
        }));
    }
    let result = json!({
        "network": contest.sizes.layers,
        "batch": contest.sizes.batch,
        "operations": contest.operations,
        "stopped": contest.stopped,
    });
    text + &result_on(adapter, result)
}

pub(in crate::report) fn crossover(measured: &Crossover, adapter: &AdapterEntry) -> String {
    let mut text = String::new();
    for row in &measured.rows {
        text += &line(&json!({
            "event": "bench",
            "work": row.work,
            "engine": if row.batch.is_some() { "layered" } else { "kernel" },
            "variant": row.variant,
            "sizes": row.sizes,
            "batch": row.batch,
            "median_ms": 1e3 * row.adapter.median(),
            "spread": row.adapter.spread(),
            "gflops": row.gflops(),
            "share_of_peak": row.gflops() / measured.peak,
            "cpu_median_ms": 1e3 * row.cpu.median(),
            "ratio_to_cpu": row.ratio(),
            "cold_ms": 1e3 * row.cold,
            "pipelines_ms": 1e3 * row.pipelines,
            "max_error": row.max_error,
            "bound": row.bound,
        }));
    }
    let result = json!({
        "peak_gflops": measured.peak,
        "rounds": measured.rounds,
        "stopped": measured.stopped,
    });
    text + &result_on(Some(adapter), result)
}

pub(in crate::report) fn boundary_costs(
    measured: &BoundaryCosts,
    adapter: Option<&AdapterEntry>,
) -> String {
    let mut text = String::new();
    for cost in &measured.costs {
        text += &line(&json!({
            "event": "cost",
            "network": cost.layers,
            "rows": cost.rows,
            "engine": cost.engine,
            "seconds_per_step": cost.steps.median(),
            "seconds_per_boundary": cost.boundaries.median(),
            "measurements": cost.boundaries,
        }));
    }
    let result = json!({"rounds": measured.rounds, "stopped": measured.stopped});
    text + &result_on(adapter, result)
}

pub(in crate::report) fn tuning(measured: &Tuning, adapter: &AdapterEntry, kept: &Path) -> String {
    let mut text = String::new();
    for tuned in &measured.products {
        let candidates = tuned
            .times
            .iter()
            .map(|(variant, times)| (variant.to_string(), json!(1e3 * times.median())))
            .collect::<serde_json::Map<_, _>>();
        let product = tuned.product;
        text += &line(&json!({
            "event": "tuned",
            "work": product.form.name(),
            "sizes": [product.rows, product.terms, product.cols],
            "default": tuned.default.to_string(),
            "default_ms": 1e3 * tuned.default_seconds(),
            "variant": tuned.winner().to_string(),
            "median_ms": 1e3 * tuned.seconds(),
            "default_lost": tuned.lost(),
            "candidates_ms": candidates,
        }));
    }
    let result = json!({"rounds": measured.rounds, "stopped": measured.stopped, "kept_in": kept});
    text + &result_on(Some(adapter), result)
}
