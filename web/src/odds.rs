//! Very many starts at once, and how many of them solve their data.

use std::cell::Cell;

use js_sys::Function;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wgrad::engine::NetworkStatus;
use wgrad::settings::{Texts, prepare};
use wgrad::sweep::{Cell as SweepCell, Count, Sweep};
use wgrad::train::Training;

use crate::device::Device;
use crate::value::{ask, fail, object, tell, texts};

/// A training of so many starts.
fn starts(texts: &Texts, table: Option<&str>, starts: u32) -> Result<Training, JsValue> {
    let mut training = prepare(texts, table).map_err(fail)?.training;
    training.restarts = starts;
    Ok(training)
}

fn told(count: &Count) -> Value {
    let (low, high) = count.interval().unzip();
    json!({
        "starts": count.networks,
        "solved": count.solved,
        "diverged": count.diverged,
        "share": count.rate(),
        "low": low,
        "high": high,
        "median_epochs": count.median_epochs(),
    })
}

/// Trains so many starts, and counts those that solve their data.
///
/// # Errors
/// The library's own, with the setting at fault.
#[wasm_bindgen]
pub async fn odds(
    device: &Device,
    given: JsValue,
    table: Option<String>,
    count: u32,
    progress: Function,
    cancelled: Function,
) -> Result<JsValue, JsValue> {
    let device = device.clone();
    let training = starts(&texts(&given)?, table.as_deref(), count)?;
    let sweep = Sweep::new(vec![SweepCell::new(Vec::new(), training)]);
    let spec = device.own.engine_of_sweep(&sweep);
    let (solved, diverged) = (Cell::new(0u32), Cell::new(0u32));
    let mut report = |now: wgrad::sweep::SweepProgress| {
        let share = now.net_epochs as f64 / now.of.max(1) as f64;
        tell(
            &progress,
            &object(&json!({
                "done": (share * f64::from(count)).floor(),
                "total": count,
                "solved": solved.get(),
                "diverged": diverged.get(),
            })),
        );
    };
    let mut note = |_: usize, _: u32, status: NetworkStatus| match status {
        NetworkStatus::Solved(_) => solved.set(solved.get() + 1),
        NetworkStatus::Diverged => diverged.set(diverged.get() + 1),
        NetworkStatus::Unsolved => {}
    };
    let stop = || ask(&cancelled);
    let outcome = sweep.run_noting(&spec, &mut report, &stop, &mut note).await.map_err(fail)?;
    let mut value = told(&outcome.cells[0]);
    value["seconds"] = json!(outcome.seconds);
    value["engine"] = json!(sweep.engine_of(0, &spec));
    value["stopped"] = json!(outcome.stopped);
    Ok(object(&value))
}

/// What is told of the odds at each rate and each width of the hidden layers, `[width][rate]`; null where a stop came
/// before.
///
/// # Errors
/// The library's own, with the setting at fault.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)] // A page calls it through `wgrad.js`, which names them.
pub async fn odds_map(
    device: &Device,
    given: JsValue,
    table: Option<String>,
    rates: Vec<f32>,
    widths: Vec<u32>,
    count: u32,
    progress: Function,
    cancelled: Function,
) -> Result<JsValue, JsValue> {
    let device = device.clone();
    let texts = texts(&given)?;
    let layers = starts(&texts, table.as_deref(), count)?.network.sizes().to_vec();
    let mut cells = Vec::new();
    for width in &widths {
        let last = layers.len() - 1;
        let sizes = layers.iter().enumerate().map(|(at, size)| match at {
            at if at == 0 || at == last => size.to_string(),
            _ => width.to_string(),
        });
        let sizes = sizes.collect::<Vec<_>>().join(",");
        for rate in &rates {
            let own = [("layers", sizes.clone()), ("lr", rate.to_string())];
            let own = own.into_iter().map(|(key, text)| (key.to_owned(), text));
            let texts = texts.clone().into_iter().chain(own).collect();
            let training = starts(&texts, table.as_deref(), count)?;
            cells.push(SweepCell::new(Vec::new(), training));
        }
    }
    let sweep = Sweep::new(cells);
    let spec = device.own.engine_of_sweep(&sweep);
    let total = sweep.networks();
    let mut report = |now: wgrad::sweep::SweepProgress| {
        let share = now.net_epochs as f64 / now.of.max(1) as f64;
        let done = (share * total as f64).floor();
        tell(&progress, &object(&json!({"done": done, "total": total})));
    };
    let stop = || ask(&cancelled);
    let outcome = sweep.run(&spec, &mut report, &stop).await.map_err(fail)?;
    let whole = |cell: &Count| (cell.networks == u64::from(count)).then(|| told(cell));
    let rows = outcome.cells.chunks(rates.len().max(1));
    let rows: Vec<Vec<Option<Value>>> = rows.map(|row| row.iter().map(whole).collect()).collect();
    Ok(object(
        &json!({"rates": rates, "widths": widths, "cells": rows, "seconds": outcome.seconds}),
    ))
}
