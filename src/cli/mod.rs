//! Flags, with their defaults and presets, to validated settings to one call.

mod bench;
mod check;
mod device;
mod devices;
mod explain;
mod export;
mod flags;
mod help;
mod keep;
mod live;
mod lr_find;
mod own;
mod plot;
mod predict;
mod shell;
mod stop;
mod sweep;
mod train;
mod tuned;

use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::Error;
use crate::data::Source;
use crate::model::file;
use crate::report::{self, Detail, OutputError};

const AFTER_HELP: &str = "\
Plain `wgrad` trains XOR: 2 inputs, 3 hidden units (ReLU), 1 output (sigmoid), from as many starts
as it takes. `wgrad COMMAND --help` explains a command; `wgrad help data`, `devices` and `exit-codes`
explain those.

Exit codes: 0 done (also when the network did not learn: the verdict says so), 1 other failure,
2 usage or configuration, 3 no such adapter, 4 device lost or out of memory, 5 diverged, 6 a bad
file, 7 a check failed, 130 Ctrl-C, 143 SIGTERM.";

/// Trains small neural networks on any GPU, and shows every number on the way.
#[derive(Debug, Parser)]
#[command(
    name = "wgrad",
    version,
    long_version = help::VERSION,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: train::TrainArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network (the default)
    Train(Box<train::TrainArgs>),
    /// Train many small networks for every combination of settings, and count those that solve their data
    Sweep(Box<sweep::SweepArgs>),
    /// Export a training as a PyTorch script that repeats its steps and compares
    Export(Box<export::ExportArgs>),
    /// Find a learning rate: one network with a growing rate, and many networks at each of many rates
    LrFind(Box<lr_find::LrFindArgs>),
    /// Run a saved network on inputs
    Predict(predict::PredictArgs),
    /// Draw a run, a saved network, or a table that wgrad wrote, as SVG or PNG
    Plot(plot::PlotArgs),
    /// Measure every engine beside loops written for this CPU
    Bench(bench::BenchArgs),
    /// Check every kernel and whole trainings on a device against the CPU
    Check(check::CheckArgs),
    /// Show one training step, every matrix out of the GPU's buffers; and demonstrations
    Explain(explain::ExplainArgs),
    /// List the adapters and what each can do
    Devices(devices::DevicesArgs),
    /// Print what completes commands and flags in a shell
    Completions(shell::CompletionsArgs),
    /// Print the manual page, or write those of all commands
    Man(shell::ManArgs),
    /// Explain a command, data formats, devices or exit codes
    Help(help::HelpArgs),
}

/// The whole program: parses, runs, and says in one line what went wrong.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return failed(&usage_error(&error), 2),
        // Help and version.
        Err(text) => {
            return finish(text.print().map_err(|error| Failure::Output(OutputError::from(error))));
        }
    };
    let result = match cli.command {
        None => train::run(&cli.train),
        Some(Command::Train(args)) => train::run(&args),
        Some(Command::Sweep(args)) => sweep::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::LrFind(args)) => lr_find::run(&args),
        Some(Command::Predict(args)) => predict::run(&args),
        Some(Command::Plot(args)) => plot::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Devices(args)) => devices::run(&args),
        Some(Command::Completions(args)) => shell::completions(&args),
        Some(Command::Man(args)) => shell::man(&args),
        Some(Command::Help(args)) => help::run(&args),
    };
    finish(result)
}

/// What clap says of bad flags, in one line: the complaint and its tips, without the usage.
fn usage_error(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let told = lines.filter(|line| !line.is_empty() && !line.starts_with("For more information"));
    // Where data was meant, a command of a similar name was not.
    let data = data_meant(error);
    let told = told.filter(|line| data.is_none() || !line.starts_with("tip:")).map(str::to_owned);
    let parts: Vec<String> = told.chain(data.clone()).collect();
    let parts = parts.join("; ").replace(":; ", ": ");
    let parts = parts.strip_prefix("error: ").unwrap_or(&parts);
    format!("{parts}; see `{} --help`", typed_command())
}

/// The command that was typed, as far as it is one.
fn typed_command() -> String {
    let typed = std::env::args().nth(1).unwrap_or_default();
    let is_it = |command: &&clap::Command| command.get_name() == typed;
    match Cli::command().get_subcommands().find(is_it) {
        Some(command) => format!("wgrad {}", command.get_name()),
        None => "wgrad".to_owned(),
    }
}

/// A hint for what was typed without its flag: `wgrad xor`, `wgrad train flowers.csv`.
fn data_meant(error: &clap::Error) -> Option<String> {
    let context = match error.kind() {
        ErrorKind::UnknownArgument => error.get(ContextKind::InvalidArg),
        ErrorKind::InvalidSubcommand => error.get(ContextKind::InvalidSubcommand),
        _ => None,
    };
    let Some(ContextValue::String(text)) = context else { return None };
    let is_data = !text.starts_with('-') && text.parse::<Source>().is_ok();
    is_data.then(|| format!("for a data set give --data {text}"))
}

/// The exit code of a command, after a line about what went wrong.
fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Output(OutputError::Closed)) => ExitCode::SUCCESS,
        Err(Failure::Output(OutputError::Failed(reason))) => {
            failed(&format!("standard output: {reason}; write it elsewhere"), 1)
        }
        Err(Failure::Run(error @ Error::Stopped { .. })) => ExitCode::from(error.exit_code()),
        Err(Failure::Run(error)) => failed(&error.to_string(), error.exit_code()),
    }
}

/// The exit code of a failure, once it is told: on standard error, and as a JSON object where that is asked for.
fn failed(message: &str, code: u8) -> ExitCode {
    let message = &report::in_flags(message);
    complain(message);
    let is_json = std::env::args().take_while(|argument| argument != "--").any(|it| it == "--json");
    if is_json {
        // Where standard output fails too, standard error has it.
        let _ = report::print_error(message, code);
    }
    ExitCode::from(code)
}

/// Whether a path stands for standard output; then nothing else is printed there.
fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether a table can be written to a path, checked before it is computed.
fn check_table(path: &Path, force: bool) -> Result<(), Error> {
    if is_stdout(path) { Ok(()) } else { file::check_free(path, force) }
}

/// Writes a table to a file, or prints it.
fn write_table(path: &Path, text: &str) -> Result<(), Failure> {
    match is_stdout(path) {
        true => Ok(report::print(text)?),
        false => Ok(file::write_atomic(path, text.as_bytes())?),
    }
}

/// What ends a command early.
enum Failure {
    Run(Error),
    Output(OutputError),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Run(error.into())
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Failure {
        Failure::Output(error)
    }
}

/// One line on standard error; where even that is closed, nobody is left to tell.
fn complain(message: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "wgrad: {}", message.replace('\n', " "));
}

/// Flags of how much a command tells.
#[derive(Debug, Args)]
struct Telling {
    /// Print one JSON object per line instead of text
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Print only the result
    #[arg(
        short,
        long,
        conflicts_with = "verbose",
        hide_short_help = true,
        help_heading = "Output"
    )]
    quiet: bool,

    /// Print more: how every start ended, a line for every cell, and the log of wgpu and the driver
    #[arg(short, long, hide_short_help = true, help_heading = "Output")]
    verbose: bool,
}

impl Telling {
    fn detail(&self) -> Detail {
        match (self.json, self.quiet, self.verbose) {
            (true, _, _) => Detail::Json,
            (_, true, _) => Detail::Quiet,
            (_, _, true) => Detail::Verbose,
            _ => Detail::Normal,
        }
    }

    fn start_log(&self) {
        start_log(self.verbose);
    }
}

/// Lets wgpu's own messages through under `-v`, and whatever `RUST_LOG` asks for.
fn start_log(verbose: bool) {
    let level = if verbose { "warn" } else { "off" };
    let environment = env_logger::Env::default().default_filter_or(level);
    // Fails only where a log is already set up, which then serves.
    let _ = env_logger::Builder::from_env(environment).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    /// What stands in for the library's words are flags that there are.
    #[test]
    fn the_library_is_translated_to_flags_that_exist() {
        let all = Cli::command();
        let commands = || std::iter::once(&all).chain(all.get_subcommands());
        let is_flag = |flag: &str| {
            commands().any(|command| command.get_arguments().any(|it| it.get_long() == Some(flag)))
        };
        for (own, flag) in report::WORDS {
            let name = flag.split("--").nth(1).and_then(|rest| rest.split(' ').next());
            assert!(name.is_some_and(is_flag), "{own}: {flag}");
        }
    }
}
