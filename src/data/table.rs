//! Rows as a file has them, before they are encoded for a network: numbers and texts as inputs, and numbers
//! or classes as targets.

use super::column::{Column, Field, MISSING, Texts};
use super::error::allocate;
use super::{DataError, DataProblem, Dataset, Encoding, Labels, Scaling};

/// Rows as a file has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(super) name: String,
    pub(super) names: Names,
    pub(super) rows: usize,
    /// The inputs.
    pub(super) columns: Vec<Column>,
    pub(super) targets: Targets,
    /// What may have been meant otherwise.
    pub(super) notes: Vec<String>,
}

/// What columns are called, and where they stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Names {
    /// The names of the inputs, if the file has any.
    pub inputs: Vec<String>,
    /// The names of the targets, if the file has any.
    pub targets: Vec<String>,
    /// The positions of the targets, if they have no names.
    pub target_places: Vec<usize>,
    /// The numbers, from 1, of the input columns in the file.
    pub numbers: Vec<usize>,
    /// The inputs that are categories, however many values they have.
    pub categorical: Vec<usize>,
}

/// The targets of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Targets {
    /// None: rows to predict.
    None,
    /// `[rows][len]`.
    Numbers { values: Vec<f64>, len: usize },
    /// One class per row.
    Classes(Texts),
}

impl Table {
    /// The table of a data set of numbers.
    pub(super) fn of(data: &Dataset) -> Table {
        let values = data.targets().iter().map(|&value| value.into()).collect();
        Table {
            name: data.name().to_owned(),
            names: Names::default(),
            rows: data.rows(),
            columns: columns_of(data.inputs(), data.input_len()),
            targets: Targets::Numbers { values, len: data.target_len() },
            notes: Vec::new(),
        }
    }

    /// Its name in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of inputs.
    pub fn input_len(&self) -> usize {
        self.columns.len()
    }

    /// The inputs of a row.
    pub fn fields(&self, row: usize) -> impl Iterator<Item = Field<'_>> {
        self.columns.iter().map(move |column| column.field(row))
    }

    /// All inputs, `[rows][input_len]`, NaN for what is no number.
    #[cfg(test)]
    pub(super) fn numbers(&self) -> Vec<f32> {
        let of_row = |row| self.columns.iter().map(move |column| column.number(row) as f32);
        (0..self.rows).flat_map(of_row).collect()
    }

    /// The number of an input's column in the file, from 1.
    pub(super) fn column_number(&self, column: usize) -> usize {
        self.names.numbers.get(column).copied().unwrap_or(column + 1)
    }

    /// What an input is called in messages.
    pub(super) fn column_name(&self, column: usize) -> String {
        let number = self.column_number(column).to_string();
        self.names.inputs.get(column).filter(|name| !name.is_empty()).cloned().unwrap_or(number)
    }

    /// The names of the input columns and of the target columns; empty if the file has none.
    pub fn names(&self) -> (&[String], &[String]) {
        (&self.names.inputs, &self.names.targets)
    }

    /// Which of the input columns hold texts, `[columns]`.
    pub fn texts(&self) -> Vec<bool> {
        self.columns.iter().map(|column| matches!(column, Column::Texts(_))).collect()
    }

    /// The same with the classes 0 and 1 where targets are single zeros and ones.
    #[must_use]
    pub fn with_classes(self) -> Table {
        let Targets::Numbers { values, len: 1 } = &self.targets else { return self };
        let mut classes = Texts::default();
        for (row, value) in (1..).zip(values) {
            let name = match *value {
                0.0 => "0",
                1.0 => "1",
                _ => return self,
            };
            // Two classes are never too many.
            let _ = classes.push(name, row, self.columns.len() + 1);
        }
        Table { targets: Targets::Classes(classes), ..self }
    }

    /// Whether the rows have targets.
    pub fn has_targets(&self) -> bool {
        self.targets != Targets::None
    }

    /// Whether the targets are classes.
    pub fn has_classes(&self) -> bool {
        matches!(self.targets, Targets::Classes(_))
    }

    /// The number of classes, 0 if the targets are not classes.
    pub fn class_count(&self) -> usize {
        match &self.targets {
            Targets::Classes(classes) => classes.names.len(),
            Targets::None | Targets::Numbers { .. } => 0,
        }
    }

    /// The name, in errors, of the file that the classes come from.
    pub(super) fn class_source(&self) -> &str {
        match &self.targets {
            Targets::Classes(Texts { source: Some(source), .. }) => source,
            _ => &self.name,
        }
    }

    /// Whether a target of a row is missing.
    pub(super) fn lacks_target(&self, row: usize) -> bool {
        match &self.targets {
            Targets::None => false,
            Targets::Numbers { values, len } => {
                values[row * len..][..*len].iter().any(|value| value.is_nan())
            }
            Targets::Classes(classes) => classes.of[row] == MISSING,
        }
    }

    /// Whether anything of a row is missing, its target included.
    pub(super) fn lacks(&self, row: usize) -> bool {
        self.lacks_target(row) || self.columns.iter().any(|column| column.is_missing(row))
    }

    /// Only these rows, which count from 0, in this order.
    pub fn pick(&self, rows: &[usize]) -> Table {
        let targets = match &self.targets {
            Targets::None => Targets::None,
            Targets::Numbers { values, len } => {
                let of_row = |row: &usize| values[row * len..][..*len].iter().copied();
                Targets::Numbers { values: rows.iter().flat_map(of_row).collect(), len: *len }
            }
            Targets::Classes(classes) => Targets::Classes(classes.pick(rows)),
        };
        let columns = self.columns.iter().map(|column| column.pick(rows)).collect();
        let (name, names, notes) = (self.name.clone(), self.names.clone(), self.notes.clone());
        Table { name, names, rows: rows.len(), columns, targets, notes }
    }

    /// The targets as a network is to output them, `[rows][outputs]`; `None` without targets.
    ///
    /// # Errors
    /// [`DataProblem::UnknownClass`], [`DataProblem::Unlike`] for numbers instead of classes or
    /// classes instead of numbers, [`DataProblem::Memory`].
    pub fn encoded(&self, labels: &Labels) -> Result<Option<Vec<f32>>, DataError> {
        let all: Vec<usize> = (0..self.rows).collect();
        self.encoded_targets(&all, labels, None)
    }

    /// The same in f64, numbers as they are written; no number where a row has no target.
    ///
    /// # Errors
    /// As [`Table::encoded`].
    pub fn own_targets(&self, labels: &Labels) -> Result<Option<Vec<f64>>, DataError> {
        match (&self.targets, labels.outputs()) {
            (Targets::Numbers { values, .. }, None) => Ok(Some(values.clone())),
            _ => Ok(self.encoded(labels)?.map(|list| list.into_iter().map(f64::from).collect())),
        }
    }

    /// The rows that have a target, from 0.
    pub fn with_target(&self) -> Vec<usize> {
        (0..self.rows).filter(|&row| !self.lacks_target(row)).collect()
    }

    /// The same of some rows, numbers on a scale.
    pub(super) fn encoded_targets(
        &self,
        rows: &[usize],
        labels: &Labels,
        scaling: Option<&Scaling>,
    ) -> Result<Option<Vec<f32>>, DataError> {
        let unlike = |found: &str, expected: &str| {
            let (found, expected) = (format!("its targets are {found}"), expected.to_owned());
            let other = "the network".to_owned();
            Err(DataProblem::Unlike { found, other, expected }.of(&self.name))
        };
        let (classes, outputs) = match (&self.targets, labels.outputs()) {
            (Targets::None, _) => return Ok(None),
            (Targets::Numbers { values, len }, None) => {
                let of_row = |row: &usize| values[row * len..][..*len].iter().enumerate();
                let scaled = rows.iter().flat_map(of_row).map(|(at, &value)| match scaling {
                    Some(scaling) => scaling.scaled(at, value),
                    None => value as f32,
                });
                return Ok(Some(scaled.collect()));
            }
            (Targets::Numbers { .. }, Some(_)) => return unlike("numbers", "classes"),
            (Targets::Classes(_), None) => return unlike("classes", "numbers"),
            (Targets::Classes(classes), Some(outputs)) => (classes, outputs),
        };
        let is_flags = Encoding::is_flags(labels.names());
        let is_same = |known: &str, name: &str| match is_flags {
            true => known.eq_ignore_ascii_case(name),
            false => known == name,
        };
        let label = |name: &String| labels.names().iter().position(|known| is_same(known, name));
        let label_of: Vec<Option<usize>> = classes.names.iter().map(label).collect();
        let mut values = allocate(&self.name, rows.len() * outputs)?;
        for class in rows.iter().map(|&row| classes.of[row] as usize) {
            if class == MISSING as usize {
                values.extend(std::iter::repeat_n(f32::NAN, outputs));
                continue;
            }
            let Some(label) = label_of[class] else {
                let (line, class) = (classes.lines[class], classes.names[class].clone());
                let known = labels.names().join(", ");
                return Err(
                    DataProblem::UnknownClass { line, class, known }.of(self.class_source())
                );
            };
            match labels {
                Labels::Pair(_) => values.push(label as f32),
                _ => values.extend((0..outputs).map(|output| f32::from(output == label))),
            }
        }
        Ok(Some(values))
    }
}

/// Columns out of rows, `[rows][len]`.
pub(super) fn columns_of(values: &[f32], len: usize) -> Vec<Column> {
    let column = |at: usize| values.iter().skip(at).step_by(len).copied().collect();
    (0..len).map(|at| Column::Short(column(at))).collect()
}
