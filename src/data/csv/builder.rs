//! A column of inputs as it is read: numbers until a field is none.

use super::lines::{FIX, Lines, Numbers};
use crate::data::DataError;
use crate::data::column::{Column, Texts, is_missing};

/// How to fix a field of a column of numbers that is none.
const FIX_TEXT: &str = "correct it, or say that its column is one of texts with `categorical`, or leave it out with `ignore`";

/// Texts among numbers that may be errors, in any column and in one of many rows: more are meant as they are.
const FEW_ERRORS: usize = 3;
const ROWS_OF_ERROR: usize = 20;

/// A column of inputs in the making.
pub(super) struct Builder {
    column: usize,
    values: Column,
    /// Rows so far.
    rows: usize,
    /// Numbers among its fields.
    numbers: usize,
    /// The line of the first text among numbers, and that text.
    text: Option<(u64, String)>,
    /// Whether its fields are read again, as texts.
    again: bool,
    /// Whether it is of texts whatever is in it.
    is_category: bool,
}

impl Builder {
    /// For the fields of a column of the file.
    pub(super) fn new(column: usize, is_category: bool) -> Builder {
        let values = match is_category {
            true => Column::Texts(Texts::default()),
            false => Column::Numbers(Vec::new()),
        };
        Builder { column, values, rows: 0, numbers: 0, text: None, again: false, is_category }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether its fields are being read again.
    pub(super) fn is_again(&self) -> bool {
        self.again
    }

    /// Adds the field of a line.
    pub(super) fn push(
        &mut self,
        lines: &Lines<'_>,
        numbers: &mut Numbers,
    ) -> Result<(), DataError> {
        let field = lines.field(self.column);
        if let Column::Numbers(values) = &mut self.values {
            if is_missing(field) {
                lines.reserve(values)?;
                values.push(f64::NAN);
                self.rows += 1;
                return Ok(());
            }
            match numbers.read(field) {
                Ok(value) => {
                    lines.reserve(values)?;
                    values.push(value);
                    (self.rows, self.numbers) = (self.rows + 1, self.numbers + 1);
                    return Ok(());
                }
                Err(what) if !numbers.is_text(field) => {
                    return Err(lines.bad(self.column, what, FIX));
                }
                // Read again once it is known how many of its fields are numbers.
                Err(_) if self.numbers > 0 => {
                    self.text.get_or_insert_with(|| (lines.line(), field.to_owned()));
                    self.rows += 1;
                    return Ok(());
                }
                Err(_) => {
                    let mut texts = Texts::default();
                    (0..self.rows).for_each(|_| texts.push_missing());
                    self.values = Column::Texts(texts);
                }
            }
        }
        if let Column::Texts(texts) = &mut self.values {
            match is_missing(field) {
                true => texts.push_missing(),
                false => {
                    if numbers.read(field).is_ok() {
                        self.numbers += 1;
                    } else if self.text.is_none() {
                        self.text = Some((lines.line(), field.to_owned()));
                    }
                    lines.text(self.column, texts)?;
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Whether its fields are to be read again: a text came after numbers.
    pub(super) fn begin_again(&mut self) -> bool {
        let is_mixed = self.text.is_some() && matches!(self.values, Column::Numbers(_));
        self.again = is_mixed;
        if is_mixed {
            (self.rows, self.numbers, self.text) = (0, 0, None);
            self.values = Column::Texts(Texts::default());
        }
        is_mixed
    }

    /// The column; one of numbers with a few texts in between has errors in it.
    pub(super) fn finish(self, lines: &Lines<'_>) -> Result<Column, DataError> {
        let Column::Texts(texts) = &self.values else { return Ok(self.values) };
        let found = texts.of.len() - texts.missing();
        let few = (found / ROWS_OF_ERROR).max(FEW_ERRORS);
        let has_errors = 2 * self.numbers >= found && found - self.numbers <= few;
        match self.text {
            Some((line, value)) if !self.is_category && has_errors => {
                let what = "not a number, unlike most of its column";
                Err(lines.bad_at(line, self.column, value, what, FIX_TEXT))
            }
            _ => Ok(self.values),
        }
    }
}
