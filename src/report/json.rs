//! JSON lines: every object has an `event`.

mod bench;
mod check;
mod explain;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    AdapterReport, LockstepReport, PredictReport, RateReport, SweepResult, driver, in_flags,
    profile,
};
use crate::Error;
use crate::data::{Dataset, Samples};
use crate::engine::EngineSpec;
use crate::gpu::{AdapterEntry, Profile, SkippedBackend};
use crate::optimizer::{Schedule, ScheduleKind};
use crate::sweep::{CellScore, Scored, Sweep};
use crate::train::{ClassScore, Confusion, Evaluation, Halving, Outcome, Progress, Training};

pub(super) use bench::{boundary_costs, contest, crossover, step_contest, tuning};
pub(super) use check::{checked, mutants};
pub(super) use explain::{demonstrated, demonstrations, explained};

/// One line.
pub(super) fn line(value: &impl Serialize) -> String {
    // Serialization cannot fail: all keys are strings.
    serde_json::to_string(value).map(|text| text + "\n").unwrap_or_default()
}

/// An object with the fields of another added.
fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

fn device(adapter: Option<&AdapterEntry>) -> Value {
    adapter.map_or(Value::Null, |a| json!({"name": a.name, "backend": a.backend, "type": a.kind}))
}

/// The last line of what was done on an adapter.
fn result_on(adapter: Option<&AdapterEntry>, more: Value) -> String {
    let at = json!({
        "event": "result",
        "device": device(adapter),
        "driver": adapter.map(driver),
    });
    line(&with(at, more))
}

fn adapter_of(at: &EngineSpec) -> Option<&AdapterEntry> {
    at.gpu().map(|gpu| gpu.adapter())
}

/// What every `start` says of where it runs.
fn start_at(at: &EngineSpec) -> Value {
    json!({
        "event": "start",
        "version": env!("CARGO_PKG_VERSION"),
        "engine": at.kind(),
        "device": device(adapter_of(at)),
        "driver": adapter_of(at).map(driver),
    })
}

/// The shortest decimal that reads back to the same f32: 0.1, not 0.10000000149.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// `[rows][cols]`.
fn rows<T: Serialize>(values: &[T], cols: usize) -> Value {
    json!(values.chunks_exact(cols).collect::<Vec<_>>())
}

pub(super) fn devices(reports: &[AdapterReport<'_>], skipped: &[SkippedBackend]) -> String {
    let adapters = reports.iter().map(|AdapterReport { adapter, is_default, iterations }| {
        let state = json!({
            "event": "adapter",
            "default": is_default,
            "opens": iterations.is_ok(),
            "loop_rounds": iterations.as_ref().ok(),
            "error": iterations.as_ref().err(),
        });
        line(&with(json!(adapter), state))
    });
    let skipped =
        skipped.iter().map(|backend| line(&with(json!(backend), json!({"event": "skipped"}))));
    adapters.chain(skipped).collect()
}

/// Names, or null for none.
fn names(names: &[String]) -> Value {
    match names {
        [] => Value::Null,
        names => names.into(),
    }
}

/// The schedule; null for numbers that it does not use.
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

/// What the training and its sweep have in common.
fn run(training: &Training) -> Value {
    let batches = training.batches(training.seed);
    json!({
        "data": training.data.name(),
        "rows": training.data.rows(),
        "epochs": training.epochs,
        "batch": batches.batch(),
        "order": training.order,
        "seed": training.seed,
    })
}

pub(super) fn start(
    training: &Training,
    samples: &Samples,
    at: &EngineSpec,
    note: Option<&str>,
) -> String {
    let (batches, schema) = (training.batches(training.seed), &samples.schema);
    let settings = json!({
        "note": note,
        "mapping": at.mapping(training.request(&batches, training.restarts as usize)),
        "validation_rows": training.held_out.validation.as_ref().map(|data| data.rows()),
        "test_rows": training.held_out.test.as_ref().map(|data| data.rows()),
        "inputs": names(&schema.inputs),
        "targets": names(&schema.targets),
        "classes": names(training.data.labels().names()),
        "class_weights": schema.class_weights,
        "normalize": samples.normalize,
        "normalize_targets": samples.normalize_targets,
        "encodings": schema.encodings,
        "data_notes": samples.notes.iter().map(|note| in_flags(note)).collect::<Vec<_>>(),
        "network": training.network.sizes(),
        "activations": training.network.activations(),
        "norm": training.network.norm(),
        "dropout": training.network.dropout(),
        "loss": training.network.loss(),
        "parameters": training.network.parameter_count(),
        "init": training.init,
        "init_scale": decimal(training.init_scale),
        "learning_rate": decimal(training.learning_rate),
        "optimizer": training.optimizer.to_json(),
        "schedule": schedule(&training.schedule),
        "restarts": training.restarts,
    });
    line(&with(with(start_at(at), run(training)), settings))
}

/// A report boundary, as it is printed and kept in the history.
pub fn progress(progress: Progress) -> Value {
    let Progress { seed, epoch, loss, validation, .. } = progress;
    let mut value = json!({"event": "epoch", "seed": seed, "epoch": epoch, "loss": loss});
    if let Some(seen) = validation {
        value["validation_loss"] = seen.loss.into();
        value["validation_accuracy"] = seen.accuracy.into();
    }
    value
}

/// A divergence after which the learning rate was halved, as it is printed and kept in the history.
pub fn halving(halving: Halving) -> Value {
    let Halving { epoch, step, rate } = halving;
    json!({"event": "halved", "epoch": epoch, "step": step, "learning_rate": decimal(rate)})
}

/// The end of a training that diverged.
pub(super) fn diverged(error: &Error) -> String {
    let Error::Diverged { what, step, .. } = error else { return String::new() };
    line(&json!({"event": "diverged", "what": what, "step": step}))
}

pub(super) fn result(
    training: &Training,
    outcome: &Outcome,
    at: &EngineSpec,
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
        "engine": at.kind(),
        "device": device(adapter_of(at)),
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
        "learning_rate": decimal(run.trainer_state.rate),
        "halvings": run.trainer_state.halvings,
        "weights_epoch": run.weights_epoch(),
        "best_epoch": run.trainer_state.best.map(|best| best.0),
        "best_loss": run.trainer_state.best.map(|best| best.1),
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
    errors(&mut value, "", evaluation);
    for (of, seen) in [("validation_", &run.validation), ("test_", &run.test)] {
        if let Some(seen) = seen {
            errors(&mut value, of, seen);
        }
    }
    for (of, confusion) in run.confusions() {
        // The last one is also under a name that does not depend on which rows were held out.
        for key in ["confusion".to_owned(), format!("{of}_confusion")] {
            value[&key] = counts(confusion);
            value[&key]["of"] = of.into();
        }
    }
    line(&value)
}

pub(super) fn sweep_start(sweep: &Sweep, at: &EngineSpec, note: Option<&str>) -> String {
    let Some(first) = sweep.cells.first().map(|cell| &cell.training) else { return String::new() };
    let settings = json!({
        "note": note,
        "cells": sweep.cells.len(),
        "networks": first.restarts,
        "shard": sweep.shard.to_string(),
    });
    line(&with(with(start_at(at), run(first)), settings))
}

pub(super) fn lockstep(report: &LockstepReport<'_>) -> String {
    let found = report.found;
    let mut text = String::new();
    // What is infinite is null.
    for point in &found.points {
        text += &line(&json!({
            "event": "step",
            "step": point.step,
            "loss": point.loss,
            "reference_loss": point.reference_loss,
            "loss_bound": point.loss_bound,
            "drift": point.drift,
            "bound": point.bound,
            "share_of_step_bound": point.share,
        }));
    }
    let apart = found.apart.as_ref().map(|apart| {
        json!({
            "step": apart.step,
            "kernel": apart.kernel,
            "tensor": apart.tensor,
            "element": apart.element,
            "actual": apart.actual,
            "expected": apart.expected,
            "bound": apart.bound,
            "bound_of_step": apart.of_step,
            "message": report.verdict(),
        })
    });
    let result = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pass": report.is_pass(),
        "engine": report.at.kind().name(),
        "steps": found.points.len(),
        "outputs": found.outputs,
        "numbers": found.compared,
        "apart": apart,
        "diverged_in_step": found.diverged,
        "vague_from_step": found.vague_from,
        "seconds": report.seconds,
    });
    text + &result_on(report.at.gpu().map(|gpu| gpu.adapter()), result)
}

pub(super) fn lr_find(report: &RateReport<'_>) -> String {
    let training = report.training;
    let settings = json!({
        "data": training.data.name(),
        "network": training.network.sizes(),
        "optimizer": training.optimizer.to_json(),
        "seed": training.seed,
        "from": decimal(report.range.from),
        "to": decimal(report.range.to),
        "steps": report.range.steps,
    });
    let mut text = line(&with(start_at(report.at), settings));
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
                "solved_interval": count.interval(),
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

pub(super) fn joined_sweep(parts: usize, specs: &str) -> String {
    line(&json!({
        "event": "start",
        "version": env!("CARGO_PKG_VERSION"),
        "parts": parts,
        "computed_on": specs,
    }))
}

pub(super) fn sweep_counts(result: &SweepResult<'_>) -> String {
    let mut text = String::new();
    for (axes, count) in result.cells {
        let axes = axes.iter().map(|(name, point)| (name.clone(), json!(point))).collect();
        let results = json!({
            "event": "cell",
            "networks": count.networks,
            "solved": count.solved,
            "rate": count.rate(),
            "rate_interval": count.interval(),
            "median_epochs": count.median_epochs(),
            "diverged": count.diverged,
            "first_solved_seed": count.first_solved.map(|first| first.0),
            "first_solved_epochs": count.first_solved.map(|first| first.1),
            "first_unsolved_seed": count.first_unsolved,
        });
        text += &line(&with(Value::Object(axes), results));
    }
    text + &line(&json!({
        "event": "result",
        "networks": result.networks(),
        "net_epochs": result.net_epochs(),
        "seconds": result.seconds,
        "net_epochs_per_second": result.net_epochs_per_second(),
        "stopped": result.incomplete.is_some(),
        "incomplete": result.incomplete,
    }))
}

pub(super) fn sweep_scores(result: &SweepResult<'_, CellScore>) -> String {
    let mut text = String::new();
    let Scored { measure, rows } = result.about;
    let name = measure.name();
    for (axes, score) in result.cells {
        let axes = axes.iter().map(|(name, point)| (name.clone(), json!(point)));
        let (measure, loss) = (score.spread(|one| one.measure), score.spread(|one| Some(one.loss)));
        let results = json!({
            "event": "cell",
            "networks": score.scores.len(),
            "diverged": score.diverged.len(),
            format!("{name}_mean"): measure.map(|spread| spread.mean),
            format!("{name}_deviation"): measure.map(|spread| spread.deviation),
            format!("{name}_best"): score.best().and_then(|best| best.measure),
            "best_seed": score.best().map(|best| best.seed),
            "loss_mean": loss.map(|spread| spread.mean),
            "loss_deviation": loss.map(|spread| spread.deviation),
        });
        text += &line(&with(Value::Object(axes.collect()), results));
    }
    text + &line(&json!({
        "event": "result",
        "measure": measure,
        "rows_of": rows,
        "networks": result.networks(),
        "seconds": result.seconds,
        "stopped": result.incomplete.is_some(),
        "incomplete": result.incomplete,
    }))
}

pub(super) fn predictions(report: &PredictReport<'_>) -> String {
    let mut text = String::new();
    for row in 0..report.table.rows() {
        let output = report.output(row);
        let mut value = json!({
            "event": "prediction",
            "row": row,
            "input": report.table.fields(row).collect::<Vec<_>>(),
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
        "engine": report.at.kind(),
        "device": device(adapter_of(report.at)),
        "network": report.network.sizes(),
        "rows": report.table.rows(),
        "loss": evaluation.map(|e| e.loss),
        "accuracy": evaluation.and_then(|e| e.accuracy(report.table.with_target().len())),
        "solved": evaluation.and_then(|e| e.solved),
    });
    if let Some(evaluation) = evaluation {
        errors(&mut value, "", evaluation);
    }
    if let Some(confusion) = evaluation.and_then(|e| e.confusion.as_ref()) {
        value["confusion"] = counts(confusion);
    }
    text + &line(&value)
}

/// The errors of predictions of numbers, under names that begin with `of`: a number for one target, else a list.
fn errors(value: &mut Value, of: &str, evaluation: &Evaluation) {
    let errors = &evaluation.errors;
    if errors.is_empty() {
        return;
    }
    let mut add = |name: &str, list: Vec<Option<f64>>| {
        value[format!("{of}{name}")] = if let [one] = list[..] { json!(one) } else { json!(list) };
    };
    add("rmse", errors.iter().map(|error| Some(error.rmse)).collect());
    add("mae", errors.iter().map(|error| Some(error.mae)).collect());
    add("r2", errors.iter().map(|error| error.r2).collect());
}

/// The classes, and the rows of the confusion matrix.
fn counts(confusion: &Confusion) -> Value {
    let Confusion { classes, counts } = confusion;
    let scores = confusion.scores();
    let all = |of: fn(&ClassScore) -> Option<f64>| scores.iter().map(of).collect::<Vec<_>>();
    json!({
        "classes": classes,
        "counts": rows(counts, classes.len()),
        "precision": all(|score| score.precision),
        "recall": all(|score| score.recall),
        "f1": all(|score| score.f1),
        "balanced_accuracy": confusion.balanced_accuracy(),
    })
}
