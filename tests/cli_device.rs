//! Which device `auto` takes, and how it is said, where the only adapter computes on the CPU.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "common/command.rs"]
mod command;

use command::{events, fail, run, stdout, succeed, wgrad, without_adapter};
use serde_json::Value;

/// Whether the best adapter of this machine is a software adapter; only there is something to choose.
fn is_software() -> bool {
    let text = succeed(wgrad(&["devices", "--json"]));
    let listed: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds = listed.iter().filter(|event| event["event"] == "adapter");
    let kinds: Vec<&Value> = kinds.map(|event| &event["type"]).collect();
    assert!(!kinds.is_empty(), "these tests need an adapter: {text}");
    kinds.iter().all(|kind| *kind == "cpu")
}

fn engine(args: &[&str]) -> (Value, String) {
    let start = events(wgrad(&[&["train", "--epochs", "2", "--json"], args].concat())).remove(0);
    (start["engine"].clone(), start["note"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn auto_takes_a_software_adapter_only_where_it_is_not_slower() {
    if !is_software() {
        // On a GPU there is no such choice.
        let (engine, note) = engine(&["--data", "iris"]);
        assert!(engine != "cpu" && note.is_empty(), "{engine} {note}");
        return;
    }
    // XOR's rows are held in registers.
    let (resident, note) = engine(&[]);
    assert_eq!(resident, "resident");
    assert!(note.contains("no GPU") && note.contains("--device cpu"), "{note}");
    for slow in [&["--data", "iris"][..], &["--data", "parity-4"], &["--data", "circles"]] {
        let (engine, note) = engine(slow);
        assert_eq!(engine, "cpu", "{slow:?}");
        assert!(note.contains("--device software") && note.contains("faster"), "{note}");
    }
    // Several starts at once make good what one takes longer for.
    let several = ["--data", "circles", "--layers", "2,8,1", "--restarts", "8"];
    assert_eq!(engine(&several).0, "resident");
    // Whoever asks for an adapter gets it, and is told nothing more.
    for asked in [&["--device", "software"][..], &["--device", "gpu"], &["--engine", "layered"]] {
        let (engine, note) = engine(&[&["--data", "iris"], asked].concat());
        assert!(engine != "cpu" && note.is_empty(), "{asked:?}: {engine} {note}");
    }
    // In the first line of a report too.
    let text = succeed(wgrad(&["--data", "iris", "--epochs", "2"]));
    assert!(text.starts_with("cpu engine\nno GPU; faster here than "), "{text}");
}

/// The CPU trains a network in each lane of its vectors, and the adapter would share its cores.
#[test]
fn a_sweep_goes_to_the_lanes_of_the_cpu_where_there_is_no_gpu() {
    let start = |args: &[&str]| {
        let args = [&["sweep", "--networks", "20", "--epochs", "20", "--json"], args].concat();
        let start = events(wgrad(&args)).remove(0);
        (start["engine"].clone(), start["note"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(start(&["--device", "gpu"]).0, "resident");
    let (engine, note) = start(&[]);
    match is_software() {
        true => assert!(engine == "cpu" && note.contains("--device software"), "{engine} {note}"),
        false => assert!(engine == "resident" && note.is_empty(), "{engine} {note}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_variable_that_hides_every_adapter_is_said() {
    let output = run(without_adapter(&["--epochs", "5", "--restarts", "1"]));
    let text = stdout(&output);
    assert!(text.starts_with("cpu engine\nno GPU adapter found"), "{text}");
    assert!(text.lines().nth(1).unwrap().contains("VK_DRIVER_FILES is set"), "{text}");
    fail(without_adapter(&["--device", "software"]), 3, &["VK_DRIVER_FILES is set"]);
}
