//! Rows of inputs and targets, and the order in which steps take them.

mod csv;
mod error;
mod idx;
mod labels;
mod order;
mod samples;
mod scaling;
mod shapes;
mod source;
mod table;

pub use csv::{CsvOptions, parse_row, read_csv};
pub use error::DataError;
pub use idx::{read_idx, unpacked};
pub use labels::Labels;
pub use order::{Batches, Order, epoch_key, permuted};
pub use samples::{Preparation, Samples, Schema};
pub use scaling::{Normalize, Scaling};
pub use shapes::Shape;
pub use source::{BuiltIn, Source, SourceError};
pub use table::Table;

use crate::network::{Network, Targets as LossTargets};

/// The most rows for which `solved` is asked and outputs are listed one by one.
pub const SOLVED_ROWS: usize = 64;

/// Rows of inputs and targets, row-major, without padding; every number finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    name: String,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    input_len: usize,
    target_len: usize,
    labels: Labels,
}

impl Dataset {
    /// `inputs` as `[rows][input_len]` and `targets` as `[rows][target_len]`.
    ///
    /// # Errors
    /// [`DataError`] where there is no row, a length does not fit, or a number is not finite
    /// (line and column are then counted in the inputs followed by the targets).
    pub fn new(
        name: &str,
        inputs: Vec<f32>,
        input_len: usize,
        targets: Vec<f32>,
        target_len: usize,
    ) -> Result<Dataset, DataError> {
        let name = name.to_owned();
        if inputs.is_empty() || targets.is_empty() || input_len == 0 || target_len == 0 {
            return Err(DataError::Empty { name });
        }
        let rows = inputs.len() / input_len;
        if inputs.len() != rows * input_len || targets.len() != rows * target_len {
            let (found, expected) = (inputs.len() + targets.len(), rows * (input_len + target_len));
            return Err(DataError::Ragged { name, line: rows as u64, found, expected });
        }
        if u32::try_from(rows).is_err() {
            return Err(DataError::TooManyRows { name, rows });
        }
        for (values, len, before) in [(&inputs, input_len, 0), (&targets, target_len, input_len)] {
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                return Err(DataError::BadField {
                    name,
                    line: (at / len + 1) as u64,
                    column: at % len + 1 + before,
                    value: values[at].to_string(),
                    what: "not finite",
                });
            }
        }
        let labels = Labels::Numbers;
        Ok(Dataset { name, inputs, targets, input_len, target_len, labels })
    }

    /// The same, with what its targets mean: as many outputs as a row has targets.
    #[must_use]
    pub fn with_labels(self, labels: Labels) -> Dataset {
        Dataset { labels, ..self }
    }

    /// What its targets mean.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What it is called.
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

    /// Numbers in a target row.
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

    /// One input row.
    pub fn input(&self, row: usize) -> &[f32] {
        &self.inputs[row * self.input_len..][..self.input_len]
    }

    /// One target row.
    pub fn target(&self, row: usize) -> &[f32] {
        &self.targets[row * self.target_len..][..self.target_len]
    }

    /// Whether every target is 0 or 1: right and wrong can be told apart.
    pub fn is_classification(&self) -> bool {
        self.targets.iter().all(|&target| target == 0.0 || target == 1.0)
    }

    /// Whether every row has one target that is 1 and others that are 0: one class of several.
    pub fn is_one_of_n(&self) -> bool {
        let ones = |row: &[f32]| row.iter().filter(|&&target| target == 1.0).count();
        self.target_len > 1
            && self.is_classification()
            && self.targets.chunks_exact(self.target_len).all(|row| ones(row) == 1)
    }

    /// Whether a network can learn this: its sizes, and what its loss asks of targets.
    ///
    /// # Errors
    /// [`DataError::Shape`] or [`DataError::BadTarget`].
    pub fn check_fits(&self, network: &Network) -> Result<(), DataError> {
        if self.input_len != network.inputs() || self.target_len != network.outputs() {
            return Err(DataError::Shape {
                name: self.name.clone(),
                input_len: self.input_len,
                target_len: self.target_len,
                inputs: network.inputs(),
                outputs: network.outputs(),
            });
        }
        let loss = network.loss();
        let bad = |row: usize, value, needed| {
            Err(DataError::BadTarget { name: self.name.clone(), row: row + 1, value, loss, needed })
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
    fn refuses_what_is_not_a_table_of_finite_numbers() {
        let new = |inputs: &[f32], targets: &[f32]| {
            Dataset::new("d", inputs.to_vec(), 2, targets.to_vec(), 1)
        };
        assert!(matches!(new(&[], &[]), Err(DataError::Empty { .. })));
        assert!(matches!(new(&[1.0, 2.0, 3.0], &[1.0]), Err(DataError::Ragged { .. })));
        assert!(matches!(new(&[1.0, 2.0], &[1.0, 2.0]), Err(DataError::Ragged { .. })));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = new(&[0.0, 1.0, bad, 3.0], &[0.0, 1.0]).unwrap_err().to_string();
            assert!(error.contains("line 2, column 1"), "{error}");
            let error = new(&[0.0, 1.0], &[bad]).unwrap_err().to_string();
            assert!(error.contains("line 1, column 3"), "{error}");
        }
    }

    #[test]
    fn a_loss_says_which_targets_it_takes() {
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
            error.contains("1 inputs and 2 targets") && error.contains("--layers 1,...,2"),
            "{error}"
        );
    }
}
