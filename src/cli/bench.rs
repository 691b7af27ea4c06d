//! `wgrad bench`.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::device;
use super::settings::{Flags, Settings, Verb};
use super::stop::Stop;
use super::{Failure, start_log};
use crate::Error;
use crate::bench::{Sizes, StepSizes, boundaries, contest, steps};
use crate::gpu::Gpu;
use crate::report;

/// What to measure.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// One network and a population, on every engine and on loops written for this CPU
    Xor,
    /// A training step of a larger network on every engine, beside the products it consists of
    Step,
    /// A report boundary of a large and of a small network, beside a training step of each
    Boundary,
}

/// Flags of `wgrad bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// What to measure
    #[arg(value_name = "WHAT", default_value = "xor")]
    what: Bench,

    /// Of `xor`: number of epochs of the one network [default: 30000]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,

    /// Of `xor`: number of networks in the population [default: 65536]
    #[arg(long, value_name = "N")]
    networks: Option<usize>,

    /// Of `xor`: number of epochs of the population [default: 2000]
    #[arg(long, value_name = "N")]
    population_epochs: Option<u32>,

    /// Number of measurements of each, in turn with the others
    #[arg(long, value_name = "N", default_value_t = Sizes::default().rounds)]
    rounds: u32,

    #[command(flatten)]
    settings: Flags<{ Verb::Bench as u8 }>,

    /// Print one JSON object per line instead of text
    #[arg(long)]
    json: bool,

    /// Print the log of wgpu and the driver
    #[arg(short, long)]
    verbose: bool,
}

impl BenchArgs {
    /// Whether the flags apply to this bench, and are in range.
    fn check(&self, settings: &Settings) -> Result<(), Error> {
        let wide = |value: usize| value as u64;
        let of_xor = [
            ("epochs", self.epochs.map(u64::from)),
            ("networks", self.networks.map(wide)),
            ("population-epochs", self.population_epochs.map(u64::from)),
        ];
        let of_step =
            [("layers", settings.layers.as_ref().map(|_| 1)), ("batch", settings.batch.map(wide))];
        let (own, others, bench) = match self.what {
            Bench::Xor => (&of_xor[..], [&of_step[..], &[]], "xor"),
            Bench::Step => (&of_step[..], [&of_xor[..], &[]], "step"),
            Bench::Boundary => (&[][..], [&of_xor[..], &of_step[..]], "boundary"),
        };
        let mut others = others.into_iter().flatten();
        if let Some((flag, _)) = others.find(|(_, value)| value.is_some()) {
            let reason = format!("does not apply to bench {bench}; leave it out");
            return Err(Error::setting(format!("--{flag}"), reason));
        }
        let rounds = [("rounds", Some(u64::from(self.rounds)))];
        for (flag, value) in own.iter().chain(&rounds) {
            let is_bad = |value: &u64| *value == 0 || *value > u64::from(u32::MAX);
            if let Some(value) = value.filter(is_bad) {
                let reason = "must be 1 to 4294967295";
                return Err(Error::setting(format!("--{flag} {value}"), reason));
            }
        }
        Ok(())
    }
}

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    let settings = Settings::read(&args.settings.given)?;
    args.check(&settings)?;
    let defaults = Sizes::default();
    let sizes = Sizes {
        epochs: args.epochs.unwrap_or(defaults.epochs),
        networks: args.networks.unwrap_or(defaults.networks),
        population_epochs: args.population_epochs.unwrap_or(defaults.population_epochs),
        rounds: args.rounds,
    };
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let chosen = device::choose(&settings.wanted()?, None).await?;
        let gpu = chosen.spec.gpu();
        match args.what {
            Bench::Xor => {}
            Bench::Step => return step(args, settings, gpu, &stop).await,
            Bench::Boundary => return boundary(args, gpu, &stop).await,
        }
        if let Some(gpu) = gpu {
            let most = gpu.adapter().limits.max_binding_bytes / (13 * 4);
            if sizes.networks as u64 > most {
                let reason = format!("the largest binding of this adapter holds {most}; use fewer");
                return Err(Error::setting(format!("--networks {}", sizes.networks), reason).into());
            }
        }
        let progress = report::Spinner::start(args.json);
        let stopping = || stop.signal().is_some();
        let outcome = contest(gpu, sizes, &mut |who| progress.show(who), &stopping).await;
        progress.end();
        report::contest(&outcome?, gpu.map(|gpu| gpu.adapter()), args.json)?;
        Ok(stop.check()?)
    })
}

/// `wgrad bench boundary`.
async fn boundary(args: &BenchArgs, gpu: Option<&Arc<Gpu>>, stop: &Stop) -> Result<(), Failure> {
    let progress = report::Spinner::start(args.json);
    let stopping = || stop.signal().is_some();
    let outcome = boundaries(gpu, args.rounds, &mut |what| progress.show(what), &stopping).await;
    progress.end();
    report::boundary_costs(&outcome?, gpu.map(|gpu| gpu.adapter()), args.json)?;
    Ok(stop.check()?)
}

/// `wgrad bench step`.
async fn step(
    args: &BenchArgs,
    settings: Settings,
    gpu: Option<&Arc<Gpu>>,
    stop: &Stop,
) -> Result<(), Failure> {
    let defaults = StepSizes::default();
    let sizes = StepSizes {
        layers: settings.layers.unwrap_or(defaults.layers),
        batch: settings.batch.unwrap_or(defaults.batch),
        rounds: args.rounds,
    };
    let progress = report::Spinner::start(args.json);
    let stopping = || stop.signal().is_some();
    let outcome = steps(gpu, sizes, &mut |who| progress.show(who), &stopping).await;
    progress.end();
    report::step_contest(&outcome?, gpu.map(|gpu| gpu.adapter()), args.json)?;
    Ok(stop.check()?)
}
