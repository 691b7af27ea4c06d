//! Sweeps of data that is not solved row by row: how well the networks of each cell do in the end.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use web_time::Instant;

use super::{Cell, Sweep, SweepProgress};
use crate::Error;
use crate::engine::{EngineSpec, on_every_core};
use crate::network::named;
use crate::train::{Event, Run, StartEnd, Training};

named! {
    /// What networks are measured by.
    pub enum Measure ("measure") {
        /// The share of correct rows.
        Accuracy = "accuracy",
        /// The share of the targets' variance that is explained, the mean over targets.
        R2 = "r2",
    }
}

/// How well one network does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Its seed.
    pub seed: u64,
    /// Its loss.
    pub loss: f64,
    /// Its accuracy, or its R2; `None` where it has none, as of rows with equal targets.
    pub measure: Option<f64>,
}

/// The mean of some numbers, and how far they are from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation, over one number less than there are; 0 for a single one.
    pub deviation: f64,
}

/// How well the networks of a cell do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellScore {
    /// Each network that stayed finite, in the order of seeds.
    pub scores: Vec<Score>,
    /// Networks that left the finite numbers.
    pub diverged: u64,
}

/// What came of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One for each cell.
    pub cells: Vec<CellScore>,
    /// What networks are measured by.
    pub measure: Measure,
    /// The rows on which they are.
    pub rows: &'static str,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

impl CellScore {
    /// The mean and the deviation of one number of each network that has it; `None` without any.
    pub fn spread(&self, of: fn(&Score) -> Option<f64>) -> Option<Spread> {
        let all: Vec<f64> = self.scores.iter().filter_map(of).collect();
        let count = all.len() as f64;
        let mean = all.iter().sum::<f64>() / count;
        let squares: f64 = all.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
        (count > 0.0).then_some(Spread { mean, deviation })
    }

    /// The network with the highest measure, of several the one with the lowest loss.
    pub fn best(&self) -> Option<&Score> {
        let known = |score: &Score| score.measure.unwrap_or(f64::NEG_INFINITY);
        let order =
            |a: &&Score, b: &&Score| known(a).total_cmp(&known(b)).then(b.loss.total_cmp(&a.loss));
        self.scores.iter().rev().filter(|score| score.measure.is_some()).max_by(order)
    }

    fn note(&mut self, training: &Training, measure: Measure, end: StartEnd<'_>) {
        match end {
            StartEnd::Done(run) => self.scores.push(score(training, measure, run)),
            StartEnd::Diverged { .. } => self.diverged += 1,
        }
    }
}

fn score(training: &Training, measure: Measure, run: &Run) -> Score {
    let (_, data, seen) = run.unseen(training);
    let measure = match measure {
        Measure::Accuracy => seen.accuracy(data.rows()),
        Measure::R2 => {
            let all: Vec<f64> = seen.errors.iter().filter_map(|of| of.r2).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        }
    };
    Score { seed: run.seed, loss: seen.loss, measure }
}

impl Sweep {
    /// Trains every network of every cell to its last epoch: on a GPU cell by cell, on the CPU one network after
    /// the other on every core.
    ///
    /// # Errors
    /// Where a device fails.
    pub async fn scores(
        &self,
        spec: &EngineSpec,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
    ) -> Result<Scores, Error> {
        let started = Instant::now();
        let first = self.cells.first().map(|cell| &cell.training);
        let is_class = first.is_some_and(|training| training.data.is_classification());
        let measure = if is_class { Measure::Accuracy } else { Measure::R2 };
        let mut cells = vec![CellScore::default(); self.cells.len()];
        let epochs = |training: &Training| u64::from(training.epochs);
        let of = self
            .cells
            .iter()
            .map(|Cell { training, .. }| epochs(training) * u64::from(training.restarts));
        let (of, mut done) = (of.sum(), 0);
        let mut tell = |net_epochs: u64| {
            done += net_epochs;
            report(SweepProgress { net_epochs: done, of });
        };
        match spec {
            EngineSpec::Cpu => {
                let seeds = |(at, cell): (usize, &Cell)| {
                    (0..cell.training.restarts).map(move |index| (at, index)).collect::<Vec<_>>()
                };
                let networks: Vec<(usize, u32)> =
                    self.cells.iter().enumerate().flat_map(seeds).collect();
                let work = |&(at, index): &(usize, u32), stopped: &AtomicBool| {
                    let training = &self.cells[at].training;
                    let seed = training.seed + u64::from(index);
                    one(&Training { restarts: 1, seed, ..training.clone() }, measure, stopped)
                };
                let mut ends = vec![Vec::new(); self.cells.len()];
                let mut failed = None;
                let note = |&(at, index): &(usize, u32), end: Result<CellScore, Error>| {
                    tell(epochs(&self.cells[at].training));
                    match end {
                        Ok(score) => ends[at].push((index, score)),
                        Err(error) => failed = Some(error),
                    }
                };
                on_every_core(&networks, work, note, stop);
                if let Some(error) = failed.filter(|_| !stop()) {
                    return Err(error);
                }
                for (cell, mut ends) in cells.iter_mut().zip(ends) {
                    ends.sort_by_key(|(index, _)| *index);
                    for (_, score) in ends {
                        cell.scores.extend(score.scores);
                        cell.diverged += score.diverged;
                    }
                }
            }
            spec => {
                for (Cell { training, .. }, cell) in self.cells.iter().zip(&mut cells) {
                    if stop() {
                        break;
                    }
                    let training = Training { doctor: false, ..training.clone() };
                    let mut watch = |event: Event<'_>| {
                        if let Event::StartEnded(end) = event {
                            cell.note(&training, measure, end);
                            tell(epochs(&training));
                        }
                        Ok(())
                    };
                    match training.run_from(spec, None, false, &mut watch, stop).await {
                        Ok(_) | Err(Error::Diverged { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        let rows = first.map_or("training", |training| training.held_out.unseen());
        let seconds = started.elapsed().as_secs_f64();
        Ok(Scores { cells, measure, rows, seconds, stopped: stop() })
    }
}

/// One network on the CPU, where nothing is ever waited for.
fn one(training: &Training, measure: Measure, stopped: &AtomicBool) -> Result<CellScore, Error> {
    let training = Training { doctor: false, ..training.clone() };
    let mut score = CellScore::default();
    let mut watch = |event: Event<'_>| {
        if let Event::StartEnded(end) = event {
            score.note(&training, measure, end);
        }
        Ok(())
    };
    let stop = || stopped.load(Ordering::Relaxed);
    let polled = {
        let run = pin!(training.run_from(&EngineSpec::Cpu, None, false, &mut watch, &stop));
        run.poll(&mut Context::from_waker(Waker::noop()))
    };
    match polled {
        Poll::Ready(Err(error)) if !matches!(error, Error::Diverged { .. }) => return Err(error),
        _ => {}
    }
    // What was cut short is no result.
    Ok(if stop() { CellScore::default() } else { score })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_deviations_and_the_best_by_hand() {
        let score = |seed, loss, measure| Score { seed, loss, measure: Some(measure) };
        let scores = vec![score(3, 0.5, 0.8), score(4, 0.2, 0.9), score(5, 0.1, 0.9)];
        let cell = CellScore { scores, diverged: 1 };
        let spread = cell.spread(|score| score.measure).unwrap();
        approx::assert_relative_eq!(spread.mean, 2.6 / 3.0, max_relative = 1e-12);
        approx::assert_relative_eq!(
            spread.deviation,
            (0.02f64 / 3.0 / 2.0).sqrt() * 1.0,
            max_relative = 1e-9
        );
        assert_eq!(cell.best().unwrap().seed, 5);
        assert!(CellScore::default().spread(|score| Some(score.loss)).is_none());
    }
}
