//! Rows as they stand in a file, before it is known what a network makes of them: numbers as
//! inputs, and numbers or classes as targets.

use std::collections::HashMap;

use super::error::room;
use super::{DataError, Dataset, Labels};

/// Different labels that a column of classes may hold.
pub(super) const MOST_CLASSES: usize = 10_000;

/// Rows as they stand in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(super) name: String,
    /// The columns' names, where the file has any.
    pub(super) input_names: Vec<String>,
    pub(super) target_names: Vec<String>,
    /// Where targets stand among the columns, where these have no names.
    pub(super) target_places: Vec<usize>,
    /// `[rows][input_len]`.
    pub(super) inputs: Vec<f32>,
    pub(super) input_len: usize,
    pub(super) targets: Targets,
}

/// What the rows of a table are to be predicted as.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Targets {
    /// Nothing: rows to predict.
    None,
    /// `[rows][len]`.
    Numbers { values: Vec<f32>, len: usize },
    /// One of the classes each.
    Classes(Classes),
}

/// The class of each row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Classes {
    /// Index into `names`, per row.
    pub(super) of: Vec<u32>,
    /// In the order in which they come first.
    pub(super) names: Vec<String>,
    /// The line of the file, or the row, where each comes first, from 1.
    pub(super) lines: Vec<u64>,
    /// What errors call where they come from, if not as the table.
    pub(super) source: Option<String>,
    index: HashMap<String, u32>,
}

impl Classes {
    /// Notes the class of the next row; false where there are too many.
    pub(super) fn push(&mut self, name: &str, line: u64) -> bool {
        let found = self.index.get(name).copied();
        let index = found.unwrap_or_else(|| {
            let index = self.names.len() as u32;
            self.names.push(name.to_owned());
            self.lines.push(line);
            self.index.insert(name.to_owned(), index);
            index
        });
        self.of.push(index);
        self.names.len() <= MOST_CLASSES
    }
}

impl Table {
    /// A table of numbers alone, as those that are made and not read.
    pub(super) fn of(data: &Dataset) -> Table {
        Table {
            name: data.name().to_owned(),
            input_names: Vec::new(),
            target_names: Vec::new(),
            target_places: Vec::new(),
            inputs: data.inputs().to_vec(),
            input_len: data.input_len(),
            targets: Targets::Numbers { values: data.targets().to_vec(), len: data.target_len() },
        }
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.inputs.len() / self.input_len
    }

    /// Numbers in an input row.
    pub fn input_len(&self) -> usize {
        self.input_len
    }

    /// All inputs, `[rows][input_len]`.
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// The names of the input columns, and of those of the targets; none where the file has none.
    pub fn names(&self) -> (&[String], &[String]) {
        (&self.input_names, &self.target_names)
    }

    /// Whether its rows have targets.
    pub fn is_taught(&self) -> bool {
        self.targets != Targets::None
    }

    /// Whether its rows have classes as targets.
    pub fn has_classes(&self) -> bool {
        matches!(self.targets, Targets::Classes(_))
    }

    /// How many classes its rows are of, 0 where their targets are none.
    pub fn class_count(&self) -> usize {
        match &self.targets {
            Targets::Classes(classes) => classes.names.len(),
            Targets::None | Targets::Numbers { .. } => 0,
        }
    }

    /// What errors call the file that the classes come from.
    pub(super) fn class_source(&self) -> &str {
        match &self.targets {
            Targets::Classes(Classes { source: Some(source), .. }) => source,
            _ => &self.name,
        }
    }

    /// Only these rows, in this order.
    ///
    /// # Errors
    /// [`DataError::Memory`].
    pub fn pick(&self, rows: &[usize]) -> Result<Table, DataError> {
        let take = |values: &[f32], len: usize| {
            let mut taken = room(&self.name, rows.len() * len)?;
            rows.iter().for_each(|row| taken.extend_from_slice(&values[row * len..][..len]));
            Ok(taken)
        };
        let targets = match &self.targets {
            Targets::None => Targets::None,
            Targets::Numbers { values, len } => {
                Targets::Numbers { values: take(values, *len)?, len: *len }
            }
            // The classes stay those of all rows: a part may lack some.
            Targets::Classes(classes) => Targets::Classes(Classes {
                of: rows.iter().map(|&row| classes.of[row]).collect(),
                ..classes.clone()
            }),
        };
        Ok(Table { inputs: take(&self.inputs, self.input_len)?, targets, ..self.bare() })
    }

    /// The same without its rows.
    fn bare(&self) -> Table {
        Table {
            name: self.name.clone(),
            input_names: self.input_names.clone(),
            target_names: self.target_names.clone(),
            target_places: self.target_places.clone(),
            inputs: Vec::new(),
            input_len: self.input_len,
            targets: Targets::None,
        }
    }

    /// The targets as a network's outputs are to be, `[rows][outputs]`; `None` where there are none.
    ///
    /// # Errors
    /// [`DataError::UnknownClass`], [`DataError::TargetKind`] where numbers stand for classes or the
    /// other way round, [`DataError::Memory`].
    pub fn encoded(&self, labels: &Labels) -> Result<Option<Vec<f32>>, DataError> {
        let wrong = |found: &str, expected: &str| {
            Err(DataError::TargetKind {
                name: self.name.clone(),
                found: found.to_owned(),
                other: "the network".to_owned(),
                expected: expected.to_owned(),
            })
        };
        match (&self.targets, labels) {
            (Targets::None, _) => Ok(None),
            (Targets::Numbers { values, .. }, Labels::Numbers) => Ok(Some(values.clone())),
            (Targets::Numbers { .. }, _) => wrong("numbers", "classes"),
            (Targets::Classes(_), Labels::Numbers) => wrong("classes", "numbers"),
            (Targets::Classes(classes), _) => {
                let outputs = labels.outputs().unwrap_or(1);
                let mut of_class = Vec::with_capacity(classes.names.len());
                for name in &classes.names {
                    of_class.push(labels.names().iter().position(|known| known == name));
                }
                let mut values = room(&self.name, classes.of.len() * outputs)?;
                for &class in &classes.of {
                    let Some(place) = of_class[class as usize] else {
                        return Err(DataError::UnknownClass {
                            name: self.class_source().to_owned(),
                            line: classes.lines[class as usize],
                            class: classes.names[class as usize].clone(),
                            known: labels.names().join(", "),
                        });
                    };
                    match labels {
                        Labels::Classes(_) => {
                            values.extend((0..outputs).map(|output| f32::from(output == place)));
                        }
                        _ => values.push(place as f32),
                    }
                }
                Ok(Some(values))
            }
        }
    }
}
