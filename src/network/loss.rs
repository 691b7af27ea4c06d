//! Losses by name, their scales, and what each asks of the output layer.

use super::Activation;
use super::named::named;

named! {
    /// What training makes small. `B` is the rows of a batch, `O` the outputs, `y` the outputs,
    /// `z` the output layer's pre-activations, `t` the targets; logarithms are natural.
    pub enum Loss ("loss") {
        /// `1/(2B) sum (y - t)^2`.
        MseHalfMean = "mse-half-mean",
        /// `1/(B O) sum (y - t)^2`.
        MseMean = "mse-mean",
        /// `-1/(B O) sum [t ln y + (1 - t) ln(1 - y)]` of a sigmoid output, computed from `z`.
        Bce = "bce",
        /// The same of an identity output: `1/(B O) sum [max(z,0) - z t + ln(1 + e^-|z|)]`.
        BceWithLogits = "bce-with-logits",
        /// `-1/B sum ln softmax(z)[class]` of an identity output; targets are one-of-n rows.
        SoftmaxCrossEntropy = "softmax-cross-entropy",
    }
}

/// Where a loss's gradient enters the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GradientAt {
    /// dLoss/dy: the output activation's slope is still to be applied.
    Output,
    /// dLoss/dz: the slope is already in it (it cancels; taking it piece by piece loses digits).
    PreActivation,
}

/// What turns a network's outputs into predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Outputs are predictions.
    Identity,
    /// Outputs are logits of independent probabilities.
    Sigmoid,
    /// Outputs are logits of one class among several.
    Softmax,
}

impl Loss {
    /// The number by which WGSL knows this loss: the `const` of the same name in
    /// `shaders/common/loss.wgsl`.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// Where [`Loss`]'s gradient enters the backward pass.
    pub const fn gradient_at(self) -> GradientAt {
        match self {
            Loss::MseHalfMean | Loss::MseMean => GradientAt::Output,
            Loss::Bce | Loss::BceWithLogits | Loss::SoftmaxCrossEntropy => {
                GradientAt::PreActivation
            }
        }
    }

    /// What turns outputs into predictions under this loss.
    pub const fn link(self) -> Link {
        match self {
            Loss::MseHalfMean | Loss::MseMean | Loss::Bce => Link::Identity,
            Loss::BceWithLogits => Link::Sigmoid,
            Loss::SoftmaxCrossEntropy => Link::Softmax,
        }
    }

    /// The output activation this loss demands, if it demands one.
    pub const fn required_output(self) -> Option<Activation> {
        match self {
            Loss::MseHalfMean | Loss::MseMean => None,
            Loss::Bce => Some(Activation::Sigmoid),
            Loss::BceWithLogits | Loss::SoftmaxCrossEntropy => Some(Activation::Identity),
        }
    }

    /// Whether targets must lie in `[0, 1]`.
    pub const fn targets_are_probabilities(self) -> bool {
        !matches!(self, Loss::MseHalfMean | Loss::MseMean)
    }

    /// The factor on the sum over rows and outputs that gives the loss.
    pub fn value_scale(self, batch: usize, outputs: usize) -> f64 {
        match self {
            Loss::MseHalfMean => 0.5 / batch as f64,
            Loss::MseMean | Loss::Bce | Loss::BceWithLogits => {
                1.0 / (batch as f64 * outputs as f64)
            }
            Loss::SoftmaxCrossEntropy => 1.0 / batch as f64,
        }
    }

    /// The factor on `y - t` (on `sigmoid(z) - t`, `softmax(z) - t`) that gives the gradient.
    pub fn gradient_scale(self, batch: usize, outputs: usize) -> f64 {
        match self {
            Loss::MseHalfMean | Loss::SoftmaxCrossEntropy => 1.0 / batch as f64,
            Loss::MseMean => 2.0 / (batch as f64 * outputs as f64),
            Loss::Bce | Loss::BceWithLogits => 1.0 / (batch as f64 * outputs as f64),
        }
    }
}
