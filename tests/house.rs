//! The rules of the house that can be read off the source: which room may know which, and that the
//! core prints nothing, touches no file, and asks no clock but one that a browser has.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms it may use.
const MAY_USE: [(&str, &[&str]); 15] = [
    ("random", &[]),
    ("network", &["random"]),
    ("optimizer", &["network"]),
    ("data", &["network", "random"]),
    ("reference", &["network", "optimizer", "data", "random"]),
    ("gpu", &[]),
    ("kernels", &["network", "optimizer", "data", "random", "gpu"]),
    ("model", &["network", "data"]),
    ("engine", &["network", "optimizer", "data", "random", "gpu", "kernels", "reference"]),
    ("check", &["network", "reference"]),
    ("train", &["network", "optimizer", "data", "gpu", "engine", "reference"]),
    ("sweep", &["network", "optimizer", "data", "gpu", "engine", "train"]),
    ("bench", &["network", "optimizer", "data", "random", "gpu", "engine", "reference", "check"]),
    (
        "report",
        &["network", "optimizer", "data", "gpu", "kernels", "engine", "train", "sweep", "bench"],
    ),
    (
        "cli",
        &[
            "network",
            "optimizer",
            "data",
            "gpu",
            "kernels",
            "engine",
            "train",
            "sweep",
            "bench",
            "model",
            "reference",
            "report",
        ],
    ),
];

/// Rooms that belong to the core.
const CORE: [&str; 12] = [
    "random",
    "network",
    "optimizer",
    "data",
    "reference",
    "gpu",
    "kernels",
    "model",
    "engine",
    "check",
    "train",
    "sweep",
];

/// Every source file of a room with its text, its own tests cut off.
fn files(room: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                found.push((path, code));
            }
        }
    }
    assert!(!found.is_empty(), "{room} is empty");
    found
}

#[test]
fn every_room_is_in_the_table() {
    let mut rooms: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    rooms.sort();
    let mut table: Vec<&str> = MAY_USE.iter().map(|(room, _)| *room).collect();
    table.sort_unstable();
    assert_eq!(rooms, table);
}

#[test]
fn dependency_runs_one_way() {
    for (room, may_use) in MAY_USE {
        for (path, code) in files(room) {
            assert!(
                !code.contains("crate::{"),
                "{path:?}: one `use` per room, so that it can be seen"
            );
            for used in code.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let is_room = MAY_USE.iter().any(|(other, _)| *other == used);
                let fine = !is_room || used == room || may_use.contains(&used.as_str());
                assert!(fine, "{path:?} uses {used}, which {room} may not know");
            }
        }
    }
}

#[test]
fn the_core_is_fit_for_a_browser() {
    let banned = [
        "println!",
        "eprintln!",
        "print!(",
        "std::fs",
        "std::env::",
        "std::thread",
        "Instant::now()",
    ];
    for room in CORE {
        for (path, code) in files(room) {
            // The writers of files are not core: they come with the feature `cli`.
            let writers = ["model/file.rs", "model/history.rs", "model/run_folder.rs"];
            if writers.iter().any(|writer| path.ends_with(writer)) {
                continue;
            }
            for word in banned {
                let clock = word == "Instant::now()" && code.contains("use web_time::Instant");
                // The one place that starts threads, and in a browser starts none.
                let threads = word == "std::thread" && path.ends_with("engine/workers.rs");
                assert!(clock || threads || !code.contains(word), "{path:?} has {word}");
            }
            for word in ["std::time::Instant", "std::time::SystemTime", "pollster", "block_on"] {
                assert!(!code.contains(word), "{path:?} has {word}");
            }
        }
    }
}

#[test]
fn wgpu_stays_where_it_belongs() {
    for (room, _) in MAY_USE {
        for (path, code) in files(room) {
            let uses = code.contains("wgpu::");
            assert!(!uses || room == "gpu", "{path:?} names a type of wgpu");
        }
    }
    let polls: usize = files("gpu").iter().map(|(_, code)| code.matches(".poll(").count()).sum();
    assert_eq!(polls, 1, "one function waits for the GPU");
}
