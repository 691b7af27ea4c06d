//! A training on the device and on the reference side by side, compared after every kernel.
//!
//! The device is held to two references. One goes along from the start: what f32 may be off by is carried from
//! step to step, so the bounds grow as errors can grow, and from some step on they say little. The other makes
//! each step from where the device stands: its bounds are those of a single step, however long a training is.

use std::fmt;

use super::inexact::{Inexact, exactly};
use super::networks::{batch, carried, carried_step};
use crate::Error;
use crate::engine::{Engine, EngineSpec, Mapping, Quantity, State, Task, Written};
use crate::network::{Layout, TensorKind};
use crate::reference::Reference;

/// Where the two stood after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct LockstepPoint {
    /// The step, from 1.
    pub step: u32,
    /// The loss of its batch on the device.
    pub loss: f64,
    /// That of the reference that went along from the start.
    pub reference_loss: f64,
    /// How far a loss in f32 may be from that.
    pub loss_bound: f64,
    /// The largest difference of a parameter from it ...
    pub drift: f64,
    /// ... and the largest bound of one.
    pub bound: f64,
    /// The largest error of this step alone, as a share of its bound.
    pub share: f64,
}

/// The first number that is out of its bound.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Apart {
    /// The step, from 1.
    pub step: u32,
    /// The kernel that wrote it.
    pub kernel: &'static str,
    /// What it is of: the tensor, with its layer.
    pub tensor: String,
    /// Where it is there.
    pub element: String,
    /// On the device.
    pub actual: f64,
    /// On the reference.
    pub expected: f64,
    /// How far they may be apart.
    pub bound: f64,
    /// Whether that is the bound of this step alone, from where the device stood; else it is the one that has
    /// grown from the start.
    pub of_step: bool,
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Apart { step, kernel, tensor, element, actual, expected, bound, of_step } = self;
        write!(f, "step {step}, {kernel}: {tensor}{element} is {actual:e}")?;
        write!(f, " where {expected:e} was expected, {:e} apart", (actual - expected).abs())?;
        let which = if *of_step { "this step" } else { "all steps so far" };
        write!(f, ", bound of {which} {bound:e}")
    }
}

/// What came of a training side by side.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Lockstep {
    /// One for each step that was made on both.
    pub points: Vec<LockstepPoint>,
    /// What kernels wrote and was compared, a buffer of a dispatch each.
    pub outputs: usize,
    /// Numbers that were compared, each with both references.
    pub compared: usize,
    /// The first number out of its bound.
    pub apart: Option<Apart>,
    /// The step at which a number left those that f32 holds, as the reference says it must: the training diverged.
    pub diverged: Option<u32>,
    /// The first step after which the grown bound is wider than the largest parameter: from there on it says
    /// nothing, and each step is held to its own bound alone.
    pub vague_from: Option<u32>,
}

/// Trains `steps` steps side by side, or fewer where `stop` says so or the two come apart.
///
/// # Errors
/// As [`Engine::new`], and where the device fails.
pub async fn lockstep(
    task: &Task,
    spec: &EngineSpec,
    steps: u32,
    tell: &mut dyn FnMut(u32),
    stop: &dyn Fn() -> bool,
) -> Result<Lockstep, Error> {
    let mut engine = Engine::new(task.clone(), spec).await?;
    let mut pair = Pair::new(task);
    for _ in 0..steps {
        if stop() {
            break;
        }
        tell(pair.whole.steps + 1);
        let loss = pair.step(&mut engine, spec).await?;
        if pair.is_over() {
            break;
        }
        let state = engine.states().await?.pop().unwrap_or_default();
        pair.stand(state, loss);
    }
    Ok(pair.found)
}

/// Both references, and what was found so far.
struct Pair<'a> {
    task: &'a Task,
    layout: Layout,
    /// From the start.
    whole: Reference<Inexact>,
    /// From where the device stood before this step.
    single: Reference<Inexact>,
    /// The largest share of a bound in this step.
    share: f64,
    found: Lockstep,
}

impl Pair<'_> {
    fn new(task: &Task) -> Pair<'_> {
        let layout = Layout::new(&task.network);
        let (whole, single) = (carried(task), carried(task));
        Pair { task, layout, whole, single, share: 0.0, found: Lockstep::default() }
    }

    fn is_over(&self) -> bool {
        self.found.apart.is_some() || self.found.diverged.is_some()
    }

    /// A step on the references and on the device; returns the device's loss.
    async fn step(&mut self, engine: &mut Engine, spec: &EngineSpec) -> Result<f64, Error> {
        let task = self.task;
        carried_step(task, &mut self.whole);
        carried_step(task, &mut self.single);
        self.share = 0.0;
        let mut loss = f64::NAN;
        let mut note = |written: &Written| {
            if written.what == Quantity::Loss {
                loss = written.values[0];
            }
            self.compare(written);
            !self.is_over()
        };
        if let Engine::Layered(engine) = engine {
            engine.step_alone(&mut note).await?;
            return Ok(loss);
        }
        // The whole step is one kernel.
        let kernel = match spec.mapping(task.request()) {
            Some(Mapping::Invocation) => "train_invocation",
            Some(Mapping::Workgroup) => "train_workgroup",
            None => "the cpu engine",
        };
        let losses = engine.run(1, &|| false).await?;
        let state = engine.states().await?.pop().unwrap_or_default();
        let [first, second] = task.optimizer.has_moments();
        let moments = [(first, 0), (second, 1)].into_iter().filter(|(is_kept, _)| *is_kept);
        let moments = moments.map(|(_, at)| Quantity::Moment(at, 0)).zip(state.moments);
        let all = [(Quantity::Loss, losses), (Quantity::Parameters(0), state.parameters)];
        for (what, values) in all.into_iter().chain(moments) {
            let values = values.into_iter().map(f64::from).collect();
            if !note(&Written { kernel, what, values }) {
                break;
            }
        }
        Ok(loss)
    }

    /// Notes where both stand after a step; the next one goes on from where the device does.
    fn stand(&mut self, state: State, loss: f64) {
        let of = |index: usize| (f64::from(state.parameters[index]), self.whole.parameters[index]);
        let places = || self.layout.tensors().iter().flat_map(|tensor| tensor.indices()).map(of);
        let largest = |all: &mut dyn Iterator<Item = f64>| all.fold(0.0, f64::max);
        let drift = largest(&mut places().map(|(actual, whole)| (actual - whole.value()).abs()));
        let bound = largest(&mut places().map(|(_, whole)| whole.error()));
        let size = largest(&mut places().map(|(actual, _)| actual.abs()));
        let step = self.whole.steps;
        if bound > size {
            self.found.vague_from.get_or_insert(step);
        }
        let (whole, share) = (self.whole.between.loss, self.share);
        let (reference_loss, loss_bound) = (whole.value(), whole.error());
        let point = LockstepPoint { step, loss, reference_loss, loss_bound, drift, bound, share };
        self.found.points.push(point);
        self.single.parameters = exactly(&state.parameters);
        let kept = self.single.moments.iter_mut().zip(self.task.optimizer.has_moments());
        let kept = kept.filter_map(|(moment, is_kept)| is_kept.then_some(moment));
        for (moment, there) in kept.zip(&state.moments) {
            *moment = exactly(there);
        }
    }

    /// Compares what a kernel wrote with both references, the one of this step first.
    fn compare(&mut self, written: &Written) {
        self.found.outputs += 1;
        for of_step in [true, false] {
            let reference = if of_step { &self.single } else { &self.whole };
            for piece in self.expected(reference, written) {
                let actual = &written.values[piece.at..][..piece.numbers.len()];
                for (place, (&actual, expected)) in actual.iter().zip(&piece.numbers).enumerate() {
                    let (value, bound) = (expected.value(), expected.error());
                    let difference = (actual - value).abs();
                    if difference <= bound && difference.is_finite() {
                        let share = if difference == 0.0 { 0.0 } else { difference / bound };
                        if of_step {
                            self.share = self.share.max(share);
                            self.found.compared += 1;
                        }
                        continue;
                    }
                    let step = self.whole.steps;
                    if !actual.is_finite() && bound == f64::INFINITY {
                        self.found.diverged = Some(step);
                        return;
                    }
                    self.found.apart = Some(Apart {
                        step,
                        kernel: written.kernel,
                        element: piece.element(place),
                        tensor: piece.name,
                        actual,
                        expected: value,
                        bound,
                        of_step,
                    });
                    return;
                }
            }
        }
    }

    /// What a kernel should have written, in pieces that each have a name.
    fn expected(&self, reference: &Reference<Inexact>, written: &Written) -> Vec<Piece> {
        let sizes = self.task.network.sizes();
        let step = self.whole.steps - 1;
        let (trace, between) = (&reference.trace, &reference.between);
        let list = |name: &str, numbers: Vec<Inexact>| {
            vec![Piece { name: name.to_owned(), numbers, at: 0, first: 0, cols: None }]
        };
        let rows = |name: String, cols: usize, numbers: &[Inexact]| {
            vec![Piece { name, numbers: numbers.to_vec(), at: 0, first: 0, cols: Some(cols) }]
        };
        let of_layer = |what: &str, layer: usize, all: &[Vec<Inexact>]| {
            rows(format!("{what} of layer {layer}"), sizes[layer + 1], &all[layer])
        };
        match written.what {
            Quantity::BatchRows => {
                let drawn = self.task.batches.rows_of(step);
                list("batch", drawn.map(|row| Inexact::exact(row as f64)).collect())
            }
            Quantity::Inputs => rows("inputs".to_owned(), sizes[0], &batch(self.task, step)[0]),
            Quantity::Targets => {
                let width = self.task.data.target_width();
                rows("targets".to_owned(), width, &batch(self.task, step)[1])
            }
            Quantity::PreActivations(layer) if written.kernel == "matmul" => {
                of_layer("product", layer, &between.products)
            }
            Quantity::PreActivations(layer) => {
                of_layer("pre-activations", layer, &trace.pre_activations)
            }
            Quantity::NormStatistics(layer) => {
                of_layer("means and variances", layer, &between.statistics)
            }
            Quantity::Normalized(layer) => {
                of_layer("normalized pre-activations", layer, &between.normalized)
            }
            Quantity::NormalizedGradients(layer) => {
                of_layer("gradients of normalized pre-activations", layer, &between.d_normalized)
            }
            Quantity::Activations(layer) => of_layer("activations", layer, &trace.activations),
            Quantity::Dropped(layer) => {
                of_layer("activations left by dropout", layer, &between.dropped)
            }
            Quantity::DroppedGradients(layer) => {
                of_layer("gradients of what dropout left", layer, &between.d_dropped)
            }
            Quantity::ActivationGradients(layer) => {
                of_layer("activation gradients", layer, &between.d_activations)
            }
            Quantity::PreActivationGradients(layer) => {
                of_layer("pre-activation gradients", layer, &trace.d_pre_activations)
            }
            Quantity::RowLosses => list("losses of rows", between.row_loss.clone()),
            Quantity::Loss => list("loss", vec![between.loss]),
            Quantity::Squares => list("sum of squares of gradients", vec![between.squares]),
            Quantity::ClipScale => list("factor that clips the norm", vec![between.clip_scale]),
            Quantity::Gradients(start) => {
                self.flat("gradient of ", start, written, &reference.gradients)
            }
            Quantity::Parameters(start) => self.flat("", start, written, &reference.parameters),
            Quantity::Moment(at, start) => {
                let what = ["first moment of ", "second moment of "][at];
                self.flat(what, start, written, &reference.moments[at])
            }
        }
    }

    /// The rows of the tensors that lie in what was written of a network's layout, from `start` on.
    fn flat(&self, what: &str, start: usize, written: &Written, numbers: &[Inexact]) -> Vec<Piece> {
        let end = start + written.values.len();
        let tensors = self.layout.tensors().iter().filter(|tensor| match written.kernel {
            "matmul" => tensor.kind == TensorKind::Weights,
            "bias_grad" => tensor.kind == TensorKind::Bias,
            _ => true,
        });
        let rows = tensors.flat_map(|tensor| (0..tensor.rows).map(move |row| (tensor, row)));
        let pieces = rows.filter_map(|(tensor, row)| {
            let place = tensor.index(row, 0);
            // What was written may begin or end within a row.
            let (from, to) = (place.max(start), (place + tensor.cols).min(end));
            (from < to).then(|| Piece {
                name: format!("{what}{}", tensor.name),
                numbers: numbers[from..to].to_vec(),
                at: from - start,
                first: row * tensor.cols + from - place,
                cols: Some(tensor.cols),
            })
        });
        pieces.collect()
    }
}

/// Numbers that a kernel should have written, one after the other.
struct Piece {
    /// What they are of.
    name: String,
    numbers: Vec<Inexact>,
    /// Where they begin in what it wrote.
    at: usize,
    /// Where they begin in what they are of, counted row by row.
    first: usize,
    /// The columns of that; `None` for a list.
    cols: Option<usize>,
}

impl Piece {
    /// Where one of its numbers is.
    fn element(&self, place: usize) -> String {
        let place = self.first + place;
        match self.cols {
            Some(cols) => format!("[{}][{}]", place / cols, place % cols),
            None if self.numbers.len() == 1 => String::new(),
            None => format!("[{place}]"),
        }
    }
}

#[cfg(test)]
mod tests;
