//! The kernel of dropout, behind a layer's activation.

use super::params::params;
use super::{PLAIN, read, source, write};
use crate::gpu::{Kernel, KernelRow, Launch};
use crate::network::{Layer, dropout_scale, dropout_threshold, row_stride};
use crate::random::seed_key;

params! {
    /// The params of `dropout`.
    DropoutParams {
        /// Rows of the batch.
        rows: u32,
        /// Vectors of four in a row.
        vectors: u32,
        /// The layer, from 0.
        layer: u32,
        /// Units whose random word is below this are dropped.
        threshold: u32,
        /// What the others are multiplied by.
        scale: f32,
        /// The seed's low half.
        seed_low: u32,
        /// The seed's high half.
        seed_high: u32,
    }
}

/// What the mask of a step leaves of a layer's activations, or of gradients.
pub const DROPOUT: Kernel<DropoutParams> = Kernel::new(KernelRow {
    name: "dropout",
    source: source!("dropout", "grid", "mask", "threefry"),
    bindings: &[read("clock"), read("input"), write("output")],
    twin: "dropout",
    ..PLAIN
});

/// Launches the dropout of a layer over a batch of so many rows, by the mask of `seed` and the step in the clock.
pub fn dropout(layer: &Layer, seed: u64, rows: usize) -> Launch {
    let [seed_low, seed_high] = seed_key(seed);
    let vectors = row_stride(layer.fan_out) / 4;
    let params = DropoutParams {
        rows: rows as u32,
        vectors: vectors as u32,
        layer: layer.index as u32,
        threshold: dropout_threshold(layer.dropout),
        scale: dropout_scale(layer.dropout) as f32,
        seed_low,
        seed_high,
    };
    DROPOUT.launch(params, rows * vectors)
}
