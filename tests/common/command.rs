//! The command as a stranger types it, for the tests of what it prints and how it ends.
#![allow(dead_code, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Every engine, as `--engine` has them.
pub const ENGINES: [&str; 4] = ["cpu", "layered", "resident-invocation", "resident-workgroup"];

/// A call of `wgrad` under an environment that says nothing of adapters.
pub fn wgrad(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgrad"));
    for name in
        ["WGPU_ADAPTER_NAME", "WGPU_BACKEND", "WGPU_POWER_PREF", "RUST_LOG", "XDG_RUNTIME_DIR"]
    {
        command.env_remove(name);
    }
    // No choices that were tuned on this machine.
    let caches = std::env::temp_dir().join("wgrad-cli-no-caches");
    command.args(args).stdin(Stdio::null()).env("XDG_CACHE_HOME", caches);
    command
}

/// The same on a machine without any driver.
pub fn without_adapter(args: &[&str]) -> Command {
    let mut command = wgrad(args);
    if cfg!(target_os = "linux") {
        command
            .env("VK_DRIVER_FILES", "/no/driver.json")
            .env("VK_ICD_FILENAMES", "/no/driver.json");
    } else {
        // Vulkan's loader alone can be told that there is nothing; elsewhere look where nothing is.
        command.env("WGPU_BACKEND", if cfg!(windows) { "metal" } else { "dx12" });
    }
    command
}

pub fn run(mut command: Command) -> Output {
    command.output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Output of a call that must succeed.
#[track_caller]
pub fn succeed(command: Command) -> String {
    let output = run(command);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// A call that must end with `code`, one line on standard error that holds every one of `parts`, and nothing on
/// standard output but the same as JSON, where that is asked for.
#[track_caller]
pub fn fail(command: Command, code: i32, parts: &[&str]) {
    let is_json = command.get_args().any(|argument| argument == "--json");
    let output = run(command);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "one line: {message}");
    assert!(message.starts_with("wgrad: "), "{message}");
    for part in parts {
        assert!(message.contains(part), "{message:?} should contain {part:?}");
    }
    match stdout(&output).lines().last() {
        Some(line) if is_json => {
            let error: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&error["event"], &error["exit_code"]), (&"error".into(), &code.into()));
            assert!(message.contains(error["message"].as_str().unwrap().lines().next().unwrap()));
        }
        told => assert_eq!(told, None),
    }
}

/// The JSON lines of a call, all of them objects with an event.
#[track_caller]
pub fn events(command: Command) -> Vec<Value> {
    let lines = succeed(command);
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["event"].is_string()));
    events
}

/// What a call comes to: the last of its JSON lines.
#[track_caller]
pub fn result(args: &[&str]) -> Value {
    events(wgrad(&[args, &["--json"]].concat())).pop().unwrap()
}

/// `text` has all of these parts.
#[track_caller]
pub fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
}

/// The last JSON line of a call that is sent a signal two seconds after its first line, when it has begun: reading
/// data may take its time on a busy machine. It must end with `code`.
#[cfg(unix)]
#[track_caller]
pub fn interrupted(mut command: Command, signal: &str, code: i32) -> Value {
    use std::io::{BufRead as _, Read as _};
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    reader.read_line(&mut text).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    reader.read_to_string(&mut text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// A folder of its own for one test, empty: tests run beside each other, so no two may ask for one name.
#[track_caller]
pub fn folder(name: &str) -> PathBuf {
    static TAKEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let is_new = TAKEN.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    assert!(is_new, "two tests ask for the folder {name}");
    let path = std::env::temp_dir().join(format!("wgrad-cli-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file in such a folder.
#[track_caller]
pub fn write(name: &str, file: &str, text: &str) -> String {
    let path = folder(name).join(file);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
