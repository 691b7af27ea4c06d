//! The columns of a table as a file has them: numbers, or texts.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::DataProblem;

/// Different texts that a column may hold.
const MAX_TEXTS: usize = 10_000;

/// Stands for a text that is missing.
pub(super) const MISSING: u32 = u32::MAX;

/// The spellings of a missing value, in any case.
const MISSING_WORDS: [&str; 6] = ["", "na", "nan", "n/a", "?", "null"];

/// Whether a field stands for a value that is missing.
pub(super) fn is_missing(field: &str) -> bool {
    MISSING_WORDS.iter().any(|word| field.eq_ignore_ascii_case(word))
}

/// A field of a table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Field<'a> {
    /// A number.
    Number(f64),
    /// A text.
    Text(&'a str),
    /// None.
    Missing,
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Number(value) => f.pad(&value.to_string()),
            Field::Text(text) => f.pad(text),
            Field::Missing => f.pad(""),
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Column {
    /// Numbers that are f32 from the start, such as pixels.
    Short(Vec<f32>),
    /// Numbers, NaN where one is missing.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Texts),
}

impl Column {
    /// The number of a row; NaN for a text, and where it is missing.
    pub(super) fn number(&self, row: usize) -> f64 {
        match self {
            Column::Short(values) => values[row].into(),
            Column::Numbers(values) => values[row],
            Column::Texts(_) => f64::NAN,
        }
    }

    /// The field of a row, a number as it is written.
    pub(super) fn field(&self, row: usize) -> Field<'_> {
        match self {
            // The shortest decimal that is the same f32.
            Column::Short(values) => {
                let value = values[row];
                Field::Number(value.to_string().parse().unwrap_or(value.into()))
            }
            Column::Numbers(values) if values[row].is_nan() => Field::Missing,
            Column::Numbers(values) => Field::Number(values[row]),
            Column::Texts(texts) => match texts.of[row] {
                MISSING => Field::Missing,
                text => Field::Text(&texts.names[text as usize]),
            },
        }
    }

    /// Whether the value of a row is missing.
    pub(super) fn is_missing(&self, row: usize) -> bool {
        match self {
            Column::Short(_) => false,
            Column::Numbers(values) => values[row].is_nan(),
            Column::Texts(texts) => texts.of[row] == MISSING,
        }
    }

    /// Only these rows, in this order.
    pub(super) fn pick(&self, rows: &[usize]) -> Column {
        match self {
            Column::Short(values) => Column::Short(rows.iter().map(|&row| values[row]).collect()),
            Column::Numbers(values) => {
                Column::Numbers(rows.iter().map(|&row| values[row]).collect())
            }
            Column::Texts(texts) => Column::Texts(texts.pick(rows)),
        }
    }
}

/// A text for each row: a column of texts, or the classes of targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Texts {
    /// Index into `names`, per row, or [`MISSING`].
    pub(super) of: Vec<u32>,
    /// In order of first occurrence.
    pub(super) names: Vec<String>,
    /// The line of the file, or the row, of the first occurrence, from 1.
    pub(super) lines: Vec<u64>,
    /// The file they come from in errors, if it is not the table's.
    pub(super) source: Option<String>,
    index: HashMap<String, u32>,
}

impl Texts {
    /// Adds the text of the next row.
    pub(super) fn push(&mut self, name: &str, line: u64, column: usize) -> Result<(), DataProblem> {
        let known = self.index.get(name).copied();
        let index = known.unwrap_or(self.names.len() as u32);
        if known.is_none() {
            if self.names.len() == MAX_TEXTS {
                return Err(DataProblem::Field {
                    line,
                    column,
                    value: name.to_owned(),
                    what: format!("one text more than the {MAX_TEXTS} supported"),
                    fix: "leave the column out with `ignore`, name that of classes with `target`, or use `classes: false`",
                });
            }
            self.names.push(name.to_owned());
            self.lines.push(line);
            self.index.insert(name.to_owned(), index);
        }
        self.of.push(index);
        Ok(())
    }

    /// Makes one of texts that differ in case alone: the spelling that came first.
    pub(super) fn ignore_case(&mut self) {
        let mut merged = Texts { source: self.source.take(), ..Texts::default() };
        let place_of = |(name, &line): (&String, &u64)| {
            let same = |known: &String| known.eq_ignore_ascii_case(name);
            merged.names.iter().position(same).unwrap_or_else(|| {
                merged.index.insert(name.clone(), merged.names.len() as u32);
                merged.names.push(name.clone());
                merged.lines.push(line);
                merged.names.len() - 1
            }) as u32
        };
        let places: Vec<u32> = self.names.iter().zip(&self.lines).map(place_of).collect();
        let moved = |&text: &u32| places.get(text as usize).copied().unwrap_or(MISSING);
        merged.of = self.of.iter().map(moved).collect();
        *self = merged;
    }

    /// Adds a row without a text.
    pub(super) fn push_missing(&mut self) {
        self.of.push(MISSING);
    }

    /// Rows without a text.
    pub(super) fn missing(&self) -> usize {
        self.of.iter().filter(|&&text| text == MISSING).count()
    }

    /// Only these rows, with the texts of all: a part may lack some.
    pub(super) fn pick(&self, rows: &[usize]) -> Texts {
        Texts { of: rows.iter().map(|&row| self.of[row]).collect(), ..self.clone() }
    }
}
