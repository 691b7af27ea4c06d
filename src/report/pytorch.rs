//! A training as a PyTorch script that takes the same steps and compares its results with wgrad's.

mod parts;
#[cfg(test)]
mod tests;

use std::fmt::{Display, LowerExp, Write as _};

use super::train::describe;
use crate::Error;
use crate::data::Batches;
use crate::network::{Layout, Tensor, TensorKind};
use crate::train::Training;

/// The most bytes of a script: Python is slow to parse larger ones.
const MOST_BYTES: u64 = 20_000_000;
/// Bytes of a number with its separator.
const NUMBER_BYTES: u64 = 12;
/// Bytes of a row index with its separator.
const ROW_BYTES: u64 = 6;

/// The imports of every script.
const IMPORTS: &str = "\
import argparse
import math
import sys

import torch
from torch import nn
from torch.nn import functional
";
/// The end of every script: the comparison.
const MAIN: &str = include_str!("pytorch/main.py");

/// Checks the size of a script of so many steps before they are computed.
///
/// # Errors
/// [`Error::Setting`] with the size.
pub fn check_size(training: &Training, steps: u32) -> Result<(), Error> {
    let batches = training.batches(training.seed);
    let data = &training.data;
    let steps_rows = u64::from(steps) * batches.batch() as u64;
    let (taken, listed) = match batches.is_full() {
        true => (batches.rows() as u64, 0),
        // Unused rows are left out.
        false => (steps_rows.min(batches.rows() as u64), steps_rows),
    };
    let numbers = taken * (data.input_len() + data.target_width()) as u64
        + 2 * training.network.parameter_count() as u64
        + u64::from(steps);
    let bytes = numbers * NUMBER_BYTES + listed * ROW_BYTES;
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    let (needed, most) = (bytes.div_ceil(1_000_000), MOST_BYTES / 1_000_000);
    let reason = format!(
        "would make a script of about {needed} MB, where {most} are supported; use fewer --steps, smaller --layers or fewer rows of --data"
    );
    Err(Error::setting(format!("--steps {steps}"), reason))
}

/// The script. `command` is the command that exports it; `losses` are wgrad's, one per step before its
/// update, and `parameters` those after the last step, in the network's layout.
///
/// # Errors
/// [`Error::Setting`] where it would be too large, [`Error::Diverged`] where a number is not finite.
pub fn script(
    training: &Training,
    command: &str,
    losses: &[f32],
    parameters: &[f32],
) -> Result<String, Error> {
    let steps = u32::try_from(losses.len()).unwrap_or(u32::MAX);
    check_size(training, steps)?;
    for (what, numbers) in [("the loss", losses), ("a parameter", parameters)] {
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err(Error::diverged(what, steps));
        }
    }
    let rows = Rows::of(&training.batches(training.seed), steps);
    let start = training.task(training.seed).start.parameters;
    let mut text = head(training, command, steps, &rows);
    text += IMPORTS;
    if let Some(part) = parts::dropout(training) {
        let _ = write!(text, "\n\n{part}");
    }
    for part in [
        parts::network(&training.network),
        parts::loss(&training.network, training.data.is_weighted()),
        parts::rate(training),
        parts::optimizer(&training.optimizer),
        parts::train(training, rows.of_steps.is_some()),
        MAIN.to_owned(),
    ] {
        let _ = write!(text, "\n\n{part}");
    }
    text.push_str("\n\n# Everything below is data, with the digits of a float32.\n");
    let data = &training.data;
    text.push_str("INPUTS = ");
    table(&mut text, rows.taken.iter().map(|&row| data.input(row)));
    text.push_str("\nTARGETS = ");
    table(&mut text, rows.taken.iter().map(|&row| data.target(row)));
    if data.is_weighted() {
        text.push_str("\nWEIGHTS = ");
        table(&mut text, rows.taken.iter().map(|&row| [data.weight(row)]));
    }
    if let Some(of_steps) = &rows.of_steps {
        text.push_str("\n\n# The row indices of each step.\nBATCHES = \"\"\"\\\n");
        for rows in of_steps {
            text += &rows.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
            text.push('\n');
        }
        text.push_str("\"\"\".splitlines()");
    }
    let layout = Layout::new(&training.network);
    text.push_str(&names(training, &layout));
    text.push_str(
        "\n\n# The initial parameters of each layer: weights, one line per unit, and biases.\n",
    );
    text.push_str("START = ");
    layers(&mut text, &layout, &start);
    text.push_str(
        "\n\n# The results of wgrad: the loss of each step, and the parameters after the last.\n",
    );
    text.push_str("LOSSES = ");
    table(&mut text, losses.chunks(1));
    text.push_str("\nEND = ");
    layers(&mut text, &layout, parameters);
    text.push_str("\n\nif __name__ == \"__main__\":\n    sys.exit(main())\n");
    Ok(text)
}

/// The docstring.
fn head(training: &Training, command: &str, steps: u32, rows: &Rows) -> String {
    let (network, data) = (&training.network, &training.data);
    let batches = training.batches(training.seed);
    let shown = match rows.taken.len() == data.rows() {
        true => format!("{} rows", data.rows()),
        false => format!("the {} of {} rows that are used", rows.taken.len(), data.rows()),
    };
    let portions = match batches.is_full() {
        true => "full batch".to_owned(),
        false => format!("batches of {}", batches.batch()),
    };
    format!(
        "\"\"\"A training of wgrad in PyTorch: takes the same steps and compares the results.

Written by wgrad {version}:

    {command}

network {described}, loss {loss}, {parameters} parameters
data {name}: {shown}, {portions}
{steps} steps of {optimizer}, weights {init}, seed {seed}

The results of wgrad, computed in float32, are at the end of this file. The script computes the same
in float64, or in float32 with --f32, and prints the differences: absolute for values up to 1,
relative above. It exits with 0 if none exceeds --tolerance, else with 1. It needs PyTorch 1.10 or
newer.

Rounding errors grow over many steps, and jump where they move the input of a ReLU across 0. A real
difference shows within the first few steps: --every-step prints a line for each.
\"\"\"

",
        version = env!("CARGO_PKG_VERSION"),
        command = in_quotes(command),
        described = describe(network),
        loss = network.loss(),
        parameters = network.parameter_count(),
        name = in_quotes(data.name()),
        optimizer = training.optimizer.kind,
        init = training.init,
        seed = training.seed,
    )
}

/// Text escaped for a triple-quoted string.
fn in_quotes(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace(|character: char| character.is_control(), " ")
}

/// The rows that a script needs.
struct Rows {
    /// Rows that some step uses, in ascending order.
    taken: Vec<usize>,
    /// For each step the indices of its rows in `taken`; `None` if every step uses all in order.
    of_steps: Option<Vec<Vec<usize>>>,
}

impl Rows {
    fn of(batches: &Batches, steps: u32) -> Rows {
        if batches.is_full() {
            return Rows { taken: (0..batches.rows()).collect(), of_steps: None };
        }
        let mut of_steps: Vec<Vec<usize>> =
            (0..steps).map(|step| batches.rows_of(step).collect()).collect();
        let mut taken = of_steps.concat();
        taken.sort_unstable();
        taken.dedup();
        for row in of_steps.iter_mut().flatten() {
            *row = taken.partition_point(|other| other < row);
        }
        Rows { taken, of_steps: Some(of_steps) }
    }
}

/// The shortest text that Python parses to the same bits.
fn number<T: Display + LowerExp>(value: T) -> String {
    let (plain, short) = (value.to_string(), format!("{value:e}"));
    // 0.001 rather than 1e-3, but not 0.00000001.
    if short.len() + 2 < plain.len() { short } else { plain }
}

/// Numbers with a separator.
fn joined<T: Copy + Display + LowerExp>(values: &[T], between: &str) -> String {
    values.iter().map(|&value| number(value)).collect::<Vec<_>>().join(between)
}

/// A call of the script's `table`. Numbers are in a string, since Python compiles lists to code and fails
/// for very long ones.
fn table<R: AsRef<[f32]>>(text: &mut String, rows: impl Iterator<Item = R>) {
    text.push_str("table(\"\"\"\\\n");
    for row in rows {
        let _ = writeln!(text, "{}", joined(row.as_ref(), " "));
    }
    text.push_str("\"\"\")");
}

/// The names of the tensors, and of those that are not counted. The bias before a norm has a gradient of 0 but for
/// rounding, which an optimizer that divides by the size of gradients makes whole steps of, to either side: that
/// moves the mean of the batch as much, and nothing else.
fn names(training: &Training, layout: &Layout) -> String {
    let list = |of: &dyn Fn(&&Tensor) -> bool| {
        let names = layout.tensors().iter().filter(of).map(|tensor| format!("{:?}", tensor.name));
        names.collect::<Vec<_>>().join(", ")
    };
    let divides = training.optimizer.has_moments()[1];
    let is_free = |tensor: &&Tensor| match tensor.kind {
        TensorKind::Bias => divides && layout.norm(tensor.layer).is_some(),
        kind => divides && kind == TensorKind::RunningMean,
    };
    let (all, free) = (list(&|_| true), list(&is_free));
    let why = match free.is_empty() {
        true => "",
        false => {
            "# Biases before a norm have a gradient of 0 but for rounding, which this optimizer makes whole steps of.\n"
        }
    };
    format!("\n\nNAMES = [{all}]\n{why}NOT_COUNTED = [{free}]")
}

/// The parameters in PyTorch's order and shapes: weights `[out][in]`, the transpose of wgrad's.
fn layers(text: &mut String, layout: &Layout, parameters: &[f32]) {
    text.push_str("[\n");
    for tensor in layout.tensors() {
        let (rows, cols) = (0..tensor.rows, 0..tensor.cols);
        let at = |row, col| parameters[tensor.index(row, col)];
        let unit = |col| rows.clone().map(|row| at(row, col)).collect::<Vec<_>>();
        match tensor.kind {
            TensorKind::Weights => table(text, cols.map(unit)),
            _ => table(text, [cols.map(|col| at(0, col)).collect::<Vec<_>>()].iter()),
        }
        text.push_str(",\n");
    }
    text.push(']');
}
