//! From tables to what a training takes: rows to learn from, rows kept aside to tell learning from
//! knowing by heart, and what a later prediction must know.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::order::permuted;
use super::table::{Table, Targets};
use super::{DataError, Dataset, Labels, Normalize, Scaling};
use crate::random::{Purpose, seed_key, stream_id, threefry2x32};

/// What rows must be before a network sees them, and what its outputs mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The names of the inputs, where the data had any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// The names of the columns of targets, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Where the targets stand among the columns, from 0, where these have no names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_places: Vec<usize>,
    /// What the outputs mean.
    #[serde(default)]
    pub labels: Labels,
    /// The scale that inputs are brought to.
    #[serde(skip)]
    pub scaling: Option<Scaling>,
}

/// How tables become samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// The share of the rows that is kept for validation, above 0 and below 1.
    pub validation: Option<f32>,
    /// The seed that says which.
    pub seed: u64,
    /// The scale that inputs are brought to.
    pub normalize: Normalize,
    /// Whether all inputs are of one kind, and keep their scale among each other.
    pub together: bool,
    /// Outputs of the network, where they are given.
    pub outputs: Option<usize>,
}

/// What a training takes.
#[derive(Debug, Clone)]
pub struct Samples {
    /// The rows to learn from.
    pub train: Arc<Dataset>,
    /// Rows that are looked at on the way and not learned from.
    pub validation: Option<Arc<Dataset>>,
    /// Rows that are looked at once, at the end.
    pub test: Option<Arc<Dataset>>,
    /// What a prediction must know.
    pub schema: Schema,
}

impl Samples {
    /// Splits, normalizes and encodes: whatever is fitted is fitted on the rows to learn from.
    ///
    /// # Errors
    /// [`DataError`] where a row has no target, a class of `test` is not known, or `test` is of
    /// another kind.
    pub fn new(
        table: Table,
        mut test: Option<Table>,
        preparation: &Preparation,
    ) -> Result<Samples, DataError> {
        let Preparation { validation, seed, normalize, together, outputs } = *preparation;
        if let Some(test) = &test {
            check_kind(test, &table)?;
        }
        let labels = Labels::of(&table, outputs)?;
        let (inputs, targets) = (table.input_names.clone(), table.target_names.clone());
        let target_places = table.target_places.clone();
        let mut table = table;
        let [rest, kept] = match validation {
            None => [(0..table.rows()).collect(), Vec::new()],
            Some(fraction) => split(&table, fraction, seed)?,
        };
        let scaling = Scaling::fit(&table.inputs, table.input_len, &rest, normalize, together);
        if let Some(scaling) = &scaling {
            scaling.apply_to(&mut table)?;
            test.as_mut().map(|test| scaling.apply_to(test)).transpose()?;
        }
        let (train, kept) = match validation {
            None => (table, None),
            Some(_) => (table.pick(&rest)?, Some(table.pick(&kept)?)),
        };
        let dataset = |table: Table| table.into_dataset(&labels).map(Arc::new);
        Ok(Samples {
            train: dataset(train)?,
            validation: kept.map(dataset).transpose()?,
            test: test.map(dataset).transpose()?,
            schema: Schema { inputs, targets, target_places, labels, scaling },
        })
    }
}

impl Table {
    /// As a network takes it.
    ///
    /// # Errors
    /// As [`Table::encoded`]; [`DataError::Empty`] where there are no targets.
    pub fn into_dataset(self, labels: &Labels) -> Result<Dataset, DataError> {
        let encoded = self.encoded(labels)?.unwrap_or_default();
        let len = match (&self.targets, labels.outputs()) {
            (Targets::Numbers { len, .. }, _) => *len,
            (_, outputs) => outputs.unwrap_or(1),
        };
        let data = Dataset::new(&self.name, self.inputs, self.input_len, encoded, len)?;
        Ok(data.with_labels(labels.clone()))
    }

    /// Rows `i` with `i % 5 == 4`, counted from 0, apart from the others: these first.
    ///
    /// # Errors
    /// [`DataError::Memory`].
    pub fn keep_every_fifth(self) -> Result<(Table, Table), DataError> {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..self.rows()).partition(|row| row % 5 == 4);
        Ok((self.pick(&train)?, self.pick(&test)?))
    }
}

/// Whether `test` can be what `train` is to be measured on.
fn check_kind(test: &Table, train: &Table) -> Result<(), DataError> {
    let (name, other) = (test.name.clone(), train.name.clone());
    if test.input_len != train.input_len {
        let (found, expected) = (test.input_len, train.input_len);
        return Err(DataError::InputCount { name, found, other, expected });
    }
    let kind = |table: &Table| match &table.targets {
        Targets::None => "missing".to_owned(),
        Targets::Numbers { len, .. } => format!("{len} numbers a row"),
        Targets::Classes(_) => "classes".to_owned(),
    };
    let (found, expected) = (kind(test), kind(train));
    if found == expected {
        return Ok(());
    }
    Err(DataError::TargetKind { name, found, other, expected })
}

/// The rows that stay, and those that are kept aside: a share of them drawn by `seed`, both in the
/// order in which they stand.
fn split(table: &Table, fraction: f32, seed: u64) -> Result<[Vec<usize>; 2], DataError> {
    let rows = table.rows();
    let count = (rows as f64 * f64::from(fraction)).round() as usize;
    if count == 0 || count >= rows {
        let (kept, fix) = if count == 0 { ("none", "larger") } else { ("all of them", "smaller") };
        return Err(DataError::Split { name: table.name.clone(), rows, fraction, kept, fix });
    }
    let key = threefry2x32(seed_key(seed), [0, stream_id(Purpose::Validation, 0)]);
    let mut is_kept = vec![false; rows];
    (0..count as u32).for_each(|place| {
        is_kept[permuted(key, rows as u32, place) as usize] = true;
    });
    let (kept, rest) = (0..rows).partition(|&row| is_kept[row]);
    Ok([rest, kept])
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
    fn a_split_is_seeded_leaves_no_row_out_and_takes_none_twice() {
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
    fn what_is_fitted_is_fitted_on_the_rows_to_learn_from() {
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
    fn tests_of_another_kind_are_refused() {
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
    fn too_small_and_too_large_shares_are_refused() {
        for fraction in [0.01, 0.99] {
            let preparation = Preparation { validation: Some(fraction), ..PLAIN };
            let error = Samples::new(numbered(5), None, &preparation).unwrap_err();
            let fix = if fraction < 0.5 { "larger --validation" } else { "smaller --validation" };
            assert!(error.to_string().contains(fix), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn room_for_more_than_there_is_is_refused_with_the_numbers() {
        let error = crate::data::error::room::<f32>("big", usize::MAX / 8).unwrap_err();
        assert!(error.to_string().contains("big: out of memory: it needs"), "{error}");
        assert_eq!(error.exit_code(), 4);
    }
}
