//! `wgrad bench`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::device;
use super::stop::Stop;
use super::{Failure, check_table, is_stdout, start_log, tuned, write_table};
use crate::Error;
use crate::bench::{
    Sizes, StepSizes, Watch, boundaries, contest, forms, products, products_of, steps, tune, widths,
};
use crate::cli::flags::Flags;
use crate::gpu::Gpu;
use crate::report;
use crate::settings::{Settings, Verb};

/// What to measure.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// One network and a population, on every engine and on loops written for this CPU
    Xor,
    /// A training step of a larger network on every engine, beside the products it consists of
    Step,
    /// A report boundary of a large and of a small network, beside a training step of each
    Boundary,
    /// The three products of a layer, beside the same on the CPU
    Matmul,
    /// Training steps of 784-H-10 and H-H-H, and from which H on the adapter beats the CPU
    Width,
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

    /// Of `matmul`: sizes, each N for N x N x N, or MxKxN [default: 256,512,1024,1000x333x77, on a GPU up to 4096]
    #[arg(long, value_name = "N|MxKxN,...", value_delimiter = ',', value_parser = size)]
    sizes: Vec<[usize; 3]>,

    /// Of `width`: hidden units H; A..B doubles from A to B [default: 16..256, on a GPU 16..4096]
    #[arg(long, value_name = "N,...|A..B", value_parser = doubling)]
    widths: Option<Numbers>,

    /// Of `width`: batch sizes in rows [default: 32,256, on a GPU 32,256,4096]
    #[arg(long, value_name = "ROWS,...", value_parser = doubling)]
    batches: Option<Numbers>,

    /// Of `matmul` and `width`: time their products in every variant, and keep the fastest ones for this adapter and
    /// driver: what is computed from then on takes them
    #[arg(long)]
    tune: bool,

    /// Of `matmul` and `width`: write the measurements to this file as comma-separated values, - for standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Replace an existing file that --csv names
    #[arg(long)]
    force: bool,

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
        let given = |is_given: bool| is_given.then_some(1);
        let of_matmul = [("sizes", given(!self.sizes.is_empty()))];
        let of_width =
            [("widths", given(self.widths.is_some())), ("batches", given(self.batches.is_some()))];
        let of_both = [
            ("csv", given(self.csv.is_some())),
            ("force", given(self.force)),
            ("tune", given(self.tune)),
        ];
        let (own, bench): (&[&[_]], _) = match self.what {
            Bench::Xor => (&[&of_xor], "xor"),
            Bench::Step => (&[&of_step], "step"),
            Bench::Boundary => (&[], "boundary"),
            Bench::Matmul => (&[&of_matmul, &of_both], "matmul"),
            Bench::Width => (&[&of_width, &of_both], "width"),
        };
        let own: Vec<(&str, Option<u64>)> = own.iter().copied().flatten().copied().collect();
        let all: [&[_]; 5] = [&of_xor, &of_step, &of_matmul, &of_width, &of_both];
        let is_other = |flag: &&(&str, Option<u64>)| {
            flag.1.is_some() && own.iter().all(|(name, _)| *name != flag.0)
        };
        if let Some((flag, _)) = all.into_iter().flatten().find(is_other) {
            let reason = format!("does not apply to bench {bench}; leave it out");
            return Err(Error::setting(format!("--{flag}"), reason));
        }
        if self.tune && self.csv.is_some() {
            let reason = "is for measurements beside the CPU, and --tune makes none; use --json, or leave one out";
            return Err(Error::setting("--csv", reason));
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
        let chosen = device::choose(&settings.wanted()?, None, &|_| true).await?;
        let gpu = chosen.spec.gpu();
        match args.what {
            Bench::Xor => {}
            Bench::Step => return step(args, settings, gpu, &stop).await,
            Bench::Boundary => return boundary(args, gpu, &stop).await,
            Bench::Matmul | Bench::Width => return crossover(args, gpu, &stop).await,
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

/// Numbers with commas between them.
#[derive(Debug, Clone)]
struct Numbers(Vec<usize>);

/// A list of numbers, or those from A to B of which each is twice the one before.
fn doubling(text: &str) -> Result<Numbers, String> {
    let number = |text: &str| {
        let number = text.trim().parse::<usize>().ok().filter(|number| *number > 0);
        number.ok_or_else(|| format!("{text:?} is not a whole number above 0"))
    };
    if let Some((first, last)) = text.split_once("..") {
        let (first, last) = (number(first)?, number(last)?);
        let next = |at: &usize| at.checked_mul(2).filter(|next| *next <= last);
        let all: Vec<usize> =
            std::iter::successors((first <= last).then_some(first), next).collect();
        return match all.is_empty() {
            true => Err(format!("{text} has no numbers; give the smaller one first")),
            false => Ok(Numbers(all)),
        };
    }
    Ok(Numbers(text.split(',').map(number).collect::<Result<_, _>>()?))
}

/// The size of a product.
fn size(text: &str) -> Result<[usize; 3], String> {
    let numbers: Option<Vec<usize>> = text
        .split('x')
        .map(|number| number.trim().parse().ok().filter(|number| *number > 0))
        .collect();
    match numbers.as_deref() {
        Some(&[n]) => Ok([n; 3]),
        Some(&[m, k, n]) => Ok([m, k, n]),
        _ => Err("give N for N x N x N, or MxKxN, as in 512 or 1000x333x77".to_owned()),
    }
}

/// `wgrad bench matmul` and `wgrad bench width`.
async fn crossover(args: &BenchArgs, gpu: Option<&Arc<Gpu>>, stop: &Stop) -> Result<(), Failure> {
    let Some(gpu) = gpu else {
        let reason =
            "compares an adapter with the CPU, and there is none; `wgrad devices` tells more";
        return Err(Error::setting("bench", reason).into());
    };
    if let Some(path) = &args.csv {
        check_table(path, args.force)?;
    }
    let to_stdout = args.csv.as_deref().is_some_and(is_stdout);
    let is_gpu = !gpu.adapter().is_software();
    let of_gpu =
        |numbers: &[usize], more: &[usize]| [numbers, if is_gpu { more } else { &[] }].concat();
    let progress = report::Spinner::start(args.json || to_stdout);
    let stopping = || stop.signal().is_some();
    let mut tell = |what: &str| progress.show(what);
    let mut watch = Watch { tell: &mut tell, stop: &stopping };
    let cubes = of_gpu(&[256, 512, 1024], &[2048, 4096]);
    let usual = || cubes.iter().map(|&n| [n; 3]).chain([[1000, 333, 77]]).collect();
    let sizes = if args.sizes.is_empty() { usual() } else { args.sizes.clone() };
    let list = |given: &Option<Numbers>, usual: Vec<usize>| {
        given.as_ref().map_or(usual, |given| given.0.clone())
    };
    let own = of_gpu(&[16, 32, 64, 128, 256], &[512, 1024, 2048, 4096]);
    let (hidden, batches) =
        (list(&args.widths, own), list(&args.batches, of_gpu(&[32, 256], &[4096])));
    if args.tune {
        let products = match args.what {
            Bench::Matmul => sizes.into_iter().flat_map(forms).collect(),
            _ => products_of(&hidden, &batches),
        };
        let outcome = tune(gpu, &products, args.rounds, &mut watch).await;
        progress.end();
        let outcome = outcome?;
        let kept = tuned::keep(gpu.adapter(), &outcome)?;
        report::tuning(&outcome, gpu.adapter(), &kept, args.json)?;
        return Ok(stop.check()?);
    }
    let outcome = match args.what {
        Bench::Matmul => products(gpu, &sizes, args.rounds, &mut watch).await,
        _ => widths(gpu, (&hidden, &batches), args.rounds, &mut watch).await,
    };
    progress.end();
    let outcome = outcome?;
    if let Some(path) = &args.csv {
        write_table(path, &report::crossover_csv(&outcome, gpu.adapter()))?;
    }
    if !to_stdout {
        report::crossover(&outcome, gpu.adapter(), args.json)?;
    }
    Ok(stop.check()?)
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
