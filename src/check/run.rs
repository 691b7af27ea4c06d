//! All checks in order, and their report.

use std::sync::Arc;

use web_time::Instant;

use super::case::Scope;
use super::findings::{Failure, Fault, Findings};
use super::kernels::{CASES, KernelCases};
use super::networks::Proof;
use super::timestamps;
use crate::Error;
use crate::gpu::{Gpu, GpuError};

/// What to check, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Only rows with this in their names.
    pub filter: Option<String>,
    /// Fewer shapes, and each kernel only as trainings run it.
    pub quick: bool,
    /// Seed of what is drawn.
    pub seed: u64,
}

/// What is being checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The row.
    pub what: &'a str,
    /// The case of it.
    pub case: &'a str,
    /// Rows that are done.
    pub done: usize,
    /// Rows in all.
    pub of: usize,
}

/// What a run tells and asks on the way.
pub struct Watch<'a> {
    /// Is told what is checked next.
    pub tell: &'a mut dyn FnMut(Progress<'_>),
    /// A true answer ends the run with what is there.
    pub stop: &'a dyn Fn() -> bool,
}

/// What was found on an adapter.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Name, backend, driver and kind of the adapter.
    pub adapter: String,
    /// What was checked, in a sentence.
    pub about: String,
    /// The version of wgrad.
    pub version: &'static str,
    /// One for each thing that was checked.
    pub rows: Vec<Findings>,
    /// What else is to be known of them.
    pub notes: Vec<String>,
    /// Whether it was ended before everything was checked.
    pub stopped: bool,
    /// How long it took.
    pub seconds: f64,
}

impl Report {
    /// Of a device, with nothing checked yet.
    pub(super) fn begun(gpu: &Gpu, about: impl Into<String>) -> Report {
        Report {
            adapter: gpu.adapter().describe(),
            about: about.into(),
            version: env!("CARGO_PKG_VERSION"),
            rows: Vec::new(),
            notes: Vec::new(),
            stopped: false,
            seconds: 0.0,
        }
    }

    /// Whether everything was checked, and nothing failed.
    pub fn is_pass(&self) -> bool {
        !self.stopped && !self.rows.is_empty() && self.rows.iter().all(Findings::is_pass)
    }

    /// Everything that failed, as lines for a bug report: kernel, case, element, both values, bound, adapter and
    /// driver.
    pub fn failures(&self) -> Vec<String> {
        let all = self.rows.iter().flat_map(|row| &row.failures);
        all.map(|failure| self.line(failure)).collect()
    }

    /// A failure with where it was.
    pub fn line(&self, failure: &Failure) -> String {
        format!("{failure}; on {}; wgrad {}", self.adapter, self.version)
    }
}

/// What checks are given.
pub(super) struct Context<'a, 'w> {
    pub gpu: &'a Arc<Gpu>,
    pub scope: Scope,
    pub watch: &'a mut Watch<'w>,
    done: usize,
    of: usize,
}

impl Context<'_, '_> {
    /// Tells what is checked next; false where the run is to end.
    pub(super) fn goes_on(&mut self, what: &str, case: &str) -> bool {
        let (done, of) = (self.done, self.of);
        (self.watch.tell)(Progress { what, case, done, of });
        !(self.watch.stop)()
    }
}

/// A row of the report.
#[derive(Debug, Clone, Copy)]
enum Subject {
    /// A kernel against its twin.
    Kernel(&'static KernelCases),
    /// Something of whole networks.
    Networks(Proof),
    /// The times of dispatches.
    Timestamps,
}

impl Subject {
    /// All of them, in order.
    fn all() -> Vec<Subject> {
        let kernels = CASES.iter().map(Subject::Kernel);
        let networks = Proof::ALL.iter().copied().map(Subject::Networks);
        kernels.chain(networks).chain([Subject::Timestamps]).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Subject::Kernel(kernel) => kernel.name,
            Subject::Networks(proof) => proof.name(),
            Subject::Timestamps => "timestamps",
        }
    }

    /// Checks it; ends early where it is told to, and where the device is lost.
    async fn check(self, context: &mut Context<'_, '_>, findings: &mut Findings) {
        match self {
            Subject::Kernel(kernel) => check_cases(kernel, context, findings).await,
            Subject::Networks(proof) => check_networks(proof, context, findings).await,
            Subject::Timestamps => timestamps::check(context.gpu, findings).await,
        }
    }
}

async fn check_cases(kernel: &KernelCases, context: &mut Context<'_, '_>, findings: &mut Findings) {
    for case in (kernel.cases)(&context.scope) {
        if is_gone(findings) || !context.goes_on(kernel.name, &case.label) {
            return;
        }
        case.check(context.gpu, &context.scope, findings).await;
    }
}

/// Networks that go to the device, and where it is quick: each has kernels of its own, which take the driver of a
/// software adapter seconds.
const MOST_ON_DEVICE: usize = 8;
const FEW_ON_DEVICE: usize = 2;

async fn check_networks(proof: Proof, context: &mut Context<'_, '_>, findings: &mut Findings) {
    let scope = context.scope;
    let most = match (proof, scope.is_quick) {
        (Proof::Reference, _) => usize::MAX,
        (_, true) => FEW_ON_DEVICE,
        (_, false) => MOST_ON_DEVICE,
    };
    for (label, task) in Proof::cases(&scope).take(most) {
        if is_gone(findings) || !context.goes_on(proof.name(), &label) {
            return;
        }
        findings.begin(&label);
        proof.check(&task, (context.gpu, &scope), findings).await;
    }
}

/// Whether the device cannot be used any more.
fn is_gone(findings: &Findings) -> bool {
    findings.failures.iter().any(|failure| {
        matches!(failure.fault, Fault::Gpu(GpuError::Lost(_) | GpuError::Timeout(_)))
    })
}

/// The names of the rows of a report, in order.
pub fn names() -> Vec<&'static str> {
    Subject::all().into_iter().map(Subject::name).collect()
}

/// Every case of one kernel, by its name; `None` where there is no such kernel.
pub async fn check_kernel(gpu: &Gpu, scope: &Scope, name: &str) -> Option<Findings> {
    let kernel = CASES.iter().find(|kernel| kernel.name == name)?;
    let mut findings = Findings::new(name, scope.is_llvmpipe);
    for case in (kernel.cases)(scope) {
        case.check(gpu, scope, &mut findings).await;
    }
    Some(findings)
}

/// Checks a device.
///
/// # Errors
/// [`Error::Setting`] for a filter that matches nothing, [`Error::Gpu`] for a device that does not run at all.
/// What fails later is in the report.
pub async fn run(gpu: &Arc<Gpu>, options: &Options) -> Result<Report, Error> {
    let mut watch = Watch { tell: &mut |_| {}, stop: &|| false };
    run_watched(gpu, options, &mut watch).await
}

/// The same, telling what is checked and asking whether to go on.
///
/// # Errors
/// As [`run`].
pub async fn run_watched(
    gpu: &Arc<Gpu>,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Report, Error> {
    let is_meant = |subject: &Subject| {
        options.filter.as_ref().is_none_or(|filter| subject.name().contains(filter.as_str()))
    };
    let subjects: Vec<Subject> = Subject::all().into_iter().filter(is_meant).collect();
    if subjects.is_empty() {
        let filter = options.filter.clone().unwrap_or_default();
        let reason = format!("matches none of {}", names().join(", "));
        return Err(Error::setting(format!("--filter {filter}"), reason));
    }
    let started = Instant::now();
    let scope = Scope { seed: options.seed, ..Scope::of(gpu, options.quick).await? };
    let of = subjects.len();
    let mut context = Context { gpu, scope, watch, done: 0, of };
    let about = match options.quick {
        true => "a few shapes and settings of each kernel",
        false => "each kernel",
    };
    let about =
        format!("{about} against its twin on the CPU, and whole trainings against the reference");
    let mut report = Report::begun(gpu, about);
    for (done, subject) in subjects.into_iter().enumerate() {
        context.done = done;
        let mut findings = Findings::new(subject.name(), scope.is_llvmpipe);
        if report.rows.iter().any(is_gone) {
            findings.leave_out("the device was lost before", 1);
        } else {
            let began = Instant::now();
            subject.check(&mut context, &mut findings).await;
            findings.seconds = began.elapsed().as_secs_f64();
        }
        report.rows.push(findings);
        if (context.watch.stop)() {
            report.stopped = true;
            break;
        }
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}
