//! Kernels that are broken on purpose, to see that the checks can fail: each is a small patch of a kernel's WGSL in
//! memory, and the kernel's own cases must find it.

mod table;

use std::sync::Arc;

use web_time::Instant;

pub use table::{MUTANTS, Mutant, Needs};

use super::case::{Builds, Case, Scope, written};
use super::findings::{Fault, Findings};
use super::kernels::CASES;
use super::run::{Options, Progress, Watch};
use crate::Error;
use crate::gpu::{AdapterClass, Gpu, GpuError};

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MutantOutcome {
    /// A case found it.
    Caught {
        /// Which, and what it found.
        by: String,
    },
    /// Every case passed: a fault of this kind would not be noticed.
    Survived,
    /// It is of a variant that this adapter does not take, or shows only where the order of invocations is known.
    NotRun {
        /// Why.
        reason: &'static str,
    },
    /// The patch stands nowhere, in several places, or is no WGSL.
    BadPatch {
        /// Why.
        reason: String,
    },
}

/// A mutant, and what became of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MutantResult {
    /// The mutant.
    pub mutant: &'static Mutant,
    /// What became of it.
    pub outcome: MutantOutcome,
    /// Seconds it took.
    pub seconds: f64,
}

/// What became of all mutants.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MutantReport {
    /// In the order of their table.
    pub trials: Vec<MutantResult>,
    /// Whether it was ended before all were run.
    pub stopped: bool,
    /// Seconds it took.
    pub seconds: f64,
}

impl MutantReport {
    /// Those of which a predicate holds, by their names.
    fn named(&self, is_so: impl Fn(&MutantOutcome) -> bool) -> Vec<String> {
        let those = self.trials.iter().filter(|trial| is_so(&trial.outcome));
        those.map(|trial| trial.mutant.to_string()).collect()
    }

    /// Those that no case found.
    pub fn survivors(&self) -> Vec<String> {
        self.named(|outcome| *outcome == MutantOutcome::Survived)
    }

    /// Those that could not be made.
    pub fn bad_patches(&self) -> Vec<String> {
        self.named(|outcome| matches!(outcome, MutantOutcome::BadPatch { .. }))
    }

    /// How many were found.
    pub fn caught(&self) -> usize {
        self.named(|outcome| matches!(outcome, MutantOutcome::Caught { .. })).len()
    }

    /// Whether every one that was run was found, and some were.
    pub fn is_pass(&self) -> bool {
        let failed = self.survivors().len() + self.bad_patches().len();
        !self.stopped && failed == 0 && self.caught() > 0
    }
}

/// Runs every mutant on its kernel's cases, with all of naga's run-time checks, until one fails.
///
/// # Errors
/// [`Error::Setting`] for a filter that matches no kernel of a mutant, [`Error::Gpu`] for a device that fails.
pub async fn run_mutants(
    gpu: &Arc<Gpu>,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<MutantReport, Error> {
    let is_meant = |mutant: &&Mutant| {
        options.filter.as_ref().is_none_or(|filter| mutant.kernel.contains(filter.as_str()))
    };
    let meant: Vec<&'static Mutant> = MUTANTS.iter().filter(is_meant).collect();
    if meant.is_empty() {
        let filter = options.filter.clone().unwrap_or_default();
        let reason = "matches no kernel that there is a mutant of";
        return Err(Error::setting(format!("`filter` {filter}"), reason));
    }
    let started = Instant::now();
    let scope = Scope::of(gpu, false).await?;
    let mut report = MutantReport { trials: Vec::new(), stopped: false, seconds: 0.0 };
    let (mut kernel, mut cases) = ("", Vec::new());
    for (done, mutant) in meant.iter().enumerate() {
        let of = meant.len();
        (watch.tell)(Progress { what: mutant.kernel, case: mutant.name, done, of, last: None });
        if (watch.stop)() {
            report.stopped = true;
            break;
        }
        if kernel != mutant.kernel {
            kernel = mutant.kernel;
            let own = CASES.iter().find(|own| own.name == kernel);
            cases = own.map_or(Vec::new(), |own| (own.cases)(&scope));
            // The shortest first: they take drivers the least time.
            cases.sort_by_key(|case| case.launch.lines().len());
        }
        let began = Instant::now();
        let outcome = outcome(mutant, gpu, &scope, &cases).await?;
        report.trials.push(MutantResult {
            mutant,
            outcome,
            seconds: began.elapsed().as_secs_f64(),
        });
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

async fn outcome(
    mutant: &Mutant,
    gpu: &Gpu,
    scope: &Scope,
    cases: &[Case],
) -> Result<MutantOutcome, GpuError> {
    let reason = match mutant.needs {
        Needs::Nothing => None,
        Needs::Subgroups => {
            (!matches!(scope.class, AdapterClass::Software { subgroup: Some(_), .. }))
                .then_some("this adapter takes no products by subgroups")
        }
        Needs::Pairs => (!matches!(scope.class, AdapterClass::Software { pairs: true, .. }))
            .then_some("this adapter does not read numbers in pairs"),
        Needs::KnownOrder => (!scope.is_llvmpipe).then_some(
            "a race, which may go well: only on llvmpipe the order of invocations is known",
        ),
    };
    if let Some(reason) = reason {
        return Ok(MutantOutcome::NotRun { reason });
    }
    let mut is_made = false;
    for case in cases {
        let launch = match case.launch.patched(mutant.from, mutant.to) {
            Ok(launch) => launch,
            Err(0) => continue,
            Err(count) => {
                let reason = format!("what it replaces stands {count} times in the kernel");
                return Ok(MutantOutcome::BadPatch { reason });
            }
        };
        // By bounds alone, so that what is found here is found on any adapter.
        let mut findings = Findings::new(mutant.kernel, false);
        findings.begin(&case.label);
        match written(gpu, &launch, &case.args, Builds::Checked).await {
            Ok(written) => (case.judge)(&written, &mut findings),
            Err(Fault::Gpu(GpuError::Validation { message, .. })) => {
                return Ok(MutantOutcome::BadPatch { reason: message });
            }
            Err(Fault::Gpu(GpuError::Limit { .. } | GpuError::OutOfMemory(_))) => continue,
            Err(Fault::Gpu(error)) => return Err(error),
            Err(fault) => findings.fail(fault),
        }
        is_made = true;
        if let Some(first) = findings.failures.first() {
            return Ok(MutantOutcome::Caught { by: format!("{}: {}", first.case, first.fault) });
        }
    }
    Ok(match is_made {
        true => MutantOutcome::Survived,
        false => {
            let reason = "what it replaces stands in no launch of the kernel".to_owned();
            MutantOutcome::BadPatch { reason }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known without a device, so that whoever changes a kernel hears of its mutants at once.
    #[test]
    fn every_patch_applies_to_a_launch_and_in_one_place() {
        let class = AdapterClass::Software { subgroup: Some(8), pairs: true };
        let scope =
            Scope { class, is_llvmpipe: true, iterations: u32::MAX, is_quick: false, seed: 0 };
        for own in CASES {
            let cases = (own.cases)(&scope);
            for mutant in MUTANTS.iter().filter(|mutant| mutant.kernel == own.name) {
                let patched =
                    cases.iter().map(|case| case.launch.patched(mutant.from, mutant.to).err());
                let places: Vec<Option<usize>> = patched.collect();
                assert!(places.contains(&None), "{mutant}: stands in no launch");
                assert!(places.iter().flatten().all(|&count| count == 0), "{mutant}: stands twice");
            }
        }
    }
}
