//! `wgrad export`.

use std::path::PathBuf;

use clap::Args;

use super::resolve::Resolved;
use super::settings::{EngineChoice, Settings};
use super::stop::Stop;
use super::{Failure, bad_setting, quoted};
use crate::Error;
use crate::engine::{Engine, Place};
use crate::gpu::DeviceChoice;
use crate::model::file;
use crate::report;
use crate::train::Training;

/// Steps where nothing is said, of a run that has more.
const DEFAULT_STEPS: u32 = 1000;

/// Flags of `wgrad export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Where to write the script: it does the same steps in PyTorch and prints how far from wgrad's they end
    #[arg(long, value_name = "FILE.py", help_heading = "Export")]
    pytorch: PathBuf,

    /// Steps to do [default: those of the whole run, at most 1000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Export")]
    steps: Option<u32>,

    /// Replace a file that is there
    #[arg(long, help_heading = "Export")]
    force: bool,

    #[command(flatten)]
    settings: Settings,

    /// Settings from a TOML file, by the names of the flags; flags win
    #[arg(long, value_name = "FILE.toml", hide_short_help = true, help_heading = "Export")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    check_flags(&args.settings)?;
    let path = &args.pytorch;
    file::check_free(path, args.force)?;
    let from_file = match &args.config {
        Some(path) => Settings::from_file(path)?,
        None => Settings::default(),
    };
    let Resolved { training, .. } = args.settings.clone().or(from_file).resolve()?;
    let steps = steps(&training, args.steps)?;
    report::check_script_size(&training, steps)?;
    training.check_on(&Place::Cpu)?;
    let stop = Stop::listen()?;
    let (losses, parameters) = pollster::block_on(async {
        let mut engine = Engine::new(training.task(training.seed), &Place::Cpu).await?;
        let losses = engine.run(steps, &|| stop.signal().is_some()).await?;
        Ok::<_, Error>((losses, engine.parameters().await?))
    })?;
    // What has fewer steps than were asked for is not written.
    if let Some(signal) = stop.signal() {
        return Err(Error::Stopped { signal }.into());
    }
    let script = report::pytorch_script(&training, &command(), &losses, &parameters)?;
    file::write_atomic(path, script.as_bytes())?;
    let typed = quoted(&path.to_string_lossy());
    let told = format!("{steps} steps written to {}; run `python {typed}`\n", path.display());
    Ok(report::print(&told)?)
}

/// Flags of a training that mean nothing here. In a file they are passed over: it may be that of a
/// training.
fn check_flags(settings: &Settings) -> Result<(), Error> {
    let on_cpu = "is computed on the cpu engine, whose steps the script repeats; leave it out";
    match (&settings.engine, &settings.device) {
        (Some(engine), _) if !matches!(engine, EngineChoice::Auto | EngineChoice::Cpu) => {
            return Err(bad_setting(format!("--engine {engine}"), format!("an export {on_cpu}")));
        }
        (_, Some(device)) if !matches!(device, DeviceChoice::Auto | DeviceChoice::Cpu) => {
            return Err(bad_setting(format!("--device {device}"), format!("an export {on_cpu}")));
        }
        _ => {}
    }
    let given = [
        ("--kernels", settings.kernels.is_some(), "is for a GPU, and an export needs none"),
        ("--require-gpu", settings.require_gpu, "contradicts an export, which needs no GPU"),
        ("--save", settings.save.is_some(), "is for train, which writes networks"),
    ];
    match given.iter().find(|(_, given, _)| *given) {
        Some((flag, _, reason)) => Err(bad_setting(*flag, format!("{reason}; leave it out"))),
        None => Ok(()),
    }
}

/// How many steps to do: no more than the run has.
fn steps(training: &Training, asked: Option<u32>) -> Result<u32, Error> {
    let all = training.epochs * training.batches(training.seed).steps_per_epoch() as u32;
    match asked {
        None => Ok(all.min(DEFAULT_STEPS)),
        Some(steps) if (1..=all).contains(&steps) => Ok(steps),
        Some(steps) => Err(bad_setting(
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
