//! The lines of `wgrad check`.

use serde_json::{Value, json};

use super::{line, result_on, with};
use crate::check::{
    Failure, Fault, Findings, Mismatch, MutantOutcome, MutantReport, Options, Report,
};
use crate::gpu::AdapterEntry;
use crate::report::in_flags;

/// A failure with what can be compared in it: the numbers, the element, both values and the bound.
fn check_failure(report: &Report, failure: &Failure) -> Value {
    let object = json!({"case": failure.case, "message": in_flags(&report.line(failure))});
    match &failure.fault {
        Fault::Mismatch(Mismatch::Value { label, worst }) => with(
            object,
            json!({
                "numbers": label,
                "element": worst.index,
                "actual": worst.actual,
                "expected": worst.expected,
                "bound": worst.bound,
                "beyond": worst.beyond,
                "count": worst.count,
            }),
        ),
        _ => object,
    }
}

pub(in crate::report) fn checked(
    report: &Report,
    options: &Options,
    adapter: &AdapterEntry,
) -> String {
    let mut text = String::new();
    for row in &report.rows {
        let failures: Vec<Value> =
            row.failures.iter().map(|failure| check_failure(report, failure)).collect();
        let unchecked: Vec<Value> = row
            .unchecked
            .iter()
            .map(|unchecked| json!({"reason": in_flags(&unchecked.reason), "cases": unchecked.cases}))
            .collect();
        text += &line(&json!({
            "event": "check",
            "what": row.what,
            "pass": row.is_pass(),
            "cases": row.cases,
            "numbers": row.compared,
            "share_of_bound": row.share,
            "worst_at": row.at,
            "failures": failures,
            "unchecked": unchecked,
            "seconds": row.seconds,
        }));
    }
    let named = |is_so: fn(&Findings) -> bool| -> Vec<&str> {
        report.rows.iter().filter(|row| is_so(row)).map(|row| row.what.as_str()).collect()
    };
    let result = json!({
        "version": report.version,
        "about": report.about,
        "notes": report.notes,
        "pass": report.is_pass(),
        "failed": named(|row| !row.failures.is_empty()),
        "unchecked": named(|row| !row.unchecked.is_empty()),
        "quick": options.quick,
        "seed": options.seed,
        "stopped": report.stopped,
        "seconds": report.seconds,
    });
    text + &result_on(Some(adapter), result)
}

pub(in crate::report) fn mutants(report: &MutantReport, adapter: &AdapterEntry) -> String {
    let mut text = String::new();
    for trial in &report.trials {
        let (outcome, why) = match &trial.outcome {
            MutantOutcome::Caught { by } => ("caught", Some(by.as_str())),
            MutantOutcome::Survived => ("survived", None),
            MutantOutcome::NotRun { reason } => ("not run", Some(*reason)),
            MutantOutcome::BadPatch { reason } => ("bad patch", Some(reason.as_str())),
        };
        text += &line(&json!({
            "event": "mutant",
            "kernel": trial.mutant.kernel,
            "fault": trial.mutant.name,
            "outcome": outcome,
            "by": why,
            "seconds": trial.seconds,
        }));
    }
    let result = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pass": report.is_pass(),
        "mutants": report.trials.len(),
        "caught": report.caught(),
        "survivors": report.survivors(),
        "bad_patches": report.bad_patches(),
        "stopped": report.stopped,
        "seconds": report.seconds,
    });
    text + &result_on(Some(adapter), result)
}
