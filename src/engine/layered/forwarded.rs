//! What a layer's forward pass is asked for, whichever kernels it is made of.

use crate::gpu::Buffer;
use crate::network::Activation;

/// What a layer does whose activation is taken elsewhere.
pub(super) const IDENTITY: (Activation, f64) = (Activation::Identity, 0.0);

/// Where a layer's forward pass puts what it computes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forwarded<'a> {
    pub output: &'a Buffer,
    pub unit_counts: &'a Buffer,
    /// Where they are to be kept.
    pub pre_activations: Option<&'a Buffer>,
}
