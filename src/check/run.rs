//! All checks in order, and their report.

#[cfg(not(target_family = "wasm"))]
mod several;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
#[non_exhaustive]
pub struct Options {
    /// Only rows of the report with this in their names, which [`names`] lists; `None`, the default, for all.
    pub filter: Option<String>,
    /// Fewer shapes, and each kernel only as trainings run it; false by default.
    pub quick: bool,
    /// Seed of what is drawn; 0 by default.
    pub seed: u64,
}

/// What is being checked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The row.
    pub what: &'a str,
    /// The case of it.
    pub case: &'a str,
    /// Rows that are done.
    pub done: usize,
    /// Rows in all.
    pub of: usize,
    /// The last of those that are done, where one device does all of them.
    pub last: Option<&'a Findings>,
}

/// What a run tells and asks on the way.
#[non_exhaustive]
pub struct Watch<'a> {
    /// Is told what is checked next.
    pub tell: Box<dyn FnMut(Progress<'_>) + 'a>,
    /// A true answer ends the run with what is there.
    pub stop: Box<dyn Fn() -> bool + 'a>,
}

impl<'a> Watch<'a> {
    /// Tells one, and asks the other.
    pub fn new(tell: impl FnMut(Progress<'_>) + 'a, stop: impl Fn() -> bool + 'a) -> Watch<'a> {
        Watch { tell: Box::new(tell), stop: Box::new(stop) }
    }
}

/// What was found on an adapter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
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
    /// Seconds it took.
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
    last: Option<&'a Findings>,
}

impl Context<'_, '_> {
    /// Tells what is checked next; false where the run is to end.
    pub(super) fn goes_on(&mut self, what: &str, case: &str) -> bool {
        let (done, of, last) = (self.done, self.of, self.last);
        (self.watch.tell)(Progress { what, case, done, of, last });
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
    run_watched(gpu, options, &mut Watch::new(|_| {}, || false)).await
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
    run_on(std::slice::from_ref(gpu), options, watch).await
}

/// The same on several devices of one adapter at once. A software adapter's time goes into compiling kernels, which it
/// does on one core for each device. In a browser on the first alone.
///
/// # Errors
/// As [`run`].
pub async fn run_on(
    gpus: &[Arc<Gpu>],
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
        return Err(Error::setting(format!("`filter` {filter}"), reason));
    }
    let Some(first) = gpus.first() else {
        return Err(Error::setting("check", "needs a device"));
    };
    let started = Instant::now();
    let scope = Scope { seed: options.seed, ..Scope::of(first, options.quick).await? };
    let about = match options.quick {
        true => "a few shapes and settings of each kernel",
        false => "each kernel",
    };
    let about =
        format!("{about} against its twin on the CPU, and whole trainings against the reference");
    let mut report = Report::begun(first, about);
    let queue = Queue::new(scope, subjects, gpus.len() > 1);
    let found = match gpus {
        #[cfg(not(target_family = "wasm"))]
        [_, _, ..] => queue.work_off_on(gpus, watch).await,
        _ => queue.work_off(first, watch).await,
    };
    report.stopped = (watch.stop)();
    let mut found: BTreeMap<usize, Findings> = found.into_iter().collect();
    for (at, subject) in queue.subjects.iter().enumerate() {
        match found.remove(&at) {
            Some(findings) => report.rows.push(findings),
            None if report.stopped => {}
            None => {
                let mut findings = Findings::new(subject.name(), false);
                findings.leave_out("the device was lost before", 1);
                report.rows.push(findings);
            }
        }
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// What is to be checked, by whoever comes first.
struct Queue {
    scope: Scope,
    subjects: Vec<Subject>,
    /// What is checked by one device: checks of whole networks use the same pipelines.
    parts: Vec<Range<usize>>,
    next: AtomicUsize,
}

impl Queue {
    /// In order for one device. For several the longest, which are behind, come first.
    fn new(scope: Scope, subjects: Vec<Subject>, is_shared: bool) -> Queue {
        let is_network = |subject: &Subject| matches!(subject, Subject::Networks(_));
        let mut parts: Vec<Range<usize>> = Vec::new();
        for part in subjects.chunk_by(|one, next| is_network(one) && is_network(next)) {
            let from = parts.last().map_or(0, |last| last.end);
            parts.push(from..from + part.len());
        }
        if is_shared {
            parts.reverse();
        }
        Queue { scope, subjects, parts, next: AtomicUsize::new(0) }
    }

    /// Checks one part after the other, until a stop is asked for or the device is lost. Returns what was found, each
    /// with its place.
    async fn work_off(&self, gpu: &Arc<Gpu>, watch: &mut Watch<'_>) -> Vec<(usize, Findings)> {
        let (scope, of) = (self.scope, self.subjects.len());
        let mut all: Vec<(usize, Findings)> = Vec::new();
        loop {
            let taken = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = self.parts.get(taken) else { return all };
            let before: usize = self.parts[..taken].iter().map(Range::len).sum();
            for (done, at) in (before..).zip(part.clone()) {
                let subject = self.subjects[at];
                let mut findings = Findings::new(subject.name(), scope.is_llvmpipe);
                let began = Instant::now();
                let last = all.last().map(|(_, findings)| findings);
                let mut context = Context { gpu, scope, watch, done, of, last };
                subject.check(&mut context, &mut findings).await;
                findings.seconds = began.elapsed().as_secs_f64();
                let is_over = is_gone(&findings) || (watch.stop)();
                all.push((at, findings));
                if is_over {
                    return all;
                }
            }
        }
    }
}
