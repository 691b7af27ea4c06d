//! How numbers are compared: with a bound that was derived, in a way that can fail.

mod compare;
mod differences;

pub use compare::{Agreement, Bound, Mismatch, compare};
pub use differences::{GradientCheck, central_differences};
