//! What the doctor sees of a network at a report boundary, layer by layer.

use crate::engine::LayerStatistics;
use crate::network::{Layer, Layout, Network};

/// The statistics of the last step before a report boundary.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Checkup {
    /// Epochs done.
    pub epoch: u32,
    /// Steps done.
    pub step: u32,
    /// Rows of its batch.
    pub rows: usize,
    /// Its loss, before the update.
    pub loss: f32,
    /// One per layer, first to last.
    pub layers: Vec<LayerCheckup>,
}

/// The statistics of one layer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LayerCheckup {
    /// Its index, from 0.
    pub layer: usize,
    /// The number of its weights and biases.
    pub parameters: usize,
    /// The Euclidean norm of its gradients.
    pub gradient_norm: f64,
    /// The norm of its parameters before the update.
    pub parameter_norm: f64,
    /// The norm of the update.
    pub update_norm: f64,
    /// The norm of the update relative to that of the parameters; `None` where that is not finite.
    pub update_ratio: Option<f64>,
    /// The number of its units.
    pub units: usize,
    /// Units that were 0 on every row of the batch, of an activation that can die: dead units are among
    /// them.
    pub dead: usize,
    /// Units that were saturated on nearly every row.
    pub saturated: usize,
    /// Units that duplicated another at the start of the run: same incoming weights, bias and outgoing
    /// weights.
    pub duplicates: usize,
    /// Gradients or parameters that are not finite.
    pub not_finite: u64,
}

/// The relative tolerance between weights of duplicates: a few f32 roundings.
const DUPLICATES_WITHIN: f32 = 1e-6;

impl LayerCheckup {
    /// The root mean square of its gradients, which is comparable between layers of any size.
    pub fn gradient_rms(&self) -> f64 {
        self.gradient_norm / (self.parameters as f64).sqrt()
    }
}

/// Summarizes the statistics of an engine's last step; `duplicates` are those at the start of the run.
pub fn checkup(
    network: &Network,
    duplicates: &[usize],
    statistics: &[LayerStatistics],
    rows: usize,
    (epoch, step, loss): (u32, u32, f32),
) -> Checkup {
    let layers = network.layers().zip(statistics).map(|(layer, seen)| {
        let ratio = seen.update_norm / seen.parameter_norm;
        LayerCheckup {
            layer: layer.index,
            parameters: (layer.fan_in + 1) * layer.fan_out,
            gradient_norm: seen.gradient_norm,
            parameter_norm: seen.parameter_norm,
            update_norm: seen.update_norm,
            update_ratio: ratio.is_finite().then_some(ratio),
            units: layer.fan_out,
            dead: if layer.activation.row().can_die { seen.zero_units } else { 0 },
            saturated: seen.saturated_units,
            duplicates: duplicates.get(layer.index).copied().unwrap_or(0),
            not_finite: seen.not_finite,
        }
    });
    Checkup { epoch, step, rows, loss, layers: layers.collect() }
}

/// The number of units of each layer that duplicate another.
pub(in crate::train) fn duplicates(network: &Network, parameters: &[f32]) -> Vec<usize> {
    let layout = Layout::new(network);
    network.layers().map(|layer| duplicates_in(network, &layout, parameters, layer)).collect()
}

/// Duplicates in a hidden layer. Units are sorted by a weighted sum that duplicates share, so that
/// only neighbors need to be compared in full.
fn duplicates_in(network: &Network, layout: &Layout, parameters: &[f32], layer: Layer) -> usize {
    if layer.index + 1 >= network.layers().len() {
        return 0;
    }
    let (weights, next) = (layout.weights(layer.index), layout.weights(layer.index + 1));
    let bias = layout.bias(layer.index);
    // Weights in, bias and weights out of a unit.
    let of_unit = |unit: usize| {
        let incoming = (0..layer.fan_in).map(move |input| weights.index(input, unit));
        let outgoing = (0..next.cols).map(move |output| next.index(unit, output));
        incoming.chain([bias.index(0, unit)]).chain(outgoing).map(|at| parameters[at])
    };
    let sum = |unit| of_unit(unit).enumerate().map(|(at, w)| spread(at) * f64::from(w)).sum();
    let mut units: Vec<(f64, usize)> = (0..layer.fan_out).map(|unit| (sum(unit), unit)).collect();
    units.sort_by(|a, b| a.0.total_cmp(&b.0));
    let are_alike = |pair: &[(f64, usize)]| {
        of_unit(pair[0].1).zip(of_unit(pair[1].1)).all(|(a, b)| is_near(a, b))
    };
    let pairs: Vec<bool> = units.windows(2).map(are_alike).collect();
    let is_alike = |at: usize| pairs.get(at).copied().unwrap_or(false);
    (0..layer.fan_out).filter(|&at| at > 0 && is_alike(at - 1) || is_alike(at)).count()
}

fn is_near(a: f32, b: f32) -> bool {
    a == b || (a - b).abs() <= DUPLICATES_WITHIN * a.abs().max(b.abs())
}

/// Factors between 1 and 2 that make equal sums of different weights unlikely: multiples of the golden ratio.
fn spread(at: usize) -> f64 {
    1.0 + (at as f64 * 0.618_033_988_749_894_9).fract()
}
