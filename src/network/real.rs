//! The numbers formulas are written over: f64 for the truth, f32 for the order of sums, and vectors of f32 with
//! a number of each of several networks.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// A real number, or several of them at once, to each of which the same is done.
pub trait Number:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The nearest value of this type.
    fn of(value: f64) -> Self;
    /// `e^self`.
    fn exp(self) -> Self;
    /// `e^self - 1`.
    fn exp_m1(self) -> Self;
    /// `tanh self`.
    fn tanh(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// Without its sign.
    fn abs(self) -> Self;
    /// `yes` where this is above `other`, else `no`: also where one of them is no number.
    fn above(self, other: Self, yes: Self, no: Self) -> Self;
}

/// f32 or f64.
pub trait Real: Number + Default + Debug + PartialOrd + AddAssign + SubAssign + Sum {
    /// This value as f64, exactly.
    fn wide(self) -> f64;
    /// `ln self`.
    fn ln(self) -> Self;
    /// `ln(1 + self)`.
    fn ln_1p(self) -> Self;
}

macro_rules! real {
    ($type:ty) => {
        impl Number for $type {
            fn of(value: f64) -> Self {
                value as $type
            }
            fn exp(self) -> Self {
                self.exp()
            }
            fn exp_m1(self) -> Self {
                self.exp_m1()
            }
            fn tanh(self) -> Self {
                self.tanh()
            }
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            fn abs(self) -> Self {
                self.abs()
            }
            fn above(self, other: Self, yes: Self, no: Self) -> Self {
                if self > other { yes } else { no }
            }
        }

        impl Real for $type {
            fn wide(self) -> f64 {
                f64::from(self)
            }
            fn ln(self) -> Self {
                self.ln()
            }
            fn ln_1p(self) -> Self {
                self.ln_1p()
            }
        }
    };
}

real!(f32);
real!(f64);
