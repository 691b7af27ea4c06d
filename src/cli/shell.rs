//! `wgrad completions` and `wgrad man`: what shells and readers of manuals want, out of the definitions of the flags.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure, help};
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
    // Told to the shells alone: `wgrad help` itself names fewer in its errors.
    let names = help::names();
    let mut all = Cli::command()
        .mut_subcommand("help", |help| help.mut_arg("about", |about| about.value_parser(names)));
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut all, "wgrad", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Fish {
        script = for_fish(&script, &all);
    }
    Ok(report::print(&script)?)
}

/// What clap's script for fish lacks: the values of a flag before any command, where the words typed so far end in a
/// flag without its value, which fish's `argparse` refuses; and the values of arguments that are no flags.
fn for_fish(script: &str, all: &clap::Command) -> String {
    let parse = "argparse -s (__fish_wgrad_global_optspecs) -- $cmd";
    let refused = format!("{parse} 2>/dev/null\n    or return");
    let without_it =
        format!("{parse} 2>/dev/null\n    or {parse}[..-2] 2>/dev/null\n    or return");
    let mut script = script.replace(&refused, &without_it);
    for command in all.get_subcommands() {
        for argument in command.get_positionals() {
            let values = argument.get_possible_values();
            let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
            if !values.is_empty() {
                script += &format!(
                    "complete -c wgrad -n \"__fish_wgrad_using_subcommand {}\" -f -a \"{}\"\n",
                    command.get_name(),
                    values.join(" ")
                );
            }
        }
    }
    script
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
