//! The kernels of batch norm, which stands between a layer's biases and its activation.

use super::params::params;
use super::{
    ACTIVATION, ACTIVATION_PARAMETER, BOOLS, PLAIN, TREE_ITERATIONS, activating, read, source,
    write,
};
use crate::gpu::{Constant, Kernel, KernelRow, Launch};
use crate::network::{Activation, NORM_EPS, NORM_MOMENTUM, row_stride, unbiased};

/// Columns of a workgroup that sums over rows, and invocations that share one: those of `common/columns.wgsl`.
const COLUMNS: usize = 16;
const ROW_LANES: usize = 16;
/// A workgroup that sums over rows.
const SUMMING: KernelRow = KernelRow {
    lanes: (COLUMNS * ROW_LANES) as u32,
    workgroup_bytes: 8 * (COLUMNS * ROW_LANES) as u32,
    ..PLAIN
};
/// Rows of which one invocation normalizes, and of which the states of units are counted together.
const COUNTED_ROWS: usize = 8;

params! {
    /// The params of `norm_statistics`.
    NormStatisticsParams {
        /// Rows of the batch.
        rows: u32,
        /// Units of the layer.
        cols: u32,
        /// Row stride, in elements.
        stride: u32,
        /// How far the running estimates move.
        momentum: f32,
        /// What a variance is multiplied by to be unbiased.
        unbiased: f32,
    }
}

/// Means and variances of a batch, and the running estimates of both.
pub const NORM_STATISTICS: Kernel<NormStatisticsParams> = Kernel::new(KernelRow {
    name: "norm_statistics",
    source: source!("norm_statistics", "columns"),
    bindings: &[read("input"), write("statistics"), write("running")],
    twin: "norm_statistics",
    ..SUMMING
});

/// Launches the statistics of a matrix `[rows][cols]` of two rows or more.
pub fn norm_statistics(rows: usize, cols: usize) -> Launch {
    let params = NormStatisticsParams {
        rows: rows as u32,
        cols: cols as u32,
        stride: row_stride(cols) as u32,
        momentum: NORM_MOMENTUM as f32,
        unbiased: unbiased(rows) as f32,
    };
    let each = rows.div_ceil(ROW_LANES) + TREE_ITERATIONS;
    NORM_STATISTICS.launch(params, summing(cols)).with_iterations(2 * each)
}

/// Invocations that sum over the rows of so many columns.
fn summing(cols: usize) -> usize {
    cols.div_ceil(COLUMNS) * SUMMING.lanes as usize
}

params! {
    /// The params of `norm_apply`, `norm_grad` and `norm_input_grad`.
    NormParams {
        /// Rows of the batch.
        rows: u32,
        /// Units of the layer.
        cols: u32,
        /// Row stride, in elements.
        stride: u32,
        /// What is added to a variance.
        eps: f32,
    }
}

fn norm_params(rows: usize, cols: usize) -> NormParams {
    let stride = row_stride(cols) as u32;
    NormParams { rows: rows as u32, cols: cols as u32, stride, eps: NORM_EPS as f32 }
}

/// The norm by means and variances that are there, and the activation.
pub const NORM_APPLY: Kernel<NormParams> = Kernel::new(KernelRow {
    name: "norm_apply",
    source: source!("norm_apply", "grid", "deviation", "activation"),
    bindings: &[
        read("input"),
        read("statistics"),
        read("parameters"),
        write("output"),
        write("unit_counts"),
        write("normalized"),
    ],
    constants: &[
        ACTIVATION,
        ACTIVATION_PARAMETER,
        Constant { name: "KEEP_NORMALIZED", values: BOOLS },
    ],
    twin: "norm_apply",
    ..PLAIN
});

/// Launches a norm with an activation, given with its hyperparameter, over a matrix `[rows][cols]`; where it
/// `keeps`, it writes what the norm gives too.
pub fn norm_apply(kind: (Activation, f64), keeps: bool, rows: usize, cols: usize) -> Launch {
    let invocations = rows.div_ceil(COUNTED_ROWS) * row_stride(cols);
    let launch = NORM_APPLY.launch(norm_params(rows, cols), invocations);
    activating(launch, kind).constant("KEEP_NORMALIZED", keeps).with_iterations(COUNTED_ROWS)
}

/// The gradients of gamma and beta.
pub const NORM_GRAD: Kernel<NormParams> = Kernel::new(KernelRow {
    name: "norm_grad",
    source: source!("norm_grad", "columns", "deviation"),
    bindings: &[read("input"), read("statistics"), read("d_output"), write("gradients")],
    twin: "norm_grad",
    ..SUMMING
});

/// Launches the gradients of a norm of a matrix `[rows][cols]`.
pub fn norm_grad(rows: usize, cols: usize) -> Launch {
    let iterations = rows.div_ceil(ROW_LANES) + TREE_ITERATIONS;
    NORM_GRAD.launch(norm_params(rows, cols), summing(cols)).with_iterations(iterations)
}

/// The gradient of what is normalized.
pub const NORM_INPUT_GRAD: Kernel<NormParams> = Kernel::new(KernelRow {
    name: "norm_input_grad",
    source: source!("norm_input_grad", "grid", "deviation"),
    bindings: &[
        read("input"),
        read("statistics"),
        read("parameters"),
        read("gradients"),
        read("d_output"),
        write("d_input"),
    ],
    twin: "norm_input_grad",
    ..PLAIN
});

/// Launches the backward pass through a norm of a matrix `[rows][cols]`.
pub fn norm_input_grad(rows: usize, cols: usize) -> Launch {
    NORM_INPUT_GRAD.launch(norm_params(rows, cols), rows * cols)
}
