//! Speed, side by side: the same work on every engine and on loops written by hand for this CPU,
//! each compared with the reference before it is timed.

pub mod rivals;
mod xor;

pub use xor::{Contest, Contestant, Sizes, Speed, contest};
