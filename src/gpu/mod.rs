//! Adapters, the device, buffers, pipelines: the only place that makes them, and the only place
//! that waits for the GPU.

mod adapter;
mod choice;
mod device;
mod error;
mod pipeline;

pub use adapter::{AdapterEntry, Adapters, DeviceKind, Limits, SkippedBackend};
pub use choice::{DeviceChoice, Environment};
pub use device::{Buffer, Gpu, Submission};
pub use error::GpuError;
pub use pipeline::{
    Access, Binding, Constant, Dispatch, Field, Kernel, Loops, ParamsLayout, Pipeline, Slice,
};
