//! Tables as text: numbers and classes with commas, semicolons, tabs or blanks between them, with or
//! without a header line.

mod delimiter;
mod lines;
mod plan;

use std::borrow::Cow;

use csv::StringRecord;

use super::DataError;
use super::table::{Classes, Table, Targets};
use delimiter::{delimiter_name, find_delimiter, single_blanks};
use lines::{Lines, number};
use plan::Plan;

/// How a table is to be read. Nothing said: the first line decides about delimiter and header, and
/// the last column is the target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CsvOptions {
    /// What stands between two fields; one blank means any number of them.
    pub delimiter: Option<u8>,
    /// Whether the first line names the columns.
    pub header: Option<bool>,
    /// The columns of targets, by name or by number from 1.
    pub target: Vec<String>,
    /// Columns to leave out, likewise.
    pub ignore: Vec<String>,
    /// Whether the one column of targets holds classes (else numbers); unsaid, its first field tells.
    pub classes: Option<bool>,
    /// Inputs of the network, where they are given.
    pub inputs: Option<usize>,
    /// Outputs of the network, where they are given.
    pub outputs: Option<usize>,
    /// Whether rows without targets will do.
    pub untaught: bool,
    /// Input columns that are taken by these names, in this order, where a header has them all.
    pub known_inputs: Vec<String>,
    /// The same of the targets, where a header has them.
    pub known_targets: Vec<String>,
    /// Where targets stand among the columns that are not left out, from 0, in a table of as many
    /// columns as that and the network's inputs are.
    pub known_places: Vec<usize>,
}

/// Reads `bytes` as a table. Lines that begin with `#` are left out. `name` is what errors call it.
///
/// # Errors
/// [`DataError`] names line, column and value of the first field that is not what it should be.
pub fn read_csv(name: &str, bytes: &[u8], options: &CsvOptions) -> Result<Table, DataError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let delimiter = options.delimiter.unwrap_or_else(|| find_delimiter(bytes));
    let bytes = if delimiter == b' ' { single_blanks(bytes) } else { Cow::Borrowed(bytes) };
    let mut lines = Lines::new(name, &bytes, delimiter);
    lines.may_be_header = options.header.is_none();
    let empty = || DataError::Empty { name: name.to_owned() };
    if !lines.next()? {
        return Err(empty());
    }
    let has_header = options.header.unwrap_or_else(|| is_header(&lines.record));
    let columns = lines.record.len();
    let headings: Vec<String> = match has_header {
        true => lines.record.iter().map(str::to_owned).collect(),
        false => Vec::new(),
    };
    if columns == 1 && !(options.untaught && options.inputs == Some(1)) {
        let (name, line, delimiter) = (name.to_owned(), lines.line(), delimiter_name(delimiter));
        return Err(DataError::OneColumn { name, line, delimiter });
    }
    let plan = Plan::new(name, &headings, columns, options)?;
    if has_header {
        lines.may_be_header = false;
        if !lines.next()? {
            return Err(empty());
        }
    }
    let mut inputs = Vec::new();
    let mut targets = first_targets(&plan, &lines.record, options);
    let is_said = options.classes.is_some();
    loop {
        let found = lines.record.len();
        if found != columns {
            let (name, line) = (name.to_owned(), lines.line());
            return Err(DataError::Ragged { name, line, found, expected: columns });
        }
        lines.numbers(&plan.inputs, &mut inputs)?;
        match &mut targets {
            Targets::None => {}
            Targets::Numbers { values, .. } => {
                if let ([column], false) = (&plan.targets[..], is_said) {
                    lines.check_unmixed(*column, false)?;
                }
                lines.numbers(&plan.targets, values)?;
            }
            Targets::Classes(classes) => {
                let for_several = options.outputs.is_some_and(|outputs| outputs > 1);
                if !is_said && !for_several {
                    lines.check_unmixed(plan.targets[0], true)?;
                }
                lines.class(plan.targets[0], classes)?;
            }
        }
        lines.may_be_header = false;
        if !lines.next()? {
            break;
        }
    }
    // Names that do not tell columns apart are none.
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
        input_names: named(&plan.inputs),
        target_names: named(&plan.targets),
        target_places: if headings.is_empty() { plan.places } else { Vec::new() },
        input_len: plan.inputs.len(),
        inputs,
        targets,
    })
}

/// What the first row says that targets are.
fn first_targets(plan: &Plan, first: &StringRecord, options: &CsvOptions) -> Targets {
    let len = plan.targets.len();
    let is_text = |column: &usize| {
        let field = first.get(*column).unwrap_or_default();
        !field.is_empty() && field.parse::<f64>().is_err()
    };
    match &plan.targets[..] {
        [] => Targets::None,
        [column] => {
            // One column for several outputs can only name one of them.
            let for_several = options.outputs.is_some_and(|outputs| outputs > 1);
            match options.classes.unwrap_or(for_several || is_text(column)) {
                true => Targets::Classes(Classes::default()),
                false => Targets::Numbers { values: Vec::new(), len },
            }
        }
        _ => Targets::Numbers { values: Vec::new(), len },
    }
}

/// Whether a first line names the columns: no field is a number of any kind, and not all are empty.
fn is_header(record: &StringRecord) -> bool {
    let is_number = |field: &str| field.parse::<f64>().is_ok();
    !record.iter().any(is_number) && record.iter().any(|field| !field.is_empty())
}

/// One row of numbers with commas between them. `name` is what errors call it.
///
/// # Errors
/// [`DataError::BadField`] with the first field that is no finite number.
pub fn parse_row(name: &str, text: &str) -> Result<Vec<f32>, DataError> {
    let fields = text.split(',').map(str::trim).enumerate();
    let number = |(column, field): (usize, &str)| {
        number(field).map_err(|what| DataError::BadField {
            name: name.to_owned(),
            line: 1,
            column: column + 1,
            value: field.to_owned(),
            what,
        })
    };
    fields.map(number).collect()
}

#[cfg(test)]
mod tests;
