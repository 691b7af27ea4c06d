//! JSON lines: every object has an `event`.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::{AdapterReport, PredictReport, RateReport, SweepResult, profile};
use crate::Error;
use crate::bench::{Contest, StepContest};
use crate::data::{Dataset, Normalize, Schema};
use crate::engine::Place;
use crate::gpu::{AdapterEntry, Profile, SkippedBackend};
use crate::optimizer::{HYPERPARAMETERS, Optimizer, Schedule, ScheduleKind};
use crate::sweep::Sweep;
use crate::train::{Confusion, Evaluation, Finding, Halving, Outcome, Progress, Training};

/// One line.
fn line(value: &impl Serialize) -> String {
    // A value of ours always has a JSON form: its keys are strings.
    serde_json::to_string(value).map(|text| text + "\n").unwrap_or_default()
}

fn device(adapter: Option<&AdapterEntry>) -> Value {
    adapter.map_or(Value::Null, |a| json!({"name": a.name, "backend": a.backend, "type": a.kind}))
}

/// 0.1 as 0.1, not as the f64 that is nearest to the f32.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// `[rows][cols]`.
fn rows(values: &[f32], cols: usize) -> Value {
    values.chunks_exact(cols).map(|row| row.to_vec()).collect::<Vec<_>>().into()
}

pub(super) fn devices(reports: &[AdapterReport<'_>], skipped: &[SkippedBackend]) -> String {
    let mut text = String::new();
    for report in reports {
        let mut value = json!(report.adapter);
        value["event"] = "adapter".into();
        value["default"] = report.is_default.into();
        value["opens"] = report.opens.into();
        value["loop_rounds"] = report.loop_rounds.into();
        value["error"] = report.error.clone().into();
        text += &line(&value);
    }
    for backend in skipped {
        let mut value = json!(backend);
        value["event"] = "skipped".into();
        text += &line(&value);
    }
    text
}

/// Names, null where there are none.
fn names(names: &[String]) -> Value {
    match names {
        [] => Value::Null,
        names => names.into(),
    }
}

/// The schedule, with the numbers that it has.
fn schedule(schedule: &Schedule) -> Value {
    let Schedule { kind, warmup, every, factor, floor } = schedule;
    let has_every = matches!(kind, ScheduleKind::Step | ScheduleKind::Plateau);
    let has_factor = has_every || *kind == ScheduleKind::Exponential;
    json!({
        "name": kind,
        "warmup": warmup,
        "every": has_every.then_some(every),
        "factor": has_factor.then_some(factor),
        "floor": floor,
    })
}

/// The optimizer, with the numbers that it has.
fn optimizer(rule: &Optimizer) -> Value {
    let mut value = json!({
        "name": rule.kind,
        "weight_decay": rule.weight_decay,
        "decay": (rule.weight_decay != 0.0).then_some(rule.decay),
        "clip_norm": rule.clip_norm,
        "clip_value": rule.clip_value,
    });
    for row in HYPERPARAMETERS {
        let has = rule.kind.row().hyperparameters.iter().any(|own| own.name == row.name);
        value[row.name] = json!(has.then(|| rule.value(row)));
    }
    value
}

pub(super) fn start(
    training: &Training,
    (schema, normalize): (&Schema, Normalize),
    place: &Place,
    note: Option<&str>,
) -> String {
    let batches = training.batches(training.seed);
    let adapter = place.gpu().map(|gpu| gpu.adapter());
    line(&json!({
        "event": "start",
        "note": note,
        "version": env!("CARGO_PKG_VERSION"),
        "engine": place.kind(),
        "owner": place.owner(training.request(&batches, training.restarts as usize)),
        "device": device(adapter),
        "driver": adapter.map(|a| format!("{} {}", a.driver, a.driver_info).trim().to_owned()),
        "data": training.data.name(),
        "rows": training.data.rows(),
        "validation_rows": training.held_out.validation.as_ref().map(|data| data.rows()),
        "test_rows": training.held_out.test.as_ref().map(|data| data.rows()),
        "inputs": names(&schema.inputs),
        "targets": names(&schema.targets),
        "classes": names(training.data.labels().names()),
        "normalize": normalize,
        "network": training.network.sizes(),
        "activations": training.network.activations(),
        "loss": training.network.loss(),
        "parameters": training.network.parameter_count(),
        "init": training.init,
        "init_scale": decimal(training.init_scale),
        "learning_rate": decimal(training.learning_rate),
        "optimizer": optimizer(&training.optimizer),
        "schedule": schedule(&training.schedule),
        "epochs": training.epochs,
        "batch": batches.batch(),
        "order": training.order,
        "seed": training.seed,
        "restarts": training.restarts,
    }))
}

pub(super) fn epoch(progress: Progress) -> String {
    line(&epoch_value(progress))
}

/// A report boundary, as a line of JSON.
pub fn epoch_value(progress: Progress) -> Value {
    let Progress { seed, epoch, loss, validation, .. } = progress;
    let mut value = json!({"event": "epoch", "seed": seed, "epoch": epoch, "loss": loss});
    if let Some(seen) = validation {
        value["validation_loss"] = seen.loss.into();
        value["validation_accuracy"] = seen.accuracy.into();
    }
    value
}

/// A divergence that was gone back from, as a line of JSON.
pub fn halving_value(halving: Halving) -> Value {
    let Halving { epoch, step, rate } = halving;
    json!({"event": "halved", "epoch": epoch, "step": step, "learning_rate": decimal(rate)})
}

/// How a training ended that has no result.
pub(super) fn diverged(error: &Error) -> String {
    let Error::Diverged { what, step, .. } = error else { return String::new() };
    line(&json!({"event": "diverged", "what": what, "step": step}))
}

pub(super) fn reopened(epoch: u32) -> String {
    line(&json!({"event": "reopened", "epoch": epoch}))
}

/// What the doctor found, as an event of its own.
pub(super) fn findings(findings: &[Finding]) -> String {
    line(&json!({"event": "findings", "findings": findings}))
}

pub(super) fn halving(halving: Halving) -> String {
    line(&halving_value(halving))
}

pub(super) fn result(
    training: &Training,
    outcome: &Outcome,
    place: &Place,
    timed: Option<&Profile>,
    kept: Option<&Path>,
) -> String {
    let run = &outcome.kept;
    let evaluation = &run.evaluation;
    let held_out = &training.held_out;
    let accuracy = |seen: Option<&Evaluation>, data: Option<&Arc<Dataset>>| {
        seen.zip(data).and_then(|(seen, data)| seen.accuracy(data.rows()))
    };
    let mut value = json!({
        "event": "result",
        "engine": place.kind(),
        "device": device(place.gpu().map(|gpu| gpu.adapter())),
        "seed": run.seed,
        "restarts": outcome.restarts,
        "restarts_solved": outcome.solved,
        "restarts_diverged": outcome.diverged,
        "network": training.network.sizes(),
        "epochs": run.epochs,
        "loss": evaluation.loss,
        "accuracy": evaluation.accuracy(training.data.rows()),
        "train_accuracy": evaluation.accuracy(training.data.rows()),
        "validation_loss": run.validation.as_ref().map(|seen| seen.loss),
        "validation_accuracy": accuracy(run.validation.as_ref(), held_out.validation.as_ref()),
        "test_loss": run.test.as_ref().map(|seen| seen.loss),
        "test_accuracy": accuracy(run.test.as_ref(), held_out.test.as_ref()),
        "solved": evaluation.solved,
        "findings": outcome.findings(training),
        "stopped": outcome.stopped,
        "end": run.ended,
        "learning_rate": decimal(run.course.rate),
        "halvings": run.course.halvings,
        "best_epoch": run.course.best.map(|best| best.0),
        "best_loss": run.course.best.map(|best| best.1),
        "kept_in": kept,
        "train_seconds": outcome.train_seconds,
        "setup_seconds": outcome.setup_seconds,
    });
    if evaluation.solved.is_some() {
        value["outputs"] = rows(&evaluation.predictions, training.network.outputs());
    }
    if let Some(timed) = timed {
        value["profile"] = profile::json(timed);
    }
    for (of, confusion) in run.confusions() {
        // The last stands under a name that does not depend on what was kept aside.
        for key in ["confusion".to_owned(), format!("{of}_confusion")] {
            value[&key] = counts(confusion);
            value[&key]["of"] = of.into();
        }
    }
    line(&value)
}

pub(super) fn sweep_start(sweep: &Sweep, at: &Place, note: Option<&str>) -> String {
    let adapter = at.gpu().map(|gpu| gpu.adapter());
    let first = sweep.cells.first().map(|cell| &cell.training);
    line(&json!({
        "event": "start",
        "note": note,
        "version": env!("CARGO_PKG_VERSION"),
        "engine": at.kind(),
        "device": device(adapter),
        "driver": adapter.map(|a| format!("{} {}", a.driver, a.driver_info).trim().to_owned()),
        "data": first.map(|training| training.data.name()),
        "rows": first.map(|training| training.data.rows()),
        "epochs": first.map(|training| training.epochs),
        "batch": first.map(|training| training.batches(training.seed).batch()),
        "order": first.map(|training| training.order),
        "seed": first.map(|training| training.seed),
        "cells": sweep.cells.len(),
        "networks": first.map(|training| training.restarts),
        "shard": sweep.shard.to_string(),
    }))
}

pub(super) fn lr_find(report: &RateReport<'_>) -> String {
    let training = report.training;
    let adapter = report.at.gpu().map(|gpu| gpu.adapter());
    let mut text = line(&json!({
        "event": "start",
        "version": env!("CARGO_PKG_VERSION"),
        "engine": report.at.kind(),
        "device": device(adapter),
        "data": training.data.name(),
        "network": training.network.sizes(),
        "optimizer": optimizer(&training.optimizer),
        "seed": training.seed,
        "from": decimal(report.range.from),
        "to": decimal(report.range.to),
        "steps": report.range.steps,
    }));
    for (step, point) in report.test.points.iter().enumerate() {
        text += &line(&json!({
            "event": "step",
            "step": step,
            "rate": decimal(point.rate),
            "loss": point.loss,
            "smoothed_loss": point.smoothed,
        }));
    }
    if let Some((map, _)) = &report.map {
        for (rate, count) in map.rates.iter().zip(&map.counts) {
            text += &line(&json!({
                "event": "rate",
                "rate": decimal(*rate),
                "networks": count.networks,
                "solved": count.solved,
                "solved_interval": json!(count.interval()),
                "median_epochs": count.median_epochs(),
                "diverged": count.diverged,
            }));
        }
    }
    text + &line(&json!({
        "event": "result",
        "suggested": report.suggested().map(decimal),
        "curve_suggested": report.test.suggested().map(decimal),
        "steepest": report.test.steepest.map(decimal),
        "lowest": report.test.lowest.map(decimal),
        "broke": report.test.broke,
        "map": report.map.as_ref().map(|(map, at)| json!({
            "engine": at.kind(),
            "rates": map.rates.len(),
            "seconds": map.seconds,
            "stopped": map.stopped,
        })),
        "no_map": report.no_map,
    }))
}

pub(super) fn joined_sweep(parts: usize, places: &str) -> String {
    line(&json!({
        "event": "start",
        "version": env!("CARGO_PKG_VERSION"),
        "parts": parts,
        "computed_on": places,
    }))
}

pub(super) fn sweep_result(result: &SweepResult<'_>) -> String {
    let mut text = String::new();
    for (axes, count) in result.cells {
        let mut value = json!({"event": "cell"});
        for (name, point) in axes {
            value[name] = json!(point);
        }
        value["networks"] = count.networks.into();
        value["solved"] = count.solved.into();
        value["rate"] = count.rate().into();
        value["rate_interval"] = json!(count.interval());
        value["median_epochs"] = count.median_epochs().into();
        value["diverged"] = count.diverged.into();
        value["first_solved_seed"] = count.first_solved.map(|first| first.0).into();
        value["first_solved_epochs"] = count.first_solved.map(|first| first.1).into();
        value["first_unsolved_seed"] = count.first_unsolved.into();
        text += &line(&value);
    }
    text + &line(&json!({
        "event": "result",
        "networks": result.networks(),
        "net_epochs": result.net_epochs(),
        "seconds": result.seconds,
        "net_epochs_per_second": result.net_epochs_per_second(),
        "stopped": result.stopped,
    }))
}

pub(super) fn contest(contest: &Contest, adapter: Option<&AdapterEntry>) -> String {
    let mut text = String::new();
    let sizes = contest.sizes;
    for (networks, speeds) in [(1, &contest.one), (sizes.networks, &contest.many)] {
        for speed in speeds.iter().filter(|speed| !speed.seconds.is_empty()) {
            text += &line(&json!({
                "event": "speed",
                "contestant": speed.contestant.name(),
                "threads": speed.threads,
                "networks": networks,
                "epochs": speed.epochs,
                "nanoseconds_per_net_epoch": 1e9 * speed.median(),
                "net_epochs_per_second": 1.0 / speed.median(),
                "measurements": speed.seconds,
            }));
        }
    }
    text + &line(&json!({
        "event": "result",
        "device": device(adapter),
        "driver": adapter.map(|a| format!("{} {}", a.driver, a.driver_info).trim().to_owned()),
        "rounds": sizes.rounds,
        "stopped": contest.stopped,
    }))
}

pub(super) fn step_contest(contest: &StepContest, adapter: Option<&AdapterEntry>) -> String {
    let mut text = String::new();
    for speed in &contest.speeds {
        text += &line(&json!({
            "event": "speed",
            "contestant": speed.stepper.name(),
            "seconds_per_step": speed.median(),
            "gflops": contest.operations as f64 / speed.median() / 1e9,
            "measurements": speed.seconds,
        }));
    }
    text + &line(&json!({
        "event": "result",
        "device": device(adapter),
        "driver": adapter.map(|a| format!("{} {}", a.driver, a.driver_info).trim().to_owned()),
        "network": contest.sizes.layers,
        "batch": contest.sizes.batch,
        "operations": contest.operations,
        "stopped": contest.stopped,
    }))
}

pub(super) fn predictions(report: &PredictReport<'_>) -> String {
    let inputs = report.network.inputs();
    let mut text = String::new();
    for row in 0..report.rows {
        let output = report.output(row);
        let mut value = json!({
            "event": "prediction",
            "row": row,
            "input": report.inputs[row * inputs..][..inputs].iter().map(|&x| decimal(x)).collect::<Vec<_>>(),
            "output": output,
        });
        if let Some((class, share)) = report.class(output) {
            value["class"] = class.into();
            if report.network.loss().predicts_probabilities() {
                value["probability"] = share.into();
            }
        }
        if let Some(target) = report.target(row) {
            value["target"] = target.into();
            if let Some((class, _)) = report.class(target) {
                value["target_class"] = class.into();
            }
        }
        text += &line(&value);
    }
    let evaluation = report.evaluation;
    let mut value = json!({
        "event": "result",
        "engine": report.engine,
        "device": device(report.adapter),
        "network": report.network.sizes(),
        "rows": report.rows,
        "loss": evaluation.map(|e| e.loss),
        "accuracy": evaluation.and_then(|e| e.accuracy(report.rows)),
        "solved": evaluation.and_then(|e| e.solved),
    });
    if let Some(confusion) = evaluation.and_then(|e| e.confusion.as_ref()) {
        value["confusion"] = json!(counts(confusion));
    }
    text + &line(&value)
}

/// Classes, and a list of counts for each.
fn counts(confusion: &Confusion) -> Value {
    let counts: Vec<&[usize]> = confusion.counts.chunks_exact(confusion.classes.len()).collect();
    json!({"classes": confusion.classes, "counts": counts})
}
