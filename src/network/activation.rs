//! Activation functions by name. The arithmetic lives with those who compute: the reference, the
//! cpu engine and `shaders/common/activation.wgsl`.

use super::named::named;

named! {
    /// What a layer does to its pre-activation `z` to give its output `a`.
    pub enum Activation ("activation") {
        /// `max(z, 0)`; slope 1 where `z > 0`, else 0 (0 at 0).
        Relu = "relu",
        /// `z` where `z > 0`, else `0.01 z`; slope 1 where `z > 0`, else 0.01 (0.01 at 0).
        LeakyRelu = "leaky-relu",
        /// `tanh z`; slope `1 - a^2`.
        Tanh = "tanh",
        /// `1 / (1 + e^-z)`; slope `a (1 - a)`.
        Sigmoid = "sigmoid",
        /// `z`; slope 1.
        Identity = "identity",
    }
}

/// The slope of [`Activation::LeakyRelu`] where `z <= 0`.
pub const LEAKY_SLOPE: f64 = 0.01;

impl Activation {
    /// The number by which WGSL knows this function: the `const` of the same name in
    /// `shaders/common/activation.wgsl`.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// Whether a unit can be zero on every row and then never move again.
    pub const fn can_die(self) -> bool {
        matches!(self, Activation::Relu)
    }

    /// Whether this is one of the kinds He initialisation was derived for.
    pub const fn is_rectifier(self) -> bool {
        matches!(self, Activation::Relu | Activation::LeakyRelu)
    }
}
