//! Gradients by central differences, `(L(w + h) - L(w - h)) / 2h`, in f64, for every parameter.

use crate::network::Network;
use crate::reference::Reference;

/// The gradient of one parameter, computed both ways.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientCheck {
    /// Where it is: `layers.0.weight[1][2]`.
    pub place: String,
    /// From the backward pass.
    pub analytic: f64,
    /// From two forward passes, or `None` if a unit crosses a kink between them, where the loss is not
    /// differentiable.
    pub numeric: Option<f64>,
}

impl GradientCheck {
    /// `|analytic - numeric| / max(|analytic|, |numeric|, floor)`; 0 at a kink. The floor keeps
    /// rounding of the losses from dominating where a gradient is close to 0.
    pub fn relative_error(&self, floor: f64) -> f64 {
        let numeric = self.numeric.unwrap_or(self.analytic);
        let scale = self.analytic.abs().max(numeric.abs()).max(floor);
        (self.analytic - numeric).abs() / scale
    }
}

/// Compares every gradient of one batch with central differences of step `h`.
pub fn central_differences(
    network: &Network,
    parameters: &[f64],
    inputs: &[f64],
    targets: &[f64],
    h: f64,
) -> Vec<GradientCheck> {
    let mut reference = Reference::new(network, parameters.to_vec());
    reference.forward(inputs);
    reference.backward(inputs, targets);
    let analytic = reference.gradients.clone();
    let mut at = |index: usize, value: f64| {
        let kept = std::mem::replace(&mut reference.parameters[index], value);
        reference.forward(inputs);
        let loss = reference.loss(targets).0;
        reference.parameters[index] = kept;
        (loss, sides(network, &reference))
    };
    let layout = crate::network::Layout::new(network);
    let mut checks = Vec::new();
    for tensor in layout.tensors() {
        for row in 0..tensor.rows {
            for col in 0..tensor.cols {
                let index = tensor.index(row, col);
                let (above, sides_above) = at(index, parameters[index] + h);
                let (below, sides_below) = at(index, parameters[index] - h);
                checks.push(GradientCheck {
                    place: format!("{}[{row}][{col}]", tensor.name),
                    analytic: analytic[index],
                    numeric: (sides_above == sides_below).then(|| (above - below) / (2.0 * h)),
                });
            }
        }
    }
    checks
}

/// For every unit with a kink, whether it is above it.
fn sides(network: &Network, reference: &Reference<f64>) -> Vec<bool> {
    network
        .layers()
        .filter(|layer| layer.activation.row().has_kink)
        .flat_map(|layer| &reference.trace.pre_activations[layer.index])
        .map(|&z| z > 0.0)
        .collect()
}
