//! One network per invocation: its shape as the lines of WGSL that specialise the kernel, and what
//! they cost. A shape that is read from a uniform is many times slower: nothing can then be kept in
//! registers.

use std::fmt::Write as _;

use super::request::{Capacity, Plan, Request};
use super::rows::{OUTPUT_LOOPS, Rows};
use crate::engine::kinds::Mapping;
use crate::kernels::TRAIN_INVOCATION;
use crate::network::{Layer, Norm};

/// Parameters of a network whose step llvmpipe unrolls in any case.
const SMALL: usize = 20;
/// Rounds of a loop over constants that drivers still unroll.
const MOST_ITERATIONS: usize = 32;

/// The units of a hidden layer as vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Units {
    units: usize,
    lanes: usize,
    groups: usize,
}

impl Units {
    /// The widest vectors that leave no lane empty; where there are none, four with a rest.
    fn new(units: usize) -> Units {
        let lanes = [4, 3, 2].into_iter().find(|lanes| units.is_multiple_of(*lanes)).unwrap_or(4);
        Units { units, lanes, groups: units.div_ceil(lanes) }
    }

    /// Units of a group: the last may have fewer than the others.
    fn len_of(&self, group: usize) -> usize {
        self.lanes.min(self.units - group * self.lanes)
    }
}

/// One or two hidden layers, and how the batches lie.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    inputs: usize,
    hidden: Vec<(Layer, Units)>,
    outputs: usize,
    parameters: usize,
    /// Numbers that a parameter has with its moments.
    states: usize,
    /// Whether the norm of gradients is looked at before an update.
    clips: bool,
    rule: String,
    rows: Rows,
}

impl Invocation {
    /// Whether one invocation that holds so many parameters and gradients can train the network,
    /// and how.
    ///
    /// # Errors
    /// Why it cannot, in words.
    pub(super) fn new(request: Request<'_>, registers: usize) -> Result<Invocation, String> {
        let Request { network, optimizer, .. } = request;
        if network.norm() != Norm::None {
            return Err(format!(
                "an invocation goes row by row, and {} norm needs all rows of a batch at once",
                network.norm()
            ));
        }
        let [inputs, hidden @ .., outputs] = network.sizes() else {
            return Err("it has no layer".to_owned());
        };
        if !(1..=2).contains(&hidden.len()) {
            return Err(format!("an invocation takes 1 or 2 hidden layers, not {}", hidden.len()));
        }
        let parameters = network.parameter_count();
        let states = 1 + optimizer.moments();
        // Where activations are dropped, what each is multiplied by is kept too.
        let dropped: usize = if network.dropout() > 0.0 { hidden.iter().sum() } else { 0 };
        let taken = (states + 1) * parameters + dropped;
        if taken > registers {
            let what = if states > 1 { "parameters, moments" } else { "parameters" };
            return Err(format!(
                "{what} and gradients take {taken} registers, an invocation has {registers} for them"
            ));
        }
        let layers = network.layers().take(hidden.len());
        let shape = Invocation {
            inputs: *inputs,
            hidden: layers.map(|layer| (layer, Units::new(layer.fan_out))).collect(),
            outputs: *outputs,
            parameters,
            states,
            clips: optimizer.clip_norm.is_some(),
            rule: request.rule_lines(),
            rows: Rows::new(request, true),
        };
        match shape.longest_loop() {
            iterations if iterations > MOST_ITERATIONS => Err(format!(
                "a loop of {iterations} iterations is not unrolled, at most {MOST_ITERATIONS} are"
            )),
            _ => Ok(shape),
        }
    }

    /// Rounds of the longest loop over constants, but that over rows.
    fn longest_loop(&self) -> usize {
        let (_, last) = self.hidden[self.hidden.len() - 1];
        let of_layer =
            |(layer, units): &(Layer, Units)| (layer.fan_in * units.groups).max(units.units);
        let loops = [self.outputs * last.groups, self.inputs + self.outputs];
        self.hidden.iter().map(of_layer).chain(loops).max().unwrap_or(0)
    }

    /// Loop iterations of an update beyond the plainest, whose loops are unrolled: of bodies as long as
    /// Adam's that is not taken for granted.
    fn update_iterations(&self) -> usize {
        self.places().len() * (usize::from(self.states > 1) + usize::from(self.clips))
    }

    /// Where each vector of parameters stands among all of them: its first, from one to the next, and how
    /// many it holds.
    fn places(&self) -> Vec<[usize; 3]> {
        let (mut places, mut first) = (Vec::new(), 0);
        for (layer, units) in &self.hidden {
            for row in 0..=layer.fan_in {
                let of_row = |group: usize| {
                    [first + row * units.units + group * units.lanes, 1, units.len_of(group)]
                };
                places.extend((0..units.groups).map(of_row));
            }
            first += (layer.fan_in + 1) * units.units;
        }
        let (_, last) = self.hidden[self.hidden.len() - 1];
        for output in 0..self.outputs {
            let of_output = |group: usize| {
                [
                    first + group * last.lanes * self.outputs + output,
                    self.outputs,
                    last.len_of(group),
                ]
            };
            places.extend((0..last.groups).map(of_output));
        }
        let biases = first + last.units * self.outputs;
        places.extend((0..self.outputs).map(|output| [biases + output, 1, 1]));
        places
    }

    /// The kernel, its lines and its iterations. Loops over constants are unrolled by llvmpipe, which
    /// alone counts iterations; of those over outputs, whose bodies are long, it is not taken for
    /// granted. A loop that is entered and left at once costs an iteration, with those inside it.
    pub(super) fn plan(&self, capacity: Capacity) -> Plan {
        let rows = &self.rows;
        let outputs = if self.outputs == 1 { 0 } else { OUTPUT_LOOPS * self.outputs };
        let row = 1 + outputs + rows.walk_iterations();
        // The loop over few rows of a small network is unrolled too. Were it not, the iterations would
        // be 3/2 of these, and still below the 65,535 of which half are planned for.
        let is_small = rows.full && rows.batch == 4 && self.parameters <= SMALL;
        let step = if is_small { row * rows.batch } else { 1 + row * (rows.batch + 2) };
        let step = step + self.update_iterations();
        Plan {
            mapping: Mapping::Invocation,
            kernel: TRAIN_INVOCATION.with_memory(rows.bindings(capacity), 0),
            lines: self.lines(capacity),
            step_iterations: step + rows.judging_iterations(row),
            loss_iterations: 1 + row * (rows.batch + 1),
            dispatch_iterations: 4 * self.states * self.parameters + rows.last_look_iterations(row),
        }
    }

    fn lines(&self, capacity: Capacity) -> String {
        let Invocation { inputs, hidden, outputs, parameters, rule, rows, .. } = self;
        let mut lines = format!(
            "const INPUTS: u32 = {inputs}u; const OUTPUTS: u32 = {outputs}u; const PARAMETERS: u32 = {parameters}u;\n{rule}"
        );
        let (mut forward, mut backward) = (String::new(), String::new());
        let (mut values_at, mut units_at, mut input) = (0, 0, "FROM_DATA, 4u".to_owned());
        for (layer, Units { units, lanes, groups }) in hidden {
            let Layer { index, fan_in, activation, parameter, .. } = layer;
            let (kind, parameter) = (activation.code(), *parameter as f32);
            let _ = writeln!(
                lines,
                "const HIDDEN_{index}: Layer = Layer({index}u, {kind}u, {parameter:?}f, {units}u, {lanes}u, {groups}u, {values_at}u, {units_at}u, {fan_in}u, {input});",
            );
            let calls = |way: &str| -> String {
                (0..*groups).map(|g| format!("    {way}_group(HIDDEN_{index}, {g}u);\n")).collect()
            };
            forward.push_str(&calls("forward"));
            backward.insert_str(0, &calls("backward"));
            input = format!("{units_at}u, {lanes}u");
            values_at += (fan_in + 1) * groups;
            units_at += groups;
        }
        let places = self.places();
        // One call for each vector: nothing depends on whether a compiler unrolls loops over them.
        let each = |call: &dyn Fn(usize, &str) -> String| -> String {
            let place =
                |[first, step, count]: &[usize; 3]| format!("Place({first}u, {step}u, {count}u)");
            places
                .iter()
                .enumerate()
                .map(|(k, at)| format!("    {}\n", call(k, &place(at))))
                .collect()
        };
        let _ = write!(
            lines,
            "const LAST: Layer = HIDDEN_{}; const OUTPUTS_AT: u32 = {values_at}u; const UNIT_VECTORS: u32 = {units_at}u; const VECTORS: u32 = {}u;\n\
             fn forward_layers() {{\n{forward}}}\n\
             fn backward_layers() {{\n{backward}}}\n\
             fn load(network: u32) {{\n{}}}\n\
             fn store(network: u32) -> bool {{\n    var is_finite = true;\n{}    return is_finite;\n}}\n\
             fn largest() -> f32 {{\n    var largest = 0.0;\n{}    return largest;\n}}\n\
             fn squares(scale: f32) -> f32 {{\n    var sum = 0.0;\n{}    return sum;\n}}\n\
             fn update(rule: Rule, clip: vec2<f32>) {{\n{}}}\n{}",
            hidden.len() - 1,
            places.len(),
            each(&|k, place| format!("load_vector({k}u, {place}, network);")),
            each(&|k, place| format!("is_finite &= store_vector({k}u, {place}, network);")),
            each(&|k, _| format!("largest = max(largest, largest_of({k}u));")),
            each(&|k, _| format!("sum += square_of({k}u, scale);")),
            each(&|k, _| format!("update_vector({k}u, rule, clip);")),
            rows.lines(capacity),
        );
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::Units;

    #[test]
    fn vectors_leave_no_lane_empty_where_they_can() {
        let lanes = |units| {
            let Units { lanes, groups, .. } = Units::new(units);
            (lanes, groups)
        };
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 8, 9].map(lanes),
            [(4, 1), (2, 1), (3, 1), (4, 1), (4, 2), (3, 2), (4, 2), (3, 3)]
        );
    }
}
