//! Tables as text: numbers, texts and classes separated by commas, semicolons, tabs, bars or spaces, with or
//! without a header line.

mod builder;
mod delimiter;
mod lines;
mod plan;

use csv::StringRecord;

use super::column::{Column, Texts, is_missing};
use super::table::{Names, Table, Targets};
use super::{DataError, DataProblem, Encoding};
use crate::network::named;
use builder::Builder;
use delimiter::{delimiter_name, find_delimiter, normalized_lines};
use lines::{Lines, Numbers};
use plan::Plan;

named! {
    /// What is done about values that are missing: fields that are empty, NA, N/A, NaN, ? or null.
    pub enum Missing ("missing") {
        /// They are an error.
        Error = "error",
        /// Their rows are left out.
        Drop = "drop",
        /// The mean of a column stands in for its numbers, the most frequent value for its texts.
        Mean = "mean",
    }
}

/// How to read a table. By default the first lines decide about delimiter and header, and the last
/// column is the target.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CsvOptions {
    /// The character between two fields; a space means any number of them. `None`, as everywhere here the default, for
    /// that which the first lines are divided by.
    pub delimiter: Option<u8>,
    /// Whether the first line names the columns; by default what it looks like.
    pub header: Option<bool>,
    /// Lines at the beginning that are no part of the table; 0 by default.
    pub skip_lines: usize,
    /// What a line begins with that is a comment.
    pub comment: Option<u8>,
    /// Whether numbers have a decimal comma, and not a point; by default what all of them have, where the
    /// delimiter is no comma.
    pub decimal_comma: Option<bool>,
    /// The columns of targets, by name or by number from 1; none for the last one.
    pub target: Vec<String>,
    /// Columns to ignore, by name or by number from 1.
    pub ignore: Vec<String>,
    /// Columns that are categories, whatever is in them, by name or by number from 1.
    pub categorical: Vec<String>,
    /// What is done about values that are missing; by default they are an error.
    pub missing: Missing,
    /// Whether the one column of targets holds classes, else numbers; by default its first field
    /// decides.
    pub classes: Option<bool>,
    /// How many inputs the network has, if that is known.
    pub inputs: Option<usize>,
    /// How many outputs it has, if that is known.
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
    /// Which of the input columns of a trained network hold texts.
    pub known_texts: Vec<bool>,
}

impl Default for CsvOptions {
    fn default() -> CsvOptions {
        CsvOptions {
            delimiter: None,
            header: None,
            skip_lines: 0,
            comment: Some(b'#'),
            decimal_comma: None,
            target: Vec::new(),
            ignore: Vec::new(),
            categorical: Vec::new(),
            missing: Missing::Error,
            classes: None,
            inputs: None,
            outputs: None,
            targets_optional: false,
            known_inputs: Vec::new(),
            known_targets: Vec::new(),
            known_places: Vec::new(),
            known_texts: Vec::new(),
        }
    }
}

/// Reads `bytes` as a table. `name` is its name in errors, which say what was assumed about it.
///
/// # Errors
/// [`DataError`] names line, column and value of the first field that is wrong.
pub fn read_csv(name: &str, bytes: &[u8], options: &CsvOptions) -> Result<Table, DataError> {
    if bytes.starts_with(b"PK\x03\x04") {
        let reason = "is a zip archive, as a workbook (.xlsx) is one; save the table as CSV, or unpack it first";
        return Err(DataProblem::Unreadable(reason.to_owned()).of(name));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = after_lines(bytes, options.skip_lines);
    let delimiter = options.delimiter.unwrap_or_else(|| find_delimiter(bytes, options.comment));
    let mut assumed = format!("read with {}", delimiter_name(delimiter));
    read_delimited(name, bytes, delimiter, options, &mut assumed)
        .map_err(|error| DataError { assumed: Some(Box::new(assumed)), ..error })
}

/// What follows so many lines; they stay as empty ones, so that lines are counted from the first.
fn after_lines(bytes: &[u8], lines: usize) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..lines {
        let end = rest.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(rest.len());
        let width = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[rest.len().min(end + width)..];
    }
    rest
}

fn read_delimited(
    name: &str,
    bytes: &[u8],
    delimiter: u8,
    options: &CsvOptions,
    assumed: &mut String,
) -> Result<Table, DataError> {
    let bytes = normalized_lines(name, bytes, delimiter, options.comment)?;
    let mut lines = Lines::new(name, &bytes, delimiter, options.skip_lines as u64);
    if !lines.next()? {
        return Err(DataProblem::Empty.of(name));
    }
    let first = lines.record.clone();
    let columns = first.len();
    if columns == 1 && !(options.targets_optional && options.inputs == Some(1)) {
        let (line, delimiter) = (lines.line(), delimiter_name(delimiter));
        return Err(DataProblem::OneColumn { line, delimiter }.of(name));
    }
    let has_header = match options.header {
        Some(header) => header,
        None if is_known_header(&first, options) => true,
        // Tables that go with another one are short, and a text in them may be a mistake.
        None => lines.is_header(&first, options.known_texts.is_empty())?,
    };
    *assumed += match has_header {
        true => ", the first line as names",
        false => ", no line of names",
    };
    *assumed += &format!(", {columns} columns");
    let headings: Vec<String> = first.iter().map(str::to_owned).filter(|_| has_header).collect();
    check_names(name, &headings, options)?;
    let plan = Plan::new(name, &headings, columns, options)?;
    let mut numbers = Numbers::new(options.decimal_comma, delimiter);
    let mut builders: Vec<Builder> = plan
        .inputs
        .iter()
        .map(|&column| Builder::new(column, plan.categorical.contains(&column)))
        .collect();
    let mut targets =
        first_targets(&plan, &lines.first_target(&plan.targets, has_header)?, options);
    // Again for columns that turn out to hold texts once they have numbers already.
    for is_first in [true, false] {
        lines.rewind();
        let mut more = lines.next()? && (!has_header || lines.next()?);
        if !more {
            return Err(DataProblem::Empty.of(name));
        }
        lines.may_be_header = options.header.is_none() && !has_header;
        while more {
            let found = lines.record.len();
            if found != columns {
                let line = lines.line();
                return Err(DataProblem::Ragged { line, found, expected: columns }.of(name));
            }
            for builder in builders.iter_mut().filter(|builder| is_first || builder.is_again()) {
                builder.push(&lines, &mut numbers)?;
            }
            if is_first {
                push_targets(&lines, &plan, options, &mut targets, &mut numbers)?;
            }
            lines.may_be_header = false;
            more = lines.next()?;
        }
        if !builders.iter_mut().any(Builder::begin_again) {
            break;
        }
    }
    if let Targets::Classes(classes) = &mut targets
        && Encoding::is_flags(&classes.names)
    {
        classes.ignore_case();
    }
    let is_unnamed = |&&column: &&usize| headings.get(column).is_none_or(String::is_empty);
    let unnamed = |columns: &[usize]| columns.iter().filter(is_unnamed).count();
    // An input without a name is found again by that, as long as it is the only one.
    let has_names = unnamed(&plan.inputs) <= 1 && unnamed(&plan.targets) == 0;
    let named = |columns: &[usize]| {
        let names = columns.iter().filter(|_| has_names);
        names.filter_map(|&column| headings.get(column).cloned()).collect()
    };
    let categorical =
        (0..plan.inputs.len()).filter(|&at| plan.categorical.contains(&plan.inputs[at]));
    let mut table = Table {
        name: name.to_owned(),
        names: Names {
            inputs: named(&plan.inputs),
            targets: named(&plan.targets),
            numbers: plan.inputs.iter().map(|column| column + 1).collect(),
            categorical: categorical.collect(),
            target_places: plan.places,
        },
        rows: builders.first().map_or(0, Builder::rows),
        columns: builders
            .into_iter()
            .map(|builder| builder.finish(&lines))
            .collect::<Result<_, _>>()?,
        targets,
        notes: Vec::new(),
    };
    table.notes = notes(&table, &headings, options);
    // Of a table that is trained on: others have the columns that they have.
    if options.known_texts.is_empty() && !options.targets_optional {
        Encoding::check(&table)?;
    }
    let name_of = |column: &usize| {
        let heading = headings.get(*column).filter(|heading| !heading.is_empty());
        heading.cloned().unwrap_or((column + 1).to_string())
    };
    let target = plan.targets.iter().map(name_of).collect::<Vec<_>>().join(", ");
    without_missing(table, target, options)
}

/// Whether a first line has all the names that a network was trained with.
fn is_known_header(first: &StringRecord, options: &CsvOptions) -> bool {
    let is_there = |name: &String| first.iter().any(|field| field == name);
    !options.known_inputs.is_empty() && options.known_inputs.iter().all(is_there)
}

/// The most values of a column of texts that looks like classes.
const FEW_CLASSES: usize = 20;

/// What may have been meant otherwise: a column that only counts rows, and one of classes that is no target.
fn notes(table: &Table, headings: &[String], options: &CsvOptions) -> Vec<String> {
    let mut notes = Vec::new();
    let first = table.columns.first().filter(|_| table.names.numbers.first() == Some(&1));
    let is_unnamed = headings.first().is_some_and(String::is_empty);
    let counts = |column: &Column, from: f64| {
        (0..table.rows).all(|row| column.number(row) == row as f64 + from)
    };
    if first.is_some_and(|column| is_unnamed && (counts(column, 0.0) || counts(column, 1.0))) {
        notes.push("column 1 has no name and counts the rows: `ignore` 1 leaves it out".to_owned());
    }
    let is_regression = matches!(table.targets, Targets::Numbers { .. });
    let is_given = !options.target.is_empty() || !options.known_texts.is_empty();
    let may_be_number = |field: &String| field.parse::<f64>().is_ok();
    if options.header.is_none() && !is_given && headings.iter().any(may_be_number) {
        let note = "the first line is read as names of columns: `header: false` reads it as a row";
        notes.push(note.to_owned());
    }
    let texts = |(at, column): (usize, &Column)| match column {
        Column::Texts(texts)
            if (2..=FEW_CLASSES).contains(&texts.names.len())
                && !Encoding::is_flags(&texts.names) =>
        {
            Some((at, texts.names.len()))
        }
        _ => None,
    };
    let mut found = table.columns.iter().enumerate().filter_map(texts);
    if let (true, false, Some((at, values)), None) =
        (is_regression, is_given, found.next(), found.next())
    {
        let name = table.column_name(at);
        notes.push(format!(
            "{name} has {values} values, as classes have: `target` {name} trains on it"
        ));
    }
    notes
}

const FIX_MISSING: &str = "use `missing` mean to fill them in, `missing` drop to leave their rows out, or `ignore` to leave the columns out";
const FIX_MISSING_TARGET: &str = "use `missing` drop to leave the rows without a target out";

/// The table as the rule about missing values leaves it; `target` is what targets are called. Rows to predict may
/// lack theirs.
fn without_missing(table: Table, target: String, options: &CsvOptions) -> Result<Table, DataError> {
    let rows = table.rows;
    let without_target = (0..rows).filter(|&row| table.lacks_target(row)).count();
    if without_target > 0 && !options.targets_optional && options.missing == Missing::Mean {
        let (columns, fix) = (vec![(target, without_target)], FIX_MISSING_TARGET);
        return Err(DataProblem::MissingValues { columns, rows, fix }.of(&table.name));
    }
    match options.missing {
        Missing::Mean => Ok(table),
        Missing::Drop => {
            let whole: Vec<usize> = (0..table.rows).filter(|&row| !table.lacks(row)).collect();
            match whole.len() {
                0 => Err(DataProblem::Empty.of(&table.name)),
                all if all == table.rows => Ok(table),
                _ => Ok(table.pick(&whole)),
            }
        }
        Missing::Error => {
            let lacking = |at: usize| {
                let column = &table.columns[at];
                let count = (0..table.rows).filter(|&row| column.is_missing(row)).count();
                (count > 0).then(|| (table.column_name(at), count))
            };
            let mut columns: Vec<_> = (0..table.columns.len()).filter_map(lacking).collect();
            let fix = if columns.is_empty() { FIX_MISSING_TARGET } else { FIX_MISSING };
            if without_target > 0 && !options.targets_optional {
                columns.push((target, without_target));
            }
            match columns.is_empty() {
                true => Ok(table),
                false => Err(DataProblem::MissingValues { columns, rows, fix }.of(&table.name)),
            }
        }
    }
}

/// Whether no two columns have one name, but for those that are ignored.
fn check_names(name: &str, headings: &[String], options: &CsvOptions) -> Result<(), DataError> {
    let is_ignored = |at: usize| options.ignore.contains(&(at + 1).to_string());
    for (at, heading) in headings.iter().enumerate() {
        let before = headings[..at].iter().position(|other| other == heading);
        if let Some(before) =
            before.filter(|&before| !heading.is_empty() && !is_ignored(at) && !is_ignored(before))
        {
            let (column, first, second) = (heading.clone(), before + 1, at + 1);
            return Err(DataProblem::SameNames { column, first, second }.of(name));
        }
    }
    Ok(())
}

fn has_several_outputs(options: &CsvOptions) -> bool {
    options.outputs.is_some_and(|outputs| outputs > 1)
}

/// The kind of targets that the first row has.
fn first_targets(plan: &Plan, first: &StringRecord, options: &CsvOptions) -> Targets {
    let is_text = |column: usize| {
        let field = first.get(column).unwrap_or_default();
        !is_missing(field) && field.parse::<f64>().is_err() && !delimiter::is_decimal_comma(field)
    };
    let has_classes = |column: usize| {
        let is_category = plan.categorical.contains(&column);
        let is_class = || is_category || has_several_outputs(options) || is_text(column);
        options.classes.unwrap_or_else(is_class)
    };
    match plan.targets[..] {
        [] => Targets::None,
        [column] if has_classes(column) => Targets::Classes(Texts::default()),
        _ => Targets::Numbers { values: Vec::new(), len: plan.targets.len() },
    }
}

/// Adds the targets of a row.
fn push_targets(
    lines: &Lines<'_>,
    plan: &Plan,
    options: &CsvOptions,
    targets: &mut Targets,
    numbers: &mut Numbers,
) -> Result<(), DataError> {
    if let [column] = plan.targets[..] {
        if is_missing(lines.field(column)) {
            match targets {
                Targets::None => {}
                Targets::Numbers { values, .. } => values.push(f64::NAN),
                Targets::Classes(classes) => classes.push_missing(),
            }
            return Ok(());
        }
        // One column for several outputs can only be a class.
        let is_category = plan.categorical.contains(&column);
        if options.classes.is_none() && !has_several_outputs(options) && !is_category {
            lines.check_unmixed(column, matches!(targets, Targets::Classes(_)))?;
        }
    }
    match targets {
        Targets::None => Ok(()),
        Targets::Numbers { values, .. } => {
            for &column in &plan.targets {
                values.push(match is_missing(lines.field(column)) {
                    true => f64::NAN,
                    false => lines.number(column, numbers)?,
                });
            }
            Ok(())
        }
        Targets::Classes(classes) => lines.class(plan.targets[0], classes),
    }
}

#[cfg(test)]
mod tests;
