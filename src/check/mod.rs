//! Comparisons of numbers with derived bounds, gradient checks, and the check of a whole device.

mod case;
mod compare;
mod differences;
mod findings;
pub mod kernels;
mod numbers;
mod run;

pub use case::{Arg, Builds, Case, Judge, SENTINEL, Scope, unpadded, written};
pub use compare::{Agreement, Bound, Mismatch, compare};
pub use differences::{GradientCheck, central_differences};
pub use findings::{Failure, Fault, Findings, Unchecked};
pub use kernels::{CASES, KernelCases};
pub use numbers::*;
pub use run::{Options, Progress, Report, Watch, check_kernel, names, run, run_watched};
