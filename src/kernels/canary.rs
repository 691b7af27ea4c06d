//! How many loop rounds an adapter really makes in one dispatch.

use super::{CANARY, CanaryParams};
use crate::gpu::{Gpu, GpuError, Slice};

/// Rounds that [`count_rounds`] is usually asked for: beyond llvmpipe's 65,535.
pub const CANARY_ROUNDS: u32 = 70_000;

/// Asks one invocation for `rounds` loop rounds and returns how many it made.
///
/// # Errors
/// As any work on a GPU.
pub async fn count_rounds(gpu: &Gpu, rounds: u32) -> Result<u32, GpuError> {
    let made = gpu.buffer("canary", 1).await?;
    let pipeline = gpu.pipeline(&CANARY, &[]).await?;
    // The planner's own limit is what is being measured: it is told of no rounds here.
    let params = CanaryParams { rounds };
    let dispatch = gpu.dispatch(&pipeline, &params, &[Slice::all(&made)], 1, 0).await?;
    gpu.wait(gpu.submit([&dispatch])).await?;
    Ok(gpu.read::<u32>(&[(&made, 0..1)]).await?[0][0])
}
