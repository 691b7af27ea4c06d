//! The kinds of stages, and what formulas call the matrices of a network.

use crate::network::{Layer, Network, Tensor, TensorKind};

/// What a stage is; layers count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StageKind {
    /// The rows of the batch.
    Batch,
    /// A layer's forward pass.
    Forward(usize),
    /// The loss.
    Loss,
    /// A layer's backward pass.
    Backward(usize),
    /// The norm of all gradients, brought down.
    Clipping,
    /// The update of all parameters.
    Update,
}

/// What formulas call a layer's activations; the last are the outputs.
pub(super) fn activations_name(network: &Network, layer: usize) -> String {
    match layer + 1 == network.activations().len() {
        true => "Y".to_owned(),
        false => format!("A{}", layer + 1),
    }
}

/// What they call what feeds a layer.
pub(super) fn input_name(network: &Network, layer: usize) -> String {
    match layer.checked_sub(1) {
        Some(before) if network.dropout() > 0.0 => format!("D{}", before + 1),
        Some(before) => activations_name(network, before),
        None => "X".to_owned(),
    }
}

/// What they call what the activation of a layer takes.
pub(super) fn activated_name(layer: &Layer) -> String {
    format!("{}{}", if layer.is_normed() { "N" } else { "Z" }, layer.index + 1)
}

/// What they call a tensor.
pub(super) fn tensor_name(tensor: &Tensor) -> String {
    let letter = match tensor.kind {
        TensorKind::Weights => "W",
        TensorKind::Bias => "b",
        TensorKind::Gamma => "gamma",
        TensorKind::Beta => "beta",
        TensorKind::RunningMean => "running mean",
        TensorKind::RunningVariance => "running variance",
    };
    format!("{letter}{}", tensor.layer + 1)
}
