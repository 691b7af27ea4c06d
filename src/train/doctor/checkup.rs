//! What the doctor is told of a network at a report boundary, layer by layer.

use serde::Serialize;

use crate::engine::LayerStatistics;
use crate::network::{Layer, Layout, Network};

/// What was seen at one report boundary, of its last step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkup {
    /// Epochs done.
    pub epoch: u32,
    /// Steps done.
    pub step: u32,
    /// Rows of the batch that was looked at.
    pub rows: usize,
    /// Its loss, before the update.
    pub loss: f32,
    /// One of each layer, first to last.
    pub layers: Vec<LayerCheckup>,
}

/// What was seen of one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerCheckup {
    /// Which layer, from 0.
    pub layer: usize,
    /// Its weights and biases.
    pub parameters: usize,
    /// The Euclidean norm of its gradients.
    pub gradient_norm: f64,
    /// That of its parameters before the update.
    pub parameter_norm: f64,
    /// That of the update.
    pub update_norm: f64,
    /// How large the update is beside the parameters; `None` where that is no number.
    pub update_ratio: Option<f64>,
    /// Its units.
    pub units: usize,
    /// Those that were 0 on every row of the batch, of an activation that can die: whoever is dead is
    /// among them.
    pub dead: usize,
    /// Those that were at an end of their sigmoid or tanh on nearly every row.
    pub saturated: usize,
    /// Those that had a twin where the run began: the same weights in, the same bias, the same weights out.
    pub twins: usize,
    /// Gradients or parameters that are not finite.
    pub not_finite: u64,
}

/// The share of rows on which a saturated unit is: one that tells a twentieth of them apart still
/// learns from these.
const SATURATED_ROWS: f64 = 0.95;

/// How far apart the weights of twins may be, relative: a few roundings of f32.
const TWINS_WITHIN: f32 = 1e-6;

impl LayerCheckup {
    /// The root of the mean square of its gradients: layers of any size compare.
    pub fn gradient_rms(&self) -> f64 {
        self.gradient_norm / (self.parameters as f64).sqrt()
    }
}

/// Sums up what an engine's last step showed, and how many units of each layer had a twin where the run
/// began.
pub fn checkup(
    network: &Network,
    twins: &[usize],
    statistics: &[LayerStatistics],
    rows: usize,
    (epoch, step, loss): (u32, u32, f32),
) -> Checkup {
    let is_saturated = |&&seen: &&usize| rows > 0 && seen as f64 >= SATURATED_ROWS * rows as f64;
    let layers = network.layers().zip(statistics).map(|(layer, seen)| {
        let ratio = seen.update_norm / seen.parameter_norm;
        let dead = seen.zero_rows.iter().filter(|&&zero| rows > 0 && zero >= rows).count();
        LayerCheckup {
            layer: layer.index,
            parameters: (layer.fan_in + 1) * layer.fan_out,
            gradient_norm: seen.gradient_norm,
            parameter_norm: seen.parameter_norm,
            update_norm: seen.update_norm,
            update_ratio: ratio.is_finite().then_some(ratio),
            units: layer.fan_out,
            dead: if layer.activation.row().can_die { dead } else { 0 },
            saturated: seen.saturated_rows.iter().filter(is_saturated).count(),
            twins: twins.get(layer.index).copied().unwrap_or(0),
            not_finite: seen.not_finite,
        }
    });
    Checkup { epoch, step, rows, loss, layers: layers.collect() }
}

/// How many units of each layer have a twin.
pub(in crate::train) fn twins(network: &Network, parameters: &[f32]) -> Vec<usize> {
    let layout = Layout::new(network);
    network.layers().map(|layer| twins_of(network, &layout, parameters, layer)).collect()
}

/// How many units of a hidden layer have a twin. Units are sorted by a sum that twins share, and only
/// neighbours are compared in full.
fn twins_of(network: &Network, layout: &Layout, parameters: &[f32], layer: Layer) -> usize {
    let units = layer.fan_out;
    if layer.index + 1 >= network.layers().len() || units < 2 {
        return 0;
    }
    let next = layout.weights(layer.index + 1);
    let outgoing = |unit: usize| &parameters[next.index(unit, 0)..][..next.cols];
    let incoming = |input: usize| {
        let (weights, bias) = (layout.weights(layer.index), layout.bias(layer.index));
        let row = if input < layer.fan_in { weights.index(input, 0) } else { bias.index(0, 0) };
        &parameters[row..][..units]
    };
    let mut sums = vec![0.0; units];
    for input in 0..=layer.fan_in {
        let factor = spread(input);
        sums.iter_mut().zip(incoming(input)).for_each(|(sum, &w)| *sum += factor * f64::from(w));
    }
    for (unit, sum) in sums.iter_mut().enumerate() {
        for (output, &w) in outgoing(unit).iter().enumerate() {
            *sum += spread(layer.fan_in + 1 + output) * f64::from(w);
        }
    }
    let mut order: Vec<usize> = (0..units).collect();
    order.sort_by(|&a, &b| sums[a].total_cmp(&sums[b]));
    let are_twins = |a: usize, b: usize| {
        let mut out = outgoing(a).iter().zip(outgoing(b));
        (0..=layer.fan_in).all(|input| is_near(incoming(input)[a], incoming(input)[b]))
            && out.all(|(&a, &b)| is_near(a, b))
    };
    let pairs: Vec<bool> = order.windows(2).map(|pair| are_twins(pair[0], pair[1])).collect();
    (0..units)
        .filter(|&at| at > 0 && pairs[at - 1] || pairs.get(at).copied().unwrap_or(false))
        .count()
}

fn is_near(a: f32, b: f32) -> bool {
    a == b || (a - b).abs() <= TWINS_WITHIN * a.abs().max(b.abs())
}

/// Numbers between 1 and 2 of which hardly any two sums are alike: multiples of the golden ratio.
fn spread(at: usize) -> f64 {
    1.0 + (at as f64 * 0.618_033_988_749_894_9).fract()
}
