//! Comparisons of numbers with derived bounds, and gradient checks.

mod compare;
mod differences;

pub use compare::{Agreement, Bound, Mismatch, compare};
pub use differences::{GradientCheck, central_differences};
