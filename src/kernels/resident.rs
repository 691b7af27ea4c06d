//! The kernels that train whole networks, and the one that draws their starts.

use std::ops::Range;

use super::params::params;
use super::update::UpdateParams;
use super::{
    LOSS, LOSS_PARAMETER, OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, PLAIN, read, source,
    write,
};
use crate::data::Batches;
use crate::gpu::{Access, Binding, Kernel, KernelRow, Launch};
use crate::network::{Layer, Network};
use crate::optimizer::Optimizer;
use crate::random::{Purpose, seed_key, stream_id};

params! {
    /// The params of `init_uniform`.
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

/// Launches the draw of the `len` weights of a layer, for a range of the networks in a buffer of `stride`
/// networks; the layer's weights begin at `first_parameter`, and the distribution is uniform within
/// `limit`.
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
    /// The params of the kernels that train whole networks.
    TrainParams {
        /// The coefficients of the update, except those that each network has of its own.
        update: UpdateParams,
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
        /// Capacity of the ring of losses, in steps.
        ring_len: u32,
        /// Losses are kept of every epoch whose number is a multiple of this; 0 keeps none.
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

/// Whole trainings of networks with one or two hidden layers, one network an invocation.
pub const TRAIN_INVOCATION: Kernel<TrainParams> = Kernel::new(KernelRow {
    name: "train_invocation",
    source: source!(
        "train_invocation",
        "network",
        "rows",
        "rule",
        "optimizer",
        "norm",
        "finite",
        "output",
        "grid",
        "loss",
        "activation",
        "order",
        "mask",
        "threefry"
    ),
    bindings: TRAIN_BINDINGS,
    constants: &[OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, LOSS, LOSS_PARAMETER],
    twin: "step",
    ..PLAIN
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
        "finite",
        "output",
        "loss",
        "activation",
        "order",
        "mask",
        "threefry",
        "deviation"
    ),
    ..TRAIN_INVOCATION.row
});

/// The work of one dispatch that trains whole networks.
#[derive(Debug, Clone, Copy)]
pub struct Trainings<'a> {
    /// The network that all of them are.
    pub network: &'a Network,
    /// The optimizer; learning rate, decay of the first moment and weight decay are each network's own.
    pub optimizer: &'a Optimizer,
    /// The batches in which they see the data.
    pub batches: &'a Batches,
    /// Number of networks.
    pub networks: usize,
    /// Steps of the dispatch, unless training ends before ...
    pub steps: u32,
    /// ... and the step, counted from the start of training, at which it ends.
    pub until: u32,
    /// The step with which the buffer of the schedule begins.
    pub schedule_first: u32,
    /// Capacity of the ring of losses, in steps.
    pub ring_len: u32,
    /// Losses are kept of every epoch whose number is a multiple of this; 0 keeps none.
    pub loss_every: u32,
}

/// Launches whole trainings by one of the two kernels for them. Whoever chose the kernel adds the lines
/// for its shape and its loop iterations.
pub fn train(kernel: &Kernel<TrainParams>, what: &Trainings<'_>) -> Launch {
    let Trainings { network, optimizer, batches, networks, .. } = *what;
    let [seed_low, seed_high] = seed_key(batches.seed());
    let (loss, outputs) = (network.loss(), network.outputs());
    // The short last batch of an epoch, if there is one.
    let [whole, short] = [batches.batch(), batches.rows() % batches.batch()];
    let scales = |rows: usize| match rows {
        0 => [0.0; 2],
        rows => [loss.value_scale(rows, outputs), loss.gradient_scale(rows, outputs)],
    };
    let [[value_scale, gradient_scale], [short_value_scale, short_gradient_scale]] =
        [whole, short].map(|rows| scales(rows).map(|scale| scale as f32));
    let params = TrainParams {
        update: UpdateParams::new(optimizer),
        networks: networks as u32,
        steps: what.steps,
        until: what.until,
        data_rows: batches.rows() as u32,
        steps_per_epoch: batches.steps_per_epoch() as u32,
        seed_low,
        seed_high,
        ring_len: what.ring_len,
        loss_every: what.loss_every,
        value_scale,
        gradient_scale,
        short_value_scale,
        short_gradient_scale,
        schedule_first: what.schedule_first,
    };
    let is_workgroups = kernel.name == TRAIN_WORKGROUP.name;
    let lanes = if is_workgroups { kernel.lanes as usize } else { 1 };
    let launch = kernel.launch(params, networks * lanes);
    let names = kernel.constants.iter().map(|constant| constant.name);
    names.fold(launch, |launch, name| launch.constant(name, constant(network, name)))
}

/// The value of an override of these kernels for a network.
fn constant(network: &Network, name: &str) -> f64 {
    let layers: Vec<Layer> = network.layers().collect();
    let last = layers[layers.len() - 1];
    match name {
        "LOSS" => network.loss().code().into(),
        "LOSS_PARAMETER" => network.loss_parameter(),
        "OUTPUT_ACTIVATION_PARAMETER" => last.parameter,
        _ => last.activation.code().into(),
    }
}
