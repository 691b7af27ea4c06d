//! The kernels that evaluate rows, such as those kept for validation.

use std::ops::Range;

use super::params::params;
use super::{
    ACTIVATION, ACTIVATION_PARAMETER, BOOLS, LOSS, LOSS_PARAMETER, LayerShape, OUTPUT_ACTIVATION,
    OUTPUT_ACTIVATION_PARAMETER, PLAIN, TREE_ITERATIONS, WEIGHTED, activating, measuring, read,
    source, write,
};
use crate::gpu::{Constant, Kernel, KernelRow, Launch};
use crate::network::{Activation, Loss, NORM_EPS, row_stride};

params! {
    /// Of `evaluate_rows`.
    EvaluateRowsParams {
        /// Rows of this part.
        rows: u32,
        /// Outputs.
        cols: u32,
        /// Outputs and padding.
        stride: u32,
        /// Elements from one row of targets to the next.
        target_stride: u32,
        /// Networks that are looked at.
        networks: u32,
        /// The first of the rows among the targets.
        first_row: u32,
        /// 1 where the largest output of a row is its class.
        takes_largest: u32,
        /// 1 where another part came before.
        goes_on: u32,
        /// The factor of the loss.
        scale: f32,
    }
}

/// The loss over rows, and how many of them are right.
pub const EVALUATE_ROWS: Kernel<EvaluateRowsParams> = Kernel::new(KernelRow {
    name: "evaluate_rows",
    source: source!("evaluate_rows", "loss", "activation"),
    bindings: &[read("z"), read("target_rows"), write("scores")],
    constants: &[OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, LOSS, LOSS_PARAMETER, WEIGHTED],
    workgroup_bytes: 768,
    twin: "evaluate_rows",
    ..PLAIN
});

/// What these rows of a data set are worth to each of `networks` networks, from the pre-activations of their
/// outputs; the first of several parts of the data where it begins at 0. A row's class is where its outputs
/// are largest where `takes_largest`. The sum of losses is multiplied by `scale`.
/// Where `is_weighted`, each row's weight stands behind its targets.
pub fn evaluate_rows(
    (loss, (kind, parameter)): ((Loss, f64), (Activation, f64)),
    (rows, goes_on): (Range<usize>, bool),
    outputs: usize,
    networks: usize,
    takes_largest: bool,
    scale: f32,
    is_weighted: bool,
) -> Launch {
    let params = EvaluateRowsParams {
        rows: rows.len() as u32,
        cols: outputs as u32,
        stride: row_stride(outputs) as u32,
        target_stride: row_stride(outputs + usize::from(is_weighted)) as u32,
        networks: networks as u32,
        first_row: rows.start as u32,
        takes_largest: takes_largest.into(),
        goes_on: goes_on.into(),
        scale,
    };
    let lanes = EVALUATE_ROWS.lanes as usize;
    let iterations = rows.len().div_ceil(lanes) * row_iterations(outputs) + TREE_ITERATIONS;
    measuring(EVALUATE_ROWS.launch(params, networks * lanes), loss)
        .constant("OUTPUT_ACTIVATION", kind.code())
        .constant("OUTPUT_ACTIVATION_PARAMETER", parameter)
        .constant("WEIGHTED", is_weighted)
        .with_iterations(iterations)
}

/// Loop iterations of a lane for a row, its own and four over the outputs.
fn row_iterations(outputs: usize) -> usize {
    1 + 4 * outputs
}

/// Rows of so many outputs that it takes at once where an invocation makes at most so many loop iterations.
pub fn rows_at_once(outputs: usize, most_iterations: usize) -> usize {
    let of_a_lane = most_iterations.saturating_sub(TREE_ITERATIONS) / row_iterations(outputs);
    of_a_lane.saturating_mul(EVALUATE_ROWS.lanes as usize)
}

params! {
    /// Of `population_forward`.
    PopulationForwardParams {
        /// Rows.
        rows: u32,
        /// Units that feed the layer.
        fan_in: u32,
        /// Units it has.
        fan_out: u32,
        /// Elements from one row of the input to the next.
        input_stride: u32,
        /// Elements from one row of the output to the next.
        output_stride: u32,
        /// Networks.
        networks: u32,
        /// The layer's first parameter among a network's.
        first_parameter: u32,
        /// The first of the rows in the data set.
        first_row: u32,
        /// Where the layer has a norm, the first of its running estimates among a network's parameters.
        running_at: u32,
        /// What is added to a variance.
        eps: f32,
    }
}

/// A layer of many networks over the same rows.
pub const POPULATION_FORWARD: Kernel<PopulationForwardParams> = Kernel::new(KernelRow {
    name: "population_forward",
    source: source!("population_forward", "grid", "deviation", "activation"),
    bindings: &[read("input"), read("parameters"), write("output")],
    constants: &[
        ACTIVATION,
        ACTIVATION_PARAMETER,
        Constant { name: "FROM_DATA", values: BOOLS },
        Constant { name: "NORMED", values: BOOLS },
    ],
    twin: "population_forward",
    ..PLAIN
});

/// A layer of `networks` networks, whose parameters begin at `first_parameter` of each: over the rows of a
/// data set from the one that `from_data` names on, or over what the layer before made of them. With a norm, by the
/// running estimates that begin at `running_at`.
pub fn population_forward(
    kind: (Activation, f64),
    shape: LayerShape,
    networks: usize,
    (first_parameter, running_at): (usize, Option<usize>),
    from_data: Option<usize>,
) -> Launch {
    let LayerShape { rows, fan_in, fan_out } = shape;
    let params = PopulationForwardParams {
        rows: rows as u32,
        fan_in: fan_in as u32,
        fan_out: fan_out as u32,
        input_stride: row_stride(fan_in) as u32,
        output_stride: row_stride(fan_out) as u32,
        networks: networks as u32,
        first_parameter: first_parameter as u32,
        first_row: from_data.unwrap_or(0) as u32,
        running_at: running_at.unwrap_or(0) as u32,
        eps: NORM_EPS as f32,
    };
    let launch = POPULATION_FORWARD.launch(params, rows * fan_out * networks);
    activating(launch, kind)
        .constant("FROM_DATA", from_data.is_some())
        .constant("NORMED", running_at.is_some())
        .with_iterations(fan_in)
}
