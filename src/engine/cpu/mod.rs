//! The cpu engine: f32, big products by matrixmultiply, tight loops for small ones. It is the
//! opponent a GPU is measured against and what runs where there is none; it shares no arithmetic
//! with the reference.

pub(super) mod lanes;
mod math;
mod statistics;
mod update;

use super::{Forward, NetworkStatus, Slot, State, Task, pad_rows, unpad_rows};
use crate::Error;
use crate::data::Batches;
use crate::network::{GradientAt, Layer, Layout, Network, row_stride};
use crate::reference::Trace;
use math::{View, activate, add_scaled, apply_slope, dot, gemm, row_loss};
use statistics::Before;
use update::{Rule, optimize};

/// Multiply-adds from which a product is worth a call of the library.
const LIBRARY_WORK: usize = 8192;

/// Rows of a forward pass that is not a step's: more go in portions.
const FORWARD_ROWS: usize = 1024;

/// What one layer computes in a step, `[rows][stride]`.
#[derive(Debug, Default)]
struct LayerState {
    z: Vec<f32>,
    a: Vec<f32>,
    d_z: Vec<f32>,
}

/// A network in training on the CPU.
#[derive(Debug)]
pub struct CpuEngine {
    task: Task,
    layout: Layout,
    layers: Vec<Layer>,
    states: Vec<LayerState>,
    gradients: Vec<f32>,
    /// How they become updates, where that is the same in every step.
    rule: Option<Rule>,
    /// What the last step of a run went on from.
    before: Before,
    /// The batch, `[rows][stride]`, weights of rows behind their targets; the whole data set where every step takes it as it stands.
    input: Vec<f32>,
    target: Vec<f32>,
    rows: usize,
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
        let layout = Layout::new(&task.network);
        let layers: Vec<Layer> = task.network.layers().collect();
        let rows = task.batches.batch();
        let states = layers.iter().map(|layer| LayerState::new(rows, layer.fan_out)).collect();
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
        let gradients = vec![0.0; layout.len()];
        let before = Before::new(layout.len());
        let mut task = task;
        task.start.moments.resize(task.optimizer.moments(), vec![0.0; layout.len()]);
        let mut engine = CpuEngine {
            task,
            layout,
            layers,
            states,
            gradients,
            before,
            input,
            target,
            rows,
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
        let mut losses =
            Vec::with_capacity(if self.stops_when_solved { 0 } else { steps as usize });
        let is_full = self.task.batches.is_full();
        for i in 0..steps {
            if self.is_solved || i > 0 && stop() {
                break;
            }
            if !is_full && self.begins_solved() {
                break;
            }
            if i + 1 == steps {
                self.before.note(&self.task.start.parameters, self.task.start.step);
            }
            let loss = self.look();
            self.is_solved = self.stops_when_solved && is_full && self.is_near;
            if !self.is_solved {
                losses.push(loss);
                self.update();
            }
        }
        self.begins_solved();
        losses
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
        let outputs = self.task.network.outputs();
        let network = &self.task.network;
        let (loss, parameter) = (network.loss(), network.loss_parameter() as f32);
        let Forward { pre_activations, outputs: activations } =
            self.forward(self.task.data.inputs());
        let from = match loss.gradient_at() {
            GradientAt::Output => activations,
            GradientAt::PreActivation => pre_activations,
        };
        let mut d = vec![0.0; outputs];
        from.chunks_exact(outputs)
            .zip(self.task.data.targets().chunks_exact(outputs))
            .all(|(value, target)| row_loss((loss, parameter), value, target, &mut d).1)
    }

    /// The forward pass over the step's batch, and its loss.
    fn look(&mut self) -> f32 {
        self.take_batch();
        forward(
            &self.layers,
            &self.layout,
            &self.task.start.parameters,
            &self.input,
            &mut self.states,
        );
        self.loss()
    }

    /// The rest of the step.
    fn update(&mut self) {
        self.backward();
        let rule = self.rule.unwrap_or_else(|| self.rule_of_step());
        let State { step, parameters, moments } = &mut self.task.start;
        optimize(&rule, &self.gradients, parameters, moments);
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

    fn take_batch(&mut self) {
        if self.task.batches.is_full() {
            return;
        }
        let rows = self.task.batches.len_of(self.task.start.step);
        if rows != self.rows {
            self.rows = rows;
            for (state, layer) in self.states.iter_mut().zip(&self.layers) {
                state.resize(rows, layer.fan_out);
            }
            self.input.resize(rows * row_stride(self.task.data.input_len()), 0.0);
            self.target.resize(rows * row_stride(self.task.data.target_width()), 0.0);
        }
        let data = &self.task.data;
        let input_rows = self.input.chunks_exact_mut(row_stride(data.input_len()));
        let target_rows = self.target.chunks_exact_mut(row_stride(data.target_width()));
        for ((row, input), target) in
            self.task.batches.rows_of(self.task.start.step).zip(input_rows).zip(target_rows)
        {
            input[..data.input_len()].copy_from_slice(data.input(row));
            target[..data.target_len()].copy_from_slice(data.target(row));
            if let Some(&weight) = data.weights().get(row) {
                target[data.target_len()] = weight;
            }
        }
    }

    /// The loss of the batch; leaves its gradient in the last layer's `d_z`.
    fn loss(&mut self) -> f32 {
        let loss = self.task.network.loss();
        let parameter = self.task.network.loss_parameter() as f32;
        let outputs = self.task.network.outputs();
        let stride = row_stride(outputs);
        let (width, is_weighted) = (self.task.data.target_width(), self.task.data.is_weighted());
        let scale = loss.gradient_scale(self.rows, outputs) as f32;
        let Some(last) = self.states.last_mut() else { return 0.0 };
        let from = match loss.gradient_at() {
            GradientAt::Output => &last.a,
            GradientAt::PreActivation => &last.z,
        };
        let mut sum = 0.0;
        self.is_near = true;
        let rows = from.chunks_exact(stride).zip(self.target.chunks_exact(row_stride(width)));
        for ((value, target), d) in rows.zip(last.d_z.chunks_exact_mut(stride)) {
            let weight = if is_weighted { target[outputs] } else { 1.0 };
            let (value, target, d) = (&value[..outputs], &target[..outputs], &mut d[..outputs]);
            let (part, is_near) = row_loss((loss, parameter), value, target, d);
            sum += f64::from(weight) * part;
            self.is_near &= is_near;
            let scale = scale * weight;
            d.iter_mut().for_each(|d| *d *= scale);
        }
        if loss.gradient_at() == GradientAt::Output {
            let LayerState { z, a, d_z } = last;
            apply_slope(&self.layers[self.layers.len() - 1], z, a, d_z);
        }
        (sum * loss.value_scale(self.rows, outputs)) as f32
    }

    fn backward(&mut self) {
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let block = self.layout.block(index);
            let (before, from) = self.states.split_at_mut(index);
            let (input, in_stride) = match before.last() {
                Some(state) => (&state.a, row_stride(layer.fan_in)),
                None => (&self.input, row_stride(layer.fan_in)),
            };
            let d_z = &from[0].d_z;
            let gradients = &mut self.gradients[block.range()];
            let (d_weights, d_bias) = gradients.split_at_mut(block.bias_offset);
            d_bias.fill(0.0);
            for d in d_z.chunks_exact(block.stride) {
                add_scaled(d_bias, d, 1.0);
            }
            if self.rows * layer.fan_in * layer.fan_out >= LIBRARY_WORK {
                let left = View {
                    data: input,
                    rows: layer.fan_in,
                    cols: self.rows,
                    steps: (1, in_stride),
                };
                gemm(
                    left,
                    View::rows(d_z, self.rows, layer.fan_out, block.stride),
                    d_weights,
                    block.stride,
                );
            } else {
                d_weights.fill(0.0);
                for (x, d) in input.chunks_exact(in_stride).zip(d_z.chunks_exact(block.stride)) {
                    for (row, &x) in d_weights.chunks_exact_mut(block.stride).zip(x) {
                        add_scaled(row, d, x);
                    }
                }
            }
            let Some(previous) = before.last_mut() else { return };
            let weights =
                &self.task.start.parameters[block.offset..block.offset + block.bias_offset];
            if self.rows * layer.fan_in * layer.fan_out >= LIBRARY_WORK {
                let transposed = View {
                    data: weights,
                    rows: layer.fan_out,
                    cols: layer.fan_in,
                    steps: (1, block.stride),
                };
                let d_z = View::rows(d_z, self.rows, layer.fan_out, block.stride);
                gemm(d_z, transposed, &mut previous.d_z, in_stride);
            } else {
                let rows =
                    previous.d_z.chunks_exact_mut(in_stride).zip(d_z.chunks_exact(block.stride));
                for (d_input, d) in rows {
                    for (d_input, w) in d_input.iter_mut().zip(weights.chunks_exact(block.stride)) {
                        *d_input = dot(w, d);
                    }
                }
            }
            let LayerState { z, a, d_z } = previous;
            apply_slope(&self.layers[index - 1], z, a, d_z);
        }
    }

    /// The products of a step by the library, and nothing else: what a step cannot do without. What the
    /// last step computed is overwritten.
    pub fn products_alone(&mut self) {
        for (index, layer) in self.layers.iter().enumerate() {
            let block = self.layout.block(index);
            let (weights, in_stride) =
                (&self.task.start.parameters[block.range()], row_stride(layer.fan_in));
            let (before, from) = self.states.split_at_mut(index);
            let LayerState { z, d_z, .. } = &mut from[0];
            let input = before.last().map_or(&self.input, |state| &state.a);
            let (rows, stride) = (self.rows, block.stride);
            let x = || View::rows(input, rows, layer.fan_in, in_stride);
            let w = View::rows(weights, layer.fan_in, layer.fan_out, stride);
            gemm(x(), w, z, stride);
            let d = || View::rows(d_z, rows, layer.fan_out, stride);
            let transposed =
                View { data: input, rows: layer.fan_in, cols: rows, steps: (1, in_stride) };
            gemm(transposed, d(), &mut self.gradients[block.range()], stride);
            if let Some(previous) = before.last_mut() {
                let w = View {
                    data: weights,
                    rows: layer.fan_out,
                    cols: layer.fan_in,
                    steps: (1, stride),
                };
                gemm(d(), w, &mut previous.d_z, in_stride);
            }
        }
    }

    /// A forward pass over other rows with the parameters as they are now.
    pub fn forward(&self, inputs: &[f32]) -> Forward {
        forward_rows(&self.task.network, &self.task.start.parameters, inputs)
    }

    /// What the last step computed on its way.
    pub fn trace(&self) -> Trace<f32> {
        let lists = |of: fn(&LayerState) -> &Vec<f32>| {
            let states = self.states.iter().zip(&self.layers);
            states.map(|(s, l)| unpad_rows(of(s), l.fan_out, row_stride(l.fan_out))).collect()
        };
        Trace {
            pre_activations: lists(|state| &state.z),
            activations: lists(|state| &state.a),
            d_pre_activations: lists(|state| &state.d_z),
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
        let states = forward_states(network, parameters, rows);
        let Some(last) = states.last() else { continue };
        result.pre_activations.extend(unpad_rows(&last.z, outputs, row_stride(outputs)));
        result.outputs.extend(unpad_rows(&last.a, outputs, row_stride(outputs)));
    }
    result
}

/// What a network of `parameters` computes of `inputs`, layer by layer.
fn forward_states(network: &Network, parameters: &[f32], inputs: &[f32]) -> Vec<LayerState> {
    let layers: Vec<Layer> = network.layers().collect();
    let rows = inputs.len() / network.inputs();
    let input = pad_rows(inputs, network.inputs(), row_stride(network.inputs()));
    let mut states: Vec<LayerState> =
        layers.iter().map(|layer| LayerState::new(rows, layer.fan_out)).collect();
    forward(&layers, &Layout::new(network), parameters, &input, &mut states);
    states
}

/// Every layer's activations, `[rows][units]`.
pub(super) fn activations(network: &Network, parameters: &[f32], inputs: &[f32]) -> Vec<Vec<f32>> {
    let states = forward_states(network, parameters, inputs);
    let units = network.sizes()[1..].iter();
    states.iter().zip(units).map(|(s, &units)| unpad_rows(&s.a, units, row_stride(units))).collect()
}

/// Copies of the parameters that exist at once at the most: an engine's own, their gradients and
/// those before a run's last step, the best start's, and four while they are written to a file.
const PARAMETER_COPIES: usize = 8;

/// Whether the host can hold a network in training, to the saving of it: its parameters as often
/// as they are copied, and every layer's three matrices of a batch.
pub(super) fn check_memory(
    network: &Network,
    batches: &Batches,
    moments: usize,
) -> Result<(), Error> {
    let units: usize = network.sizes().iter().map(|&units| row_stride(units)).sum();
    let rows = batches.batch().max(FORWARD_ROWS.min(batches.rows()));
    let parameters = (PARAMETER_COPIES + 3 * moments) * Layout::new(network).len();
    let states = 3usize.saturating_mul(rows.saturating_mul(units));
    let bytes = parameters.saturating_add(states).saturating_mul(size_of::<f32>());
    // Given back at once: it only has to be there.
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| Error::Memory { bytes })
}

impl LayerState {
    fn new(rows: usize, units: usize) -> LayerState {
        let mut state = LayerState::default();
        state.resize(rows, units);
        state
    }

    fn resize(&mut self, rows: usize, units: usize) {
        for list in [&mut self.z, &mut self.a, &mut self.d_z] {
            list.resize(rows * row_stride(units), 0.0);
        }
    }
}

/// Every layer's `z` and `a`, from `input` `[rows][stride]`.
fn forward(
    layers: &[Layer],
    layout: &Layout,
    parameters: &[f32],
    input: &[f32],
    states: &mut [LayerState],
) {
    for layer in layers {
        let block = layout.block(layer.index);
        let (weights, bias) = parameters[block.range()].split_at(block.bias_offset);
        let (before, from) = states.split_at_mut(layer.index);
        let input = before.last().map_or(input, |state| &state.a);
        let in_stride = row_stride(layer.fan_in);
        let LayerState { z, a, .. } = &mut from[0];
        let rows = z.len() / block.stride;
        if rows * layer.fan_in * layer.fan_out >= LIBRARY_WORK {
            let left = View::rows(input, rows, layer.fan_in, in_stride);
            gemm(
                left,
                View::rows(weights, layer.fan_in, layer.fan_out, block.stride),
                z,
                block.stride,
            );
            for z in z.chunks_exact_mut(block.stride) {
                add_scaled(z, bias, 1.0);
            }
        } else {
            for (z, x) in z.chunks_exact_mut(block.stride).zip(input.chunks_exact(in_stride)) {
                z.copy_from_slice(bias);
                for (w, &x) in weights.chunks_exact(block.stride).zip(x) {
                    add_scaled(z, w, x);
                }
            }
        }
        let rows = a.chunks_exact_mut(block.stride).zip(z.chunks_exact(block.stride));
        for (a, z) in rows {
            activate(layer, &z[..layer.fan_out], &mut a[..layer.fan_out]);
        }
    }
}
