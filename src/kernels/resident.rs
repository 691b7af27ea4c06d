//! The kernels that train whole networks, and the one that draws their starts.

use std::ops::Range;

use super::params::params;
use super::{
    ACTIVATION, ACTIVATION_PARAMETER, LOSS, LOSS_PARAMETER, OUTPUT_ACTIVATION,
    OUTPUT_ACTIVATION_PARAMETER, PLAIN, SECOND_ACTIVATION, SECOND_ACTIVATION_PARAMETER, read,
    shapes, source, write,
};
use crate::gpu::{Access, Binding, Kernel, KernelRow, Launch};
use crate::random::{Purpose, seed_key, stream_id};

params! {
    /// Of `init_uniform`.
    InitUniformParams {
        /// Networks to draw for.
        networks: u32,
        /// Pairs of weights of the layer, the last perhaps of one.
        pairs: u32,
        /// Weights of the layer.
        len: u32,
        /// Networks in the buffer.
        stride: u32,
        /// The layer's first weight among a network's parameters.
        first_parameter: u32,
        /// The first network to draw for.
        first_network: u32,
        /// The low half of its seed.
        seed_low: u32,
        /// The high half of its seed.
        seed_high: u32,
        /// The stream (weights, layer).
        stream: u32,
        /// Half the width of the distribution.
        limit: f32,
    }
}

/// The starting weights of one layer of many networks.
pub const INIT_UNIFORM: Kernel<InitUniformParams> = Kernel::new(KernelRow {
    name: "init_uniform",
    source: source!("init_uniform", "grid", "threefry"),
    bindings: &[write("parameters")],
    twin: "init_uniform",
    ..PLAIN
});

/// The weights of layer `layer`, so many of them, of `networks` of the networks in a buffer of
/// `stride`, where they begin at `first_parameter`.
pub fn init_uniform(
    networks: Range<usize>,
    stride: usize,
    first_parameter: usize,
    (layer, len): (usize, usize),
    (seed, limit): (u64, f32),
) -> Launch {
    let [seed_low, seed_high] = seed_key(seed);
    let pairs = len.div_ceil(2);
    let params = InitUniformParams {
        networks: networks.len() as u32,
        pairs: pairs as u32,
        len: len as u32,
        stride: stride as u32,
        first_parameter: first_parameter as u32,
        first_network: networks.start as u32,
        seed_low,
        seed_high,
        stream: stream_id(Purpose::Weights, layer as u32),
        limit,
    };
    INIT_UNIFORM.launch(params, networks.len() * pairs)
}

params! {
    /// Of the kernels that train whole networks.
    TrainParams {
        /// Networks.
        networks: u32,
        /// Steps to make in one dispatch.
        steps: u32,
        /// Steps since the start, beyond which none is made.
        until: u32,
        /// Rows of the data set.
        data_rows: u32,
        /// Steps in an epoch.
        steps_per_epoch: u32,
        /// The low half of the seed that the networks' own count from.
        seed_low: u32,
        /// Its high half.
        seed_high: u32,
        /// Steps whose losses the ring holds.
        ring_len: u32,
        /// Of so many epochs the last one's losses are kept; 0 to keep none.
        loss_every: u32,
        /// The factor of a whole batch's loss.
        value_scale: f32,
        /// The factor of a whole batch's gradient.
        gradient_scale: f32,
        /// The factor of the short last batch's loss.
        short_value_scale: f32,
        /// The factor of the short last batch's gradient.
        short_gradient_scale: f32,
        /// The step that the schedule begins with.
        schedule_first: u32,
        /// What of a gradient goes into the first moment.
        gain1: f32,
        /// The second moment's decay.
        decay2: f32,
        /// What of a gradient's square goes into it.
        gain2: f32,
        /// Added to the root of the second moment.
        eps: f32,
        /// The largest norm of all gradients together.
        clip_norm: f32,
        /// The largest absolute value of one.
        clip_value: f32,
    }
}

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
pub const TRAIN_ONE_HIDDEN: Kernel<TrainParams> = Kernel::new(KernelRow {
    name: "train_one_hidden",
    source: source!(
        "train_one_hidden",
        "invocation",
        "network",
        "rows",
        "rule",
        "optimizer",
        "norm",
        "output",
        "grid",
        "loss",
        "activation",
        "order",
        "threefry"
    ),
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
});

/// The same with two hidden layers.
pub const TRAIN_TWO_HIDDEN: Kernel<TrainParams> = Kernel::new(KernelRow {
    name: "train_two_hidden",
    source: source!(
        "train_two_hidden",
        "invocation",
        "network",
        "rows",
        "rule",
        "optimizer",
        "norm",
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
    ..TRAIN_ONE_HIDDEN.row
});

/// Whole trainings of networks of any depth, one network a workgroup.
pub const TRAIN_WORKGROUP: Kernel<TrainParams> = Kernel::new(KernelRow {
    name: "train_workgroup",
    source: source!(
        "train_workgroup",
        "network",
        "rows",
        "rule",
        "optimizer",
        "norm",
        "output",
        "loss",
        "activation",
        "order",
        "threefry"
    ),
    constants: &[OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, LOSS, LOSS_PARAMETER],
    shapes: shapes::WORKGROUP,
    workgroup_bytes: 492,
    ..TRAIN_ONE_HIDDEN.row
});
