//! The kernels that make a step's batch, and those that end a step.

use std::ops::Range;

use super::params::params;
use super::{PLAIN, read, source, tree_iterations, write};
use crate::data::Batches;
use crate::gpu::{Kernel, KernelRow, Launch};
use crate::network::row_stride;
use crate::random::seed_key;

params! {
    /// The params of `batch_rows`.
    BatchRowsParams {
        /// Rows of this step's batch.
        len: u32,
        /// Rows of the data set.
        data_rows: u32,
        /// Rows of a batch that is not the short last one.
        batch: u32,
        /// Steps in an epoch.
        steps_per_epoch: u32,
        /// The seed's low half.
        seed_low: u32,
        /// The seed's high half.
        seed_high: u32,
        /// 1 to permute, 0 to take rows as they stand.
        shuffled: u32,
    }
}

/// The row numbers of a step's batch.
pub const BATCH_ROWS: Kernel<BatchRowsParams> = Kernel::new(KernelRow {
    name: "batch_rows",
    source: source!("batch_rows", "grid", "order", "threefry"),
    bindings: &[read("clock"), write("rows")],
    twin: "batch_rows",
    ..PLAIN
});

/// Launches the choice of the `len` rows of the batch of the step in `clock`.
pub fn batch_rows(batches: &Batches, len: usize) -> Launch {
    let [seed_low, seed_high] = seed_key(batches.seed());
    let params = BatchRowsParams {
        len: len as u32,
        data_rows: batches.rows() as u32,
        batch: batches.batch() as u32,
        steps_per_epoch: batches.steps_per_epoch() as u32,
        seed_low,
        seed_high,
        shuffled: batches.shuffled().into(),
    };
    BATCH_ROWS.launch(params, len).with_iterations(WALK_ITERATIONS)
}

/// Loop iterations granted to the search for a row by cycle walking: each round succeeds with a probability of
/// at least one half, and llvmpipe's own limit is far away.
const WALK_ITERATIONS: usize = 64;

params! {
    /// The params of `gather_batch`. Strides are in vectors of four.
    GatherBatchParams {
        /// Rows to gather.
        len: u32,
        /// Row stride of inputs.
        input_stride: u32,
        /// Row stride of targets.
        target_stride: u32,
        /// The data set's row that the sources begin with.
        first_row: u32,
        /// Rows of the sources.
        source_rows: u32,
    }
}

/// Inputs and targets of a mini-batch.
pub const GATHER_BATCH: Kernel<GatherBatchParams> = Kernel::new(KernelRow {
    name: "gather_batch",
    source: source!("gather_batch", "grid"),
    bindings: &[
        read("rows"),
        read("source_inputs"),
        read("source_targets"),
        write("input"),
        write("target_rows"),
    ],
    twin: "gather_batch",
    ..PLAIN
});

/// Launches the copy of a batch of `len` rows; only those among the rows `part` of the data set are copied.
pub fn gather_batch(len: usize, inputs: usize, targets: usize, part: Range<usize>) -> Launch {
    let [input_stride, target_stride] = [inputs, targets].map(|cols| row_stride(cols) / 4);
    let params = GatherBatchParams {
        len: len as u32,
        input_stride: input_stride as u32,
        target_stride: target_stride as u32,
        first_row: part.start as u32,
        source_rows: part.len() as u32,
    };
    GATHER_BATCH.launch(params, len * (input_stride + target_stride))
}

params! {
    /// The params of `advance`.
    AdvanceParams {
        /// Steps to count.
        steps: u32,
    }
}

/// Advances a step counter.
pub const ADVANCE: Kernel<AdvanceParams> = Kernel::new(KernelRow {
    name: "advance",
    source: source!("advance"),
    bindings: &[write("clock")],
    lanes: 1,
    twin: "advance",
    ..PLAIN
});

/// Launches an advance of a counter by `steps`.
pub fn advance(steps: u32) -> Launch {
    ADVANCE.launch(AdvanceParams { steps }, 1)
}

params! {
    /// The params of `finish_step`.
    FinishStepParams {
        /// Rows of the batch.
        rows: u32,
        /// Capacity of the ring of losses.
        ring_len: u32,
        /// The factor of the loss.
        scale: f32,
    }
}

/// The end of a step: its loss goes into the ring, and the step is counted.
pub const FINISH_STEP: Kernel<FinishStepParams> = Kernel::new(KernelRow {
    name: "finish_step",
    source: source!("finish_step"),
    bindings: &[read("row_loss"), write("clock"), write("losses")],
    lanes: 256,
    workgroup_bytes: 1024,
    twin: "finish_step",
    ..PLAIN
});

/// Launches the end of a step: the loss, `scale` times the sum over the rows, goes into the ring, and the
/// step is counted.
pub fn finish_step(rows: usize, ring_len: u32, scale: f32) -> Launch {
    let lanes = FINISH_STEP.lanes as usize;
    let params = FinishStepParams { rows: rows as u32, ring_len, scale };
    FINISH_STEP.launch(params, lanes).with_iterations(tree_iterations(rows, lanes))
}
