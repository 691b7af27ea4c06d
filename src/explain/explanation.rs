//! A step, explained: its stages with their matrices, the updates, and one row by itself.

use super::kinds::StageKind;
use super::matrix::Matrix;
use super::update::Update;
use super::walk::Walk;
use crate::network::Network;
use crate::optimizer::Optimizer;

/// One stage of a step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stage {
    /// Which it is.
    pub kind: StageKind,
    /// What it is called.
    pub title: String,
    /// What it does, in plain words.
    pub about: String,
    /// What it reads and computes, in order.
    pub matrices: Vec<Matrix>,
    /// What is worth noting of them.
    pub notes: Vec<String>,
}

/// One step of a training, whole.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The network.
    pub network: Network,
    /// What the data is called.
    pub data: String,
    /// How many rows it has.
    pub data_rows: usize,
    /// The adapter whose kernels made the step; `None` where the f32 reference made it.
    pub adapter: Option<String>,
    /// The step, from 1.
    pub step: u32,
    /// Which rows of the data are in its batch, from 0.
    pub rows: Vec<usize>,
    /// How gradients become updates.
    pub optimizer: Optimizer,
    /// The learning rate of this step.
    pub rate: f64,
    /// The loss of the batch, before the update.
    pub loss: f64,
    /// In order.
    pub stages: Vec<Stage>,
    /// What becomes of each parameter.
    pub updates: Vec<Update>,
    /// One row by itself, where one was asked for.
    pub walk: Option<Walk>,
}

impl Explanation {
    /// Every matrix, in order.
    pub fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        self.stages.iter().flat_map(|stage| &stage.matrices)
    }

    /// A matrix by its name.
    pub fn matrix(&self, name: &str) -> Option<&Matrix> {
        self.matrices().find(|matrix| matrix.name == name)
    }

    /// Names of matrices with a number out of its bound, against the f64 reference or of that against differences.
    pub fn disagreeing(&self) -> Vec<&str> {
        let wrong = |matrix: &&Matrix| {
            matrix.is_close() == Some(false) || matrix.agrees_with_differences() == Some(false)
        };
        self.matrices().filter(wrong).map(|matrix| matrix.name.as_str()).collect()
    }
}
