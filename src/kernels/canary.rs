//! How many loop iterations an adapter really makes in one dispatch.

use super::params::params;
use super::{PLAIN, source, write};
use crate::gpu::{Gpu, GpuError, Kernel, KernelRow, Launch, Slice};

params! {
    /// The params of `canary`.
    CanaryParams {
        /// Rounds asked for.
        iterations: u32,
    }
}

/// Counts loop iterations.
pub const CANARY: Kernel<CanaryParams> = Kernel::new(KernelRow {
    name: "canary",
    source: source!("canary"),
    bindings: &[write("iterations")],
    lanes: 1,
    twin: "canary",
    ..PLAIN
});

/// Launches one invocation that makes this many loop iterations.
pub fn canary(iterations: u32) -> Launch {
    CANARY.launch(CanaryParams { iterations }, 1).with_iterations(iterations as usize)
}

/// Rounds that [`count_iterations`] is usually asked for: beyond llvmpipe's 65,535.
pub const CANARY_ITERATIONS: u32 = 70_000;

/// Asks one invocation for `iterations` loop iterations and returns how many it made.
///
/// # Errors
/// [`GpuError`], as any work on a GPU.
pub async fn count_iterations(gpu: &Gpu, iterations: u32) -> Result<u32, GpuError> {
    let made = gpu.buffer("canary", 1).await?;
    // The planner's own limit is what is being measured: it is told of no iterations here.
    let launch = canary(iterations).with_iterations(0);
    let dispatch = gpu.dispatch(&launch, &[Slice::all(&made)]).await?;
    gpu.wait(gpu.submit([&dispatch])).await?;
    Ok(gpu.read::<u32>(&[(&made, 0..1)]).await?[0][0])
}
