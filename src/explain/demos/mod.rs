//! What is said of small networks, measured: each demonstration trains or computes, and compares numbers.

mod gradients;
mod lab;
mod limits;
mod odds;
mod result;
mod starts;

pub use lab::Lab;
pub use result::{Cell, Demonstration, Inequality, Relation, Section, Table};

use crate::Error;
use crate::network::named;

named! {
    /// A demonstration.
    pub enum Demo ("demonstration") {
        /// Equal units stay equal.
        Symmetry = "symmetry",
        /// Large weights saturate.
        Saturation = "saturation",
        /// What a single layer cannot do.
        SingleLayer = "single-layer",
        /// One row is learned by heart.
        OnePoint = "one-point",
        /// What the hidden layer does to XOR.
        Folding = "folding",
        /// A backward pass with a factor left out.
        MissingDerivative = "missing-derivative",
        /// Two losses.
        Bce = "bce",
        /// Deep sigmoid layers.
        Vanishing = "vanishing",
        /// The cure for them.
        BatchNorm = "batch-norm",
        /// A unit that is off on every row.
        DeadRelu = "dead-relu",
        /// Gradients that explode.
        Clipping = "clipping",
        /// A velocity.
        Momentum = "momentum",
        /// How many starts solve XOR.
        Odds = "odds",
    }
}

impl Demo {
    /// What it is to show.
    pub const fn claim(self) -> &'static str {
        match self {
            Demo::Symmetry => {
                "Units that start equal stay equal for ever; random weights break the symmetry"
            }
            Demo::Saturation => {
                "Too large an initialization saturates tanh: slopes near 0, and a worse fit"
            }
            Demo::SingleLayer => {
                "A single layer gets at most 3 rows of XOR right; four inequalities prove it"
            }
            Demo::OnePoint => "One data point is fitted to a loss of almost zero",
            Demo::Folding => {
                "The hidden layer moves the four points of XOR so that a line separates them"
            }
            Demo::MissingDerivative => {
                "A backward pass without the activation's derivative fails the gradient check"
            }
            Demo::Bce => "bce solves XOR in a fraction of the epochs that mse-half-mean takes",
            Demo::Vanishing => {
                "Gradients vanish through sigmoid layers, and hardly through relu layers"
            }
            Demo::BatchNorm => {
                "Ten sigmoid layers learn nothing; with batch normalization they tell two circles apart"
            }
            Demo::DeadRelu => "A dead relu unit never moves again; leaky-relu lets it recover",
            Demo::Clipping => "Clipping the norm of the gradients keeps an exploding run finite",
            Demo::Momentum => "Momentum gets through a narrow valley in a fraction of the epochs",
            Demo::Odds => "The more hidden units, the more starts solve XOR, with every activation",
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Error::Gpu`] where the device fails.
    pub async fn run(self, lab: &Lab<'_>) -> Result<Demonstration, Error> {
        lab.take_used();
        let (sections, inequalities) = match self {
            Demo::Symmetry => starts::symmetry(lab).await,
            Demo::Saturation => starts::saturation(lab).await,
            Demo::SingleLayer => limits::single_layer(lab).await,
            Demo::OnePoint => limits::one_point(lab).await,
            Demo::Folding => limits::folding(lab).await,
            Demo::MissingDerivative => gradients::missing_derivative(lab).await,
            Demo::Bce => odds::bce(lab).await,
            Demo::Vanishing => gradients::vanishing(lab).await,
            Demo::BatchNorm => gradients::batch_norm(lab).await,
            Demo::DeadRelu => starts::dead_relu(lab).await,
            Demo::Clipping => gradients::clipping(lab).await,
            Demo::Momentum => odds::momentum(lab).await,
            Demo::Odds => odds::odds(lab).await,
        }?;
        let (name, claim, computed_by) = (self.name(), self.claim(), lab.take_used());
        Ok(Demonstration { name, claim, computed_by, sections, inequalities })
    }
}

/// What a demonstration measured, and what its claim comes to.
type Measured = Result<(Vec<Section>, Vec<Inequality>), Error>;
