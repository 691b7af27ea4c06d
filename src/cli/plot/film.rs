//! A film of a training: the boundary and the hidden space over its epochs.
//!
//! The steps of the start that was kept are made once more, with a checkpoint every so many epochs: the trainer has all
//! that is needed for that, and a training that is not filmed pays nothing. Of the checkpoints those are kept between
//! which the network changes.

use std::sync::Arc;

use super::draw::HiddenPlane;
use super::subject::{CELLS, Picked, Subject, result};
use crate::Error;
use crate::data::Samples;
use crate::engine::{EngineSpec, Forward, Kernels, forward};
use crate::network::{Layout, Network};
use crate::picture::{
    self, Answer, Axis, Picture, Plane, Rows, axes_around, boundary, hidden, scene, short,
};
use crate::reference::predictions;
use crate::train::{Event, Run, Stopping, Training};

/// Frames of a film at most.
const MOST_FRAMES: usize = 40;
/// Checkpoints that frames are chosen from at most, and the bytes of their parameters.
const MOST_KEPT: usize = 240;
const MOST_BYTES: usize = 64 << 20;
/// Epochs at which a checkpoint may be kept at most: more are so many epochs apart.
const MOST_LOOKS: u32 = 2000;
/// Points of a row of the coarse grid that changes are measured on, and rows of data in a film.
const COARSE_CELLS: usize = 17;
const ROWS: usize = 400;
/// Shades of what a network says.
const SHADES: usize = 24;
/// The share of the frames that goes to where nothing changes.
const STILL: f64 = 0.25;
/// How long a frame is shown, and the first and the last, in milliseconds.
const SHOWN: u16 = 110;
const FIRST_SHOWN: u16 = 700;
const LAST_SHOWN: u16 = 2500;

/// Parameters after so many epochs.
type Look = (u32, Vec<f32>);

/// Whether there can be a film of a network.
///
/// # Errors
/// [`Error::Setting`] for one that has not two inputs.
pub(in crate::cli) fn check(setting: &str, network: &Network) -> Result<(), Error> {
    match network.inputs() {
        2 => Ok(()),
        inputs => {
            let s = if inputs == 1 { "" } else { "s" };
            let reason = format!(
                "shows the plane of two inputs, and this network has {inputs} input{s}; leave it out"
            );
            Err(Error::setting(setting, reason))
        }
    }
}

/// The film of the run that was kept of a training, and its number of frames.
///
/// # Errors
/// What makes its steps, or its frames, fail.
pub(in crate::cli) async fn film(
    training: &Training,
    samples: &Samples,
    run: &Run,
    spec: &EngineSpec,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<u8>, usize), Error> {
    let looks = looks(training, run, spec, stop).await?;
    let at = match spec.gpu() {
        Some(gpu) => EngineSpec::Layered(Arc::clone(gpu), Kernels::Fused),
        None => EngineSpec::Cpu,
    };
    let frames = frames(training, samples, looks, at).await?;
    Ok((picture::film(&frames), frames.len()))
}

/// The parameters of a run before its first step and after epochs that lie close together at first, and ever further
/// apart.
async fn looks(
    training: &Training,
    run: &Run,
    spec: &EngineSpec,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Look>, Error> {
    let every = run.epochs.div_ceil(MOST_LOOKS).max(1);
    let again = Training {
        seed: run.seed,
        restarts: 1,
        checkpoint_every: Some(every),
        doctor: false,
        stopping: Stopping { max_seconds: None, ..training.stopping },
        ..training.clone()
    };
    let bytes = 4 * Layout::new(&training.network).len();
    let most = (MOST_BYTES / bytes).clamp(MOST_FRAMES, MOST_KEPT);
    // From one to the next as many times as late.
    let growth = f64::from(run.epochs.max(2)).powf(1.0 / most as f64);
    let mut looks = vec![(0, again.task(run.seed).start.parameters)];
    let (mut next, epochs) = (1.0, run.epochs);
    let is_over = std::cell::Cell::new(false);
    let mut watch = |event: Event<'_>| {
        let Event::Checkpoint(now, _) = event else { return Ok(()) };
        let epoch = now.trainer_state.epoch;
        is_over.set(epoch >= epochs);
        if looks.last().is_some_and(|(last, _)| *last > epoch) {
            // It went back after a divergence.
            looks.retain(|(last, _)| *last < epoch);
        }
        let is_new = looks.last().is_none_or(|(last, _)| *last < epoch);
        if is_new && epoch <= epochs && (f64::from(epoch) >= next || epoch == epochs) {
            looks.push((epoch, now.state.parameters.clone()));
            while next <= f64::from(epoch) {
                next *= growth;
            }
        }
        Ok(())
    };
    let ends = || is_over.get() || stop();
    again.run_from(spec, None, true, &mut watch, &ends).await?;
    Ok(looks)
}

/// Those looks between which a network says something else: the first, the last, and so many in between that each
/// shows about as much of the change.
fn chosen(looks: Vec<Look>, network: &Network, inputs: &[f32]) -> Vec<Look> {
    let said = |look: &Look| {
        let outputs = forward(network, &look.1, inputs).outputs;
        predictions(network.loss().link(), &outputs, network.outputs())
    };
    let all: Vec<Vec<f32>> = looks.iter().map(said).collect();
    let change = |pair: &[Vec<f32>]| {
        let apart = pair[0].iter().zip(&pair[1]).map(|(a, b)| f64::from((a - b).abs()));
        apart.sum::<f64>()
    };
    let changes: Vec<f64> = all.windows(2).map(change).collect();
    let still = STILL * changes.iter().sum::<f64>() / changes.len().max(1) as f64;
    let total: f64 = changes.iter().map(|change| change + still).sum();
    let (mut shown, mut done, last) = (0, 0.0, changes.len());
    let keep = |at: usize| {
        if at > 0 {
            done += changes[at - 1] + still;
        }
        let due = done / total.max(f64::MIN_POSITIVE) * (MOST_FRAMES - 1) as f64;
        let is_due = due >= shown as f64 || at == last;
        shown += usize::from(is_due);
        is_due
    };
    let kept: Vec<bool> = (0..looks.len()).map(keep).collect();
    looks.into_iter().zip(kept).filter_map(|(look, is_kept)| is_kept.then_some(look)).collect()
}

/// What is seen of one look.
struct Seen {
    epoch: u32,
    answer: Answer,
    hidden: Vec<f64>,
    subject: Subject,
    result: String,
}

async fn frames(
    training: &Training,
    samples: &Samples,
    looks: Vec<Look>,
    spec: EngineSpec,
) -> Result<Vec<(picture::Scene, u16)>, Error> {
    let network = &training.network;
    let subject_of =
        |parameters: Vec<f32>| Subject::of_training(training, samples, parameters, spec.clone());
    let first = subject_of(looks[0].1.clone());
    let (plane, Picked { inputs, rows, .. }) = first.plane(CELLS, ROWS);
    let coarse = Plane { cols: COARSE_CELLS, rows: COARSE_CELLS, ..plane.clone() };
    let looks = chosen(looks, network, &[first.grid(&coarse), inputs.clone()].concat());
    let grid = first.grid(&plane);
    let last_hidden = first.hidden_layers();
    let subjects: Vec<Subject> =
        looks.iter().map(|(_, parameters)| subject_of(parameters.clone())).collect();
    // The plane and the rows at once.
    let both = [&grid, training.data.inputs()].concat();
    let said = Subject::forward_together(&subjects, &both).await?;
    let hidden_by = match last_hidden {
        0 => vec![Vec::new(); subjects.len()],
        layers => Subject::layers_together(&subjects, layers, &inputs).await?,
    };
    let of_plane = plane.cols * plane.rows * network.outputs();
    let mut all = Vec::new();
    for (((epoch, _), subject), (said, hidden)) in
        looks.into_iter().zip(subjects).zip(said.into_iter().zip(hidden_by))
    {
        let [(z, z_of_rows), (a, a_of_rows)] =
            [&said.pre_activations, &said.outputs].map(|values| values.split_at(of_plane));
        let part =
            |z: &[f32], a: &[f32]| Forward { pre_activations: z.to_vec(), outputs: a.to_vec() };
        let (set, rows) = (&subject.sets[0], part(z_of_rows, a_of_rows));
        let result = result(set, &subject.evaluated(set, &rows));
        let answer = subject.answer(&part(z, a));
        all.push(Seen { epoch, answer, hidden, subject, result });
    }
    // One plane and one set of axes for all frames.
    let values: Vec<f64> = all.iter().flat_map(|seen| seen.hidden.iter().copied()).collect();
    let hidden_plane = (last_hidden > 0).then(|| HiddenPlane::of(&first, &values));
    let axes = hidden_plane.as_ref().map(|own| axes_around(&own.names, &own.points(&values)));
    let numbers = all.iter().flat_map(|seen| match &seen.answer {
        Answer::Number(values, _) => &values[..],
        _ => &[],
    });
    let numbers = Axis::around("", numbers.copied()).range;
    let count = all.len();
    let frame = |(at, seen): (usize, Seen)| {
        let answer = match seen.answer {
            Answer::Number(values, axis) => Answer::Number(values, Axis { range: numbers, ..axis }),
            other => other,
        };
        let mut charts = vec![boundary(&plane, &answer, &rows)];
        charts[0].in_shades(SHADES);
        if let (Some(own), Some(axes)) = (&hidden_plane, &axes) {
            let rows = Rows { points: own.points(&seen.hidden), ..rows.clone() };
            charts.push(hidden(axes.clone(), &rows, own.parting(&seen.subject)));
        }
        let title = format!("Epoch {}", seen.epoch);
        let notes = vec![seen.subject.described(), seen.result];
        let shown = match at {
            0 => FIRST_SHOWN,
            at if at + 1 == count => LAST_SHOWN,
            _ => SHOWN,
        };
        (scene(&Picture { title, notes, columns: 2, charts }), shown)
    };
    Ok(all.into_iter().enumerate().map(frame).collect())
}

/// What is said of a film.
pub(in crate::cli) fn told(path: &std::path::Path, frames: usize) -> String {
    format!("Film of {} frames in {}.\n", short(frames as f64), path.display())
}
