//! Speed, side by side: the same work on every engine and on loops written by hand for this CPU,
//! each compared with the reference before it is timed.

mod boundary;
mod crossover;
mod matmul;
mod peak;
pub mod rivals;
mod step;
mod tune;
mod xor;

use rand::Rng;
use serde::Serialize;

use crate::Error;
use crate::check::{Bound, compare};
use crate::data::Dataset;
use crate::random::{Purpose, Threefry};
pub use boundary::{BoundaryCost, BoundaryCosts, boundaries};
pub use crossover::{BenchRow, Crossover, Watch, products_of, widths};
pub use matmul::{forms, products};
pub use step::{StepContest, StepSizes, StepSpeed, Stepper, steps};
pub use tune::{Tuned, Tuning, tune};
pub use xor::{Contest, Contestant, Sizes, Speed, contest};

/// Seconds of the same work in each of several measurements, the shortest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Times(Vec<f64>);

impl Times {
    /// The middle one; no number where nothing was measured.
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// How far the longest is from the shortest, as a share of the median.
    pub fn spread(&self) -> f64 {
        let range = self.0.last().zip(self.0.first()).map_or(0.0, |(last, first)| last - first);
        range / self.median()
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<f64> for Times {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, more: I) {
        self.0.extend(more);
        self.0.sort_by(f64::total_cmp);
    }
}

/// What was computed before it is timed, compared with what it should be.
fn verified(label: &str, actual: &[f32], expected: &[f64], bound: Bound) -> Result<(), Error> {
    match compare(label, actual, expected, bound) {
        Ok(_) => Ok(()),
        Err(mismatch) => Err(Error::Check { what: mismatch.to_string() }),
    }
}

/// Random pixels, and classes in turn.
fn pixels(rows: usize, inputs: usize, outputs: usize) -> Result<Dataset, Error> {
    let mut stream = Threefry::new(0, Purpose::Rows, 0);
    let pixel = |_| (stream.next_u32() >> 24) as f32 / 255.0;
    let pixels = (0..rows * inputs).map(pixel).collect();
    let mut targets = vec![0.0; rows * outputs];
    (0..rows).for_each(|row| targets[row * outputs + row % outputs] = 1.0);
    Ok(Dataset::new("pixels", pixels, inputs, targets, outputs)?)
}
