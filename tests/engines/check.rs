//! The check of a device, as a library: what it finds, and what it says of an adapter that cannot be checked whole.

use std::sync::Arc;

use crate::common::{gpu, with};
use wgrad::check::{
    Arg, Case, Findings, Options, Report, Scope, Watch, check_kernel, run, run_on, run_watched,
};
use wgrad::gpu::{AdapterEntry, Gpu};
use wgrad::kernels;

fn scope() -> Scope {
    pollster::block_on(Scope::of(&gpu(), true)).unwrap()
}

fn checked(gpu: &Arc<Gpu>, filter: &str) -> Report {
    let options =
        with(Options::default(), |it| (it.filter, it.quick) = (Some(filter.to_owned()), true));
    pollster::block_on(run(gpu, &options)).unwrap()
}

/// The device under test with less than it has.
fn with_less(change: impl Fn(&mut AdapterEntry)) -> Arc<Gpu> {
    let mut adapter = gpu().adapter().clone();
    change(&mut adapter);
    Arc::new(pollster::block_on(adapter.open()).unwrap())
}

#[test]
fn what_is_right_passes_and_says_how_near_it_is() {
    let report = checked(&gpu(), "bias_");
    assert!(report.is_pass(), "{:?}", report.failures());
    let names: Vec<&str> = report.rows.iter().map(|row| row.what.as_str()).collect();
    assert_eq!(names, ["bias_add", "bias_grad"]);
    for row in &report.rows {
        assert!(row.cases > 3 && row.compared > 100 && row.share < 1.0, "{row:?}");
    }
    assert!(pollster::block_on(check_kernel(&gpu(), &scope(), "none")).is_none());
}

#[test]
fn a_filter_that_matches_nothing_names_what_there_is() {
    let options = with(Options::default(), |it| it.filter = Some("matmull".to_owned()));
    let error = pollster::block_on(run(&gpu(), &options)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    for part in ["`filter` matmull", "matmul", "timestamps"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// A case whose kernel does something else.
fn wrong(asked: u32) -> Case {
    Case::new("one more", kernels::advance(2), [Arg::of(&[asked])], move |written, findings| {
        findings.equal("clock", &written[0], &[asked + 1]);
    })
}

#[test]
fn a_failure_is_a_line_for_a_bug_report() {
    let mut findings = Findings::new("advance", true);
    pollster::block_on(wrong(5).check(&gpu(), &scope(), &mut findings));
    assert!(!findings.is_pass());
    let mut report: Report = checked(&gpu(), "advance");
    report.rows = vec![findings];
    let lines = report.failures();
    assert_eq!(lines.len(), 1);
    // Kernel, case, numbers, element, both values, bound, adapter with its driver.
    let driver = gpu().adapter().driver.clone();
    for part in ["advance, one more: clock", "[0]", "7e0", "6e0", "bound 0e0", &driver, "wgrad"] {
        assert!(lines[0].contains(part), "{:?} should contain {part:?}", lines[0]);
    }
    assert!(!report.is_pass() && !lines[0].contains('\n'));
}

/// An adapter that stops loops after one iteration: what needs more is named, and is no pass.
#[test]
fn loops_that_an_adapter_cuts_short_are_not_checked() {
    let scope = Scope { iterations: 1, ..scope() };
    for (kernel, checks_some) in [("matmul", true), ("canary", true), ("layer_update", false)] {
        let findings = pollster::block_on(check_kernel(&gpu(), &scope, kernel)).unwrap();
        assert!(!findings.is_pass() && findings.failures.is_empty(), "{kernel}: {findings:?}");
        assert_eq!(findings.cases > 0, checks_some, "{kernel}");
        let reasons: Vec<&str> =
            findings.unchecked.iter().map(|unchecked| unchecked.reason.as_str()).collect();
        assert!(reasons[0].contains("more than 1 iterations"), "{reasons:?}");
    }
}

#[test]
fn what_an_adapter_has_no_memory_for_is_not_checked() {
    let small = with_less(|adapter| adapter.limits.max_buffer_bytes = 8192);
    let report = checked(&small, "activate");
    assert!(!report.is_pass() && report.failures().is_empty(), "{:?}", report.failures());
    for row in &report.rows {
        let unchecked = &row.unchecked[0];
        assert!(row.cases > 0 && unchecked.cases > 0, "{row:?}");
        assert!(unchecked.reason.contains("largest buffer is 8192"), "{unchecked:?}");
    }
}

#[test]
fn timestamps_that_an_adapter_does_not_have_are_not_checked() {
    let without = with_less(|adapter| adapter.timestamps = false);
    let report = checked(&without, "timestamps");
    assert!(!report.is_pass() && report.rows[0].cases == 0, "{report:?}");
    assert!(report.rows[0].unchecked[0].reason.contains("no timestamp queries"), "{report:?}");
    // On a device of its own: what others run meanwhile would be timed too.
    if gpu().adapter().timestamps {
        let report = checked(&with_less(|_| {}), "timestamps");
        assert!(report.is_pass(), "{report:?}");
    }
}

#[test]
fn a_device_that_is_lost_ends_the_check_with_what_was_found() {
    let lost = with_less(|_| {});
    let options =
        with(Options::default(), |it| (it.filter, it.quick) = (Some("bias".to_owned()), true));
    let destroy = |now: wgrad::check::Progress<'_>| {
        if now.what == "bias_add" {
            lost.destroy();
        }
    };
    let mut watch = Watch::new(destroy, || false);
    let report = pollster::block_on(run_watched(&lost, &options, &mut watch)).unwrap();
    assert!(!report.is_pass());
    let lines = report.failures();
    assert!(lines.len() == 1 && lines[0].contains("device lost"), "{lines:?}");
    assert!(report.rows[1].unchecked[0].reason.contains("lost"), "{report:?}");
}

#[test]
fn a_stop_ends_the_check_and_is_no_pass() {
    let options =
        with(Options::default(), |it| (it.filter, it.quick) = (Some("advance".to_owned()), true));
    let mut watch = Watch::new(|_| {}, || true);
    let report = pollster::block_on(run_watched(&gpu(), &options, &mut watch)).unwrap();
    assert!(report.stopped && !report.is_pass() && report.failures().is_empty());
}

/// The rows of a report, without their times.
fn rows(report: &Report) -> Vec<(&str, usize, usize, f64)> {
    let rows = report.rows.iter();
    rows.map(|row| (row.what.as_str(), row.cases, row.compared, row.share)).collect()
}

#[test]
fn two_devices_find_together_what_one_finds() {
    let options =
        with(Options::default(), |it| (it.filter, it.quick) = (Some("act".to_owned()), true));
    let one = pollster::block_on(run(&gpu(), &options)).unwrap();
    let both = [gpu(), with_less(|_| {})];
    let told = std::cell::RefCell::new(Vec::new());
    let mut tell = |now: wgrad::check::Progress<'_>| told.borrow_mut().push((now.done, now.of));
    let mut watch = Watch::new(&mut tell, || false);
    let two = pollster::block_on(run_on(&both, &options, &mut watch)).unwrap();
    assert!(one.is_pass() && two.is_pass(), "{:?}", two.failures());
    assert_eq!(rows(&one), rows(&two));
    assert!(told.borrow().iter().all(|&(done, of)| of == one.rows.len() && done < of));

    // A stop ends both; a device that is lost leaves the rest to the other.
    let mut watch = Watch::new(|_| {}, || true);
    let stopped = pollster::block_on(run_on(&both, &options, &mut watch)).unwrap();
    assert!(stopped.stopped && !stopped.is_pass() && stopped.failures().is_empty());
    both[1].destroy();
    let mut watch = Watch::new(|_| {}, || false);
    let half = pollster::block_on(run_on(&both, &options, &mut watch)).unwrap();
    assert_eq!(half.rows.len(), one.rows.len());
    assert!(half.failures().len() <= 1, "{:?}", half.failures());
    let none = pollster::block_on(run_on(&[], &options, &mut watch)).unwrap_err();
    assert!(none.to_string().contains("device"), "{none}");
}
