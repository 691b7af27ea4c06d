//! What one layer has in a pass.

use super::norm::NormPass;
use crate::network::{Layer, LayerBlock};

/// A layer, and what it computes of a batch, `[rows][stride]`.
#[derive(Debug)]
pub(super) struct LayerPass {
    pub layer: Layer,
    pub block: LayerBlock,
    pub z: Vec<f32>,
    pub a: Vec<f32>,
    pub d_z: Vec<f32>,
    /// Between `z` and the activation.
    pub norm: Option<NormPass>,
    /// Whether this pass drops activations; what each is then multiplied by, and what is left of `a`.
    pub drops: bool,
    pub factors: Vec<f32>,
    pub dropped: Vec<f32>,
}

impl LayerPass {
    /// What the next layer takes.
    pub(super) fn output(&self) -> &[f32] {
        if self.drops { &self.dropped } else { &self.a }
    }
}
