//! Ways to run training steps. Engines agree step by step; they differ in where the work is done.
//!
//! | engine | a step is | takes | suits |
//! | --- | --- | --- | --- |
//! | `resident` | a round of a loop inside a dispatch | one network or many, whose parameters fit into registers or workgroup memory | small networks, restarts, sweeps |
//! | `layered` | a list of dispatches, some per layer | one network of any size that the adapter's limits hold | wide layers |
//! | `cpu` | plain loops in f32, vectors where the CPU has them | one network | no GPU, and networks so small that a dispatch costs more |
//!
//! [`Device::engine`](crate::Device::engine) chooses one for a training. An [`EngineSpec`] names it and its GPU, a
//! [`Task`] says what it trains, and [`Engine`] is both with all memory allocated:
//!
//! ```
//! use wgrad::data::{Batches, Order, Source};
//! use wgrad::engine::{Engine, EngineSpec, Task};
//! use wgrad::{Activation, Loss, Network, block_on};
//!
//! let data = Source::Xor.built_in().expect("a truth table")?;
//! let (hidden, output) = (Activation::Tanh, Activation::Sigmoid);
//! let network = Network::uniform(vec![2, 4, 1], hidden, output, Loss::Bce)?;
//! // Two rows a step, shuffled in each epoch, by seed 0.
//! let task = Task::new(network, data, Batches::new(4, 2, Order::Shuffled, 0));
//! let mut engine = block_on(Engine::new(task, &EngineSpec::Cpu))?;
//! let losses = block_on(engine.run(200, &|| false))?;
//! assert_eq!((losses.len(), engine.steps_done()), (200, 200));
//! # Ok::<(), wgrad::Error>(())
//! ```

mod any;
#[doc(hidden)]
pub mod cpu;
mod kinds;
#[doc(hidden)]
pub mod layered;
mod pace;
mod parts;
#[doc(hidden)]
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "not for users")]
pub mod resident;
mod spec;
mod statistics;
mod task;
mod turn;
mod watched;
mod workers;

// What an [`Engine`] is made of: for the tests and benches of this package.
#[doc(hidden)]
pub use cpu::{CpuEngine, lanes::LanesEngine};
#[doc(hidden)]
pub use layered::{LayeredEngine, Quantity, Written};
#[doc(hidden)]
pub use resident::{Advance, Member, Population, Request, ResidentEngine, Start};

pub use any::Engine;
pub use kinds::{EngineKind, Kernels, Mapping};
pub use spec::EngineSpec;
pub use statistics::LayerStatistics;
pub use task::{State, Task, TaskError};
#[doc(hidden)]
pub use watched::Score;
#[doc(hidden)]
pub use workers::workers;
pub(crate) use workers::{at_once, on_every_core};

use crate::network::Network;

/// How near every prediction must be to its target for a data set to count as solved: `|prediction - target|` at most.
pub const SOLVED_WITHIN: f32 = 0.1;

/// The same where an engine judges by itself: less a margin, so that rounding elsewhere does not
/// take the verdict back. Stands in `shaders/common/output.wgsl` too.
#[doc(hidden)]
pub const STOP_WITHIN: f32 = 0.0999;

/// What became of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one or the other, or neither: there is no fourth")]
pub enum NetworkStatus {
    /// In training, or out of epochs without having solved its data.
    Unsolved,
    /// Where it stops when solved: after this many steps, its last.
    Solved(u32),
    /// Left the finite numbers.
    Diverged,
}

/// Where an engine keeps a copy of where it stands, beside its own state and in the same memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slot {
    /// The last report boundary: where a divergence goes back to.
    Good,
    /// Where the loss was lowest.
    Best,
}

/// What a forward pass gives, each `[rows][outputs]`.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Forward {
    /// The output layer's pre-activations `z`, from which losses are computed.
    pub pre_activations: Vec<f32>,
    /// Its activations `a`. Losses from logits take these as logits:
    /// `train::evaluate` makes probabilities of them.
    pub outputs: Vec<f32>,
}

/// A forward pass of any network on the CPU: for looking at it, not for training it. `parameters` are `[len]` of its
/// [`Layout`](crate::network::Layout), `inputs` `[rows][inputs]`. Norms take their running estimates, and nothing is
/// dropped.
pub fn forward(network: &Network, parameters: &[f32], inputs: &[f32]) -> Forward {
    cpu::forward_rows(network, parameters, inputs)
}

/// The same, of every layer: one list of activations `[rows][units]` for each, first to last.
pub fn activations(network: &Network, parameters: &[f32], inputs: &[f32]) -> Vec<Vec<f32>> {
    cpu::activations(network, parameters, inputs)
}

/// `[rows][stride]` from `[rows][cols]`, padded with zeros.
fn pad_rows(values: &[f32], cols: usize, stride: usize) -> Vec<f32> {
    let mut padded = vec![0.0; values.len() / cols * stride];
    for (to, from) in padded.chunks_exact_mut(stride).zip(values.chunks_exact(cols)) {
        to[..cols].copy_from_slice(from);
    }
    padded
}

/// `[rows][cols]` from `[rows][stride]`.
fn unpad_rows(padded: &[f32], cols: usize, stride: usize) -> Vec<f32> {
    padded.chunks_exact(stride).flat_map(|row| &row[..cols]).copied().collect()
}
