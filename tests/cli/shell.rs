//! What shells and readers of manuals get out of the flags' definitions: completions, manual pages, help on topics,
//! and what `--version` tells. Each shell checks the syntax of its own script where it is at hand.

use std::fs;
use std::process::{Command, Stdio};

use crate::command::{fail, folder, stderr, succeed, wgrad};

/// Runs a program that may not be here; `None`, said aloud, where it is not.
fn tool(name: &str, args: &[&str]) -> Option<std::process::Output> {
    match Command::new(name).args(args).stdin(Stdio::null()).output() {
        Ok(output) => Some(output),
        Err(_) => {
            eprintln!("NOT checked with {name}, which is not here");
            None
        }
    }
}

#[test]
fn completions_are_what_their_shells_can_read() {
    let folder = folder("completions");
    for (shell, check) in
        [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"]), ("powershell", &[])]
    {
        let script = succeed(wgrad(&["completions", shell]));
        for word in ["lr-find", "completions", "optimizer"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let path = folder.join(shell);
        fs::write(&path, &script).unwrap();
        let path = path.to_str().unwrap();
        let parse = format!(
            "$e = $null; [void][System.Management.Automation.Language.Parser]::ParseFile('{path}', [ref]$null, [ref]$e); exit $e.Count"
        );
        let checked = match shell {
            "powershell" => tool("pwsh", &["-NoProfile", "-Command", &parse]),
            shell => tool(shell, &[check, &[path]].concat()),
        };
        if let Some(output) = checked {
            assert!(output.status.success(), "{shell}: {}", stderr(&output));
        }
    }
    fail(wgrad(&["completions", "tcsh"]), 2, &["tcsh", "bash, zsh, fish, powershell"]);
}

/// What a user types, and what the tab key must offer among others.
const OFFERED: [(&str, &str); 7] = [
    ("wgrad sw", "sweep"),
    ("wgrad train --optim", "--optimizer"),
    ("wgrad train --optimizer nest", "nesterov"),
    ("wgrad --activation ta", "tanh"),
    ("wgrad bench wi", "width"),
    ("wgrad completions z", "zsh"),
    ("wgrad help exit", "exit-codes"),
];

#[track_caller]
fn assert_offered(words: &str, expected: &str, told: &str) {
    assert!(told.split_whitespace().any(|word| word == expected), "{words}: {told}");
}

#[test]
fn bash_completes_commands_and_flags() {
    let script = folder("completes").join("wgrad.bash");
    fs::write(&script, succeed(wgrad(&["completions", "bash"]))).unwrap();
    for (words, expected) in OFFERED {
        let at = words.split(' ').count() - 1;
        let ask = format!(
            "source '{}'; COMP_WORDS=({words}); COMP_CWORD={at}; COMPREPLY=(); \
             _wgrad wgrad \"${{COMP_WORDS[{at}]}}\" \"${{COMP_WORDS[{at}-1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        if let Some(output) = tool("bash", &["-c", &ask]) {
            assert_offered(words, expected, &String::from_utf8(output.stdout).unwrap());
        }
    }
}

#[test]
fn fish_completes_commands_and_flags() {
    let script = folder("completes-fish").join("wgrad.fish");
    let text = succeed(wgrad(&["completions", "fish"]));
    // Also where there is no fish: what is added to clap's script found its place.
    assert!(text.contains("$cmd[..-2] 2>/dev/null\n    or return"), "{text}");
    fs::write(&script, text).unwrap();
    for (words, expected) in OFFERED {
        let ask = format!("source '{}'; complete -C '{words}'", script.display());
        if let Some(output) = tool("fish", &["--no-config", "-c", &ask]) {
            assert_offered(words, expected, &String::from_utf8(output.stdout).unwrap());
        }
    }
}

#[test]
fn there_is_a_manual_page_of_every_command() {
    let folder = folder("man");
    succeed(wgrad(&["man", folder.to_str().unwrap()]));
    let whole = fs::read_to_string(folder.join("wgrad.1")).unwrap();
    assert_eq!(succeed(wgrad(&["man"])), whole);
    assert!(whole.contains(".TH wgrad 1") && whole.contains("exit\\-codes"));
    let help = succeed(wgrad(&["-h"]));
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands: Vec<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        // What is wrapped is indented further.
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for name in commands {
        let path = folder.join(format!("wgrad-{name}.1"));
        let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
        let path = path.to_str().unwrap();
        if let Some(output) = tool("mandoc", &["-Tlint", "-Werror", path]) {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn help_explains_commands_and_topics() {
    let all = succeed(wgrad(&["help"]));
    for topic in ["data", "devices", "exit-codes"] {
        assert!(all.contains(&format!("wgrad help {topic}")), "{all}");
        let text = succeed(wgrad(&["help", topic]));
        assert!(text.lines().all(|line| line.len() <= 100), "{topic}");
    }
    assert!(succeed(wgrad(&["help", "data"])).contains("idx:IMAGES,LABELS"));
    assert!(succeed(wgrad(&["help", "devices"])).contains("WGPU_ADAPTER_NAME"));
    let codes = succeed(wgrad(&["help", "exit-codes"]));
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "130"] {
        assert!(codes.lines().any(|line| line.split_whitespace().next() == Some(code)), "{code}");
    }
    assert_eq!(succeed(wgrad(&["help", "sweep"])), succeed(wgrad(&["sweep", "--help"])));
    fail(wgrad(&["help", "weather"]), 2, &["weather", "data, devices and exit-codes"]);
}

#[test]
fn the_version_tells_how_it_was_built() {
    assert_eq!(succeed(wgrad(&["-V"])), format!("wgrad {}\n", env!("CARGO_PKG_VERSION")));
    let told = succeed(wgrad(&["--version"]));
    let lines: Vec<&str> = told.lines().collect();
    let [version, commit, wgpu, features] = lines[..] else { panic!("{told}") };
    assert_eq!(version, format!("wgrad {}", env!("CARGO_PKG_VERSION")));
    assert!(commit.starts_with("commit ") && !commit.ends_with(' '), "{commit}");
    let lock = include_str!("../../Cargo.lock");
    let number = wgpu.strip_prefix("wgpu ").unwrap();
    assert!(lock.contains(&format!("name = \"wgpu\"\nversion = \"{number}\"")), "{wgpu}");
    assert!(features.starts_with("features cli"), "{features}");
}
