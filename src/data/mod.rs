//! Rows of inputs and targets, and the order in which training steps use them.
//!
//! Numbers that are in memory are a [`Dataset`] at once: `[rows][inputs]` and `[rows][targets]`, row by row. A table of
//! text becomes a [`Table`], and with a [`Preparation`] the [`Samples`] of a training: split, encoded and scaled.
//!
//! ```
//! use wgrad::data::{CsvOptions, Preparation, Samples, read_csv};
//!
//! let text = b"height,kind\n1.5,oak\n0.2,moss\n2.5,oak\n0.1,moss\n";
//! let table = read_csv("plants.csv", text, &CsvOptions::default())?;
//! let samples = Samples::new(table, None, &Preparation::default())?;
//! assert_eq!((samples.train.rows(), samples.train.input_len()), (4, 1));
//! assert_eq!(samples.train.class_names(), ["moss", "oak"]);
//! # Ok::<(), wgrad::data::DataError>(())
//! ```

mod column;
mod csv;
mod encoding;
mod error;
mod idx;
mod labels;
mod order;
mod samples;
mod scaling;
mod shapes;
mod source;
mod table;

pub use column::Field;
pub use csv::{CsvOptions, Missing, read_csv};
pub use encoding::Encoding;
pub use error::{DataError, DataProblem};
pub use idx::{read_idx, unpacked};
pub use labels::{ClassWeights, Labels};
pub use order::{Batches, Order};
pub(crate) use order::{RowOrder, epoch_key, permuted};
pub use samples::{Preparation, Samples, Schema};
pub use scaling::{Normalize, Scaling};
pub use shapes::Shape;
pub use source::{BuiltIn, Source};
pub use table::Table;

use std::borrow::Cow;

use crate::network::{Network, Targets as LossTargets};

/// The class that a row of outputs, or of targets, stands for: the first of the largest, or of a single one
/// whether it is above 1/2.
pub fn class_of<T: Copy + Into<f64> + PartialOrd>(values: &[T]) -> usize {
    match values {
        [value] => usize::from((*value).into() > 0.5),
        values => {
            (1..values.len()).fold(0, |best, at| if values[at] > values[best] { at } else { best })
        }
    }
}

/// The largest number of rows for which `solved` is evaluated and outputs are listed.
pub const SOLVED_ROWS: usize = 64;

/// Rows of inputs and targets, row-major, without padding; every number is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    name: String,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    input_len: usize,
    target_len: usize,
    labels: Labels,
    target_scaling: Option<Scaling>,
    /// Of each row in the loss, their mean 1; none where all count alike.
    weights: Vec<f32>,
}

impl Dataset {
    /// `inputs` as `[rows][input_len]` and `targets` as `[rows][target_len]`.
    ///
    /// # Errors
    /// [`DataError`] if there is no row, a length does not fit, or a number is not finite (line and
    /// column then count in the inputs followed by the targets).
    pub fn new(
        name: &str,
        inputs: Vec<f32>,
        input_len: usize,
        targets: Vec<f32>,
        target_len: usize,
    ) -> Result<Dataset, DataError> {
        let bad = |problem: DataProblem| Err(problem.of(name));
        if inputs.is_empty() || targets.is_empty() || input_len == 0 || target_len == 0 {
            return bad(DataProblem::Empty);
        }
        let rows = inputs.len() / input_len;
        if inputs.len() != rows * input_len || targets.len() != rows * target_len {
            let (found, expected) = (inputs.len() + targets.len(), rows * (input_len + target_len));
            return bad(DataProblem::Ragged { line: rows as u64, found, expected });
        }
        if u32::try_from(rows).is_err() {
            return bad(DataProblem::TooManyRows(rows));
        }
        for (values, len, before) in [(&inputs, input_len, 0), (&targets, target_len, input_len)] {
            if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                return bad(DataProblem::Field {
                    line: (index / len + 1) as u64,
                    column: index % len + 1 + before,
                    value: values[index].to_string(),
                    what: "not finite".to_owned(),
                    fix: "every number must be finite",
                });
            }
        }
        let (name, labels, target_scaling) = (name.to_owned(), Labels::Numbers, None);
        let weights = Vec::new();
        Ok(Dataset {
            name,
            inputs,
            targets,
            input_len,
            target_len,
            labels,
            target_scaling,
            weights,
        })
    }

    /// The same with labels for as many outputs as a row has targets.
    #[must_use]
    pub fn with_labels(self, labels: Labels) -> Dataset {
        Dataset { labels, ..self }
    }

    /// The same with targets that were put on this scale.
    #[must_use]
    pub fn with_target_scaling(self, target_scaling: Option<Scaling>) -> Dataset {
        Dataset { target_scaling, ..self }
    }

    /// The same whose rows count in the loss as the `weights` of their classes say, one for each class, in the
    /// order of [`Dataset::class_names`]; positive numbers, of which only the ratios matter: the mean over the
    /// rows is made 1, so that the loss over all of them is the weighted mean, the sum of weight times loss over
    /// the sum of weights (as PyTorch's losses with `weight=`). None for rows that count alike.
    #[must_use]
    pub fn with_class_weights(self, weights: &[f64]) -> Dataset {
        let of_row = |row| weights.get(self.class_of(row)).copied().unwrap_or(1.0);
        let sum: f64 = (0..self.rows()).map(of_row).sum();
        let factor = self.rows() as f64 / sum;
        let rows = if weights.is_empty() { 0 } else { self.rows() };
        let weights = (0..rows).map(|row| (factor * of_row(row)) as f32).collect();
        Dataset { weights, ..self }
    }

    /// The weights of the rows in the loss, `[rows]`, of mean 1; empty where all count alike.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The weight of a row in the loss.
    pub fn weight(&self, row: usize) -> f32 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }

    /// Whether rows have weights in the loss.
    pub fn is_weighted(&self) -> bool {
        !self.weights.is_empty()
    }

    /// The length of a row of [`Dataset::target_rows`]: one more than its targets where rows have weights.
    pub fn target_width(&self) -> usize {
        self.target_len + usize::from(self.is_weighted())
    }

    /// What a loss takes: the targets of each row, with its weight behind them where rows have weights;
    /// `[rows][target_width]`.
    pub fn target_rows(&self) -> Cow<'_, [f32]> {
        if !self.is_weighted() {
            return Cow::Borrowed(&self.targets);
        }
        let rows = self.targets.chunks_exact(self.target_len).zip(&self.weights);
        rows.flat_map(|(target, weight)| target.iter().chain([weight])).copied().collect()
    }

    /// The class that a row's targets stand for: the larger one, or of a single target whether it is above 1/2.
    pub fn class_of(&self, row: usize) -> usize {
        class_of(self.target(row))
    }

    /// The names of the classes that rows of one class have, `[classes]`; their numbers where they have no names.
    pub fn class_names(&self) -> Vec<String> {
        match &self.labels {
            Labels::Numbers => (0..self.target_len.max(2)).map(|class| class.to_string()).collect(),
            labels => labels.names().to_vec(),
        }
    }

    /// The scale that targets were put on, if any.
    pub fn target_scaling(&self) -> Option<&Scaling> {
        self.target_scaling.as_ref()
    }

    /// How many times as large a loss is in the unit of the targets, as that of the scaled ones is.
    pub fn loss_unit(&self) -> f64 {
        self.target_scaling.as_ref().map_or(1.0, Scaling::squared_unit)
    }

    /// All targets in their own unit, `[rows][target_len]`.
    pub fn own_targets(&self) -> Vec<f64> {
        Scaling::own_unit(self.target_scaling.as_ref(), &self.targets)
    }

    /// What its targets mean.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Its name.
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

    /// Targets per row.
    pub fn target_len(&self) -> usize {
        self.target_len
    }

    /// All inputs, `[rows][input_len]`.
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// All targets, `[rows][target_len]`.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }

    /// One row of inputs, `[inputs]`; rows count from 0.
    pub fn input(&self, row: usize) -> &[f32] {
        &self.inputs[row * self.input_len..][..self.input_len]
    }

    /// One row of targets, `[targets]`; rows count from 0.
    pub fn target(&self, row: usize) -> &[f32] {
        &self.targets[row * self.target_len..][..self.target_len]
    }

    /// Whether every target is 0 or 1, and none was made so by scaling.
    pub fn is_classification(&self) -> bool {
        self.target_scaling.is_none()
            && self.targets.iter().all(|&target| target == 0.0 || target == 1.0)
    }

    /// Whether rows are few, and zeros and ones throughout.
    pub(crate) fn is_truth_table(&self) -> bool {
        let is_bit = |value: &f32| *value == 0.0 || *value == 1.0;
        self.rows() <= SOLVED_ROWS && self.is_classification() && self.inputs.iter().all(is_bit)
    }

    /// Whether it is the table of XOR, by whatever name.
    pub(crate) fn is_xor(&self) -> bool {
        let xor = |row| [self.input(row), self.target(row)].concat().iter().sum::<f32>() % 2.0;
        self.is_truth_table() && self.rows() == 4 && (0..4).all(|row| xor(row) == 0.0)
    }

    /// Whether there are several rows, all with the same targets: then there is nothing to learn.
    pub fn is_constant(&self) -> bool {
        let first = self.target(0);
        self.rows() > 1 && self.targets.chunks_exact(self.target_len).all(|row| row == first)
    }

    /// Whether every row is one-hot: one target of 1, the others 0.
    pub fn is_one_of_n(&self) -> bool {
        let ones = |row: &[f32]| row.iter().filter(|&&target| target == 1.0).count();
        self.target_len > 1
            && self.is_classification()
            && self.targets.chunks_exact(self.target_len).all(|row| ones(row) == 1)
    }

    /// Whether every row is of one class: an output for each class, or a single one.
    pub fn is_of_one_class(&self) -> bool {
        let is_one = self.target_len == 1 || matches!(self.labels, Labels::Classes(_));
        self.is_classification() && (is_one || self.is_one_of_n())
    }

    /// Whether a network can train on this: its sizes, and the targets that its loss needs.
    ///
    /// # Errors
    /// [`DataProblem::Shape`] or [`DataProblem::BadTarget`].
    pub fn check_fits(&self, network: &Network) -> Result<(), DataError> {
        let (input_len, target_len) = (self.input_len, self.target_len);
        let (inputs, outputs) = (network.inputs(), network.outputs());
        if input_len != inputs || target_len != outputs {
            let problem = DataProblem::Shape { input_len, target_len, inputs, outputs };
            return Err(problem.of(&self.name));
        }
        let loss = network.loss();
        let bad = |row: usize, value, needed| {
            Err(DataProblem::BadTarget { row: row + 1, value, loss, needed }.of(&self.name))
        };
        for row in 0..self.rows() {
            let target = self.target(row);
            if loss.predicts_probabilities()
                && let Some(&value) = target.iter().find(|&value| !(0.0..=1.0).contains(value))
            {
                return bad(row, value, "targets between 0 and 1");
            }
            let sum: f32 = target.iter().sum();
            if loss.row().targets == LossTargets::Distribution && (sum - 1.0).abs() > 1e-5 {
                return bad(row, sum, "targets that sum to 1 in each row");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Activation::{Identity, Relu, Sigmoid};
    use crate::network::Loss;

    #[test]
    fn only_complete_rows_of_finite_numbers_are_accepted() {
        let new = |inputs: &[f32], targets: &[f32]| {
            Dataset::new("d", inputs.to_vec(), 2, targets.to_vec(), 1)
        };
        let problem = |inputs: &[f32], targets: &[f32]| new(inputs, targets).unwrap_err().problem;
        assert!(matches!(problem(&[], &[]), DataProblem::Empty));
        assert!(matches!(problem(&[1.0, 2.0, 3.0], &[1.0]), DataProblem::Ragged { .. }));
        assert!(matches!(problem(&[1.0, 2.0], &[1.0, 2.0]), DataProblem::Ragged { .. }));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = new(&[0.0, 1.0, bad, 3.0], &[0.0, 1.0]).unwrap_err().to_string();
            assert!(error.contains("line 2, column 1"), "{error}");
            let error = new(&[0.0, 1.0], &[bad]).unwrap_err().to_string();
            assert!(error.contains("line 1, column 3"), "{error}");
        }
    }

    #[test]
    fn a_loss_decides_which_targets_it_takes() {
        let data =
            |targets: &[f32]| Dataset::new("d", vec![0.0], 1, targets.to_vec(), targets.len());
        let net = |outputs, activation, loss| {
            Network::uniform(vec![1, outputs], Relu, activation, loss).unwrap()
        };
        let bce = net(1, Sigmoid, Loss::Bce);
        let softmax = net(2, Identity, Loss::SoftmaxCrossEntropy);
        assert!(data(&[0.5]).unwrap().check_fits(&bce).is_ok());
        assert!(data(&[2.0]).unwrap().check_fits(&bce).is_err());
        assert!(data(&[2.0]).unwrap().check_fits(&net(1, Identity, Loss::MseMean)).is_ok());
        assert!(data(&[0.0, 1.0]).unwrap().check_fits(&softmax).is_ok());
        assert!(data(&[1.0, 1.0]).unwrap().check_fits(&softmax).is_err());
        let error = data(&[0.0, 1.0]).unwrap().check_fits(&bce).unwrap_err().to_string();
        assert!(
            error.contains("1 inputs and 2 targets") && error.contains("`sizes` 1,...,2"),
            "{error}"
        );
    }
}
