//! From the history of a run to its pictures.

use std::cell::Cell;

use serde_json::Value;

use super::super::{Failure, device};
use super::input::Kept;
use crate::Error;
use crate::optimizer::ScheduleKind;
use crate::picture::{CheckupPoint, LayerPoint, Picture, RunCurve, curves, doctor};
use crate::settings::Settings;
use crate::train::{LayerCheckup, Progress, Stopping, Training};

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

/// What the doctor sees of a run: a history has none of it, so that the steps are made once more, up to the last
/// epoch that it tells of.
///
/// # Errors
/// Where the run cannot be repeated: its rows are gone, or the device is another.
pub(super) async fn doctor_of(run: &Kept, flags: &Settings) -> Result<Picture, Failure> {
    let Some(settings) = run.settings.clone() else { return Err(no_run().into()) };
    let told = run.history.iter().filter(|line| line["event"] == "epoch");
    let last =
        told.filter_map(|line| Some((line["epoch"].as_u64()?, line["seed"].as_u64()?))).next_back();
    let Some((until, seed)) = last else { return Err(no_run().into()) };
    let settings = Settings {
        device: flags.device.clone().or(settings.device),
        engine: flags.engine.or(settings.engine),
        ..settings
    };
    let wanted = settings.wanted()?;
    let training = settings.resolve()?.training;
    let training = Training {
        seed,
        restarts: 1,
        checkpoint_every: None,
        doctor: true,
        stopping: Stopping { max_seconds: None, ..training.stopping },
        ..training
    };
    let chosen = device::choose_fast(&wanted, &training).await?;
    let epoch = Cell::new(0);
    let mut report = |progress: Progress| epoch.set(u64::from(progress.epoch));
    let outcome = training.run(&chosen.spec, &mut report, &|| epoch.get() >= until).await?;
    let layer = |layer: &LayerCheckup| LayerPoint {
        gradient: layer.gradient_rms(),
        update: layer.update_ratio,
        idle: (layer.dead + layer.saturated) as f64 / layer.units as f64,
    };
    let seen = outcome.kept.checkups.iter().map(|seen| CheckupPoint {
        epoch: f64::from(seen.epoch),
        layers: seen.layers.iter().map(layer).collect(),
    });
    let seen: Vec<CheckupPoint> = seen.collect();
    let looks = seen.len();
    Ok(Picture {
        title: "What the doctor sees".to_owned(),
        notes: vec![format!(
            "{}: {looks} looks; idle are units that are dead or saturated",
            run.name
        )],
        columns: 1,
        charts: doctor(&seen),
    })
}

fn no_run() -> Error {
    Error::setting("--what doctor", "needs a run; give the folder of --out")
}
