//! The resident engine: whole trainings inside one dispatch, one network an invocation or a
//! workgroup, as many networks at once as asked. Parameters stay on the chip for as many steps as a
//! dispatch makes.
//!
//! Each file uses only files before it: `request`, `rows`, `invocation` and `workgroup`, `plan`, `population`,
//! `outcome`, `engine`, and last `start`, `state` and `forward`, what else an engine does.

mod engine;
mod forward;
mod invocation;
mod outcome;
mod plan;
mod population;
mod request;
mod rows;
mod start;
mod state;
mod workgroup;

pub use engine::{Advance, ResidentEngine};
pub use plan::{check_data, check_limits, launch, mapping, pays_on_software, suits};
pub use population::{Member, Population};
pub use request::{Capacity, Request};
pub use start::Start;
