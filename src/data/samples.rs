//! From tables to the data sets of a training: training rows, validation rows, test rows, and the
//! schema that a later prediction needs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::encoding::{EncodedTable, Encoding};
use super::order::permuted;
use super::scaling::fit;
use super::table::{Names, Table, Targets};
use super::{ClassWeights, DataError, DataProblem, Dataset, Labels, Normalize, Scaling};
use crate::random::{Purpose, seed_key, stream_id, threefry2x32};

/// How rows are preprocessed, and what a network's outputs mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Schema {
    /// The names of the input columns, if the data had any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// The names of the target columns, if the data had any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The positions of the targets among the columns, from 0, if the columns have no names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_places: Vec<usize>,
    /// How each column becomes inputs; none where every one is a number, and none may be missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<Encoding>,
    /// What the outputs mean.
    #[serde(default)]
    pub labels: Labels,
    /// How much a row of each class counts in the loss, `[classes]`; none where all count alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_weights: Vec<f64>,
    /// How inputs are normalized.
    #[serde(skip)]
    pub scaling: Option<Scaling>,
    /// How targets that are numbers are normalized.
    #[serde(skip)]
    pub target_scaling: Option<Scaling>,
}

impl Schema {
    /// What the input column at this place is called in reports.
    pub fn input_name(&self, at: usize) -> String {
        let name = self.inputs.get(at).filter(|name| !name.is_empty());
        name.cloned().unwrap_or_else(|| format!("input {}", at + 1))
    }

    /// Columns of a table that feed a network of so many inputs.
    pub fn columns(&self, inputs: usize) -> usize {
        if self.encodings.is_empty() { inputs } else { self.encodings.len() }
    }

    /// Which of so many columns hold texts, `[columns]`.
    pub fn texts(&self, columns: usize) -> Vec<bool> {
        match self.encodings.is_empty() {
            true => vec![false; columns],
            false => self.encodings.iter().map(|encoding| !encoding.is_number()).collect(),
        }
    }

    /// The encodings of the columns of a table, of which there are as many as in training.
    fn encodings_of(&self, table: &Table) -> Vec<Encoding> {
        match self.encodings.is_empty() {
            true => vec![Encoding::Number(None); table.input_len()],
            false => self.encodings.clone(),
        }
    }

    /// The inputs of a network out of a table's columns, `[rows][inputs]`.
    ///
    /// # Errors
    /// [`DataProblem::UnknownValue`] for a text that was not trained on, [`DataProblem::MissingValues`] where
    /// nothing stands in for them, [`DataProblem::Unscalable`].
    pub fn encode(&self, table: &Table) -> Result<Vec<f32>, DataError> {
        let encodings = self.encodings_of(table);
        let rows: Vec<usize> = (0..table.rows()).collect();
        EncodedTable::new(table, &encodings)?.rows(&rows, self.scaling.as_ref())
    }

    /// The data set of a table with targets.
    ///
    /// # Errors
    /// As [`Schema::encode`] and [`Table::encoded`].
    pub fn dataset(&self, table: &Table) -> Result<Dataset, DataError> {
        self.dataset_of(table, &(0..table.rows()).collect::<Vec<_>>())
    }

    /// The same of some of its rows.
    fn dataset_of(&self, table: &Table, rows: &[usize]) -> Result<Dataset, DataError> {
        let encodings = self.encodings_of(table);
        let inputs = EncodedTable::new(table, &encodings)?.rows(rows, self.scaling.as_ref())?;
        let scaling = self.target_scaling.as_ref();
        let targets = table.encoded_targets(rows, &self.labels, scaling)?.unwrap_or_default();
        let len = match (&table.targets, self.labels.outputs()) {
            (Targets::Numbers { len, .. }, _) => *len,
            (_, outputs) => outputs.unwrap_or(1),
        };
        let inputs_of_row = encodings.iter().map(Encoding::width).sum();
        let data = Dataset::new(&table.name, inputs, inputs_of_row, targets, len)?;
        let data = data.with_labels(self.labels.clone());
        let data = data.with_target_scaling(self.target_scaling.clone());
        Ok(data.with_class_weights(&self.class_weights))
    }
}

/// How tables become samples. By default all rows are trained on, and inputs are normalized unless they are bits.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Preparation {
    /// The fraction of the rows for validation, above 0 and below 1; `None` for none.
    pub validation: Option<f32>,
    /// The fraction of the rows for testing, where these are not a table of their own; `None` for none.
    pub test: Option<f32>,
    /// Whether both have the shares of classes that all rows have.
    pub is_stratified: bool,
    /// The seed that draws them.
    pub seed: u64,
    /// Whether something stands in for values that are missing, here or in later rows.
    pub fills: bool,
    /// How inputs are normalized; where it is not said, `Standard` unless every column is of zeros and ones.
    pub normalize: Option<Normalize>,
    /// How targets are normalized that are numbers, not all of them 0 or 1.
    pub normalize_targets: Option<Normalize>,
    /// Whether all inputs share one scale, like the pixels of an image.
    pub together: bool,
    /// How much the rows of each class count in the loss.
    pub class_weights: ClassWeights,
    /// Outputs of the network, if they are given.
    pub outputs: Option<usize>,
}

/// The data sets of a training.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Samples {
    /// The rows to train on.
    pub train: Arc<Dataset>,
    /// Rows evaluated during training and not trained on.
    pub validation: Option<Arc<Dataset>>,
    /// Rows evaluated once, at the end.
    pub test: Option<Arc<Dataset>>,
    /// Where in their table those to train on stand, those for validation, and those for testing that come from
    /// the same table.
    pub places: [Vec<usize>; 3],
    /// What a prediction needs.
    pub schema: Schema,
    /// How inputs were normalized.
    pub normalize: Normalize,
    /// How targets were.
    pub normalize_targets: Normalize,
    /// What may have been meant otherwise, and what was lost: inputs whose values f32 does not tell apart.
    pub notes: Vec<String>,
}

impl Samples {
    /// Splits, encodes and normalizes; means and scales are those of the training rows alone.
    ///
    /// # Errors
    /// [`DataError`] for a row without a target, a column that cannot be inputs, a class or a text of `test`
    /// that is not in `table`, or a `test` with other columns.
    pub fn new(
        table: Table,
        test: Option<Table>,
        preparation: &Preparation,
    ) -> Result<Samples, DataError> {
        let Preparation { validation, together, outputs, .. } = *preparation;
        if let Some(test) = &test {
            check_alike(test, &table)?;
        }
        let labels = Labels::of(&table, outputs)?;
        let Names { inputs, targets, target_places, .. } = table.names.clone();
        let [rest, held_out, tested] = split(&table, preparation)?;
        let encodings = Encoding::fit(&table, &rest, preparation.fills);
        let encoded = EncodedTable::new(&table, &encodings)?;
        let are_numbers = encoded.are_numbers();
        let normalize = preparation.normalize.unwrap_or(match is_of_bits(&encoded, &table) {
            true => Normalize::None,
            false => Normalize::Standard,
        });
        let scaling = scaling(&encoded, &are_numbers, &rest, normalize, together);
        let is_plain = encodings.iter().all(|encoding| *encoding == Encoding::Number(None));
        let (normalize_targets, target_scaling) =
            target_scaling(&table, &rest, preparation.normalize_targets);
        let mut notes = table.notes.clone();
        notes.extend(merged(&table, &encoded, &are_numbers, scaling.as_ref()));
        let factors = target_scaling.as_ref().map_or(&[][..], Scaling::factor);
        let has_unit = target_scaling.as_ref().is_none_or(|scaling| scaling.squared_unit() != 1.0);
        match factors {
            [factor] if !has_unit && ![0.0, 1.0].contains(factor) => notes.push(
                "losses are those of the scaled targets, whose own squares f32 does not hold"
                    .to_owned(),
            ),
            [_, _, ..] => notes.push(
                "losses are those of the scaled targets, which have no unit in common".to_owned(),
            ),
            _ => {}
        }
        let mut schema = Schema {
            inputs,
            targets,
            target_places,
            encodings: if is_plain { Vec::new() } else { encodings.clone() },
            labels,
            class_weights: Vec::new(),
            scaling,
            target_scaling,
        };
        let train = schema.dataset_of(&table, &rest)?;
        schema.class_weights = preparation.class_weights.of(&train)?;
        let train = Arc::new(train.with_class_weights(&schema.class_weights));
        let dataset = |table: &Table, rows: &[usize]| schema.dataset_of(table, rows).map(Arc::new);
        let of_test = |test: Table| schema.dataset(&test).map(Arc::new);
        Ok(Samples {
            train,
            validation: validation.map(|_| dataset(&table, &held_out)).transpose()?,
            test: match preparation.test {
                Some(_) => Some(dataset(&table, &tested)?),
                None => test.map(of_test).transpose()?,
            },
            places: [rest, held_out, tested],
            schema,
            normalize,
            normalize_targets,
            notes,
        })
    }
}

/// Whether every input is 0 or 1, as those of a truth table are.
fn is_of_bits(encoded: &EncodedTable<'_>, table: &Table) -> bool {
    let rows: Vec<usize> = (0..table.rows()).collect();
    let is_bit = |value: f64| value == 0.0 || value == 1.0;
    (0..encoded.are_numbers().len()).all(|at| encoded.input(at, &rows).all(is_bit))
}

/// The scaling of inputs that are numbers; the others stay 0 and 1.
fn scaling(
    encoded: &EncodedTable<'_>,
    are_numbers: &[bool],
    rows: &[usize],
    normalize: Normalize,
    together: bool,
) -> Option<Scaling> {
    if normalize == Normalize::None {
        return None;
    }
    let all = || (0..are_numbers.len()).flat_map(|at| encoded.input(at, rows));
    let shared = together.then(|| fit(normalize, all));
    let of_input = |(at, &is_number): (usize, &bool)| match is_number {
        true => shared.unwrap_or_else(|| fit(normalize, || encoded.input(at, rows))),
        false => (0.0, 1.0),
    };
    let (offset, factor) = are_numbers.iter().enumerate().map(of_input).unzip();
    Scaling::new(offset, factor)
}

/// How targets are normalized: numbers, unless all of them are 0 or 1.
fn target_scaling(
    table: &Table,
    rows: &[usize],
    normalize: Option<Normalize>,
) -> (Normalize, Option<Scaling>) {
    let none = (Normalize::None, None);
    let Targets::Numbers { values, len } = &table.targets else { return none };
    let is_bit = |value: &f64| *value == 0.0 || *value == 1.0;
    let normalize = match normalize {
        None | Some(Normalize::None) => return none,
        Some(_) if values.iter().all(is_bit) => return none,
        Some(normalize) => normalize,
    };
    let of_target =
        |at: usize| fit(normalize, || rows.iter().map(move |row| values[row * len + at]));
    let (offset, factor) = (0..*len).map(of_target).unzip();
    (normalize, Scaling::new(offset, factor))
}

/// Rows that are looked at for values that f32 does not tell apart.
const MERGED_ROWS: usize = 4096;

/// Inputs of which two values that differ became the same.
fn merged(
    table: &Table,
    encoded: &EncodedTable<'_>,
    are_numbers: &[bool],
    scaling: Option<&Scaling>,
) -> Vec<String> {
    let rows: Vec<usize> = (0..table.rows().min(MERGED_ROWS)).collect();
    let names = encoded.columns_of_inputs();
    let distinct = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.len()
    };
    let of_input = |(at, _): (usize, &bool)| {
        let values: Vec<f64> = encoded.input(at, &rows).collect();
        let short = |value: &f64| {
            f64::from(scaling.map_or(*value as f32, |scaling| scaling.scaled(at, *value)))
        };
        // A constant becomes 0 with all that is near it.
        let scaled: Vec<f64> = values.iter().map(short).collect();
        let (before, after) = (distinct(values), distinct(scaled));
        (after < before).then(|| {
            let column = table.column_name(names[at]);
            format!(
                "{before} different values of {column} are {after} in f32: scale them with `normalize` standard, or give smaller numbers"
            )
        })
    };
    are_numbers
        .iter()
        .enumerate()
        .filter(|(_, is_number)| **is_number)
        .filter_map(of_input)
        .collect()
}

/// Whether `test` has the columns of `train`.
fn check_alike(test: &Table, train: &Table) -> Result<(), DataError> {
    let kind = |table: &Table| match &table.targets {
        Targets::None => "missing".to_owned(),
        Targets::Numbers { len, .. } => format!("{len} numbers a row"),
        Targets::Classes(_) => "classes".to_owned(),
    };
    let (found, expected) = if test.input_len() != train.input_len() {
        (format!("rows of {} inputs", test.input_len()), train.input_len().to_string())
    } else if kind(test) != kind(train) {
        (format!("its targets are {}", kind(test)), kind(train))
    } else {
        return Ok(());
    };
    Err(DataProblem::Unlike { found, other: train.name.clone(), expected }.of(&test.name))
}

/// The rows to train on, those for validation and those for testing: fractions drawn by the seed, all in file
/// order.
fn split(table: &Table, preparation: &Preparation) -> Result<[Vec<usize>; 3], DataError> {
    let Preparation { validation, test, is_stratified, seed, .. } = *preparation;
    let rows = table.rows();
    let key = threefry2x32(seed_key(seed), [0, stream_id(Purpose::Validation, 0)]);
    let drawn = (0..rows as u32).map(|position| permuted(key, rows as u32, position) as usize);
    let groups = match classes_of(table).filter(|_| is_stratified) {
        None => vec![drawn.collect()],
        Some(classes) => {
            let count = classes.iter().max().map_or(0, |most| most + 1);
            let mut groups = vec![Vec::new(); count];
            drawn.for_each(|row| groups[classes[row]].push(row));
            groups
        }
    };
    let mut part_of = vec![0; rows];
    let (mut taken, mut all) = (vec![0; groups.len()], 0.0);
    for (part, flag, fraction) in [(1, "`validation`", validation), (2, "`test`", test)] {
        let Some(fraction) = fraction else { continue };
        all += f64::from(fraction);
        let counts = shares(&groups, &taken, (rows as f64 * f64::from(fraction)).round(), all);
        let count: usize = counts.iter().sum();
        let left = rows - taken.iter().sum::<usize>();
        if count == 0 || count >= left {
            let all = count >= left;
            let (part, fix) =
                if all { ("all that are left", "smaller") } else { ("none", "larger") };
            return Err(DataProblem::Split { rows, fraction, part, fix, flag }.of(&table.name));
        }
        for ((group, taken), count) in groups.iter().zip(&mut taken).zip(counts) {
            group[*taken..*taken + count].iter().for_each(|&row| part_of[row] = part);
            *taken += count;
        }
    }
    Ok([0, 1, 2].map(|part| (0..rows).filter(|&row| part_of[row] == part).collect()))
}

/// The class of each row, where it has one.
fn classes_of(table: &Table) -> Option<Vec<usize>> {
    match &table.targets {
        Targets::Classes(classes) => Some(classes.of.iter().map(|&class| class as usize).collect()),
        Targets::Numbers { values, len: 1 } if values.iter().all(|v| [0.0, 1.0].contains(v)) => {
            Some(values.iter().map(|&value| usize::from(value == 1.0)).collect())
        }
        _ => None,
    }
}

/// How many rows of each group go to a part of so many rows, so that with those that are `taken` already each comes
/// near a `fraction` of its own. A group keeps its last row for the training, as long as others have more.
fn shares(groups: &[Vec<usize>], taken: &[usize], rows: f64, fraction: f64) -> Vec<usize> {
    let mut counts = vec![0; groups.len()];
    let wanted = |at: usize| groups[at].len() as f64 * fraction - taken[at] as f64;
    for kept in [1, 0] {
        let room = |at: usize, counts: &[usize]| {
            groups[at].len().saturating_sub(taken[at] + counts[at] + kept)
        };
        for at in 0..groups.len() {
            counts[at] +=
                (wanted(at).max(0.0) as usize).saturating_sub(counts[at]).min(room(at, &counts));
        }
        while counts.iter().sum::<usize>() < rows as usize {
            let lack = |at: usize| wanted(at) - counts[at] as f64;
            let free = (0..groups.len()).rev().filter(|&at| room(at, &counts) > 0);
            match free.max_by(|&a, &b| lack(a).total_cmp(&lack(b))) {
                Some(at) => counts[at] += 1,
                None => break,
            }
        }
        // Whole shares of all groups may be more than the part.
        while counts.iter().sum::<usize>() > rows as usize {
            let over = |at: &usize| counts[*at] as f64 - wanted(*at);
            let used = (0..groups.len()).filter(|&at| counts[at] > 0);
            match used.max_by(|a, b| over(a).total_cmp(&over(b))) {
                Some(at) => counts[at] -= 1,
                None => break,
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{CsvOptions, read_csv};

    const PLAIN: Preparation = Preparation {
        class_weights: ClassWeights::None,
        validation: None,
        test: None,
        is_stratified: true,
        seed: 0,
        fills: false,
        normalize: Some(Normalize::None),
        normalize_targets: None,
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

    /// Rows for validation and for testing have the shares of classes that all have, and are others each.
    #[test]
    fn held_out_rows_have_the_shares_of_classes() {
        let line = |row: usize| {
            format!("{row},{}\n", if row.is_multiple_of(10) { "rare" } else { "often" })
        };
        let text: String = (0..200).map(line).collect();
        let of = |is_stratified, seed| {
            let (validation, test) = (Some(0.2), Some(0.1));
            let preparation = Preparation { validation, test, is_stratified, seed, ..PLAIN };
            let samples = Samples::new(table("rows", &text), None, &preparation).unwrap();
            let parts = [Some(samples.train), samples.validation, samples.test];
            let parts = parts.map(|part| part.unwrap());
            let rare = |data: &Arc<Dataset>| {
                data.targets().iter().skip(1).step_by(2).filter(|target| **target == 1.0).count()
            };
            let mut all: Vec<f32> = parts.iter().flat_map(|part| part.inputs().to_vec()).collect();
            all.sort_by(f32::total_cmp);
            assert_eq!(all, (0..200).map(|row| row as f32).collect::<Vec<_>>());
            (parts.each_ref().map(|part| part.rows()), parts.each_ref().map(rare))
        };
        for seed in 0..5 {
            assert_eq!(of(true, seed), ([140, 40, 20], [14, 4, 2]));
            assert_eq!(of(false, seed).0, [140, 40, 20]);
        }
        assert!((0..5).any(|seed| of(false, seed).1 != [14, 4, 2]));
    }

    #[test]
    fn scales_are_fitted_on_the_training_rows() {
        let preparation =
            Preparation { validation: Some(0.5), normalize: Some(Normalize::Unit), ..PLAIN };
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
            let fix = if fraction < 0.5 { "larger `validation`" } else { "smaller `validation`" };
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
