//! Comparisons of numbers with derived bounds, gradient checks, and the check of a whole device.
//!
//! [`run`] is `wgrad check`: every kernel against its twin, whole trainings against the reference, on a device that
//! is open. A `#[test]` of your own needs no more than this (`examples/check_in_a_test.rs`):
//!
//! ```no_run
//! use wgrad::check::{Options, run};
//! use wgrad::{Device, block_on, gpu::DeviceChoice};
//!
//! # fn test() -> Result<(), wgrad::Error> {
//! // The best adapter, software adapters included, and an error without one.
//! let device = block_on(Device::open(&DeviceChoice::Gpu))?;
//! let mut options = Options::default();
//! options.quick = true;
//! let report = block_on(run(device.gpu().expect("an adapter is open"), &options))?;
//! // What failed is lines for a bug report; what could not be checked is no pass either.
//! assert!(report.is_pass(), "{:#?}", report.failures());
//! # Ok(())
//! # }
//! ```
//!
//! The cases of a kernel are plain data ([`kernels`]): a launch, its buffers, and what must come of it. What is
//! written lies between guard words; bounds are derived where they are computed. [`run_mutants`] breaks the kernels
//! on purpose and sees that their cases find it. A device that is checked should run nothing else meanwhile: its
//! timestamps are looked at too.

#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "not for users")]
mod case;
mod compare;
mod differences;
mod drawn;
mod findings;
mod inexact;
#[doc(hidden)]
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "not for users")]
pub mod kernels;
mod lockstep;
mod mutants;
mod networks;
mod numbers;
mod own;
mod run;
mod timestamps;
mod words;

pub use compare::{Agreement, Bound, Mismatch, compare};
pub use differences::{GradientCheck, STEP, central_differences};
#[cfg(feature = "cli")]
pub(crate) use drawn::random_rows;
pub use findings::{Failure, Fault, Findings, Unchecked};
pub use lockstep::{Apart, Lockstep, LockstepPoint, lockstep};
pub use mutants::{MUTANTS, Mutant, MutantOutcome, MutantReport, MutantResult, Needs, run_mutants};
pub use own::{MOST_DIFFERENCES, check_network};
pub use run::{Options, Progress, Report, Watch, names, run, run_on, run_watched};

// What cases are made of: for the tests and benches of this package.
#[doc(hidden)]
pub use case::{Arg, Builds, Case, SENTINEL, Scope, unpadded, written};
#[doc(hidden)]
pub use differences::Differences;
pub(crate) use inexact::{Inexact, apart, exactly};
pub(crate) use networks::carried_step;
#[doc(hidden)]
pub use networks::{Proof, batch, carried, reference_of, reference_step};
#[doc(hidden)]
pub use numbers::*;
#[doc(hidden)]
pub use run::check_kernel;
