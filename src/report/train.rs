//! The report of a training, from its first line to its verdict.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::json;

use super::{
    Detail, OutputError, batches, engine_line, in_flags, json, print, profile, progress_bar,
    quoted, table, verdict, window,
};
use crate::Error;
use crate::data::{Dataset, Encoding, Labels, Normalize, SOLVED_ROWS, Samples, Scaling};
use crate::engine::{EngineKind, EngineSpec, Mapping};
use crate::gpu::Profile;
use crate::network::{Hyperparameter, Layer, Network, Norm};
use crate::optimizer::{Optimizer, Schedule, ScheduleKind};
use crate::picture::{Curves, Stroke, Window, class};
use crate::train::{
    Ended, Finding, Halving, HeldOut, Outcome, Progress, StartEnd, Training, ValidationPoint,
};

/// How often drawings are written: that costs more than making them.
const DRAWN_A_SECOND: u8 = 4;

/// The report of a training while it runs.
#[derive(Debug)]
pub struct TrainReport<'a> {
    training: &'a Training,
    /// How inputs were normalized.
    scaling: Option<Scaling>,
    /// The names of targets, if they have any.
    targets: Vec<String>,
    at: &'a EngineSpec,
    detail: Detail,
    bar: ProgressBar,
    per_epoch: u64,
    /// The first failure of standard output; the training is then asked to stop.
    failed: RefCell<Option<OutputError>>,
    /// Whether there is a drawing under the bar.
    is_drawn: Cell<bool>,
}

impl<'a> TrainReport<'a> {
    /// Prints what is about to be trained, and where; `note` explains the choice of the engine,
    /// `data` has the names of columns and classes and the scales.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn start(
        training: &'a Training,
        data: &Samples,
        at: &'a EngineSpec,
        note: Option<&str>,
        detail: Detail,
    ) -> Result<TrainReport<'a>, OutputError> {
        print(&detail.choose(
            || json::start(training, data, at, note),
            || heading(training, data, at, note),
        ))?;
        let template = "{bar:30} epoch {prefix}  {elapsed}, {eta} left  {msg}";
        let per_epoch = training.batches(training.seed).steps_per_epoch() as u64;
        let bar = progress_bar(detail, per_epoch * u64::from(training.epochs), template);
        let scaling = data.schema.scaling.clone();
        let targets = data.schema.targets.clone();
        let (failed, is_drawn) = (RefCell::default(), Cell::default());
        let report = TrainReport {
            training,
            scaling,
            targets,
            at,
            detail,
            bar,
            per_epoch,
            failed,
            is_drawn,
        };
        report.move_to(0);
        Ok(report)
    }

    /// Is to be drawn on: a bar with a drawing under it is written to the terminal less often.
    pub fn expect_drawings(&self) {
        self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWN_A_SECOND));
    }

    /// Reports a report boundary; a drawing stays under the bar until the next, with the loss that goes with it.
    pub fn progress(&self, progress: Progress, drawing: Option<&str>) {
        if self.detail == Detail::Json {
            return self.print(&json::line(&json::progress(progress)));
        }
        let Progress { seed, epoch, loss, validation, .. } = progress;
        self.move_to(self.per_epoch * u64::from(epoch));
        self.is_drawn.set(self.is_drawn.get() || drawing.is_some());
        if drawing.is_none() && self.is_drawn.get() {
            return;
        }
        let loss = table::loss(loss.into());
        let seen = validation.map(|seen| format!("  validation {}", table::loss(seen.loss)));
        let below = drawing.map(|drawing| format!("\n{drawing}")).unwrap_or_default();
        let seen = seen.unwrap_or_default();
        self.bar.set_message(format!("seed {seed}  loss {loss}{seen}{below}"));
    }

    /// Reports steps between two report boundaries: the bar moves within an epoch too.
    pub fn steps(&self, steps: u32) {
        self.move_to(steps.into());
    }

    fn move_to(&self, steps: u64) {
        self.bar.set_position(steps);
        self.bar.set_prefix(format!("{}/{}", steps / self.per_epoch, self.training.epochs));
    }

    /// Reports how a start ended, if verbose.
    pub fn start_ended(&self, end: StartEnd<'_>) {
        if self.detail != Detail::Verbose {
            return;
        }
        self.print(&match end {
            StartEnd::Done(run) => {
                let loss = table::loss(run.evaluation.loss);
                let solved = if run.evaluation.solved == Some(true) { ", solved" } else { "" };
                format!("seed {}: loss {loss} after {} epochs{solved}\n", run.seed, run.epochs)
            }
            StartEnd::Diverged { seed, step } => format!("seed {seed}: diverged at step {step}\n"),
        });
    }

    /// Reports a divergence after which the training continues at half the rate.
    pub fn halved(&self, halving: Halving) {
        let Halving { epoch, step, rate } = halving;
        self.print(&self.detail.choose(
            || json::line(&json::halving(halving)),
            || format!("Diverged at step {step}: continuing from epoch {epoch} at rate {rate}.\n"),
        ));
    }

    /// In JSON, the end of a training that diverged.
    pub fn diverged(&self, error: &Error) {
        self.print(&json::diverged(error));
    }

    /// Reports a device that was lost and opened again.
    pub fn reopened(&self, epoch: u32) {
        self.print(&self.detail.choose(
            || json::line(&json!({"event": "reopened", "epoch": epoch})),
            || format!("The device was lost and opened again; continuing from epoch {epoch}.\n"),
        ));
    }

    /// Reports what the doctor found in a training that diverged.
    pub fn findings(&self, findings: &[Finding]) {
        self.print(&match self.detail {
            Detail::Json => json::line(&json!({"event": "findings", "findings": findings})),
            _ => verdict::findings(findings),
        });
    }

    fn print(&self, text: &str) {
        if let Err(error) = self.bar.suspend(|| print(text)) {
            self.failed.replace(Some(error));
        }
    }

    /// Whether standard output has failed.
    pub fn is_closed(&self) -> bool {
        self.failed.borrow().is_some()
    }

    /// Removes the progress bar.
    pub fn end_progress(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints the results.
    ///
    /// # Errors
    /// [`OutputError`], also of an earlier line.
    pub fn finish(
        &self,
        outcome: &Outcome,
        saved: Option<&Path>,
        kept: Option<&Path>,
        profile: Option<&Profile>,
        boundary: Option<&str>,
    ) -> Result<(), OutputError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (training, run) = (self.training, &outcome.kept);
        if self.detail == Detail::Json {
            return print(&json::result(training, outcome, self.at, profile, kept));
        }
        let is_quiet = self.detail == Detail::Quiet;
        let data = &training.data;
        let mut text = String::new();
        if !is_quiet {
            let _ = writeln!(text, "\n{}", losses(&run.history, &run.validation_history, window()));
            if let Some(boundary) = boundary {
                let _ = writeln!(text, "{boundary}");
            }
            if data.rows() <= SOLVED_ROWS {
                let predictions = &run.evaluation.predictions;
                let inputs =
                    data.inputs().chunks_exact(data.input_len()).map(|row| match &self.scaling {
                        Some(scaling) => table::unscaled(scaling, row),
                        None => table::joined(row),
                    });
                let (targets, outputs) = (data.own_targets(), data.target_len());
                let table = table::predictions(inputs, Some(&targets), predictions, outputs);
                let _ = writeln!(text, "{table}");
            }
        }
        text += &verdict::verdict(training, outcome, &self.targets);
        let HeldOut { validation, test } = &training.held_out;
        if !is_quiet && (data.rows() > SOLVED_ROWS || validation.is_some() || test.is_some()) {
            for (of, confusion) in run.confusions() {
                text += &verdict::confusion(of, confusion);
            }
        }
        if let Some(profile) = profile.filter(|_| !is_quiet) {
            let is_software = self.at.gpu().is_some_and(|gpu| gpu.adapter().is_software());
            text += &profile::text(profile, is_software);
        }
        if let Some(path) = saved {
            let _ = writeln!(text, "Saved to {}.", path.display());
        }
        if let Some(path) = kept {
            let _ = write!(text, "Kept in {}", path.display());
            text += &match run.ended {
                Ended::Epochs | Ended::TargetLoss | Ended::Patience => ".\n".to_owned(),
                _ => format!("; to resume: wgrad --resume {}\n", quoted(&path.to_string_lossy())),
            };
        }
        print(&text)
    }
}

/// The losses over the epochs: solid those on the rows of training, dotted those on the rows kept for validation.
pub fn losses(trained: &[(u32, f32)], seen: &[ValidationPoint], window: Window) -> String {
    let (Some(first), Some(last)) = (trained.first(), trained.last()) else { return String::new() };
    let ends = [format!("epoch {}", first.0), last.0.to_string()];
    let wide = |&(epoch, loss): &(u32, f32)| (f64::from(epoch), f64::from(loss));
    let seen: Vec<_> = seen.iter().map(|seen| (f64::from(seen.epoch), seen.loss)).collect();
    let trained: Vec<_> = trained.iter().map(wide).collect();
    let logarithmic = trained.iter().chain(&seen).all(|point| point.1 > 0.0);
    let is_alone = seen.is_empty();
    let strokes = [(seen, true), (trained, false)].map(|(points, is_dotted)| {
        let color = class(usize::from(is_dotted));
        Stroke { points, is_dotted, color }
    });
    let curves = Curves { name: "loss", logarithmic, ends };
    let mut text = curves.draw(&strokes, window);
    if !is_alone && !text.is_empty() {
        let [dotted, solid] = strokes.each_ref().map(|stroke| {
            let sample = if stroke.is_dotted { "⠂⠐⠂" } else { "⠒⠒⠒" };
            window.paint.in_color(sample, stroke.color)
        });
        let _ = writeln!(text, "{:11}{solid} training  {dotted} validation", "");
    }
    text
}

fn heading(training: &Training, about: &Samples, at: &EngineSpec, note: Option<&str>) -> String {
    let Training { network, init, learning_rate, epochs, .. } = training;
    let request = training.batches(training.seed);
    let mapping = at.mapping(training.request(&request, training.restarts as usize));
    let mut text = engine_line(at, mapping, note);
    let is_software = at.gpu().is_some_and(|gpu| gpu.adapter().is_software());
    if is_software && mapping != Some(Mapping::Invocation) {
        text += "(a software adapter is for testing, not for speed: --engine cpu is faster)\n";
    }
    let starts = match training.restarts {
        1 => format!("seed {}", training.seed),
        most if at.kind() == EngineKind::Resident => {
            format!("{most} starts in parallel from seed {}", training.seed)
        }
        most => format!("up to {most} starts from seed {} until one solves it", training.seed),
    };
    let init = match training.initial {
        Some(_) => "given parameters to start from".to_owned(),
        None => format!("init {init}"),
    };
    let _ = writeln!(
        text,
        "network {}, loss {}, {} parameters\n{}\n{}\
         {}, learning rate {learning_rate}{}, {epochs} epochs, {init}, {starts}",
        describe(network),
        network.loss(),
        network.parameter_count(),
        batches(training),
        about_data(training, about),
        rule(&training.optimizer),
        rates(&training.schedule),
    );
    text
}

/// The optimizer with its numbers.
pub(super) fn rule(optimizer: &Optimizer) -> String {
    let Optimizer { kind, weight_decay, decay, clip_norm, clip_value, .. } = optimizer;
    let number = |row: &&Hyperparameter| format!("{} {}", row.name, optimizer.value(row));
    let numbers: Vec<String> = kind.row().hyperparameters.iter().map(number).collect();
    let mut text = match numbers.is_empty() {
        true => kind.to_string(),
        false => format!("{kind} ({})", numbers.join(", ")),
    };
    if *weight_decay != 0.0 {
        let _ = write!(text, ", weight decay {weight_decay} ({decay})");
    }
    for (name, most) in [("norm", clip_norm), ("value", clip_value)] {
        if let Some(most) = most {
            let _ = write!(text, ", gradients clipped to {name} {most}");
        }
    }
    text
}

/// The learning-rate schedule.
fn rates(schedule: &Schedule) -> String {
    let Schedule { kind, warmup, every, factor, floor } = schedule;
    let mut parts = match kind {
        ScheduleKind::Constant => Vec::new(),
        ScheduleKind::Step => vec![format!("times {factor} every {every} epochs")],
        ScheduleKind::Exponential => vec![format!("times {factor:.4} every epoch")],
        ScheduleKind::Cosine => vec!["cosine decay".to_owned()],
        ScheduleKind::Plateau => {
            vec![format!("times {factor} after {every} epochs without improvement")]
        }
    };
    if *floor > 0.0 {
        parts.push(format!("at least {floor:.3} of it"));
    }
    if *warmup > 0 {
        parts.push(format!("warmup of {warmup} epochs"));
    }
    match parts.is_empty() {
        true => String::new(),
        false => format!(" ({})", parts.join(", ")),
    }
}

/// Columns, classes, held-out rows and the scale of inputs, as far as there are any.
fn about_data(training: &Training, samples: &Samples) -> String {
    let (schema, normalize) = (&samples.schema, samples.normalize);
    let mut parts = Vec::new();
    if let ([_, ..], [_, ..]) = (&schema.inputs[..], &schema.targets[..]) {
        let inputs = match schema.inputs.len() {
            many if many > MOST_NAMED => format!("{many} columns"),
            many => (0..many).map(|at| schema.input_name(at)).collect::<Vec<_>>().join(", "),
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
    if !schema.class_weights.is_empty() && schema.class_weights.len() <= MOST_NAMED {
        let weights = schema.class_weights.iter().zip(training.data.class_names());
        let weights: Vec<String> =
            weights.map(|(&weight, class)| format!("{class} {}", table::short(weight))).collect();
        parts.push(format!("class weights {}", weights.join(", ")));
    } else if !schema.class_weights.is_empty() {
        parts.push(format!("weights of {} classes", schema.class_weights.len()));
    }
    let HeldOut { validation, test } = &training.held_out;
    for (data, what) in [(validation, "validation"), (test, "test")] {
        if let Some(data) = data {
            parts.push(format!("{} {what} rows", data.rows()));
        }
    }
    for (what, normalize) in [("inputs", normalize), ("targets", samples.normalize_targets)] {
        match normalize {
            Normalize::None => {}
            Normalize::Unit => parts.push(format!("{what} scaled to 0 to 1")),
            Normalize::Standard => {
                parts.push(format!("{what} scaled to mean 0 and standard deviation 1"));
            }
        }
    }
    let mut text = match parts.is_empty() {
        true => String::new(),
        false => format!("     {}\n", parts.join("; ")),
    };
    for (at, encoding) in schema.encodings.iter().enumerate() {
        if !matches!(encoding, Encoding::Number(_)) {
            let _ = writeln!(text, "     {}: {encoding}", schema.input_name(at));
        }
    }
    let filled = |(at, encoding): (usize, &Encoding)| match encoding {
        Encoding::Number(Some(mean)) => {
            Some(format!("{} {}", schema.input_name(at), table::short(*mean)))
        }
        _ => None,
    };
    let filled: Vec<String> = schema.encodings.iter().enumerate().filter_map(filled).collect();
    if !filled.is_empty() && filled.len() <= MOST_NAMED {
        let _ = writeln!(text, "     where numbers are missing: {}", filled.join(", "));
    }
    for note in &samples.notes {
        let _ = writeln!(text, "({})", in_flags(note));
    }
    text + &hints(&training.data, normalize)
}

/// Numbers of distinct integer targets that suggest classes.
const FEW_NUMBERS: std::ops::RangeInclusive<usize> = 2..=20;
/// Inputs beyond this should be normalized for gradient descent.
const LARGE_INPUT: f32 = 20.0;

/// The number of distinct values, if all are integers and they are few.
fn few_integers(values: &[f64]) -> Option<usize> {
    let mut seen: Vec<f64> = Vec::new();
    for value in values {
        let whole = value.round();
        // Scaling them and back left a rounding.
        let is_whole = (value - whole).abs() <= 1e-6 * whole.abs().max(1.0);
        if !is_whole || seen.len() > *FEW_NUMBERS.end() {
            return None;
        }
        if !seen.contains(&whole) {
            seen.push(whole);
        }
    }
    Some(seen.len())
}

/// Hints at mistakes in the data.
fn hints(data: &Dataset, normalize: Normalize) -> String {
    let mut text = String::new();
    if *data.labels() == Labels::Numbers
        && data.target_len() == 1
        && !data.is_classification()
        && let Some(count) = few_integers(&data.own_targets())
        && FEW_NUMBERS.contains(&count)
        && data.rows() > 2 * count
    {
        let _ = writeln!(
            text,
            "(the targets are {count} whole numbers: if they are classes, use --target-type classes)"
        );
    }
    let largest = data.inputs().iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    if normalize == Normalize::None && largest > LARGE_INPUT {
        let _ = writeln!(text, "(inputs reach {largest}: --normalize standard may be needed)");
    }
    text
}

/// The most classes or columns that are listed by name.
const MOST_NAMED: usize = 12;

/// `2 - 3 relu - 1 sigmoid`.
pub(super) fn describe(network: &Network) -> String {
    let layers = network.layers().map(|layer| format!(" - {} {}", layer.fan_out, applied(&layer)));
    format!("{}{}", network.inputs(), layers.collect::<String>())
}

/// What a layer applies to its sums.
pub(super) fn applied(layer: &Layer) -> String {
    let text = match layer.norm {
        Norm::None => layer.activation.to_string(),
        norm => format!("{norm} norm {}", layer.activation),
    };
    if layer.dropout > 0.0 { format!("{text} dropout {}", layer.dropout) } else { text }
}
