//! `wgrad lr-find`.

use std::path::PathBuf;

use clap::Args;

use super::device::{self, Chosen, Wanted};
use super::resolve::Resolved;
use super::settings::Settings;
use super::stop::Stop;
use super::{Failure, bad_setting, start_log};
use crate::Error;
use crate::engine::{Kernels, Place};
use crate::model::file;
use crate::report::{self, Detail, RateReport, Spinner};
use crate::sweep::{self, RateMap, Sweep};
use crate::train::{RateRange, Training};

/// Flags of `wgrad lr-find`.
#[derive(Debug, Args)]
pub(super) struct LrFindArgs {
    /// The lowest rate to try
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 1e-5,
        allow_negative_numbers = true,
        help_heading = "Rates"
    )]
    from: f32,

    /// The highest rate to try
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 10.0,
        allow_negative_numbers = true,
        help_heading = "Rates"
    )]
    to: f32,

    /// Steps from the one to the other, for the curve of one network
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        allow_negative_numbers = true,
        help_heading = "Rates"
    )]
    steps: u32,

    /// Rates of the map, where the data can be solved and the networks are small
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        allow_negative_numbers = true,
        help_heading = "Rates"
    )]
    rates: usize,

    /// Seeds at each rate of the map
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        allow_negative_numbers = true,
        help_heading = "Rates"
    )]
    seeds: u32,

    /// Leave out the map
    #[arg(long, help_heading = "Rates")]
    no_map: bool,

    /// Where to write the curve as comma-separated values
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    csv: Option<PathBuf>,

    /// Where to write what became of each seed at each rate
    #[arg(long, value_name = "FILE", conflicts_with = "no_map", help_heading = "Output")]
    map_csv: Option<PathBuf>,

    /// Replace these files, where they exist
    #[arg(long, help_heading = "Output")]
    force: bool,

    /// One JSON object a line on standard output: start, step ..., rate ..., result
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Only the suggestion
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    /// Also what wgpu and the driver log
    #[arg(short, long, conflicts_with = "quiet", help_heading = "Output")]
    verbose: bool,

    /// Settings from a TOML file, by the names of the flags; flags win
    #[arg(long, value_name = "FILE.toml", help_heading = "Output")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

/// Networks of a map at most.
const MOST_NETWORKS: u64 = 1 << 24;

pub(super) fn run(args: &LrFindArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    if let Some(lr) = args.settings.lr {
        let reason = "is what is looked for; say where with --from and --to";
        return Err(bad_setting(format!("--lr {lr}"), reason).into());
    }
    if let Some(path) = &args.settings.save {
        let reason = "keeps a network, and none is trained to the end here; leave it out";
        return Err(bad_setting(format!("--save {}", path.display()), reason).into());
    }
    // What only a whole training has is not passed over in silence. In a file it is: that may be one's.
    let said = &args.settings;
    for (flag, is_said) in [
        ("restarts", said.restarts.is_some()),
        ("target-loss", said.target_loss.is_some()),
        ("patience", said.patience.is_some()),
        ("max-seconds", said.max_seconds.is_some()),
        ("on-divergence", said.on_divergence.is_some()),
        ("checkpoint-every", said.checkpoint_every.is_some()),
    ] {
        if is_said {
            let reason = "plays no part in a search for a rate; leave it out";
            return Err(bad_setting(format!("--{flag}"), reason).into());
        }
    }
    if let Some(least) = args.settings.min_lr {
        let reason = "is a share of one rate, and many are tried here; leave it out";
        return Err(bad_setting(format!("--min-lr {least}"), reason).into());
    }
    let from_file = match &args.config {
        Some(path) => Settings { lr: None, min_lr: None, save: None, ..Settings::from_file(path)? },
        None => Settings::default(),
    };
    let given = args.settings.clone().or(from_file);
    // One start a seed: restarts are the map's.
    let given = Settings { restarts: Some(1), checkpoint_every: None, ..given };
    let Resolved { training, settings, .. } = given.resolve()?;
    let range = RateRange { from: args.from, to: args.to, steps: args.steps };
    range.check()?;
    let networks = args.rates as u64 * u64::from(args.seeds);
    if args.seeds == 0 || networks > MOST_NETWORKS {
        let reason = format!("with --rates {} must be 1 to {MOST_NETWORKS} networks", args.rates);
        return Err(bad_setting(format!("--seeds {}", args.seeds), reason).into());
    }
    let rates = sweep::rates(args.from, args.to, args.rates)?;
    for path in [&args.csv, &args.map_csv].into_iter().flatten() {
        file::check_free(path, args.force)?;
    }
    let detail = match (args.json, args.quiet) {
        (true, _) => Detail::Json,
        (_, true) => Detail::Quiet,
        _ => Detail::Normal,
    };
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let device = settings.device.clone().unwrap_or_default();
        let wanted = Wanted {
            device: &device,
            engine: settings.engine()?,
            kernels: settings.kernels.unwrap_or(Kernels::Fused),
            require_gpu: settings.require_gpu,
        };
        let Chosen { place, .. } = device::choose(wanted, Some(&training)).await?;
        training.check_on(&place)?;
        let stopping = || stop.signal().is_some();
        let spinner = Spinner::start(detail == Detail::Json || detail == Detail::Quiet);
        spinner.tell("one network, its rate growing");
        let test = training.range_test(&place, range, &stopping).await?;
        let many = sweep::over_rates(&training, &rates, args.seeds);
        let (at, no_map) = match (args.no_map, place_of_map(&many, &place, &training)) {
            (true, _) => (None, None),
            (false, Ok(at)) => (Some(at), None),
            (false, Err(why)) => (None, Some(why)),
        };
        if let (Some(path), Some(why)) = (&args.map_csv, &no_map) {
            return Err(bad_setting(format!("--map-csv {}", path.display()), why.clone()).into());
        }
        let map = match &at {
            Some(at) if !stopping() => {
                let mut tell = |progress: sweep::SweepProgress| {
                    let share = 100.0 * progress.net_epochs as f64 / progress.of.max(1) as f64;
                    spinner.tell(&format!(
                        "{networks} networks at {} rates: {share:.0} %",
                        rates.len()
                    ));
                };
                Some(RateMap::run(&many, at, &mut tell, &stopping).await?)
            }
            _ => None,
        };
        spinner.end();
        if let Some(path) = &args.csv {
            file::write_atomic(path, report::range_csv(&test).as_bytes())?;
        }
        if let (Some(path), Some(map)) = (&args.map_csv, &map) {
            file::write_atomic(path, report::rate_map_csv(map, training.seed).as_bytes())?;
        }
        let found = RateReport {
            training: &training,
            range,
            test: &test,
            at: &place,
            map: map.as_ref().zip(at.as_ref()),
            no_map: no_map.as_deref(),
        };
        found.print(detail)?;
        match stop.signal() {
            Some(signal) => Err(Error::Stopped { signal }.into()),
            None => Ok(()),
        }
    })
}

/// Where many networks go: through the same dispatches where they fit, else to all cores. Or why there is
/// no map of them, in words.
fn place_of_map(many: &Sweep, place: &Place, training: &Training) -> Result<Place, String> {
    if let Err(error) = many.check() {
        let is_of_data =
            matches!(&error, Error::Setting { setting, .. } if setting.starts_with("--data"));
        if !is_of_data {
            return Err(format!("No map of rates against seeds: {error}."));
        }
        return Err(format!(
            "No map of rates against seeds: of {} it cannot be told when it is solved.",
            training.data.name()
        ));
    }
    match place.gpu() {
        Some(gpu) if many.unsuited(gpu).is_none() => {
            let owner = match place {
                Place::Resident(_, owner) => *owner,
                _ => None,
            };
            Ok(Place::Resident(std::sync::Arc::clone(gpu), owner))
        }
        Some(_) => {
            let sizes: Vec<String> =
                training.network.sizes().iter().map(usize::to_string).collect();
            Err(format!(
                "No map of rates against seeds: networks of {} are too large for thousands of them; --device cpu makes one.",
                sizes.join("-")
            ))
        }
        None => Ok(Place::Cpu),
    }
}
