//! The report of a training, from its first line to its verdict.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{OutputError, curve, json, place, print, profile, quoted, table, verdict};
use crate::Error;
use crate::data::{Dataset, Labels, Normalize, SOLVED_ROWS, Schema};
use crate::engine::{EngineKind, Owner, Place};
use crate::gpu::Profile;
use crate::network::Hyperparameter;
use crate::network::Network;
use crate::optimizer::{Optimizer, Schedule, ScheduleKind};
use crate::train::{Ended, Finding, Halving, HeldOut, Outcome, Progress, StartEnd, Training};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// JSON lines and nothing else.
    Json,
    /// The verdict.
    Quiet,
    /// What is trained where, the curve, the truth table, the verdict.
    Normal,
    /// That, and how every start ended.
    Verbose,
}

/// A training as it is told.
#[derive(Debug)]
pub struct TrainReport<'a> {
    training: &'a Training,
    place: &'a Place,
    detail: Detail,
    bar: ProgressBar,
    /// How standard output failed, once it did: the training is then asked to stop.
    failed: RefCell<Option<OutputError>>,
}

impl<'a> TrainReport<'a> {
    /// Says what is about to be trained, and where; `note` is what there is to say of the choice,
    /// `data` how columns and classes are called, and the scale that inputs were brought to.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn start(
        training: &'a Training,
        data: (&Schema, Normalize),
        place: &'a Place,
        note: Option<&str>,
        detail: Detail,
    ) -> Result<TrainReport<'a>, OutputError> {
        match detail {
            Detail::Json => print(&json::start(training, data, place, note))?,
            Detail::Quiet => {}
            Detail::Normal | Detail::Verbose => {
                print(&heading(training, data, place, note))?;
            }
        }
        let bar = match detail {
            Detail::Json | Detail::Quiet => ProgressBar::hidden(),
            // Hidden by itself where standard error is no terminal.
            Detail::Normal | Detail::Verbose => ProgressBar::with_draw_target(
                Some(training.epochs.into()),
                ProgressDrawTarget::stderr(),
            ),
        };
        let style = ProgressStyle::with_template("{bar:30} epoch {pos}/{len}  {msg}  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(TrainReport { training, place, detail, bar, failed: RefCell::default() })
    }

    /// Tells of a report boundary.
    pub fn progress(&self, progress: Progress) {
        let Progress { seed, epoch, loss, validation, .. } = progress;
        if self.detail == Detail::Json {
            return self.keep_failure(print(&json::epoch(progress)));
        }
        self.bar.set_position(epoch.into());
        let seen = validation.map(|seen| format!("  validation {}", table::loss(seen.loss)));
        let loss_text = table::loss(loss.into());
        self.bar.set_message(format!("seed {seed}  loss {loss_text}{}", seen.unwrap_or_default()));
    }

    /// Tells how a start ended, where that much is asked for.
    pub fn start_ended(&self, end: StartEnd<'_>) {
        if self.detail != Detail::Verbose {
            return;
        }
        let text = match end {
            StartEnd::Done(run) => {
                let loss = table::loss(run.evaluation.loss);
                let solved = if run.evaluation.solved == Some(true) { ", solved" } else { "" };
                format!("seed {}: loss {loss} after {} epochs{solved}\n", run.seed, run.epochs)
            }
            StartEnd::Diverged { seed, step } => format!("seed {seed}: diverged at step {step}\n"),
        };
        self.bar.suspend(|| self.keep_failure(print(&text)));
    }

    /// Tells of a divergence that is gone back from.
    pub fn halved(&self, halving: Halving) {
        let Halving { epoch, step, rate } = halving;
        let text = match self.detail {
            Detail::Json => json::halving(halving),
            Detail::Quiet => return,
            Detail::Normal | Detail::Verbose => {
                format!("Diverged at step {step}: back to epoch {epoch}, and on at rate {rate}.\n")
            }
        };
        self.bar.suspend(|| self.keep_failure(print(&text)));
    }

    /// In JSON, how a training ended that diverged.
    pub fn diverged(&self, error: &Error) {
        self.keep_failure(print(&json::diverged(error)));
    }

    /// Tells of a device that was lost and is open again.
    pub fn reopened(&self, epoch: u32) {
        let text = match self.detail {
            Detail::Json => json::reopened(epoch),
            Detail::Quiet => return,
            Detail::Normal | Detail::Verbose => {
                format!("The device was lost and is open again: on from epoch {epoch}.\n")
            }
        };
        self.bar.suspend(|| self.keep_failure(print(&text)));
    }

    /// Tells what the doctor found where a training broke.
    pub fn findings(&self, findings: &[Finding]) {
        let text = match self.detail {
            Detail::Json => json::findings(findings),
            _ => verdict::findings(findings),
        };
        self.bar.suspend(|| self.keep_failure(print(&text)));
    }

    fn keep_failure(&self, result: Result<(), OutputError>) {
        if let Err(error) = result {
            self.failed.replace(Some(error));
        }
    }

    /// Whether nobody listens any more.
    pub fn is_closed(&self) -> bool {
        self.failed.borrow().is_some()
    }

    /// Takes the progress bar away.
    pub fn end_progress(&self) {
        self.bar.finish_and_clear();
    }

    /// Tells what came of it.
    ///
    /// # Errors
    /// [`OutputError`], also where an earlier line failed.
    pub fn finish(
        &self,
        outcome: &Outcome,
        saved: Option<&Path>,
        kept: Option<&Path>,
        profile: Option<&Profile>,
    ) -> Result<(), OutputError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (training, run) = (self.training, &outcome.kept);
        if self.detail == Detail::Json {
            return print(&json::result(training, outcome, self.place, profile, kept));
        }
        let mut text = String::new();
        if self.detail != Detail::Quiet {
            let _ = writeln!(text, "\n{}", curve::draw(&run.history));
            if training.data.rows() <= SOLVED_ROWS {
                let data = &training.data;
                let targets = Some(data.targets());
                let predictions = &run.evaluation.predictions;
                text += &table::predictions(
                    data.inputs(),
                    data.input_len(),
                    targets,
                    predictions,
                    data.target_len(),
                );
                text.push('\n');
            }
        }
        text += &verdict::verdict(training, outcome);
        let HeldOut { validation, test } = &training.held_out;
        let is_large = training.data.rows() > SOLVED_ROWS || validation.is_some() || test.is_some();
        if is_large && self.detail != Detail::Quiet {
            for (of, confusion) in run.confusions() {
                text += &verdict::confusion(of, confusion);
            }
        }
        let is_software = self.place.gpu().is_some_and(|gpu| gpu.adapter().is_software());
        if let Some(timed) = profile.filter(|_| self.detail != Detail::Quiet) {
            text += &profile::text(timed, is_software);
        }
        if let Some(path) = saved {
            let _ = writeln!(text, "Saved to {}.", path.display());
        }
        if let Some(path) = kept {
            let (path, typed) = (path.display(), quoted(&path.to_string_lossy()));
            let _ = match run.ended {
                Ended::Epochs | Ended::TargetLoss | Ended::Patience => {
                    writeln!(text, "Kept in {path}.")
                }
                _ => writeln!(text, "Kept in {path}; to go on: wgrad --resume {typed}"),
            };
        }
        print(&text)
    }
}

fn heading(
    training: &Training,
    about: (&Schema, Normalize),
    at: &Place,
    note: Option<&str>,
) -> String {
    let Training { network, data, init, learning_rate, epochs, .. } = training;
    let batches = training.batches(training.seed);
    let owner = at.owner(training.request(&batches, training.restarts as usize));
    let adapter = at.gpu().map(|gpu| gpu.adapter());
    let mut text = place(at.kind(), owner, adapter);
    if let Some(note) = note {
        let _ = writeln!(text, "{note}");
    }
    let is_software = adapter.is_some_and(|adapter| adapter.is_software());
    if is_software && owner != Some(Owner::Invocation) {
        text += "(a software adapter is for checking, not for speed: --engine cpu is faster)\n";
    }
    let _ = writeln!(
        text,
        "network {}, loss {}, {} parameters",
        describe(network),
        network.loss(),
        network.parameter_count()
    );
    let batch = if batches.is_full() {
        "all in one batch".to_owned()
    } else {
        format!("batches of {}, {}", batches.batch(), training.order)
    };
    let _ = writeln!(text, "data {}: {} rows, {batch}", data.name(), data.rows());
    text += &about_data(training, about);
    let starts = match training.restarts {
        1 => format!("seed {}", training.seed),
        most if at.kind() == EngineKind::Resident => {
            format!("{most} starts at once from seed {}", training.seed)
        }
        most => format!("starts from seed {} until one solves it, at most {most}", training.seed),
    };
    let _ = writeln!(
        text,
        "{}, rate {learning_rate}{}, {epochs} epochs, weights {init}, {starts}",
        rule(&training.optimizer),
        rates(&training.schedule),
    );
    text
}

/// The optimizer in words.
fn rule(optimizer: &Optimizer) -> String {
    let Optimizer { kind, weight_decay, decay, clip_norm, clip_value, .. } = optimizer;
    let numbers = |row: &&Hyperparameter| format!("{} {}", row.name, optimizer.value(row));
    let mut text = match kind.row().hyperparameters {
        [] => "gradient descent".to_owned(),
        rows => format!("{kind} ({})", rows.iter().map(numbers).collect::<Vec<_>>().join(", ")),
    };
    if *weight_decay != 0.0 {
        let _ = write!(text, ", weight decay {weight_decay} ({decay})");
    }
    if let Some(most) = clip_norm {
        let _ = write!(text, ", norm of gradients at most {most}");
    }
    if let Some(most) = clip_value {
        let _ = write!(text, ", gradients at most {most}");
    }
    text
}

/// The schedule in words.
fn rates(schedule: &Schedule) -> String {
    let Schedule { kind, warmup, every, factor, floor } = schedule;
    let mut text = match kind {
        ScheduleKind::Constant => String::new(),
        ScheduleKind::Step => format!(" times {factor} every {every} epochs"),
        ScheduleKind::Exponential => format!(" times {factor:.4} each epoch"),
        ScheduleKind::Cosine => " down along a cosine".to_owned(),
        ScheduleKind::Plateau => format!(" times {factor} after {every} epochs on a plateau"),
    };
    if *floor > 0.0 {
        let _ = write!(text, ", at least {:.3} of it", floor);
    }
    if *warmup > 0 {
        let _ = write!(text, " after {warmup} epochs of warmup");
    }
    text
}

/// Classes, rows that are held out, and the scale of inputs, where there is something to say.
fn about_data(training: &Training, (schema, normalize): (&Schema, Normalize)) -> String {
    let mut parts = Vec::new();
    if let ([_, ..], [_, ..]) = (&schema.inputs[..], &schema.targets[..]) {
        let inputs = match schema.inputs.len() {
            many if many > MOST_NAMED => format!("{many} columns"),
            _ => schema.inputs.join(", "),
        };
        parts.push(format!("{} from {inputs}", schema.targets.join(", ")));
    }
    match training.data.labels() {
        Labels::Numbers => {}
        Labels::Classes(names) if names.len() > MOST_NAMED => {
            parts.push(format!("{} classes", names.len()));
        }
        Labels::Classes(names) => parts.push(format!("classes {}", names.join(", "))),
        Labels::Pair([no, yes]) => parts.push(format!("0 for {no}, 1 for {yes}")),
    }
    let HeldOut { validation, test } = &training.held_out;
    for (data, what) in [(validation, "validation"), (test, "testing")] {
        if let Some(data) = data {
            parts.push(format!("{} rows for {what}", data.rows()));
        }
    }
    match normalize {
        Normalize::None => {}
        Normalize::Unit => parts.push("inputs from 0 to 1".to_owned()),
        Normalize::Standard => parts.push("inputs of mean 0 and deviation 1".to_owned()),
    }
    let mut text = String::new();
    if !parts.is_empty() {
        let _ = writeln!(text, "     {}", parts.join("; "));
    }
    text + &hints(&training.data, normalize)
}

/// Different whole numbers that may well be classes.
const FEW_NUMBERS: std::ops::RangeInclusive<usize> = 3..=20;
/// Inputs beyond which gradient descent wants another scale.
const LARGE_INPUT: f32 = 20.0;

/// How many different numbers there are, where all are whole and they are few.
fn few_whole(values: &[f32]) -> Option<usize> {
    let mut seen: Vec<f32> = Vec::new();
    for value in values {
        if value.fract() != 0.0 || seen.len() > *FEW_NUMBERS.end() {
            return None;
        }
        if !seen.contains(value) {
            seen.push(*value);
        }
    }
    Some(seen.len())
}

/// What of the data may not be as it was meant.
fn hints(data: &Dataset, normalize: Normalize) -> String {
    let mut text = String::new();
    if *data.labels() == Labels::Numbers
        && data.target_len() == 1
        && let Some(count) = few_whole(data.targets())
        && FEW_NUMBERS.contains(&count)
        && data.rows() > 2 * count
    {
        let _ = writeln!(
            text,
            "(targets are {count} whole numbers: if they name classes, say --target-type classes)"
        );
    }
    let largest = data.inputs().iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    if normalize == Normalize::None && largest > LARGE_INPUT {
        let _ = writeln!(text, "(inputs reach {largest}: --normalize standard may be needed)");
    }
    text
}

/// Classes that are named one by one.
const MOST_NAMED: usize = 12;

/// `2 - 3 relu - 1 sigmoid`.
pub(super) fn describe(network: &Network) -> String {
    let layers = network.layers().map(|layer| format!(" - {} {}", layer.fan_out, layer.activation));
    format!("{}{}", network.inputs(), layers.collect::<String>())
}
