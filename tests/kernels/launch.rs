//! Runs one kernel over lists of numbers, as `wgrad check` does; and all cases that it has there.

use std::sync::OnceLock;

use wgrad::check::kernels::STEP;
pub use wgrad::check::{Arg, SENTINEL, floats};
use wgrad::check::{Builds, Findings, Scope, check_kernel, columns, written};
use wgrad::gpu::Launch;

use crate::common::gpu;

/// What the device under test is asked for.
pub fn scope() -> Scope {
    static SCOPE: OnceLock<Scope> = OnceLock::new();
    *SCOPE.get_or_init(|| pollster::block_on(Scope::of(&gpu(), false)).unwrap())
}

/// Every case of a kernel: what `wgrad check` holds to its twin.
#[track_caller]
pub fn assert_matches_its_twin(kernel: &str) {
    let findings = pollster::block_on(check_kernel(&gpu(), &scope(), kernel)).unwrap();
    assert_passes(&findings);
}

/// Fails with the first of what is wrong.
#[track_caller]
pub fn assert_passes(findings: &Findings) {
    let failed = findings.failures.len();
    if let Some(first) = findings.failures.first() {
        panic!("{failed} of {} cases; {first}", findings.cases);
    }
    assert!(findings.is_pass() && findings.compared > 0, "{findings:?}");
}

/// The contents of every `read_write` binding after one dispatch, as words.
pub fn launch(launch: &Launch, args: &[Arg]) -> Vec<Vec<u32>> {
    let name = launch.kernel().name;
    pollster::block_on(written(&gpu(), launch, args, Builds::Both))
        .unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

/// A result with the sentinels of padding left out; fails where padding was written.
#[track_caller]
pub fn unpadded(values: &[f32], cols: usize, stride: usize) -> Vec<f32> {
    let mut padding = values.chunks_exact(stride).flat_map(|row| &row[cols..]);
    assert!(padding.all(|p| p.to_bits() == SENTINEL), "padding was written");
    columns(values, cols, stride)
}

/// Whether a schedule, as a kernel left it, says that every parameter is finite.
#[track_caller]
pub fn is_finite(schedule: &[u32]) -> bool {
    assert!(schedule[0] == STEP && schedule[1] <= 1, "{:?}", &schedule[..2]);
    schedule[1] == 0
}
