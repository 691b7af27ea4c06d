//! `wgrad sweep`.

mod settings;

use std::path::{Path, PathBuf};

use clap::Args;

use super::device::{self, Chosen, Wanted};
use super::settings::EngineChoice;
use super::stop::Stop;
use super::{Failure, bad_setting, quoted, start_log};
use crate::Error;
use crate::data::Source;
use crate::engine::{Kernels, Place};
use crate::model::file;
use crate::optimizer::{Optimizer, ScheduleKind};
use crate::report::{self, Detail, SweepReport, SweepResult};
use crate::sweep::{self, Part, Sweep};
use settings::SweepSettings;

/// Flags of `wgrad sweep`.
#[derive(Debug, Args)]
pub(super) struct SweepArgs {
    #[command(flatten)]
    settings: SweepSettings,

    /// Put the parts that --save wrote together and report the whole; computes nothing
    #[arg(long, value_name = "FILES", num_args = 1.., help_heading = "Parts", conflicts_with_all = [
        "lr", "activation", "init", "init_scale", "width", "loss", "networks", "epochs", "seed",
        "optimizer", "momentum", "weight_decay", "schedule", "decay", "beta1", "beta2", "eps",
        "clip_norm", "clip_value", "warmup", "lr_factor", "lr_every",
        "data", "layers", "output_activation", "batch", "order", "device", "engine", "require_gpu",
        "shard", "save", "config", "print_config",
    ])]
    join: Vec<PathBuf>,

    /// Replace what --csv and --save name, where that exists
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    force: bool,

    /// One JSON object a line on standard output: start, cell ..., result
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// No heading and no progress
    #[arg(
        short,
        long,
        conflicts_with = "verbose",
        hide_short_help = true,
        help_heading = "Output"
    )]
    quiet: bool,

    /// A line for every cell even where a map would do, and what wgpu and the driver log
    #[arg(short, long, hide_short_help = true, help_heading = "Output")]
    verbose: bool,

    /// Settings from a TOML file, by the names of the flags; flags win
    #[arg(long, value_name = "FILE.toml", hide_short_help = true, help_heading = "Output")]
    config: Option<PathBuf>,

    /// Print the settings, with every default, as such a file and stop
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    print_config: bool,
}

pub(super) fn run(args: &SweepArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    let detail = match (args.json, args.quiet, args.verbose) {
        (true, _, _) => Detail::Json,
        (_, true, _) => Detail::Quiet,
        (_, _, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    if !args.join.is_empty() {
        return join(&args.join, args.settings.csv.as_deref(), args.force, detail);
    }
    let from_file = match &args.config {
        Some(path) => SweepSettings::from_file(path)?,
        None => SweepSettings::default(),
    };
    let (sweep, settings) = args.settings.clone().or(from_file).resolve()?;
    if args.print_config {
        let text = toml::to_string(&settings)
            .map_err(|error| bad_setting("--print-config", error.to_string()))?;
        return Ok(report::print(&text)?);
    }
    if settings.csv.is_some() && settings.csv == settings.save {
        return Err(bad_setting("--csv", "names the same file as --save; give another").into());
    }
    for path in [&settings.csv, &settings.save].into_iter().flatten() {
        file::check_free(path, args.force)?;
    }
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let Chosen { place, note } = choose(&settings, &sweep).await?;
        sweep.check_on(&place)?;
        let report = SweepReport::start(&sweep, &place, note.as_deref(), detail)?;
        let stopping = || stop.signal().is_some();
        let outcome = sweep.run(&place, &mut |progress| report.progress(progress), &stopping).await;
        report.end_progress();
        let outcome = outcome?;
        let mut part = Part::new(&sweep, &outcome, settings.identity(&sweep)?, described(&place));
        part.example = example(&sweep, &part, &settings, &place);
        if let Some(path) = &settings.save {
            file::write_atomic(path, part.to_json().as_bytes())?;
        }
        if let Some(path) = &settings.csv {
            file::write_atomic(path, report::sweep_csv(&part.cells).as_bytes())?;
        }
        report.finish(&SweepResult {
            cells: &part.cells,
            seconds: part.seconds,
            stopped: part.stopped,
            example: part.example.clone(),
        })?;
        match stop.signal() {
            Some(signal) => Err(Error::Stopped { signal }.into()),
            None => Ok(()),
        }
    })
}

/// Reads parts and reports the whole.
fn join(paths: &[PathBuf], csv: Option<&Path>, force: bool, detail: Detail) -> Result<(), Failure> {
    if let Some(path) = csv {
        file::check_free(path, force)?;
    }
    let bad = |path: &str, reason: String| Error::File { path: path.to_owned(), reason, bad: true };
    let mut parts = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let text = String::from_utf8(file::read(path)?)
            .map_err(|_| bad(&name, "is not text; give what --save wrote".to_owned()))?;
        let part = Part::from_json(&text).map_err(|reason| bad(&name, reason))?;
        parts.push((name, part));
    }
    let whole = sweep::join(&parts).map_err(|(name, reason)| bad(&name, reason))?;
    if let Some(path) = csv {
        file::write_atomic(path, report::sweep_csv(&whole.cells).as_bytes())?;
    }
    let result = SweepResult {
        cells: &whole.cells,
        seconds: whole.seconds,
        stopped: false,
        example: whole.example.clone(),
    };
    Ok(report::joined_sweep(&result, parts.len(), &whole.place, detail)?)
}

/// The device and the engine that the settings mean for a sweep.
async fn choose(settings: &SweepSettings, sweep: &Sweep) -> Result<Chosen, Failure> {
    let device = settings.device.clone().unwrap_or_default();
    let engine = settings.engine.unwrap_or(EngineChoice::Auto);
    let wanted = Wanted {
        device: &device,
        engine,
        kernels: Kernels::Fused,
        require_gpu: settings.require_gpu,
    };
    let chosen = device::choose(wanted, None).await?;
    match (engine, chosen.place) {
        (EngineChoice::Auto, Place::Layered(gpu, _)) => match sweep.unsuited(&gpu) {
            None => Ok(Chosen { place: Place::Resident(gpu, None), note: chosen.note }),
            Some(_) if settings.require_gpu => {
                Ok(Chosen { place: Place::Resident(gpu, None), note: chosen.note })
            }
            Some(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
                let note = format!(
                    "networks of {} do not suit the resident engine on {}: this runs on the cpu engine",
                    sizes.join("-"),
                    gpu.adapter().name
                );
                Ok(Chosen { place: Place::Cpu, note: Some(note) })
            }
        },
        (_, place) => Ok(Chosen { place, note: chosen.note }),
    }
}

fn described(place: &Place) -> String {
    match place.gpu() {
        Some(gpu) => format!("{} engine on {}", place.kind(), gpu.adapter().describe()),
        None => format!("{} engine", place.kind()),
    }
}

/// How to train alone one of the networks that solved their data, of the cell with the most.
fn example(sweep: &Sweep, part: &Part, settings: &SweepSettings, at: &Place) -> Option<String> {
    let cells = part.cells.iter().enumerate().rev();
    let (cell, (axes, count)) = cells.max_by_key(|(_, (_, count))| count.solved)?;
    let (seed, epochs) = count.first_solved?;
    let training = &sweep.cells[cell].training;
    // A rate that goes with the epochs goes otherwise over fewer of them.
    let epochs = match training.rate_schedule().is_constant() {
        true if training.schedule.kind != ScheduleKind::Plateau => epochs.max(1),
        _ => training.epochs,
    };
    let mut text = format!("wgrad train --restarts 1 --seed {seed} --epochs {epochs}");
    let rule = &training.optimizer;
    for (name, value) in axes {
        let is_said = match name.as_str() {
            "width" => false,
            "momentum" => rule.moments() == 1,
            _ => true,
        };
        if is_said {
            text += &format!(" --{name} {value}");
        }
    }
    let default = Optimizer::new(rule.kind);
    for (flag, value, default) in [
        ("beta1", Some(rule.beta1), Some(default.beta1)),
        ("beta2", Some(rule.beta2), Some(default.beta2)),
        ("eps", Some(rule.eps), Some(default.eps)),
        ("clip-norm", rule.clip_norm, None),
        ("clip-value", rule.clip_value, None),
    ] {
        if let Some(value) = value.filter(|_| value != default) {
            text += &format!(" --{flag} {value}");
        }
    }
    if rule.weight_decay != 0.0 && rule.decay != default.decay {
        text += &format!(" --decay {}", rule.decay);
    }
    let schedule = &training.schedule;
    if schedule.warmup > 0 {
        text += &format!(" --warmup {}", schedule.warmup);
    }
    // Other cells may be of schedules that have none of these.
    let has_every = matches!(schedule.kind, ScheduleKind::Step | ScheduleKind::Plateau);
    let has_factor = has_every || schedule.kind == ScheduleKind::Exponential;
    if let Some(factor) = settings.lr_factor.filter(|_| has_factor) {
        text += &format!(" --lr-factor {factor}");
    }
    if let Some(every) = settings.lr_every.filter(|_| has_every) {
        text += &format!(" --lr-every {every}");
    }
    let layers: Vec<String> = training.network.sizes().iter().map(usize::to_string).collect();
    text += &format!(" --layers {}", layers.join(","));
    if let Some(source) = settings.data.as_ref().filter(|&source| *source != Source::Xor) {
        text += &format!(" --data {}", quoted(&source.to_string()));
    }
    if let Some(activation) = settings.output_activation {
        text += &format!(" --output-activation {activation}");
    }
    if !training.batches(seed).is_full() {
        text += &format!(" --batch {} --order {}", training.batch, training.order);
    }
    Some(text + &format!(" --engine {}", sweep.engine_of(cell, at)))
}
