//! Optimizers, one row each, with their hyperparameters. Beside a row stand its lines in
//! `shaders/common/optimizer.wgsl` and, for speed, in `engine/cpu/update.rs`.

use super::Coefficients;
use crate::network::{Hyperparameter, Number, Range, family, named};

/// What is known of an optimizer.
#[derive(Debug)]
#[non_exhaustive]
pub struct OptimizerRow {
    /// The formula of its update.
    pub rule: UpdateRule,
    /// Its mean of gradients, if it keeps one.
    pub first: Option<FirstMoment>,
    /// The decay of its mean of squared gradients, if it keeps one.
    pub second: Option<&'static Hyperparameter>,
    /// Every number that it has beside its name, the rate and the decay of weights apart.
    pub hyperparameters: &'static [&'static Hyperparameter],
    /// Whether its moments begin too small and are corrected for it, step by step.
    pub is_corrected: bool,
    /// How weights decay where nothing is said of it ...
    pub decay: Decay,
    /// ... whether they may decay in the other way ...
    pub may_decay_otherwise: bool,
    /// ... and how strongly.
    pub weight_decay: f64,
    /// The learning rate where nothing is said.
    pub rate: DefaultRate,
    /// The class of `torch.optim` ...
    pub pytorch: &'static str,
    /// ... and its arguments, the rate and the decay of weights apart.
    pub pytorch_arguments: &'static [PyTorchArgument],
}

/// An argument of a class of `torch.optim`.
#[derive(Debug)]
#[non_exhaustive]
pub enum PyTorchArgument {
    /// A number.
    Number(&'static str, &'static Hyperparameter),
    /// Two of them as a tuple.
    Pair(&'static str, [&'static Hyperparameter; 2]),
    /// `True`, unless the number is 0, with which PyTorch refuses it.
    True(&'static str, &'static Hyperparameter),
}

/// The first moment of an optimizer.
#[derive(Debug)]
#[non_exhaustive]
pub struct FirstMoment {
    /// What it is multiplied by in each step.
    pub decay: &'static Hyperparameter,
    /// Whether it is a mean, to which a gradient adds `1 - decay` of itself; else it adds all of itself.
    pub is_mean: bool,
}

/// The learning rate that an optimizer starts from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum DefaultRate {
    /// This share of the rate of plain gradient descent on the same data.
    Share(f32),
    /// One for all data: updates hardly depend on the size of gradients.
    Fixed(f32),
}

named! {
    /// How an update is computed from a gradient and the moments: what WGSL calls the optimizer.
    pub enum UpdateRule ("update rule") {
        /// `rate g`.
        Sgd = "sgd",
        /// `rate m`.
        Momentum = "momentum",
        /// `rate (g + decay1 m)`.
        Nesterov = "nesterov",
        /// `rate (m correction1) / (sqrt(v) correction2 + eps)`.
        Adam = "adam",
        /// `rate g / (sqrt(v) + eps)`.
        RmsProp = "rmsprop",
    }
}

impl UpdateRule {
    /// The number by which WGSL knows it: the `const` of the same name in
    /// `shaders/common/optimizer.wgsl`.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// What is taken from a parameter, from the moments as they are after the gradient `g`.
    // Inlined into loops over vectors of the instructions that these are compiled for.
    #[doc(hidden)]
    #[inline(always)]
    pub fn step<T: Number>(self, c: &Coefficients<T>, g: T, m: T, v: T) -> T {
        match self {
            UpdateRule::Sgd => c.rate * g,
            UpdateRule::Momentum => c.rate * m,
            UpdateRule::Nesterov => c.rate * (g + c.decay1 * m),
            UpdateRule::Adam => c.rate * (m * c.correction1) / (v.sqrt() * c.correction2 + c.eps),
            UpdateRule::RmsProp => c.rate * g / (v.sqrt() + c.eps),
        }
    }
}

/// The velocity's decay.
pub const MOMENTUM: Hyperparameter = Hyperparameter {
    name: "momentum",
    help: "Momentum of the momentum and nesterov optimizers",
    default: 0.9,
    range: Range::Fraction,
};

/// The decay of Adam's first moment.
pub const BETA1: Hyperparameter = Hyperparameter {
    name: "beta1",
    help: "Decay of Adam's mean of gradients",
    default: 0.9,
    range: Range::Fraction,
};

/// The decay of Adam's second moment.
pub const BETA2: Hyperparameter = Hyperparameter {
    name: "beta2",
    help: "Decay of Adam's mean of squared gradients",
    default: 0.999,
    range: Range::Fraction,
};

/// The decay of RMSprop's second moment.
pub const ALPHA: Hyperparameter = Hyperparameter {
    name: "alpha",
    help: "Decay of rmsprop's mean of squared gradients",
    default: 0.99,
    range: Range::Fraction,
};

/// What keeps a root from dividing by 0.
pub const EPS: Hyperparameter = Hyperparameter {
    name: "eps",
    help: "Added to the root of the mean of squared gradients, in adam, adamw and rmsprop",
    default: 1e-8,
    range: Range::Positive,
};

/// What optimizers have beside their names: every number that some row lists.
pub const HYPERPARAMETERS: &[&Hyperparameter] = &[&MOMENTUM, &BETA1, &BETA2, &ALPHA, &EPS];

/// How strongly weights decay, under any optimizer.
pub const WEIGHT_DECAY: Hyperparameter = Hyperparameter {
    name: "weight-decay",
    help: "Weight decay, of weights and biases",
    default: 0.0,
    range: Range::NonNegative,
};

/// The largest norm of all gradients together, under any optimizer.
pub const CLIP_NORM: Hyperparameter = Hyperparameter {
    name: "clip-norm",
    help: "Largest norm of all gradients together; a longer gradient is scaled down to it",
    default: 1.0,
    range: Range::Positive,
};

/// The largest absolute value of a gradient, under any optimizer.
pub const CLIP_VALUE: Hyperparameter = Hyperparameter {
    name: "clip-value",
    help: "Largest absolute value of a gradient; applied before their norm is clipped",
    default: 1.0,
    range: Range::Positive,
};

family! {
    /// Which update.
    pub enum OptimizerKind ("optimizer"): OptimizerRow {
        /// Plain gradient descent.
        Sgd = "sgd" => SGD,
        /// With a velocity (Polyak 1964).
        Momentum = "momentum" => VELOCITY,
        /// With a velocity that looks ahead (Nesterov 1983, as in PyTorch).
        Nesterov = "nesterov" => OptimizerRow {
            rule: UpdateRule::Nesterov,
            pytorch_arguments: &[
                PyTorchArgument::Number("momentum", &MOMENTUM),
                PyTorchArgument::True("nesterov", &MOMENTUM),
            ],
            ..VELOCITY
        },
        /// With both moments, corrected for their start at 0.
        Adam = "adam" => ADAM,
        /// Adam whose decay is decoupled.
        AdamW = "adamw" => OptimizerRow {
            decay: Decay::Decoupled,
            may_decay_otherwise: false,
            weight_decay: 0.01,
            pytorch: "AdamW",
            ..ADAM
        },
        /// Each gradient divided by the root of the mean of its squares (Tieleman and Hinton 2012).
        RmsProp = "rmsprop" => OptimizerRow {
            rule: UpdateRule::RmsProp,
            second: Some(&ALPHA),
            hyperparameters: &[&ALPHA, &EPS],
            rate: DefaultRate::Fixed(0.01),
            pytorch: "RMSprop",
            pytorch_arguments: &[
                PyTorchArgument::Number("alpha", &ALPHA),
                PyTorchArgument::Number("eps", &EPS),
            ],
            ..SGD
        },
    }
}

/// Plain gradient descent; the other rows say where they differ.
const SGD: OptimizerRow = OptimizerRow {
    rule: UpdateRule::Sgd,
    first: None,
    second: None,
    hyperparameters: &[],
    is_corrected: false,
    decay: Decay::L2,
    may_decay_otherwise: true,
    weight_decay: 0.0,
    rate: DefaultRate::Share(1.0),
    pytorch: "SGD",
    pytorch_arguments: &[],
};

const VELOCITY: OptimizerRow = OptimizerRow {
    rule: UpdateRule::Momentum,
    first: Some(FirstMoment { decay: &MOMENTUM, is_mean: false }),
    hyperparameters: &[&MOMENTUM],
    // A velocity adds up some ten gradients at a momentum of 0.9.
    rate: DefaultRate::Share(0.1),
    pytorch_arguments: &[PyTorchArgument::Number("momentum", &MOMENTUM)],
    ..SGD
};

const ADAM: OptimizerRow = OptimizerRow {
    rule: UpdateRule::Adam,
    first: Some(FirstMoment { decay: &BETA1, is_mean: true }),
    second: Some(&BETA2),
    hyperparameters: &[&BETA1, &BETA2, &EPS],
    is_corrected: true,
    rate: DefaultRate::Fixed(0.01),
    pytorch: "Adam",
    pytorch_arguments: &[
        PyTorchArgument::Pair("betas", [&BETA1, &BETA2]),
        PyTorchArgument::Number("eps", &EPS),
    ],
    ..SGD
};

named! {
    /// How weights decay.
    pub enum Decay ("decay") {
        /// As a part of the gradient: that of half the sum of squares.
        L2 = "l2",
        /// Beside it, at the step's rate.
        Decoupled = "decoupled",
    }
}
