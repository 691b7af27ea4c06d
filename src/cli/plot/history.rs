//! From the history of a run to its pictures.

use serde_json::Value;

use super::input::Kept;
use crate::optimizer::ScheduleKind;
use crate::picture::{CheckupPoint, LayerPoint, Picture, RunCurve, curves, doctor, short};

/// The curves of runs, all in one picture.
pub(super) fn curves_of(runs: &[&Kept]) -> Picture {
    let charts = curves(&runs.iter().map(|run| curve(run)).collect::<Vec<_>>());
    let mut notes = Vec::new();
    if let [run] = runs {
        notes.push(run.name.clone());
    }
    let is_plateau = |run: &&&Kept| {
        run.settings.as_ref().is_some_and(|it| it.schedule == Some(ScheduleKind::Plateau))
    };
    if runs.iter().any(|run| is_plateau(&run)) {
        notes.push(
            "the rate of --schedule plateau follows the loss and is not in the history".to_owned(),
        );
    }
    Picture { title: "Training".to_owned(), notes, columns: 1, charts }
}

fn number(line: &Value, key: &str) -> Option<f64> {
    line[key].as_f64()
}

fn curve(run: &Kept) -> RunCurve {
    let mut curve = RunCurve { name: run.name.clone(), ..RunCurve::default() };
    let settings = run.settings.as_ref();
    let schedule = settings.and_then(|settings| {
        let (epochs, lr) = (settings.epochs?, settings.lr?);
        let schedule = settings.rate_schedule(epochs, lr).ok()?;
        let is_known = schedule.kind != ScheduleKind::Plateau;
        is_known.then(|| (schedule.in_steps(epochs, 1), f64::from(lr)))
    });
    let mut largest = schedule.as_ref().map(|(_, lr)| *lr);
    for line in &run.history {
        let Some(epoch) = number(line, "epoch") else { continue };
        let mut push = |points: fn(&mut RunCurve) -> &mut Vec<(f64, f64)>, key: &str| {
            if let Some(value) = number(line, key) {
                points(&mut curve).push((epoch, value));
            }
        };
        match line["event"].as_str() {
            Some("epoch") => {
                push(|curve| &mut curve.loss, "loss");
                push(|curve| &mut curve.validation_loss, "validation_loss");
                push(|curve| &mut curve.validation_accuracy, "validation_accuracy");
                if let (Some((schedule, _)), Some(largest)) = (&schedule, largest) {
                    let factor = f64::from(schedule.factor((epoch as u32).saturating_sub(1)));
                    curve.rate.push((epoch, largest * factor));
                }
            }
            Some("halved") => {
                curve.halved.push(epoch);
                largest = number(line, "learning_rate").or(largest);
            }
            Some("result") => {
                curve.accuracy = number(line, "accuracy").map(|accuracy| (epoch, accuracy));
            }
            _ => {}
        }
    }
    curve
}

/// What the doctor saw of a run.
pub(super) fn doctor_of(run: &Kept) -> Picture {
    let lines = run.history.iter().filter(|line| line["event"] == "checkup");
    let layer = |layer: &Value| {
        let idle = number(layer, "dead").unwrap_or(0.0) + number(layer, "saturated").unwrap_or(0.0);
        LayerPoint {
            gradient: number(layer, "gradient_rms").unwrap_or(f64::NAN),
            update: number(layer, "update_ratio"),
            idle: idle / number(layer, "units").unwrap_or(1.0),
        }
    };
    let seen = lines.filter_map(|line| {
        let layers = line["layers"].as_array()?.iter().map(layer).collect();
        Some(CheckupPoint { epoch: number(line, "epoch")?, layers })
    });
    let seen: Vec<CheckupPoint> = seen.collect();
    let note = format!(
        "{}: {} looks; idle are units that are dead or saturated",
        run.name,
        short(seen.len() as f64)
    );
    Picture {
        title: "What the doctor saw".to_owned(),
        notes: vec![note],
        columns: 1,
        charts: doctor(&seen),
    }
}
