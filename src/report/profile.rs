//! GPU time by kernel: a table, and a trace for Chrome and Perfetto.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::table;
use crate::gpu::Profile;

/// The time of one kernel.
struct Share {
    kernel: &'static str,
    dispatches: usize,
    seconds: f64,
}

/// Every kernel that ran, the one with the most time first.
fn shares(profile: &Profile) -> Vec<Share> {
    let mut by_name: BTreeMap<&'static str, (usize, f64)> = BTreeMap::new();
    for span in &profile.spans {
        let (dispatches, nanoseconds) = by_name.entry(span.name).or_default();
        *dispatches += 1;
        *nanoseconds += span.duration_ns;
    }
    let share = |(kernel, (dispatches, ns))| Share { kernel, dispatches, seconds: ns / 1e9 };
    let mut shares: Vec<Share> = by_name.into_iter().map(share).collect();
    shares.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    shares
}

/// The table and the totals.
pub(super) fn text(profile: &Profile, is_software: bool) -> String {
    let shares = shares(profile);
    let all: f64 = shares.iter().map(|share| share.seconds).sum();
    let lines = shares.iter().map(|Share { kernel, dispatches, seconds }| {
        vec![
            (*kernel).to_owned(),
            dispatches.to_string(),
            table::seconds(*seconds, 0),
            table::seconds(seconds / *dispatches as f64, 0),
            table::percent(seconds / all.max(f64::MIN_POSITIVE)),
        ]
    });
    let head = ["kernel", "dispatches", "total", "mean", "share"];
    let mut text = format!("\n{}", table::columns(1, &head, lines));
    let (timed, of) = (profile.spans.len(), profile.dispatches);
    let _ = writeln!(
        text,
        "{} of kernels by the device's clock, one dispatch per pass; the host took {} to record {} submissions and {} to submit them{}.",
        table::seconds(all, 0),
        table::seconds(profile.recording.as_secs_f64(), 0),
        profile.submissions,
        table::seconds(profile.submitting.as_secs_f64(), 0),
        if is_software { " (during which a software adapter computes)" } else { "" }
    );
    if timed < of {
        let _ = writeln!(text, "(the first {timed} of {of} dispatches were timed)");
    }
    text
}

/// The same as JSON.
pub(super) fn json(profile: &Profile) -> Value {
    let kernels = shares(profile).into_iter().map(|Share { kernel, dispatches, seconds }| {
        json!({"kernel": kernel, "dispatches": dispatches, "seconds": seconds})
    });
    json!({
        "kernels": kernels.collect::<Vec<_>>(),
        "timed_dispatches": profile.spans.len(),
        "dispatches": profile.dispatches,
        "submissions": profile.submissions,
        "recording_seconds": profile.recording.as_secs_f64(),
        "submitting_seconds": profile.submitting.as_secs_f64(),
    })
}

/// The trace, in Chrome's Trace Event format ("complete" events, times in microseconds).
pub fn trace(profile: &Profile, adapter: &str) -> String {
    let named = |name: &str, id: u32, value: &str| json!({"name": name, "ph": "M", "pid": 1, "tid": id, "args": {"name": value}});
    let mut events = vec![named("process_name", 0, "wgrad"), named("thread_name", 1, adapter)];
    events.extend(profile.spans.iter().map(|span| {
        json!({
            "name": span.name,
            "cat": "gpu",
            "ph": "X",
            "pid": 1,
            "tid": 1,
            "ts": span.start_ns / 1e3,
            "dur": span.duration_ns / 1e3,
        })
    }));
    json!({"displayTimeUnit": "ns", "traceEvents": events}).to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gpu::Span;

    fn profile() -> Profile {
        let span = |name, start_ns, duration_ns| Span { name, start_ns, duration_ns };
        Profile {
            spans: vec![
                span("a", 0.0, 1000.0),
                span("b", 1000.0, 6000.0),
                span("a", 8000.0, 1000.0),
            ],
            dispatches: 4,
            submissions: 1,
            recording: Duration::from_micros(3),
            submitting: Duration::from_micros(7),
        }
    }

    #[test]
    fn kernels_are_sorted_by_their_time() {
        let text = text(&profile(), false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[2].starts_with("b ") && lines[2].ends_with("75.0 %"), "{text}");
        assert!(lines[3].starts_with("a ") && lines[3].ends_with("25.0 %"), "{text}");
        assert!(
            text.contains("8 us of kernels") && text.contains("3 us to record 1 submissions"),
            "{text}"
        );
        assert!(text.contains("the first 3 of 4 dispatches"), "{text}");
        assert_eq!(json(&profile())["kernels"][0]["seconds"], 6e-6);
    }

    #[test]
    fn a_trace_has_the_events_that_chrome_reads() {
        let trace: Value = serde_json::from_str(&trace(&profile(), "gpu")).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        assert_eq!(events.len(), 5);
        assert_eq!((&events[3]["ph"], &events[3]["ts"]), (&"X".into(), &1.0.into()));
        assert_eq!(events[3]["dur"], 6.0);
    }
}
