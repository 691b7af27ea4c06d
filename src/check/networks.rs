//! Random networks: whole backward passes and training steps on every engine, against the reference and against
//! each other; and the reference against central differences.

use std::sync::Arc;

use super::case::Scope;
use super::compare::Bound;
use super::differences::{Differences, GradientCheck, STEP};
use super::drawn::{MOST_UNITS, described, sampled, tasks};
use super::findings::{Fault, Findings};
use super::inexact::{Inexact, apart, exactly};
use super::numbers::{ULP, wide};
use crate::Error;
use crate::engine::resident;
use crate::engine::{Engine, EngineSpec, Kernels, LayeredEngine, Mapping, Request, State, Task};
use crate::gpu::{Gpu, GpuError};
use crate::network::{Layout, Network, Norm, Real, Tensor, named};
use crate::optimizer::Optimizer;
use crate::reference::Reference;

/// Steps that engines make.
const STEPS: u32 = 3;

/// Inputs and targets of a step's batch, with the weights of its rows behind the targets where they have any.
pub fn batch<T: Real>(task: &Task, step: u32) -> [Vec<T>; 2] {
    let data = &task.data;
    let of = |value: &f32| T::of(f64::from(*value));
    let mut both = [Vec::new(), Vec::new()];
    for row in task.batches.rows_of(step) {
        both[0].extend(data.input(row).iter().map(of));
        both[1].extend(data.target(row).iter().chain(data.weights().get(row)).map(of));
    }
    both
}

/// Lets the reference make a step of a task; returns the loss before it.
pub fn reference_step<T: Real>(task: &Task, reference: &mut Reference<T>) -> T {
    let [inputs, targets] = batch(task, reference.steps);
    let rate = task.learning_rate * task.schedule.factor(reference.steps);
    reference.optimized_step(&inputs, &targets, &task.optimizer, rate.into())
}

named! {
    /// What is checked with random networks.
    pub enum Proof ("check") {
        /// Gradients of the reference against central differences.
        Reference = "reference",
        /// Gradients on the device against those of the reference.
        BackwardPass = "backward_pass",
        /// A few steps of every engine against the reference, and against those of every other.
        Engines = "engines",
        /// The same steps twice on every engine: the same bits.
        Determinism = "determinism",
    }
}

impl Proof {
    /// The networks that it goes over, each with what makes it different from the others.
    pub(super) fn cases(scope: &Scope) -> impl Iterator<Item = (String, Task)> + use<> {
        tasks(scope).into_iter().map(|task| (described(&task), task))
    }

    /// Checks one of them.
    pub(super) async fn check(
        self,
        task: &Task,
        (gpu, scope): (&Arc<Gpu>, &Scope),
        findings: &mut Findings,
    ) {
        match self {
            Proof::Reference => differences(task, scope.seed, findings),
            Proof::BackwardPass => backward_pass(task, gpu, findings).await,
            Proof::Engines => engines(task, &specs(task, gpu, scope), findings).await,
            Proof::Determinism => determinism(task, &specs(task, gpu, scope), findings).await,
        }
    }
}

/// Gradients compared with differences in each network of a check.
const DIFFERENCES: usize = 100;

fn differences(task: &Task, seed: u64, findings: &mut Findings) {
    let [inputs, targets] = batch::<f64>(task, 0);
    let parameters = wide(&task.start.parameters);
    let masks = (task.batches.seed(), 0);
    let mut differences = Differences::new(&task.network, &parameters, &inputs, &targets, masks);
    for tensor in sampled(&task.network, DIFFERENCES, seed) {
        let checks = tensor.places.iter();
        let checks: Vec<GradientCheck> =
            checks.map(|&(row, col)| differences.check(&tensor.tensor, row, col, STEP)).collect();
        let label = format!("gradient of {} against differences", tensor.tensor.name);
        close_to_differences(&label, &checks, findings);
    }
}

/// Compares gradients with differences, where there are any.
pub(super) fn close_to_differences(label: &str, checks: &[GradientCheck], findings: &mut Findings) {
    let smooth =
        checks.iter().filter_map(|check| Some((check.analytic, check.numeric?, check.bound)));
    let (mut analytic, mut numeric, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    for (one, other, bound) in smooth {
        analytic.push(one);
        numeric.push(other);
        bounds.push(bound);
    }
    if !analytic.is_empty() {
        findings.close(label, &analytic, &numeric, Bound::Each(&bounds));
    }
}

/// The reference of a task, at its start, over whatever numbers become of those that an engine starts from.
pub fn reference_of<T: Real>(task: &Task, of: fn(&[f32]) -> Vec<T>) -> Reference<T> {
    let mut reference = Reference::new(&task.network, of(&task.start.parameters));
    (reference.seed, reference.steps) = (task.batches.seed(), task.start.step);
    let kept = reference.moments.iter_mut().zip(task.optimizer.has_moments());
    let kept = kept.filter_map(|(moment, is_kept)| is_kept.then_some(moment));
    for (moment, start) in kept.zip(&task.start.moments) {
        *moment = of(start);
    }
    reference
}

/// The same, which carries what f32 may be off by.
pub fn carried(task: &Task) -> Reference<Inexact> {
    reference_of(task, exactly)
}

/// Lets the reference make a step, and returns the loss before it. Beside what [`Inexact`] carries there is one thing
/// more to be known of the updates that are divided by a root of a mean of squares: what two of them can be apart is
/// twice what either can be.
pub fn carried_step(task: &Task, reference: &mut Reference<Inexact>) -> Inexact {
    let (before, step) = (reference.parameters.clone(), reference.steps);
    let loss = reference_step(task, reference);
    let rate = task.learning_rate * task.schedule.factor(step);
    if let Some(most) = largest_update(&task.optimizer, step) {
        let most = f64::from(rate) * most;
        for (parameter, before) in reference.parameters.iter_mut().zip(before) {
            // The decay of the parameter itself, and five operations on it and on the update.
            let rounding = 5.0 * ULP * (before.value().abs() + before.error() + most);
            let error = before.error() + 2.0 * most + rounding;
            if error < parameter.error() {
                *parameter = Inexact::new(parameter.value(), error);
            }
        }
    }
    loss
}

/// The largest absolute update at a rate of 1 after `step` others, of an optimizer that divides by a root.
///
/// With `m = (1 - b1) sum b1^i g_i` and `v = (1 - b2) sum b2^i g_i^2`, `i` counting back from the last of `k = step + 1`
/// gradients, the Cauchy-Schwarz inequality gives `|m| <= (1 - b1) / sqrt(1 - b2) sqrt(sum (b1^2 / b2)^i) sqrt(v)`
/// (Kingma & Ba 2015, section 2.1, has the limits of it); the corrections of both are factors. Where an update is of
/// the last gradient alone, only `1 / sqrt(1 - b2)` is left. A thousandth is added for roundings.
fn largest_update(optimizer: &Optimizer, step: u32) -> Option<f64> {
    let row = optimizer.kind.row();
    row.second?;
    let numbers = optimizer.coefficients(1.0, step);
    let of_squares = (1.0 - numbers.decay2).sqrt().recip();
    let most = if row.first.is_some() {
        let ratio = numbers.decay1.powi(2) / numbers.decay2;
        let gradients = f64::from(step) + 1.0;
        let sum = match ratio == 1.0 {
            true => gradients,
            false => (1.0 - ratio.powf(gradients)) / (1.0 - ratio),
        };
        numbers.gain1 * of_squares * sum.sqrt() * numbers.correction1 / numbers.correction2
    } else {
        of_squares
    };
    Some(1.001 * most)
}

/// Compares what lies in a network's layout, tensor by tensor.
fn close_tensors(
    network: &Network,
    what: &str,
    actual: &[f32],
    expected: &[Inexact],
    findings: &mut Findings,
) {
    for tensor in Layout::new(network).tensors() {
        close_tensor(tensor, &format!("{what} {}", tensor.name), actual, expected, findings);
    }
}

/// Compares one tensor of what lies in a network's layout.
pub(super) fn close_tensor(
    tensor: &Tensor,
    label: &str,
    actual: &[f32],
    expected: &[Inexact],
    findings: &mut Findings,
) {
    let numbers: Vec<f32> = tensor.indices().map(|index| actual[index]).collect();
    let expected: Vec<Inexact> = tensor.indices().map(|index| expected[index]).collect();
    let (truth, bounds) = apart(&expected);
    let unbounded = bounds.iter().filter(|bound| bound.is_infinite()).count();
    if unbounded > 0 {
        findings.leave_out("numbers may leave f32, or a divisor may be 0: nothing bounds them", 1);
    }
    findings.close(label, &numbers, &truth, Bound::Each(&bounds));
}

/// What an engine gave, unless it failed: what is beyond the device's limits is left out, and that is noted.
pub(super) fn unless_failed<T>(result: Result<T, Error>, findings: &mut Findings) -> Option<T> {
    match result {
        Ok(value) => return Some(value),
        Err(Error::Gpu(error @ (GpuError::Limit { .. } | GpuError::OutOfMemory(_)))) => {
            findings.leave_out(error.to_string(), 1);
        }
        Err(Error::Gpu(error)) => findings.fail(error),
        Err(error) => findings.fail(Fault::Other(error.to_string())),
    }
    None
}

/// The loss and the gradients of a task's first step, from kernels of each kind.
pub(super) async fn gradients(
    task: &Task,
    gpu: &Arc<Gpu>,
    kernels: Kernels,
) -> Result<(Vec<f32>, Vec<f32>), Error> {
    let (task, gpu) = (task.clone(), Arc::clone(gpu));
    let mut engine = match kernels {
        Kernels::Fused => LayeredEngine::keeping_gradients(task, gpu).await?,
        Kernels::Plain => LayeredEngine::new(task, gpu, kernels).await?,
    };
    let losses = engine.run(1, &|| false).await?;
    Ok((losses, engine.gradients().await?.unwrap_or_default()))
}

async fn backward_pass(task: &Task, gpu: &Arc<Gpu>, findings: &mut Findings) {
    let mut reference = carried(task);
    let (loss, bound) = apart(&[carried_step(task, &mut reference)]);
    for &kernels in Kernels::ALL {
        let result = gradients(task, gpu, kernels).await;
        let Some((losses, gradients)) = unless_failed(result, findings) else { continue };
        let label = format!("{kernels} kernels, loss");
        findings.close(&label, &losses, &loss, Bound::Each(&bound));
        let what = format!("{kernels} kernels, gradient of");
        close_tensors(&task.network, &what, &gradients, &reference.gradients, findings);
    }
}

/// An engine, and the way in which it works, by a name.
type Spec = (&'static str, EngineSpec);

/// Every engine that takes a task, and each way in which it may work, by a name. On the resident engine, which is
/// built anew for every network, only small ones; where it is quick, with one hidden layer at most.
fn specs(task: &Task, gpu: &Arc<Gpu>, scope: &Scope) -> Vec<Spec> {
    let layered = |kernels| EngineSpec::Layered(Arc::clone(gpu), kernels);
    let mut all = vec![
        ("cpu", EngineSpec::Cpu),
        ("layered", layered(Kernels::Fused)),
        ("layered, plain", layered(Kernels::Plain)),
    ];
    let sizes = task.network.sizes();
    let most_sizes = if scope.is_quick { 3 } else { usize::MAX };
    let is_small = sizes.len() <= most_sizes && sizes.iter().all(|&units| units <= MOST_UNITS[0]);
    for (name, mapping) in [
        ("resident, an invocation", Mapping::Invocation),
        ("resident, a workgroup", Mapping::Workgroup),
    ] {
        let mapping = Some(mapping);
        let request = Request { mapping, ..task.request() };
        if is_small && resident::check_limits(request, &task.data, gpu).is_ok() {
            all.push((name, EngineSpec::Resident(Arc::clone(gpu), mapping)));
        }
    }
    all
}

/// What an engine came to: the losses of its steps, and where it stands.
async fn trained(task: &Task, spec: &EngineSpec) -> Result<(Vec<f32>, State), Error> {
    let mut engine = Engine::new(task.clone(), spec).await?;
    let losses = engine.run(STEPS, &|| false).await?;
    let state = engine.states().await?.pop().unwrap_or_default();
    Ok((losses, state))
}

/// Parameters and the moments there are, each with what it is called.
fn lists(state: &State) -> impl Iterator<Item = (String, &Vec<f32>)> {
    let moments = (1..).zip(&state.moments).map(|(at, moment)| (format!("moment {at}"), moment));
    std::iter::once(("parameters".to_owned(), &state.parameters)).chain(moments)
}

/// The steps of an engine, each from where it stood before. With a norm this is how all are held: what `z` may be off
/// by counts with up to `1 / sqrt(eps)`, 316, behind it, for each layer and step, so that a bound that is carried along says
/// nothing after two of them.
async fn steps_alone(
    task: &Task,
    (name, spec): &Spec,
    findings: &mut Findings,
) -> Result<(), Error> {
    let mut engine = Engine::new(task.clone(), spec).await?;
    let mut from_here = task.clone();
    for _ in 0..STEPS {
        let mut reference = carried(&from_here);
        let (loss, bound) = apart(&[carried_step(&from_here, &mut reference)]);
        let losses = engine.run(1, &|| false).await?;
        findings.close(&format!("{name}, losses"), &losses, &loss, Bound::Each(&bound));
        from_here.start = engine.states().await?.pop().unwrap_or_default();
        let expected = lists_of(task, &reference);
        for ((what, actual), expected) in lists(&from_here.start).zip(expected) {
            close_tensors(&task.network, &format!("{name}, {what} of"), actual, expected, findings);
        }
    }
    Ok(())
}

/// The same as [`lists`], of the reference.
fn lists_of<'a>(task: &Task, reference: &'a Reference<Inexact>) -> Vec<&'a Vec<Inexact>> {
    let kept = reference.moments.iter().zip(task.optimizer.has_moments());
    let kept = kept.filter_map(|(moment, is_kept)| is_kept.then_some(moment));
    std::iter::once(&reference.parameters).chain(kept).collect()
}

async fn engines(task: &Task, specs: &[Spec], findings: &mut Findings) {
    if task.network.norm() != Norm::None {
        for spec in specs {
            let _ = unless_failed(steps_alone(task, spec, findings).await, findings);
        }
        return;
    }
    let mut reference = carried(task);
    let losses: Vec<Inexact> = (0..STEPS).map(|_| carried_step(task, &mut reference)).collect();
    let (losses, bounds) = apart(&losses);
    let expected = lists_of(task, &reference);
    let mut all: Vec<(&str, State)> = Vec::new();
    for (name, spec) in specs {
        let result = trained(task, spec).await;
        let Some((actual, state)) = unless_failed(result, findings) else { continue };
        findings.close(&format!("{name}, losses"), &actual, &losses, Bound::Each(&bounds));
        for ((what, actual), expected) in lists(&state).zip(&expected) {
            close_tensors(&task.network, &format!("{name}, {what} of"), actual, expected, findings);
        }
        for (other, there) in &all {
            for (((what, actual), (_, there)), expected) in
                lists(&state).zip(lists(there)).zip(&expected)
            {
                // Each may be off to its own side.
                let apart = |(number, at): (&Inexact, &f32)| {
                    Inexact::new(f64::from(*at), 2.0 * number.error())
                };
                let there: Vec<Inexact> = expected.iter().zip(there).map(apart).collect();
                let what = format!("{name} against {other}, {what} of");
                close_tensors(&task.network, &what, actual, &there, findings);
            }
        }
        all.push((name, state));
    }
}

async fn determinism(task: &Task, specs: &[Spec], findings: &mut Findings) {
    for (name, spec) in specs {
        let Some(first) = unless_failed(trained(task, spec).await, findings) else { continue };
        let Some(again) = unless_failed(trained(task, spec).await, findings) else { continue };
        findings.close(&format!("{name}, losses"), &again.0, &first.0, Bound::Exact);
        for ((what, again), (_, first)) in lists(&again.1).zip(lists(&first.1)) {
            findings.close(&format!("{name}, {what}"), again, first, Bound::Exact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::AdapterClass;
    use crate::network::{Activation, TensorKind};
    use crate::optimizer::OptimizerKind;
    use crate::reference::twins::{Update, update};

    fn all() -> Vec<Task> {
        let class = AdapterClass::Software { subgroup: None, pairs: false };
        tasks(&Scope { class, is_llvmpipe: false, iterations: u32::MAX, is_quick: false, seed: 0 })
    }

    /// The gradients of a step in f32, in the reference's own order.
    fn single(task: &Task) -> Vec<f32> {
        let mut reference = Reference::<f32>::new(&task.network, task.start.parameters.clone());
        reference_step(task, &mut reference);
        reference.gradients
    }

    /// How many tensors of a task have gradients other than these.
    fn failures(task: &Task, gradients: &[f32]) -> usize {
        let mut reference = carried(task);
        reference_step(task, &mut reference);
        let mut findings = Findings::new("gradients", false);
        close_tensors(&task.network, "gradient", gradients, &reference.gradients, &mut findings);
        assert!(findings.share > 0.0 || !findings.failures.is_empty(), "nothing was rounded");
        findings.failures.len()
    }

    /// Of all gradients those for which an update is the largest: each `b1 / b2` times the one before it.
    #[test]
    fn no_update_is_larger_than_the_largest() {
        for &kind in OptimizerKind::ALL {
            let optimizer = Optimizer::new(kind);
            let is_mean = kind.row().first.is_some();
            for step in [0, 1, 5, 60] {
                let Some(most) = largest_update(&optimizer, step) else {
                    assert!(!optimizer.has_moments()[1], "{kind}");
                    continue;
                };
                let (mut m, mut v, mut taken) = (0.0, 0.0, 0.0f64);
                for at in 0..=step {
                    let back = i32::try_from(step - at).unwrap();
                    let decays = optimizer.coefficients(1.0, at);
                    let g = match is_mean {
                        true => (decays.decay1 / decays.decay2).powi(back),
                        false => f64::from(u8::from(back == 0)),
                    };
                    let numbers = Update::<f64>::new(&optimizer, 1.0, at);
                    taken = update(&numbers, g, &mut 0.0, &mut m, &mut v);
                }
                assert!(taken <= most && taken > 0.98 * most, "{kind} {step}: {taken} of {most}");
            }
        }
    }

    #[test]
    fn f32_arithmetic_is_within_the_bounds_and_wrong_gradients_are_not() {
        for task in all() {
            let label = described(&task);
            let right = single(&task);
            assert_eq!(failures(&task, &right), 0, "{label}");
            let scaled = |by: f32| right.iter().map(|g| by * g).collect::<Vec<f32>>();
            let rows = task.batches.batch() as f32;
            // What comes of a norm may be off by several times as much, for each.
            let more = if task.network.norm() == Norm::None { 1.001 } else { 1.05 };
            for (what, wrong) in [
                ("sign", scaled(-1.0)),
                ("one row more in the mean", scaled(rows / (rows + 1.0))),
                ("a little more", scaled(more)),
            ] {
                assert!(failures(&task, &wrong) > 0, "{label}: {what}");
            }
            let changed = |network: Network, parameters: Vec<f32>| {
                let start = State::new(parameters);
                single(&Task { network, start, ..task.clone() })
            };
            let network = &task.network;
            let mut activations = network.activations().to_vec();
            if activations.len() > 1 {
                activations[0] = match activations[0] {
                    Activation::Tanh => Activation::Sigmoid,
                    _ => Activation::Tanh,
                };
                let other = Network::new(network.sizes().to_vec(), activations, network.loss());
                let other = other.unwrap().with_norm(network.norm()).unwrap();
                let other = other.with_dropout(network.dropout()).unwrap();
                let wrong = changed(other, task.start.parameters.clone());
                assert!(failures(&task, &wrong) > 0, "{label}: another activation");
            }
            let mut parameters = task.start.parameters.clone();
            let layout = Layout::new(network);
            for bias in layout.tensors().iter().filter(|tensor| tensor.kind == TensorKind::Bias) {
                bias.indices().for_each(|index| parameters[index] = 0.0);
            }
            let wrong = changed(network.clone(), parameters);
            assert!(failures(&task, &wrong) > 0, "{label}: no biases");
        }
    }
}
