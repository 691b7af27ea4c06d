//! Where a run stands, as bytes: what it goes on from on another device, and what another module looks at.

use serde::{Deserialize, Serialize};
use wgrad::network::Network;
use wgrad::train::TrainerState;

/// Where a run stands.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The sizes of the network.
    pub layers: Vec<usize>,
    /// Steps done.
    pub step: u32,
    /// In the network's layout.
    pub parameters: Vec<f32>,
    /// Each in the same layout.
    pub moments: Vec<Vec<f32>>,
    /// How far the training has come.
    pub trainer: TrainerState,
}

impl Kept {
    /// As JSON: an f32 is written with the digits that make it again.
    #[cfg(feature = "playground")]
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Our own struct always has a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What it wrote of a network of these sizes.
    pub(crate) fn from_bytes(bytes: &[u8], network: &Network) -> Option<Kept> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        (kept.layers == network.sizes()).then_some(kept)
    }
}
