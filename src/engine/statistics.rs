//! What a step shows of a network's health, layer by layer: the same from every engine.

/// Of one layer in one step. Squares are summed in f32: norms beyond 1.8e19 are infinite, but those of
/// gradients whose norm the layered engine clips.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerStatistics {
    /// The Euclidean norm of its gradients, weights and biases together.
    pub gradient_norm: f64,
    /// That of its parameters before the update.
    pub parameter_norm: f64,
    /// That of the update; no number where the kernel that knew it had to leave it to another.
    pub update_norm: f64,
    /// Gradients or updated parameters that are not finite.
    pub not_finite: u64,
    /// Per unit, the rows of the batch that left it zero; of hidden layers alone.
    pub zero_rows: Vec<usize>,
    /// Per unit, the rows of the batch that drove it to an end of its sigmoid or tanh.
    pub saturated_rows: Vec<usize>,
}
