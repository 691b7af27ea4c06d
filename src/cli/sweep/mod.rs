//! `wgrad sweep`.

mod plan;
#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use web_time::Instant;

use super::choices::EngineChoice;
use super::device::{self, Chosen};
use super::settings::{Flags, Role, SETTINGS, Settings, Verb};
use super::stop::Stop;
use super::{Failure, Telling, check_table, is_stdout, write_table};
use crate::Error;
use crate::engine::EngineSpec;
use crate::model::file;
use crate::report::{self, Detail, SweepReport, SweepResult};
use crate::sweep::{self, Joined, Part, Shard, Sweep, SweepOutcome};
use plan::Plan;

const ABOUT_AXES: &str = "\
An axis is a list, as in --lr 0.1,0.5 or --activation relu,tanh; or a range with both its ends:
A..B:log:N and A..B:lin:N are N numbers, A..B all whole numbers from A to B. Every combination
of the points of all axes is a cell.";

/// Flags of `wgrad sweep`.
#[derive(Debug, Args)]
#[command(after_help = ABOUT_AXES)]
pub(super) struct SweepArgs {
    #[command(flatten)]
    settings: Flags<{ Verb::Sweep as u8 }>,

    #[command(flatten)]
    telling: Telling,

    /// Replace existing files that --csv and --save name
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    force: bool,

    /// Print all settings, with their defaults, as a file for --config, and stop
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    print_config: bool,

    /// Compute only the K-th of N parts: a share of the seeds of every cell
    #[arg(long, value_name = "K/N", help_heading = "Parts")]
    shard: Option<Shard>,

    /// Save the counts to a file, for --join; a sweep that was interrupted goes on from it
    #[arg(long, value_name = "FILE", help_heading = "Parts")]
    save: Option<PathBuf>,

    /// Join parts that --save wrote, and report the whole sweep; computes nothing
    #[arg(
        long,
        value_name = "FILES",
        num_args = 1..,
        help_heading = "Parts",
        conflicts_with_all = not_with_join()
    )]
    join: Vec<PathBuf>,
}

/// How often the counts so far are saved, in case that the process ends by force.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// Flags that have no effect where nothing is computed.
fn not_with_join() -> impl Iterator<Item = &'static str> {
    let rows = SETTINGS.iter().filter(|row| row.is_in(Verb::Sweep) && row.role != Role::Output);
    rows.map(|row| row.key).chain(["shard", "save", "config", "print_config"])
}

pub(super) fn run(args: &SweepArgs) -> Result<(), Failure> {
    args.telling.start_log();
    let detail = args.telling.detail();
    if !args.join.is_empty() {
        let flags = Settings::read(&args.settings.given)?;
        return join(&args.join, flags.csv.as_deref().map(Path::new), args.force, detail);
    }
    let given = args.settings.with_file()?;
    let plan = Plan::new(given, args.shard.unwrap_or(Shard::WHOLE))?;
    if args.print_config {
        return Ok(report::print(&plan.settings.toml())?);
    }
    if !plan.sweep.is_counted() {
        return scores(args, &plan, detail);
    }
    let (sweep, csv) = (&plan.sweep, plan.shared.csv.as_deref().map(Path::new));
    if csv.is_some() && csv == args.save.as_deref() {
        return Err(Error::setting("--csv", "names the same file as --save; give another").into());
    }
    let mut part = Part::new(sweep, &SweepOutcome::none(sweep), plan.identity(), String::new());
    let mut continued = None;
    if let Some(path) = &args.save {
        if !args.force
            && let Some(saved) = saved(path, &part)?
        {
            let (done, all) = (saved.counted(), sweep.networks());
            continued = Some(format!("{}: {done} of {all} networks are counted", path.display()));
            part = saved;
        }
        file::check_free(path, args.force || continued.is_some())?;
    }
    if let Some(path) = csv {
        // The command that was interrupted has written its table, too.
        check_table(path, args.force || continued.is_some())?;
    }
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let Chosen { spec, note } = choose(&plan.shared, sweep).await?;
        sweep.check_on(&spec)?;
        let notes: Vec<String> = note.into_iter().chain(continued).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let (before, counts) = (part.seconds, part.counts());
        if part.counted() < sweep.networks() {
            let here = described(&spec);
            part.computed_on = sweep::places([part.computed_on.as_str(), here.as_str()]);
        }
        let to_stdout = csv.is_some_and(is_stdout);
        let report = match to_stdout {
            true => SweepReport::silent(detail),
            false => SweepReport::start(sweep, &spec, note.as_deref(), detail)?,
        };
        let (stopping, started) = (|| stop.signal().is_some(), Instant::now());
        let mut saved_at = started;
        let mut keep = |counts: &[sweep::Count]| {
            let Some(path) = args.save.as_ref().filter(|_| saved_at.elapsed() >= SAVE_EVERY) else {
                return;
            };
            let seconds = before + started.elapsed().as_secs_f64();
            part.set(&SweepOutcome { counts: counts.to_vec(), seconds, stopped: true });
            // Where this fails the next one may not; the last one at the end is told.
            let _ = file::write_atomic(path, part.to_json().as_bytes());
            saved_at = Instant::now();
        };
        let mut progress = |progress| report.progress(progress);
        let outcome = sweep.resume(&spec, counts, &mut progress, &stopping, &mut keep).await;
        report.end_progress();
        let outcome = outcome?;
        part.set(&SweepOutcome { seconds: before + outcome.seconds, ..outcome });
        part.example = plan.example(&part, &spec)?;
        if let Some(path) = &args.save {
            file::write_atomic(path, part.to_json().as_bytes())?;
        }
        if let Some(path) = csv {
            write_table(path, &report::sweep_csv(&part.cells))?;
        }
        if !to_stdout {
            report.finish(&SweepResult {
                cells: &part.cells,
                seconds: part.seconds,
                incomplete: part.stopped.then(|| interrupted(args.save.as_deref())),
                example: part.example.clone(),
            })?;
        }
        Ok(stop.check()?)
    })
}

/// The part of `own`'s sweep that a file holds, if the file exists.
fn saved(path: &Path, own: &Part) -> Result<Option<Part>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let other = |reason: String| {
        let reason = format!("{reason}; use another file, or --force to replace it");
        Err(Error::setting(format!("--save {}", path.display()), reason))
    };
    let text = String::from_utf8_lossy(&file::read(path)?).into_owned();
    let saved = match Part::from_json(&text) {
        Ok(saved) => saved,
        Err(_) => return other("exists, and holds no part of a sweep".to_owned()),
    };
    let mut differences = saved.differences(own);
    if differences.is_empty() && saved.shard != own.shard {
        differences.push(format!("it is part {} there and {} here", saved.shard, own.shard));
    }
    match &differences[..] {
        [] => Ok(Some(saved)),
        _ => other(format!("exists, and holds another sweep: {}", differences.join(", "))),
    }
}

/// What is told of a sweep that was interrupted.
fn interrupted(saved: Option<&Path>) -> String {
    let mut text = "Interrupted; only the networks trained so far are counted.".to_owned();
    if saved.is_some() {
        text.push_str(" The same command trains the others.");
    }
    text
}

/// A sweep of data whose networks are scored.
fn scores(args: &SweepArgs, plan: &Plan, detail: Detail) -> Result<(), Failure> {
    let (sweep, csv) = (&plan.sweep, plan.shared.csv.as_deref().map(Path::new));
    let of_parts = [
        args.save.as_ref().map(|path| format!("--save {}", path.display())),
        args.shard.filter(|shard| *shard != Shard::WHOLE).map(|shard| format!("--shard {shard}")),
    ];
    if let Some(flag) = of_parts.into_iter().flatten().next() {
        let reason = "is for sweeps that count the networks that solve their data; leave it out";
        return Err(Error::setting(flag, reason).into());
    }
    if let Some(path) = csv {
        check_table(path, args.force)?;
    }
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let wanted = plan.shared.wanted()?;
        let first = sweep.cells.first().map(|cell| &cell.training);
        let chosen = device::choose(&wanted, first).await?;
        let is_gpu = chosen.spec.gpu().is_some_and(|gpu| !gpu.adapter().is_software());
        let Chosen { spec, note } = match wanted.engine {
            // Every core trains a network of its own there.
            EngineChoice::Auto if !is_gpu && !wanted.require_gpu => Chosen::cpu(),
            _ => chosen,
        };
        for cell in &sweep.cells {
            cell.training.check_on(&spec)?;
        }
        let to_stdout = csv.is_some_and(is_stdout);
        let report = match to_stdout {
            true => SweepReport::silent(detail),
            false => SweepReport::start(sweep, &spec, note.as_deref(), detail)?,
        };
        let stopping = || stop.signal().is_some();
        let scores = sweep.scores(&spec, &mut |done| report.progress(done), &stopping).await;
        report.end_progress();
        let scores = scores?;
        if let Some(path) = csv {
            write_table(path, &report::scores_csv(sweep, &scores))?;
        }
        if !to_stdout {
            report::scores(sweep, &scores, detail)?;
        }
        Ok(stop.check()?)
    })
}

/// Reads parts and reports the whole.
fn join(paths: &[PathBuf], csv: Option<&Path>, force: bool, detail: Detail) -> Result<(), Failure> {
    if let Some(path) = csv {
        check_table(path, force)?;
    }
    let mut parts = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let text = String::from_utf8(file::read(path)?).map_err(|_| {
            Error::bad_file(&name, "is not text; give what --save wrote".to_owned())
        })?;
        let part = Part::from_json(&text).map_err(|reason| Error::bad_file(&name, reason))?;
        parts.push((name, part));
    }
    let Joined { whole, parts, missing } =
        sweep::join(&parts).map_err(|(name, reason)| Error::bad_file(&name, reason))?;
    let incomplete = whole.stopped.then(|| format!("Incomplete: {}.", missing.join(", ")));
    if let Some(path) = csv {
        write_table(path, &report::sweep_csv(&whole.cells))?;
        if is_stdout(path) {
            if let Some(text) = incomplete {
                let _ = writeln!(std::io::stderr(), "wgrad: {text}");
            }
            return Ok(());
        }
    }
    let result = SweepResult {
        cells: &whole.cells,
        seconds: whole.seconds,
        incomplete,
        example: whole.example.clone(),
    };
    Ok(report::joined_sweep(&result, parts, &whole.computed_on, detail)?)
}

/// The device and the engine that the settings mean for a sweep.
async fn choose(settings: &Settings, sweep: &Sweep) -> Result<Chosen, Failure> {
    let wanted = settings.wanted()?;
    let chosen = device::choose(&wanted, None).await?;
    match (wanted.engine, chosen.spec) {
        (EngineChoice::Auto, EngineSpec::Layered(gpu, _)) => match sweep.unsuited(&gpu) {
            None => Ok(Chosen { spec: EngineSpec::Resident(gpu, None), note: chosen.note }),
            Some(_) if wanted.require_gpu => {
                Ok(Chosen { spec: EngineSpec::Resident(gpu, None), note: chosen.note })
            }
            Some(sizes) => {
                let note = format!(
                    "networks of {} do not suit the resident engine on {}: this runs on the cpu engine",
                    crate::network::joined(sizes, "-"),
                    gpu.adapter().name
                );
                Ok(Chosen { spec: EngineSpec::Cpu, note: Some(note) })
            }
        },
        (_, spec) => Ok(Chosen { spec, note: chosen.note }),
    }
}

fn described(spec: &EngineSpec) -> String {
    match spec.gpu() {
        Some(gpu) => format!("{} engine on {}", spec.kind(), gpu.adapter().describe()),
        None => format!("{} engine", spec.kind()),
    }
}
