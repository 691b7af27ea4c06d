//! `wgrad sweep`.

mod plan;
mod save;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use clap::Args;

use super::device::{self, Chosen};
use super::stop::Stop;
use super::{Failure, Telling, check_table, is_stdout, write_table};
use crate::Error;
use crate::cli::flags::Flags;
use crate::engine::EngineSpec;
use crate::gpu::AdapterEntry;
use crate::report::{self, Detail, SweepReport, SweepResult, Told};
use crate::settings::{EngineChoice, Role, SETTINGS, Settings, Verb};
use crate::sweep::{CellScore, Count, Part, Scored, Shard, Sweep, SweepOutcome, SweepProgress};
use plan::Plan;
use save::Saving;

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

    /// Save what is computed to a file, for --join; a sweep that was interrupted goes on from it
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
        return save::join(&args.join, flags.csv.as_deref().map(Path::new), args.force, detail);
    }
    let given = args.settings.with_file()?;
    let plan = Plan::new(given, args.shard.unwrap_or(Shard::WHOLE))?;
    if args.print_config {
        return Ok(report::print(&plan.settings.toml())?);
    }
    match plan.sweep.is_counted() {
        true => compute::<Count>(args, &plan, detail),
        false => compute::<CellScore>(args, &plan, detail),
    }
}

/// Computes what is left of a sweep, saves it, and tells of all of it.
fn compute<T: Kind>(args: &SweepArgs, plan: &Plan, detail: Detail) -> Result<(), Failure> {
    let (sweep, csv) = (&plan.sweep, plan.shared.csv.as_deref().map(Path::new));
    if csv.is_some() && csv == args.save.as_deref() {
        return Err(Error::setting("--csv", "names the same file as --save; give another").into());
    }
    let part = Part::<T>::new(sweep, plan.identity(), T::about(plan));
    let mut saving = Saving::open(part, args.save.as_deref(), args.force)?;
    let continued = saving.continued();
    if let Some(path) = csv {
        // The command that was interrupted has written its table, too.
        check_table(path, args.force || continued.is_some())?;
    }
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let Chosen { spec, note } = T::choose(plan).await?;
        let notes: Vec<String> = note.into_iter().chain(continued).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        if saving.part.done() < sweep.networks() {
            saving.is_computed_on(&spec.to_string());
        }
        let to_stdout = csv.is_some_and(is_stdout);
        let report = match to_stdout {
            true => SweepReport::silent(detail),
            false => SweepReport::start(sweep, &spec, note.as_deref(), detail)?,
        };
        let stopping = || stop.signal().is_some();
        let mut progress = |progress| report.progress(progress);
        let before = saving.part.tallies();
        let mut keep = |cells: &[T]| saving.keep(cells);
        let outcome = T::resume(sweep, &spec, before, &mut progress, &stopping, &mut keep).await;
        report.end_progress();
        saving.set(outcome?);
        T::end(plan, &mut saving.part, &spec)?;
        saving.write()?;
        let part = &saving.part;
        if let Some(path) = csv {
            write_table(path, &T::csv(&part.cells, &part.about))?;
        }
        if !to_stdout {
            report.finish(&SweepResult {
                cells: &part.cells,
                about: &part.about,
                seconds: part.seconds,
                incomplete: part.stopped.then(|| interrupted(args.save.is_some())),
            })?;
        }
        Ok(stop.check()?)
    })
}

/// What is told of a sweep that was interrupted.
fn interrupted(is_saved: bool) -> String {
    let mut text = "Interrupted; only the networks trained so far are counted.".to_owned();
    if is_saved {
        text.push_str(" The same command trains the others.");
    }
    text
}

/// What a sweep finds out of its cells, and how.
trait Kind: Told {
    /// What is told beside the cells, before anything is computed.
    fn about(plan: &Plan) -> Self::About;

    /// The device and the engine that the settings mean, checked.
    async fn choose(plan: &Plan) -> Result<Chosen, Failure>;

    /// Trains what is not in `cells` yet.
    async fn resume(
        sweep: &Sweep,
        spec: &EngineSpec,
        cells: Vec<Self>,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
        keep: &mut dyn FnMut(&[Self]),
    ) -> Result<SweepOutcome<Self>, Error>;

    /// What is told beside the cells at the end.
    fn end(plan: &Plan, part: &mut Part<Self>, spec: &EngineSpec) -> Result<(), Error>;
}

impl Kind for Count {
    fn about(_: &Plan) -> Option<String> {
        None
    }

    async fn choose(plan: &Plan) -> Result<Chosen, Failure> {
        let (wanted, sweep) = (plan.shared.wanted()?, &plan.sweep);
        let pays = |_: &AdapterEntry| !sweep.suits_lanes();
        let Chosen { spec, note } = device::choose(&wanted, None, &pays).await?;
        let (spec, note) = match (wanted.engine, spec) {
            (EngineChoice::Auto, EngineSpec::Layered(gpu, _)) => match sweep.unsuited(&gpu) {
                Some(sizes) if !wanted.require_gpu => {
                    let note = format!(
                        "networks of {} do not suit the resident engine on {}: this runs on the cpu engine",
                        crate::network::joined(sizes, "-"),
                        gpu.adapter().name
                    );
                    (EngineSpec::Cpu, Some(note))
                }
                _ => (EngineSpec::Resident(gpu, None), note),
            },
            (_, spec) => (spec, note),
        };
        sweep.check_on(&spec)?;
        Ok(Chosen { spec, note })
    }

    async fn resume(
        sweep: &Sweep,
        spec: &EngineSpec,
        cells: Vec<Count>,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
        keep: &mut dyn FnMut(&[Count]),
    ) -> Result<SweepOutcome, Error> {
        sweep.resume(spec, cells, report, stop, keep).await
    }

    fn end(plan: &Plan, part: &mut Part, spec: &EngineSpec) -> Result<(), Error> {
        part.about = plan.example(part, spec)?;
        Ok(())
    }
}

impl Kind for CellScore {
    fn about(plan: &Plan) -> Scored {
        plan.sweep.scored()
    }

    async fn choose(plan: &Plan) -> Result<Chosen, Failure> {
        let (wanted, sweep) = (plan.shared.wanted()?, &plan.sweep);
        let first = sweep.cells.first().map(|cell| &cell.training);
        // On the CPU every core trains a network of its own.
        let chosen = device::choose(&wanted, first, &|_| false).await?;
        for cell in &sweep.cells {
            cell.training.check_on(&chosen.spec)?;
        }
        Ok(chosen)
    }

    async fn resume(
        sweep: &Sweep,
        spec: &EngineSpec,
        cells: Vec<CellScore>,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
        keep: &mut dyn FnMut(&[CellScore]),
    ) -> Result<SweepOutcome<CellScore>, Error> {
        sweep.resume_scores(spec, cells, report, stop, keep).await
    }

    fn end(_: &Plan, _: &mut Part<CellScore>, _: &EngineSpec) -> Result<(), Error> {
        Ok(())
    }
}
