//! The report of a learning-rate search: the range test as a curve, and the map of rates against seeds.

use std::fmt::Write as _;

use super::{Detail, OutputError, cells, engine_line, json, print, table};
use crate::engine::{EngineSpec, NetworkStatus};
use crate::picture::Curves;
use crate::sweep::RateMap;
use crate::train::{RangeTest, RateRange, Training};

/// Rows of the table of rates.
const SHOWN: usize = 13;

/// The results of a learning-rate search.
#[derive(Debug)]
pub struct RateReport<'a> {
    /// The training whose learning rate is searched for.
    pub training: &'a Training,
    /// The rates that were tried.
    pub range: RateRange,
    /// The range test: one network with a growing rate.
    pub test: &'a RangeTest,
    /// Where the range test ran.
    pub at: &'a EngineSpec,
    /// Many networks at each rate, and where they ran.
    pub map: Option<(&'a RateMap, &'a EngineSpec)>,
    /// Why there is no map, where one was asked for.
    pub no_map: Option<&'a str>,
}

/// A rate rounded to two digits, as in a command.
fn rounded(rate: f32) -> String {
    let text = format!("{rate:.1e}");
    text.parse::<f32>().map_or(text, |rate| rate.to_string())
}

impl RateReport<'_> {
    /// The suggested rate: the map's where there is one, since one run of one seed says little.
    pub fn suggested(&self) -> Option<f32> {
        match &self.map {
            Some((map, _)) => map.suggested().map(|at| map.rates[at]),
            None => self.test.suggested(),
        }
    }

    /// Prints the whole report.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn print(&self, detail: Detail) -> Result<(), OutputError> {
        print(&match detail {
            Detail::Json => json::lr_find(self),
            Detail::Quiet => self.verdict(),
            Detail::Normal | Detail::Verbose => {
                format!("{}{}{}", self.range_test(), self.rate_map(), self.verdict())
            }
        })
    }

    fn range_test(&self) -> String {
        let RateRange { from, to, steps } = self.range;
        let mut text = engine_line(self.at, None, None);
        let _ = writeln!(
            text,
            "data {}, network {:?}, {}; loss of seed {} while the learning rate grows from {from} to {to} over {steps} steps\n",
            self.training.data.name(),
            self.training.network.sizes(),
            self.training.optimizer.kind,
            self.training.seed,
        );
        let points = &self.test.points;
        let curve: Vec<(f64, f64)> =
            points.iter().map(|point| (f64::from(point.rate).ln(), point.smoothed)).collect();
        let logarithmic = curve.iter().all(|point| point.1 > 0.0);
        let last = points.last().map_or(to, |point| point.rate);
        let ends = [format!("rate {from}"), rounded(last)];
        text += &Curves { name: "loss", logarithmic, ends }.one(&curve);
        let broke = if self.test.broke { "; above, it diverged" } else { "" };
        let _ = match (self.test.steepest, self.test.lowest) {
            (Some(steepest), Some(lowest)) => writeln!(
                text,
                "The loss fell fastest at a rate of {} and was lowest at {}{broke}.",
                rounded(steepest),
                rounded(lowest)
            ),
            _ => writeln!(text, "The loss fell at none of these rates{broke}."),
        };
        text
    }

    fn rate_map(&self) -> String {
        let Some((map, at)) = &self.map else {
            return self.no_map.map(|why| format!("{why}\n")).unwrap_or_default();
        };
        let mut text = format!("\n{}", engine_line(at, None, None));
        let _ = writeln!(
            text,
            "{} rates, {} seeds from {} each, until solved or {} epochs\n",
            map.rates.len(),
            map.statuses[0].len(),
            self.training.seed,
            self.training.epochs
        );
        let share = |(rate, count): (&f32, &crate::sweep::Count)| {
            (f64::from(*rate).ln(), 100.0 * count.rate().unwrap_or(0.0))
        };
        let solved: Vec<(f64, f64)> = map.rates.iter().zip(&map.counts).map(share).collect();
        let ends = [format!("rate {}", map.rates[0]), rounded(map.rates[map.rates.len() - 1])];
        let solved_at = Curves { name: "solved, %", logarithmic: false, ends: ends.clone() };
        text += &solved_at.one(&solved);
        let _ = writeln!(text, "\n{}", self.shades(map, &ends[0], &ends[1]));
        let suggested = map.suggested();
        let step = (map.rates.len() - 1).div_ceil(SHOWN - 1).max(1);
        let shown = (0..map.rates.len()).filter(|at| at % step == 0 || suggested == Some(*at));
        let lines = shown.map(|at| {
            let mark = if suggested == Some(at) { " <" } else { "" };
            let results = cells::results(&map.counts[at]);
            [format!("{}{mark}", rounded(map.rates[at]))].into_iter().chain(results).collect()
        });
        text += &table::columns(0, &[&["rate"], &cells::RESULTS[..]].concat(), lines);
        let _ = writeln!(
            text,
            "{} networks in {}{}.",
            map.counts.iter().map(|count| count.networks).sum::<u64>(),
            table::seconds(map.seconds, 0),
            if map.stopped { ", interrupted" } else { "" }
        );
        text
    }

    /// Rates across, seeds down, the fastest seeds of each rate on top: the darker, the more seeds
    /// solved their data and the sooner.
    fn shades(&self, map: &RateMap, first: &str, last: &str) -> String {
        const COLUMNS: usize = 60;
        const LINES: usize = 10;
        const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
        let columns = map.rates.len().min(COLUMNS);
        // From 1 for a seed that solved its data in the last epoch to 2 for the first; 0 for others.
        let score = |status: &Option<NetworkStatus>| match status {
            Some(NetworkStatus::Solved(steps)) => {
                2.0 - f64::from(steps / map.per_epoch.max(1)) / f64::from(self.training.epochs)
            }
            _ => 0.0,
        };
        // Sums and counts of scores.
        let mut cells = vec![vec![(0.0, 0.0); columns]; LINES];
        for (at, statuses) in map.statuses.iter().enumerate() {
            let mut scores: Vec<f64> = statuses.iter().map(score).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            for (rank, score) in scores.iter().enumerate() {
                let cell = &mut cells[rank * LINES / scores.len()][at * columns / map.rates.len()];
                *cell = (cell.0 + score, cell.1 + 1.0);
            }
        }
        let shade = |&(sum, count): &(f64, f64)| {
            SHADES[((4.0 * sum / (2.0 * count.max(1.0))).ceil() as usize).min(4)]
        };
        let mut text = String::new();
        for (line, cells) in cells.iter().enumerate() {
            let shades: String = cells.iter().map(shade).collect();
            let label = if line == 0 { "seeds" } else { "" };
            let _ = writeln!(text, "{label:>9} ┤{}", shades.trim_end());
        }
        let width = columns.saturating_sub(first.len()).max(last.len() + 2);
        let _ = writeln!(text, "{:>9} └{first}{last:>width$}", "");
        text + "          (one column per rate, its fastest seeds on top; darker: more of them solved, and sooner)\n"
    }

    fn verdict(&self) -> String {
        let data = &self.training.data;
        match self.suggested() {
            _ if data.is_constant() => format!(
                "Every row has the target {}: there is nothing to learn, at any rate.\n",
                table::short(data.own_targets()[0])
            ),
            Some(rate) => format!("Suggested: --lr {}\n", rounded(rate)),
            None => "No rate to suggest; try others with --from and --to, or another network.\n"
                .to_owned(),
        }
    }
}

/// The steps of a range test as comma-separated values.
pub fn range_csv(test: &RangeTest) -> String {
    let lines = test.points.iter().enumerate().map(|(step, point)| {
        let values = [&point.rate as &dyn ToString, &point.loss, &point.smoothed];
        let values = values.into_iter().map(|value| value.to_string());
        [step.to_string()].into_iter().chain(values).collect()
    });
    table::csv(&["step", "rate", "loss", "smoothed_loss"], lines)
}

/// The result of each seed at each rate, as comma-separated values.
pub fn rate_map_csv(map: &RateMap, first_seed: u64) -> String {
    let of_rate = |(rate, statuses): (&f32, &Vec<Option<NetworkStatus>>)| {
        let rate = rate.to_string();
        let line = move |(seed, status): (u64, &Option<NetworkStatus>)| {
            let (name, epochs) = match status {
                Some(NetworkStatus::Solved(steps)) => {
                    ("solved", (steps / map.per_epoch.max(1)).to_string())
                }
                Some(NetworkStatus::Diverged) => ("diverged", String::new()),
                Some(NetworkStatus::Unsolved) => ("unsolved", String::new()),
                None => ("not-trained", String::new()),
            };
            vec![rate.clone(), seed.to_string(), name.to_owned(), epochs]
        };
        (first_seed..).zip(statuses).map(line).collect::<Vec<_>>()
    };
    let lines = map.rates.iter().zip(&map.statuses).flat_map(of_rate);
    table::csv(&["rate", "seed", "status", "epochs"], lines)
}
