//! `wgrad export`.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::stop::Stop;
use crate::Error;
use crate::cli::flags::Flags;
use crate::engine::{Engine, EngineSpec};
use crate::gpu::DeviceChoice;
use crate::model::file;
use crate::report;
use crate::settings::{Resolved, Settings, Verb, quoted};
use crate::train::Training;

/// Steps by default, of a run that has more.
const DEFAULT_STEPS: u32 = 1000;

/// Flags of `wgrad export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Write the script to this file: it does the same steps in PyTorch and prints how far from wgrad's they end
    #[arg(long, value_name = "FILE.py", help_heading = "Export")]
    pytorch: PathBuf,

    /// Number of steps [default: those of the whole run, at most 1000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Export")]
    steps: Option<u32>,

    /// Replace an existing file
    #[arg(long, help_heading = "Export")]
    force: bool,

    #[command(flatten)]
    settings: Flags<{ Verb::Export as u8 }>,
}

pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let given = args.settings.with_file()?;
    check_place(&Settings::read(&args.settings.given)?)?;
    let path = &args.pytorch;
    file::check_free(path, args.force)?;
    let Resolved { training, .. } = Settings::read(&given)?.resolve()?;
    let steps = steps(&training, args.steps)?;
    report::check_script_size(&training, steps)?;
    training.check_on(&EngineSpec::Cpu)?;
    let stop = Stop::listen()?;
    let (losses, parameters) = pollster::block_on(async {
        let mut engine = Engine::new(training.task(training.seed), &EngineSpec::Cpu).await?;
        let losses = engine.run(steps, &|| stop.signal().is_some()).await?;
        Ok::<_, Error>((losses, engine.parameters().await?))
    })?;
    // What has fewer steps than were asked for is not written.
    stop.check()?;
    let script = report::pytorch_script(&training, &command(), &losses, &parameters)?;
    file::write_atomic(path, script.as_bytes())?;
    let typed = quoted(&path.to_string_lossy());
    let told = format!("{steps} steps written to {}; run `python {typed}`\n", path.display());
    Ok(report::print(&told)?)
}

/// An export is computed on the cpu engine. A file may be of a training elsewhere.
fn check_place(flags: &Settings) -> Result<(), Error> {
    let setting = match (flags.engine, &flags.device) {
        (Some(engine), _) if engine.needs_adapter() => format!("--engine {engine}"),
        (_, Some(device)) if !matches!(device, DeviceChoice::Auto | DeviceChoice::Cpu) => {
            format!("--device {device}")
        }
        _ => return Ok(()),
    };
    let reason =
        "an export is computed on the cpu engine, whose steps the script repeats; leave it out";
    Err(Error::setting(setting, reason))
}

/// How many steps to do: no more than the run has.
fn steps(training: &Training, asked: Option<u32>) -> Result<u32, Error> {
    let all = training.epochs * training.batches(training.seed).steps_per_epoch() as u32;
    match asked {
        None => Ok(all.min(DEFAULT_STEPS)),
        Some(steps) if (1..=all).contains(&steps) => Ok(steps),
        Some(steps) => Err(Error::setting(
            format!("--steps {steps}"),
            format!("must be 1 to {all}, the steps of the run; more --epochs make more"),
        )),
    }
}

/// What was typed, as it can be typed again.
fn command() -> String {
    let typed = std::env::args_os().skip(1).map(|argument| quoted(&argument.to_string_lossy()));
    ["wgrad".to_owned()].into_iter().chain(typed).collect::<Vec<_>>().join(" ")
}
