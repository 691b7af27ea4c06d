//! Very many small networks at once, over cells of settings: how many of each cell solve their
//! data, and how soon. Odds instead of anecdotes.
//!
//! A [`Cell`] is a [`Training`] whose `restarts` are how many networks it has, of seeds that count from its own. On the
//! `resident` engine all networks of one shape are trained in the same dispatches, on the CPU on every core.
//!
//! ```
//! use wgrad::data::Source;
//! use wgrad::sweep::{AxisValue, Cell, Sweep};
//! use wgrad::{Activation, Device, Loss, Network, Training, block_on};
//!
//! let data = std::sync::Arc::new(Source::Xor.built_in().expect("a truth table")?);
//! let mut cells = Vec::new();
//! for width in [2, 8] {
//!     let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
//!     let network = Network::uniform(vec![2, width, 1], hidden, output, Loss::Bce)?;
//!     let mut training = Training::new(network, data.clone());
//!     training.restarts = 100;
//!     cells.push(Cell::new(vec![("width", AxisValue::Whole(width as u32))], training));
//! }
//! let sweep = Sweep::new(cells);
//! let outcome = block_on(Device::cpu().sweep(&sweep))?;
//! // The share of 100 seeds that solve XOR: more with more units.
//! assert!(outcome.cells[1].rate() > outcome.cells[0].rate());
//! # Ok::<(), wgrad::Error>(())
//! ```

mod axis;
mod count;
mod part;
mod rates;
mod run;
mod scores;

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use axis::{AxisError, names, numbers, wholes};
pub use count::Count;
pub use part::{Joined, Part, PartCell, join};
#[cfg(feature = "cli")]
pub(crate) use part::{differences, format_of, places};
pub use rates::{RateMap, over_rates, rates};
pub use scores::{CellScore, Measure, Score, Scored, Spread};

use crate::Error;
use crate::data::SOLVED_ROWS;
use crate::train::Training;

/// Cells of one sweep at most.
pub const MOST_CELLS: usize = 100_000;

/// One value on an axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum AxisValue {
    /// A whole number.
    Whole(u32),
    /// Any number, written with the digits that make an f32.
    Number(#[serde(serialize_with = "short_digits")] f32),
    /// A name.
    Name(String),
    /// None: the cell has no use for one.
    Unused,
}

/// 0.1 as 0.1, not as the f64 that is nearest to the f32.
fn short_digits<S: serde::Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(value.to_string().parse().unwrap_or(f64::from(*value)))
}

impl std::fmt::Display for AxisValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AxisValue::Whole(value) => f.pad(&value.to_string()),
            AxisValue::Number(value) => f.pad(&value.to_string()),
            AxisValue::Name(value) => f.pad(value),
            AxisValue::Unused => f.pad("-"),
        }
    }
}

/// One point of every axis, and the training it means.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cell {
    /// The axes by the names of their flags, with this cell's values; the same axes in every cell.
    pub axes: Vec<(&'static str, AxisValue)>,
    /// What is trained: `restarts` networks, whose seeds count from its own.
    pub training: Training,
}

/// Which of how many parts of a sweep: each takes its share of every cell's seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "one part of so many, and no more to it")]
pub struct Shard {
    /// Which part, from 1.
    pub part: u32,
    /// Parts in all.
    pub of: u32,
}

impl Shard {
    /// All there is.
    pub const WHOLE: Shard = Shard { part: 1, of: 1 };

    /// Which of `networks` belong to this part.
    pub fn range(self, networks: u32) -> Range<u32> {
        let cut = |part: u32| (u64::from(networks) * u64::from(part) / u64::from(self.of)) as u32;
        cut(self.part - 1)..cut(self.part)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(part, of)| {
            Some(Shard { part: part.trim().parse().ok()?, of: of.trim().parse().ok()? })
        });
        parts
            .filter(|shard| (1..=shard.of).contains(&shard.part) && shard.of <= part::MOST_PARTS)
            .ok_or_else(|| "give the part and how many there are, as in 2/8".to_owned())
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// A sweep, or a part of one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sweep {
    /// Every cell, in the order in which they are reported.
    pub cells: Vec<Cell>,
    /// Which part is computed; all of it by default.
    pub shard: Shard,
}

impl Cell {
    /// The training that these values of the axes mean; `restarts` of it is how many networks there are.
    pub fn new(axes: Vec<(&'static str, AxisValue)>, training: Training) -> Cell {
        Cell { axes, training }
    }
}

impl Sweep {
    /// All of these cells.
    pub fn new(cells: Vec<Cell>) -> Sweep {
        Sweep { cells, shard: Shard::WHOLE }
    }
}

/// Where a sweep is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SweepProgress {
    /// Networks times epochs that are behind, those that ended early counted in full.
    pub net_epochs: u64,
    /// Networks times epochs of the whole part.
    pub of: u64,
}

/// What a sweep finds out of a cell: how many of its networks solve their data, or how well each of them does.
pub trait Tally:
    std::fmt::Debug + Clone + Default + PartialEq + Serialize + DeserializeOwned
{
    /// What [`Part::format`] must say.
    const FORMAT: &'static str;
    /// What is told of a sweep beside its cells.
    type About: std::fmt::Debug + Clone + PartialEq + Serialize + DeserializeOwned;

    /// Networks that are in it.
    fn networks(&self) -> u64;

    /// Adds what another part found out of the same cell.
    fn join(&mut self, other: &Self);

    /// Whether its numbers can be those of a run.
    fn is_sound(&self) -> bool;

    /// What is told of several parts together, from what is told of each.
    fn about_all<'a>(all: impl Iterator<Item = &'a Self::About>) -> Option<Self::About>
    where
        Self::About: 'a;
}

/// What came of a sweep.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SweepOutcome<T = Count> {
    /// What was found out of each cell, `[cells]`.
    pub cells: Vec<T>,
    /// Seconds it took, from the first draw to the last verdict.
    pub seconds: f64,
    /// Whether a stop was asked for before the end: the cells then hold what was done.
    pub stopped: bool,
}

impl<T: Tally> SweepOutcome<T> {
    /// Nothing done yet.
    pub fn none(sweep: &Sweep) -> SweepOutcome<T> {
        SweepOutcome { cells: vec![T::default(); sweep.cells.len()], seconds: 0.0, stopped: true }
    }

    /// Networks over all cells.
    pub fn networks(&self) -> u64 {
        self.cells.iter().map(Tally::networks).sum()
    }
}

impl Sweep {
    /// Whether the networks that solve their data can be counted; else they are scored.
    pub fn is_counted(&self) -> bool {
        let is_solvable = |cell: &Cell| {
            let data = &cell.training.data;
            data.is_classification() && data.rows() <= SOLVED_ROWS
        };
        self.cells.iter().all(is_solvable)
    }

    /// Whether every cell's settings fit each other and whether "solved" is defined for its data.
    ///
    /// # Errors
    /// [`Error`] names the field and its value.
    pub fn check(&self) -> Result<(), Error> {
        for Cell { training, .. } in &self.cells {
            training.check()?;
            let data = &training.data;
            if !data.is_classification() || data.rows() > SOLVED_ROWS {
                let reason = format!(
                    "a sweep counts the networks that solve their data, which it can tell for at most {SOLVED_ROWS} rows with targets of 0 and 1"
                );
                return Err(Error::setting(format!("`data` {}", data.name()), reason));
            }
        }
        Ok(())
    }

    /// Networks of this part, over all cells.
    pub fn networks(&self) -> u64 {
        self.cells.iter().map(|cell| self.share(cell).len() as u64).sum()
    }

    /// This part's networks of a cell, counted from its first.
    fn share(&self, cell: &Cell) -> Range<u32> {
        self.shard.range(cell.training.restarts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_like_size_and_leave_nothing_out() {
        for networks in [1, 7, 64, 1000, u32::MAX] {
            for of in [1, 2, 7, 64] {
                let ranges: Vec<_> =
                    (1..=of).map(|part| Shard { part, of }.range(networks)).collect();
                assert_eq!((ranges[0].start, ranges[of as usize - 1].end), (0, networks));
                assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
                let lens = ranges.iter().map(ExactSizeIterator::len);
                assert!(lens.clone().max().unwrap() - lens.min().unwrap() <= 1);
            }
        }
    }

    #[test]
    fn shards_are_written_as_part_and_whole() {
        assert_eq!("2/8".parse(), Ok(Shard { part: 2, of: 8 }));
        for text in ["", "2", "0/8", "9/8", "a/b", "1/0"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
