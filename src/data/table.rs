//! Rows as a file has them, before they are encoded for a network: numbers as inputs, and numbers or
//! classes as targets.

use std::collections::HashMap;

use super::error::allocate;
use super::{DataError, DataProblem, Dataset, Labels};

/// Different classes that a column may hold.
const MAX_CLASSES: usize = 10_000;

/// Rows as a file has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(super) name: String,
    pub(super) columns: Columns,
    /// `[rows][input_len]`.
    pub(super) inputs: Vec<f32>,
    pub(super) input_len: usize,
    pub(super) targets: Targets,
}

/// What is known of the columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Columns {
    /// The names of the inputs, if the file has any.
    pub inputs: Vec<String>,
    /// The names of the targets, if the file has any.
    pub targets: Vec<String>,
    /// The positions of the targets, if they have no names.
    pub target_places: Vec<usize>,
}

/// The targets of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Targets {
    /// None: rows to predict.
    None,
    /// `[rows][len]`.
    Numbers { values: Vec<f32>, len: usize },
    /// One class per row.
    Classes(Classes),
}

/// The class of each row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Classes {
    /// Index into `names`, per row.
    pub(super) of: Vec<u32>,
    /// In order of first occurrence.
    pub(super) names: Vec<String>,
    /// The line of the file, or the row, of the first occurrence, from 1.
    pub(super) lines: Vec<u64>,
    /// The file they come from in errors, if it is not the table's.
    pub(super) source: Option<String>,
    index: HashMap<String, u32>,
}

impl Classes {
    /// Adds the class of the next row.
    pub(super) fn push(&mut self, name: &str, line: u64, column: usize) -> Result<(), DataProblem> {
        let known = self.index.get(name).copied();
        let index = known.unwrap_or(self.names.len() as u32);
        if known.is_none() {
            if self.names.len() == MAX_CLASSES {
                return Err(DataProblem::Field {
                    line,
                    column,
                    value: name.to_owned(),
                    what: format!("one class more than the {MAX_CLASSES} supported"),
                    fix: "name the column of classes with --target, or use --target-type numbers",
                });
            }
            self.names.push(name.to_owned());
            self.lines.push(line);
            self.index.insert(name.to_owned(), index);
        }
        self.of.push(index);
        Ok(())
    }
}

impl Table {
    /// The table of a data set of numbers.
    pub(super) fn of(data: &Dataset) -> Table {
        Table {
            name: data.name().to_owned(),
            columns: Columns::default(),
            inputs: data.inputs().to_vec(),
            input_len: data.input_len(),
            targets: Targets::Numbers { values: data.targets().to_vec(), len: data.target_len() },
        }
    }

    /// Its name in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.inputs.len() / self.input_len
    }

    /// Inputs per row.
    pub fn input_len(&self) -> usize {
        self.input_len
    }

    /// All inputs, `[rows][input_len]`.
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// The names of the input columns and of the target columns; empty if the file has none.
    pub fn names(&self) -> (&[String], &[String]) {
        (&self.columns.inputs, &self.columns.targets)
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
            Targets::Classes(Classes { source: Some(source), .. }) => source,
            _ => &self.name,
        }
    }

    /// Only these rows, in this order.
    ///
    /// # Errors
    /// [`DataProblem::Memory`].
    pub fn pick(&self, rows: &[usize]) -> Result<Table, DataError> {
        let pick = |values: &[f32], len: usize| {
            let mut picked = allocate(&self.name, rows.len() * len)?;
            rows.iter().for_each(|row| picked.extend_from_slice(&values[row * len..][..len]));
            Ok(picked)
        };
        let targets = match &self.targets {
            Targets::None => Targets::None,
            Targets::Numbers { values, len } => {
                Targets::Numbers { values: pick(values, *len)?, len: *len }
            }
            // The classes of all rows: a part may lack some.
            Targets::Classes(classes) => Targets::Classes(Classes {
                of: rows.iter().map(|&row| classes.of[row]).collect(),
                ..classes.clone()
            }),
        };
        let (name, columns) = (self.name.clone(), self.columns.clone());
        let inputs = pick(&self.inputs, self.input_len)?;
        Ok(Table { name, columns, inputs, input_len: self.input_len, targets })
    }

    /// The targets as a network is to output them, `[rows][outputs]`; `None` without targets.
    ///
    /// # Errors
    /// [`DataProblem::UnknownClass`], [`DataProblem::Unlike`] for numbers instead of classes or
    /// classes instead of numbers, [`DataProblem::Memory`].
    pub fn encoded(&self, labels: &Labels) -> Result<Option<Vec<f32>>, DataError> {
        let unlike = |found: &str, expected: &str| {
            let (found, expected) = (format!("its targets are {found}"), expected.to_owned());
            let other = "the network".to_owned();
            Err(DataProblem::Unlike { found, other, expected }.of(&self.name))
        };
        let (classes, outputs) = match (&self.targets, labels.outputs()) {
            (Targets::None, _) => return Ok(None),
            (Targets::Numbers { values, .. }, None) => return Ok(Some(values.clone())),
            (Targets::Numbers { .. }, Some(_)) => return unlike("numbers", "classes"),
            (Targets::Classes(_), None) => return unlike("classes", "numbers"),
            (Targets::Classes(classes), Some(outputs)) => (classes, outputs),
        };
        let label = |name: &String| labels.names().iter().position(|known| known == name);
        let label_of: Vec<Option<usize>> = classes.names.iter().map(label).collect();
        let mut values = allocate(&self.name, classes.of.len() * outputs)?;
        for class in classes.of.iter().map(|&class| class as usize) {
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
