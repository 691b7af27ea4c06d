//! Sweeps of data that is not solved row by row: how well the networks of each cell do in the end.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use web_time::Instant;

use super::{Cell, Sweep, SweepOutcome, SweepProgress, Tally};
use crate::Error;
use crate::engine::{EngineSpec, on_every_core};
use crate::network::named;
use crate::train::{Ended, Event, Run, StartEnd, Training};

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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation, over one number less than there are; 0 for a single one.
    pub deviation: f64,
}

/// How well the networks of a cell do; each list in the order of seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CellScore {
    /// Each network that stayed finite.
    pub scores: Vec<Score>,
    /// The seeds of those that did not, or whose loss is beyond the finite numbers.
    pub diverged: Vec<u64>,
}

/// What networks are measured by, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Scored {
    /// By what.
    pub measure: Measure,
    /// On which rows: those of the training, for validation, or for testing.
    pub rows: String,
}

impl Tally for CellScore {
    const FORMAT: &'static str = "wgrad scored sweep part 1";
    type About = Scored;

    fn networks(&self) -> u64 {
        (self.scores.len() + self.diverged.len()) as u64
    }

    fn join(&mut self, other: &CellScore) {
        self.scores.extend(&other.scores);
        self.scores.sort_by_key(|score| score.seed);
        self.diverged.extend(&other.diverged);
        self.diverged.sort_unstable();
    }

    fn is_sound(&self) -> bool {
        let seeds: Vec<u64> = self.scores.iter().map(|score| score.seed).collect();
        let is_finite =
            |score: &Score| score.loss.is_finite() && score.measure.is_none_or(f64::is_finite);
        let are_apart = |seeds: &[u64]| seeds.is_sorted_by(|a, b| a < b);
        are_apart(&seeds)
            && are_apart(&self.diverged)
            && self.diverged.iter().all(|seed| seeds.binary_search(seed).is_err())
            && self.scores.iter().all(is_finite)
    }

    fn about_all<'a>(mut all: impl Iterator<Item = &'a Scored>) -> Option<Scored> {
        all.next().cloned()
    }
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

    /// Whether the network of a seed is in it.
    fn has(&self, seed: u64) -> bool {
        self.scores.binary_search_by_key(&seed, |score| score.seed).is_ok()
            || self.diverged.binary_search(&seed).is_ok()
    }

    fn note(&mut self, training: &Training, measure: Measure, end: StartEnd<'_>) {
        let mut one = CellScore::default();
        match end {
            // What was cut short is no result.
            StartEnd::Done(Run { ended: Ended::Asked, .. }) => {}
            StartEnd::Done(run) => {
                let score = score(training, measure, run);
                let is_finite = score.loss.is_finite() && score.measure.is_none_or(f64::is_finite);
                match is_finite {
                    true => one.scores.push(score),
                    false => one.diverged.push(score.seed),
                }
            }
            StartEnd::Diverged { seed, .. } => one.diverged.push(seed),
        }
        self.join(&one);
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
    /// What the networks of a sweep that does not count them are measured by.
    pub fn scored(&self) -> Scored {
        let first = self.cells.first().map(|cell| &cell.training);
        let is_class = first.is_some_and(|training| training.data.is_classification());
        Scored {
            measure: if is_class { Measure::Accuracy } else { Measure::R2 },
            rows: first.map_or("training", |training| training.held_out.unseen()).to_owned(),
        }
    }

    /// Trains every network that is not in `cells` yet to its last epoch: on a GPU cell by cell, on the CPU one
    /// network after the other on every core. `keep` hears what is found out as it grows, to be saved in case
    /// that this run ends early.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn resume_scores(
        &self,
        spec: &EngineSpec,
        mut cells: Vec<CellScore>,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
        keep: &mut dyn FnMut(&[CellScore]),
    ) -> Result<SweepOutcome<CellScore>, Error> {
        let started = Instant::now();
        let Scored { measure, .. } = self.scored();
        let epochs = |at: usize| u64::from(self.cells[at].training.epochs);
        let of = (0..cells.len()).map(|at| epochs(at) * self.share(&self.cells[at]).len() as u64);
        let done = (0..cells.len()).map(|at| epochs(at) * cells[at].networks());
        let (of, mut net_epochs) = (of.sum(), done.sum());
        let mut tell = |at: usize| {
            net_epochs += epochs(at);
            report(SweepProgress { net_epochs, of });
        };
        match spec {
            EngineSpec::Cpu => {
                let networks: Vec<(usize, u32)> = (0..cells.len())
                    .flat_map(|at| self.left(at, &cells[at]).map(move |index| (at, index)))
                    .collect();
                let work = async |&(at, index): &(usize, u32), stopped: &AtomicBool| {
                    let training = &self.cells[at].training;
                    let seed = training.seed + u64::from(index);
                    one(&Training { restarts: 1, seed, ..training.clone() }, measure, stopped).await
                };
                let mut failed = None;
                let note = |&(at, _): &(usize, u32), end: Result<CellScore, Error>| match end {
                    Ok(score) if score.networks() > 0 => {
                        cells[at].join(&score);
                        keep(&cells);
                        tell(at);
                    }
                    Ok(_) => {}
                    Err(error) => failed = Some(error),
                };
                on_every_core(&networks, work, note, stop).await;
                if let Some(error) = failed.filter(|_| !stop()) {
                    return Err(error);
                }
            }
            spec => {
                for (at, Cell { training, .. }) in self.cells.iter().enumerate() {
                    // The same for every part of a cell, since another mapping rounds otherwise.
                    let batches = training.batches(training.seed);
                    let all = training.request(&batches, training.restarts as usize);
                    let spec = match spec {
                        EngineSpec::Resident(gpu, _) => {
                            EngineSpec::Resident(gpu.clone(), spec.mapping(all))
                        }
                        other => other.clone(),
                    };
                    let left: Vec<u32> = self.left(at, &cells[at]).collect();
                    for run in left.chunk_by(|a, b| a + 1 == *b) {
                        if stop() {
                            break;
                        }
                        let training = Training {
                            doctor: false,
                            seed: training.seed + u64::from(run[0]),
                            restarts: run.len() as u32,
                            ..training.clone()
                        };
                        let mut watch = |event: Event<'_>| {
                            if let Event::StartEnded(end) = event {
                                cells[at].note(&training, measure, end);
                                keep(&cells);
                                tell(at);
                            }
                            Ok(())
                        };
                        match training.run_from(&spec, None, false, &mut watch, stop).await {
                            Ok(_) | Err(Error::Diverged { .. }) => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
        }
        let done: u64 = cells.iter().map(Tally::networks).sum();
        let stopped = done < self.networks();
        Ok(SweepOutcome { cells, seconds: started.elapsed().as_secs_f64(), stopped })
    }

    /// The networks of this part's share of a cell that are not done yet, by their index in the cell.
    fn left(&self, at: usize, score: &CellScore) -> impl Iterator<Item = u32> + use<> {
        let seed = self.cells[at].training.seed;
        let left: Vec<u32> = self
            .share(&self.cells[at])
            .filter(|&index| !score.has(seed + u64::from(index)))
            .collect();
        left.into_iter()
    }
}

/// One network on the CPU, where nothing is ever waited for.
async fn one(
    training: &Training,
    measure: Measure,
    stopped: &AtomicBool,
) -> Result<CellScore, Error> {
    let training = Training { doctor: false, ..training.clone() };
    let mut score = CellScore::default();
    let mut watch = |event: Event<'_>| {
        if let Event::StartEnded(end) = event {
            score.note(&training, measure, end);
        }
        Ok(())
    };
    let stop = || stopped.load(Ordering::Relaxed);
    match training.run_from(&EngineSpec::Cpu, None, false, &mut watch, &stop).await {
        Err(error) if !matches!(error, Error::Diverged { .. }) => Err(error),
        _ => Ok(score),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_deviations_and_the_best_by_hand() {
        let score = |seed, loss, measure| Score { seed, loss, measure: Some(measure) };
        let scores = vec![score(3, 0.5, 0.8), score(4, 0.2, 0.9), score(5, 0.1, 0.9)];
        let cell = CellScore { scores, diverged: vec![6] };
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
