//! Which rows a step takes: a pure function of the configuration, the seed and the step.
//!
//! The shuffle is a keyed permutation, not a shuffled list: a Feistel network whose round function
//! is Threefry, on the smallest power of two that holds the rows, walked until it lands on a row
//! (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, method "cycle
//! walking"). No state: any engine, a resumed run and `shaders/batch_rows.wgsl` draw the same rows.

use std::ops::Range;

use crate::network::named;
use crate::random::{Purpose, seed_key, stream_id, threefry2x32};

named! {
    /// The order in which the rows of a data set go into mini-batches. A full batch always takes
    /// them in file order.
    pub enum Order ("order") {
        /// Another permutation in each epoch, fixed by the seed.
        Shuffled = "shuffled",
        /// File order.
        Sequential = "sequential",
    }
}

/// Rounds of the Feistel network. Four make a pseudo-random permutation (Luby and Rackoff 1988);
/// six leave a margin for the short halves of small data sets.
const ROUNDS: u32 = 6;

/// The key of one epoch's permutation.
pub fn epoch_key(seed: u64, epoch: u32) -> [u32; 2] {
    threefry2x32(seed_key(seed), [epoch, stream_id(Purpose::Order, 0)])
}

/// The halves into which a position among so many rows is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Halves {
    rows: u32,
    low_bits: u32,
    high_bits: u32,
}

impl Halves {
    fn new(rows: u32) -> Halves {
        let bits = (32 - rows.saturating_sub(1).leading_zeros()).max(2);
        Halves { rows, low_bits: bits - bits / 2, high_bits: bits / 2 }
    }

    /// Where the permutation sends a position; `draw` gives what a round makes of a half.
    fn walked(self, position: u32, mut draw: impl FnMut(u32, u32) -> u32) -> u32 {
        if self.rows < 2 {
            return position;
        }
        let (low_mask, high_mask) = ((1u32 << self.low_bits) - 1, (1u32 << self.high_bits) - 1);
        let mut value = position;
        loop {
            let (mut high, mut low) = (value >> self.low_bits, value & low_mask);
            for round in (0..ROUNDS).step_by(2) {
                high ^= draw(round, low) & high_mask;
                low ^= draw(round + 1, high) & low_mask;
            }
            value = high << self.low_bits | low;
            if value < self.rows {
                return value;
            }
        }
    }
}

/// What a round makes of a half.
fn drawn(key: [u32; 2], round: u32, half: u32) -> u32 {
    threefry2x32(key, [half, round])[0]
}

/// Where a permutation of `0..rows` under `key` sends `position`.
pub fn permuted(key: [u32; 2], rows: u32, position: u32) -> u32 {
    Halves::new(rows).walked(position, |round, half| drawn(key, round, half))
}

/// How the rows of a data set are divided into the batches of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    rows: usize,
    batch: usize,
    shuffled: bool,
    seed: u64,
}

impl Batches {
    /// Batches of `batch` of `rows` rows; `batch` of 0 or beyond `rows` means all of them.
    pub fn new(rows: usize, batch: usize, order: Order, seed: u64) -> Batches {
        let batch = if batch == 0 { rows } else { batch.min(rows) };
        let shuffled = order == Order::Shuffled && batch < rows;
        Batches { rows, batch, shuffled, seed }
    }

    /// The same batches in the orders of another seed.
    pub fn with_seed(self, seed: u64) -> Batches {
        Batches { seed, ..self }
    }

    /// Rows of the data set.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows per batch; the last batch of an epoch can have fewer.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Whether each epoch has its own order of rows.
    pub fn shuffled(&self) -> bool {
        self.shuffled
    }

    /// The seed of the order.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether a step takes all rows in file order.
    pub fn is_full(&self) -> bool {
        self.batch == self.rows
    }

    /// Steps in an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        // No rows make one empty step.
        self.rows.div_ceil(self.batch.max(1)).max(1)
    }

    /// Rows in the batch of `step`: fewer than [`Self::batch`] at the end of an epoch that does
    /// not divide.
    pub fn len_of(&self, step: u32) -> usize {
        let first = step as usize % self.steps_per_epoch() * self.batch;
        self.batch.min(self.rows - first)
    }

    /// The rows of the batch of `step`, in order.
    pub fn rows_of(&self, step: u32) -> impl Iterator<Item = usize> + '_ {
        let key = self.key_of(step);
        self.positions_of(step).map(move |position| match self.shuffled {
            true => permuted(key, self.rows as u32, position as u32) as usize,
            false => position,
        })
    }

    /// Places in the epoch's order.
    fn positions_of(&self, step: u32) -> Range<usize> {
        let first = step as usize % self.steps_per_epoch() * self.batch;
        first..first + self.len_of(step)
    }

    /// The key of the epoch that a step is in.
    fn key_of(&self, step: u32) -> [u32; 2] {
        epoch_key(self.seed, (step as usize / self.steps_per_epoch()) as u32)
    }
}

/// The same rows as [`Batches::rows_of`], for one step after the other: what the rounds make of a half is kept for an
/// epoch. The halves of 1,000 rows have 32 values, so that an epoch calls Threefry 192 times instead of 6,000 times.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowOrder {
    key: [u32; 2],
    halves: Option<Halves>,
    /// Of each round what it makes of each half; [`UNKNOWN`] where it was not asked for yet.
    draws: Vec<u32>,
}

/// More than the bits of a half can say.
const UNKNOWN: u32 = u32::MAX;

impl RowOrder {
    /// The rows at these places of the batch of `step`, in order.
    pub(crate) fn rows_of(
        &mut self,
        batches: Batches,
        step: u32,
        places: Range<usize>,
    ) -> impl Iterator<Item = usize> {
        let (key, halves) = (batches.key_of(step), Halves::new(batches.rows as u32));
        if batches.shuffled && (self.key, self.halves) != (key, Some(halves)) {
            (self.key, self.halves) = (key, Some(halves));
            self.draws.clear();
            self.draws.resize((ROUNDS as usize) << halves.low_bits, UNKNOWN);
        }
        let (mask, draws) = ((1 << halves.low_bits) - 1, &mut self.draws);
        let first = batches.positions_of(step).start;
        places.map(move |place| {
            let position = first + place;
            if !batches.shuffled {
                return position;
            }
            let row = halves.walked(position as u32, |round, half| {
                let draw = &mut draws[((round << halves.low_bits) + half) as usize];
                if *draw == UNKNOWN {
                    *draw = drawn(key, round, half) & mask;
                }
                *draw
            });
            row as usize
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_comes_exactly_once(rows in 1u32..600, seed: u64, epoch: u32) {
            let key = epoch_key(seed, epoch);
            let mut seen = vec![false; rows as usize];
            for position in 0..rows {
                let row = permuted(key, rows, position) as usize;
                prop_assert!(!seen[row]);
                seen[row] = true;
            }
        }

        #[test]
        fn an_epoch_is_all_rows_in_batches(rows in 1usize..200, batch in 0usize..250, seed: u64) {
            let batches = Batches::new(rows, batch, Order::Shuffled, seed);
            let steps = batches.steps_per_epoch() as u32;
            let mut order = RowOrder::default();
            for epoch in [0, 3] {
                let mut all = Vec::new();
                for step in 0..steps {
                    let taken: Vec<usize> = batches.rows_of(epoch * steps + step).collect();
                    let places = 0..taken.len();
                    let kept: Vec<usize> =
                        order.rows_of(batches, epoch * steps + step, places).collect();
                    prop_assert_eq!(&taken, &kept);
                    prop_assert_eq!(taken.len(), batches.len_of(epoch * steps + step));
                    prop_assert!(!taken.is_empty() && taken.len() <= batches.batch());
                    all.extend(taken);
                }
                all.sort_unstable();
                prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
            }
        }
    }

    /// As populations take rows: networks with seeds of their own in turn, and data sets of other sizes.
    #[test]
    fn kept_rounds_are_those_of_the_seed_the_epoch_and_the_data() {
        let shuffled = |rows, seed| Batches::new(rows, 3, Order::Shuffled, seed);
        let sequential = Batches::new(50, 3, Order::Sequential, 1);
        let mut order = RowOrder::default();
        let all = [shuffled(50, 1), shuffled(50, 2), sequential, shuffled(49, 1), shuffled(1, 1)];
        for step in [0, 1, 2, 40] {
            for batches in all.iter().chain([&shuffled(60_001, 1)]) {
                let len = batches.len_of(step);
                for places in [0..len, len / 2..len] {
                    let expected: Vec<usize> = batches.rows_of(step).skip(places.start).collect();
                    let kept: Vec<usize> = order.rows_of(*batches, step, places).collect();
                    assert_eq!(kept, expected, "{batches:?}, {step}");
                }
            }
        }
    }

    #[test]
    fn large_sets_permute_without_collisions() {
        let rows = 60_001;
        let key = epoch_key(3, 9);
        let mut seen: Vec<u32> = (0..rows).map(|p| permuted(key, rows, p)).collect();
        seen.sort_unstable();
        assert!(seen.iter().enumerate().all(|(i, &row)| i as u32 == row));
    }

    /// All 24 orders of four rows, and every row of eleven at every place, about equally often.
    #[test]
    fn small_sets_are_shuffled_evenly() {
        const EPOCHS: u32 = 24_000;
        let mut orders = std::collections::HashMap::new();
        for epoch in 0..EPOCHS {
            let key = epoch_key(0, epoch);
            let order: Vec<u32> = (0..4).map(|p| permuted(key, 4, p)).collect();
            *orders.entry(order).or_insert(0) += 1;
        }
        assert_eq!(orders.len(), 24);
        // Expected 1,000 each; six random bits a half leave it slightly uneven: within a fifth.
        assert!(orders.values().all(|&count: &i32| (count - 1000).abs() < 200), "{orders:?}");

        let mut counts = [[0i32; 11]; 11];
        for epoch in 0..11_000 {
            let key = epoch_key(1, epoch);
            for position in 0..11 {
                counts[position as usize][permuted(key, 11, position) as usize] += 1;
            }
        }
        // 1,000 expected in each of 121 cells, deviation 30: six deviations.
        assert!(counts.iter().flatten().all(|&count| (count - 1000).abs() < 180), "{counts:?}");
    }

    #[test]
    fn a_full_batch_takes_rows_in_file_order() {
        for batch in [0, 5, 9] {
            let batches = Batches::new(5, batch, Order::Shuffled, 1);
            assert!(batches.is_full() && !batches.shuffled());
            assert_eq!(batches.rows_of(7).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn epochs_differ_and_seeds_differ() {
        let order = |seed, epoch| -> Vec<u32> {
            (0..50).map(|p| permuted(epoch_key(seed, epoch), 50, p)).collect()
        };
        assert_ne!(order(0, 0), order(0, 1));
        assert_ne!(order(0, 0), order(1, 0));
        assert_eq!(order(5, 2), order(5, 2));
    }
}
