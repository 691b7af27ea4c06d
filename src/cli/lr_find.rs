//! `wgrad lr-find`.

use std::path::PathBuf;

use clap::Args;

use super::device::{self, Chosen};
use super::stop::Stop;
use super::{Failure, Telling, check_table, is_stdout, write_table};
use crate::Error;
use crate::cli::flags::Flags;
use crate::data::SOLVED_ROWS;
use crate::engine::EngineSpec;
use crate::report::{self, Detail, RateReport, Spinner};
use crate::settings::{Resolved, Settings, Verb};
use crate::sweep::{self, RateMap, Sweep};
use crate::train::{RateRange, Training};

/// Flags of `wgrad lr-find`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rates")]
pub(super) struct LrFindArgs {
    /// Lowest rate to try
    #[arg(long, value_name = "RATE", default_value_t = 1e-5, allow_negative_numbers = true)]
    from: f32,

    /// Highest rate to try
    #[arg(long, value_name = "RATE", default_value_t = 10.0, allow_negative_numbers = true)]
    to: f32,

    /// Number of steps from the lowest rate to the highest, for the curve of one network
    #[arg(long, value_name = "N", default_value_t = 200, allow_negative_numbers = true)]
    steps: u32,

    /// Number of rates in the map, which is made where the data can be solved and the networks are small
    #[arg(long, value_name = "N", default_value_t = 200, allow_negative_numbers = true)]
    rates: usize,

    /// Number of seeds at each rate of the map
    #[arg(long, value_name = "N", default_value_t = 100, allow_negative_numbers = true)]
    seeds: u32,

    /// Do not make the map
    #[arg(long)]
    no_map: bool,

    /// Write the curve to this file, as comma-separated values
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    csv: Option<PathBuf>,

    /// Write the result of each seed at each rate to this file, as comma-separated values
    #[arg(long, value_name = "FILE", conflicts_with = "no_map", help_heading = "Output")]
    map_csv: Option<PathBuf>,

    /// Replace existing files that --csv and --map-csv name
    #[arg(long, help_heading = "Output")]
    force: bool,

    #[command(flatten)]
    telling: Telling,

    #[command(flatten)]
    settings: Flags<{ Verb::LrFind as u8 }>,
}

/// Networks of a map at most.
const MOST_NETWORKS: u64 = 1 << 24;

pub(super) fn run(args: &LrFindArgs) -> Result<(), Failure> {
    args.telling.start_log();
    // One start per seed: restarts are the map's.
    let settings = Settings { restarts: Some(1), ..Settings::read(&args.settings.with_file()?)? };
    let Resolved { training, settings, .. } = settings.resolve()?;
    let range = RateRange { from: args.from, to: args.to, steps: args.steps };
    range.check()?;
    let networks = args.rates as u64 * u64::from(args.seeds);
    if args.seeds == 0 || networks > MOST_NETWORKS {
        let reason = format!("with --rates {} must be 1 to {MOST_NETWORKS} networks", args.rates);
        return Err(Error::setting(format!("--seeds {}", args.seeds), reason).into());
    }
    let rates = sweep::rates(args.from, args.to, args.rates)?;
    let tables = || [&args.csv, &args.map_csv].into_iter().flatten();
    for path in tables() {
        check_table(path, args.force)?;
    }
    let detail = args.telling.detail();
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let Chosen { spec, .. } = device::choose_fast(&settings.wanted()?, &training).await?;
        training.check_on(&spec)?;
        let stopping = || stop.signal().is_some();
        let spinner = Spinner::start(detail == Detail::Json || detail == Detail::Quiet);
        spinner.show("range test: one network at a rising rate");
        let test = training.range_test(&spec, range, &stopping).await?;
        let many = sweep::over_rates(&training, &rates, args.seeds);
        let (at, no_map) = match (args.no_map, place_of_map(&many, &spec, &training)) {
            (true, _) => (None, None),
            (false, Ok(at)) => (Some(at), None),
            (false, Err(why)) => (None, Some(why)),
        };
        if let (Some(path), Some(why)) = (&args.map_csv, &no_map) {
            return Err(Error::setting(format!("--map-csv {}", path.display()), why.clone()).into());
        }
        let map = match &at {
            Some(at) if !stopping() => {
                let mut tell = |progress: sweep::SweepProgress| {
                    let share = 100.0 * progress.net_epochs as f64 / progress.of.max(1) as f64;
                    spinner.show(&format!(
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
            write_table(path, &report::range_csv(&test))?;
        }
        if let (Some(path), Some(map)) = (&args.map_csv, &map) {
            write_table(path, &report::rate_map_csv(map, training.seed))?;
        }
        let found = RateReport {
            training: &training,
            range,
            test: &test,
            at: &spec,
            map: map.as_ref().zip(at.as_ref()),
            no_map: no_map.as_deref(),
        };
        if !tables().any(|path| is_stdout(path)) {
            found.print(detail)?;
        }
        Ok(stop.check()?)
    })
}

/// Where many networks go: through the same dispatches where they fit, else to all cores. Or why there is
/// no map of them, in words.
fn place_of_map(
    many: &Sweep,
    spec: &EngineSpec,
    training: &Training,
) -> Result<EngineSpec, String> {
    let name = training.data.name();
    if !training.data.is_truth_table() && training.data.rows() <= SOLVED_ROWS {
        return Err(format!(
            "No map of rates against seeds: {name} has noise, and is not solved row by row as a truth table is."
        ));
    }
    if let Err(error) = many.check() {
        let is_of_data =
            matches!(&error, Error::Setting { setting, .. } if setting.starts_with("`data`"));
        if !is_of_data {
            let error = report::in_flags(&error.to_string());
            return Err(format!("No map of rates against seeds: {error}."));
        }
        return Err(format!(
            "No map of rates against seeds: of {} it cannot be told when it is solved.",
            name
        ));
    }
    match spec.gpu() {
        Some(gpu) if many.unsuited(gpu).is_none() => {
            let mapping = match spec {
                EngineSpec::Resident(_, mapping) => *mapping,
                _ => None,
            };
            Ok(EngineSpec::Resident(std::sync::Arc::clone(gpu), mapping))
        }
        Some(_) => Err(format!(
            "No map of rates against seeds: networks of {} are too large for thousands of them; --device cpu makes one.",
            crate::network::joined(training.network.sizes(), "-")
        )),
        None => Ok(EngineSpec::Cpu),
    }
}
