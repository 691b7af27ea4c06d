//! The report of `wgrad check`.

use std::fmt::Write as _;

use indicatif::ProgressBar;

use super::{Detail, OutputError, in_flags, json, print, progress_bar, table};
use crate::check::{MutantOutcome, MutantReport, Options, Progress, Report, names};
use crate::gpu::AdapterEntry;

/// Failures of one thing that are printed; JSON has all.
const MOST_FAILURES: usize = 5;
/// Characters of a case in the progress bar.
const CASE_WIDTH: usize = 60;
/// Of one in the table of mutants.
const OUTCOME_WIDTH: usize = 36;

/// What is being checked, on standard error and only on a terminal.
#[derive(Debug)]
pub struct CheckProgress(ProgressBar);

impl CheckProgress {
    /// Nothing is done yet.
    pub fn start(detail: Detail) -> CheckProgress {
        CheckProgress(progress_bar(detail, names().len() as u64, "{bar:20} {pos}/{len} {msg}"))
    }

    /// Shows what is checked next.
    pub fn show(&self, now: &Progress<'_>) {
        let case: String = now.case.chars().take(CASE_WIDTH).collect();
        self.0.set_length(now.of as u64);
        self.0.set_position(now.done as u64);
        self.0.set_message(format!("{}: {case}", now.what));
    }

    /// Removes it.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// Every row, what failed, and the verdict.
///
/// # Errors
/// [`OutputError`].
pub fn checked(
    report: &Report,
    options: &Options,
    adapter: &AdapterEntry,
    detail: Detail,
) -> Result<(), OutputError> {
    if detail == Detail::Json {
        return print(&json::checked(report, options, adapter));
    }
    let mut text = if detail == Detail::Quiet { String::new() } else { report.table() };
    for row in &report.rows {
        let (failed, unchecked) = report.faults(row);
        let more = failed.len().saturating_sub(MOST_FAILURES);
        for line in failed.iter().take(MOST_FAILURES) {
            let _ = writeln!(text, "{}", in_flags(line));
        }
        if more > 0 {
            let what = &row.what;
            let _ = writeln!(text, "FAILED {what}: {more} more (--filter {what} --json has all)");
        }
        for line in &unchecked {
            let _ = writeln!(text, "{}", in_flags(line));
        }
    }
    let _ = writeln!(text, "{}", report.verdict());
    print(&text)
}

/// Every mutant, and what found it.
///
/// # Errors
/// [`OutputError`].
pub fn mutants(
    report: &MutantReport,
    adapter: &AdapterEntry,
    detail: Detail,
) -> Result<(), OutputError> {
    if detail == Detail::Json {
        return print(&json::mutants(report, adapter));
    }
    let mut text = String::new();
    if detail != Detail::Quiet {
        let _ = writeln!(text, "adapter: {}", adapter.describe());
        text += "kernels broken on purpose, one fault at a time, and the first case of each that found it\n\n";
        let lines = report.trials.iter().map(|trial| {
            let outcome = match &trial.outcome {
                MutantOutcome::Caught { by } => by.split(": ").next().unwrap_or_default(),
                MutantOutcome::Survived => "SURVIVED",
                MutantOutcome::NotRun { .. } => "not run",
                MutantOutcome::BadPatch { .. } => "BAD PATCH",
            };
            let outcome: String = outcome.chars().take(OUTCOME_WIDTH).collect();
            vec![trial.mutant.kernel.to_owned(), trial.mutant.name.to_owned(), outcome]
        });
        text += &table::columns(3, &["kernel", "fault", "found by"], lines);
        text.push('\n');
    }
    for trial in &report.trials {
        match &trial.outcome {
            MutantOutcome::Survived => {
                let _ = writeln!(text, "SURVIVED {}", trial.mutant);
            }
            MutantOutcome::BadPatch { reason } => {
                let _ = writeln!(text, "BAD PATCH {}: {}", trial.mutant, in_flags(reason));
            }
            MutantOutcome::NotRun { reason } => {
                let _ = writeln!(text, "NOT RUN {}: {}", trial.mutant, in_flags(reason));
            }
            MutantOutcome::Caught { .. } => {}
        }
    }
    let _ = writeln!(text, "{}", mutants_verdict(report));
    print(&text)
}

/// What came of all mutants, in one line.
pub fn mutants_verdict(report: &MutantReport) -> String {
    let (survivors, bad) = (report.survivors(), report.bad_patches());
    let not_run = report.trials.len() - report.caught() - survivors.len() - bad.len();
    let mut text = format!(
        "{}: {} of {} found in {}",
        if report.is_pass() { "passed" } else { "failed" },
        report.caught(),
        table::counted(report.trials.len() as u64, "mutant"),
        table::seconds(report.seconds, 1)
    );
    for (names, what) in [(survivors, "survived"), (bad, "bad patches")] {
        if !names.is_empty() {
            let _ = write!(text, "; {what}: {}", names.join(", "));
        }
    }
    if not_run > 0 {
        let _ = write!(text, "; {not_run} not run on this adapter");
    }
    if report.stopped {
        text += "; interrupted";
    }
    text
}
