//! Comparisons of numbers with derived bounds, gradient checks, and the check of a whole device.

mod case;
mod compare;
mod differences;
mod drawn;
mod findings;
mod inexact;
pub mod kernels;
mod lockstep;
mod mutants;
mod networks;
mod numbers;
mod own;
mod run;
mod timestamps;

pub use case::{Arg, Builds, Case, Judge, SENTINEL, Scope, unpadded, written};
pub use compare::{Agreement, Bound, Mismatch, compare};
pub use differences::{Differences, GradientCheck, STEP, central_differences};
pub use drawn::random_rows;
pub use findings::{Failure, Fault, Findings, Unchecked};
pub use inexact::{Inexact, apart, exactly};
pub use kernels::{CASES, KernelCases};
pub use lockstep::{Apart, Lockstep, LockstepPoint, lockstep};
pub use mutants::{Fate, MUTANTS, Mutant, MutantReport, MutantResult, Needs, run_mutants};
pub use networks::{Proof, reference_step};
pub use numbers::*;
pub use own::{MOST_DIFFERENCES, check_network};
pub use run::{Options, Progress, Report, Watch, check_kernel, names, run, run_watched};
