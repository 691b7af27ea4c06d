//! The lines of a table one after the other, and what their fields hold.

use std::cell::Cell;
use std::io::Read;

use csv::StringRecord;

use super::delimiter::{DECIMAL_COMMA, is_decimal_comma};
use crate::data::DataError;
use crate::data::table::{Classes, MOST_CLASSES};

/// The lines of a table, one after the other.
pub(super) struct Lines<'a> {
    name: &'a str,
    bytes: &'a [u8],
    reader: csv::Reader<std::io::Chain<&'a [u8], &'a [u8]>>,
    pub record: StringRecord,
    /// Whether this is the first line, and nobody said that it is not a header.
    pub may_be_header: bool,
    /// A place in `bytes` and the lines before it.
    counted: Cell<(usize, u64)>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(name: &'a str, bytes: &'a [u8], delimiter: u8) -> Lines<'a> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .delimiter(delimiter)
            // The newline ends a last line that is a comment.
            .from_reader(bytes.chain(&b"\n"[..]));
        let record = StringRecord::new();
        Lines { name, bytes, reader, record, may_be_header: false, counted: Cell::default() }
    }

    /// Reads the next that is not blank; false where there is none.
    pub(super) fn next(&mut self) -> Result<bool, DataError> {
        loop {
            let read = self.reader.read_record(&mut self.record);
            let is_there = read.map_err(|error| {
                let reason = match error.kind() {
                    csv::ErrorKind::Utf8 { pos: Some(place), .. } => {
                        let line = self.line_at(place.byte() as usize);
                        format!("line {line} is not UTF-8 text; save the file as UTF-8")
                    }
                    _ => error.to_string(),
                };
                DataError::Unreadable { name: self.name.to_owned(), reason }
            })?;
            if self.record.as_slice().contains(['\n', '\r']) {
                let line = self.line();
                let reason = format!("line {line} opens a quote that is not closed there");
                return Err(DataError::Unreadable { name: self.name.to_owned(), reason });
            }
            self.record.trim();
            let is_blank = self.record.len() == 1 && self.record[0].is_empty();
            if !(is_there && is_blank) {
                return Ok(is_there);
            }
        }
    }

    /// Its number, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line_at(self.record.position().map_or(0, |place| place.byte() as usize))
    }

    /// The number of the line whose record was looked for from this byte on: the reader passes over
    /// line ends, blank lines and comments before it begins.
    fn line_at(&self, from: usize) -> u64 {
        let (mut at, mut lines) = self.counted.get();
        if at > from {
            (at, lines) = (0, 0);
        }
        let end_of = |at: usize| {
            let rest = &self.bytes[at.min(self.bytes.len())..];
            rest.iter()
                .position(|byte| b"\r\n".contains(byte))
                .map_or(self.bytes.len(), |len| at + len)
        };
        loop {
            let end = end_of(at);
            let line = &self.bytes[at.min(end)..end];
            let is_blank = line.trim_ascii().is_empty() || line.starts_with(b"#");
            // The line that holds the byte, or the first with something in it behind it.
            if end >= self.bytes.len() || end >= from && !is_blank {
                self.counted.set((at, lines));
                return lines + 1;
            }
            at = end + if self.bytes[end..].starts_with(b"\r\n") { 2 } else { 1 };
            lines += 1;
        }
    }

    fn bad(&self, column: usize, what: &'static str) -> DataError {
        let (name, line) = (self.name.to_owned(), self.line());
        let value = self.record.get(column).unwrap_or_default().to_owned();
        let column = column + 1;
        match self.may_be_header {
            true => DataError::MaybeHeader { name, line, column, value, what },
            false => DataError::BadField { name, line, column, value, what },
        }
    }

    /// Whether the field in this column is of the kind that the fields before it are.
    pub(super) fn check_unmixed(&self, column: usize, are_classes: bool) -> Result<(), DataError> {
        let field = self.record.get(column).unwrap_or_default();
        let is_number = field.parse::<f64>().is_ok_and(f64::is_finite);
        let is_missing =
            field.is_empty() || field.parse::<f64>().is_ok_and(|value| !value.is_finite());
        if is_missing || is_number != are_classes || self.may_be_header {
            return Ok(());
        }
        Err(DataError::MixedTargets {
            name: self.name.to_owned(),
            line: self.line(),
            column: column + 1,
            value: field.to_owned(),
            what: if is_number { "a number" } else { "not a number" },
        })
    }

    /// Adds the numbers of these columns.
    pub(super) fn numbers(
        &self,
        columns: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), DataError> {
        values.try_reserve(columns.len()).map_err(|_| DataError::Memory {
            name: self.name.to_owned(),
            bytes: values.len().saturating_mul(2 * size_of::<f32>()),
        })?;
        for &column in columns {
            let field = self.record.get(column).unwrap_or_default();
            values.push(number(field).map_err(|what| self.bad(column, what))?);
        }
        Ok(())
    }

    /// Adds the class in this column, by its text; 1.0 is the class 1.
    pub(super) fn class(&self, column: usize, classes: &mut Classes) -> Result<(), DataError> {
        let field = self.record.get(column).unwrap_or_default();
        if field.is_empty() {
            return Err(self.bad(column, "empty"));
        }
        if field.chars().any(char::is_control) {
            return Err(self.bad(column, "with a control character in it"));
        }
        if is_decimal_comma(field) {
            return Err(self.bad(column, DECIMAL_COMMA));
        }
        if field.parse::<f64>().is_ok_and(|value| !value.is_finite()) {
            return Err(self.bad(column, "not finite"));
        }
        let whole = whole_number(field);
        let is_known = classes.push(whole.as_deref().unwrap_or(field), self.line());
        if is_known {
            return Ok(());
        }
        Err(DataError::TooManyClasses {
            name: self.name.to_owned(),
            line: self.line(),
            column: column + 1,
            value: field.to_owned(),
            most: MOST_CLASSES,
        })
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

/// A whole number as it is written shortest, whatever its sign and zeros after a point; `None` of a
/// code such as 007, whose zeros are part of it.
fn whole_number(field: &str) -> Option<String> {
    let (whole, rest) = field.split_once('.').unwrap_or((field, ""));
    let digits = whole.trim_start_matches(['-', '+']);
    let is_code = digits.len() > 1 && digits.starts_with('0');
    let value: i64 = whole.parse().ok()?;
    (!is_code && rest.bytes().all(|digit| digit == b'0')).then(|| value.to_string())
}
