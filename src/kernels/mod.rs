//! The table of kernels. One row per file of `shaders/`; `tests/shaders.rs` fails on a file, a row,
//! a twin or a test that is missing, and on any row that says other than its WGSL.

mod canary;
mod params;
mod shapes;

pub use canary::{CANARY_ROUNDS, count_rounds};
pub use params::*;
pub use shapes::output_lines;

use crate::gpu::{Access, Binding, Constant, Kernel, Loops};
use crate::network::{Activation, Layer, Loss, Network};

/// A file of `shaders/` with the files of `common/` that it uses: the kernel first, so that the
/// line numbers of an error are its own.
macro_rules! source {
    ($file:literal $(, $common:literal)*) => {
        concat!(
            include_str!(concat!("../../shaders/", $file, ".wgsl"))
            $(, "\n", include_str!(concat!("../../shaders/common/", $common, ".wgsl")))*
        )
    };
}

const fn read(name: &'static str) -> Binding {
    Binding { name, access: Access::Read }
}

const fn write(name: &'static str) -> Binding {
    Binding { name, access: Access::ReadWrite }
}

const BOOLS: &[f64] = &[0.0, 1.0];
/// The codes of a family of so many.
const fn codes<const N: usize>() -> [f64; N] {
    let mut codes = [0.0; N];
    let mut code = 0;
    while code < N {
        codes[code] = code as f64;
        code += 1;
    }
    codes
}

/// Every [`Loss::code`].
const LOSSES: &[f64] = &codes::<{ Loss::ALL.len() }>();
/// Every [`Activation::code`].
const ACTIVATIONS: &[f64] = &codes::<{ Activation::ALL.len() }>();
/// A hyperparameter: any number.
const PARAMETER: &[f64] = &[0.25];
const ACTIVATION: Constant = Constant { name: "ACTIVATION", values: ACTIVATIONS };
const ACTIVATION_PARAMETER: Constant =
    Constant { name: "ACTIVATION_PARAMETER", values: PARAMETER };
const SECOND_ACTIVATION: Constant = Constant { name: "SECOND_ACTIVATION", values: ACTIVATIONS };
const SECOND_ACTIVATION_PARAMETER: Constant =
    Constant { name: "SECOND_ACTIVATION_PARAMETER", values: PARAMETER };
const OUTPUT_ACTIVATION: Constant = Constant { name: "OUTPUT_ACTIVATION", values: ACTIVATIONS };
const OUTPUT_ACTIVATION_PARAMETER: Constant =
    Constant { name: "OUTPUT_ACTIVATION_PARAMETER", values: PARAMETER };
const LOSS: Constant = Constant { name: "LOSS", values: LOSSES };
const LOSS_PARAMETER: Constant = Constant { name: "LOSS_PARAMETER", values: PARAMETER };

/// What the overrides of kernels that activate a layer are.
pub fn activation_constants(layer: &Layer) -> [(&'static str, f64); 2] {
    [("ACTIVATION", layer.activation.code().into()), ("ACTIVATION_PARAMETER", layer.parameter)]
}

/// What those of kernels that compute the loss are.
pub fn loss_constants(network: &Network) -> [(&'static str, f64); 2] {
    [("LOSS", network.loss().code().into()), ("LOSS_PARAMETER", network.loss_parameter())]
}

/// What those of kernels that do both to the last layer are.
pub fn output_constants(network: &Network) -> [(&'static str, f64); 4] {
    let [loss, loss_parameter] = loss_constants(network);
    let last = network.layers().next_back();
    let (kind, parameter) =
        last.map_or((Activation::Identity, 0.0), |last| (last.activation, last.parameter));
    let kind = ("OUTPUT_ACTIVATION", kind.code().into());
    [kind, ("OUTPUT_ACTIVATION_PARAMETER", parameter), loss, loss_parameter]
}

/// What most kernels are: workgroups of 64, no workgroup memory, counted loops, no override.
const PLAIN: Kernel = Kernel {
    name: "",
    source: "",
    params: AdvanceParams::LAYOUT,
    bindings: &[],
    constants: &[],
    lanes: 64,
    workgroup_bytes: 0,
    shapes: &[""],
    loops: Loops::Counted,
    twin: "",
};

/// `output = left . right`, either of them transposed.
pub const MATMUL: Kernel = Kernel {
    name: "matmul",
    source: source!("matmul", "grid"),
    params: MatmulParams::LAYOUT,
    bindings: &[read("left"), read("right"), write("output")],
    constants: &[
        Constant { name: "TRANSPOSE_LEFT", values: BOOLS },
        Constant { name: "TRANSPOSE_RIGHT", values: BOOLS },
    ],
    twin: "matmul",
    ..PLAIN
};

/// `output += bias`.
pub const BIAS_ADD: Kernel = Kernel {
    name: "bias_add",
    source: source!("bias_add", "grid"),
    params: BiasParams::LAYOUT,
    bindings: &[read("parameters"), write("output")],
    twin: "bias_add",
    ..PLAIN
};

/// `output = activation(input)`.
pub const ACTIVATE: Kernel = Kernel {
    name: "activate",
    source: source!("activate", "grid", "activation"),
    params: ActivateParams::LAYOUT,
    bindings: &[read("input"), write("output")],
    constants: &[ACTIVATION, ACTIVATION_PARAMETER],
    twin: "activate",
    ..PLAIN
};

/// `d_input = d_output * slope`.
pub const ACTIVATE_GRAD: Kernel = Kernel {
    name: "activate_grad",
    source: source!("activate_grad", "grid", "activation"),
    params: ActivateParams::LAYOUT,
    bindings: &[read("input"), read("output"), read("d_output"), write("d_input")],
    constants: &[ACTIVATION, ACTIVATION_PARAMETER],
    twin: "activate_grad",
    ..PLAIN
};

/// `d_bias = column sums of d_output`.
pub const BIAS_GRAD: Kernel = Kernel {
    name: "bias_grad",
    source: source!("bias_grad", "grid"),
    params: BiasParams::LAYOUT,
    bindings: &[read("d_output"), write("gradients")],
    twin: "bias_grad",
    ..PLAIN
};

const LOSS_BINDINGS: &[Binding] =
    &[read("output"), read("target_rows"), write("row_loss"), write("d_output")];

/// The losses of outputs that are apart from each other, with their gradients.
pub const LOSS_ELEMENTWISE: Kernel = Kernel {
    name: "loss_elementwise",
    source: source!("loss_elementwise", "grid", "loss", "activation"),
    params: LossParams::LAYOUT,
    bindings: LOSS_BINDINGS,
    constants: &[LOSS, LOSS_PARAMETER],
    twin: "loss_elementwise",
    ..PLAIN
};

/// Cross-entropy of the softmax of logits with its gradient.
pub const LOSS_SOFTMAX: Kernel = Kernel {
    name: "loss_softmax",
    source: source!("loss_softmax", "grid"),
    params: LossParams::LAYOUT,
    bindings: LOSS_BINDINGS,
    twin: "loss_softmax",
    ..PLAIN
};

/// One step's loss into the ring.
pub const LOSS_MEAN: Kernel = Kernel {
    name: "loss_mean",
    source: source!("loss_mean"),
    params: LossMeanParams::LAYOUT,
    bindings: &[read("row_loss"), read("clock"), write("losses")],
    lanes: 256,
    workgroup_bytes: 1024,
    twin: "loss_mean",
    ..PLAIN
};

/// What overrides say of an optimizer.
const OPTIMIZER: Constant = Constant { name: "OPTIMIZER", values: &[0.0, 1.0, 2.0, 3.0, 4.0] };
const DECAY: Constant = Constant { name: "DECAY", values: &[0.0, 1.0, 2.0] };
const CLIP_VALUE: Constant = Constant { name: "CLIP_VALUE", values: BOOLS };

/// One update of every parameter.
pub const OPTIMIZER_STEP: Kernel = Kernel {
    name: "optimizer_step",
    source: source!("optimizer_step", "grid", "optimizer"),
    params: OptimizerParams::LAYOUT,
    bindings: &[
        read("gradients"),
        read("schedule"),
        read("scale"),
        write("parameters"),
        write("moment1"),
        write("moment2"),
    ],
    constants: &[OPTIMIZER, DECAY, CLIP_VALUE, Constant { name: "CLIP_NORM", values: BOOLS }],
    twin: "optimizer_step",
    ..PLAIN
};

/// The first level of the norm of all gradients.
pub const GRADIENT_SQUARES: Kernel = Kernel {
    name: "gradient_squares",
    source: source!("gradient_squares", "optimizer"),
    params: GradientSquaresParams::LAYOUT,
    bindings: &[read("gradients"), write("sums")],
    constants: &[CLIP_VALUE],
    workgroup_bytes: 256,
    twin: "gradient_squares",
    ..PLAIN
};

/// The second level, and the factor that brings the norm down.
pub const CLIP_SCALE: Kernel = Kernel {
    name: "clip_scale",
    source: source!("clip_scale", "optimizer"),
    params: ClipScaleParams::LAYOUT,
    bindings: &[read("sums"), write("scale")],
    lanes: 256,
    workgroup_bytes: 1024,
    twin: "clip_scale",
    ..PLAIN
};

/// The rows of a step's batch.
pub const BATCH_ROWS: Kernel = Kernel {
    name: "batch_rows",
    source: source!("batch_rows", "grid", "order", "threefry"),
    params: BatchRowsParams::LAYOUT,
    bindings: &[read("clock"), write("rows")],
    twin: "batch_rows",
    ..PLAIN
};

/// Those rows out of the data set.
pub const GATHER: Kernel = Kernel {
    name: "gather",
    source: source!("gather", "grid"),
    params: GatherParams::LAYOUT,
    bindings: &[read("rows"), read("source"), write("output")],
    twin: "gather",
    ..PLAIN
};

/// Counts a step as done.
pub const ADVANCE: Kernel = Kernel {
    name: "advance",
    source: source!("advance"),
    params: AdvanceParams::LAYOUT,
    bindings: &[write("clock")],
    lanes: 1,
    twin: "advance",
    ..PLAIN
};

/// A mini-batch in one go.
pub const GATHER_BATCH: Kernel = Kernel {
    name: "gather_batch",
    source: source!("gather_batch", "grid"),
    params: GatherBatchParams::LAYOUT,
    bindings: &[
        read("rows"),
        read("source_inputs"),
        read("source_targets"),
        write("input"),
        write("target_rows"),
    ],
    twin: "gather_batch",
    ..PLAIN
};

/// A layer in one go.
pub const LAYER_FORWARD: Kernel = Kernel {
    name: "layer_forward",
    source: source!("layer_forward", "grid", "tile", "activation"),
    params: LayerForwardParams::LAYOUT,
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
};

/// What goes back through a layer, and through the activation before it.
pub const LAYER_INPUT_GRAD: Kernel = Kernel {
    name: "layer_input_grad",
    source: source!("layer_input_grad", "grid", "tile", "activation"),
    params: LayerInputGradParams::LAYOUT,
    bindings: &[read("d_output"), read("parameters"), read("input"), write("d_input")],
    constants: &[ACTIVATION, ACTIVATION_PARAMETER],
    twin: "layer_input_grad",
    ..PLAIN
};

/// A layer's gradients, and its update.
pub const LAYER_UPDATE: Kernel = Kernel {
    name: "layer_update",
    source: source!("layer_update", "grid", "tile", "optimizer"),
    params: LayerUpdateParams::LAYOUT,
    bindings: &[
        read("input"),
        read("d_output"),
        read("schedule"),
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
};

/// The output layer and the loss in one go.
pub const OUTPUT_LOSS: Kernel = Kernel {
    name: "output_loss",
    source: source!("output_loss", "grid", "output", "loss", "activation"),
    params: OutputLossParams::LAYOUT,
    bindings: &[
        read("input"),
        read("parameters"),
        read("target_rows"),
        write("row_loss"),
        write("d_output"),
    ],
    constants: &[
        OUTPUT_ACTIVATION,
        OUTPUT_ACTIVATION_PARAMETER,
        LOSS,
        LOSS_PARAMETER,
    ],
    shapes: &[shapes::ONE_OUTPUT],
    twin: "output_loss",
    ..PLAIN
};

/// One step's loss into the ring, and the step counted.
pub const FINISH_STEP: Kernel = Kernel {
    name: "finish_step",
    source: source!("finish_step"),
    bindings: &[read("row_loss"), write("clock"), write("losses")],
    twin: "finish_step",
    ..LOSS_MEAN
};

/// Counts loop rounds.
pub const CANARY: Kernel = Kernel {
    name: "canary",
    source: source!("canary"),
    params: CanaryParams::LAYOUT,
    bindings: &[write("rounds")],
    lanes: 1,
    twin: "canary",
    ..PLAIN
};

/// The starting weights of one layer of many networks.
pub const INIT_UNIFORM: Kernel = Kernel {
    name: "init_uniform",
    source: source!("init_uniform", "grid", "threefry"),
    params: InitUniformParams::LAYOUT,
    bindings: &[write("parameters")],
    twin: "init_uniform",
    ..PLAIN
};

/// The bindings of the kernels that train whole networks, over a data set that fits a uniform.
pub const TRAIN_BINDINGS: &[Binding] = &[
    Binding { name: "data", access: Access::Uniform },
    read("rules"),
    read("seeds"),
    read("schedule"),
    write("parameters"),
    write("losses"),
    write("done"),
    write("outcome"),
];

/// The same over a larger one.
pub const TRAIN_STORAGE_BINDINGS: &[Binding] = &[
    read("data"),
    read("rules"),
    read("seeds"),
    read("schedule"),
    write("parameters"),
    write("losses"),
    write("done"),
    write("outcome"),
];

/// Whole trainings of networks with one hidden layer, one network an invocation.
pub const TRAIN_ONE_HIDDEN: Kernel = Kernel {
    name: "train_one_hidden",
    source: source!(
        "train_one_hidden",
        "invocation",
        "network",
        "rows",
        "rule",
        "optimizer",
        "output",
        "grid",
        "loss",
        "activation",
        "order",
        "threefry"
    ),
    params: TrainParams::LAYOUT,
    bindings: TRAIN_BINDINGS,
    constants: &[
        ACTIVATION,
        ACTIVATION_PARAMETER,
        OUTPUT_ACTIVATION,
        OUTPUT_ACTIVATION_PARAMETER,
        LOSS,
        LOSS_PARAMETER,
    ],
    shapes: shapes::ONE_HIDDEN,
    twin: "step",
    ..PLAIN
};

/// The same with two hidden layers.
pub const TRAIN_TWO_HIDDEN: Kernel = Kernel {
    name: "train_two_hidden",
    source: source!(
        "train_two_hidden",
        "invocation",
        "network",
        "rows",
        "rule",
        "optimizer",
        "output",
        "grid",
        "loss",
        "activation",
        "order",
        "threefry"
    ),
    constants: &[
        ACTIVATION,
        ACTIVATION_PARAMETER,
        SECOND_ACTIVATION,
        SECOND_ACTIVATION_PARAMETER,
        OUTPUT_ACTIVATION,
        OUTPUT_ACTIVATION_PARAMETER,
        LOSS,
        LOSS_PARAMETER,
    ],
    shapes: shapes::TWO_HIDDEN,
    ..TRAIN_ONE_HIDDEN
};

/// Whole trainings of networks of any depth, one network a workgroup.
pub const TRAIN_WORKGROUP: Kernel = Kernel {
    name: "train_workgroup",
    source: source!(
        "train_workgroup",
        "network",
        "rows",
        "rule",
        "optimizer",
        "output",
        "loss",
        "activation",
        "order",
        "threefry"
    ),
    constants: &[
        OUTPUT_ACTIVATION,
        OUTPUT_ACTIVATION_PARAMETER,
        LOSS,
        LOSS_PARAMETER,
    ],
    shapes: shapes::WORKGROUP,
    workgroup_bytes: 740,
    ..TRAIN_ONE_HIDDEN
};

/// Every kernel, in the order in which a step runs them.
pub const ALL: &[Kernel] = &[
    BATCH_ROWS,
    GATHER,
    MATMUL,
    BIAS_ADD,
    ACTIVATE,
    LOSS_ELEMENTWISE,
    LOSS_SOFTMAX,
    LOSS_MEAN,
    ACTIVATE_GRAD,
    BIAS_GRAD,
    GRADIENT_SQUARES,
    CLIP_SCALE,
    OPTIMIZER_STEP,
    ADVANCE,
    GATHER_BATCH,
    LAYER_FORWARD,
    OUTPUT_LOSS,
    LAYER_INPUT_GRAD,
    LAYER_UPDATE,
    FINISH_STEP,
    CANARY,
    INIT_UNIFORM,
    TRAIN_ONE_HIDDEN,
    TRAIN_TWO_HIDDEN,
    TRAIN_WORKGROUP,
];

/// The files of `common/`, for tests that probe their functions alone.
pub const COMMON: &[(&str, &str)] = &[
    ("activation", include_str!("../../shaders/common/activation.wgsl")),
    ("grid", include_str!("../../shaders/common/grid.wgsl")),
    ("invocation", include_str!("../../shaders/common/invocation.wgsl")),
    ("loss", include_str!("../../shaders/common/loss.wgsl")),
    ("network", include_str!("../../shaders/common/network.wgsl")),
    ("optimizer", include_str!("../../shaders/common/optimizer.wgsl")),
    ("order", include_str!("../../shaders/common/order.wgsl")),
    ("output", include_str!("../../shaders/common/output.wgsl")),
    ("rows", include_str!("../../shaders/common/rows.wgsl")),
    ("rule", include_str!("../../shaders/common/rule.wgsl")),
    ("tile", include_str!("../../shaders/common/tile.wgsl")),
    ("threefry", include_str!("../../shaders/common/threefry.wgsl")),
];
