//! The plain kernels: one formula each, so that every intermediate is a buffer that can be read.

use super::params::params;
use super::{
    ACTIVATION, ACTIVATION_PARAMETER, BOOLS, LOSS, LOSS_PARAMETER, LayerShape, PLAIN, WEIGHTED,
    activating, measuring, read, source, write,
};
use crate::gpu::{Binding, Constant, Kernel, KernelRow, Launch};
use crate::network::{Activation, Link, Loss, row_stride};

params! {
    /// The params of `matmul`.
    MatmulParams {
        /// Rows of the output.
        m: u32,
        /// Terms of each sum.
        k: u32,
        /// Columns of the output.
        n: u32,
        /// Row stride of `left` as it is stored, in elements.
        left_stride: u32,
        /// Row stride of `right` as it is stored, in elements.
        right_stride: u32,
        /// Row stride of `output`, in elements.
        output_stride: u32,
    }
}

/// `output = left . right`, either of them transposed.
pub const MATMUL: Kernel<MatmulParams> = Kernel::new(KernelRow {
    name: "matmul",
    source: source!("matmul", "grid"),
    bindings: &[read("left"), read("right"), write("output")],
    constants: &[
        Constant { name: "TRANSPOSE_LEFT", values: BOOLS },
        Constant { name: "TRANSPOSE_RIGHT", values: BOOLS },
    ],
    twin: "matmul",
    ..PLAIN
});

/// Launches the product of `[m][k]` and `[k][n]`, either of them stored transposed.
pub fn matmul([m, k, n]: [usize; 3], [transpose_left, transpose_right]: [bool; 2]) -> Launch {
    let params = MatmulParams {
        m: m as u32,
        k: k as u32,
        n: n as u32,
        left_stride: row_stride(if transpose_left { m } else { k }) as u32,
        right_stride: row_stride(if transpose_right { k } else { n }) as u32,
        output_stride: row_stride(n) as u32,
    };
    MATMUL
        .launch(params, m * n)
        .constant("TRANSPOSE_LEFT", transpose_left)
        .constant("TRANSPOSE_RIGHT", transpose_right)
        .with_iterations(k)
}

params! {
    /// The params of `bias_add` and `bias_grad`.
    BiasParams {
        /// Rows of the matrix.
        rows: u32,
        /// Its columns.
        cols: u32,
        /// Row stride, in elements.
        stride: u32,
        /// Offset of the bias row in the layer's block.
        bias_offset: u32,
    }
}

/// `output += bias`.
pub const BIAS_ADD: Kernel<BiasParams> = Kernel::new(KernelRow {
    name: "bias_add",
    source: source!("bias_add", "grid"),
    bindings: &[read("parameters"), write("output")],
    twin: "bias_add",
    ..PLAIN
});

/// Launches the sum of a layer's product and its biases.
pub fn bias_add(shape: LayerShape) -> Launch {
    BIAS_ADD.launch(bias_params(shape), shape.rows * shape.fan_out)
}

/// `d_bias = column sums of d_output`.
pub const BIAS_GRAD: Kernel<BiasParams> = Kernel::new(KernelRow {
    name: "bias_grad",
    source: source!("bias_grad", "grid"),
    bindings: &[read("d_output"), write("gradients")],
    twin: "bias_grad",
    ..PLAIN
});

/// Launches the gradients of a layer's biases.
pub fn bias_grad(shape: LayerShape) -> Launch {
    BIAS_GRAD.launch(bias_params(shape), shape.fan_out).with_iterations(shape.rows)
}

fn bias_params(shape: LayerShape) -> BiasParams {
    let stride = row_stride(shape.fan_out);
    BiasParams {
        rows: shape.rows as u32,
        cols: shape.fan_out as u32,
        stride: stride as u32,
        bias_offset: (shape.fan_in * stride) as u32,
    }
}

params! {
    /// The params of `activate` and `activate_grad`.
    ActivateParams {
        /// Rows of the matrices.
        rows: u32,
        /// Their columns.
        cols: u32,
        /// Row stride, in elements.
        stride: u32,
    }
}

/// `output = activation(input)`.
pub const ACTIVATE: Kernel<ActivateParams> = Kernel::new(KernelRow {
    name: "activate",
    source: source!("activate", "grid", "activation"),
    bindings: &[read("input"), write("output")],
    constants: &[ACTIVATION, ACTIVATION_PARAMETER],
    twin: "activate",
    ..PLAIN
});

/// Launches an activation, given with its hyperparameter, over a matrix `[rows][cols]`.
pub fn activate(kind: (Activation, f64), rows: usize, cols: usize) -> Launch {
    activating(ACTIVATE.launch(activate_params(rows, cols), rows * cols), kind)
}

/// `d_input = d_output * slope`.
pub const ACTIVATE_GRAD: Kernel<ActivateParams> = Kernel::new(KernelRow {
    name: "activate_grad",
    source: source!("activate_grad", "grid", "activation"),
    bindings: &[read("input"), read("output"), read("d_output"), write("d_input")],
    constants: &[ACTIVATION, ACTIVATION_PARAMETER],
    twin: "activate_grad",
    ..PLAIN
});

/// Launches the backward pass through an activation.
pub fn activate_grad(kind: (Activation, f64), rows: usize, cols: usize) -> Launch {
    activating(ACTIVATE_GRAD.launch(activate_params(rows, cols), rows * cols), kind)
}

fn activate_params(rows: usize, cols: usize) -> ActivateParams {
    ActivateParams { rows: rows as u32, cols: cols as u32, stride: row_stride(cols) as u32 }
}

params! {
    /// The params of the loss kernels.
    LossParams {
        /// Rows of the batch.
        rows: u32,
        /// Outputs.
        cols: u32,
        /// Row stride, in elements.
        stride: u32,
        /// The same of the targets.
        target_stride: u32,
        /// The factor of the gradient.
        scale: f32,
    }
}

const LOSS_BINDINGS: &[Binding] =
    &[read("output"), read("target_rows"), write("row_loss"), write("d_output")];

/// Losses in which each output counts by itself, with their gradients.
pub const LOSS_ELEMENTWISE: Kernel<LossParams> = Kernel::new(KernelRow {
    name: "loss_elementwise",
    source: source!("loss_elementwise", "grid", "loss", "activation"),
    bindings: LOSS_BINDINGS,
    constants: &[LOSS, LOSS_PARAMETER, WEIGHTED],
    twin: "loss_elementwise",
    ..PLAIN
});

/// Cross-entropy of the softmax of logits with its gradient.
pub const LOSS_SOFTMAX: Kernel<LossParams> = Kernel::new(KernelRow {
    name: "loss_softmax",
    source: source!("loss_softmax", "grid"),
    bindings: LOSS_BINDINGS,
    constants: &[WEIGHTED],
    twin: "loss_softmax",
    ..PLAIN
});

/// Launches a loss, given with its hyperparameter, over a batch; `scale` is the factor of the gradient. Where
/// `is_weighted`, each row's weight stands behind its targets.
pub fn loss(
    kind: (Loss, f64),
    rows: usize,
    outputs: usize,
    scale: f32,
    is_weighted: bool,
) -> Launch {
    let params = LossParams {
        rows: rows as u32,
        cols: outputs as u32,
        stride: row_stride(outputs) as u32,
        target_stride: row_stride(outputs + usize::from(is_weighted)) as u32,
        scale,
    };
    let (launch, passes) = match kind.0.link() {
        // The largest output, the sum of the exponentials, and what they come to.
        Link::Softmax => (LOSS_SOFTMAX.launch(params, rows), 3),
        Link::Identity | Link::Sigmoid => {
            (measuring(LOSS_ELEMENTWISE.launch(params, rows), kind), 1)
        }
    };
    launch.constant("WEIGHTED", is_weighted).with_iterations(passes * outputs)
}
