//! The rules of the house that can be read off the source: which module may know which, and that the
//! core prints nothing, touches no file, and asks no clock but one that a browser has.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules it may use.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("random", &[]),
    ("network", &["random"]),
    ("optimizer", &["network"]),
    ("data", &["network", "random"]),
    ("reference", &["network", "optimizer", "data", "random"]),
    ("gpu", &[]),
    // Numbers and shapes: no network, no engine.
    ("picture", &[]),
    ("kernels", &["network", "optimizer", "data", "random", "gpu"]),
    ("model", &["network", "data"]),
    ("engine", &["network", "optimizer", "data", "random", "gpu", "kernels", "reference"]),
    ("check", &["network", "optimizer", "data", "random", "gpu", "kernels", "engine", "reference"]),
    ("train", &["network", "optimizer", "data", "gpu", "engine", "reference"]),
    ("sweep", &["network", "optimizer", "data", "gpu", "engine", "train"]),
    (
        "explain",
        &["network", "optimizer", "data", "gpu", "engine", "reference", "check", "train", "sweep"],
    ),
    // A training as text, for commands and for the page.
    ("settings", &["network", "optimizer", "data", "gpu", "engine", "model", "train", "sweep"]),
    (
        "bench",
        &[
            "train",
            "network",
            "optimizer",
            "data",
            "random",
            "gpu",
            "kernels",
            "engine",
            "reference",
            "check",
        ],
    ),
    (
        "report",
        &[
            "network",
            "optimizer",
            "data",
            "gpu",
            "kernels",
            "engine",
            "check",
            "train",
            "sweep",
            "explain",
            "bench",
            "picture",
            "settings",
        ],
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
            "check",
            "train",
            "sweep",
            "explain",
            "bench",
            "model",
            "picture",
            "reference",
            "report",
            "settings",
        ],
    ),
];

/// Rooms that belong to the core.
const CORE: [&str; 13] = [
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
    "explain",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// A source file without its own tests: without every item under `#[cfg(test)]`, however many there are and
/// wherever they stand. Such an item ends where rustfmt puts its end: with a `;`, or with a `}` under its
/// attribute.
fn without_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix("#[cfg(test)]") else {
            code += line;
            code.push('\n');
            continue;
        };
        let mut item = lines.by_ref().skip_while(|line| line.trim_start().starts_with("#["));
        let first = item.next().unwrap_or_default();
        if !first.ends_with([';', '}']) {
            lines.by_ref().find(|line| line.strip_prefix(indent) == Some("}"));
        }
    }
    code
}

/// Every source file of a module with its text, its own tests cut out.
fn files(module: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![source().join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, without_tests(&text)));
            }
        }
    }
    assert!(!found.is_empty(), "{module} is empty");
    found
}

#[test]
fn tests_are_cut_out_and_nothing_after_them() {
    let text = "\
use a;
#[cfg(test)]
use b;
fn c() {}

#[cfg(test)]
#[allow(d)]
mod tests {
    fn e() {
    }
}

fn f() {
    #[cfg(test)]
    if g {
    }
    h
}
";
    let code = without_tests(text);
    let code: Vec<&str> = code.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(code, ["use a;", "fn c() {}", "fn f() {", "    h", "}"]);
}

#[test]
fn every_room_is_in_the_table() {
    let mut modules: Vec<String> = fs::read_dir(source())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    modules.sort();
    let mut table: Vec<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    table.sort_unstable();
    assert_eq!(modules, table);
}

#[test]
fn dependency_runs_one_way() {
    for (module, may_use) in MAY_USE {
        for (path, code) in files(module) {
            assert!(
                !code.contains("crate::{"),
                "{path:?}: one `use` per module, so that it can be seen"
            );
            for used in code.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let is_module = MAY_USE.iter().any(|(other, _)| *other == used);
                let fine = !is_module || used == module || may_use.contains(&used.as_str());
                assert!(fine, "{path:?} uses {used}, which {module} may not know");
            }
            // From a module's own root, so many times `super` is still within it.
            let below = path.strip_prefix(source().join(module)).unwrap();
            let depth = below.components().count() - usize::from(below.ends_with("mod.rs"));
            let out = "super::".repeat(depth + 1);
            assert!(!code.contains(&out), "{path:?} leaves {module} by {out}");
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
    for module in CORE {
        for (path, code) in files(module) {
            // The writers of files are not core: they come with the feature `cli`.
            let writers = ["model/file.rs", "model/history.rs", "model/run_folder.rs"];
            if writers.iter().any(|writer| path.ends_with(writer)) {
                continue;
            }
            // Examples in the docs are no part of it.
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code: String = lines.flat_map(|line| [line, "\n"]).collect();
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

/// Messages of the library name its own arguments, in backticks: the command writes its flags in their place, and
/// has one for each. What the doctor proposes is not a message of an error: it is flags.
#[test]
fn errors_of_the_library_name_its_own_arguments() {
    let mut found = 0;
    for module in CORE {
        for (path, code) in files(module) {
            let is_doctor = path.components().any(|part| part.as_os_str() == "doctor");
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let is_flag =
                    |at: usize| line[at + 2..].starts_with(|c: char| c.is_ascii_lowercase());
                let has_flag = line.match_indices("--").any(|(at, _)| is_flag(at));
                assert!(!has_flag || is_doctor, "{path:?} names a flag: {line}");
                if !line.contains('"') {
                    continue;
                }
                for word in line.split('`').skip(1).step_by(2) {
                    let known = wgrad::report::WORDS.iter().any(|(own, _)| *own == word);
                    let is_given = word.contains('{') || word.starts_with("wgrad ");
                    assert!(known || is_given, "{path:?}: report::WORDS has no flag for {word:?}");
                    found += 1;
                }
            }
        }
    }
    assert!(found > 100, "{found} words");
}

/// Which error, and when: a type or a function where the same stands; those that are words say so.
#[test]
fn sections_on_errors_name_them() {
    for (module, _) in MAY_USE.iter().filter(|of| !["bench", "report", "cli"].contains(&of.0)) {
        for (path, code) in files(module) {
            for section in code.split("/// # Errors\n").skip(1) {
                let is_doc = |line: &&str| line.trim_start().starts_with("///");
                let about: String = section.lines().take_while(is_doc).collect();
                let function =
                    section.lines().find(|line| line.contains("fn ")).unwrap_or_default();
                let is_public = function.trim_start().starts_with("pub ");
                let is_named = about.contains('`') || about.contains("in words");
                assert!(is_named || !is_public, "{path:?}: {function}: {about}");
            }
        }
    }
}

#[test]
fn wgpu_stays_where_it_belongs() {
    for (module, _) in MAY_USE {
        for (path, code) in files(module) {
            let uses = code.contains("wgpu::");
            assert!(!uses || module == "gpu", "{path:?} names a type of wgpu");
        }
    }
    let polls: usize = files("gpu").iter().map(|(_, code)| code.matches(".poll(").count()).sum();
    assert_eq!(polls, 1, "one function waits for the GPU");
}

/// The first names after each `prefix` in `code` that nothing of a path stands before: `a` and `b` of
/// `prefix{a::c, b}`.
fn named_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with("::") {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let mut depth = 0;
        let mut starts = vec![rest];
        if rest.starts_with('{') {
            starts.clear();
            for (place, sign) in rest.char_indices() {
                match sign {
                    '{' | ',' if depth <= 1 => starts.push(rest[place + 1..].trim_start()),
                    _ => {}
                }
                depth += i32::from(sign == '{') - i32::from(sign == '}');
                if depth == 0 {
                    break;
                }
            }
        }
        let word = |text: &str| -> String {
            text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        names.extend(starts.into_iter().map(word));
    }
    names
}

/// Of the modules of a folder, which uses which of the others.
fn uses_within(folder: &Path) -> Vec<(String, String)> {
    let here = folder.strip_prefix(source()).unwrap().to_str().unwrap().replace('/', "::");
    let mut modules: Vec<(String, String, String)> = Vec::new();
    let mut add = |path: &Path, name: &Path, supers: usize| {
        // Whole files of tests may look at whatever they test.
        if path.ends_with("tests.rs") {
            return;
        }
        let name = name.with_extension("").to_str().unwrap().to_owned();
        let code = without_tests(&fs::read_to_string(path).unwrap());
        modules.push((name, code, "super::".repeat(supers)));
    };
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            for inner in fs::read_dir(&path).unwrap().map(|inner| inner.unwrap().path()) {
                if inner.extension().is_some_and(|ending| ending == "rs") {
                    add(&inner, &name, if inner.ends_with("mod.rs") { 1 } else { 2 });
                }
            }
        } else if name != Path::new("mod.rs") && name.extension().is_some_and(|e| e == "rs") {
            add(&path, &name, 1);
        }
    }
    let mut uses = Vec::new();
    for (name, code, up) in &modules {
        let from_root = named_after(code, &format!("crate::{here}::"));
        for used in named_after(code, up).into_iter().chain(from_root) {
            if used != *name && modules.iter().any(|(other, ..)| *other == used) {
                uses.push((name.clone(), used));
            }
        }
    }
    uses
}

/// Folders that may have circles: methods of `Gpu` stand beside what they are about.
const MAY_GO_ROUND: [&str; 2] = ["gpu", "engine/resident"];

#[test]
fn files_of_a_folder_do_not_use_each_other_in_a_circle() {
    let mut folders: Vec<PathBuf> =
        MAY_USE.iter().map(|(module, _)| source().join(module)).collect();
    while let Some(folder) = folders.pop() {
        let inner = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(inner.filter(|path| path.is_dir()));
        if MAY_GO_ROUND.iter().any(|fine| folder == source().join(fine)) {
            continue;
        }
        let mut left = uses_within(&folder);
        // Whoever uses nobody, or is used by nobody, is in no circle; and so on with the rest.
        loop {
            let before = left.len();
            let (users, used): (Vec<_>, Vec<_>) = left.iter().cloned().unzip();
            left.retain(|(one, other)| users.contains(other) && used.contains(one));
            if left.len() == before {
                break;
            }
        }
        assert!(left.is_empty(), "{folder:?}: circles among {left:?}");
    }
}
