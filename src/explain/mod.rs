//! One training step with every number in it: each matrix in the order in which it is computed, what it is, which
//! kernel wrote it, and the same numbers from the reference and from central differences beside it; and the
//! demonstrations, which measure what is said of small networks.
//!
//! On a GPU the plain kernels of the layered engine run one dispatch at a time, and what each wrote is read from its
//! buffer. Without one the f32 reference makes the step, and every matrix says so.

pub mod demos;
mod explanation;
mod gradients;
mod json;
mod kinds;
mod matrix;
mod record;
mod stages;
mod step;
mod update;
mod walk;
mod words;

pub use demos::{Demo, Demonstration, Lab};
pub use explanation::{Explanation, Stage};
pub use kinds::StageKind;
pub use matrix::{Comparison, Mark, Matrix, Numeric, SHOWN_COLS, SHOWN_ROWS, Source};
pub use step::{Options, explain};
pub use update::{Change, Update};
pub use walk::{Equation, Right, Walk, WalkPart};
