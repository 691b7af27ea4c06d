//! One network per workgroup: any depth, as long as parameters, and the activations of a batch with
//! their gradients, fit the memory that a workgroup shares.

use std::fmt::Write as _;

use super::request::{Capacity, Plan, Request};
use super::rows::{OUTPUT_LOOPS, Rows};
use crate::engine::kinds::Mapping;
use crate::kernels::TRAIN_WORKGROUP;
use crate::network::{Activation, Layer, Layout, NORM_EPS, NORM_MOMENTUM, Norm, unbiased};

/// Invocations of the workgroup.
const LANES: usize = TRAIN_WORKGROUP.row.lanes as usize;
/// Outputs that the one invocation that judges a row can hold.
const MOST_OUTPUTS: usize = 32;

/// The layers, and where they lie in the workgroup's memory.
#[derive(Debug, Clone)]
pub(super) struct Workgroup {
    layers: Vec<Layer>,
    inputs: usize,
    outputs: usize,
    /// Numbers of a network, and how many of them are learned: first of all.
    parameters: usize,
    learned: usize,
    /// Whether hidden layers have a norm.
    normed: bool,
    /// Units of all layers but the inputs.
    units: usize,
    /// Numbers that a parameter has with its moments.
    states: usize,
    /// Whether all gradients are kept until their norm is known.
    clips: bool,
    /// Whether steps drop activations.
    drops: bool,
    rule: String,
    rows: Rows,
}

impl Workgroup {
    /// Whether a workgroup with this room can train the network.
    ///
    /// # Errors
    /// Why it cannot, in words.
    pub(super) fn new(request: Request<'_>, capacity: Capacity) -> Result<Workgroup, String> {
        let Request { network, optimizer, .. } = request;
        let shape = Workgroup {
            layers: network.layers().collect(),
            inputs: network.inputs(),
            outputs: network.outputs(),
            parameters: Layout::new(network).count(),
            learned: network.parameter_count(),
            normed: network.norm() != Norm::None,
            units: network.sizes()[1..].iter().sum(),
            states: 1 + optimizer.moments(),
            clips: optimizer.clip_norm.is_some(),
            drops: network.dropout() > 0.0,
            rule: request.rule_lines(),
            rows: Rows::new(request, false),
        };
        if shape.outputs > MOST_OUTPUTS {
            return Err(format!("a workgroup takes {MOST_OUTPUTS} outputs, not {}", shape.outputs));
        }
        match shape.bytes() {
            Some(bytes) if bytes <= capacity.workgroup_bytes => Ok(shape),
            bytes => Err(format!(
                "parameters and the activations of a batch of {} take {} bytes of workgroup memory, there are {}",
                shape.rows.batch,
                bytes.unwrap_or(usize::MAX),
                capacity.workgroup_bytes
            )),
        }
    }

    /// Bytes of workgroup memory, as the kernel declares it.
    fn bytes(&self) -> Option<usize> {
        let batch = self.rows.batch;
        let matrices = 2 + usize::from(self.drops) + usize::from(self.normed);
        let numbers = batch.checked_mul(matrices * self.units + 2)?;
        let of_norms = if self.normed { 4 * self.units } else { 5 };
        let kept = self.states * self.parameters + self.kept_gradients();
        let squares = if self.clips { 2 * LANES } else { 2 };
        numbers.checked_add(of_norms + kept + squares + LANES + 4)?.checked_mul(4)
    }

    /// Gradients that are kept; one where none needs to be.
    fn kept_gradients(&self) -> usize {
        if self.clips { self.parameters } else { 1 }
    }

    /// The kernel, its lines and its iterations.
    pub(super) fn plan(&self, capacity: Capacity) -> Plan {
        let rows = &self.rows;
        let workgroup_bytes = self.bytes().unwrap_or(usize::MAX) as u32;
        let bindings = rows.bindings(capacity);
        let own = |count: usize| count.div_ceil(LANES);
        let judging = own(rows.batch) * (2 + OUTPUT_LOOPS * self.outputs) + LANES;
        let look =
            self.forward_iterations() + own(rows.batch) * (1 + rows.walk_iterations()) + judging;
        let looks = rows.all.div_ceil(rows.batch);
        Plan {
            mapping: Mapping::Workgroup,
            kernel: TRAIN_WORKGROUP.with_memory(bindings, workgroup_bytes),
            lines: self.lines(capacity),
            step_iterations: 1
                + look
                + self.backward_iterations()
                + if self.clips { 2 * own(self.parameters) + LANES } else { 0 }
                + if rows.stops_when_solved && !rows.shows_solved { looks * (1 + look) } else { 0 },
            loss_iterations: rows.batch,
            dispatch_iterations: 2 * own(self.states * self.parameters)
                + LANES
                + if rows.stops_when_solved { looks * (1 + look) } else { 0 },
        }
    }

    fn forward_iterations(&self) -> usize {
        let own = |layer: &Layer| (self.rows.batch * layer.fan_out).div_ceil(LANES);
        let sums = |layer: &Layer| own(layer) * (1 + layer.fan_in);
        self.layers.iter().map(|layer| sums(layer) + self.norm_iterations(layer, 3)).sum()
    }

    /// Those of the norm of a layer, which goes over the rows of each unit so many times.
    fn norm_iterations(&self, layer: &Layer, times: usize) -> usize {
        let own = if layer.is_normed() { layer.fan_out.div_ceil(LANES) } else { 0 };
        own * (1 + times * self.rows.batch)
    }

    fn backward_iterations(&self) -> usize {
        let inputs =
            |layer: &Layer| (self.rows.batch * layer.fan_in).div_ceil(LANES) * (1 + layer.fan_out);
        let own = |layer: &Layer| ((layer.fan_in + 1) * layer.fan_out).div_ceil(LANES);
        let of_norm =
            |layer: &Layer| self.norm_iterations(layer, 2) + (2 * layer.fan_out).div_ceil(LANES);
        let of_layer =
            |layer: &Layer| inputs(layer) + own(layer) * (1 + self.rows.batch) + of_norm(layer);
        self.layers.iter().map(of_layer).sum()
    }

    fn lines(&self, capacity: Capacity) -> String {
        let Workgroup { layers, inputs, outputs, parameters, units, rule, rows, .. } = self;
        let kept = self.kept_gradients();
        let (mut forward, mut backward, mut update) = (String::new(), Vec::new(), String::new());
        let (mut at, mut from, mut to) = (0, "FROM_DATA".to_owned(), 0);
        let (mut units_at, mut running_at) = (0, self.learned);
        for layer in layers {
            let Layer { index, fan_in, fan_out, .. } = layer;
            let place = format!("{at}u, {fan_in}u, {fan_out}u, {from}, {to}u");
            // The last layer's activation is taken where its rows are compared with their targets, that behind a norm
            // there.
            let is_last = index + 1 == layers.len();
            let is_apart = is_last || layer.is_normed();
            let of = |kind: Activation, parameter| format!("{}u, {parameter:?}f", kind.code());
            let own = of(layer.activation, layer.parameter as f32);
            let kind = if is_apart { of(Activation::Identity, 0.0) } else { own.clone() };
            let norm = format!(
                "{}u, {running_at}u, {to}u, {units_at}u, {fan_out}u",
                at + (fan_in + 1) * fan_out
            );
            let mask = match layer.dropout > 0.0 {
                true => format!("mask_of(draw, {index}u)"),
                false => "NO_MASK".to_owned(),
            };
            let _ = writeln!(forward, "    forward_layer(lane, rows, {kind}, {place}, {mask});");
            if layer.is_normed() {
                let _ =
                    writeln!(forward, "    norm_layer(lane, rows, {own}, {norm}, draw.trains);");
                let _ = writeln!(update, "    update_norm(lane, rule, {norm});");
            }
            if let Some(before) = index.checked_sub(1) {
                let Layer { activation, parameter, .. } = layers[before];
                let kind = of(activation, parameter as f32);
                backward.push(format!("    backward_layer(lane, rows, {kind}, {place});\n"));
            }
            // From the end: through the norm of a layer before anything goes on from its sums.
            if layer.is_normed() {
                backward.push(format!("    norm_backward(lane, rows, {norm});\n"));
            }
            let _ = writeln!(update, "    update_layer(lane, rows, rule, {place});");
            let of_norm = if layer.is_normed() { 2 * fan_out } else { 0 };
            at += (fan_in + 1) * fan_out + of_norm;
            running_at += of_norm;
            from = format!("{to}u");
            to += rows.batch * fan_out;
            units_at += fan_out;
        }
        backward.reverse();
        let backward = backward.concat();
        let Workgroup { learned, normed, .. } = self;
        let unbiased = |rows: usize| if rows > 1 { unbiased(rows) as f32 } else { 1.0 };
        let constants = format!(
            "const LEARNED: u32 = {learned}u; const NORMED: bool = {normed}; const NORM_EPS: f32 = {:?}f; const NORM_MOMENTUM: f32 = {:?}f;\n\
             const UNBIASED: f32 = {:?}f; const SHORT_UNBIASED: f32 = {:?}f;\n",
            NORM_EPS as f32,
            NORM_MOMENTUM as f32,
            unbiased(rows.batch),
            unbiased(rows.short),
        );
        format!(
            "{constants}const INPUTS: u32 = {inputs}u; const OUTPUTS: u32 = {outputs}u; const PARAMETERS: u32 = {parameters}u; const UNITS: u32 = {units}u; const KEPT_GRADIENTS: u32 = {kept}u;\n{rule}\
             fn forward_layers(lane: u32, rows: u32, draw: Draw) {{\n{forward}}}\n\
             fn backward_layers(lane: u32, rows: u32) {{\n{backward}}}\n\
             fn update_layers(lane: u32, rows: u32, rule: Rule) {{\n{update}}}\n{}",
            rows.lines(capacity)
        )
    }
}
