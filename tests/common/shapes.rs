//! Kernels with the lines that specialise them for a shape, as the host launches them; no GPU is asked.
#![allow(dead_code, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use naga::valid::Capabilities;
use wgrad::data::{Batches, Order};
use wgrad::engine::Mapping;
use wgrad::engine::resident::{self, Capacity, Request};
use wgrad::gpu::{KernelRow, Launch};
use wgrad::kernels::{self, LayerShape, Trainings, Variant};
use wgrad::network::{Activation, Loss, Network};
use wgrad::optimizer::{Optimizer, RateSchedule};

/// The ways to compute a product: those that ask for nothing beyond WebGPU, one that asks for subgroups, and one that
/// asks for integers of 64 bits too.
pub const VARIANTS: [Variant; 6] = [
    Variant::Direct,
    Variant::Split(8),
    Variant::Staged(64),
    Variant::Staged(32),
    Variant::Broadcast { lanes: 8, pairs: false, row_blocks: 1, col_blocks: 1 },
    Variant::Broadcast { lanes: 8, pairs: true, row_blocks: 1, col_blocks: 1 },
];

/// What a network is trained on, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub mapping: Mapping,
    pub optimizer: Optimizer,
    pub rows: usize,
    pub batch: usize,
    pub stops_when_solved: bool,
    pub is_weighted: bool,
}

/// Gradient descent over the four rows of XOR.
pub fn xor(mapping: Mapping) -> Wanted {
    Wanted {
        mapping,
        optimizer: Optimizer::default(),
        rows: 4,
        batch: 0,
        stops_when_solved: false,
        is_weighted: false,
    }
}

/// The launch that trains so many networks at once; `None` where they do not fit that mapping.
pub fn training(
    network: &Network,
    networks: usize,
    wanted: Wanted,
    capacity: Capacity,
) -> Option<Launch> {
    let Wanted { mapping, optimizer, rows, batch, stops_when_solved, is_weighted } = wanted;
    let batches = &Batches::new(rows, batch, Order::Shuffled, 0);
    let (schedule, mapping) = (RateSchedule::default(), Some(mapping));
    let request = Request {
        network,
        optimizer,
        schedule,
        batches,
        networks,
        stops_when_solved,
        is_weighted,
        mapping,
    };
    let what = Trainings {
        network,
        optimizer: &optimizer,
        batches,
        networks,
        steps: 1,
        until: 1,
        schedule_first: 0,
        ring_len: 1,
        loss_every: 0,
    };
    resident::launch(request, capacity, &what).ok()
}

/// A network of sigmoid outputs.
pub fn network(sizes: &[usize], hidden: Activation) -> Network {
    Network::uniform(sizes.to_vec(), hidden, Activation::Sigmoid, Loss::Bce).unwrap()
}

/// What the lines of a kernel ask for: those that a subgroup works through are for adapters that have them.
pub fn capabilities(lines: &str) -> Capabilities {
    let mut capabilities = Capabilities::empty();
    capabilities.set(Capabilities::SUBGROUP, lines.contains("subgroupBroadcast"));
    capabilities.set(Capabilities::SHADER_INT64, lines.contains("u64"));
    capabilities
}

/// A row of the table as the host launches it, for some shapes where it needs any.
pub fn examples(row: &KernelRow) -> Vec<(KernelRow, String)> {
    let launches: Vec<Launch> = match row.name {
        "output_loss" => [(1, false), (10, false), (1, true), (8, true)]
            .map(|(fan_out, is_weighted)| {
                let shape = LayerShape { rows: 4, fan_in: 3, fan_out };
                let ends = ((Loss::Bce, 0.0), (Activation::Sigmoid, 0.0));
                kernels::output_loss(ends, shape, 1.0, is_weighted)
            })
            .to_vec(),
        "layer_forward" | "layer_input_grad" | "layer_update" => VARIANTS
            .map(|variant| {
                let (relu, shape) =
                    ((Activation::Relu, 0.0), LayerShape { rows: 4, fan_in: 3, fan_out: 2 });
                match row.name {
                    "layer_forward" => kernels::layer_forward(relu, true, shape, variant),
                    "layer_input_grad" => kernels::layer_input_grad(relu, shape, variant),
                    _ => kernels::layer_update(&Optimizer::default(), false, 4, shape, variant),
                }
            })
            .to_vec(),
        "train_invocation" | "train_workgroup" => {
            let mapping = match row.name {
                "train_invocation" => Mapping::Invocation,
                _ => Mapping::Workgroup,
            };
            let mut adamw = Optimizer::new(wgrad::optimizer::OptimizerKind::AdamW);
            (adamw.clip_norm, adamw.clip_value) = (Some(1.0), Some(1.0));
            let sizes = [&[2, 3, 1][..], &[2, 3, 2, 1]];
            let wanted = [
                xor(mapping),
                Wanted { optimizer: adamw, ..xor(mapping) },
                Wanted { is_weighted: true, ..xor(mapping) },
            ];
            let all =
                sizes.iter().flat_map(|sizes| wanted.iter().map(move |wanted| (sizes, wanted)));
            all.filter_map(|(sizes, wanted)| {
                training(&network(sizes, Activation::Relu), 1, *wanted, Capacity::BASE)
            })
            .collect()
        }
        _ => return vec![(*row, String::new())],
    };
    assert!(!launches.is_empty(), "{}: no shape to build it with", row.name);
    launches.iter().map(|launch| (*launch.kernel(), launch.lines().to_owned())).collect()
}
