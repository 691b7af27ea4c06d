//! Gradients by central differences, `(L(w + h) - L(w - h)) / 2h`, in f64.

use super::inexact::Inexact;
use super::numbers::ULP;
use crate::network::{Activation, Layout, Loss, Network, Targets, Tensor, TensorKind};
use crate::reference::{Reference, Trace};

/// The gradient of one parameter, computed both ways.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GradientCheck {
    /// Where it is: `layers.0.weight[1][2]`.
    pub place: String,
    /// From the backward pass.
    pub analytic: f64,
    /// From two forward passes, or `None` if a unit or a residual crosses a bend between them, where the loss
    /// is not as smooth as differences need it.
    pub numeric: Option<f64>,
    /// How far the two may be apart.
    pub bound: f64,
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

/// The step of differences: errors of the order of its square and of a rounding divided by it are alike small.
pub const STEP: f64 = 1.0 / 8192.0;

/// Half a unit in the last place of f64, in those of f32 that [`Inexact`] counts in.
const F64_IN_F32: f64 = f64::EPSILON / 2.0 / ULP;

/// Compares every gradient of one batch, `inputs` `[rows][inputs]` and `targets` `[rows][targets]`, at `parameters`
/// `[len]` of the layout, with central differences of step `h`: one check for each, in the order of the tensors.
pub fn central_differences(
    network: &Network,
    parameters: &[f64],
    inputs: &[f64],
    targets: &[f64],
    h: f64,
) -> Vec<GradientCheck> {
    let mut differences = Differences::new(network, parameters, inputs, targets, (0, 0));
    let layout = Layout::new(network);
    let all = layout.learned().flat_map(|tensor| {
        let cols = tensor.cols;
        (0..tensor.rows * cols).map(move |at| (tensor, at / cols, at % cols))
    });
    all.map(|(tensor, row, col)| differences.check(tensor, row, col, h)).collect()
}

/// A network over a batch, to take differences of.
pub struct Differences<'a> {
    network: &'a Network,
    inputs: &'a [f64],
    targets: Vec<f64>,
    reference: Reference<f64>,
    /// The forward pass of the parameters as they are.
    trace: Trace<f64>,
    /// What norms made in it and what dropout left, layer by layer.
    normalized: Vec<Vec<f64>>,
    dropped: Vec<Vec<f64>>,
    sides: Vec<bool>,
    /// dLoss/da of each layer, and what f64 may have made of dLoss/dz and of it.
    d_activations: Vec<Vec<f64>>,
    unit_rounding: [Vec<Vec<f64>>; 2],
    /// What a loss may be off by in f64, and each gradient.
    rounding: f64,
    gradient_rounding: Vec<f64>,
}

impl<'a> Differences<'a> {
    /// Does the backward pass, whose gradients are to be compared, with what dropout draws of a seed in a step.
    ///
    /// Targets that are to sum to 1 are made to: the gradient of the softmax takes it that they do.
    pub fn new(
        network: &'a Network,
        parameters: &[f64],
        inputs: &'a [f64],
        targets: &[f64],
        (seed, step): (u64, u32),
    ) -> Differences<'a> {
        let outputs = network.outputs();
        let mut targets = targets.to_vec();
        if network.loss().row().targets == Targets::Distribution {
            let width = targets.len() / (inputs.len() / network.inputs());
            for row in targets.chunks_exact_mut(width) {
                let sum: f64 = row[..outputs].iter().sum();
                row[..outputs].iter_mut().for_each(|target| *target /= sum);
            }
        }
        // The same roundings as in f32, only smaller; e^x and ln are nearer to the truth than WGSL asks for.
        let exactly =
            |values: &[f64]| values.iter().map(|&v| Inexact::exact(v)).collect::<Vec<_>>();
        let mut carried = Reference::new(network, exactly(parameters));
        (carried.seed, carried.steps) = (seed, step);
        carried.forward_in_training(&exactly(inputs));
        let loss = carried.backward(&exactly(inputs), &exactly(&targets));
        let gradient_rounding =
            carried.gradients.iter().map(|gradient| gradient.error() * F64_IN_F32).collect();
        let errors = |all: &[Vec<Inexact>]| -> Vec<Vec<f64>> {
            let of = |list: &Vec<Inexact>| list.iter().map(|d| d.error() * F64_IN_F32).collect();
            all.iter().map(of).collect()
        };
        let unit_rounding =
            [errors(&carried.trace.d_pre_activations), errors(&carried.between.d_activations)];
        let mut reference = Reference::new(network, parameters.to_vec());
        (reference.seed, reference.steps) = (seed, step);
        reference.forward_in_training(inputs);
        reference.backward(inputs, &targets);
        let mut all = Differences {
            network,
            inputs,
            targets,
            trace: reference.trace.clone(),
            normalized: reference.between.normalized.clone(),
            dropped: reference.between.dropped.clone(),
            d_activations: reference.between.d_activations.clone(),
            unit_rounding,
            reference,
            sides: Vec::new(),
            // One more rounding of each pre-activation, where it is changed.
            rounding: 2.0 * loss.error() * F64_IN_F32,
            gradient_rounding,
        };
        all.sides = all.sides();
        all
    }

    /// The gradient of one parameter, and the difference of step `h`.
    pub fn check(&mut self, tensor: &Tensor, row: usize, col: usize, h: f64) -> GradientCheck {
        let index = tensor.index(row, col);
        let (analytic, rounding) = (self.reference.gradients[index], self.gradient_rounding[index]);
        let place = format!("{}[{row}][{col}]", tensor.name);
        let change = |all: &mut Self, by: f64| all.loss_at(tensor, row, col, by);
        self.compare(place, analytic, rounding, h, change)
    }

    /// The derivative with respect to one unit's pre-activation for one row, and the difference of step `h`.
    pub fn check_pre_activation(
        &mut self,
        layer: usize,
        row: usize,
        unit: usize,
        h: f64,
    ) -> GradientCheck {
        let index = row * self.network.sizes()[layer + 1] + unit;
        let analytic = self.trace.d_pre_activations[layer][index];
        let rounding = self.unit_rounding[0][layer][index];
        let place = format!("pre-activations of layer {layer}[{row}][{unit}]");
        self.compare(place, analytic, rounding, h, |all, by| {
            all.go_back();
            all.reference.trace.pre_activations[layer][index] += by;
            all.reference.forward_from(layer);
            all.loss_and_smoothness()
        })
    }

    /// The derivative with respect to one unit's activation for one row, and the difference of step `h`. `None` of the
    /// output layer where the loss gives dLoss/dz at once: it is then computed from `z`.
    pub fn check_activation(
        &mut self,
        layer: usize,
        row: usize,
        unit: usize,
        h: f64,
    ) -> Option<GradientCheck> {
        let index = row * self.network.sizes()[layer + 1] + unit;
        let analytic = *self.d_activations[layer].get(index)?;
        let rounding = self.unit_rounding[1][layer][index];
        let place = format!("activations of layer {layer}[{row}][{unit}]");
        Some(self.compare(place, analytic, rounding, h, |all, by| {
            all.go_back();
            all.reference.trace.activations[layer][index] += by;
            all.reference.forward_after(layer);
            all.loss_and_smoothness()
        }))
    }

    /// A derivative beside the difference of step `h` of the loss, which `loss_at` gives where something is changed
    /// by so much.
    ///
    /// A difference of step `h` is off by `h^2/6` of the third derivative, one of `2h` by four times that: what
    /// is between the two is three times what the first is off by, and so an upper bound of it. Each loss of a
    /// difference may be off by its rounding, divided by `2h`.
    fn compare(
        &mut self,
        place: String,
        analytic: f64,
        rounding: f64,
        h: f64,
        loss_at: impl Fn(&mut Self, f64) -> (f64, bool),
    ) -> GradientCheck {
        let mut is_smooth = true;
        let mut over = |h: f64| {
            let [above, below] = [h, -h].map(|by| loss_at(self, by));
            is_smooth &= above.1 && below.1;
            (above.0 - below.0) / (2.0 * h)
        };
        let (near, far) = (over(h), over(2.0 * h));
        let numeric = is_smooth.then_some(near);
        let bound = (far - near).abs() + 2.0 * self.rounding / h + rounding;
        GradientCheck { place, analytic, numeric, bound }
    }

    /// Brings back the forward pass of the parameters as they are.
    fn go_back(&mut self) {
        self.reference.trace.clone_from(&self.trace);
        self.reference.between.normalized.clone_from(&self.normalized);
        self.reference.between.dropped.clone_from(&self.dropped);
    }

    /// The loss with one parameter changed, and whether nothing crosses a bend on the way there. Only one unit
    /// of its layer changes, and the layers after it.
    fn loss_at(&mut self, tensor: &Tensor, row: usize, col: usize, by: f64) -> (f64, bool) {
        let layer = tensor.layer;
        self.go_back();
        let input = match layer.checked_sub(1) {
            Some(previous) if self.dropped[previous].is_empty() => {
                &self.trace.activations[previous]
            }
            Some(previous) => &self.dropped[previous],
            None => self.inputs,
        };
        let fan_in = self.network.sizes()[layer];
        let index = tensor.index(row, col);
        let before = self.reference.parameters[index];
        let z = self.reference.trace.pre_activations[layer].iter_mut();
        for (z, input) in z.skip(col).step_by(tensor.cols).zip(input.chunks_exact(fan_in)) {
            *z += match tensor.kind {
                TensorKind::Weights => by * input[row],
                TensorKind::Bias => by,
                // They change what comes after it.
                _ => 0.0,
            };
        }
        if matches!(tensor.kind, TensorKind::Gamma | TensorKind::Beta) {
            self.reference.parameters[index] += by;
        }
        self.reference.forward_from(layer);
        self.reference.parameters[index] = before;
        self.loss_and_smoothness()
    }

    /// The loss of what the reference computed last, and whether everything is on its side of its bend.
    fn loss_and_smoothness(&self) -> (f64, bool) {
        let (loss, _) = self.reference.loss(&self.targets);
        (loss, self.sides() == self.sides)
    }

    /// For every unit whose activation bends at 0, whether it is above it; for every residual of Huber's loss,
    /// whether it is within delta.
    fn sides(&self) -> Vec<bool> {
        let trace = &self.reference.trace;
        let bends = |kind: Activation| kind.row().bends_at_zero;
        let units = self.network.layers().filter(|layer| bends(layer.activation));
        let units = units.flat_map(|layer| match layer.is_normed() {
            true => &self.reference.between.normalized[layer.index],
            false => &trace.pre_activations[layer.index],
        });
        let units = units.map(|&z| z > 0.0);
        let (outputs, rows) = (self.network.outputs(), self.inputs.len() / self.network.inputs());
        let width = self.targets.len() / rows;
        let (loss, delta) = self.network.loss_function();
        let residuals = self.reference.outputs().iter().enumerate().filter_map(|(at, &y)| {
            let target = self.targets[at / outputs * width + at % outputs];
            (loss == Loss::Huber).then_some((y - target).abs() < delta)
        });
        units.chain(residuals).collect()
    }
}
