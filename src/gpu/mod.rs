//! Adapters, devices, buffers and pipelines: the only place that creates them and waits for the GPU.

mod adapter;
mod choice;
mod device;
mod error;
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "not for users")]
mod kernel;
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "not for users")]
mod pipeline;
mod profile;

pub use adapter::{AdapterClass, AdapterEntry, Adapters, DeviceKind, Limits, SkippedBackend};
pub use choice::{DeviceChoice, Environment};
pub use device::Gpu;
#[doc(hidden)]
pub use device::{Buffer, Submission};
pub use error::GpuError;
// What launches are made of: for the tests and benches of this package.
#[doc(hidden)]
pub use kernel::{
    Access, Binding, Constant, Field, FieldKind, Kernel, KernelRow, Launch, Loops, Params,
    ParamsField, ParamsLayout, Source,
};
#[doc(hidden)]
pub use pipeline::{Dispatch, Output, Slice};
pub use profile::{Profile, Span};
