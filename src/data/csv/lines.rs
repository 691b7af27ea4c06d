//! The rows of a table one after the other, and the values of their fields.

use csv::{Position, StringRecord};

use super::delimiter::{DECIMAL_COMMA, is_decimal_comma};
use crate::data::table::Classes;
use crate::data::{DataError, DataProblem};

/// How to fix a field that is not a number.
pub(super) const FIX: &str = "every field must be a finite number (--ignore leaves a column out)";
const FIX_HEADER: &str = "if this line names the columns, use --header yes";
const FIX_MIXED: &str = "if it names a class, use --target-type classes, else correct the field";

/// The rows of a table, one after the other.
pub(super) struct Lines<'a> {
    name: &'a str,
    bytes: &'a [u8],
    reader: csv::Reader<&'a [u8]>,
    pub record: StringRecord,
    /// Whether this is the first line, and no option says that it is not a header.
    pub may_be_header: bool,
}

impl<'a> Lines<'a> {
    /// `bytes` are [`super::delimiter::normalized_lines`].
    pub(super) fn new(name: &'a str, bytes: &'a [u8], delimiter: u8) -> Lines<'a> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(bytes);
        Lines { name, bytes, reader, record: StringRecord::new(), may_be_header: false }
    }

    /// Reads the next row; false at the end.
    pub(super) fn next(&mut self) -> Result<bool, DataError> {
        let unreadable = |reason: String| Err(DataProblem::Unreadable(reason).of(self.name));
        let more = match self.reader.read_record(&mut self.record) {
            Ok(more) => more,
            Err(error) => {
                return unreadable(match error.kind() {
                    csv::ErrorKind::Utf8 { pos, .. } => {
                        let line = self.line_at(pos.as_ref());
                        format!("line {line} is not UTF-8 text; save the file as UTF-8")
                    }
                    _ => error.to_string(),
                });
            }
        };
        if self.record.as_slice().contains('\n') {
            let line = self.line();
            return unreadable(format!("line {line} opens a quote that is not closed there"));
        }
        self.record.trim();
        Ok(more)
    }

    /// The number of the line, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line_at(self.record.position())
    }

    /// The line of the row that was read from `position` on: the reader skips empty lines first.
    fn line_at(&self, position: Option<&Position>) -> u64 {
        let Some(position) = position else { return 1 };
        let rest = &self.bytes[position.byte() as usize..];
        position.line() + rest.iter().take_while(|&&byte| byte == b'\n').count() as u64
    }

    fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    fn bad(&self, column: usize, what: impl Into<String>, fix: &'static str) -> DataError {
        let (line, value, what) = (self.line(), self.field(column).to_owned(), what.into());
        let fix = if self.may_be_header { FIX_HEADER } else { fix };
        DataProblem::Field { line, column: column + 1, value, what, fix }.of(self.name)
    }

    /// Whether the field in this column is of the same kind, class or number, as those before it.
    pub(super) fn check_unmixed(&self, column: usize, are_classes: bool) -> Result<(), DataError> {
        let value = self.field(column).parse::<f64>();
        let is_missing =
            self.field(column).is_empty() || value.as_ref().is_ok_and(|x| !x.is_finite());
        if is_missing || value.is_ok() != are_classes || self.may_be_header {
            return Ok(());
        }
        let kind = if are_classes { "a number" } else { "not a number" };
        Err(self.bad(column, format!("{kind}, unlike the targets before it"), FIX_MIXED))
    }

    /// Adds the numbers of these columns.
    pub(super) fn numbers(
        &self,
        columns: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), DataError> {
        values.try_reserve(columns.len()).map_err(|_| {
            DataProblem::Memory(values.len().saturating_mul(2 * size_of::<f32>())).of(self.name)
        })?;
        for &column in columns {
            values.push(number(self.field(column)).map_err(|what| self.bad(column, what, FIX))?);
        }
        Ok(())
    }

    /// Adds the class in this column, by its text; 1.0 is the class 1.
    pub(super) fn class(&self, column: usize, classes: &mut Classes) -> Result<(), DataError> {
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

pub(super) fn number(field: &str) -> Result<f32, &'static str> {
    if field.is_empty() {
        return Err("empty");
    }
    if is_decimal_comma(field) {
        return Err(DECIMAL_COMMA);
    }
    let value = field.parse::<f64>().map_err(|_| "not a number")? as f32;
    match value.is_finite() {
        true => Ok(value),
        false if field.bytes().any(|byte| byte.is_ascii_digit()) => Err("beyond the range of f32"),
        false => Err("not finite"),
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
