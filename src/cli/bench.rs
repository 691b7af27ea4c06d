//! `wgrad bench`.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::device::{self, Wanted};
use super::settings::{EngineChoice, size};
use super::stop::Stop;
use super::{Failure, bad_setting, start_log};
use crate::Error;
use crate::bench::{Sizes, StepSizes, contest, steps};
use crate::engine::Kernels;
use crate::gpu::{DeviceChoice, Gpu};
use crate::report;

/// What to measure.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// One network and a population, on every engine and on loops written for this CPU
    Xor,
    /// A training step of a larger network on every engine, beside the products it consists of
    Step,
}

/// Flags of `wgrad bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// What to measure
    #[arg(value_name = "WHAT", default_value = "xor")]
    what: Bench,

    /// Of `xor`: epochs of the one network
    #[arg(long, value_name = "N", default_value_t = Sizes::default().epochs)]
    epochs: u32,

    /// Of `xor`: networks of the population
    #[arg(long, value_name = "N", default_value_t = Sizes::default().networks)]
    networks: usize,

    /// Of `xor`: epochs of the population
    #[arg(long, value_name = "N", default_value_t = Sizes::default().population_epochs)]
    population_epochs: u32,

    /// Of `step`: units per layer, the input first
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', value_parser = size, default_values_t = StepSizes::default().layers)]
    layers: Vec<usize>,

    /// Of `step`: rows of a batch
    #[arg(long, value_name = "ROWS", default_value_t = StepSizes::default().batch)]
    batch: usize,

    /// Measurements of each, in turn with the others
    #[arg(long, value_name = "N", default_value_t = Sizes::default().rounds)]
    rounds: u32,

    /// auto, cpu (the CPU alone), gpu, the index or part of the name of an adapter
    #[arg(long, value_name = "WHICH", default_value = "auto")]
    device: DeviceChoice,

    /// Fail rather than run on the CPU alone or on a software adapter
    #[arg(long)]
    require_gpu: bool,

    /// One JSON object a line
    #[arg(long)]
    json: bool,

    /// Let through what wgpu and the driver log
    #[arg(short, long)]
    verbose: bool,
}

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    let sizes = Sizes {
        epochs: args.epochs,
        networks: args.networks,
        population_epochs: args.population_epochs,
        rounds: args.rounds,
    };
    for (flag, value) in [
        ("epochs", u64::from(sizes.epochs)),
        ("networks", sizes.networks as u64),
        ("population-epochs", u64::from(sizes.population_epochs)),
        ("rounds", u64::from(sizes.rounds)),
        ("batch", args.batch as u64),
    ] {
        if value == 0 || value > u64::from(u32::MAX) {
            return Err(bad_setting(format!("--{flag} {value}"), "must be 1 to 4294967295").into());
        }
    }
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let wanted = Wanted {
            device: &args.device,
            engine: EngineChoice::Auto,
            kernels: Kernels::Fused,
            require_gpu: args.require_gpu,
        };
        let chosen = device::choose(wanted, None).await?;
        let gpu = chosen.place.gpu();
        if let Bench::Step = args.what {
            return step(args, gpu, &stop).await;
        }
        if let Some(gpu) = gpu {
            let most = gpu.adapter().limits.max_binding_bytes / (13 * 4);
            if sizes.networks as u64 > most {
                let reason = format!("the largest binding of this adapter holds {most}; use fewer");
                return Err(bad_setting(format!("--networks {}", sizes.networks), reason).into());
            }
        }
        let progress = report::Spinner::start(args.json);
        let stopping = || stop.signal().is_some();
        let outcome = contest(gpu, sizes, &mut |who| progress.tell(who), &stopping).await;
        progress.end();
        report::contest(&outcome?, gpu.map(|gpu| gpu.adapter()), args.json)?;
        match stop.signal() {
            Some(signal) => Err(Error::Stopped { signal }.into()),
            None => Ok(()),
        }
    })
}

/// `wgrad bench step`.
async fn step(args: &BenchArgs, gpu: Option<&Arc<Gpu>>, stop: &Stop) -> Result<(), Failure> {
    let sizes = StepSizes { layers: args.layers.clone(), batch: args.batch, rounds: args.rounds };
    let progress = report::Spinner::start(args.json);
    let stopping = || stop.signal().is_some();
    let outcome = steps(gpu, sizes, &mut |who| progress.tell(who), &stopping).await;
    progress.end();
    report::step_contest(&outcome?, gpu.map(|gpu| gpu.adapter()), args.json)?;
    match stop.signal() {
        Some(signal) => Err(Error::Stopped { signal }.into()),
        None => Ok(()),
    }
}
