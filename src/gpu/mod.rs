//! Adapters, devices, buffers and pipelines: the only place that creates them and waits for the GPU.

mod adapter;
mod choice;
mod device;
mod error;
mod kernel;
mod pipeline;
mod profile;

pub use adapter::{AdapterClass, AdapterEntry, Adapters, DeviceKind, Limits, SkippedBackend};
pub use choice::{DeviceChoice, Environment};
pub use device::{Buffer, Gpu, Submission};
pub use error::GpuError;
pub use kernel::{
    Access, Binding, Constant, Field, FieldKind, Kernel, KernelRow, Launch, Loops, Params,
    ParamsField, ParamsLayout, Source,
};
pub use pipeline::{Dispatch, Output, Slice};
pub use profile::{MOST_SPANS, Profile, Span};
