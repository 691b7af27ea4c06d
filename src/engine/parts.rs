//! The data set on the GPU: uploaded once, in as many parts as bindings ask for.

use std::ops::Range;

use crate::data::Dataset;
use crate::engine::pad_rows;
use crate::gpu::{Buffer, Gpu, GpuError};
use crate::network::row_stride;

/// Some rows of the data set.
#[derive(Debug)]
pub(super) struct Part {
    /// The first of them.
    pub first: usize,
    /// How many there are.
    pub rows: usize,
    /// `[rows][stride]`.
    pub inputs: Buffer,
    /// `[rows][stride]`: targets, and the row's weight where rows have weights.
    pub targets: Buffer,
}

impl Part {
    /// Its rows among all of the data set.
    pub(super) fn range(&self) -> Range<usize> {
        self.first..self.first + self.rows
    }
}

/// How many rows of `data` one binding and one buffer of `gpu` hold.
fn rows_of_a_part(data: &Dataset, gpu: &Gpu) -> usize {
    let limits = &gpu.adapter().limits;
    let bytes = limits.max_binding_bytes.min(limits.max_buffer_bytes);
    let row_bytes = 4 * row_stride(data.input_len()).max(row_stride(data.target_width()));
    let rows = bytes / row_bytes as u64;
    usize::try_from(rows).unwrap_or(usize::MAX).clamp(1, data.rows())
}

/// Uploads all rows.
pub(super) async fn upload(gpu: &Gpu, data: &Dataset) -> Result<Vec<Part>, GpuError> {
    let of_a_part = rows_of_a_part(data, gpu);
    let target_rows = data.target_rows();
    let mut parts = Vec::new();
    for first in (0..data.rows()).step_by(of_a_part) {
        let rows = of_a_part.min(data.rows() - first);
        let padded = |values: &[f32], len: usize| {
            pad_rows(&values[first * len..][..rows * len], len, row_stride(len))
        };
        let name = |what| format!("{what} {} to {} of {}", first + 1, first + rows, data.rows());
        let inputs = padded(data.inputs(), data.input_len());
        let inputs = gpu.buffer_of(&name("inputs of rows"), &inputs).await?;
        let targets = padded(&target_rows, data.target_width());
        let targets = gpu.buffer_of(&name("targets of rows"), &targets).await?;
        parts.push(Part { first, rows, inputs, targets });
    }
    Ok(parts)
}

/// Whether a step can take its batch: all rows where they are one batch, else those of a batch.
pub(super) fn check(gpu: &Gpu, data: &Dataset, batch: usize) -> Result<(), GpuError> {
    let stride = row_stride(data.input_len()).max(row_stride(data.target_width()));
    let what = match batch == data.rows() {
        true => format!("data set {} ({batch} rows in one batch)", data.name()),
        false => format!("a batch of {batch} rows of {}", data.name()),
    };
    gpu.check_binding(&what, batch.saturating_mul(stride))
}
