//! What a step shows of a network's health, layer by layer: the same from every engine.

/// Of one layer in one step. Squares are summed in f32: norms beyond 1.8e19 are infinite, but those of
/// gradients whose norm the layered engine clips.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LayerStatistics {
    /// The Euclidean norm of its gradients, weights and biases together.
    pub gradient_norm: f64,
    /// That of its parameters before the update.
    pub parameter_norm: f64,
    /// That of the update; no number where the kernel that knew it had to leave it to another.
    pub update_norm: f64,
    /// Gradients or updated parameters that are not finite.
    pub not_finite: u64,
    /// Units that every row of the batch left at zero; of hidden layers alone.
    pub zero_units: usize,
    /// Units that nearly every row of the batch drove to an end of their sigmoid or tanh.
    pub saturated_units: usize,
}

/// The share of rows from which on a unit counts as saturated: on a twentieth of them it could still
/// learn.
const SATURATED_ROWS: f64 = 0.95;

/// The least rows of a batch on which a unit is zero, or saturated, to be counted.
pub(super) fn least_rows(rows: usize) -> [usize; 2] {
    [rows.max(1), ((SATURATED_ROWS * rows as f64).ceil() as usize).max(1)]
}
