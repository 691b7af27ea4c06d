//! `wgrad check` as a stranger types it.

#[cfg(unix)]
use std::process::{Command, Stdio};

use crate::command::{events, fail, succeed, wgrad, without_adapter};
use serde_json::Value;

const FEW: [&str; 4] = ["check", "--quick", "--filter", "bias_"];

#[test]
fn a_table_and_a_verdict_of_what_was_checked() {
    let text = succeed(wgrad(&FEW));
    for part in ["adapter: ", "a few shapes", "bias_add", "bias_grad", "pass", "passed: 2 checks"] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
    let table = text.lines().filter(|line| line.ends_with("  pass"));
    assert!(table.into_iter().all(|line| line.chars().count() <= 100), "{text}");
    let quiet = succeed(wgrad(&[&FEW[..], &["-q"]].concat()));
    assert!(quiet.starts_with("passed: ") && quiet.lines().count() == 1, "{quiet}");
}

#[test]
fn the_same_in_json() {
    let events = events(wgrad(&[&FEW[..], &["--json"]].concat()));
    let (result, rows) = events.split_last().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!((&row["event"], &row["pass"]), (&"check".into(), &true.into()));
        assert!(row["cases"].as_u64() > Some(0) && row["numbers"].as_u64() > Some(0), "{row}");
        assert!(row["share_of_bound"].as_f64() < Some(1.0) && row["worst_at"].is_string());
        assert_eq!(
            (&row["failures"], &row["unchecked"]),
            (&Value::Array(vec![]), &Value::Array(vec![]))
        );
    }
    assert_eq!((&result["event"], &result["pass"]), (&"result".into(), &true.into()));
    assert!(result["device"]["name"].is_string() && result["driver"].is_string());
    assert_eq!((&result["quick"], &result["stopped"]), (&true.into(), &false.into()));
}

#[test]
fn mutants_are_told_with_what_found_them() {
    let few = ["check", "--mutants", "--filter", "bias_grad"];
    let text = succeed(wgrad(&few));
    for part in ["the last row left out", "1x1", "passed: 2 of 2 mutants found"] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
    let events = events(wgrad(&[&few[..], &["--json"]].concat()));
    assert_eq!((&events[0]["event"], &events[0]["outcome"]), (&"mutant".into(), &"caught".into()));
    assert!(events[0]["by"].as_str().unwrap().contains("bound"), "{}", events[0]);
    let result = events.last().unwrap();
    assert_eq!((&result["caught"], &result["pass"]), (&2.into(), &true.into()));
    fail(wgrad(&["check", "--mutants", "--filter", "none"]), 2, &["--filter none"]);
}

#[test]
fn what_cannot_be_checked_is_refused_with_the_fix() {
    fail(
        wgrad(&["check", "--device", "cpu"]),
        2,
        &["--device cpu", "nothing to check", "wgrad devices"],
    );
    fail(wgrad(&["check", "--device", "fastest"]), 2, &["--device fastest"]);
    fail(wgrad(&["check", "--filter", "none"]), 2, &["--filter none", "matmul", "canary"]);
    fail(without_adapter(&["check", "--json"]), 3, &["no GPU adapter found"]);
    fail(wgrad(&["check", "--device", "none such"]), 3, &["none such"]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_check_with_what_was_found_and_is_no_pass() {
    let mut check = wgrad(&["check", "--json"]);
    let check = check.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The whole of it takes far longer, and the signal is awaited from the start.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let kill = Command::new("kill").args(["-INT", &check.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = check.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let result: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&result["stopped"], &result["pass"]), (&true.into(), &false.into()));
}
