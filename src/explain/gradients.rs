//! Central differences beside the gradients of a step, as many as are shown and as are affordable.

use super::matrix::{Numeric, SHOWN_COLS, SHOWN_ROWS};
use crate::check::{Differences, GradientCheck, STEP};
use crate::network::{Network, Tensor};

/// Products in all forward passes of differences at most, so that they take a second or so.
const MOST_PRODUCTS: usize = 1 << 28;
/// Forward passes of a difference: it is taken at two steps, each on both sides.
const PASSES: usize = 4;

/// What takes differences of a batch.
pub(super) struct Slopes<'a> {
    differences: Differences<'a>,
    network: &'a Network,
    rows: usize,
    /// Products that may still be made.
    left: usize,
}

impl<'a> Slopes<'a> {
    pub(super) fn new(
        network: &'a Network,
        parameters: &[f64],
        inputs: &'a [f64],
        targets: &[f64],
        masks: (u64, u32),
    ) -> Slopes<'a> {
        let differences = Differences::new(network, parameters, inputs, targets, masks);
        Slopes { differences, network, rows: inputs.len() / network.inputs(), left: MOST_PRODUCTS }
    }

    /// One for each number of a matrix: `check` gives those in the corner that is shown.
    fn corner(
        &mut self,
        (rows, cols): (usize, usize),
        layer: usize,
        check: impl Fn(&mut Differences<'a>, usize, usize) -> Option<GradientCheck>,
    ) -> Vec<Numeric> {
        let after = self.network.layers().skip(layer + 1);
        let products: usize = after.map(|layer| layer.fan_in * layer.fan_out).sum();
        let cost = PASSES * self.rows * (products + self.network.sizes()[layer + 1]);
        let mut all = vec![Numeric::NotTaken; rows * cols];
        for row in 0..rows.min(SHOWN_ROWS) {
            for col in 0..cols.min(SHOWN_COLS) {
                let Some(left) = self.left.checked_sub(cost) else { return all };
                self.left = left;
                let Some(found) = check(&mut self.differences, row, col) else { continue };
                all[row * cols + col] = match found.numeric {
                    Some(value) => Numeric::Difference { value, bound: found.bound },
                    None => Numeric::AtBend,
                };
            }
        }
        all
    }

    /// Those of a tensor.
    pub(super) fn of_tensor(&mut self, tensor: &Tensor) -> Vec<Numeric> {
        self.corner((tensor.rows, tensor.cols), tensor.layer, |differences, row, col| {
            Some(differences.check(tensor, row, col, STEP))
        })
    }

    /// Those with respect to a layer's pre-activations.
    pub(super) fn of_pre_activations(&mut self, layer: usize) -> Vec<Numeric> {
        let shape = (self.rows, self.network.sizes()[layer + 1]);
        self.corner(shape, layer, |differences, row, unit| {
            Some(differences.check_pre_activation(layer, row, unit, STEP))
        })
    }

    /// Those with respect to its activations.
    pub(super) fn of_activations(&mut self, layer: usize) -> Vec<Numeric> {
        let shape = (self.rows, self.network.sizes()[layer + 1]);
        self.corner(shape, layer, |differences, row, unit| {
            differences.check_activation(layer, row, unit, STEP)
        })
    }
}
