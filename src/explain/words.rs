//! What formulas are called and what a stage does, in plain words.

use super::kinds::{StageKind, tensor_name};
use super::matrix::{Mark, Matrix};
use crate::network::{
    Activation, GradientAt, Layer, Loss, NORM_MOMENTUM, Network, Tensor, TensorKind,
};
use crate::optimizer::{Decay, Optimizer, UpdateRule};
use crate::text::counted;

/// An activation as a function of `z`.
pub(super) fn activation(kind: Activation) -> &'static str {
    match kind {
        Activation::Relu => "max(z, 0)",
        Activation::LeakyRelu => "z where z > 0, else s z",
        Activation::Tanh => "tanh z",
        Activation::Sigmoid => "1 / (1 + e^-z)",
        Activation::Identity => "z",
        Activation::Elu => "z where z > 0, else e^z - 1",
        Activation::Gelu => "z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3)))",
        Activation::Silu => "z / (1 + e^-z)",
    }
}

/// Its slope, where it gives `a` for `z`.
pub(super) fn slope(kind: Activation) -> &'static str {
    match kind {
        Activation::Relu => "1 where z > 0, else 0",
        Activation::LeakyRelu => "1 where z > 0, else s",
        Activation::Tanh => "1 - a^2",
        Activation::Sigmoid => "a (1 - a)",
        Activation::Identity => "1",
        Activation::Elu => "1 where z > 0, else a + 1",
        Activation::Gelu => "(1 + h)/2 + z/2 (1 - h^2) sqrt(2/pi) (1 + 0.134145 z^2), h the tanh",
        Activation::Silu => "s + a (1 - s), s = 1 / (1 + e^-z)",
    }
}

/// What a mean over rows, or over rows and outputs, divides by.
fn terms(outputs: usize) -> &'static str {
    if outputs == 1 { "m" } else { "(m n)" }
}

/// The loss; `m` is the rows of the batch, `n` the outputs.
pub(super) fn loss(kind: Loss, outputs: usize) -> String {
    let terms = terms(outputs);
    match kind {
        Loss::MseHalfMean => "1/(2m) sum (Y - T)^2".to_owned(),
        Loss::MseMean => format!("1/{terms} sum (Y - T)^2"),
        Loss::Bce => format!("-1/{terms} sum [T ln Y + (1 - T) ln(1 - Y)]"),
        Loss::BceWithLogits => format!("1/{terms} sum [max(Y,0) - Y T + ln(1 + e^-|Y|)]"),
        Loss::SoftmaxCrossEntropy => "-1/m sum T ln softmax(Y)".to_owned(),
        Loss::Huber => {
            format!(
                "1/{terms} sum h(Y - T), h(d) = d^2/2 where |d| < delta, else delta (|d| - delta/2)"
            )
        }
    }
}

/// What one row adds to the sum, before the mean.
pub(super) fn row_loss(kind: Loss) -> &'static str {
    match kind {
        Loss::MseHalfMean | Loss::MseMean => "sum (y - t)^2",
        Loss::Bce => "-sum [t ln y + (1 - t) ln(1 - y)]",
        Loss::BceWithLogits => "sum [max(y,0) - y t + ln(1 + e^-|y|)]",
        Loss::SoftmaxCrossEntropy => "-sum t ln softmax(y)",
        Loss::Huber => "sum h(y - t)",
    }
}

/// Its gradient where it enters the backward pass.
pub(super) fn loss_gradient(kind: Loss, outputs: usize) -> String {
    let terms = terms(outputs);
    match kind {
        Loss::MseHalfMean => "(Y - T) / m".to_owned(),
        Loss::MseMean => format!("2 (Y - T) / {terms}"),
        Loss::Bce => format!("(Y - T) / {terms}"),
        Loss::BceWithLogits => format!("(sigmoid(Y) - T) / {terms}"),
        Loss::SoftmaxCrossEntropy => "(softmax(Y) - T) / m".to_owned(),
        Loss::Huber => format!("(Y - T, at most delta and at least -delta) / {terms}"),
    }
}

/// What becomes of a parameter `p` with the gradient `dp`.
pub(super) fn update(optimizer: &Optimizer) -> String {
    let decays = optimizer.weight_decay != 0.0;
    let g = match decays && optimizer.decay == Decay::L2 {
        true => "(dp + decay p)",
        false => "dp",
    };
    let p = match decays && optimizer.decay == Decay::Decoupled {
        true => "p (1 - rate decay)",
        false => "p",
    };
    match optimizer.kind.row().rule {
        UpdateRule::Sgd => format!("{p} - rate {g}"),
        UpdateRule::Momentum => format!("{p} - rate v, v = momentum v + {g}"),
        UpdateRule::Nesterov => {
            format!("{p} - rate ({g} + momentum v), v = momentum v + {g}")
        }
        UpdateRule::Adam => format!(
            "{p} - rate (v / (1 - beta1^k)) / (sqrt(s / (1 - beta2^k)) + eps), \
             v = beta1 v + (1 - beta1) {g}, s = beta2 s + (1 - beta2) {g}^2"
        ),
        UpdateRule::RmsProp => {
            format!("{p} - rate {g} / (sqrt(s) + eps), s = alpha s + (1 - alpha) {g}^2")
        }
    }
}

/// What becomes of a running estimate.
pub(super) fn running(tensor: &Tensor) -> String {
    let (name, number) = (tensor_name(tensor), tensor.layer + 1);
    let (kept, momentum) = (1.0 - NORM_MOMENTUM, NORM_MOMENTUM);
    match tensor.kind {
        TensorKind::RunningMean => format!("{kept} {name} + {momentum} mean{number}"),
        _ => format!("{kept} {name} + {momentum} variance{number} m/(m - 1)"),
    }
}

/// Of a layer with a norm.
pub(super) fn no_bias_gradient(number: usize) -> String {
    format!(
        "db{number} is 0 but for rounding: the norm takes the mean off again, and with it whatever the bias adds."
    )
}

/// The formula of an update with a tensor's name in the place of `p`.
pub(super) fn of_parameter(formula: &str, name: &str) -> String {
    let word = |word: &str| match word.trim_matches(|c: char| "(),^2".contains(c)) {
        "p" => word.replace('p', name),
        "dp" => word.replace("dp", &format!("d{name}")),
        _ => word.to_owned(),
    };
    formula.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What a stage is called.
pub(super) fn title(kind: StageKind, network: &Network) -> String {
    let layers = network.activations().len();
    let layer = |index: usize| match index + 1 == layers {
        true => "output layer".to_owned(),
        false => format!("hidden layer {}", index + 1),
    };
    match kind {
        StageKind::Batch => "The batch".to_owned(),
        StageKind::Forward(index) => format!("Forward: {}", layer(index)),
        StageKind::Loss => "The loss".to_owned(),
        StageKind::Backward(index) => format!("Backward: {}", layer(index)),
        StageKind::Clipping => "Clipping the gradients".to_owned(),
        StageKind::Update => "The update".to_owned(),
    }
}

/// What it does.
pub(super) fn about(
    kind: StageKind,
    network: &Network,
    optimizer: &Optimizer,
    rows: usize,
) -> String {
    let layer = |index: usize| -> Option<Layer> { network.layers().nth(index) };
    let last = network.activations().len() - 1;
    match kind {
        StageKind::Batch => format!(
            "The step works on {}: one row of X holds the inputs of one example, and the same row of T what the \
             network should answer.",
            counted(rows as u64, "example")
        ),
        StageKind::Forward(index) => {
            let Some(own) = layer(index) else { return String::new() };
            let Layer { fan_in, fan_out, activation: kind, .. } = own;
            let feeds = match index {
                0 => counted(fan_in as u64, "input"),
                _ => counted(fan_in as u64, "unit") + " before",
            };
            let bends = match (kind, index == last) {
                (Activation::Identity, _) => {
                    "Identity leaves the sums as they are: this layer is linear.".to_owned()
                }
                (_, false) => format!(
                    "The activation {kind} then bends each sum; without a bend, two layers would do no more than one."
                ),
                (_, true) => {
                    format!("The activation {kind} turns each sum into an output.")
                }
            };
            let units = match fan_out {
                1 => "The unit takes a weighted sum of".to_owned(),
                units => format!("Each of the {units} units takes a weighted sum of"),
            };
            let rows = match own.is_normed() {
                true => "The norm takes each unit's mean over the rows of the batch off its sums, divides by their \
                         deviation, multiplies by gamma and adds beta: only here do rows count together. ",
                false => "Every row is computed alone, all with the same weights.",
            };
            let (before, after) = if own.is_normed() { (rows, "") } else { ("", rows) };
            let dropped = match own.dropout > 0.0 {
                true => format!(
                    " Dropout sets each activation to 0 with a probability of {}, and divides the others by what is left of \
                     1, so that their mean stays; which ones follows from the seed, the step, the layer, the row and the \
                     unit.",
                    own.dropout
                ),
                false => String::new(),
            };
            format!("{units} the {feeds} and adds its bias. {before}{bends} {after}{dropped}")
                .trim_end()
                .replace("  ", " ")
        }
        StageKind::Loss => "One number says how wrong the outputs are; training makes it smaller. It is a mean over \
                            the rows, so that it does not grow with the batch."
            .to_owned(),
        StageKind::Backward(index) if index == last => {
            let start = match network.loss().gradient_at() {
                GradientAt::Output => "how the loss changes with each output (dY), times the slope of the output's \
                                       activation (dZ)",
                GradientAt::PreActivation => "how the loss changes with each sum before the output's activation (dZ): \
                                              with this loss the slope of the activation cancels, and output less \
                                              target is left",
            };
            format!(
                "The chain rule, from the end: {start}. A weight's gradient sums, over the rows, what came in through \
                 it times what its sum wants changed; a bias's gradient is the same with an input of 1."
            )
        }
        StageKind::Backward(index) => {
            let (is_normed, drops) =
                layer(index).map_or((false, false), |own| (own.is_normed(), own.dropout > 0.0));
            let number = index + 1;
            let weights = match drops {
                true => format!("(dD{number}), through the mask of dropout (dA{number}), and"),
                false => format!("(dA{number}), and"),
            };
            let slope = match is_normed {
                true => format!(
                    "(dN{number}), and through the norm (dZ{number}), whose mean and deviation change with every row too"
                ),
                false => format!("(dZ{number})"),
            };
            let all = if is_normed { "weights, biases, gamma and beta" } else { "weights and biases" };
            format!(
                "What the next layer's sums want changed goes back through its weights {weights} through the slope of \
                 the activation {slope}. Then the gradients of this layer's {all}, as before."
            )
        }
        StageKind::Clipping => {
            "All gradients together are one vector. Where it is longer than allowed, all of it is scaled down: the \
             direction stays."
                .to_owned()
        }
        StageKind::Update => {
            let rule = match optimizer.kind.row().rule {
                UpdateRule::Sgd => "Each parameter moves against its gradient, by the learning rate.",
                UpdateRule::Momentum | UpdateRule::Nesterov => {
                    "Each parameter moves against its velocity: a sum of its gradients in which earlier ones fade."
                }
                UpdateRule::Adam => {
                    "Each parameter moves against a mean of its gradients, divided by the root of a mean of their \
                     squares: how far it goes hardly depends on how large they are."
                }
                UpdateRule::RmsProp => {
                    "Each parameter moves against its gradient, divided by the root of a mean of its squares."
                }
            };
            format!("{rule} All of them move at once, from the gradients above.")
        }
    }
}

/// `unit 2`, `units 1 and 3`, `units 1, 2 and 3 more`, from places counted from 0.
fn units(places: &[usize]) -> String {
    let names: Vec<String> = places.iter().take(8).map(|place| (place + 1).to_string()).collect();
    let more = places.len() - names.len();
    match names.as_slice() {
        [one] => format!("unit {one}"),
        names if more > 0 => format!("units {} and {more} more", names.join(", ")),
        [rest @ .., last] => format!("units {} and {last}", rest.join(", ")),
        [] => String::new(),
    }
}

/// Sentences about what is marked in a matrix of a layer.
pub(super) fn notes(matrix: &Matrix, kind: Activation, optimizer: &Optimizer) -> Vec<String> {
    let name = &matrix.name;
    let rows = counted(matrix.rows as u64, "row");
    let those = |wanted: fn(&Mark) -> Option<usize>| -> Vec<usize> {
        matrix.marks.iter().filter_map(wanted).collect()
    };
    let mut notes = Vec::new();
    let dead = those(|mark| if let Mark::Dead { unit } = mark { Some(*unit) } else { None });
    if !dead.is_empty() {
        let all = if matrix.rows == 1 { "the 1 row" } else { &format!("all {rows}") };
        notes.push(format!(
            "Dead: {} of {name}, 0 on {all} of this batch. The slope of {kind} is 0 there, so no gradient comes back.",
            units(&dead)
        ));
    }
    let full = those(|mark| if let Mark::Saturated { unit } = mark { Some(*unit) } else { None });
    if !full.is_empty() {
        notes.push(format!(
            "Saturated: {} of {name}, on every row within 0.01 of where {kind} ends. Its slope is close to 0 there.",
            units(&full)
        ));
    }
    let flat = matrix.marks.iter().filter(|mark| matches!(mark, Mark::ZeroSlope { .. })).count();
    if flat > 0 {
        notes.push(format!(
            "* Zero derivative: at {flat} of the {} places of {name} the slope of {kind} is 0, and nothing goes back.",
            matrix.values.len()
        ));
    }
    let still = those(|mark| if let Mark::NoGradient { unit } = mark { Some(*unit) } else { None });
    if !still.is_empty() {
        let moves = optimizer.weight_decay != 0.0 || optimizer.has_moments()[0];
        let moved = match moves {
            true => "only weight decay and earlier gradients move its weights",
            false => "this step leaves its weights as they are",
        };
        notes.push(format!("No gradient: {} of {name}; {moved}.", units(&still)));
    }
    notes
}

/// What a difference that is none means, of matrices that have some.
pub(super) fn bends(names: &[&str]) -> String {
    format!(
        "bend ({}): a unit or an error lies so close to where its slope jumps that the two losses of a difference lie on \
         different sides of it, and no difference is a derivative. The gradient takes the slope as the formula says.",
        names.join(", ")
    )
}
