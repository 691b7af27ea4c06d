//! One training step with every number in it: each matrix in the order in which it is computed, what it is, which
//! kernel wrote it, and the same numbers from the reference and from central differences beside it; and the
//! demonstrations, which measure what is said of small networks.
//!
//! On a GPU the plain kernels of the layered engine run one dispatch at a time, and what each wrote is read from its
//! buffer. Without one the f32 reference makes the step, and every matrix says so.
//!
//! ```
//! use wgrad::data::{Batches, Order, Source};
//! use wgrad::engine::Task;
//! use wgrad::explain::{Options, explain};
//! use wgrad::{Activation, Loss, Network, block_on};
//!
//! let data = Source::Xor.built_in().expect("a truth table")?;
//! let (hidden, output) = (Activation::Tanh, Activation::Sigmoid);
//! let network = Network::uniform(vec![2, 3, 1], hidden, output, Loss::Bce)?;
//! let task = Task::new(network, data, Batches::new(4, 0, Order::Sequential, 0));
//! let step = block_on(explain(&task, None, Options::default(), &|| false))?;
//! let hidden = step.matrix("A1").expect("the activations of the first layer");
//! assert_eq!((hidden.rows, hidden.cols, hidden.is_close()), (4, 3, Some(true)));
//! assert!(step.disagreeing().is_empty());
//! # Ok::<(), wgrad::Error>(())
//! ```

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
pub use matrix::{Comparison, Mark, Matrix, Numeric, Source};
#[cfg(feature = "cli")]
pub(crate) use matrix::{SHOWN_COLS, SHOWN_ROWS};
pub use step::{Options, explain};
pub use update::{Change, Update};
pub use walk::{Equation, Right, Walk, WalkPart};
