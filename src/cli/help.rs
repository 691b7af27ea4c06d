//! `wgrad help`: of commands and of topics; and what `--version` tells.

use clap::{Args, CommandFactory};

use super::{Cli, Failure};
use crate::Error;
use crate::report;
use crate::settings::listed;

/// Flags of `wgrad help`.
#[derive(Debug, Args)]
pub(super) struct HelpArgs {
    /// A command, or one of the topics data, devices and exit-codes
    #[arg(value_name = "COMMAND|TOPIC")]
    about: Option<String>,
}

/// What is explained beside commands: a name, a line about it, and the text.
pub(super) const TOPICS: [(&str, &str, &str); 3] = [
    (
        "data",
        "Data sets by name, tables, IDX files, and how they are prepared",
        include_str!("topics/data.txt"),
    ),
    ("devices", "Adapters, engines, and how they are chosen", include_str!("topics/devices.txt")),
    ("exit-codes", "What a command ends with", include_str!("topics/exit-codes.txt")),
];

/// What `--version` prints.
pub(super) const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit ",
    env!("WGRAD_COMMIT"),
    "\nwgpu ",
    env!("WGRAD_WGPU"),
    "\nfeatures ",
    env!("WGRAD_FEATURES"),
);

pub(super) fn run(args: &HelpArgs) -> Result<(), Failure> {
    let mut all = Cli::command();
    all.build();
    let Some(about) = args.about.as_deref() else {
        return Ok(report::print(&format!("{}\n{}", all.render_help(), topics()))?);
    };
    if let Some((_, _, text)) = TOPICS.iter().find(|(name, ..)| *name == about) {
        return Ok(report::print(text)?);
    }
    if let Some(command) = all.find_subcommand_mut(about) {
        return Ok(report::print(&command.render_long_help().to_string())?);
    }
    let topics: Vec<&str> = TOPICS.iter().map(|(name, ..)| *name).collect();
    let reason = format!("is neither a command nor a topic; topics are {}", listed(&topics, "and"));
    Err(Error::setting(format!("help {about}"), reason).into())
}

/// The names of everything that is explained.
pub(super) fn names() -> Vec<String> {
    let all = Cli::command();
    let commands = all.get_subcommands().map(|command| command.get_name().to_owned());
    commands.chain(TOPICS.iter().map(|(name, ..)| (*name).to_owned())).collect()
}

/// The topics, one a line.
fn topics() -> String {
    let lines = TOPICS.iter().map(|(name, about, _)| format!("  wgrad help {name:10}  {about}\n"));
    format!("More:\n{}", lines.collect::<String>())
}
