//! What becomes of networks, as the kernels tell it: whether they made their steps, are still finite, and,
//! where they stop when solved, solved.

use crate::engine::NetworkStatus;
use crate::gpu::GpuError;

/// `IN_TRAINING` and `DIVERGED` of `shaders/common/network.wgsl`.
pub(super) const IN_TRAINING: u32 = u32::MAX;
const DIVERGED: u32 = u32::MAX - 1;

/// An outcome as the kernels write it.
pub(super) fn status(outcome: u32) -> NetworkStatus {
    match outcome {
        IN_TRAINING => NetworkStatus::Unsolved,
        DIVERGED => NetworkStatus::Diverged,
        steps => NetworkStatus::Solved(steps),
    }
}

/// The proof that every network made the steps up to `step`, except those that stopped before.
///
/// # Errors
/// [`GpuError::WorkMissing`].
pub(super) fn check_done(
    done: &[u32],
    outcomes: &[u32],
    step: u32,
    stops_when_solved: bool,
) -> Result<(), GpuError> {
    let missing = done.iter().zip(outcomes).find(|&(&done, &outcome)| match outcome {
        IN_TRAINING => done != step,
        // One that does not stop when solved goes on all the same.
        DIVERGED if !stops_when_solved => done != step,
        DIVERGED => done > step,
        steps => done != steps,
    });
    match missing {
        Some((&done, _)) => Err(GpuError::WorkMissing { what: "steps", expected: step, done }),
        None => Ok(()),
    }
}
