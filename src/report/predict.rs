//! What a saved network makes of rows: for a person, as comma-separated values, as JSON lines.

use std::fmt::Write as _;

use super::{json, place, table, verdict};
use crate::data::{Labels, Schema};
use crate::engine::EngineKind;
use crate::gpu::AdapterEntry;
use crate::network::Network;
use crate::train::{Evaluation, class_of};

/// How predictions are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a table for a person.
    Text,
    /// As comma-separated values.
    Csv,
    /// As JSON lines.
    Json,
}

/// What a saved network makes of rows.
#[derive(Debug)]
pub struct PredictReport<'a> {
    /// The network.
    pub network: &'a Network,
    /// What columns are called, and what its outputs mean.
    pub schema: &'a Schema,
    /// Which engine ran it.
    pub engine: EngineKind,
    /// On which adapter, if on one.
    pub adapter: Option<&'a AdapterEntry>,
    /// How many rows there are.
    pub rows: usize,
    /// `[rows][inputs]`, as they were given.
    pub inputs: &'a [f32],
    /// `[rows][outputs]`, where they are known.
    pub targets: Option<&'a [f32]>,
    /// `[rows][outputs]`, after the loss's link.
    pub predictions: &'a [f32],
    /// How they compare, where targets are known.
    pub evaluation: Option<&'a Evaluation>,
}

/// Inputs that are shown beside a prediction.
const MOST_INPUTS: usize = 8;

impl PredictReport<'_> {
    /// The outputs of a row.
    pub(super) fn output(&self, row: usize) -> &[f32] {
        let outputs = self.network.outputs();
        &self.predictions[row * outputs..][..outputs]
    }

    /// The targets of a row, where they are known.
    pub(super) fn target(&self, row: usize) -> Option<&[f32]> {
        let outputs = self.network.outputs();
        self.targets.map(|targets| &targets[row * outputs..][..outputs])
    }

    /// The class that a row of outputs, or of targets, speaks of, and how loudly: its own output, or
    /// what a single output leaves to it. `None` where outputs are numbers.
    pub(super) fn class(&self, values: &[f32]) -> Option<(&str, f32)> {
        let class = class_of(values);
        let name = self.schema.labels.names().get(class)?;
        let share = match values {
            [value] if class == 0 => 1.0 - value,
            [value] => *value,
            values => values[class],
        };
        Some((name, share))
    }

    /// What outputs of classes are: probabilities, where the loss speaks of them.
    fn share_name(&self) -> &'static str {
        if self.network.loss().predicts_probabilities() { "probability" } else { "output" }
    }
}

/// The predictions, row by row.
pub fn predictions(report: &PredictReport<'_>, form: Form) -> String {
    match form {
        Form::Text => text(report),
        Form::Csv => csv(report),
        Form::Json => json::predictions(report),
    }
}

fn text(report: &PredictReport<'_>) -> String {
    let (inputs, outputs) = (report.network.inputs(), report.network.outputs());
    let mut text = place(report.engine, None, report.adapter);
    if report.schema.labels.names().is_empty() && inputs <= MOST_INPUTS {
        let (rows, predictions) = (report.inputs, report.predictions);
        text += &table::predictions(rows, inputs, report.targets, predictions, outputs);
    } else {
        text += &table::columns(&lines(report, |value| format!("{value:.4}")), 0);
    }
    if let Some(evaluation) = report.evaluation {
        let loss = table::loss(evaluation.loss);
        let _ = match evaluation.right {
            Some(right) => writeln!(text, "\n{right} of {} right, loss {loss}", report.rows),
            None => writeln!(text, "\nloss {loss}"),
        };
        if let Some(confusion) = &evaluation.confusion
            && confusion.classes.len() > 2
        {
            text += &verdict::confusion("given", confusion);
        }
    }
    text
}

/// A head and a line a row: its number, the inputs where they are few, target and prediction.
fn lines(report: &PredictReport<'_>, number: impl Fn(f32) -> String) -> Vec<Vec<String>> {
    let inputs = report.network.inputs();
    let shown = if inputs <= MOST_INPUTS { inputs } else { 0 };
    let mut head = vec!["row".to_owned()];
    let named = report.schema.inputs.iter().take(shown).cloned();
    head.extend(
        named.chain(
            (1..=shown).skip(report.schema.inputs.len()).map(|input| format!("input {input}")),
        ),
    );
    let has_classes = !report.schema.labels.names().is_empty();
    let columns = |what: &str| match (has_classes, report.network.outputs()) {
        (true, _) | (false, 1) => vec![what.to_owned()],
        (false, outputs) => (1..=outputs).map(|output| format!("{what} {output}")).collect(),
    };
    if report.targets.is_some() {
        head.extend(columns("target"));
    }
    head.extend(columns("prediction"));
    if has_classes {
        head.push(report.share_name().to_owned());
    }
    let mut lines = vec![head];
    for row in 0..report.rows {
        let given = &report.inputs[row * inputs..][..shown];
        let mut line = vec![(row + 1).to_string()];
        line.extend(given.iter().map(f32::to_string));
        if let Some(target) = report.target(row) {
            match report.class(target) {
                Some((name, _)) => line.push(name.to_owned()),
                None => line.extend(target.iter().map(f32::to_string)),
            }
        }
        let output = report.output(row);
        match report.class(output) {
            Some((name, share)) => line.extend([name.to_owned(), number(share)]),
            None => line.extend(output.iter().map(|&value| number(value))),
        }
        lines.push(line);
    }
    lines
}

/// The same as comma-separated values, with every class's share.
fn csv(report: &PredictReport<'_>) -> String {
    let mut lines = lines(report, |value| value.to_string());
    let share = report.share_name();
    lines[0].extend(report.schema.labels.names().iter().map(|name| format!("{share} {name}")));
    for (row, line) in lines[1..].iter_mut().enumerate() {
        match (&report.schema.labels, report.output(row)) {
            (Labels::Numbers, _) => {}
            (Labels::Pair(_), [value]) => line.extend([1.0 - value, *value].map(|v| v.to_string())),
            (_, output) => line.extend(output.iter().map(f32::to_string)),
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in &lines {
        // Into memory: nothing there can fail.
        let _ = writer.write_record(line);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
