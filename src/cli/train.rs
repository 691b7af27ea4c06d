//! `wgrad train`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::device;
use super::keep::{self, Found, Keeper};
use super::live::{self, Live};
use super::plot::film;
use super::stop::Stop;
use super::{Failure, Telling};
use crate::Error;
use crate::cli::flags::Flags;
use crate::model::{Model, file};
use crate::report::{Detail, TrainReport, profile_trace};
use crate::settings::{Resolved, Settings, Verb};
use crate::train::{Event, Outcome, Training};

/// Flags of `wgrad train`.
#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    settings: Flags<{ Verb::Train as u8 }>,

    #[command(flatten)]
    telling: Telling,

    /// Measure the time of every kernel on the adapter; with a file, write a trace for Chrome or Perfetto
    #[arg(
        long,
        value_name = "TRACE.json",
        num_args = 0..=1,
        require_equals = true,
        hide_short_help = true,
        help_heading = "Output"
    )]
    profile: Option<Option<PathBuf>>,

    /// Draw the loss and, for two inputs, the boundary while it trains; q ends the training in order
    #[arg(long, conflicts_with_all = ["json", "quiet"], hide_short_help = true, help_heading = "Output")]
    live: bool,

    /// Film the kept start, whose steps are made once more for it: the decision boundary and the hidden space over the
    /// epochs as an animated PNG, of a network of two inputs
    #[arg(long, value_name = "FILE.png", hide_short_help = true, help_heading = "Output")]
    film: Option<PathBuf>,

    /// Replace existing files that --out, --save and --film name
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    force: bool,

    /// Print all settings, with their defaults, as a file for --config, and stop
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    print_config: bool,

    /// Keep the run in this new folder: config.toml, history.jsonl, and its last and its best checkpoint
    #[arg(long, value_name = "DIR", help_heading = "Keeping and resuming a run")]
    out: Option<PathBuf>,

    /// Keep the run in runs/NAME-001, or the next free number [default: the name of the data]
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with = "out",
        hide_short_help = true,
        help_heading = "Keeping and resuming a run"
    )]
    keep: Option<Option<String>>,

    /// Resume a run from a checkpoint, or from the last one in a folder
    #[arg(long, value_name = "DIR|FILE", help_heading = "Keeping and resuming a run")]
    resume: Option<PathBuf>,
}

impl TrainArgs {
    /// Where a trace is asked for.
    fn trace(&self) -> Option<&Path> {
        self.profile.as_ref()?.as_deref()
    }
}

pub(super) fn run(args: &TrainArgs) -> Result<(), Failure> {
    args.telling.start_log();
    let given = args.settings.with_file()?;
    let found = args.resume.as_deref().map(Found::read).transpose()?;
    let settings = match &found {
        Some(found) => found.settings(given)?,
        None => Settings::read(&given)?,
    };
    let resolved = settings.resolve()?;
    let Resolved { training, settings, samples } = &resolved;
    if let Some(found) = &found {
        found.check(training)?;
    }
    let wanted = settings.wanted()?;
    let wanted_folder = match (&args.out, &args.keep, &args.resume) {
        (Some(path), _, _) => keep::Wanted::Out(path, args.force),
        (None, Some(name), _) => {
            keep::Wanted::Next(name.as_deref().unwrap_or(training.data.name()))
        }
        (None, None, Some(path)) if path.is_dir() => keep::Wanted::Same(path),
        _ => keep::Wanted::Nothing,
    };
    if args.print_config {
        return Ok(crate::report::print(&settings.given().toml())?);
    }
    // A file may be that of a kept run, repeated without keeping it.
    let flags = Settings::read(&args.settings.given)?;
    if let (Some(every), keep::Wanted::Nothing) = (flags.checkpoint_every, wanted_folder) {
        let reason = "needs a folder to put them in; give --out DIR or --keep";
        return Err(Error::setting(format!("--checkpoint-every {every}"), reason).into());
    }
    if let (Some(out), Some(resume)) = (&args.out, &args.resume)
        && out == resume
    {
        let reason = "is the folder of the run that --resume continues; leave --out out";
        return Err(Error::setting(format!("--out {}", out.display()), reason).into());
    }
    check_requirements(settings)?;
    let save = settings.save.as_deref().map(Path::new);
    let trace = args.trace();
    check_film(args, training, save)?;
    if let (Some(save), Some(trace)) = (save, trace)
        && save == trace
    {
        let reason = "is where --save puts the network; give another file";
        return Err(Error::setting(format!("--profile={}", trace.display()), reason).into());
    }
    for path in [save, trace, args.film.as_deref()].into_iter().flatten() {
        file::check_free(path, args.force)?;
    }
    let stop = Stop::listen()?;
    pollster::block_on(async {
        let chosen = device::choose_for(&wanted, training).await?;
        training.check_on(&chosen.spec)?;
        if args.profile.is_some() {
            match chosen.spec.gpu() {
                Some(gpu) => gpu.start_profile()?,
                None => {
                    let reason = "times kernels on an adapter, and this runs on the cpu engine; leave it out";
                    return Err(Error::setting("--profile", reason).into());
                }
            }
        }
        let detail = args.telling.detail();
        let note = chosen.note.as_deref();
        let from = found.map(|found| found.resume);
        let mut keeper = Keeper::start(wanted_folder, &resolved, &chosen.spec, from.as_ref())?;
        let report = TrainReport::start(training, samples, &chosen.spec, note, detail)?;
        let picture = args.live.then(|| Live::new(training, samples, &chosen.spec, &stop));
        if picture.is_some() {
            report.expect_drawings();
        }
        let is_due = || picture.as_ref().is_some_and(Live::is_due);
        let shown = picture.as_ref().and_then(|live| live.shown(&is_due));
        // Nobody reading is a reason to stop, but not with half a network where a whole one was
        // to be saved.
        let saves = save.is_some();
        let stopping = || stop.is_asked() || report.is_closed() && !saves;
        let mut watch = |event: Event<'_>| {
            match event {
                Event::Progress(progress) => {
                    let drawing = picture.as_ref().and_then(|live| live.progress(progress));
                    report.progress(progress, drawing.as_deref());
                }
                Event::Shown(progress, forward) => {
                    let drawing = picture.as_ref().map(|live| live.seen(forward));
                    report.progress(progress, drawing.as_deref());
                }
                Event::Steps(steps) => report.steps(steps),
                Event::StartEnded(end) => report.start_ended(end),
                Event::Halved(halving) => report.halved(halving),
                Event::Reopened(epoch) => report.reopened(epoch),
                Event::Findings(findings) => report.findings(findings),
                Event::Checkpoint(..) => {}
            }
            keeper.as_mut().map_or(Ok(()), |keeper| keeper.note(event))
        };
        let keeps = !matches!(wanted_folder, keep::Wanted::Nothing);
        let outcome =
            training.run_shown(&chosen.spec, from, keeps, shown, &mut watch, &stopping).await;
        if let (Err(error @ Error::Diverged { .. }), Detail::Json) = (&outcome, detail) {
            report.diverged(error);
        }
        let outcome = outcome.map_err(|error| match &keeper {
            Some(keeper) => keeper.and_kept(error),
            None => error,
        });
        report.end_progress();
        // Also of a training that failed.
        let profile = match chosen.spec.gpu() {
            Some(gpu) if args.profile.is_some() => gpu.take_profile().await,
            _ => Ok(None),
        };
        let traced = match (&profile, trace, chosen.spec.gpu()) {
            (Ok(Some(profile)), Some(path), Some(gpu)) => {
                let trace = profile_trace(profile, &gpu.adapter().name);
                file::write_atomic(path, trace.as_bytes())
            }
            _ => Ok(()),
        };
        let outcome = match (outcome, stop.signal()) {
            // Nothing worth keeping when the stop came.
            (Err(Error::Diverged { .. }), Some(signal)) => {
                return Err(Error::Stopped { signal }.into());
            }
            (outcome, _) => outcome?,
        };
        if let Some(path) = save {
            let model = Model {
                network: training.network.clone(),
                parameters: outcome.kept.weights().to_vec(),
                schema: samples.schema.clone(),
            };
            file::write_atomic(path, &model.to_bytes()?)?;
        }
        if let Some(keeper) = &mut keeper {
            keeper.end(training, &outcome)?;
        }
        // Not before the network is safe.
        traced?;
        let filmed = match &args.film {
            Some(path) if stop.signal().is_none() => {
                let stopping = || stop.signal().is_some();
                let (bytes, frames) =
                    film::film(training, samples, &outcome.kept, &chosen.spec, &stopping).await?;
                stop.check()?;
                file::write_atomic(path, &bytes)?;
                Some(film::told(path, frames))
            }
            _ => None,
        };
        let kept = keeper.as_ref().map(Keeper::path);
        let boundary = match detail {
            Detail::Normal | Detail::Verbose => {
                live::boundary(training, samples, outcome.kept.weights(), &chosen.spec).await?
            }
            _ => None,
        };
        report.finish(&outcome, save, kept, profile?.as_ref(), boundary.as_deref())?;
        if let (Some(told), Detail::Normal | Detail::Verbose) = (filmed, detail) {
            crate::report::print(&told)?;
        }
        stop.check()?;
        Ok(check_required(settings, training, &outcome)?)
    })
}

/// Whether there can be a film.
fn check_film(args: &TrainArgs, training: &Training, save: Option<&Path>) -> Result<(), Error> {
    let Some(path) = &args.film else { return Ok(()) };
    let setting = format!("--film {}", path.display());
    if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("png")) {
        return Err(Error::setting(
            setting,
            "is written as an animated PNG; use a name that ends in .png",
        ));
    }
    if args.resume.is_some() {
        let reason = "is of a run from its start, and --resume goes on with one; leave one out";
        return Err(Error::setting(setting, reason));
    }
    if [save, args.trace()].contains(&Some(path.as_path())) {
        return Err(Error::setting(
            setting,
            "is where --save or --profile writes; give another file",
        ));
    }
    film::check(&setting, &training.network)
}

/// Whether what is required can be.
fn check_requirements(settings: &Settings) -> Result<(), Error> {
    if let Some(share) = settings.require_accuracy.filter(|share| !(0.0..=1.0).contains(share)) {
        let reason = "must be a share from 0 to 1, as in --require-accuracy 0.95";
        return Err(Error::setting(format!("--require-accuracy {share}"), reason));
    }
    match settings.require_loss {
        Some(loss) if loss.is_nan() => {
            Err(Error::setting("--require-loss NaN", "must be a number, as in --require-loss 0.1"))
        }
        _ => Ok(()),
    }
}

/// Whether a training gave what is required of it.
fn check_required(
    settings: &Settings,
    training: &Training,
    outcome: &Outcome,
) -> Result<(), Error> {
    let run = &outcome.kept;
    let (of, data, seen) = run.unseen(training);
    let short = |flag: String, reached: String| Err(Error::Required(format!("{flag}: {reached}")));
    if settings.require_solved == Some(true) && run.evaluation.solved != Some(true) {
        return short(
            "--require-solved".to_owned(),
            "the training did not solve its data".to_owned(),
        );
    }
    if let Some(least) = settings.require_accuracy {
        let flag = format!("--require-accuracy {least}");
        match seen.accuracy(data.rows()) {
            Some(accuracy) if accuracy >= least => {}
            Some(accuracy) => return short(flag, format!("it is {accuracy:.4} on the {of} rows")),
            None => {
                return short(
                    flag,
                    "the targets are numbers, which are not right or wrong".to_owned(),
                );
            }
        }
    }
    match settings.require_loss {
        Some(most) if seen.loss.is_nan() || seen.loss > most => {
            short(format!("--require-loss {most}"), format!("it is {} on the {of} rows", seen.loss))
        }
        _ => Ok(()),
    }
}
