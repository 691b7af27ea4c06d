//! Losses, one row each, and their formulas: their scales, and what it asks of the output layer and of the targets.
//! Beside a row stand its lines in `shaders/common/loss.wgsl` and, for speed, in `engine/cpu/math.rs`.

use super::Activation;
use super::hyperparameter::{Hyperparameter, Range};
use super::named::family;
use super::real::{Number, Real};

/// What is known of a loss.
#[derive(Debug)]
#[non_exhaustive]
pub struct LossRow {
    /// The number that it has beside its name.
    pub hyperparameter: Option<&'static Hyperparameter>,
    /// Where the gradient enters the backward pass.
    pub gradient_at: GradientAt,
    /// What turns outputs into predictions.
    pub link: Link,
    /// The output activation that it demands.
    pub required_output: Option<Activation>,
    /// What targets must be.
    pub targets: Targets,
    /// The factor on the mean of the values ...
    pub value_factor: f64,
    /// ... and on that of the slopes.
    pub slope_factor: f64,
    /// Over what the mean goes.
    pub mean: Mean,
    /// How PyTorch computes it.
    pub pytorch: LossPyTorch,
}

/// A loss in PyTorch.
#[derive(Debug)]
#[non_exhaustive]
pub struct LossPyTorch {
    /// What the value is, for the docstring.
    pub about: &'static str,
    /// An expression of `outputs` and `targets`, from the hyperparameter.
    pub expression: fn(f64) -> String,
    /// Whether the output activation stands in that expression, and so not in the network.
    pub takes_logits: bool,
}

/// Where a loss's gradient enters the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GradientAt {
    /// dLoss/dy: the output activation's slope is still to be applied.
    Output,
    /// dLoss/dz: the slope is already in it (it cancels; taking it piece by piece loses digits).
    PreActivation,
}

/// What turns a network's outputs into predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// Outputs are predictions.
    Identity,
    /// Outputs are logits of independent probabilities.
    Sigmoid,
    /// Outputs are logits of one class among several.
    Softmax,
}

/// What a loss asks of the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Targets {
    /// Any numbers.
    Numbers,
    /// Independent probabilities, each within `[0, 1]`.
    Probabilities,
    /// Probabilities that sum to 1 in each row.
    Distribution,
}

/// Over what the mean of a loss goes; the outputs of a row are summed where it goes over rows alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mean {
    /// The rows.
    Rows,
    /// Rows and outputs.
    RowsAndOutputs,
}

/// Where Huber's loss turns from a square to a line (Huber 1964).
pub const HUBER_DELTA: Hyperparameter = Hyperparameter {
    name: "huber-delta",
    help: "Error at which the huber loss changes from quadratic to linear",
    default: 1.0,
    range: Range::Positive,
};

family! {
    /// What training makes small. `B` is the rows of a batch, `O` the outputs, `y` the outputs,
    /// `z` the output layer's pre-activations, `t` the targets; logarithms are natural.
    pub enum Loss ("loss"): LossRow {
        /// `1/(2B) sum (y - t)^2`.
        MseHalfMean = "mse-half-mean" => LossRow {
            value_factor: 0.5,
            slope_factor: 1.0,
            mean: Mean::Rows,
            pytorch: LossPyTorch {
                about: "half the squares, summed over outputs, their mean over rows",
                expression: |_| "0.5 * (outputs - targets).square().sum() / len(outputs)".to_owned(),
                takes_logits: false,
            },
            ..MSE_MEAN
        },
        /// `1/(B O) sum (y - t)^2`.
        MseMean = "mse-mean" => MSE_MEAN,
        /// `-1/(B O) sum [t ln y + (1 - t) ln(1 - y)]` of a sigmoid output, computed from `z`.
        Bce = "bce" => LossRow {
            link: Link::Identity,
            required_output: Some(Activation::Sigmoid),
            pytorch: LossPyTorch {
                about: "the mean over rows and outputs, from the logits",
                expression: |_| BCE_WITH_LOGITS_EXPRESSION.to_owned(),
                takes_logits: true,
            },
            ..BCE_WITH_LOGITS
        },
        /// The same of an identity output: `1/(B O) sum [max(z,0) - z t + ln(1 + e^-|z|)]`.
        BceWithLogits = "bce-with-logits" => BCE_WITH_LOGITS,
        /// `-1/B sum ln softmax(z)[class]` of an identity output; targets are one-of-n rows.
        SoftmaxCrossEntropy = "softmax-cross-entropy" => LossRow {
            gradient_at: GradientAt::PreActivation,
            link: Link::Softmax,
            required_output: Some(Activation::Identity),
            targets: Targets::Distribution,
            slope_factor: 1.0,
            mean: Mean::Rows,
            pytorch: LossPyTorch {
                about: "the mean over rows; targets are probabilities",
                expression: |_| "functional.cross_entropy(outputs, targets)".to_owned(),
                takes_logits: false,
            },
            ..MSE_MEAN
        },
        /// `1/(B O) sum h(y - t)`, `h(d) = d^2/2` where `|d| < delta`, else `delta (|d| - delta/2)`: squared
        /// for small errors, and for large ones, such as outliers, no steeper than `delta`.
        Huber = "huber" => LossRow {
            hyperparameter: Some(&HUBER_DELTA),
            slope_factor: 1.0,
            pytorch: LossPyTorch {
                about: "the mean over rows and outputs",
                expression: |delta| format!("functional.huber_loss(outputs, targets, delta={delta})"),
                takes_logits: false,
            },
            ..MSE_MEAN
        },
    }
}

/// Squared error; the other rows say where they differ.
const MSE_MEAN: LossRow = LossRow {
    hyperparameter: None,
    gradient_at: GradientAt::Output,
    link: Link::Identity,
    required_output: None,
    targets: Targets::Numbers,
    value_factor: 1.0,
    slope_factor: 2.0,
    mean: Mean::RowsAndOutputs,
    pytorch: LossPyTorch {
        about: "the mean over rows and outputs",
        expression: |_| "functional.mse_loss(outputs, targets)".to_owned(),
        takes_logits: false,
    },
};

const BCE_WITH_LOGITS: LossRow = LossRow {
    gradient_at: GradientAt::PreActivation,
    link: Link::Sigmoid,
    required_output: Some(Activation::Identity),
    targets: Targets::Probabilities,
    slope_factor: 1.0,
    pytorch: LossPyTorch {
        about: "the mean over rows and outputs",
        expression: |_| BCE_WITH_LOGITS_EXPRESSION.to_owned(),
        takes_logits: false,
    },
    ..MSE_MEAN
};

const BCE_WITH_LOGITS_EXPRESSION: &str =
    "functional.binary_cross_entropy_with_logits(outputs, targets)";

impl Loss {
    /// The number by which WGSL knows this loss: the `const` of the same name in
    /// `shaders/common/loss.wgsl`.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The part that one output gives, from `[parameter, value, t]`; `value` is `y` or `z`, as
    /// [`Self::gradient_at`] says. Of the softmax, whose outputs belong together, from the logarithm of its
    /// probability.
    pub fn value<T: Real>(self, [parameter, value, t]: [T; 3]) -> T {
        match self {
            Loss::MseHalfMean | Loss::MseMean => (value - t) * (value - t),
            Loss::Bce | Loss::BceWithLogits => cross_entropy(value, t),
            Loss::SoftmaxCrossEntropy => -(t * value),
            Loss::Huber => huber(parameter, (value - t).abs()),
        }
    }

    /// Its derivative, from `[parameter, p, t]` with the prediction `p`.
    // Inlined into loops over vectors of the instructions that these are compiled for.
    #[inline(always)]
    pub fn slope<T: Number>(self, [parameter, p, t]: [T; 3]) -> T {
        let d = p - t;
        match self {
            Loss::Huber => d.above(parameter, parameter, (-parameter).above(d, -parameter, d)),
            _ => d,
        }
    }

    /// The hyperparameter's default; 0 where there is none.
    pub fn default_parameter(self) -> f64 {
        self.row().hyperparameter.map_or(0.0, |row| row.default)
    }

    /// Where [`Loss`]'s gradient enters the backward pass.
    pub const fn gradient_at(self) -> GradientAt {
        self.row().gradient_at
    }

    /// What turns outputs into predictions under this loss.
    pub const fn link(self) -> Link {
        self.row().link
    }

    /// The output activation this loss demands, if it demands one.
    pub const fn required_output(self) -> Option<Activation> {
        self.row().required_output
    }

    /// Whether predictions, and so targets, are probabilities.
    pub const fn predicts_probabilities(self) -> bool {
        matches!(self.row().targets, Targets::Probabilities | Targets::Distribution)
    }

    /// What the mean divides by.
    fn terms(self, batch: usize, outputs: usize) -> f64 {
        match self.row().mean {
            Mean::Rows => batch as f64,
            Mean::RowsAndOutputs => batch as f64 * outputs as f64,
        }
    }

    /// The factor on the sum over rows and outputs that gives the loss.
    pub fn value_scale(self, batch: usize, outputs: usize) -> f64 {
        self.row().value_factor / self.terms(batch, outputs)
    }

    /// The factor on the slopes that gives the gradient.
    pub fn gradient_scale(self, batch: usize, outputs: usize) -> f64 {
        self.row().slope_factor / self.terms(batch, outputs)
    }
}

/// For `y = sigmoid(z)`, from `z`: neither logarithm can meet a zero.
fn cross_entropy<T: Real>(z: T, t: T) -> T {
    let positive = z.above(T::of(0.0), z, T::of(0.0));
    positive - z * t + (-z.abs()).exp().ln_1p()
}

fn huber<T: Real>(delta: T, d: T) -> T {
    let half = T::of(0.5);
    delta.above(d, half * d * d, delta * (d - half * delta))
}
