//! Numbers that carry how far f32 arithmetic on any device may be from them.
//!
//! The formulas of the crate, the twins of its kernels and the reference are generic over the number that they
//! are computed with. With [`Inexact`] each of them gives its f64 value and, beside it, a bound of what WGSL
//! allows a device to be off by. So a bound of a kernel, of a whole backward pass or of many training steps
//! is derived by the very code that says what should come out, and grows where that code makes errors grow.
//!
//! Errors are added up without their signs, from the accuracies of
//! [WGSL](https://www.w3.org/TR/WGSL/#floating-point-accuracy), in units of `2^-23` of the result:
//!
//! | operation | own error |
//! | --- | --- |
//! | `+ - *` | 1: either neighbour of the exact result |
//! | `/` | 2.5 |
//! | square root | 4.5: a reciprocal, 2.5, of a reciprocal root, 2 |
//! | `exp(x)` | `3 + 2 abs(x)` |
//! | `log(x)` | `2^-21` absolute for `x` within 1/2 and 2, else 3 |
//! | `tanh(x)`, `e^x - 1` | those of `shaders/common/activation.wgsl`, see below |
//!
//! Devices may also flush what is below the normal numbers to zero. Fusing a product with a sum only leaves a
//! rounding out.
//!
//! The order of the terms of a sum is the kernel's own affair: of `k` terms every order makes `k` roundings at
//! most, none of which is of more than the sum of their absolute values. So a sum carries these two, and its own
//! error is `k * 2^-23 * sum of abs(term)`, in whatever order it was added up here.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use super::numbers::ULP;
use crate::network::{Number, Real};

/// Below this, numbers may be flushed to zero.
const TINY: f64 = 1.2e-38;

/// A number and what f32 arithmetic may be off by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inexact {
    value: f64,
    /// What the terms of the sum that it is were off by themselves.
    inherited: f64,
    /// The sum of their absolute values.
    magnitude: f64,
    /// How many times one was added.
    additions: f64,
    /// What it is at least on any device, where that is known not to be negative: a root is, whatever it is
    /// off by, and with `eps` added it can be divided by. Else below 0.
    least: f64,
}

impl Inexact {
    /// A number that every device has as it is.
    pub fn exact(value: f64) -> Inexact {
        Inexact::new(value, 0.0)
    }

    /// A number with what it may be off by.
    pub fn new(value: f64, error: f64) -> Inexact {
        let inherited = if error.is_nan() { f64::INFINITY } else { error };
        let (magnitude, least) = (value.abs() + inherited, value - inherited);
        Inexact { value, inherited, magnitude, additions: 0.0, least }
    }

    /// The number itself.
    pub fn value(self) -> f64 {
        self.value
    }

    /// What a device may be off by; infinite where nothing is known any more.
    pub fn error(self) -> f64 {
        // What may be beyond f32 may be anything.
        if self.magnitude > f64::from(f32::MAX) {
            return f64::INFINITY;
        }
        let of_sums =
            if self.additions == 0.0 { 0.0 } else { self.additions * ULP * self.magnitude };
        let error = self.inherited + of_sums;
        if error.is_nan() { f64::INFINITY } else { error }
    }

    /// Whether it is 0 on every device.
    fn is_zero(self) -> bool {
        self.value == 0.0 && self.error() == 0.0
    }

    /// The value of a function here, off by what its argument makes of it and by its own error in ULP.
    fn rounded(value: f64, of_argument: f64, ulps: f64) -> Inexact {
        let own = ulps * ULP * (value.abs() + of_argument) + TINY;
        Inexact::new(value, of_argument + own)
    }
}

/// Numbers as they are on every device.
pub fn exactly(values: &[f32]) -> Vec<Inexact> {
    values.iter().map(|&value| Inexact::exact(value.into())).collect()
}

/// The values, and what devices may be off by: what a comparison takes.
pub fn apart(numbers: &[Inexact]) -> (Vec<f64>, Vec<f64>) {
    numbers.iter().map(|number| (number.value, number.error())).unzip()
}

/// How far `stable_tanh` of `shaders/common/activation.wgsl` may be from the truth. Below 1/2 a polynomial in
/// `z^2` within 4.5e-9; the correction to `z` is at most 0.083 of the result, and each of its eight roundings
/// counts with that; the sum is one more. Beyond it `(1 - e) / (1 + e)` with `e = exp(-2 abs(z))`, whose
/// derivative is `2 / (1 + e)^2`, a difference, a sum and a quotient.
fn tanh_error(z: f64) -> f64 {
    let a = z.tanh().abs();
    if z.abs() < 0.5 {
        return (4.5e-9 + (1.0 + 8.0 * 0.083) * ULP) * a + TINY;
    }
    let e = (-2.0 * z.abs()).exp();
    2.0 * e * (3.0 + 4.0 * z.abs()) * ULP / (1.0 + e).powi(2) + 5.0 * ULP * a + TINY
}

/// The same of `exp_minus_one` for `z <= 0`: `2 t / (1 - t)` with `t = tanh(z / 2)`, whose derivative is
/// `2 / (1 - t)^2`; a difference, a product and a quotient.
fn exp_m1_error(z: f64) -> f64 {
    let t = (z / 2.0).tanh();
    2.0 / (1.0 - t).powi(2) * tanh_error(z / 2.0) + 5.0 * ULP * z.exp_m1().abs() + TINY
}

impl Add for Inexact {
    type Output = Inexact;
    fn add(self, other: Inexact) -> Inexact {
        // Nothing is rounded where nothing is added.
        if other.is_zero() {
            return self;
        }
        if self.is_zero() {
            return other;
        }
        let are_positive = self.least >= 0.0 && other.least >= 0.0;
        Inexact {
            value: self.value + other.value,
            inherited: self.inherited + other.inherited,
            magnitude: self.magnitude + other.magnitude,
            additions: self.additions + other.additions + 1.0,
            least: if are_positive { (1.0 - ULP) * (self.least + other.least) } else { -1.0 },
        }
    }
}

impl Neg for Inexact {
    type Output = Inexact;
    fn neg(self) -> Inexact {
        Inexact { value: -self.value, least: -1.0, ..self }
    }
}

impl Sub for Inexact {
    type Output = Inexact;
    fn sub(self, other: Inexact) -> Inexact {
        self + -other
    }
}

impl Mul for Inexact {
    type Output = Inexact;
    fn mul(self, other: Inexact) -> Inexact {
        if self.is_zero() || other.is_zero() {
            return Inexact::exact(0.0);
        }
        let (own, its) = (self.error(), other.error());
        let from = self.value.abs() * its + other.value.abs() * own + own * its;
        let product = Inexact::rounded(self.value * other.value, from, 1.0);
        if self.least < 0.0 || other.least < 0.0 {
            return product;
        }
        let least = ((1.0 - ULP) * self.least * other.least - TINY).max(0.0);
        Inexact { least: product.least.max(least), ..product }
    }
}

impl Div for Inexact {
    type Output = Inexact;
    fn div(self, other: Inexact) -> Inexact {
        if self.is_zero() {
            return Inexact::exact(0.0);
        }
        let quotient = self.value / other.value;
        // The divisor may be as small as this.
        let least = other.least.max(other.value.abs() - other.error());
        let from = match least > 0.0 {
            true => (self.error() + quotient.abs() * other.error()) / least,
            false => f64::INFINITY,
        };
        let result = Inexact::rounded(quotient, from, 2.5);
        if self.least < 0.0 || other.least < 0.0 {
            return result;
        }
        let most = other.value.abs() + other.error();
        let least = ((1.0 - 2.5 * ULP) * self.least / most - TINY).max(0.0);
        Inexact { least: result.least.max(least), ..result }
    }
}

impl AddAssign for Inexact {
    fn add_assign(&mut self, other: Inexact) {
        *self = *self + other;
    }
}

impl SubAssign for Inexact {
    fn sub_assign(&mut self, other: Inexact) {
        *self = *self - other;
    }
}

impl Sum for Inexact {
    fn sum<I: Iterator<Item = Inexact>>(terms: I) -> Inexact {
        terms.fold(Inexact::default(), |sum, term| sum + term)
    }
}

impl PartialEq for Inexact {
    fn eq(&self, other: &Inexact) -> bool {
        self.value == other.value
    }
}

impl PartialOrd for Inexact {
    fn partial_cmp(&self, other: &Inexact) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl Number for Inexact {
    /// Off by what f32 cannot hold of it.
    fn of(value: f64) -> Inexact {
        Inexact::new(value, (value - f64::from(value as f32)).abs())
    }

    fn exp(self) -> Inexact {
        let value = self.value.exp();
        let own = self.error();
        let ulps = 3.0 + 2.0 * (self.value.abs() + own);
        let power = Inexact::rounded(value, value * own.exp_m1(), ulps);
        let least = ((self.value - own).exp() * (1.0 - ulps * ULP) - TINY).max(0.0);
        Inexact { least: power.least.max(least), ..power }
    }

    fn exp_m1(self) -> Inexact {
        let own = self.error();
        let slope = (self.value + own).exp();
        Inexact::new(self.value.exp_m1(), slope * own + exp_m1_error(self.value.min(0.0)))
    }

    fn tanh(self) -> Inexact {
        if self.is_zero() {
            return self;
        }
        let own = self.error();
        // The slope is the largest where the argument is the nearest to 0.
        let steepest = 1.0 - (self.value.abs() - own).max(0.0).tanh().powi(2);
        Inexact::new(self.value.tanh(), (steepest * own).min(2.0) + tanh_error(self.value))
    }

    fn sqrt(self) -> Inexact {
        if self.is_zero() {
            return self;
        }
        let (value, own) = (self.value.sqrt(), self.error());
        // Where the argument may be smaller a root differs by more than where it may be larger.
        let smallest = (self.value - own).max(self.least).max(0.0);
        let from = (value - smallest.sqrt()).max((self.value + own).sqrt() - value);
        let root = Inexact::rounded(value, from, 4.5);
        let least = (1.0 - 4.5 * ULP) * self.least.max(0.0).sqrt() - TINY;
        Inexact { least: root.least.max(least).max(0.0), ..root }
    }

    fn abs(self) -> Inexact {
        let least = (self.value.abs() - self.error()).max(self.least).max(0.0);
        Inexact { value: self.value.abs(), least, ..self }
    }

    /// Where errors leave it open which of the two is larger, the result may be either: at a kink of an
    /// activation both slopes.
    fn above(self, other: Inexact, yes: Inexact, no: Inexact) -> Inexact {
        let (chosen, passed) = if self.value > other.value { (yes, no) } else { (no, yes) };
        let (between, doubt) = (self.value - other.value, self.error() + other.error());
        if doubt == 0.0 || between.abs() > doubt {
            return chosen;
        }
        let of_passed = (chosen.value - passed.value).abs() + passed.error();
        Inexact::new(chosen.value, chosen.error().max(of_passed))
    }
}

impl Real for Inexact {
    fn wide(self) -> f64 {
        self.value
    }

    fn ln(self) -> Inexact {
        let (value, own) = (self.value.ln(), self.error());
        let least = self.least.max(self.value - own);
        let from = if least > 0.0 { own / least } else { f64::INFINITY };
        let log = match least < 2.0 && self.value + own > 0.5 {
            true => 2f64.powi(-21),
            false => 0.0,
        };
        Inexact::new(value, from + log.max(3.0 * ULP * (value.abs() + from)) + TINY)
    }

    /// On devices `log(1 + x)`.
    fn ln_1p(self) -> Inexact {
        let sum = (Inexact::exact(1.0) + self).ln();
        Inexact { value: self.value.ln_1p(), ..sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Activation, Loss};

    #[test]
    fn a_sum_is_off_by_its_length_times_its_magnitude_in_any_order() {
        let terms = [3.0, -2.0, 0.5, -1.25, 0.0].map(Inexact::exact);
        let forth: Inexact = terms.into_iter().sum();
        let back: Inexact = terms.into_iter().rev().sum();
        let pairs = (terms[0] + terms[2]) + (terms[1] + terms[3]);
        for sum in [forth, back, pairs] {
            assert_eq!((sum.value(), sum.error()), (0.25, 3.0 * ULP * 6.75));
        }
        let products: Inexact = terms.iter().map(|&t| t * t).sum();
        // A rounding of each product beside those of the sum.
        let expected = 4.0 * ULP * products.value();
        approx::assert_relative_eq!(products.error(), expected, max_relative = 1e-6);
    }

    #[test]
    fn what_is_0_everywhere_stays_so() {
        let (zero, some) = (Inexact::exact(0.0), Inexact::new(2.0, 0.5));
        for none in [zero * some, some * zero, zero / some, zero + zero, zero.tanh(), zero.sqrt()] {
            assert_eq!((none.value(), none.error()), (0.0, 0.0));
        }
        assert_eq!((zero + some).error(), 0.5);
    }

    #[test]
    fn what_cannot_be_told_is_off_by_anything() {
        let (near_zero, one) = (Inexact::new(1e-9, 1e-8), Inexact::exact(1.0));
        assert_eq!((one / near_zero).error(), f64::INFINITY);
        assert_eq!(near_zero.ln().error(), f64::INFINITY);
        // A power is positive, whatever it is off by, and so is a sum of some.
        assert!((Inexact::new(0.0, 3.0).exp() + one).ln().error() < 100.0);
        // A root is not negative: with something added it can be divided by.
        let eps = Inexact::exact(1e-8);
        assert!((one / (Inexact::new(0.0, 1e-12).sqrt() * one + eps)).error() < 1e11);
        assert_eq!((Inexact::new(1.0, f64::INFINITY) * near_zero).error(), f64::INFINITY);
        assert_eq!(Inexact::new(1.0, f64::NAN).error(), f64::INFINITY);
        let large = Inexact::exact(3e38);
        assert_eq!((large.error(), (large + large - large).error()), (0.0, f64::INFINITY));
    }

    #[test]
    fn at_a_kink_it_may_be_either() {
        let slope = |z: Inexact| {
            let relu = Activation::Relu;
            let a = relu.value([Inexact::exact(0.0), z]);
            relu.slope([Inexact::exact(0.0), z, a])
        };
        for (z, error, expected) in [
            (1.0, 1e-6, (1.0, 0.0)),
            (-1.0, 1e-6, (0.0, 0.0)),
            (0.0, 0.0, (0.0, 0.0)),
            (1e-7, 1e-6, (1.0, 1.0)),
            (-1e-7, 1e-6, (0.0, 1.0)),
        ] {
            let slope = slope(Inexact::new(z, error));
            assert_eq!((slope.value(), slope.error()), expected, "at {z} +- {error}");
        }
    }

    /// f32 arithmetic on this machine is one that WGSL allows: what it gives is within the errors, and the
    /// errors are of its order.
    #[test]
    fn formulas_in_f32_are_within_the_errors_of_the_same_formulas() {
        let mut largest = 0.0f64;
        let mut hold = |what: &str, f32: f32, carried: Inexact| {
            let share = (f64::from(f32) - carried.value()).abs() / carried.error();
            assert!(share <= 1.0 || f64::from(f32) == carried.value(), "{what}: {share} used");
            largest = if share.is_finite() { largest.max(share) } else { largest };
            assert!(carried.error() <= 3e-5 * (1.0 + carried.value().abs()), "{what}: {carried:?}");
        };
        for at in -400..400 {
            let z = at as f32 * 0.0131;
            let carried = Inexact::exact(z.into());
            for &kind in Activation::ALL {
                let parameter = kind.default_parameter();
                let value = kind.value([Inexact::of(parameter), carried]);
                let a = kind.value([parameter as f32, z]);
                hold(&format!("{kind} at {z}"), a, value);
                let slope = kind.slope([Inexact::of(parameter), carried, value]);
                let of_f32 = kind.slope([parameter as f32, z, a]);
                hold(&format!("slope of {kind} at {z}"), of_f32, slope);
            }
            for &kind in Loss::ALL {
                let parameter = kind.default_parameter();
                let value = kind.value([Inexact::of(parameter), carried, Inexact::exact(0.25)]);
                hold(&format!("{kind} at {z}"), kind.value([parameter as f32, z, 0.25]), value);
            }
        }
        assert!(largest > 0.2, "errors are {largest} of their bounds at most: these are too wide");
    }
}
