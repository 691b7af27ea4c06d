//! The rows of a table one after the other, and the values of their fields.

use csv::{Position, StringRecord};

use super::delimiter::{has_thousands, is_decimal_comma};
use crate::data::column::{Texts, is_missing};
use crate::data::{DataError, DataProblem};

/// How to fix a field that is not a number.
pub(super) const FIX: &str = "every field must be a finite number (`ignore` leaves a column out)";
const FIX_HEADER: &str = "if this line names the columns, use `header: true`";
const FIX_MIXED: &str = "if it names a class, use `classes: true`, else correct it, or those above it that are no numbers (1,234.5 is none)";

const DECIMAL_COMMA: &str = "a number with a decimal comma: use a point, or `decimal_comma: true`";
const DECIMAL_POINT: &str = "a number with a decimal point, where others have a comma";
const THOUSANDS: &str = "a number with thousands separators: write it without them";

/// How numbers are written, as far as it is known.
pub(super) struct Numbers {
    /// Whether they have a decimal comma.
    comma: Option<bool>,
    /// Whether that may be found out.
    may_have_comma: bool,
}

impl Numbers {
    /// As is said, or else as the first of them says, where the delimiter is no comma.
    pub(super) fn new(comma: Option<bool>, delimiter: u8) -> Numbers {
        Numbers { comma, may_have_comma: delimiter != b',' }
    }

    /// The number of a field; why it is none.
    pub(super) fn read(&mut self, field: &str) -> Result<f64, &'static str> {
        if field.is_empty() {
            return Err("empty");
        }
        if let Ok(value) = field.parse::<f64>() {
            let has_point = field.contains('.');
            return match self.comma {
                Some(true) if has_point => Err(DECIMAL_POINT),
                comma => {
                    self.comma = comma.or(has_point.then_some(false));
                    finite(value, field)
                }
            };
        }
        if !is_decimal_comma(field) {
            return Err(if has_thousands(field) { THOUSANDS } else { "not a number" });
        }
        match self.comma {
            Some(true) => {}
            None if self.may_have_comma => self.comma = Some(true),
            _ if has_thousands(field) => return Err(THOUSANDS),
            _ => return Err(DECIMAL_COMMA),
        }
        finite(field.replace(',', ".").parse().unwrap_or(f64::NAN), field)
    }

    /// Whether a field that is no number is a text, and no number gone wrong.
    pub(super) fn is_text(&self, field: &str) -> bool {
        field.parse::<f64>().is_err() && !is_decimal_comma(field) && !has_thousands(field)
    }
}

fn finite(value: f64, field: &str) -> Result<f64, &'static str> {
    match (value as f32).is_finite() {
        true => Ok(value),
        false if field.bytes().any(|byte| byte.is_ascii_digit()) => Err("beyond the range of f32"),
        false => Err("not finite"),
    }
}

/// The rows of a table, one after the other.
pub(super) struct Lines<'a> {
    name: &'a str,
    bytes: &'a [u8],
    delimiter: u8,
    /// Lines before the first byte.
    skipped: u64,
    reader: csv::Reader<&'a [u8]>,
    pub record: StringRecord,
    /// Whether this is the first line, and no option says that it is not a header.
    pub may_be_header: bool,
}

fn reader(bytes: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(bytes)
}

impl<'a> Lines<'a> {
    /// `bytes` are [`super::delimiter::normalized_lines`], after so many lines that were skipped.
    pub(super) fn new(name: &'a str, bytes: &'a [u8], delimiter: u8, skipped: u64) -> Lines<'a> {
        let (reader, record) = (reader(bytes, delimiter), StringRecord::new());
        Lines { name, bytes, delimiter, skipped, reader, record, may_be_header: false }
    }

    /// Begins with the first row again.
    pub(super) fn rewind(&mut self) {
        self.reader = reader(self.bytes, self.delimiter);
    }

    /// Reads the next row; false at the end.
    pub(super) fn next(&mut self) -> Result<bool, DataError> {
        let more = match self.reader.read_record(&mut self.record) {
            Ok(more) => more,
            Err(error) => {
                let reason = match error.kind() {
                    csv::ErrorKind::Utf8 { pos, .. } => {
                        let line = self.line_at(pos.as_ref());
                        format!("line {line} is not UTF-8 text; save the file as UTF-8")
                    }
                    _ => error.to_string(),
                };
                return Err(DataProblem::Unreadable(reason).of(self.name));
            }
        };
        self.record.trim();
        Ok(more)
    }

    /// The first row whose target is not missing, where there is one target; else the first of all.
    pub(super) fn first_target(
        &mut self,
        targets: &[usize],
        has_header: bool,
    ) -> Result<StringRecord, DataError> {
        self.rewind();
        let mut more = self.next()? && (!has_header || self.next()?);
        let first = self.record.clone();
        let &[column] = targets else { return Ok(first) };
        while more && is_missing(self.field(column)) {
            more = self.next()?;
        }
        Ok(if more { self.record.clone() } else { first })
    }

    /// Whether the first row, which is given, names the columns: no field of it is a number and not all are
    /// empty; or, where `may_have_numbers`, a text stands above a number, or its fields count the columns.
    pub(super) fn is_header(
        &mut self,
        first: &StringRecord,
        may_have_numbers: bool,
    ) -> Result<bool, DataError> {
        let is_number =
            |field: &str| field.parse::<f64>().is_ok_and(f64::is_finite) || is_decimal_comma(field);
        if !first.iter().any(is_number) {
            return Ok(first.iter().any(|field| !field.is_empty()));
        }
        let line = self.line();
        if !may_have_numbers || !self.next()? || self.record.len() != first.len() {
            return Ok(false);
        }
        let second = &self.record;
        let is_above_number =
            |(a, b): (&str, &str)| !is_missing(a) && !is_number(a) && is_number(b);
        if first.iter().zip(second).any(is_above_number) {
            return Ok(true);
        }
        // As a data frame writes names that nobody gave: 0,1,2, or behind an index ,0,1.
        let unnamed = usize::from(first.get(0) == Some(""));
        let counted = first.iter().skip(unnamed).enumerate();
        let counts = first.len() >= 3 && counted.clone().all(|(at, field)| field.parse() == Ok(at));
        let is_whole = |field: &str| field.parse::<i64>().is_ok();
        match counts {
            true if unnamed == 1 || !second.iter().all(is_whole) => Ok(true),
            true if first.len() >= 4 => {
                let reason = format!(
                    "line {line} counts the columns: if these are their names, use `header: true`, else `header: false`"
                );
                Err(DataProblem::Unreadable(reason).of(self.name))
            }
            _ => Ok(false),
        }
    }

    /// The number of the line, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line_at(self.record.position())
    }

    /// The line of the row that was read from `position` on: the reader skips empty lines first.
    fn line_at(&self, position: Option<&Position>) -> u64 {
        let Some(position) = position else { return 1 + self.skipped };
        let rest = &self.bytes[position.byte() as usize..];
        let skipped = rest.iter().take_while(|&&byte| byte == b'\n').count() as u64;
        position.line() + skipped + self.skipped
    }

    pub(super) fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    /// What is wrong with the field in this column.
    pub(super) fn bad(&self, column: usize, what: &str, fix: &'static str) -> DataError {
        let fix = if self.may_be_header { FIX_HEADER } else { fix };
        self.bad_at(self.line(), column, self.field(column).to_owned(), what, fix)
    }

    /// What is wrong with a field of another line.
    pub(super) fn bad_at(
        &self,
        line: u64,
        column: usize,
        value: String,
        what: &str,
        fix: &'static str,
    ) -> DataError {
        let what = what.to_owned();
        DataProblem::Field { line, column: column + 1, value, what, fix }.of(self.name)
    }

    /// Whether the field in this column is of the same kind, class or number, as those before it.
    pub(super) fn check_unmixed(&self, column: usize, are_classes: bool) -> Result<(), DataError> {
        let field = self.field(column);
        let is_number = field.parse::<f64>().is_ok() || is_decimal_comma(field);
        if is_missing(field) || is_number != are_classes || self.may_be_header {
            return Ok(());
        }
        let kind = if are_classes { "a number" } else { "not a number" };
        Err(self.bad(column, &format!("{kind}, unlike the targets before it"), FIX_MIXED))
    }

    /// Room for one number more.
    pub(super) fn reserve(&self, values: &mut Vec<f64>) -> Result<(), DataError> {
        let bytes = values.len().saturating_mul(2 * size_of::<f64>());
        values.try_reserve(1).map_err(|_| DataProblem::Memory(bytes).of(self.name))
    }

    /// The number in this column.
    pub(super) fn number(&self, column: usize, numbers: &mut Numbers) -> Result<f64, DataError> {
        numbers.read(self.field(column)).map_err(|what| self.bad(column, what, FIX))
    }

    /// Adds the text in this column.
    pub(super) fn text(&self, column: usize, texts: &mut Texts) -> Result<(), DataError> {
        let field = self.field(column);
        if field.chars().any(|c| c.is_control() && c != '\n') {
            return Err(self.bad(column, "a text with a control character", FIX));
        }
        // A category 3 may be written 3.0.
        let whole = whole_number(field);
        let pushed = texts.push(whole.as_deref().unwrap_or(field), self.line(), column + 1);
        pushed.map_err(|problem| problem.of(self.name))
    }

    /// Adds the class in this column, by its text; 1.0 is the class 1.
    pub(super) fn class(&self, column: usize, classes: &mut Texts) -> Result<(), DataError> {
        let field = self.field(column);
        let problem = match field.parse::<f64>() {
            _ if field.is_empty() => Some("empty"),
            _ if field.chars().any(char::is_control) => Some("a text with a control character"),
            _ if is_decimal_comma(field) => Some(DECIMAL_COMMA),
            Ok(value) if !value.is_finite() => Some("not finite"),
            _ => None,
        };
        if let Some(what) = problem {
            return Err(self.bad(column, what, FIX));
        }
        let whole = whole_number(field);
        let pushed = classes.push(whole.as_deref().unwrap_or(field), self.line(), column + 1);
        pushed.map_err(|problem| problem.of(self.name))
    }
}

/// A whole number in its shortest form, without a plus sign or decimal zeros; `None` for a code such
/// as 007, whose zeros are part of it.
fn whole_number(field: &str) -> Option<String> {
    let (whole, rest) = field.split_once('.').unwrap_or((field, ""));
    let digits = whole.trim_start_matches(['-', '+']);
    let is_code = digits.len() > 1 && digits.starts_with('0');
    let value: i64 = whole.parse().ok()?;
    (!is_code && rest.bytes().all(|digit| digit == b'0')).then(|| value.to_string())
}
