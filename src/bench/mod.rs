//! Speed, side by side: the same work on every engine and on loops written by hand for this CPU,
//! each compared with the reference before it is timed.

mod boundary;
pub mod rivals;
mod step;
mod xor;

pub use boundary::{BoundaryCost, BoundaryCosts, boundaries};
pub use step::{StepContest, StepSizes, StepSpeed, Stepper, steps};
pub use xor::{Contest, Contestant, Sizes, Speed, contest};
