//! What is counted of a cell's networks: enough to join the counts of parts into those of a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tally;
use crate::engine::NetworkStatus;

/// The statuses of a cell's networks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Count {
    /// Networks whose training ended: solved, diverged, or out of epochs.
    pub networks: u64,
    /// Those of them that solved their data.
    pub solved: u64,
    /// Those that left the finite numbers.
    pub diverged: u64,
    /// Epochs that all of them made together.
    pub net_epochs: u64,
    /// After how many epochs networks solved their data, and how many after so many.
    pub epochs: BTreeMap<u32, u64>,
    /// The lowest seed that solved it, with its epochs.
    pub first_solved: Option<(u64, u32)>,
    /// The lowest seed that did not.
    pub first_unsolved: Option<u64>,
}

/// The standard normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.959_963_985;

impl Tally for Count {
    const FORMAT: &'static str = "wgrad sweep part 4";
    /// The command that trains one of the networks that solved their data, if there is one.
    type About = Option<String>;

    fn networks(&self) -> u64 {
        self.networks
    }

    fn join(&mut self, other: &Count) {
        self.networks += other.networks;
        self.solved += other.solved;
        self.diverged += other.diverged;
        self.net_epochs += other.net_epochs;
        for (&epochs, &count) in &other.epochs {
            *self.epochs.entry(epochs).or_default() += count;
        }
        let lower = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        self.first_solved = self.first_solved.into_iter().chain(other.first_solved).min();
        self.first_unsolved = lower(self.first_unsolved, other.first_unsolved);
    }

    fn is_sound(&self) -> bool {
        let ended = self.solved.checked_add(self.diverged);
        let solved = self.epochs.values().try_fold(0u64, |sum, &n| sum.checked_add(n));
        ended.is_some_and(|ended| ended <= self.networks)
            && self.net_epochs <= self.networks.saturating_mul(u32::MAX.into())
            && solved == Some(self.solved)
    }

    fn about_all<'a>(mut all: impl Iterator<Item = &'a Option<String>>) -> Option<Option<String>> {
        all.find(|example| example.is_some()).cloned()
    }
}

impl Count {
    /// Counts the network of a seed, whose status was settled within `epochs` of `per_epoch` steps.
    pub(super) fn add(&mut self, seed: u64, status: NetworkStatus, per_epoch: u32, epochs: u32) {
        self.networks += 1;
        let mut made = epochs;
        match status {
            NetworkStatus::Solved(steps) => {
                made = steps / per_epoch;
                self.solved += 1;
                *self.epochs.entry(made).or_default() += 1;
                let earlier = self.first_solved.is_none_or(|(first, _)| seed < first);
                self.first_solved = if earlier { Some((seed, made)) } else { self.first_solved };
            }
            NetworkStatus::Diverged => self.diverged += 1,
            NetworkStatus::Unsolved => {}
        }
        if !matches!(status, NetworkStatus::Solved(_)) {
            let first = self.first_unsolved.map_or(seed, |first| first.min(seed));
            self.first_unsolved = Some(first);
        }
        self.net_epochs += u64::from(made);
    }

    /// The share that solved, where any network was counted.
    pub fn rate(&self) -> Option<f64> {
        (self.networks > 0).then(|| self.solved as f64 / self.networks as f64)
    }

    /// Between what the true share lies, at 95 %: the score interval (Wilson 1927), which stays
    /// within 0 and 1 and holds where none or all solved.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let (rate, n) = (self.rate()?, self.networks as f64);
        let scale = 1.0 / (1.0 + Z * Z / n);
        let middle = scale * (rate + Z * Z / (2.0 * n));
        let half = scale * Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some(((middle - half).max(0.0), (middle + half).min(1.0)))
    }

    /// The smallest number of epochs within which half of those that solved had.
    pub fn median_epochs(&self) -> Option<u32> {
        let mut seen = 0;
        self.epochs.iter().find_map(|(&epochs, &count)| {
            seen += count;
            (2 * seen >= self.solved).then_some(epochs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(statuses: &[(u64, NetworkStatus)]) -> Count {
        let mut count = Count::default();
        statuses.iter().for_each(|&(seed, status)| count.add(seed, status, 2, 100));
        count
    }

    const FATES: [(u64, NetworkStatus); 6] = [
        (4, NetworkStatus::Solved(20)),
        (5, NetworkStatus::Unsolved),
        (6, NetworkStatus::Solved(60)),
        (7, NetworkStatus::Diverged),
        (8, NetworkStatus::Solved(40)),
        (3, NetworkStatus::Diverged),
    ];

    #[test]
    fn each_status_is_counted_as_what_it_is() {
        let count = count(&FATES);
        assert_eq!((count.networks, count.solved, count.diverged), (6, 3, 2));
        assert_eq!((count.rate(), count.median_epochs()), (Some(0.5), Some(20)));
        assert_eq!(count.net_epochs, 10 + 30 + 20 + 300);
        assert_eq!((count.first_solved, count.first_unsolved), (Some((4, 10)), Some(3)));
        let none = Count::default();
        assert_eq!((none.rate(), none.interval(), none.median_epochs()), (None, None, None));
    }

    #[test]
    fn parts_joined_are_the_whole() {
        for at in 0..=FATES.len() {
            let (mut left, right) = (count(&FATES[..at]), count(&FATES[at..]));
            left.join(&right);
            assert_eq!(left, count(&FATES), "cut at {at}");
        }
    }

    #[test]
    fn the_interval_is_wilsons() {
        // 8 of 10, from the formula by hand: centre 0.71680, half width 0.22663.
        let eight = Count { networks: 10, solved: 8, ..Count::default() };
        let (low, high) = eight.interval().unwrap();
        approx::assert_abs_diff_eq!(low, 0.490_16, epsilon = 2e-5);
        approx::assert_abs_diff_eq!(high, 0.943_32, epsilon = 2e-5);
        let none = Count { networks: 100, ..Count::default() };
        let (low, high) = none.interval().unwrap();
        assert!(low == 0.0 && high > 0.03 && high < 0.04, "{high}");
    }
}
