//! wgrad trains small neural networks on any Vulkan, Metal or DX12 GPU, or on the CPU, and holds every GPU kernel to
//! a plain CPU twin.
//!
//! XOR on whatever device there is, 64 starts at once, of which one that solves it is kept:
//!
//! ```
//! use wgrad::{Activation, Dataset, Device, Error, Loss, Network, Training, block_on};
//!
//! fn main() -> Result<(), Error> {
//!     let inputs = vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
//!     let data = Dataset::new("xor", inputs, 2, vec![0.0, 1.0, 1.0, 0.0], 1)?;
//!     let (relu, sigmoid) = (Activation::Relu, Activation::Sigmoid);
//!     let network = Network::uniform(vec![2, 3, 1], relu, sigmoid, Loss::Bce)?;
//!     let mut training = Training::new(network, data);
//!     training.restarts = 64;
//!
//!     let device = block_on(Device::any())?;
//!     let outcome = block_on(device.train(&training))?;
//!     println!("on {device}");
//!     println!("{} of {} starts solved it", outcome.solved, outcome.restarts);
//!     println!("predictions {:.2?}", outcome.kept.evaluation.predictions);
//!     Ok(())
//! }
//! ```
//!
//! # How to read this
//!
//! A [`Network`] is plain data: sizes, activations, a loss. A [`Dataset`] is rows. A [`Training`] is both with all that
//! decides the numbers: fields with defaults, to be set. A [`Device`] is where it runs; it chooses an
//! [engine](engine::EngineSpec). What comes of it is an [`Outcome`]: the kept [`Run`](train::Run) with its weights,
//! its losses, and what it does on rows that were not trained on.
//!
//! | to | see |
//! | --- | --- |
//! | train on a table of your own | [`data`]; `examples/own_data.rs` |
//! | count how often a network is solved, over settings | [`sweep`]; `examples/sweep.rs` |
//! | check a device in a test of yours | [`check`]; `examples/check_in_a_test.rs` |
//! | read and save weights | [`model`], [`network::Layout`]; `examples/read_weights.rs` |
//! | make steps yourself, hear of progress, stop | [`engine`], [`Training::run`]; `examples/custom_loop.rs` |
//!
//! All that waits for a device is `async`; `block_on` runs it to its end where there is no executor. Numbers are f32,
//! matrices row-major, rows are samples: `[rows][inputs]`. Parameters of a network lie in one buffer, whose
//! places [`network::Layout`] alone knows. Seeds are `u64`; the same seed gives the same start and the same batches on
//! every device.
//!
//! Errors say what is wrong, with which value, and what to change, in one line; arguments and fields are named in
//! backticks as they are called here. [`Error::exit_code`] sorts them.
//!
//! Settings are made by `new` or `default`, and then their public fields are set, one by one, as above. They are
//! `#[non_exhaustive]`, and so are results, errors, events and families (activations, losses, optimizers ...): all of
//! these grow within a version that is compatible.
//!
//! # Modules
//!
//! | word | what it is | where |
//! | --- | --- | --- |
//! | network | layer sizes, an activation per layer, a loss | [`network`] |
//! | layout | where each tensor lies in one flat buffer | [`network::Layout`] |
//! | optimizer | how gradients become updates, and the learning-rate schedule | [`optimizer`] |
//! | random | a counter-based generator, the same bits in Rust and WGSL | [`random`] |
//! | dataset | rows of inputs and targets, and their order | [`data`] |
//! | reference | what all else is compared with: plain loops over f32 or f64 | [`reference`](mod@reference) |
//! | gpu | adapters and devices, and the limits of both | [`gpu`] |
//! | engine | one way to run steps | [`engine`] |
//! | trainer | epochs, history, restarts, the diagnosis | [`train`] |
//! | sweep | very many small networks at once, over a grid of settings | [`sweep`] |
//! | check | comparison within derived bounds, and the check of a device | [`check`] |
//! | explain | one training step with every number in it, and the demonstrations | [`explain`] |
//! | model | a trained network, or a training to resume, as bytes | [`model`] |
//! | settings | a training as text: names, values, TOML; with the feature `settings` | `settings` |
//! | picture | hidden space as a plane: where points of many dimensions differ the most | [`picture`] |
//!
//! What else the library has (kernels, benches, the command) is public for the programs of this package alone, and
//! hidden here: it changes without notice.

pub mod check;
pub mod data;
mod device;
pub mod engine;
mod error;
pub mod explain;
pub mod gpu;
// For the tests and benches of this package, which are programs of their own.
#[doc(hidden)]
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "not for users")]
pub mod kernels;
pub mod model;
pub mod network;
pub mod optimizer;
pub mod picture;
pub mod random;
#[allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "what plain functions are given, spelled out"
)]
pub mod reference;
#[cfg(feature = "settings")]
pub mod settings;
pub mod sweep;
mod text;
pub mod train;

pub use data::Dataset;
pub use device::Device;
pub use error::Error;
pub use network::{Activation, Loss, Network};
pub use train::{Outcome, Training};

/// Runs a future to its end on this thread: the blocking form of everything here that is `async`, for programs
/// without an executor of their own. In a browser, where nothing may block, it does not exist.
#[cfg(not(target_family = "wasm"))]
pub use pollster::block_on;

// The command. Its program is another crate, as the tests and benches are that look at it: so these are public.
#[cfg(feature = "cli")]
#[doc(hidden)]
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "not for users")]
pub mod bench;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
#[doc(hidden)]
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "not for users")]
pub mod report;
