//! The kernels that update parameters by gradients that are kept, and those that find their norm.

use super::params::params;
use super::{BOOLS, PLAIN, TREE_ITERATIONS, codes, read, source, tree_iterations, write};
use crate::gpu::{Constant, Kernel, KernelRow, Launch};
use crate::optimizer::{Coefficients, Optimizer, UpdateRule};

/// The overrides of kernels that update parameters.
pub(super) const OPTIMIZER: Constant = Constant { name: "OPTIMIZER", values: codes!(UpdateRule) };
pub(super) const DECAY: Constant = Constant { name: "DECAY", values: &[0.0, 1.0, 2.0] };
pub(super) const CLIP_VALUE: Constant = Constant { name: "CLIP_VALUE", values: BOOLS };

params! {
    /// The coefficients of an update that do not change from step to step: part of the params of every
    /// kernel that updates parameters.
    UpdateParams {
        /// Decay of the first moment; not read where each network has its own.
        decay1: f32,
        /// Factor of the gradient in the first moment.
        gain1: f32,
        /// Decay of the second moment.
        decay2: f32,
        /// Factor of the squared gradient in the second moment.
        gain2: f32,
        /// Added to the square root of the second moment.
        eps: f32,
        /// Weight decay; not read where each network has its own.
        weight_decay: f32,
        /// Largest absolute value of a gradient.
        clip_value: f32,
        /// Largest norm of all gradients together.
        clip_norm: f32,
    }
}

impl UpdateParams {
    /// Those of an optimizer; a bound that is not set is 0 and not read.
    pub fn new(optimizer: &Optimizer) -> UpdateParams {
        let c: Coefficients<f32> = optimizer.coefficients(0.0, 0).cast();
        UpdateParams {
            decay1: c.decay1,
            gain1: c.gain1,
            decay2: c.decay2,
            gain2: c.gain2,
            eps: c.eps,
            weight_decay: c.weight_decay,
            clip_value: optimizer.clip_value.unwrap_or_default() as f32,
            clip_norm: optimizer.clip_norm.unwrap_or_default() as f32,
        }
    }
}

params! {
    /// The params of `optimizer_step`.
    OptimizerParams {
        /// The coefficients of the update.
        update: UpdateParams,
        /// Parameters in vectors of four, padding included.
        len: u32,
        /// Capacity of the ring of learning rates, in steps.
        ring_len: u32,
    }
}

/// One update of every parameter.
pub const OPTIMIZER_STEP: Kernel<OptimizerParams> = Kernel::new(KernelRow {
    name: "optimizer_step",
    source: source!("optimizer_step", "grid", "optimizer", "norm", "finite", "schedule"),
    bindings: &[
        read("gradients"),
        read("scale"),
        write("schedule"),
        write("parameters"),
        write("moment1"),
        write("moment2"),
    ],
    constants: &[OPTIMIZER, DECAY, CLIP_VALUE, Constant { name: "CLIP_NORM", values: BOOLS }],
    twin: "optimizer_step",
    ..PLAIN
});

/// Launches an update of `len` parameters, a multiple of 4, padding included. `ring_len` is the capacity of
/// the ring of learning rates.
pub fn optimizer_step(optimizer: &Optimizer, ring_len: u32, len: usize) -> Launch {
    let update = UpdateParams::new(optimizer);
    let params = OptimizerParams { update, len: (len / 4) as u32, ring_len };
    updating(OPTIMIZER_STEP.launch(params, len / 4), optimizer)
        .constant("CLIP_NORM", optimizer.clip_norm.is_some())
}

/// Sets the overrides of a kernel that updates parameters.
pub(super) fn updating(launch: Launch, optimizer: &Optimizer) -> Launch {
    launch
        .constant("OPTIMIZER", optimizer.code())
        .constant("DECAY", optimizer.decay_code())
        .constant("CLIP_VALUE", optimizer.clip_value.is_some())
}

params! {
    /// The params of `gradient_squares`.
    GradientSquaresParams {
        /// Gradients, padding included.
        len: u32,
        /// Largest absolute value of a gradient.
        clip_value: f32,
    }
}

/// Sums of squared gradients: the first step towards the norm of all gradients.
pub const GRADIENT_SQUARES: Kernel<GradientSquaresParams> = Kernel::new(KernelRow {
    name: "gradient_squares",
    source: source!("gradient_squares", "optimizer", "norm"),
    bindings: &[read("gradients"), write("sums")],
    constants: &[CLIP_VALUE],
    workgroup_bytes: 512,
    twin: "gradient_squares",
    ..PLAIN
});

/// Launches the sums of squares of `len` gradients, one for each [`STRETCH`] of them.
pub fn gradient_squares(optimizer: &Optimizer, len: usize) -> Launch {
    let clip_value = optimizer.clip_value.unwrap_or_default() as f32;
    let params = GradientSquaresParams { len: len as u32, clip_value };
    GRADIENT_SQUARES
        .launch(params, len.div_ceil(STRETCH) * GRADIENT_SQUARES.lanes as usize)
        .constant("CLIP_VALUE", optimizer.clip_value.is_some())
        .with_iterations(SQUARES_EACH + TREE_ITERATIONS)
}

/// Gradients that one invocation sums.
const SQUARES_EACH: usize = 64;
/// Gradients that one workgroup of [`GRADIENT_SQUARES`] sums.
pub const STRETCH: usize = SQUARES_EACH * GRADIENT_SQUARES.row.lanes as usize;

params! {
    /// The params of `clip_scale`.
    ClipScaleParams {
        /// Number of sums of squares.
        len: u32,
        /// Largest norm.
        clip_norm: f32,
    }
}

/// The norm of all gradients, and the factors that scale it down to the largest norm.
pub const CLIP_SCALE: Kernel<ClipScaleParams> = Kernel::new(KernelRow {
    name: "clip_scale",
    source: source!("clip_scale", "norm"),
    bindings: &[read("sums"), write("scale")],
    lanes: 256,
    workgroup_bytes: 2048,
    twin: "clip_scale",
    ..PLAIN
});

/// Launches the norm and its factors from `len` sums of squares.
pub fn clip_scale(clip_norm: f32, len: usize) -> Launch {
    let lanes = CLIP_SCALE.lanes as usize;
    let launch = CLIP_SCALE.launch(ClipScaleParams { len: len as u32, clip_norm }, lanes);
    launch.with_iterations(tree_iterations(len, lanes))
}
