//! `wgrad check`.

mod own;

use std::sync::Arc;

use clap::Args;

use own::OwnArgs;

use super::device::Wanted;
use super::stop::Stop;
use super::{Failure, device, start_log};
use crate::Error;
use crate::check::{Options, Progress, Watch, run_mutants, run_on};
use crate::cli::flags::Flags;
use crate::engine::workers;
use crate::gpu::{DeviceChoice, Gpu};
use crate::report::{self, CheckProgress, Detail};
use crate::settings::{EngineChoice, Settings, Verb};

/// Flags of `wgrad check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Check only what has this in its name: a kernel's, as in layer, or another of the first column
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,

    /// Check fewer shapes and settings, in a few seconds
    #[arg(long)]
    quick: bool,

    /// Break the kernels on purpose, one fault at a time, and see that the checks find each
    #[arg(long, conflicts_with = "quick")]
    mutants: bool,

    #[command(flatten)]
    own: OwnArgs,

    #[command(flatten)]
    settings: Flags<{ Verb::Check as u8 }>,

    /// Print one JSON object per line instead of text
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Print only the verdict, and what failed
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,

    /// Print the log of wgpu and the driver
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
}

impl CheckArgs {
    fn detail(&self) -> Detail {
        match (self.json, self.quiet) {
            (true, _) => Detail::Json,
            (_, true) => Detail::Quiet,
            _ => Detail::Normal,
        }
    }
}

pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    let given = args.settings.with_file()?;
    let settings = Settings::read(&given)?;
    let is_own = args.own.is_wanted(&given);
    let of_device =
        [("--filter", args.filter.is_some()), ("--quick", args.quick), ("--mutants", args.mutants)];
    if let (true, Some((flag, _))) = (is_own, of_device.iter().find(|(_, is_given)| *is_given)) {
        let reason = "is for the check of a device, and this is one of a network; leave it out";
        return Err(Error::setting(*flag, reason).into());
    }
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let gpu = open(&settings).await?;
        if is_own {
            return args.own.run(&gpu, settings, args.detail(), &stop).await;
        }
        let options = Options {
            filter: args.filter.clone(),
            quick: args.quick,
            seed: settings.seed.unwrap_or(0),
        };
        let progress = CheckProgress::start(args.detail());
        let stopping = || stop.signal().is_some();
        let mut tell = |now: Progress<'_>| progress.show(&now);
        let mut watch = Watch::new(&mut tell, stopping);
        let (is_pass, verdict) = match args.mutants {
            true => {
                let outcome = run_mutants(&gpu, &options, &mut watch).await;
                progress.end();
                let outcome = outcome?;
                report::mutants(&outcome, gpu.adapter(), args.detail())?;
                (outcome.is_pass(), report::mutants_verdict(&outcome))
            }
            false => {
                let outcome = run_on(&devices(gpu.clone()).await, &options, &mut watch).await;
                progress.end();
                let outcome = outcome?;
                report::checked(&outcome, &options, gpu.adapter(), args.detail())?;
                (outcome.is_pass(), outcome.verdict())
            }
        };
        end(is_pass, &verdict, &stop)
    })
}

/// The most devices that a software adapter is checked on at once.
const MOST_DEVICES: usize = 4;

/// The device to check, of a software adapter one for each core: compiling kernels is most of the time there.
async fn devices(gpu: Arc<Gpu>) -> Vec<Arc<Gpu>> {
    let count = if gpu.adapter().is_software() { workers().min(MOST_DEVICES) } else { 1 };
    let mut all = vec![gpu];
    while all.len() < count {
        // Where there is no room for another, the others do.
        let Ok(another) = all[0].adapter().open().await else { break };
        all.push(Arc::new(another));
    }
    all
}

/// Fails unless everything was checked and right.
fn end(is_pass: bool, verdict: &str, stop: &Stop) -> Result<(), Failure> {
    stop.check()?;
    if is_pass { Ok(()) } else { Err(Error::CheckFailed(verdict.to_owned()).into()) }
}

/// The adapter to check: the best one unless another is asked for.
async fn open(settings: &Settings) -> Result<Arc<Gpu>, Failure> {
    // Any adapter will do that the layered engine runs on.
    let mut wanted = Wanted { engine: EngineChoice::Layered, ..settings.wanted()? };
    match wanted.device {
        DeviceChoice::Auto => wanted.device = DeviceChoice::Gpu,
        DeviceChoice::Cpu => {
            let reason = "there is nothing to check: check compares an adapter with the CPU; choose another \
                          --device (`wgrad devices` lists them)";
            return Err(Error::setting("--device cpu", reason).into());
        }
        _ => {}
    }
    let chosen = device::choose(&wanted, None, &|_| true).await?;
    match chosen.spec.gpu() {
        Some(gpu) => Ok(Arc::clone(gpu)),
        None => Err(Error::setting("check", "needs an adapter; `wgrad devices` tells more").into()),
    }
}
