//! What `wgrad --version` tells of how it was built: the commit and the version of wgpu. An archive of the package has
//! no git; there the commit stands in a file that cargo packs.

use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rustc-env=WGRAD_COMMIT={}", commit().unwrap_or_else(|| "unknown".to_owned()));
    println!("cargo::rustc-env=WGRAD_WGPU={}", wgpu().unwrap_or_else(|| "unknown".to_owned()));
    println!("cargo::rustc-env=WGRAD_FEATURES={}", features());
}

/// The features that are enabled, but for the one that stands for all that is on by default.
fn features() -> String {
    let names = std::env::vars().filter_map(|(name, _)| {
        let name = name.strip_prefix("CARGO_FEATURE_")?.to_ascii_lowercase().replace('_', "-");
        (name != "default").then_some(name)
    });
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.join(", ")
}

/// The commit that is built, with a `+` where files differ from it.
fn commit() -> Option<String> {
    if let Ok(packed) = fs::read_to_string(".cargo_vcs_info.json") {
        return Some(packed.split("\"sha1\": \"").nth(1)?.split('"').next()?[..12].to_owned());
    }
    // Only in a repository of its own: a dependency may lie within another.
    if !Path::new(".git").exists() {
        return None;
    }
    // Compiled anew after every commit only where that pays: a release is what gets reported.
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return Some("of a development build".to_owned());
    }
    for path in ["HEAD", "logs/HEAD"] {
        println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", path])?);
    }
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let mark = if changed.is_empty() { "" } else { "+" };
    Some(git(&["rev-parse", "--short=12", "HEAD"])? + mark)
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|it| it.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// The version in the lock file, which every build with `--locked` has.
fn wgpu() -> Option<String> {
    let lock = fs::read_to_string("Cargo.lock").ok()?;
    let own =
        lock.split("[[package]]").find(|part| part.contains("\nname = \"wgpu\"\n"))?.to_owned();
    Some(own.split("version = \"").nth(1)?.split('"').next()?.to_owned())
}
