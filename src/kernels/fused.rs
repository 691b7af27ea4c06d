//! The kernels that do a layer's product with what goes before and after it.

use super::params::params;
use super::product::{TILE, Variant};
use super::update::{CLIP_VALUE, DECAY, OPTIMIZER, UpdateParams, updating};
use super::{
    ACTIVATION, ACTIVATION_PARAMETER, BOOLS, LOSS, LOSS_PARAMETER, LayerShape, OUTPUT_ACTIVATION,
    OUTPUT_ACTIVATION_PARAMETER, PLAIN, TREE_ITERATIONS, activating, measuring, read, source,
    tree_iterations, write,
};
use crate::gpu::{AdapterClass, Constant, Kernel, KernelRow, Launch};
use crate::network::{Activation, Loss, row_stride};
use crate::optimizer::Optimizer;

params! {
    /// The params of `layer_forward`. Strides are in vectors of four.
    LayerForwardParams {
        /// Rows of the batch.
        rows: u32,
        /// Inputs of the layer.
        fan_in: u32,
        /// Units of the layer.
        fan_out: u32,
        /// Row stride of the layer's input.
        input_stride: u32,
        /// Row stride of everything else.
        stride: u32,
    }
}

/// A layer's forward pass: product, bias and activation.
pub const LAYER_FORWARD: Kernel<LayerForwardParams> = Kernel::new(KernelRow {
    name: "layer_forward",
    source: source!("layer_forward", "tile", "activation"),
    bindings: &[
        read("input"),
        read("parameters"),
        write("output"),
        write("unit_counts"),
        write("pre_activations"),
    ],
    constants: &[
        ACTIVATION,
        ACTIVATION_PARAMETER,
        Constant { name: "KEEP_PRE_ACTIVATIONS", values: BOOLS },
    ],
    twin: "layer_forward",
    ..PLAIN
});

/// Launches a layer's forward pass; with `keeps_z` it also writes the pre-activations.
pub fn layer_forward(
    kind: (Activation, f64),
    keeps_z: bool,
    shape: LayerShape,
    variant: Variant,
) -> Launch {
    let LayerShape { rows, fan_in, fan_out } = shape;
    let [input_vectors, vectors] = shape.vectors();
    let params = LayerForwardParams {
        rows: rows as u32,
        fan_in: fan_in as u32,
        fan_out: fan_out as u32,
        input_stride: input_vectors as u32,
        stride: vectors as u32,
    };
    let launch = variant.launch((&LAYER_FORWARD, 0), params, shape.forward());
    activating(launch, kind).constant("KEEP_PRE_ACTIVATIONS", keeps_z)
}

/// Length of the `unit_counts` of [`layer_forward`].
pub fn unit_counts_len(rows: usize, fan_out: usize) -> usize {
    rows.div_ceil(TILE) * row_stride(fan_out)
}

params! {
    /// The params of `output_loss`. Strides are in vectors of four.
    OutputLossParams {
        /// Rows of the batch.
        rows: u32,
        /// Inputs of the layer.
        fan_in: u32,
        /// Row stride of the layer's input.
        input_stride: u32,
        /// Factor of the gradient.
        gradient_scale: f32,
    }
}

/// The output layer, the loss and the loss's gradient.
pub const OUTPUT_LOSS: Kernel<OutputLossParams> = Kernel::new(KernelRow {
    name: "output_loss",
    source: source!("output_loss", "grid", "output", "loss", "activation"),
    bindings: &[
        read("input"),
        read("parameters"),
        read("target_rows"),
        write("row_loss"),
        write("d_output"),
    ],
    constants: &[OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, LOSS, LOSS_PARAMETER],
    twin: "output_loss",
    ..PLAIN
});

/// Launches the output layer with its loss; `scale` is the factor of the gradient. Where `is_weighted`, each
/// row's weight stands behind its targets.
pub fn output_loss(
    (loss, (kind, parameter)): ((Loss, f64), (Activation, f64)),
    shape: LayerShape,
    scale: f32,
    is_weighted: bool,
) -> Launch {
    let params = OutputLossParams {
        rows: shape.rows as u32,
        fan_in: shape.fan_in as u32,
        input_stride: shape.vectors()[0] as u32,
        gradient_scale: scale,
    };
    measuring(OUTPUT_LOSS.launch(params, shape.rows), loss)
        .constant("OUTPUT_ACTIVATION", kind.code())
        .constant("OUTPUT_ACTIVATION_PARAMETER", parameter)
        .with_lines(output_lines(shape.fan_out, is_weighted))
        .with_iterations(output_iterations(shape))
}

/// The WGSL constants of `output_loss` for this number of outputs.
fn output_lines(outputs: usize, is_weighted: bool) -> String {
    let [vectors, target_vectors] =
        [outputs, outputs + usize::from(is_weighted)].map(|cols| cols.div_ceil(4));
    format!(
        "const OUTPUTS: u32 = {outputs}u; const OUTPUT_VECTORS: u32 = {vectors}u;\n\
         const TARGET_VECTORS: u32 = {target_vectors}u; const WEIGHTED: bool = {is_weighted};"
    )
}

/// Loop iterations of `output_loss`: the product loops over the vectors of outputs in each of its iterations; what
/// follows loops over the outputs about ten times.
fn output_iterations(shape: LayerShape) -> usize {
    let [input_vectors, vectors] = shape.vectors();
    input_vectors * (1 + vectors) + 10 * shape.fan_out
}

/// Whether [`output_loss`] suits this layer on a class of adapters, within `most_iterations` loop iterations. One
/// invocation has a row to itself: of a wide layer that would leave most of a GPU idle, and cost more than the
/// product alone where a subgroup works through that.
pub fn fuses_loss(shape: LayerShape, class: AdapterClass, most_iterations: usize) -> bool {
    shape.fan_out <= FUSED_OUTPUTS
        && output_iterations(shape) <= most_iterations
        && (matches!(class, AdapterClass::Software { subgroup: None, .. })
            || shape.fan_in <= FUSED_INPUTS)
}

/// Most outputs that one invocation holds in registers.
const FUSED_OUTPUTS: usize = 16;
/// Most inputs over which one invocation sums alone where others could help.
const FUSED_INPUTS: usize = 64;

params! {
    /// The params of `layer_input_grad`. Strides are in vectors of four.
    LayerInputGradParams {
        /// Rows of the batch.
        rows: u32,
        /// Inputs of the layer.
        fan_in: u32,
        /// Row stride of the layer's input.
        input_stride: u32,
        /// Row stride of everything else.
        stride: u32,
    }
}

/// The gradient of a layer's input, through the activation before the layer.
pub const LAYER_INPUT_GRAD: Kernel<LayerInputGradParams> = Kernel::new(KernelRow {
    name: "layer_input_grad",
    source: source!("layer_input_grad", "tile", "activation"),
    bindings: &[read("d_output"), read("parameters"), read("input"), write("d_input")],
    constants: &[ACTIVATION, ACTIVATION_PARAMETER],
    twin: "layer_input_grad",
    ..PLAIN
});

/// Launches the backward pass through a layer and the activation `kind` before it.
pub fn layer_input_grad(kind: (Activation, f64), shape: LayerShape, variant: Variant) -> Launch {
    let LayerShape { rows, fan_in, .. } = shape;
    let [input_vectors, vectors] = shape.vectors();
    let params = LayerInputGradParams {
        rows: rows as u32,
        fan_in: fan_in as u32,
        input_stride: input_vectors as u32,
        stride: vectors as u32,
    };
    activating(variant.launch((&LAYER_INPUT_GRAD, 0), params, shape.input_grad()), kind)
}

params! {
    /// The params of `layer_update`. Strides are in vectors of four.
    LayerUpdateParams {
        /// The coefficients of the update.
        update: UpdateParams,
        /// Rows of the batch.
        rows: u32,
        /// Inputs of the layer.
        fan_in: u32,
        /// Units of the layer.
        fan_out: u32,
        /// Row stride of the layer's input.
        input_stride: u32,
        /// Row stride of everything else.
        stride: u32,
        /// Capacity of the ring of learning rates, in steps.
        ring_len: u32,
    }
}

/// A layer's gradients and its update.
pub const LAYER_UPDATE: Kernel<LayerUpdateParams> = Kernel::new(KernelRow {
    name: "layer_update",
    source: source!("layer_update", "tile", "optimizer", "norm", "finite", "schedule"),
    bindings: &[
        read("input"),
        read("d_output"),
        write("schedule"),
        write("parameters"),
        write("gradients"),
        write("moment1"),
        write("moment2"),
        write("sums"),
    ],
    constants: &[Constant { name: "KEEP_GRADIENTS", values: BOOLS }, OPTIMIZER, DECAY, CLIP_VALUE],
    workgroup_bytes: 1024,
    twin: "layer_update",
    ..PLAIN
});

/// Launches the gradients of a layer and its update; with `keeps_gradients` the gradients are stored and
/// the update is left to [`optimizer_step`](super::optimizer_step). `ring_len` is the capacity of the ring
/// of learning rates.
pub fn layer_update(
    optimizer: &Optimizer,
    keeps_gradients: bool,
    ring_len: u32,
    shape: LayerShape,
    variant: Variant,
) -> Launch {
    let LayerShape { rows, fan_in, fan_out } = shape;
    let [input_vectors, vectors] = shape.vectors();
    let params = LayerUpdateParams {
        update: UpdateParams::new(optimizer),
        rows: rows as u32,
        fan_in: fan_in as u32,
        fan_out: fan_out as u32,
        input_stride: input_vectors as u32,
        stride: vectors as u32,
        ring_len,
    };
    let launch = variant.launch((&LAYER_UPDATE, 16), params, shape.weights_grad());
    let iterations = launch.iterations() + TREE_ITERATIONS;
    let launch = launch.constant("KEEP_GRADIENTS", keeps_gradients).with_iterations(iterations);
    updating(launch, optimizer)
}

/// Length of the `sums` of [`layer_update`]: four numbers for each workgroup.
pub fn update_sums_len(shape: LayerShape, variant: Variant) -> usize {
    4 * variant.groups(shape.weights_grad())
}

params! {
    /// The params of `layer_statistics`.
    LayerStatisticsParams {
        /// Number of vectors of sums.
        sums_len: u32,
        /// Groups of rows that units were counted in.
        groups: u32,
        /// Units of the layer.
        units: u32,
        /// Units and padding.
        stride: u32,
        /// Rows of the batch.
        rows: u32,
        /// The least rows on which a unit is saturated.
        saturated_rows: u32,
        /// Which layer.
        layer: u32,
    }
}

/// What the other kernels noted of a layer in a step, added up.
pub const LAYER_STATISTICS: Kernel<LayerStatisticsParams> = Kernel::new(KernelRow {
    name: "layer_statistics",
    source: source!("layer_statistics"),
    bindings: &[read("sums"), read("unit_counts"), write("statistics")],
    lanes: 256,
    workgroup_bytes: 6144,
    twin: "layer_statistics",
    ..PLAIN
});

/// Launches the statistics of a layer from so many numbers of sums; of a hidden one, `unit_counts` are read too. A unit is counted as
/// zero, or as saturated, from so many rows of the batch on.
pub fn layer_statistics(
    (layer, is_hidden): (usize, bool),
    shape: LayerShape,
    sums_len: usize,
    [zero_rows, saturated_rows]: [usize; 2],
) -> Launch {
    let lanes = LAYER_STATISTICS.lanes as usize;
    let LayerShape { rows, fan_out, .. } = shape;
    let groups = if is_hidden { rows.div_ceil(TILE) } else { 0 };
    let sums_len = sums_len / 4;
    let params = LayerStatisticsParams {
        sums_len: sums_len as u32,
        groups: groups as u32,
        units: if is_hidden { fan_out as u32 } else { 0 },
        stride: row_stride(fan_out) as u32,
        rows: zero_rows as u32,
        saturated_rows: saturated_rows as u32,
        layer: layer as u32,
    };
    let iterations = tree_iterations(sums_len, lanes) + fan_out.div_ceil(lanes) * (groups + 1);
    LAYER_STATISTICS.launch(params, lanes).with_iterations(iterations)
}

// The counts of a tile's rows fit half a word.
const _: () = assert!(TILE < 1 << 16);
