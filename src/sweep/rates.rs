//! Rates against seeds: what becomes of each seed at each rate. Where one start says little, as of small
//! networks, a hundred of them at each of hundreds of rates say which rate to take.

use super::{AxisValue, Cell, Count, Sweep, SweepProgress};
use crate::Error;
use crate::engine::{EngineSpec, NetworkStatus};
use crate::train::Training;

/// What became of every seed at every rate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RateMap {
    /// The rates, upwards: `[rates]`.
    pub rates: Vec<f32>,
    /// One count for each rate, `[rates]`.
    pub counts: Vec<Count>,
    /// `[rates][seeds]`; `None` of those that a stop came before.
    pub statuses: Vec<Vec<Option<NetworkStatus>>>,
    /// Steps of an epoch.
    pub per_epoch: u32,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

/// So many rates from one to another, both included, evenly in their logarithm, to four digits.
///
/// # Errors
/// [`Error::Setting`] for `count`, where there are no so many different rates between positive ends that go upwards.
pub fn rates(from: f32, to: f32, count: usize) -> Result<Vec<f32>, Error> {
    let text = format!("{from}..{to}:log:{count}");
    super::numbers(&text)
        .map_err(|error| Error::setting(format!("`count` {count}"), error.to_string()))
}

/// The sweep of a training over these rates: a cell for each, of `seeds` networks.
pub fn over_rates(training: &Training, rates: &[f32], seeds: u32) -> Sweep {
    let cell = |&rate: &f32| Cell {
        axes: vec![("lr", AxisValue::Number(rate))],
        training: Training { learning_rate: rate, restarts: seeds, ..training.clone() },
    };
    Sweep::new(rates.iter().map(cell).collect())
}

impl RateMap {
    /// Trains every seed at every rate.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub async fn run(
        sweep: &Sweep,
        spec: &EngineSpec,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
    ) -> Result<RateMap, Error> {
        let trainings = || sweep.cells.iter().map(|cell| &cell.training);
        let mut statuses: Vec<Vec<Option<NetworkStatus>>> =
            trainings().map(|training| vec![None; training.restarts as usize]).collect();
        let mut note =
            |cell: usize, seed: u32, status| statuses[cell][seed as usize] = Some(status);
        let outcome = sweep.run_noting(spec, report, stop, &mut note).await?;
        Ok(RateMap {
            rates: trainings().map(|training| training.learning_rate).collect(),
            per_epoch: trainings().next().map_or(1, |t| t.batches(t.seed).steps_per_epoch() as u32),
            counts: outcome.cells,
            statuses,
            seconds: outcome.seconds,
            stopped: outcome.stopped,
        })
    }

    /// Which rate to take: among those of which it cannot be told that fewer seeds solve their data than at
    /// the best, the one that needs the fewest epochs, with its neighbours, since one alone is noise. But none
    /// that its neighbours alone speak for.
    pub fn suggested(&self) -> Option<usize> {
        let smoothed = |of: &dyn Fn(&Count) -> Option<f64>, at: usize| -> Option<f64> {
            let near = at.saturating_sub(2)..(at + 3).min(self.counts.len());
            let values: Vec<f64> = self.counts[near].iter().filter_map(of).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let own = |at: usize| self.counts[at].rate().unwrap_or(0.0);
        let all = || (0..self.counts.len()).filter(|&at| own(at) > 0.0);
        let rate = |at: usize| smoothed(&Count::rate, at).unwrap_or(0.0);
        let best = all().max_by(|&a, &b| rate(a).total_cmp(&rate(b)))?;
        let (low, _) = self.counts[best].interval()?;
        let epochs = |at: usize| {
            let median = |count: &Count| count.median_epochs().map(f64::from);
            smoothed(&median, at).unwrap_or(f64::INFINITY)
        };
        all()
            .filter(|&at| own(at).min(rate(at)) >= low.min(rate(best)))
            .min_by(|&a, &b| epochs(a).total_cmp(&epochs(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(cells: &[(u64, u32)]) -> RateMap {
        let count = |&(solved, epochs): &(u64, u32)| Count {
            networks: 100,
            solved,
            epochs: [(epochs, solved)].into_iter().filter(|cell| cell.1 > 0).collect(),
            ..Count::default()
        };
        RateMap {
            rates: (0..cells.len()).map(|at| at as f32 + 1.0).collect(),
            counts: cells.iter().map(count).collect(),
            statuses: Vec::new(),
            per_epoch: 1,
            seconds: 0.0,
            stopped: false,
        }
    }

    #[test]
    fn of_rates_that_solve_alike_the_fastest_is_taken() {
        let cells = [(0, 0), (0, 0), (20, 900), (45, 700), (46, 500), (47, 300), (46, 100)];
        let more = [(45, 90), (44, 80), (46, 85), (10, 60), (0, 0), (0, 0), (0, 0)];
        let at = map(&[&cells[..], &more].concat()).suggested().unwrap();
        assert!((7..=9).contains(&at), "{at}");
    }

    #[test]
    fn a_rate_at_which_none_solves_is_not_suggested_for_its_neighbours() {
        let cells = [(0, 0), (20, 200), (40, 70), (30, 20), (0, 0)];
        assert_eq!(map(&cells).suggested(), Some(3));
        assert_eq!(map(&[(0, 0), (0, 0), (9, 300), (0, 0), (0, 0)]).suggested(), Some(2));
    }

    #[test]
    fn where_none_solves_nothing_is_suggested() {
        assert_eq!(map(&[(0, 0); 9]).suggested(), None);
        assert_eq!(map(&[]).suggested(), None);
    }
}
