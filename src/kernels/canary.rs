//! How many loop rounds an adapter really makes in one dispatch.

use super::params::params;
use super::{PLAIN, source, write};
use crate::gpu::{Gpu, GpuError, Kernel, KernelRow, Launch, Slice};

params! {
    /// The params of `canary`.
    CanaryParams {
        /// Rounds asked for.
        rounds: u32,
    }
}

/// Counts loop rounds.
pub const CANARY: Kernel<CanaryParams> = Kernel::new(KernelRow {
    name: "canary",
    source: source!("canary"),
    bindings: &[write("rounds")],
    lanes: 1,
    twin: "canary",
    ..PLAIN
});

/// Launches one invocation that makes this many loop rounds.
pub fn canary(rounds: u32) -> Launch {
    CANARY.launch(CanaryParams { rounds }, 1).with_rounds(rounds as usize)
}

/// Rounds that [`count_rounds`] is usually asked for: beyond llvmpipe's 65,535.
pub const CANARY_ROUNDS: u32 = 70_000;

/// Asks one invocation for `rounds` loop rounds and returns how many it made.
///
/// # Errors
/// As any work on a GPU.
pub async fn count_rounds(gpu: &Gpu, rounds: u32) -> Result<u32, GpuError> {
    let made = gpu.buffer("canary", 1).await?;
    // The planner's own limit is what is being measured: it is told of no rounds here.
    let launch = canary(rounds).with_rounds(0);
    let dispatch = gpu.dispatch(&launch, &[Slice::all(&made)]).await?;
    gpu.wait(gpu.submit([&dispatch])).await?;
    Ok(gpu.read::<u32>(&[(&made, 0..1)]).await?[0][0])
}
