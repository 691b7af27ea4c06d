//! Tables as text: numbers and classes separated by commas, semicolons, tabs, bars or spaces, with or
//! without a header line.

mod delimiter;
mod lines;
mod plan;

use csv::StringRecord;

use super::table::{Classes, Columns, Table, Targets};
use super::{DataError, DataProblem};
use delimiter::{delimiter_name, find_delimiter, normalized_lines};
use lines::{FIX, Lines, number};
use plan::Plan;

/// How to read a table. By default the first lines decide about delimiter and header, and the last
/// column is the target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CsvOptions {
    /// The character between two fields; a space means any number of them.
    pub delimiter: Option<u8>,
    /// Whether the first line names the columns.
    pub header: Option<bool>,
    /// The columns of targets, by name or by number from 1.
    pub target: Vec<String>,
    /// Columns to ignore, by name or by number from 1.
    pub ignore: Vec<String>,
    /// Whether the one column of targets holds classes, else numbers; by default its first field
    /// decides.
    pub classes: Option<bool>,
    /// Inputs of the network, if they are known.
    pub inputs: Option<usize>,
    /// Outputs of the network, if they are known.
    pub outputs: Option<usize>,
    /// Whether rows without targets are allowed.
    pub targets_optional: bool,
    /// The names of the input columns of a trained network, in its order: looked for in the header.
    pub known_inputs: Vec<String>,
    /// The same for the targets, where the header has them.
    pub known_targets: Vec<String>,
    /// The positions of the targets in training among the columns that are not ignored, from 0; used
    /// for a table without a header that has as many columns.
    pub known_places: Vec<usize>,
}

/// Reads `bytes` as a table. Lines that begin with `#` are skipped. `name` is its name in errors.
///
/// # Errors
/// [`DataError`] names line, column and value of the first field that is wrong.
pub fn read_csv(name: &str, bytes: &[u8], options: &CsvOptions) -> Result<Table, DataError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let delimiter = options.delimiter.unwrap_or_else(|| find_delimiter(bytes));
    let bytes = normalized_lines(name, bytes, delimiter)?;
    let mut lines = Lines::new(name, &bytes, delimiter);
    if !lines.next()? {
        return Err(DataProblem::Empty.of(name));
    }
    let has_header = options.header.unwrap_or_else(|| is_header(&lines.record));
    let columns = lines.record.len();
    if columns == 1 && !(options.targets_optional && options.inputs == Some(1)) {
        let (line, delimiter) = (lines.line(), delimiter_name(delimiter));
        return Err(DataProblem::OneColumn { line, delimiter }.of(name));
    }
    let first = lines.record.iter().map(str::to_owned);
    let headings: Vec<String> = first.filter(|_| has_header).collect();
    let plan = Plan::new(name, &headings, columns, options)?;
    if has_header && !lines.next()? {
        return Err(DataProblem::Empty.of(name));
    }
    lines.may_be_header = options.header.is_none() && !has_header;
    let mut inputs = Vec::new();
    let mut targets = first_targets(&plan, &lines.record, options);
    // One column for several outputs can only be a class.
    let is_unsure = options.classes.is_none() && !has_several_outputs(options);
    loop {
        let found = lines.record.len();
        if found != columns {
            let line = lines.line();
            return Err(DataProblem::Ragged { line, found, expected: columns }.of(name));
        }
        lines.numbers(&plan.inputs, &mut inputs)?;
        if let ([column], true) = (&plan.targets[..], is_unsure) {
            lines.check_unmixed(*column, matches!(targets, Targets::Classes(_)))?;
        }
        match &mut targets {
            Targets::None => {}
            Targets::Numbers { values, .. } => lines.numbers(&plan.targets, values)?,
            Targets::Classes(classes) => lines.class(plan.targets[0], classes)?,
        }
        lines.may_be_header = false;
        if !lines.next()? {
            break;
        }
    }
    // Names that are missing or not unique are not used.
    let is_named = headings
        .iter()
        .enumerate()
        .all(|(column, heading)| !heading.is_empty() && !headings[..column].contains(heading));
    let named = |columns: &[usize]| {
        let names = columns.iter().filter(|_| is_named);
        names.filter_map(|&column| headings.get(column).cloned()).collect()
    };
    Ok(Table {
        name: name.to_owned(),
        columns: Columns {
            inputs: named(&plan.inputs),
            targets: named(&plan.targets),
            target_places: if headings.is_empty() { plan.places } else { Vec::new() },
        },
        input_len: plan.inputs.len(),
        inputs,
        targets,
    })
}

fn has_several_outputs(options: &CsvOptions) -> bool {
    options.outputs.is_some_and(|outputs| outputs > 1)
}

/// The kind of targets that the first row has.
fn first_targets(plan: &Plan, first: &StringRecord, options: &CsvOptions) -> Targets {
    let is_text = |column: usize| {
        let field = first.get(column).unwrap_or_default();
        !field.is_empty() && field.parse::<f64>().is_err()
    };
    let has_classes = |column: usize| {
        options.classes.unwrap_or_else(|| has_several_outputs(options) || is_text(column))
    };
    match plan.targets[..] {
        [] => Targets::None,
        [column] if has_classes(column) => Targets::Classes(Classes::default()),
        _ => Targets::Numbers { values: Vec::new(), len: plan.targets.len() },
    }
}

/// Whether a first line names the columns: no field is a number of any kind, and not all are empty.
fn is_header(record: &StringRecord) -> bool {
    let is_number = |field: &str| field.parse::<f64>().is_ok();
    !record.iter().any(is_number) && record.iter().any(|field| !field.is_empty())
}

/// One row of numbers separated by commas. `name` is its name in errors.
///
/// # Errors
/// [`DataProblem::Field`] with the first field that is not a finite number.
pub fn parse_row(name: &str, text: &str) -> Result<Vec<f32>, DataError> {
    let number = |(column, field): (usize, &str)| {
        number(field.trim()).map_err(|what| {
            let (value, what) = (field.trim().to_owned(), what.to_owned());
            DataProblem::Field { line: 1, column: column + 1, value, what, fix: FIX }.of(name)
        })
    };
    text.split(',').enumerate().map(number).collect()
}

#[cfg(test)]
mod tests;
