//! `wgrad completions` and `wgrad man`: what shells and readers of manuals want, out of the definitions of the flags.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure};
use crate::model::file;
use crate::report;

/// Flags of `wgrad completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish", "powershell"])]
    shell: String,
}

/// Flags of `wgrad man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write the page of every command into this folder, as wgrad-train.1, ... [default: print that of wgrad]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let shell = match args.shell.as_str() {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wgrad", &mut script);
    Ok(report::print(&String::from_utf8_lossy(&script))?)
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut all = Cli::command();
    all.build();
    let Some(folder) = &args.folder else {
        return Ok(report::print(&page(all)?)?);
    };
    let failed = |cause: std::io::Error| crate::Error::bad_file(folder, cause);
    std::fs::create_dir_all(folder).map_err(failed)?;
    for command in all.get_subcommands() {
        let name = format!("wgrad-{}", command.get_name());
        write(folder, &name, command.clone().name(&name))?;
    }
    write(folder, "wgrad", all.clone())
}

fn write(folder: &Path, name: &str, command: clap::Command) -> Result<(), Failure> {
    let page = page(command)?;
    Ok(file::write_atomic(&folder.join(format!("{name}.1")), page.as_bytes())?)
}

/// The manual page of a command.
fn page(command: clap::Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    let made = clap_mangen::Man::new(command).manual("wgrad").render(&mut page);
    made.map_err(report::OutputError::from)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
