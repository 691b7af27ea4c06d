//! What is done to a hidden layer's pre-activations before its activation.

use super::named::family;

/// What is known of a norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NormRow {
    /// Its class in `torch.nn`, which takes the number of units, with the same defaults.
    pub pytorch: Option<&'static str>,
}

family! {
    /// A norm of the hidden layers.
    #[derive(Default)]
    pub enum Norm ("norm"): NormRow {
        /// Nothing.
        #[default]
        None = "none" => NormRow { pytorch: None },
        /// Batch normalization (Ioffe and Szegedy 2015): `n = gamma (z - mean) / sqrt(variance + eps) + beta`, unit
        /// by unit, with gamma and beta learned. In a step mean and variance (the biased one) are those of the
        /// batch's rows; elsewhere running estimates of them, which each step moves towards its own, the
        /// unbiased variance. As PyTorch's `BatchNorm1d`.
        Batch = "batch" => NormRow { pytorch: Some("BatchNorm1d") },
    }
}

impl Norm {
    /// Why it does not take these batches of rows, of which 0 is one of all, and what to change, if it does not.
    pub fn refusal(self, rows: usize, batch: usize) -> Option<String> {
        let batch = if batch == 0 { rows } else { batch.min(rows) };
        let what = match (self, batch, rows % batch.max(1)) {
            (Norm::None, ..) => return None,
            (Norm::Batch, 1, _) => "batches of one row".to_owned(),
            (Norm::Batch, _, 1) => {
                format!("a last batch of one row, of {rows} in batches of {batch}")
            }
            (Norm::Batch, ..) => return None,
        };
        let why = "one row is its own mean and has no variance";
        Some(format!("would have {what}: {why}; use another `batch`, or `norm` none"))
    }
}

/// What is added to a variance before its root is taken: PyTorch's default.
pub const NORM_EPS: f64 = 1e-5;
/// How far a step moves the running estimates: PyTorch's default.
pub const NORM_MOMENTUM: f64 = 0.1;

/// What the variance within so many rows is multiplied by to be unbiased.
pub fn unbiased(rows: usize) -> f64 {
    rows as f64 / (rows as f64 - 1.0)
}
