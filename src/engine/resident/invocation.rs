//! One network per invocation: its shape as the lines of WGSL that specialise the kernel, and what
//! they cost. A shape that is read from a uniform is many times slower: nothing can then be kept in
//! registers.

use super::plan::{Owner, Plan, Request, Room};
use super::rows::Rows;
use crate::kernels::{TRAIN_ONE_HIDDEN, TRAIN_TWO_HIDDEN};

/// Parameters of a network whose step llvmpipe unrolls in any case.
const SMALL: usize = 20;
/// Rounds of a loop over constants that drivers still unroll.
const MOST_ROUNDS: usize = 32;

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

    /// The lines about them, under names that start with `prefix` and `snake`.
    fn lines(&self, prefix: &str, alias: &str, snake: &str) -> String {
        let Units { units, lanes, groups } = self;
        let mask = (0..*lanes)
            .map(|lane| format!("select(0.0, 1.0, g * {lanes}u + {lane}u < {units}u)"))
            .collect::<Vec<_>>()
            .join(", ");
        let (wide, narrow) = match lanes {
            2 => ("vec4<f32>(v, 0.0, 0.0)", ".xy"),
            3 => ("vec4<f32>(v, 0.0)", ".xyz"),
            _ => ("v", ""),
        };
        format!(
            "alias {alias} = vec{lanes}<f32>; const {prefix}UNITS: u32 = {units}u; const {prefix}LANES: u32 = {lanes}u; const {prefix}GROUPS: u32 = {groups}u;\n\
             fn activate_{snake}units(kind: u32, parameter: f32, z: {alias}) -> {alias} {{ return activation{lanes}(kind, parameter, z); }}\n\
             fn slope_{snake}units(kind: u32, parameter: f32, z: {alias}, a: {alias}) -> {alias} {{ return slope{lanes}(kind, parameter, z, a); }}\n\
             fn {snake}unit_mask(g: u32) -> {alias} {{ return {alias}({mask}); }}\n\
             fn wide_{snake}units(v: {alias}) -> vec4<f32> {{ return {wide}; }}\n\
             fn narrow_{snake}units(v: vec4<f32>) -> {alias} {{ return v{narrow}; }}\n"
        )
    }
}

/// One or two hidden layers, and how the batches lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation {
    inputs: usize,
    hidden: Vec<Units>,
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
        let [inputs, hidden @ .., outputs] = network.sizes() else {
            return Err("it has no layer".to_owned());
        };
        if !(1..=2).contains(&hidden.len()) {
            return Err(format!("an invocation takes 1 or 2 hidden layers, not {}", hidden.len()));
        }
        let parameters = network.parameter_count();
        let states = 1 + optimizer.moments();
        let taken = (states + 1) * parameters;
        if taken > registers {
            let what = if states > 1 { "parameters, moments" } else { "parameters" };
            return Err(format!(
                "{what} and gradients take {taken} registers, an invocation has {registers} for them"
            ));
        }
        let shape = Invocation {
            inputs: *inputs,
            hidden: hidden.iter().map(|&units| Units::new(units)).collect(),
            outputs: *outputs,
            parameters,
            states,
            clips: optimizer.clip_norm.is_some(),
            rule: Plan::rule_lines(request),
            rows: Rows::new(request, true),
        };
        match shape.longest_loop() {
            rounds if rounds > MOST_ROUNDS => {
                Err(format!("a loop of {rounds} rounds is not unrolled, at most {MOST_ROUNDS} are"))
            }
            _ => Ok(shape),
        }
    }

    /// Rounds of the longest loop over constants, but that over rows.
    fn longest_loop(&self) -> usize {
        let first = self.hidden[0];
        let last = self.hidden[self.hidden.len() - 1];
        let between = if self.hidden.len() == 2 { first.units * last.groups } else { 0 };
        let loops = [self.inputs * first.groups, self.outputs * last.groups, between];
        let singles = [self.inputs + self.outputs, first.units, last.units];
        loops.into_iter().chain(singles).max().unwrap_or(0)
    }

    /// Loop rounds of an update beyond the plainest, whose loops are unrolled: of bodies as long as
    /// Adam's that is not taken for granted.
    fn update_rounds(&self) -> usize {
        let first = self.hidden[0];
        let last = self.hidden[self.hidden.len() - 1];
        let between = if self.hidden.len() == 2 { (first.units + 1) * last.groups } else { 0 };
        let vectors = (self.inputs + 1) * first.groups + between;
        let all = vectors + self.outputs * (last.groups + 1);
        all * (usize::from(self.states > 1) + usize::from(self.clips))
    }

    /// The kernel, its lines and its rounds. Loops over constants are unrolled by llvmpipe, which
    /// alone counts rounds; of those over outputs, whose bodies are long, it is not taken for
    /// granted. A loop that is entered and left at once costs a round, with those inside it.
    pub(super) fn plan(&self, room: Room) -> Plan {
        let rows = &self.rows;
        let table = if self.hidden.len() == 1 { TRAIN_ONE_HIDDEN } else { TRAIN_TWO_HIDDEN };
        let outputs = if self.outputs == 1 { 0 } else { 4 * self.outputs };
        let row = 1 + outputs + rows.walk_rounds();
        // The loop over few rows of a small network is unrolled too. Were it not, the rounds would
        // be 3/2 of these, and still below the 65,535 of which half are planned for.
        let is_small = rows.full && rows.batch == 4 && self.parameters <= SMALL;
        let step = if is_small { row * rows.batch } else { 1 + row * (rows.batch + 2) };
        let step = step + self.update_rounds();
        Plan {
            owner: Owner::Invocation,
            kernel: table.with_memory(rows.bindings(room), 0),
            lines: self.lines(room),
            step_rounds: step + rows.judging_rounds(row),
            loss_rounds: 1 + row * (rows.batch + 1),
            dispatch_rounds: 4 * self.states * self.parameters + rows.last_look_rounds(row),
        }
    }

    fn lines(&self, room: Room) -> String {
        let Invocation { inputs, hidden, outputs, parameters, rule, rows, .. } = self;
        let second = hidden.get(1).map(|units| units.lines("SECOND_", "SecondUnits", "second_"));
        format!(
            "const INPUTS: u32 = {inputs}u; const OUTPUTS: u32 = {outputs}u; const PARAMETERS: u32 = {parameters}u;\n{rule}{}{}{}",
            hidden[0].lines("", "Units", ""),
            second.unwrap_or_default(),
            rows.lines(room),
        )
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
