//! `wgrad explain`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::device::Wanted;
use super::own::{DRAWN_BATCH, resolved, saved};
use super::stop::Stop;
use super::{Failure, check_table, device, start_log, write_table};
use crate::Error;
use crate::cli::flags::{Flags, possible_names};
use crate::data::Order;
use crate::engine::{Engine, EngineSpec, Kernels, Task};
use crate::explain::{Demo, Demonstration, Lab, Options, explain};
use crate::optimizer::ScheduleKind;
use crate::report::{self, ExplainForm, StepReport};
use crate::settings::{Setting, Settings, Verb, default_rate};
use crate::train::Training;

/// Rate of plain gradient descent for a saved network, where none is given.
const RATE: f32 = 0.1;

/// Flags of `wgrad explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Step of the training to explain, from 1; those before it are made first
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    step: u32,

    /// Follow this row of the step's batch, from 1, by scalar arithmetic with each product written out
    #[arg(long, value_name = "I", allow_negative_numbers = true)]
    sample: Option<usize>,

    /// Explain a step of this network: a file from --save, or the folder of --out. Without it, of the one that the
    /// settings of a training below describe
    #[arg(long, value_name = "FILE|DIR")]
    model: Option<PathBuf>,

    /// Instead of a step, run a demonstration: its name, all, or list for what there is
    #[arg(
        long,
        value_name = "NAME",
        value_parser = demos(),
        conflicts_with_all = ["step", "sample", "model"]
    )]
    demo: Option<Demos>,

    /// Format of the explanation
    #[arg(
        long,
        value_parser = possible_names(ExplainForm::NAMES).try_map(|name| name.parse::<ExplainForm>()),
        default_value = "text",
        help_heading = "Output"
    )]
    format: ExplainForm,

    /// Numbers alone, without the paragraph on each stage
    #[arg(long, help_heading = "Output")]
    terse: bool,

    /// Write the explanation to this file instead of standard output
    #[arg(
        long,
        value_name = "FILE",
        default_value = "-",
        hide_default_value = true,
        help_heading = "Output"
    )]
    out: PathBuf,

    /// Replace an existing file that --out names
    #[arg(long, help_heading = "Output")]
    force: bool,

    /// Print the log of wgpu and the driver
    #[arg(short, long, hide_short_help = true, help_heading = "Output")]
    verbose: bool,

    #[command(flatten)]
    settings: Flags<{ Verb::Explain as u8 }>,
}

/// Which demonstrations are run.
#[derive(Debug, Clone)]
enum Demos {
    /// None: they are listed.
    List,
    /// These.
    Some(Vec<Demo>),
}

/// Takes the names of demonstrations, and `list` and `all`.
fn demos() -> impl TypedValueParser<Value = Demos> {
    let names = Demo::ALL.iter().map(|demo| demo.name()).chain(["all", "list"]);
    PossibleValuesParser::new(names.collect::<Vec<_>>()).map(|name| match name.as_str() {
        "list" => Demos::List,
        "all" => Demos::Some(Demo::ALL.to_vec()),
        name => Demos::Some(name.parse().into_iter().collect()),
    })
}

pub(super) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    let given = args.settings.with_file()?;
    let settings = Settings::read(&given)?;
    check_table(&args.out, args.force)?;
    let wanted = Wanted { kernels: Kernels::Plain, ..settings.wanted()? };
    match &args.demo {
        Some(Demos::List) => return write_table(&args.out, &report::demonstrations(args.format)),
        Some(Demos::Some(demos)) => {
            let decides = |(row, _): &(&Setting, _)| row.role.decides_results();
            if let Some((row, texts)) = args.settings.given.rows().find(decides) {
                let reason =
                    "plays no part in a demonstration, which has its own settings; leave it out";
                return Err(Error::setting(row.flag(texts), reason).into());
            }
            return demonstrate(args, demos, &wanted);
        }
        None => {}
    }
    let training = match &args.model {
        Some(path) => of_model(path, &settings)?,
        None => resolved(settings)?.training,
    };
    let task = task(&training, args.step)?;
    let stop = Stop::listen()?;
    let (text, disagreeing) = pollster::block_on(async {
        // The numbers of an adapter are asked for, not its speed.
        let chosen = device::choose(&wanted, None, &|_| true).await?;
        Engine::check(task.request(), &task.data, &chosen.spec)?;
        let options = Options { step: args.step, sample: args.sample };
        let stopping = || stop.signal().is_some();
        let explanation = explain(&task, chosen.spec.gpu(), options, &stopping).await;
        stop.check()?;
        let report = StepReport {
            explanation: &explanation?,
            at: &chosen.spec,
            note: chosen.note.as_deref(),
            is_terse: args.terse,
        };
        let text = report::explained(&report, args.format);
        Ok::<_, Failure>((text, report.explanation.disagreeing().join(", ")))
    })?;
    write_table(&args.out, &text)?;
    match disagreeing.is_empty() {
        true => Ok(()),
        false => Err(Error::CheckFailed(format!("out of their bounds: {disagreeing}")).into()),
    }
}

/// Runs demonstrations one after the other: on a GPU where there is one, else on the CPU, unless a software adapter is
/// asked for.
fn demonstrate(args: &ExplainArgs, demos: &[Demo], wanted: &Wanted) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    let text = pollster::block_on(async {
        let chosen = device::choose(wanted, None, &|_| false).await?;
        let stopping = || stop.signal().is_some();
        let lab = Lab::new(chosen.spec.gpu().cloned(), &stopping);
        let mut all: Vec<Demonstration> = Vec::new();
        for demo in demos {
            let ran = demo.run(&lab).await;
            stop.check()?;
            all.push(ran?);
        }
        Ok::<_, Failure>(report::demonstrated(&all, &chosen.spec, args.terse, args.format))
    })?;
    write_table(&args.out, &text)
}

/// The task of a training that has the step.
fn task(training: &Training, step: u32) -> Result<Task, Error> {
    training.check_on(&EngineSpec::Cpu)?;
    if training.schedule.kind == ScheduleKind::Plateau {
        let reason = "follows the losses of a whole training, and this makes a few steps; give the rate with --lr";
        return Err(Error::setting("--schedule plateau", reason));
    }
    let per_epoch = training.batches(training.seed).steps_per_epoch() as u32;
    let steps = training.epochs.saturating_mul(per_epoch);
    if !(1..=steps).contains(&step) {
        let reason = format!("must be 1 to {steps}, the steps of the run; more --epochs make more");
        return Err(Error::setting(format!("--step {step}"), reason));
    }
    Ok(training.task(training.seed))
}

/// A training that goes on from a saved network.
fn of_model(path: &Path, settings: &Settings) -> Result<Training, Error> {
    let (model, data) = saved(path, settings)?;
    let optimizer = settings.rule()?;
    let learning_rate = settings.lr.unwrap_or(default_rate(&optimizer, RATE));
    let plain = Training::new(model.network, Arc::new(data));
    let epochs = settings.epochs.unwrap_or(plain.epochs);
    settings.check_use()?;
    Ok(Training {
        initial: Some(Arc::new(model.parameters)),
        learning_rate,
        optimizer,
        schedule: settings.rate_schedule(epochs, learning_rate)?,
        epochs,
        batch: settings.batch.unwrap_or(if plain.data.rows() <= DRAWN_BATCH {
            0
        } else {
            DRAWN_BATCH
        }),
        order: settings.order.unwrap_or(Order::Shuffled),
        seed: settings.seed.unwrap_or(0),
        ..plain
    })
}
