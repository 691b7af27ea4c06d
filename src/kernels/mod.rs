//! The table of kernels. One row per file of `shaders/`; `tests/shaders.rs` fails on a file, a row,
//! a twin or a test that is missing, and on any row that says other than its WGSL.
//!
//! Beside each row stand its params and a function with the kernel's name, which takes sizes and returns a
//! [`Launch`]: the one place that fills the params, picks the grid and counts loop iterations. Matrices are
//! row-major, with the row strides of [`Layout`](crate::network::Layout).

mod batch;
mod batch_norm;
mod canary;
mod dropout;
mod evaluation;
mod fused;
mod params;
mod plain;
mod product;
mod resident;
mod update;

pub use batch::*;
pub use batch_norm::*;
pub use canary::*;
pub use dropout::*;
pub use evaluation::*;
pub use fused::*;
pub use plain::*;
pub use product::*;
pub use resident::*;
pub use update::*;

use crate::gpu::{Access, Binding, Constant, KernelRow, Launch, Loops, ParamsLayout, Source};
use crate::network::{Activation, Layer, Loss, row_stride};

/// A file of `shaders/` with the files of `common/` that it uses: the kernel first, so that the
/// line numbers of an error are its own.
macro_rules! source {
    ($file:literal $(, $common:literal)*) => {
        crate::gpu::Source {
            own: include_str!(concat!("../../shaders/", $file, ".wgsl")),
            common: &[$(include_str!(concat!("../../shaders/common/", $common, ".wgsl"))),*],
        }
    };
}
use source;

const fn read(name: &'static str) -> Binding {
    Binding { name, access: Access::Read }
}

const fn write(name: &'static str) -> Binding {
    Binding { name, access: Access::ReadWrite }
}

const BOOLS: &[f64] = &[0.0, 1.0];

/// The code of every member of a family.
macro_rules! codes {
    ($family:ident) => {{
        const CODES: [f64; $family::ALL.len()] = {
            let (mut codes, mut at) = ([0.0; $family::ALL.len()], 0);
            while at < codes.len() {
                codes[at] = $family::ALL[at].code() as f64;
                at += 1;
            }
            codes
        };
        &CODES
    }};
}
use codes;

/// A hyperparameter: any number.
const PARAMETER: &[f64] = &[0.25];
const ACTIVATION: Constant = Constant { name: "ACTIVATION", values: codes!(Activation) };
const ACTIVATION_PARAMETER: Constant = Constant { name: "ACTIVATION_PARAMETER", values: PARAMETER };
const OUTPUT_ACTIVATION: Constant =
    Constant { name: "OUTPUT_ACTIVATION", values: ACTIVATION.values };
const OUTPUT_ACTIVATION_PARAMETER: Constant =
    Constant { name: "OUTPUT_ACTIVATION_PARAMETER", values: PARAMETER };
const LOSS: Constant = Constant { name: "LOSS", values: codes!(Loss) };
const LOSS_PARAMETER: Constant = Constant { name: "LOSS_PARAMETER", values: PARAMETER };
const WEIGHTED: Constant = Constant { name: "WEIGHTED", values: BOOLS };

/// Sets the overrides that say what a layer does to its pre-activations.
fn activating(launch: Launch, (kind, parameter): (Activation, f64)) -> Launch {
    launch.constant("ACTIVATION", kind.code()).constant("ACTIVATION_PARAMETER", parameter)
}

/// Sets the overrides that say which loss.
fn measuring(launch: Launch, (kind, parameter): (Loss, f64)) -> Launch {
    launch.constant("LOSS", kind.code()).constant("LOSS_PARAMETER", parameter)
}

/// What most kernels are: workgroups of 64, no workgroup memory, counted loops, no override.
const PLAIN: KernelRow = KernelRow {
    name: "",
    source: Source { own: "", common: &[] },
    // Every kernel has its own.
    params: ParamsLayout { bytes: 0, fields: &[] },
    bindings: &[],
    constants: &[],
    lanes: 64,
    workgroup_bytes: 0,
    loops: Loops::Counted,
    twin: "",
};

/// The shape of a layer over a batch: `[rows][fan_in]` to `[rows][fan_out]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerShape {
    /// Rows of the batch.
    pub rows: usize,
    /// Inputs of the layer.
    pub fan_in: usize,
    /// Units of the layer.
    pub fan_out: usize,
}

impl LayerShape {
    /// The shape of a network's layer over a batch.
    pub fn of(layer: &Layer, rows: usize) -> LayerShape {
        LayerShape { rows, fan_in: layer.fan_in, fan_out: layer.fan_out }
    }

    /// Vectors of four in a row of its input, and in a row of its output.
    fn vectors(self) -> [usize; 2] {
        [self.fan_in, self.fan_out].map(|units| row_stride(units) / 4)
    }
}

/// Loop iterations of the tree sum over the lanes of a workgroup.
const TREE_ITERATIONS: usize = 8;

/// Loop iterations of a workgroup whose lanes sum `len` numbers.
fn tree_iterations(len: usize, lanes: usize) -> usize {
    len.div_ceil(lanes) + TREE_ITERATIONS
}

/// Every kernel, in the order in which a step runs them.
pub const ALL: &[KernelRow] = &[
    BATCH_ROWS.row,
    GATHER_BATCH.row,
    MATMUL.row,
    BIAS_ADD.row,
    NORM_STATISTICS.row,
    NORM_APPLY.row,
    ACTIVATE.row,
    DROPOUT.row,
    LOSS_ELEMENTWISE.row,
    LOSS_SOFTMAX.row,
    ACTIVATE_GRAD.row,
    NORM_GRAD.row,
    NORM_INPUT_GRAD.row,
    BIAS_GRAD.row,
    GRADIENT_SQUARES.row,
    CLIP_SCALE.row,
    OPTIMIZER_STEP.row,
    FINISH_STEP.row,
    ADVANCE.row,
    LAYER_FORWARD.row,
    OUTPUT_LOSS.row,
    LAYER_INPUT_GRAD.row,
    LAYER_UPDATE.row,
    LAYER_STATISTICS.row,
    POPULATION_FORWARD.row,
    EVALUATE_ROWS.row,
    CANARY.row,
    INIT_UNIFORM.row,
    TRAIN_INVOCATION.row,
    TRAIN_WORKGROUP.row,
];

/// The files of `common/`, for tests that probe their functions alone.
pub const COMMON: &[(&str, &str)] = &[
    ("activation", include_str!("../../shaders/common/activation.wgsl")),
    ("broadcast", include_str!("../../shaders/common/broadcast.wgsl")),
    ("columns", include_str!("../../shaders/common/columns.wgsl")),
    ("deviation", include_str!("../../shaders/common/deviation.wgsl")),
    ("direct", include_str!("../../shaders/common/direct.wgsl")),
    ("finite", include_str!("../../shaders/common/finite.wgsl")),
    ("grid", include_str!("../../shaders/common/grid.wgsl")),
    ("loss", include_str!("../../shaders/common/loss.wgsl")),
    ("mask", include_str!("../../shaders/common/mask.wgsl")),
    ("network", include_str!("../../shaders/common/network.wgsl")),
    ("norm", include_str!("../../shaders/common/norm.wgsl")),
    ("optimizer", include_str!("../../shaders/common/optimizer.wgsl")),
    ("order", include_str!("../../shaders/common/order.wgsl")),
    ("output", include_str!("../../shaders/common/output.wgsl")),
    ("rows", include_str!("../../shaders/common/rows.wgsl")),
    ("rule", include_str!("../../shaders/common/rule.wgsl")),
    ("schedule", include_str!("../../shaders/common/schedule.wgsl")),
    ("split", include_str!("../../shaders/common/split.wgsl")),
    ("staged", include_str!("../../shaders/common/staged.wgsl")),
    ("stored", include_str!("../../shaders/common/stored.wgsl")),
    ("stored_pairs", include_str!("../../shaders/common/stored_pairs.wgsl")),
    ("tile", include_str!("../../shaders/common/tile.wgsl")),
    ("threefry", include_str!("../../shaders/common/threefry.wgsl")),
];
