//! From tables to the data sets of a training: training rows, validation rows, test rows, and the
//! schema that a later prediction needs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::order::permuted;
use super::table::{Columns, Table, Targets};
use super::{DataError, DataProblem, Dataset, Labels, Normalize, Scaling};
use crate::random::{Purpose, seed_key, stream_id, threefry2x32};

/// How rows are preprocessed, and what a network's outputs mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The names of the inputs, if the data had any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// The names of the target columns, if the data had any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The positions of the targets among the columns, from 0, if the columns have no names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_places: Vec<usize>,
    /// What the outputs mean.
    #[serde(default)]
    pub labels: Labels,
    /// How inputs are normalized.
    #[serde(skip)]
    pub scaling: Option<Scaling>,
}

/// How tables become samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// The fraction of the rows for validation, above 0 and below 1.
    pub validation: Option<f32>,
    /// The seed that draws them.
    pub seed: u64,
    /// How inputs are normalized.
    pub normalize: Normalize,
    /// Whether all inputs share one scale, like the pixels of an image.
    pub together: bool,
    /// Outputs of the network, if they are given.
    pub outputs: Option<usize>,
}

/// The data sets of a training.
#[derive(Debug, Clone)]
pub struct Samples {
    /// The rows to train on.
    pub train: Arc<Dataset>,
    /// Rows evaluated during training and not trained on.
    pub validation: Option<Arc<Dataset>>,
    /// Rows evaluated once, at the end.
    pub test: Option<Arc<Dataset>>,
    /// What a prediction needs.
    pub schema: Schema,
}

impl Samples {
    /// Splits, normalizes and encodes; scales are fitted on the training rows alone.
    ///
    /// # Errors
    /// [`DataError`] for a row without a target, a class of `test` that is not in `table`, or a
    /// `test` with other columns.
    pub fn new(
        mut table: Table,
        mut test: Option<Table>,
        preparation: &Preparation,
    ) -> Result<Samples, DataError> {
        let Preparation { validation, seed, normalize, together, outputs } = *preparation;
        if let Some(test) = &test {
            check_alike(test, &table)?;
        }
        let labels = Labels::of(&table, outputs)?;
        let Columns { inputs, targets, target_places } = table.columns.clone();
        let [rest, held_out] = match validation {
            None => [(0..table.rows()).collect(), Vec::new()],
            Some(fraction) => split(&table, fraction, seed)?,
        };
        let scaling = Scaling::fit(&table.inputs, table.input_len, &rest, normalize, together);
        if let Some(scaling) = &scaling {
            for table in std::iter::once(&mut table).chain(&mut test) {
                scaling.apply(&table.name, &mut table.inputs)?;
            }
        }
        let (train, validation) = match validation {
            None => (table, None),
            Some(_) => (table.pick(&rest)?, Some(table.pick(&held_out)?)),
        };
        let dataset = |table: Table| table.into_dataset(&labels).map(Arc::new);
        Ok(Samples {
            train: dataset(train)?,
            validation: validation.map(dataset).transpose()?,
            test: test.map(dataset).transpose()?,
            schema: Schema { inputs, targets, target_places, labels, scaling },
        })
    }
}

impl Table {
    /// The data set that a network takes.
    ///
    /// # Errors
    /// As [`Table::encoded`]; [`DataProblem::Empty`] without targets.
    pub fn into_dataset(self, labels: &Labels) -> Result<Dataset, DataError> {
        let encoded = self.encoded(labels)?.unwrap_or_default();
        let len = match (&self.targets, labels.outputs()) {
            (Targets::Numbers { len, .. }, _) => *len,
            (_, outputs) => outputs.unwrap_or(1),
        };
        let data = Dataset::new(&self.name, self.inputs, self.input_len, encoded, len)?;
        Ok(data.with_labels(labels.clone()))
    }
}

/// Whether `test` has the columns of `train`.
fn check_alike(test: &Table, train: &Table) -> Result<(), DataError> {
    let kind = |table: &Table| match &table.targets {
        Targets::None => "missing".to_owned(),
        Targets::Numbers { len, .. } => format!("{len} numbers a row"),
        Targets::Classes(_) => "classes".to_owned(),
    };
    let (found, expected) = if test.input_len != train.input_len {
        (format!("rows of {} inputs", test.input_len), train.input_len.to_string())
    } else if kind(test) != kind(train) {
        (format!("its targets are {}", kind(test)), kind(train))
    } else {
        return Ok(());
    };
    Err(DataProblem::Unlike { found, other: train.name.clone(), expected }.of(&test.name))
}

/// The training rows and the validation rows: a fraction drawn by `seed`, both in file order.
fn split(table: &Table, fraction: f32, seed: u64) -> Result<[Vec<usize>; 2], DataError> {
    let rows = table.rows();
    let count = (rows as f64 * f64::from(fraction)).round() as usize;
    if count == 0 || count >= rows {
        let (part, fix) = if count == 0 { ("none", "larger") } else { ("all of them", "smaller") };
        return Err(DataProblem::Split { rows, fraction, part, fix }.of(&table.name));
    }
    let key = threefry2x32(seed_key(seed), [0, stream_id(Purpose::Validation, 0)]);
    let mut is_held_out = vec![false; rows];
    for position in 0..count as u32 {
        is_held_out[permuted(key, rows as u32, position) as usize] = true;
    }
    let (held_out, rest) = (0..rows).partition(|&row| is_held_out[row]);
    Ok([rest, held_out])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{CsvOptions, read_csv};

    const PLAIN: Preparation = Preparation {
        validation: None,
        seed: 0,
        normalize: Normalize::None,
        together: false,
        outputs: None,
    };

    fn table(name: &str, text: &str) -> Table {
        read_csv(name, text.as_bytes(), &CsvOptions::default()).unwrap()
    }

    fn numbered(rows: usize) -> Table {
        let text: String = (0..rows).map(|row| format!("{row},{row}\n")).collect();
        table("rows", &text)
    }

    #[test]
    fn a_split_is_seeded_and_has_every_row_once() {
        let of = |seed| {
            let preparation = Preparation { validation: Some(0.25), seed, ..PLAIN };
            let samples = Samples::new(numbered(40), None, &preparation).unwrap();
            let kept = samples.validation.unwrap().inputs().to_vec();
            (samples.train.inputs().to_vec(), kept)
        };
        let (train, kept) = of(0);
        assert_eq!((train.len(), kept.len()), (30, 10));
        let mut all = [train.clone(), kept.clone()].concat();
        all.sort_by(f32::total_cmp);
        assert_eq!(all, (0..40).map(|row| row as f32).collect::<Vec<_>>());
        assert!(train.is_sorted() && kept.is_sorted());
        assert_eq!(of(0).1, kept);
        assert_ne!(of(1).1, kept);
    }

    #[test]
    fn scales_are_fitted_on_the_training_rows() {
        let preparation =
            Preparation { validation: Some(0.5), normalize: Normalize::Unit, ..PLAIN };
        let test = table("test", "1000,0\n");
        let samples = Samples::new(numbered(10), Some(test), &preparation).unwrap();
        let train = samples.train.inputs();
        let ends = train.iter().fold((f32::MAX, f32::MIN), |e, &x| (e.0.min(x), e.1.max(x)));
        assert_eq!(ends, (0.0, 1.0));
        assert!(samples.test.unwrap().inputs()[0] > 100.0);
        assert_eq!(samples.schema.scaling.unwrap().offset().len(), 1);
    }

    #[test]
    fn a_test_set_with_other_columns_is_refused() {
        let train = || table("train.csv", "1,2,a\n3,4,b\n");
        let refused = |test: &str, parts: &[&str]| {
            let test = table("test.csv", test);
            let error = Samples::new(train(), Some(test), &PLAIN).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{error}");
            }
        };
        refused("1,a\n", &["test.csv", "rows of 1 inputs", "train.csv has 2"]);
        refused("1,2,3\n", &["1 numbers a row", "train.csv has classes"]);
        refused("1,2,a\n1,2,c\n", &["test.csv", "line 2", "\"c\"", "a, b"]);
    }

    #[test]
    fn too_small_and_too_large_fractions_are_refused() {
        for fraction in [0.01, 0.99] {
            let preparation = Preparation { validation: Some(fraction), ..PLAIN };
            let error = Samples::new(numbered(5), None, &preparation).unwrap_err();
            let fix = if fraction < 0.5 { "larger --validation" } else { "smaller --validation" };
            assert!(error.to_string().contains(fix), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn too_large_an_allocation_is_an_error_with_its_size() {
        let error = crate::data::error::allocate::<f32>("big", usize::MAX / 8).unwrap_err();
        assert!(error.to_string().contains("big: out of memory: it needs"), "{error}");
        assert_eq!(error.exit_code(), 4);
    }
}
