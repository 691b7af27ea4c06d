//! Comparisons of numbers with derived bounds, gradient checks, and the check of a whole device.
//!
//! [`run`] is `wgrad check`: every kernel against its twin, whole trainings against the reference, on a device that
//! is open. A `#[test]` of your own needs no more than this, run to its end by whatever executor you have:
//!
//! ```no_run
//! use std::sync::Arc;
//! use wgrad::check::{Options, run};
//! use wgrad::gpu::{Adapters, DeviceChoice, Environment};
//!
//! async fn the_gpu_path_agrees_with_the_cpu_path() -> Result<(), wgrad::Error> {
//!     // `Environment::read` takes the variables `WGPU_ADAPTER_NAME`, `WGPU_BACKEND` and `WGPU_POWER_PREF`.
//!     let environment = Environment::default();
//!     let adapters = Adapters::enumerate(&environment).await;
//!     let adapter = adapters.choose(&DeviceChoice::Gpu, &environment, false)?;
//!     let gpu = Arc::new(adapter.ok_or(adapters.none())?.open().await?);
//!     let options = Options { quick: true, ..Options::default() };
//!     let report = run(&gpu, &options).await?;
//!     // What failed is lines for a bug report; what could not be checked is no pass either.
//!     assert!(report.is_pass(), "{:#?}", report.failures());
//!     Ok(())
//! }
//! ```
//!
//! The cases of a kernel are plain data ([`kernels`]): a launch, its buffers, and what must come of it. What is
//! written lies between guard words; bounds are derived where they are computed. [`run_mutants`] breaks the kernels
//! on purpose and sees that their cases find it. A device that is checked should run nothing else meanwhile: its
//! timestamps are looked at too.

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
pub use mutants::{MUTANTS, Mutant, MutantOutcome, MutantReport, MutantResult, Needs, run_mutants};
pub use networks::{Proof, batch, carried, carried_step, reference_of, reference_step};
pub use numbers::*;
pub use own::{MOST_DIFFERENCES, check_network};
pub use run::{Options, Progress, Report, Watch, check_kernel, names, run, run_on, run_watched};
