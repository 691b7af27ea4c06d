//! One network per workgroup: any depth, as long as parameters, and the activations of a batch with
//! their gradients, fit the memory that a workgroup shares.

use std::fmt::Write as _;

use super::request::{Capacity, Mapping, Plan, Request};
use super::rows::{OUTPUT_LOOPS, Rows};
use crate::kernels::TRAIN_WORKGROUP;
use crate::network::{Activation, Layer};

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
    parameters: usize,
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
            parameters: network.parameter_count(),
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
        let matrices = 2 + usize::from(self.drops);
        let numbers = batch.checked_mul(matrices * self.units + 2)?;
        let kept = self.states * self.parameters + self.kept_gradients();
        let squares = if self.clips { 2 * LANES } else { 2 };
        numbers.checked_add(kept + squares + LANES + 4)?.checked_mul(4)
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
        self.layers.iter().map(|layer| own(layer) * (1 + layer.fan_in)).sum()
    }

    fn backward_iterations(&self) -> usize {
        let inputs =
            |layer: &Layer| (self.rows.batch * layer.fan_in).div_ceil(LANES) * (1 + layer.fan_out);
        let own = |layer: &Layer| ((layer.fan_in + 1) * layer.fan_out).div_ceil(LANES);
        self.layers.iter().map(|layer| inputs(layer) + own(layer) * (1 + self.rows.batch)).sum()
    }

    fn lines(&self, capacity: Capacity) -> String {
        let Workgroup { layers, inputs, outputs, parameters, units, rule, rows, .. } = self;
        let kept = self.kept_gradients();
        let (mut forward, mut backward, mut update) = (String::new(), Vec::new(), String::new());
        let (mut at, mut from, mut to) = (0, "FROM_DATA".to_owned(), 0);
        for layer in layers {
            let Layer { index, fan_in, fan_out, .. } = layer;
            let place = format!("{at}u, {fan_in}u, {fan_out}u, {from}, {to}u");
            // The last layer's activation is taken where its rows are compared with their targets.
            let is_last = index + 1 == layers.len();
            let kind = if is_last { Activation::Identity } else { layer.activation };
            let of = |kind: Activation, parameter| format!("{}u, {parameter:?}f", kind.code());
            let kind = of(kind, layer.parameter as f32);
            let mask = match layer.dropout > 0.0 {
                true => format!("mask_of(draw, {index}u)"),
                false => "NO_MASK".to_owned(),
            };
            let _ = writeln!(forward, "    forward_layer(lane, rows, {kind}, {place}, {mask});");
            if let Some(before) = index.checked_sub(1) {
                let Layer { activation, parameter, .. } = layers[before];
                let kind = of(activation, parameter as f32);
                backward.push(format!("    backward_layer(lane, rows, {kind}, {place});\n"));
            }
            let _ = writeln!(update, "    update_layer(lane, rows, rule, {place});");
            at += (fan_in + 1) * fan_out;
            from = format!("{to}u");
            to += rows.batch * fan_out;
        }
        backward.reverse();
        let backward = backward.concat();
        format!(
            "const INPUTS: u32 = {inputs}u; const OUTPUTS: u32 = {outputs}u; const PARAMETERS: u32 = {parameters}u; const UNITS: u32 = {units}u; const KEPT_GRADIENTS: u32 = {kept}u;\n{rule}\
             fn forward_layers(lane: u32, rows: u32, draw: Draw) {{\n{forward}}}\n\
             fn backward_layers(lane: u32, rows: u32) {{\n{backward}}}\n\
             fn update_layers(lane: u32, rows: u32, rule: Rule) {{\n{update}}}\n{}",
            rows.lines(capacity)
        )
    }
}
