//! A network's shape as the lines of WGSL that specialise the kernel, and what they cost. A shape
//! that is read from a uniform is many times slower: nothing can then be kept in registers.

use crate::data::Batches;
use crate::gpu::{Kernel, Loops};
use crate::kernels::TRAIN_ONE_HIDDEN;
use crate::network::Network;

/// Parameters and gradients that an invocation may hold.
pub(super) const MOST_REGISTERS: usize = 96;
/// Rounds of a loop over constants that drivers still unroll.
const MOST_ROUNDS: usize = 32;
/// Numbers of the data set that are held in registers too, where every step takes all rows.
const MOST_KEPT: usize = 64;

/// One hidden layer, and how its batches lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    inputs: usize,
    units: usize,
    outputs: usize,
    /// Units of a vector, and vectors.
    lanes: usize,
    groups: usize,
    rows: usize,
    kept: usize,
    short_rows: usize,
    shuffled: bool,
}

impl Shape {
    /// Whether one invocation can train the network, and how.
    ///
    /// # Errors
    /// Why it cannot, in words.
    pub(super) fn new(network: &Network, batches: &Batches) -> Result<Shape, String> {
        let &[inputs, units, outputs] = network.sizes() else {
            let hidden = network.sizes().len() - 2;
            return Err(format!("it has {hidden} hidden layers, not 1"));
        };
        // The widest vector that leaves no lane empty; where there is none, four with a rest.
        let lanes = [4, 3, 2].into_iter().find(|lanes| units % lanes == 0).unwrap_or(4);
        let groups = units.div_ceil(lanes);
        let registers = 2 * network.parameter_count();
        let loops = [inputs * groups, outputs * groups, inputs + outputs, units];
        if registers > MOST_REGISTERS {
            return Err(format!(
                "parameters and gradients take {registers} registers, at most {MOST_REGISTERS} are planned for"
            ));
        }
        if let Some(rounds) = loops.into_iter().find(|&rounds| rounds > MOST_ROUNDS) {
            return Err(format!(
                "a loop of {rounds} rounds is not unrolled, at most {MOST_ROUNDS} are"
            ));
        }
        let rows = batches.batch();
        let kept =
            if batches.is_full() && rows * (inputs + outputs) <= MOST_KEPT { rows } else { 0 };
        Ok(Shape {
            inputs,
            units,
            outputs,
            lanes,
            groups,
            rows,
            kept,
            short_rows: batches.rows() % rows,
            shuffled: batches.shuffled(),
        })
    }

    /// The kernel that trains it. Only the walk of a shuffled batch has a loop that ends when its
    /// data says so.
    pub(super) fn kernel(&self) -> Kernel {
        let loops = if self.shuffled { Loops::Bounded } else { Loops::Counted };
        Kernel { loops, ..TRAIN_ONE_HIDDEN }
    }

    /// The lines that are appended to the kernel.
    pub(super) fn lines(&self) -> String {
        let Shape { inputs, units, outputs, lanes, groups, rows, kept, short_rows, shuffled } =
            self;
        let parameters = (inputs + 1 + outputs) * units + outputs;
        let mask = (0..*lanes)
            .map(|lane| format!("select(0.0, 1.0, g * {lanes}u + {lane}u < {units}u)"))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "const INPUTS: u32 = {inputs}u; const UNITS: u32 = {units}u; const OUTPUTS: u32 = {outputs}u;\n\
             const PARAMETERS: u32 = {parameters}u;\n\
             alias Units = vec{lanes}<f32>; const LANES: u32 = {lanes}u; const GROUPS: u32 = {groups}u;\n\
             const ROWS: u32 = {rows}u; const KEPT: u32 = {kept}u; const SHORT_ROWS: u32 = {short_rows}u;\n\
             const SHUFFLED: bool = {shuffled};\n\
             fn activate_units(kind: u32, z: Units) -> Units {{ return activation{lanes}(kind, z); }}\n\
             fn slope_units(kind: u32, a: Units) -> Units {{ return slope{lanes}(kind, a); }}\n\
             fn unit_mask(g: u32) -> Units {{ return Units({mask}); }}\n"
        )
    }

    /// Loop rounds of one step, all loops counted as if none were unrolled, with an allowance for
    /// loading and storing the network.
    pub(super) fn rounds_per_step(&self) -> usize {
        let Shape { inputs, outputs, groups, rows, shuffled, .. } = *self;
        let forward = inputs + outputs + groups * (1 + inputs) + outputs * (1 + groups);
        let backward = 3 * outputs + outputs * (1 + groups) + groups * (1 + inputs);
        // The walk to a shuffled row takes two trips on average.
        let walk = if shuffled { 4 } else { 0 };
        let update = inputs * groups + groups + outputs * groups + outputs;
        1 + rows * (1 + forward + backward + walk) + update
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Order;
    use crate::network::{Activation, Loss};

    fn shape(sizes: &[usize], rows: usize, batch: usize) -> Result<Shape, String> {
        let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
        let network = Network::uniform(sizes.to_vec(), hidden, output, Loss::Bce).unwrap();
        Shape::new(&network, &Batches::new(rows, batch, Order::Shuffled, 0))
    }

    #[test]
    fn what_fits_is_decided_by_registers() {
        for sizes in [&[2, 3, 1][..], &[2, 1, 1], &[2, 5, 1], &[2, 8, 1], &[4, 4, 3], &[1, 12, 1]] {
            assert!(shape(sizes, 4, 0).is_ok(), "{sizes:?}");
        }
        for sizes in [&[2, 64, 1][..], &[64, 32, 10], &[2, 1], &[2, 3, 3, 1], &[40, 1, 1]] {
            assert!(shape(sizes, 4, 0).is_err(), "{sizes:?}");
        }
    }

    #[test]
    fn vectors_leave_no_lane_empty_where_they_can() {
        let lanes = |units| shape(&[2, units, 1], 4, 0).map(|s| (s.lanes, s.groups)).unwrap();
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 8, 9].map(lanes),
            [(4, 1), (2, 1), (3, 1), (4, 1), (4, 2), (3, 2), (4, 2), (3, 3)]
        );
    }

    #[test]
    fn rows_are_kept_only_where_every_step_takes_them_all() {
        assert_eq!(shape(&[2, 3, 1], 4, 0).unwrap().kept, 4);
        assert_eq!(shape(&[2, 3, 1], 4, 3).unwrap().kept, 0);
        assert_eq!(shape(&[2, 3, 1], 100, 0).unwrap().kept, 0);
        assert_eq!(shape(&[2, 3, 1], 10, 4).unwrap().short_rows, 2);
    }
}
