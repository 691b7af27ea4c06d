//! The examples: each runs, and prints what it is there to show. `cargo test` has built them.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where cargo puts the examples, beside the folder of this test.
fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = here.parent().and_then(Path::parent).unwrap().join("examples").join(file);
    assert!(path.exists(), "{path:?} is not there: `cargo build --examples`, or run all tests");
    path
}

#[track_caller]
fn prints(name: &str, parts: &[&str]) {
    let output = Command::new(program(name)).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for part in parts {
        assert!(text.contains(part), "{name} should print {part:?}: {text}");
    }
}

#[test]
fn xor_is_solved() {
    prints("xor", &["on ", " starts solved it", "predictions [0.0", ", 1.00, 1.00, 0.0"]);
}

#[test]
fn a_table_of_ones_own() {
    prints("own_data", &["inputs 4", "\"poisonous\"", "right: 2 of 2 validation rows"]);
}

#[test]
fn a_sweep() {
    prints("sweep", &["width  rate  solved", "    8   0.5   9", "6144 networks"]);
}

#[test]
fn weights_are_read() {
    let parts = ["layers.0.weight [2][3]", "layers.1.bias   [1][1]", "one weight: ", "0 1 -> 1.00"];
    prints("read_weights", &parts);
}

#[test]
fn a_loop_of_ones_own() {
    let parts = [" engine", "step 1000  rate 0.256", "predictions [0.0", "parameters with their"];
    prints("custom_loop", &parts);
}

/// The same lines stand on the crate's front page, where they are compiled and run too, and in the README.
#[test]
fn xor_reads_alike_everywhere() {
    let read = |path: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    };
    let example = read("examples/xor.rs");
    let code = &example[example.find("use wgrad::").unwrap()..];
    assert!(code.lines().filter(|line| !line.is_empty()).count() < 20, "{code}");
    let page: String = read("src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"])
        .collect();
    for (name, text) in [("src/lib.rs", page), ("README.md", read("README.md"))] {
        assert!(text.contains(code), "{name} has another program than examples/xor.rs:\n{code}");
    }
}
