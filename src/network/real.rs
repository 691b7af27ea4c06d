//! The numbers formulas are written over: f64 for the truth, f32 for the order of sums.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// f32 or f64.
pub trait Real:
    Copy
    + Default
    + Debug
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + Sum
{
    /// The nearest value of this type.
    fn of(value: f64) -> Self;
    /// This value as f64, exactly.
    fn wide(self) -> f64;
    /// `e^self`.
    fn exp(self) -> Self;
    /// `e^self - 1`.
    fn exp_m1(self) -> Self;
    /// `ln self`.
    fn ln(self) -> Self;
    /// `ln(1 + self)`.
    fn ln_1p(self) -> Self;
    /// `tanh self`.
    fn tanh(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// Without its sign.
    fn abs(self) -> Self;
    /// The value of a formula.
    fn eval<const N: usize>(formula: &Formula<N>, arguments: [Self; N]) -> Self;
}

/// A formula of `N` arguments in both types.
#[derive(Debug, Clone, Copy)]
pub struct Formula<const N: usize> {
    /// In f32.
    pub single: fn([f32; N]) -> f32,
    /// In f64.
    pub double: fn([f64; N]) -> f64,
}

/// The [`Formula`] of a function that is generic over [`Real`].
macro_rules! formula {
    ($function:ident) => {
        $crate::network::Formula { single: $function::<f32>, double: $function::<f64> }
    };
}
pub(super) use formula;

macro_rules! real {
    ($type:ty, $side:ident) => {
        impl Real for $type {
            fn of(value: f64) -> Self {
                value as $type
            }
            fn wide(self) -> f64 {
                f64::from(self)
            }
            fn exp(self) -> Self {
                self.exp()
            }
            fn exp_m1(self) -> Self {
                self.exp_m1()
            }
            fn ln(self) -> Self {
                self.ln()
            }
            fn ln_1p(self) -> Self {
                self.ln_1p()
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
            fn eval<const N: usize>(formula: &Formula<N>, arguments: [Self; N]) -> Self {
                (formula.$side)(arguments)
            }
        }
    };
}

real!(f32, single);
real!(f64, double);
