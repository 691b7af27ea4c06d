//! What a network is: layer sizes, an activation per layer, a loss. Plain data, validated once.
//!
//! ```
//! use wgrad::network::{Activation, Layout, Loss, Network, Norm};
//!
//! // 4 inputs, two hidden layers, 3 classes.
//! let sizes = vec![4, 16, 16, 3];
//! let loss = Loss::SoftmaxCrossEntropy;
//! let network = Network::uniform(sizes, Activation::Relu, Activation::Identity, loss)?;
//! let network = network.with_norm(Norm::Batch)?.with_dropout(0.1)?;
//! assert_eq!(network.parameter_count(), 4 * 16 + 16 * 16 + 16 * 3 + (16 + 16 + 3) + 2 * (16 + 16));
//! // In one buffer, with padding, and with the running estimates of the norms.
//! assert!(Layout::new(&network).len() > network.parameter_count());
//! # Ok::<(), wgrad::network::NetworkError>(())
//! ```
//!
//! An [`Activation`], a [`Loss`] or a [`Norm`] is a row of a table: its formula, and all that is known of it.

mod activation;
mod dropout;
mod hyperparameter;
mod init;
mod layout;
mod loss;
mod named;
mod norm;
mod real;

#[doc(hidden)]
pub use activation::SATURATED_WITHIN;
pub use activation::{Activation, ActivationRow, NEGATIVE_SLOPE, SlopeNeeds};
pub use dropout::DROPOUT;
#[doc(hidden)]
pub use dropout::Mask;
pub(crate) use dropout::{dropout_scale, dropout_threshold};
pub use hyperparameter::{BadValue, Hyperparameter, Range};
pub use init::{Draw, Initializer};
pub(crate) use layout::row_stride;
pub use layout::{LayerBlock, Layout, NormBlock, Tensor, TensorKind};
pub use loss::{GradientAt, HUBER_DELTA, Link, Loss, LossPyTorch, LossRow, Mean, Targets};
pub use named::UnknownName;
pub(crate) use named::{family, named};
#[doc(hidden)]
pub use norm::unbiased;
pub use norm::{NORM_EPS, NORM_MOMENTUM, Norm, NormRow};
pub use real::{Number, Real};

use serde::{Deserialize, Serialize};

/// Units per layer, as in 2-3-1.
#[doc(hidden)]
pub fn joined(sizes: &[usize], between: &str) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(between)
}

/// The most weight layers a network may have.
pub const MAX_LAYERS: usize = 64;
/// The most units a layer may have.
pub const MAX_UNITS: usize = 1 << 20;
/// The most elements of a parameter buffer, padding included: 1 GiB of f32.
pub const MAX_PARAMETERS: usize = 1 << 28;

/// A network that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Fewer than two sizes.
    #[error(
        "layers {sizes:?}: a network needs at least an input and an output size, as in `sizes` 2,3,1"
    )]
    TooFewSizes {
        /// The sizes given.
        sizes: Vec<usize>,
    },
    /// More layers than [`MAX_LAYERS`].
    #[error("{layers} weight layers: at most {MAX_LAYERS} are supported; give `sizes` fewer sizes")]
    TooManyLayers {
        /// How many were asked for.
        layers: usize,
    },
    /// A size of zero, or beyond [`MAX_UNITS`].
    #[error("size {position} of `sizes` is {size}: a layer has 1 to {MAX_UNITS} units")]
    BadSize {
        /// Which size, from 1.
        position: usize,
        /// Its value.
        size: usize,
    },
    /// More parameters than an index can name.
    #[error(
        "layers {sizes:?} need more than {MAX_PARAMETERS} parameters; choose smaller sizes in `sizes`"
    )]
    TooManyParameters {
        /// The sizes given.
        sizes: Vec<usize>,
    },
    /// Not one activation per weight layer.
    #[error("{given} activations for {layers} weight layers: give one per layer")]
    ActivationCount {
        /// How many were given.
        given: usize,
        /// How many weight layers there are.
        layers: usize,
    },
    /// A loss on an output it is not defined for.
    #[error(
        "loss {loss} needs an output activation of {needed}, not {given}; use `output` {needed}, or another `loss`"
    )]
    LossNeedsOutput {
        /// The loss.
        loss: Loss,
        /// What it needs.
        needed: Activation,
        /// What the network has.
        given: Activation,
    },
    /// Not one hyperparameter per activation.
    #[error("{given} activation parameters for {layers} weight layers: give one per layer")]
    ParameterCount {
        /// How many were given.
        given: usize,
        /// How many weight layers there are.
        layers: usize,
    },
    /// A hyperparameter out of its range.
    #[error(transparent)]
    BadValue(#[from] BadValue),
    /// A hyperparameter of an activation or a loss that the network does not have.
    #[error(
        "`{}`: neither the activations nor the loss of this network have it; leave it out",
        name.replace('-', "_")
    )]
    Unused {
        /// Its name.
        name: &'static str,
    },
    /// A norm of no layer.
    #[error(
        "`norm` {norm}: it is for hidden layers, and layers {sizes:?} have none; give `sizes` one, or leave it out"
    )]
    NothingToNormalize {
        /// What was asked for.
        norm: Norm,
        /// The sizes given.
        sizes: Vec<usize>,
    },
    /// Dropout of no layer.
    #[error(
        "`dropout` {dropout}: it is for hidden layers, and layers {sizes:?} have none; give `sizes` one, or leave it out"
    )]
    NothingToDrop {
        /// What was asked for.
        dropout: f64,
        /// The sizes given.
        sizes: Vec<usize>,
    },
    /// Softmax over one class.
    #[error(
        "loss softmax-cross-entropy over a single output is always 0; use bce-with-logits, or an output size of 2 or more"
    )]
    SoftmaxOfOne,
}

/// One weight layer: `z = a_prev . weights + bias`, `a = activation(z)`, samples as rows. With a norm `n = norm(z)`,
/// `a = activation(n)`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Layer {
    /// Which layer, from 0.
    pub index: usize,
    /// Units that feed it.
    pub fan_in: usize,
    /// Units it has.
    pub fan_out: usize,
    /// What it does to `z`.
    pub activation: Activation,
    /// The activation's hyperparameter; 0 where it has none.
    pub parameter: f64,
    /// What is done to `z` before; nothing to that of the output layer.
    pub norm: Norm,
    /// The probability with which a step drops one of its activations; 0 of the output layer.
    pub dropout: f64,
}

impl Layer {
    /// Whether there is a norm between its biases and its activation.
    pub fn is_normed(&self) -> bool {
        self.norm != Norm::None
    }

    /// The activation with its hyperparameter.
    pub fn function(&self) -> (Activation, f64) {
        (self.activation, self.parameter)
    }
}

/// Layer sizes, an activation per weight layer, a loss, and the hyperparameters of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Network {
    sizes: Vec<usize>,
    activations: Vec<Activation>,
    /// One per activation; 0 where it has none.
    parameters: Vec<f64>,
    /// Of the hidden layers.
    norm: Norm,
    /// Of the hidden layers, in steps alone.
    dropout: f64,
    loss: Loss,
    /// 0 where the loss has none.
    loss_parameter: f64,
}

/// A network as it stands in a file: hyperparameters only where they are not the defaults.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    sizes: Vec<usize>,
    activations: Vec<Activation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_parameters: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    norm: Option<Norm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropout: Option<f64>,
    loss: Loss,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss_parameter: Option<f64>,
}

impl TryFrom<Unchecked> for Network {
    type Error = NetworkError;
    fn try_from(raw: Unchecked) -> Result<Self, NetworkError> {
        let mut network = Network::new(raw.sizes, raw.activations, raw.loss)?;
        if let Some(parameters) = raw.activation_parameters {
            let (given, layers) = (parameters.len(), network.parameters.len());
            if given != layers {
                return Err(NetworkError::ParameterCount { given, layers });
            }
            network.parameters = parameters;
        }
        network.loss_parameter = raw.loss_parameter.unwrap_or(network.loss_parameter);
        for (row, value) in network.hyperparameters() {
            row.check(value)?;
        }
        network.with_norm(raw.norm.unwrap_or_default())?.with_dropout(raw.dropout.unwrap_or(0.0))
    }
}

impl From<Network> for Unchecked {
    fn from(network: Network) -> Unchecked {
        let Network { sizes, activations, parameters, norm, dropout, loss, loss_parameter } =
            network;
        let defaults = activations.iter().map(|activation| activation.default_parameter());
        let is_default = defaults.eq(parameters.iter().copied());
        Unchecked {
            sizes,
            activations,
            activation_parameters: (!is_default).then_some(parameters),
            norm: (norm != Norm::None).then_some(norm),
            dropout: (dropout != 0.0).then_some(dropout),
            loss,
            loss_parameter: (loss_parameter != loss.default_parameter()).then_some(loss_parameter),
        }
    }
}

impl Network {
    /// A network of `sizes` (units per layer, the input first) with one activation per weight
    /// layer, the last being the output's.
    ///
    /// # Errors
    /// [`NetworkError`] names what does not fit, and the argument that mends it.
    pub fn new(
        sizes: Vec<usize>,
        activations: Vec<Activation>,
        loss: Loss,
    ) -> Result<Network, NetworkError> {
        if sizes.len() < 2 {
            return Err(NetworkError::TooFewSizes { sizes });
        }
        let layers = sizes.len() - 1;
        if layers > MAX_LAYERS {
            return Err(NetworkError::TooManyLayers { layers });
        }
        if let Some(at) = sizes.iter().position(|&size| size == 0 || size > MAX_UNITS) {
            return Err(NetworkError::BadSize { position: at + 1, size: sizes[at] });
        }
        if activations.len() != layers {
            return Err(NetworkError::ActivationCount { given: activations.len(), layers });
        }
        let given = activations[layers - 1];
        if let Some(needed) = loss.required_output().filter(|&needed| needed != given) {
            return Err(NetworkError::LossNeedsOutput { loss, needed, given });
        }
        if loss.link() == Link::Softmax && sizes[layers] == 1 {
            return Err(NetworkError::SoftmaxOfOne);
        }
        if Layout::padded_len(&sizes, Norm::None).is_none_or(|len| len > MAX_PARAMETERS) {
            return Err(NetworkError::TooManyParameters { sizes });
        }
        let parameters = activations.iter().map(|kind| kind.default_parameter()).collect();
        let loss_parameter = loss.default_parameter();
        let (norm, dropout) = (Norm::None, 0.0);
        Ok(Network { sizes, activations, parameters, norm, dropout, loss, loss_parameter })
    }

    /// The same with a norm of the hidden layers.
    ///
    /// # Errors
    /// [`NetworkError::NothingToNormalize`] without a hidden layer, [`NetworkError::TooManyParameters`].
    pub fn with_norm(mut self, norm: Norm) -> Result<Network, NetworkError> {
        let sizes = &self.sizes;
        if norm != Norm::None && sizes.len() == 2 {
            return Err(NetworkError::NothingToNormalize { norm, sizes: self.sizes });
        }
        if Layout::padded_len(sizes, norm).is_none_or(|len| len > MAX_PARAMETERS) {
            return Err(NetworkError::TooManyParameters { sizes: self.sizes });
        }
        self.norm = norm;
        Ok(self)
    }

    /// The same with a probability with which a step drops an activation of a hidden layer: at least 0 and below 1.
    ///
    /// # Errors
    /// [`NetworkError::BadValue`] outside of that, [`NetworkError::NothingToDrop`] without a hidden layer.
    pub fn with_dropout(mut self, dropout: f64) -> Result<Network, NetworkError> {
        DROPOUT.check(dropout)?;
        if dropout > 0.0 && self.sizes.len() == 2 {
            return Err(NetworkError::NothingToDrop { dropout, sizes: self.sizes });
        }
        self.dropout = dropout;
        Ok(self)
    }

    /// The same with another value of a hyperparameter, in every activation that has it and in the loss.
    ///
    /// # Errors
    /// [`NetworkError::BadValue`] where the value is out of range, [`NetworkError::Unused`] where the network has no
    /// such hyperparameter.
    ///
    /// ```
    /// use wgrad::network::{Activation, Loss, NEGATIVE_SLOPE, Network};
    ///
    /// let (hidden, output) = (Activation::LeakyRelu, Activation::Sigmoid);
    /// let network = Network::uniform(vec![2, 3, 1], hidden, output, Loss::Bce)?;
    /// let network = network.with_hyperparameter(&NEGATIVE_SLOPE, 0.2)?;
    /// assert_eq!(network.layers().next().unwrap().parameter, 0.2);
    /// # Ok::<(), wgrad::network::NetworkError>(())
    /// ```
    pub fn with_hyperparameter(
        mut self,
        row: &Hyperparameter,
        value: f64,
    ) -> Result<Network, NetworkError> {
        row.check(value)?;
        let is_it = |own: Option<&Hyperparameter>| own.is_some_and(|own| own.name == row.name);
        let mut found = is_it(self.loss.row().hyperparameter);
        if found {
            self.loss_parameter = value;
        }
        for (kind, parameter) in self.activations.iter().zip(&mut self.parameters) {
            if is_it(kind.row().hyperparameter) {
                *parameter = value;
                found = true;
            }
        }
        if found { Ok(self) } else { Err(NetworkError::Unused { name: row.name }) }
    }

    /// The hyperparameters of its activations and its loss, each with its value.
    pub fn hyperparameters(&self) -> impl Iterator<Item = (&'static Hyperparameter, f64)> + '_ {
        let of_activations = self.activations.iter().zip(&self.parameters);
        let of_activations =
            of_activations.filter_map(|(kind, &value)| Some((kind.row().hyperparameter?, value)));
        let of_loss = self.loss.row().hyperparameter.map(|row| (row, self.loss_parameter));
        of_activations.chain(of_loss)
    }

    /// The same with `hidden` on every layer but the last, and `output` on the last.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn uniform(
        sizes: Vec<usize>,
        hidden: Activation,
        output: Activation,
        loss: Loss,
    ) -> Result<Network, NetworkError> {
        let layers = sizes.len().saturating_sub(1);
        let mut activations = vec![hidden; layers];
        if let Some(last) = activations.last_mut() {
            *last = output;
        }
        Network::new(sizes, activations, loss)
    }

    /// Units per layer, the input first: `[layers + 1]`.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// One activation per weight layer, `[layers]`.
    pub fn activations(&self) -> &[Activation] {
        &self.activations
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The loss's hyperparameter; 0 where it has none.
    pub fn loss_parameter(&self) -> f64 {
        self.loss_parameter
    }

    /// The loss with its hyperparameter.
    pub fn loss_function(&self) -> (Loss, f64) {
        (self.loss, self.loss_parameter)
    }

    /// What is done to the pre-activations of its hidden layers.
    pub fn norm(&self) -> Norm {
        self.norm
    }

    /// The probability with which a step drops an activation of a hidden layer.
    pub fn dropout(&self) -> f64 {
        self.dropout
    }

    /// Whether a step computes other outputs of the same rows than a prediction does.
    pub fn differs_in_training(&self) -> bool {
        self.norm != Norm::None || self.dropout > 0.0
    }

    /// How many inputs a row has.
    pub fn inputs(&self) -> usize {
        self.sizes[0]
    }

    /// How many outputs a row has.
    pub fn outputs(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// The weight layers, first to last.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = Layer> + ExactSizeIterator + '_ {
        (0..self.activations.len()).map(|index| {
            let is_hidden = index + 1 < self.activations.len();
            Layer {
                index,
                fan_in: self.sizes[index],
                fan_out: self.sizes[index + 1],
                activation: self.activations[index],
                parameter: self.parameters[index],
                norm: if is_hidden { self.norm } else { Norm::None },
                dropout: if is_hidden { self.dropout } else { 0.0 },
            }
        })
    }

    /// How many numbers are learned: weights, biases and the parameters of norms, padding not counted.
    pub fn parameter_count(&self) -> usize {
        let of_norm = |layer: &Layer| if layer.is_normed() { 2 } else { 0 };
        self.layers().map(|layer| (layer.fan_in + 1 + of_norm(&layer)) * layer.fan_out).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(sizes: &[usize], output: Activation, loss: Loss) -> Result<Network, NetworkError> {
        Network::uniform(sizes.to_vec(), Activation::Relu, output, loss)
    }

    #[test]
    fn counts_the_parameters_of_xor() {
        let net = network(&[2, 3, 1], Activation::Sigmoid, Loss::Bce).unwrap();
        assert_eq!(net.parameter_count(), 13);
        assert_eq!(net.activations(), [Activation::Relu, Activation::Sigmoid]);
    }

    #[test]
    fn refuses_what_cannot_be_and_names_the_fix() {
        use Activation::{Identity, Sigmoid};
        let cases = [
            (network(&[2], Sigmoid, Loss::Bce), "`sizes` 2,3,1"),
            (network(&[], Sigmoid, Loss::Bce), "`sizes` 2,3,1"),
            (network(&[2, 0, 1], Sigmoid, Loss::Bce), "size 2 of `sizes` is 0"),
            (network(&[2, MAX_UNITS + 1, 1], Sigmoid, Loss::Bce), "1 to 1048576"),
            (network(&[MAX_UNITS; 3], Sigmoid, Loss::Bce), "more than 268435456"),
            (network(&[1; MAX_LAYERS + 2], Sigmoid, Loss::Bce), "at most 64"),
            (network(&[2, 3, 1], Identity, Loss::Bce), "`output` sigmoid"),
            (network(&[2, 3, 1], Sigmoid, Loss::BceWithLogits), "`output` identity"),
            (network(&[2, 3, 1], Identity, Loss::SoftmaxCrossEntropy), "always 0"),
        ];
        for (result, part) in cases {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(part), "{message:?} should contain {part:?}");
        }
    }

    #[test]
    fn names_read_both_ways_and_with_underscores() {
        for &loss in Loss::ALL {
            assert_eq!(loss.name().parse(), Ok(loss));
            assert_eq!(loss.name().replace('-', "_").parse(), Ok(loss));
        }
        let error = "bec".parse::<Loss>().unwrap_err().to_string();
        assert!(error.contains("\"bec\"") && error.contains("mse-half-mean"), "{error}");
        assert_eq!("he".parse(), Ok(Initializer::HeNormal));
    }

    #[test]
    fn a_network_read_from_a_file_is_checked_too() {
        let bad = r#"{"sizes":[2,3,1],"activations":["relu","identity"],"loss":"bce"}"#;
        assert!(serde_json::from_str::<Network>(bad).is_err());
        let net = network(&[2, 3, 1], Activation::Sigmoid, Loss::Bce).unwrap();
        let text = serde_json::to_string(&net).unwrap();
        assert_eq!(serde_json::from_str::<Network>(&text).unwrap(), net);
    }
}
