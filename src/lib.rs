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
//! | settings | a training as text: names, values, TOML; with the feature `settings` | `settings` |
//! | picture | numbers as charts, in SVG and PNG | [`picture`] |

pub mod check;
pub mod data;
pub mod engine;
mod error;
pub mod explain;
pub mod gpu;
pub mod kernels;
pub mod model;
pub mod network;
pub mod optimizer;
pub mod picture;
pub mod random;
pub mod reference;
#[cfg(feature = "settings")]
pub mod settings;
pub mod sweep;
pub mod train;

pub use error::Error;

#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod report;
