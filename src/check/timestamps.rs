//! Whether dispatches that are timed compute what others do, and are told apart: what `--profile` stands on.

use super::findings::{Fault, Findings};
use crate::gpu::{Gpu, GpuError, Slice};
use crate::kernels;

/// Dispatches that are timed.
const COUNT: usize = 3;

/// Times a few dispatches. Where the adapter has no timestamps, that is noted.
pub(super) async fn check(gpu: &Gpu, findings: &mut Findings) {
    if let Err(error) = gpu.start_profile() {
        return findings.leave_out(error.to_string(), 1);
    }
    findings.begin(format!("{COUNT} dispatches"));
    if let Err(error) = timed(gpu, findings).await {
        findings.fail(error);
    }
}

async fn timed(gpu: &Gpu, findings: &mut Findings) -> Result<(), GpuError> {
    let clock = gpu.buffer("clock", 1).await?;
    let dispatch = gpu.dispatch(&kernels::advance(2), &[Slice::all(&clock)]).await?;
    gpu.wait(gpu.submit([&dispatch; COUNT])).await?;
    let spans = gpu.take_profile().await?.map(|profile| profile.spans).unwrap_or_default();
    let seen = gpu.read::<u32>(&[(&clock, 0..1)]).await?;
    findings.equal("clock", &seen[0], &[2 * COUNT as u32]);
    let names: Vec<&str> = spans.iter().map(|span| span.name).collect();
    findings.ensure(names == ["advance"; COUNT], || format!("the dispatches timed are {names:?}"));
    // Each reads what the one before wrote.
    let is_later = spans.is_sorted_by(|one, next| one.start_ns <= next.start_ns);
    findings.ensure(is_later, || format!("a dispatch starts before the one before it: {spans:?}"));
    if spans.iter().any(|span| !span.duration_ns.is_finite()) {
        findings.fail(Fault::Other(format!("a duration is no number: {spans:?}")));
    }
    Ok(())
}
