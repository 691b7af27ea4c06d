//! The cpu engine: f32, big products by matrixmultiply, tight loops for small ones. It is the
//! opponent a GPU is measured against and what runs where there is none; it shares no arithmetic
//! with the reference.

/// A match on a value whose every arm has it as a constant, so that each is compiled for it alone.
macro_rules! with_constant {
    ($value:expr, $type:ident::{$($variant:ident),+}, $name:ident => $body:expr) => {
        match $value { $( $type::$variant => { const $name: $type = $type::$variant; $body } )+ }
    };
}

/// [`with_constant!`] of an activation.
macro_rules! with_activation {
    ($value:expr, $name:ident => $body:expr) => {
        with_constant!(
            $value,
            Activation::{Relu, LeakyRelu, Tanh, Sigmoid, Identity, Elu, Gelu, Silu},
            $name => $body
        )
    };
}

pub(super) mod lanes;
mod layer;
mod math;
mod narrow;
mod norm;
mod pass;
mod product;
mod statistics;
mod update;
mod vector;

use super::{Forward, NetworkStatus, Slot, State, Task, pad_rows, unpad_rows};
use crate::Error;
use crate::data::{Batches, RowOrder};
use crate::network::{Layout, Network, Norm, row_stride};
use crate::reference::Trace;
use layer::LayerPass;
use math::loss_gradient;
use pass::Pass;
use product::{View, gemm, rows_mut, rows_of};
use statistics::Before;
use update::{Rule, optimize};

/// Rows of a forward pass that is not a step's: more go in portions.
const FORWARD_ROWS: usize = 1024;

/// A network in training on the CPU.
#[derive(Debug)]
pub struct CpuEngine {
    task: Task,
    pass: Pass,
    gradients: Vec<f32>,
    /// How they become updates, where that is the same in every step.
    rule: Option<Rule>,
    /// What the last step of a run went on from.
    before: Before,
    /// The batch, `[rows][stride]`, weights of rows behind their targets; the whole data set where every step takes it as it stands.
    input: Vec<f32>,
    target: Vec<f32>,
    order: RowOrder,
    /// Whether every prediction of the last batch was near its target.
    is_near: bool,
    /// Whether its training ends as soon as it solves its data, and whether it has.
    stops_when_solved: bool,
    is_solved: bool,
    /// Copies of where it stood, one for each [`Slot`].
    kept: [Option<State>; 2],
}

impl CpuEngine {
    /// A network at its start.
    ///
    /// # Errors
    /// As [`Task::check`].
    pub fn new(task: Task) -> Result<CpuEngine, Error> {
        task.check()?;
        let len = Layout::new(&task.network).len();
        let rows = task.batches.batch();
        let pass = Pass::new(&task.network, rows);
        let data = &task.data;
        let (inputs, targets) = (data.input_len(), data.target_width());
        let (input, target) = if task.batches.is_full() {
            (
                pad_rows(data.inputs(), inputs, row_stride(inputs)),
                pad_rows(&data.target_rows(), targets, row_stride(targets)),
            )
        } else {
            (vec![0.0; rows * row_stride(inputs)], vec![0.0; rows * row_stride(targets)])
        };
        let gradients = vec![0.0; len];
        let before = Before::new(len);
        let mut task = task;
        task.start.moments.resize(task.optimizer.moments(), vec![0.0; len]);
        let mut engine = CpuEngine {
            task,
            pass,
            gradients,
            before,
            input,
            target,
            order: RowOrder::default(),
            is_near: false,
            stops_when_solved: false,
            is_solved: false,
            kept: [None, None],
            rule: None,
        };
        engine.rule = engine.rule_of_all();
        Ok(engine)
    }

    /// Steps done since the start.
    pub fn steps_done(&self) -> u32 {
        self.task.start.step
    }

    /// The parameters, in the network's layout.
    pub fn parameters(&self) -> &[f32] {
        &self.task.start.parameters
    }

    /// The same network, whose training ends as soon as it solves its data.
    pub fn stops_when_solved(self) -> CpuEngine {
        CpuEngine { stops_when_solved: true, ..self }
    }

    /// What became of it: whether its parameters are finite, and, where it stops when solved, whether it solves its data.
    pub fn status(&self) -> NetworkStatus {
        if !self.task.start.parameters.iter().all(|parameter| parameter.is_finite()) {
            NetworkStatus::Diverged
        } else if self.is_solved {
            NetworkStatus::Solved(self.task.start.step)
        } else {
            NetworkStatus::Unsolved
        }
    }

    /// Whether it has stopped, so that no step would do anything more.
    pub fn is_decided(&self) -> bool {
        self.stops_when_solved && self.status() != NetworkStatus::Unsolved
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.task.start
    }

    /// Copies where it stands into a slot.
    pub fn keep(&mut self, slot: Slot) {
        match &mut self.kept[slot as usize] {
            Some(kept) => kept.set(&self.task.start),
            kept => *kept = Some(self.task.start.clone()),
        }
    }

    /// Goes back to where it stood when a slot was last filled, if it ever was.
    pub fn restore(&mut self, slot: Slot) {
        if let Some(kept) = &self.kept[slot as usize] {
            self.task.start.set(kept);
            self.before.forget();
            // What is no number may have reached the padding, which steps do not clear.
            self.pass = Pass::new(&self.task.network, self.pass.rows());
            self.gradients.fill(0.0);
            self.is_solved = false;
        }
    }

    /// What a slot holds.
    pub fn kept(&self, slot: Slot) -> Option<&State> {
        self.kept[slot as usize].as_ref()
    }

    /// From the next step on, another largest rate.
    pub fn set_learning_rate(&mut self, rate: f32) {
        self.task.learning_rate = rate;
        self.rule = self.rule_of_all();
    }

    /// The gradients of the last step, before any clipping, in the network's layout.
    pub fn gradients(&self) -> &[f32] {
        &self.gradients
    }

    /// Does `steps` steps, or fewer where `stop` says so; returns the loss of each. A network that stops when solved
    /// makes no step with parameters that solve the data: looked at each time an epoch begins, and at the
    /// end.
    pub fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) -> Vec<f32> {
        self.advance(steps, 1, stop).0
    }

    /// The same, with fewer losses, each of which takes a small network as long as its gradients. Of `loss_every`
    /// epochs of a full batch the loss of the last is returned, none where it is 0, and where a stop came that of
    /// the last step; of smaller batches all or none. Returns too how many epochs that is.
    pub fn advance(
        &mut self,
        steps: u32,
        loss_every: u32,
        stop: &dyn Fn() -> bool,
    ) -> (Vec<f32>, u32) {
        let is_full = self.task.batches.is_full();
        let shows_solved = is_full && !self.task.network.differs_in_training();
        let every = if is_full { loss_every } else { loss_every.min(1) };
        // Room for all at once: steps allocate nothing.
        let room = if every == 1 && !self.stops_when_solved { steps } else { 0 };
        let mut losses = Vec::with_capacity(room as usize);
        let after = |step: u32| step.checked_add(1)?.checked_next_multiple_of(every);
        let mut wanted = after(self.task.start.step);
        for i in 0..steps {
            let step = self.task.start.step;
            if self.is_solved || i > 0 && stop() {
                if i > 0 && every > 1 && !step.is_multiple_of(every) {
                    losses.push(self.loss());
                }
                break;
            }
            if !shows_solved && self.begins_solved() {
                break;
            }
            if i + 1 == steps {
                self.before.note(&self.task.start.parameters, step);
            }
            self.look();
            self.is_solved = self.stops_when_solved && shows_solved && self.is_near;
            if !self.is_solved {
                if wanted == Some(step + 1) {
                    losses.push(self.loss());
                    wanted = after(step + 1);
                }
                self.update();
            }
        }
        self.begins_solved();
        (losses, every)
    }

    /// Whether it stops here: an epoch is to begin with parameters that solve the data.
    fn begins_solved(&mut self) -> bool {
        let per_epoch = self.task.batches.steps_per_epoch() as u32;
        let begins = self.task.start.step.is_multiple_of(per_epoch);
        self.is_solved = self.is_solved || self.stops_when_solved && begins && self.solves();
        self.is_solved
    }

    /// Whether every prediction is near its target, over all rows.
    fn solves(&self) -> bool {
        let (network, data) = (&self.task.network, &self.task.data);
        let (width, loss) = (network.outputs(), (network.loss(), network.loss_parameter() as f32));
        let Forward { outputs, .. } = self.forward(data.inputs());
        let (mut d, mut total) = (vec![0.0; width], 0.0);
        rows_of(&outputs, width).zip(rows_of(data.targets(), width)).all(|(outputs, target)| {
            loss_gradient(loss, outputs, target, (&mut d, 1.0), &mut total)
        })
    }

    /// The forward pass over the step's batch, and the gradient of its loss.
    fn look(&mut self) {
        self.take_batch();
        let step = (self.task.batches.seed(), self.task.start.step);
        self.pass.forward(&self.task.start.parameters, &self.input, Some(step));
        self.is_near = self.pass.loss_gradient(&self.target, self.task.data.is_weighted());
    }

    /// The rest of the step.
    fn update(&mut self) {
        self.pass.backward(&self.task.start.parameters, &self.input, &mut self.gradients);
        let of_step;
        let rule = match &self.rule {
            Some(rule) => rule,
            None => {
                of_step = self.rule_of_step();
                &of_step
            }
        };
        let State { step, parameters, moments } = &mut self.task.start;
        self.pass.move_running(parameters);
        for layer in &self.pass.layers {
            optimize(rule, layer.block.range(), &self.gradients, parameters, moments);
            if let Some(norm) = &layer.norm {
                optimize(rule, norm.block.range(), &self.gradients, parameters, moments);
            }
        }
        *step += 1;
    }

    /// How the gradients of this step become updates.
    fn rule_of_step(&self) -> Rule {
        let Task { optimizer, learning_rate, start, .. } = &self.task;
        Rule::new(optimizer, &self.task.coefficients(*learning_rate, start.step), &self.gradients)
    }

    /// The same, if it is that of every other step too.
    fn rule_of_all(&self) -> Option<Rule> {
        let Task { optimizer, schedule, .. } = &self.task;
        let is_one =
            schedule.is_constant() && !optimizer.is_corrected() && optimizer.clip_norm.is_none();
        is_one.then(|| self.rule_of_step())
    }

    /// The loss of the last batch looked at.
    fn loss(&self) -> f32 {
        self.pass.loss(&self.target, self.task.data.is_weighted())
    }

    fn take_batch(&mut self) {
        if self.task.batches.is_full() {
            return;
        }
        let rows = self.task.batches.len_of(self.task.start.step);
        if rows != self.pass.rows() {
            self.pass.resize(rows);
            self.input.resize(rows * row_stride(self.task.data.input_len()), 0.0);
            self.target.resize(rows * row_stride(self.task.data.target_width()), 0.0);
        }
        let data = &self.task.data;
        let taken = self.order.rows_of(self.task.batches, self.task.start.step, 0..rows);
        let input_rows = rows_mut(&mut self.input, row_stride(data.input_len()));
        let target_rows = rows_mut(&mut self.target, row_stride(data.target_width()));
        for ((row, input), target) in taken.zip(input_rows).zip(target_rows) {
            input[..data.input_len()].copy_from_slice(data.input(row));
            target[..data.target_len()].copy_from_slice(data.target(row));
            if let Some(&weight) = data.weights().get(row) {
                target[data.target_len()] = weight;
            }
        }
    }

    /// A forward pass over other rows with the parameters as they are now.
    pub fn forward(&self, inputs: &[f32]) -> Forward {
        forward_rows(&self.task.network, &self.task.start.parameters, inputs)
    }

    /// The products of a step by the library, and nothing else: what a step cannot do without. What the
    /// last step computed is overwritten.
    pub fn products_alone(&mut self) {
        let parameters = &self.task.start.parameters;
        self.pass.products_alone(parameters, &self.input, &mut self.gradients);
    }

    /// What the last step computed on its way.
    pub fn trace(&self) -> Trace<f32> {
        let lists = |of: fn(&LayerPass) -> &Vec<f32>| {
            let layers = self.pass.layers.iter();
            layers.map(|l| unpad_rows(of(l), l.layer.fan_out, l.block.stride)).collect()
        };
        Trace {
            pre_activations: lists(|layer| &layer.z),
            activations: lists(|layer| &layer.a),
            d_pre_activations: lists(|layer| &layer.d_z),
        }
    }
}

/// A product by the library that steps use, for benches: `output = left . right`, `[m][n]`, with `left` as
/// `[m][k]` or transposed, `right` as `[k][n]` or transposed; all with strides that are multiples of 4.
///
/// # Panics
/// Where a slice is shorter than its shape.
pub fn product(
    left_is_transposed: bool,
    right_is_transposed: bool,
    [m, k, n]: [usize; 3],
    [left, right]: [&[f32]; 2],
    output: &mut [f32],
) {
    let view = |data, rows, cols, is_transposed| match is_transposed {
        true => View { data, rows, cols, steps: (1, row_stride(rows)) },
        false => View::rows(data, rows, cols, row_stride(cols)),
    };
    let (left, right) =
        (view(left, m, k, left_is_transposed), view(right, k, n, right_is_transposed));
    gemm(left, right, output, row_stride(n));
}

/// The outputs of any rows, a portion at a time.
pub(super) fn forward_rows(network: &Network, parameters: &[f32], inputs: &[f32]) -> Forward {
    let outputs = network.outputs();
    let mut result = Forward::default();
    for rows in inputs.chunks(FORWARD_ROWS * network.inputs()) {
        let pass = forward_pass(network, parameters, rows);
        let Some(last) = pass.layers.last() else { continue };
        result.pre_activations.extend(unpad_rows(&last.z, outputs, row_stride(outputs)));
        result.outputs.extend(unpad_rows(&last.a, outputs, row_stride(outputs)));
    }
    result
}

/// What a network of `parameters` computes of `inputs`, layer by layer.
fn forward_pass(network: &Network, parameters: &[f32], inputs: &[f32]) -> Pass {
    let mut pass = Pass::new(network, inputs.len() / network.inputs());
    let padded = pad_rows(inputs, network.inputs(), row_stride(network.inputs()));
    pass.forward(parameters, &padded, None);
    pass
}

/// Every layer's activations, `[rows][units]`.
pub(super) fn activations(network: &Network, parameters: &[f32], inputs: &[f32]) -> Vec<Vec<f32>> {
    let pass = forward_pass(network, parameters, inputs);
    pass.layers.iter().map(|l| unpad_rows(&l.a, l.layer.fan_out, l.block.stride)).collect()
}

/// Copies of the parameters that exist at once at the most: an engine's own, their gradients and
/// those before a run's last step, the best start's, and four while they are written to a file.
const PARAMETER_COPIES: usize = 8;

/// Whether the host can hold a network in training, to the saving of it: its parameters as often
/// as they are copied, and every layer's matrices of a batch.
pub(super) fn check_memory(
    network: &Network,
    batches: &Batches,
    moments: usize,
) -> Result<(), Error> {
    let units: usize = network.sizes().iter().map(|&units| row_stride(units)).sum();
    let rows = batches.batch().max(FORWARD_ROWS.min(batches.rows()));
    let parameters = (PARAMETER_COPIES + 3 * moments) * Layout::new(network).len();
    let has_norm = network.norm() != Norm::None;
    let matrices = 3 + usize::from(has_norm) + if network.dropout() > 0.0 { 2 } else { 0 };
    let states = matrices.saturating_mul(rows.saturating_mul(units));
    let bytes = parameters.saturating_add(states).saturating_mul(size_of::<f32>());
    // Given back at once: it only has to be there.
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| Error::Memory { bytes })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{Dataset, Order};
    use crate::network::{Activation, Initializer, Loss};

    /// Rows of as many classes as a network has outputs, which weigh differently.
    fn task(sizes: &[usize], rows: usize, batch: usize) -> Task {
        let (hidden, output, loss) = (Activation::Relu, Activation::Tanh, Loss::MseMean);
        let network = Network::uniform(sizes.to_vec(), hidden, output, loss).unwrap();
        let (inputs, classes) = (network.inputs(), network.outputs());
        let input = |at: usize| (at * 37 % 23) as f32 / 11.5 - 1.0;
        let target = |at: usize| f32::from(at / classes % classes == at % classes);
        let list = (0..rows * inputs).map(input).collect();
        let targets = (0..rows * classes).map(target).collect();
        let data = Dataset::new("rows", list, inputs, targets, classes).unwrap();
        let weights: Vec<f64> = (0..classes).map(|class| 1.0 + class as f64).collect();
        let data = if classes > 1 { data.with_class_weights(&weights) } else { data };
        let batches = Batches::new(rows, batch, Order::Sequential, 0);
        let mut task = Task::new(network, Arc::new(data), batches);
        task.start = State::new(Initializer::HeNormal.parameters(&task.network, 0, 1.0));
        task.learning_rate = 0.01;
        task
    }

    /// Padding too may be no number after a divergence.
    #[test]
    fn nothing_of_a_divergence_is_left_after_going_back() {
        for (sizes, rows, batch) in
            [(vec![2, 3, 3], 7, 0), (vec![2, 6, 3], 10, 4), (vec![2, 50, 1], 300, 256)]
        {
            let engine = || CpuEngine::new(task(&sizes, rows, batch)).unwrap();
            let (mut once, mut twice) = (engine(), engine());
            twice.keep(Slot::Good);
            // No number times a gradient of 0.
            twice.set_learning_rate(f32::INFINITY);
            twice.run(9, &|| false);
            assert_eq!(twice.status(), NetworkStatus::Diverged, "{sizes:?}");
            twice.restore(Slot::Good);
            twice.set_learning_rate(0.01);
            for engine in [&mut once, &mut twice] {
                engine.run(9, &|| false);
                assert_eq!(engine.status(), NetworkStatus::Unsolved, "{sizes:?}");
            }
            assert_eq!(once.parameters(), twice.parameters(), "{sizes:?}");
        }
    }
}
