//! Activation functions, one row each, and their formulas. Beside a row stand one function of
//! `shaders/common/activation.wgsl` and two lines of `engine/cpu/math.rs`, which shares none with the reference.

use super::Initializer;
use super::hyperparameter::{Hyperparameter, Range};
use super::named::family;
use super::real::{Number, Real};

/// What is known of an activation.
#[derive(Debug)]
#[non_exhaustive]
pub struct ActivationRow {
    /// The number that it has beside its name.
    pub hyperparameter: Option<&'static Hyperparameter>,
    /// What of `z` and `a` the slope is computed from.
    pub slope_needs: SlopeNeeds,
    /// Whether the slope jumps at `z = 0`.
    pub has_kink: bool,
    /// Whether the slope, or the slope of that, jumps at `z = 0`.
    pub bends_at_zero: bool,
    /// Whether a unit can be zero on every row and then never move again.
    pub can_die: bool,
    /// The values that outputs approach where the slope goes to 0.
    pub saturates_at: &'static [f64],
    /// Whether outputs lie on both sides of 0.
    pub is_centered: bool,
    /// How weights into such units start where nothing is said.
    pub initializer: Initializer,
    /// The PyTorch module, from the hyperparameter; `None` where there is nothing to do.
    pub pytorch: Option<fn(f64) -> String>,
}

/// What a slope is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlopeNeeds {
    /// The output alone: nothing else has to be kept.
    Output,
    /// The pre-activation too.
    PreActivation,
}

/// The slope of leaky-relu below 0 (Maas et al. 2013).
pub const NEGATIVE_SLOPE: Hyperparameter = Hyperparameter {
    name: "negative-slope",
    help: "Slope of leaky-relu for negative inputs",
    default: 0.01,
    range: Range::Fraction,
};

family! {
    /// What a layer does to its pre-activation `z` to give its output `a`.
    pub enum Activation ("activation"): ActivationRow {
        /// `max(z, 0)`; slope 1 where `z > 0`, else 0 (0 at 0).
        Relu = "relu" => ActivationRow {
            has_kink: true,
            bends_at_zero: true,
            can_die: true,
            initializer: Initializer::HeNormal,
            pytorch: Some(|_| "ReLU()".to_owned()),
            ..IDENTITY
        },
        /// `z` where `z > 0`, else `s z`; slope 1 where `z > 0`, else `s` (`s` at 0), the negative slope.
        LeakyRelu = "leaky-relu" => ActivationRow {
            hyperparameter: Some(&NEGATIVE_SLOPE),
            has_kink: true,
            bends_at_zero: true,
            initializer: Initializer::HeNormal,
            pytorch: Some(|slope| format!("LeakyReLU({slope})")),
            ..IDENTITY
        },
        /// `tanh z`; slope `1 - a^2`.
        Tanh = "tanh" => ActivationRow {
            saturates_at: &[-1.0, 1.0],
            pytorch: Some(|_| "Tanh()".to_owned()),
            ..IDENTITY
        },
        /// `1 / (1 + e^-z)`; slope `a (1 - a)`.
        Sigmoid = "sigmoid" => ActivationRow {
            saturates_at: &[0.0, 1.0],
            is_centered: false,
            pytorch: Some(|_| "Sigmoid()".to_owned()),
            ..IDENTITY
        },
        /// `z`; slope 1.
        Identity = "identity" => IDENTITY,
        /// `z` where `z > 0`, else `e^z - 1`; slope 1 where `z > 0`, else `a + 1` (Clevert et al. 2016, alpha 1).
        Elu = "elu" => ActivationRow {
            bends_at_zero: true,
            saturates_at: &[-1.0],
            initializer: Initializer::HeNormal,
            pytorch: Some(|_| "ELU()".to_owned()),
            ..IDENTITY
        },
        /// `z/2 (1 + h)`, `h = tanh(sqrt(2/pi) (z + 0.044715 z^3))`: the tanh form of Hendrycks and Gimpel
        /// (2016); slope `(1 + h)/2 + z/2 (1 - h^2) sqrt(2/pi) (1 + 0.134145 z^2)`.
        Gelu = "gelu" => ActivationRow {
            slope_needs: SlopeNeeds::PreActivation,
            initializer: Initializer::HeNormal,
            pytorch: Some(|_| "GELU(approximate='tanh')".to_owned()),
            ..IDENTITY
        },
        /// `z s`, `s = 1 / (1 + e^-z)`; slope `s + a (1 - s)` (Elfwing et al. 2018; also called swish).
        Silu = "silu" | "swish" => ActivationRow {
            slope_needs: SlopeNeeds::PreActivation,
            initializer: Initializer::HeNormal,
            pytorch: Some(|_| "SiLU()".to_owned()),
            ..IDENTITY
        },
    }
}

/// `z` as it is; the other rows say where they differ.
const IDENTITY: ActivationRow = ActivationRow {
    hyperparameter: None,
    slope_needs: SlopeNeeds::Output,
    has_kink: false,
    bends_at_zero: false,
    can_die: false,
    saturates_at: &[],
    is_centered: true,
    initializer: Initializer::XavierUniform,
    pytorch: None,
};

impl Activation {
    /// The number by which WGSL knows this function: the `const` of the same name in
    /// `shaders/common/activation.wgsl`.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// `a` from `[parameter, z]`.
    // Inlined, like all that it calls, into loops over vectors of the instructions that these are compiled for.
    #[inline(always)]
    pub fn value<T: Number>(self, [parameter, z]: [T; 2]) -> T {
        let zero = T::of(0.0);
        match self {
            Activation::Relu => z.above(zero, z, zero),
            Activation::LeakyRelu => z.above(zero, z, parameter * z),
            Activation::Tanh => z.tanh(),
            Activation::Sigmoid => sigmoid(z),
            Activation::Identity => z,
            Activation::Elu => z.above(zero, z, z.exp_m1()),
            Activation::Gelu => T::of(0.5) * z * (T::of(1.0) + gelu_tanh(z)),
            Activation::Silu => z * sigmoid(z),
        }
    }

    /// `da/dz` from `[parameter, z, a]`.
    #[inline(always)]
    pub fn slope<T: Number>(self, [parameter, z, a]: [T; 3]) -> T {
        let (zero, one) = (T::of(0.0), T::of(1.0));
        match self {
            Activation::Relu => a.above(zero, one, zero),
            Activation::LeakyRelu => a.above(zero, one, parameter),
            Activation::Tanh => one - a * a,
            Activation::Sigmoid => a * (one - a),
            Activation::Identity => one,
            Activation::Elu => a.above(zero, one, a + one),
            Activation::Gelu => gelu_slope(z),
            Activation::Silu => {
                let s = sigmoid(z);
                s + a * (one - s)
            }
        }
    }

    /// The hyperparameter's default; 0 where there is none.
    pub fn default_parameter(self) -> f64 {
        self.row().hyperparameter.map_or(0.0, |row| row.default)
    }

    /// Whether the slope is computed from the pre-activation.
    pub fn needs_pre_activation(self) -> bool {
        self.row().slope_needs == SlopeNeeds::PreActivation
    }

    /// Whether an output is within [`SATURATED_WITHIN`] of a value that it saturates at.
    pub fn is_saturated<T: Real>(self, a: T) -> bool {
        let within = T::of(SATURATED_WITHIN);
        self.row().saturates_at.iter().any(|&end| (a - T::of(end)).abs() < within)
    }
}

/// How near to an end of its range an activation counts as saturated.
pub const SATURATED_WITHIN: f64 = 0.01;

/// By an exponential that cannot overflow.
#[inline(always)]
fn sigmoid<T: Number>(z: T) -> T {
    let (one, e) = (T::of(1.0), (-z.abs()).exp());
    T::of(0.0).above(z, e, one) / (one + e)
}

/// `sqrt(2/pi)`.
const GELU_SCALE: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;

#[inline(always)]
fn gelu_tanh<T: Number>(z: T) -> T {
    (T::of(GELU_SCALE) * (z + T::of(0.044715) * z * z * z)).tanh()
}

#[inline(always)]
fn gelu_slope<T: Number>(z: T) -> T {
    let (half, one, h) = (T::of(0.5), T::of(1.0), gelu_tanh(z));
    let inner = T::of(GELU_SCALE) * (one + T::of(3.0 * 0.044715) * z * z);
    // Where tanh is 1 or -1 to the last bit, z^2 may have overflowed.
    let bend = one.above(h * h, half * z * (one - h * h) * inner, T::of(0.0));
    half * (one + h) + bend
}
