//! Predictions of a saved network: as text, comma-separated values, or JSON lines.

use std::fmt::Write as _;

use super::{engine_line, json, table, verdict};
use crate::data::{Labels, Schema, Table, class_of};
use crate::engine::EngineSpec;
use crate::network::Network;
use crate::train::Evaluation;

/// The form of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A table.
    Text,
    /// Comma-separated values.
    Csv,
    /// JSON lines.
    Json,
}

/// Predictions of a saved network.
#[derive(Debug)]
pub struct PredictReport<'a> {
    /// The network.
    pub network: &'a Network,
    /// The names of columns, and the meaning of outputs.
    pub schema: &'a Schema,
    /// The engine that ran it.
    pub at: &'a EngineSpec,
    /// The rows, as they were given.
    pub table: &'a Table,
    /// `[rows][outputs]`, where they are known.
    pub targets: Option<&'a [f64]>,
    /// `[rows][outputs]`, after the loss's link, numbers in the unit of the targets.
    pub predictions: &'a [f64],
    /// Loss and accuracy, where targets are known.
    pub evaluation: Option<&'a Evaluation>,
}

/// The most inputs that are shown beside a prediction.
const MOST_INPUTS: usize = 8;

impl PredictReport<'_> {
    /// The outputs of a row.
    pub(super) fn output(&self, row: usize) -> &[f64] {
        let outputs = self.network.outputs();
        &self.predictions[row * outputs..][..outputs]
    }

    /// The targets of a row, where they are known.
    pub(super) fn target(&self, row: usize) -> Option<&[f64]> {
        let outputs = self.network.outputs();
        let own = self.targets.map(|targets| &targets[row * outputs..][..outputs]);
        own.filter(|own| own.iter().all(|value| !value.is_nan()))
    }

    /// The class that a row of outputs, or of targets, stands for, and its probability: its own
    /// output, or `1 - output` for class 0 of a single output. `None` in a regression.
    pub(super) fn class(&self, values: &[f64]) -> Option<(&str, f64)> {
        let class = class_of(values);
        let name = self.schema.labels.names().get(class)?;
        let share = match values {
            [value] if class == 0 => 1.0 - value,
            [value] => *value,
            values => values[class],
        };
        Some((name, share))
    }

    /// What outputs of classes are called: probabilities, where the loss makes them so.
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
    let (inputs, outputs) = (report.table.input_len(), report.network.outputs());
    let mut text = engine_line(report.at, None, None);
    if report.schema.labels.names().is_empty() && inputs <= MOST_INPUTS {
        let fields = |row| report.table.fields(row).map(|field| field.to_string());
        let rows = (0..report.table.rows()).map(|row| fields(row).collect::<Vec<_>>().join(" "));
        text += &table::predictions(rows, report.targets, report.predictions, outputs);
    } else {
        text += &table::columns(0, &head(report), lines(report, |value| format!("{value:.4}")));
    }
    if let Some(evaluation) = report.evaluation {
        let right = evaluation
            .right
            .map(|right| format!("{right} of {} correct, ", report.table.with_target().len()));
        let loss = table::loss(evaluation.loss);
        let _ = writeln!(text, "\n{}loss {loss}", right.unwrap_or_default());
        text += &verdict::errors(evaluation, &report.schema.targets);
        if let Some(confusion) = &evaluation.confusion
            && confusion.classes.len() > 2
        {
            text += &verdict::confusion("given", confusion);
        }
    }
    text
}

/// Inputs that are shown.
fn shown(report: &PredictReport<'_>) -> usize {
    Some(report.table.input_len()).filter(|&inputs| inputs <= MOST_INPUTS).unwrap_or(0)
}

/// The names of the columns of [`lines`].
fn head(report: &PredictReport<'_>) -> Vec<String> {
    let has_classes = !report.schema.labels.names().is_empty();
    let columns = |what: &str| match (has_classes, report.network.outputs()) {
        (true, _) | (false, 1) => vec![what.to_owned()],
        (false, outputs) => (1..=outputs).map(|output| format!("{what} {output}")).collect(),
    };
    let mut head = vec!["row".to_owned()];
    head.extend((0..shown(report)).map(|at| report.schema.input_name(at)));
    if report.targets.is_some() {
        head.extend(columns("target"));
    }
    head.extend(columns("prediction"));
    if has_classes {
        head.push(report.share_name().to_owned());
    }
    head
}

/// A line per row: its number, the inputs if there are few, target and prediction.
fn lines<'a>(
    report: &'a PredictReport<'a>,
    number: impl Fn(f64) -> String + Copy + 'a,
) -> impl Iterator<Item = Vec<String>> + 'a {
    (0..report.table.rows()).map(move |row| {
        let mut line = vec![(row + 1).to_string()];
        line.extend(report.table.fields(row).take(shown(report)).map(|field| field.to_string()));
        let has_classes = !report.schema.labels.names().is_empty();
        match report.target(row) {
            Some(target) => match report.class(target) {
                Some((name, _)) => line.push(name.to_owned()),
                None => line.extend(target.iter().map(f64::to_string)),
            },
            None if report.targets.is_some() => {
                let count = if has_classes { 1 } else { report.network.outputs() };
                line.extend(std::iter::repeat_n(String::new(), count));
            }
            None => {}
        }
        let output = report.output(row);
        match report.class(output) {
            Some((name, share)) => line.extend([name.to_owned(), number(share)]),
            None => line.extend(output.iter().map(|&value| number(value))),
        }
        line
    })
}

/// The same as comma-separated values, with the probability of every class.
fn csv(report: &PredictReport<'_>) -> String {
    let share = report.share_name();
    let names = report.schema.labels.names().iter().map(|name| format!("{share} {name}"));
    let lines = lines(report, |value| value.to_string()).enumerate().map(|(row, mut line)| {
        match (&report.schema.labels, report.output(row)) {
            (Labels::Numbers, _) => {}
            (Labels::Pair(_), [value]) => line.extend([1.0 - value, *value].map(|v| v.to_string())),
            (_, output) => line.extend(output.iter().map(f64::to_string)),
        }
        line
    });
    table::csv(&head(report).into_iter().chain(names).collect::<Vec<_>>(), lines)
}
