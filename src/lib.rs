//! wgrad trains small neural networks on any Vulkan, Metal or DX12 GPU, and holds every kernel to
//! a plain CPU twin.
//!
//! | word | what it is | where |
//! | --- | --- | --- |
//! | network | layer sizes, an activation per layer, a loss | [`network`] |
//! | layout | where each tensor lies in one flat buffer | [`network::Layout`] |
//! | optimizer | how gradients become updates, and the learning-rate schedule | [`optimizer`] |
//! | random | a counter-based generator, the same bits in Rust and WGSL | [`random`] |
//! | dataset | rows of inputs and targets, and their order | [`data`] |
//! | reference | what all else is compared with: plain loops over f32 or f64 | [`reference`](mod@reference) |
//! | kernel | one WGSL file and one row of a table | [`kernels`] |
//! | gpu | adapter, device, buffers, pipelines | [`gpu`] |
//! | engine | one way to run steps | [`engine`] |
//! | trainer | epochs, history, restarts, the diagnosis | [`train`] |
//! | sweep | very many small networks at once, over a grid of settings | [`sweep`] |
//! | check | comparison within derived bounds, and the check of a device | [`check`] |
//! | explain | one training step with every number in it, and the demonstrations | [`explain`] |
//! | model | a trained network, or a training to resume, as bytes | [`model`] |
//! | picture | numbers as charts, in SVG and PNG; with the feature `cli` | `picture` |

pub mod check;
pub mod data;
mod device;
pub mod engine;
mod error;
pub mod explain;
pub mod gpu;
pub mod kernels;
pub mod model;
pub mod network;
pub mod optimizer;
pub mod random;
pub mod reference;
pub mod sweep;
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

#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod picture;
#[cfg(feature = "cli")]
pub mod report;
