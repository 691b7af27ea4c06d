//! The report of a search for a learning rate: the range test as a curve, and the map of rates against
//! seeds.

use std::fmt::Write as _;

use super::{Detail, OutputError, curve, json, place, print, table};
use crate::engine::{Fate, Place};
use crate::sweep::{Count, RateMap};
use crate::train::{RangeTest, RateRange, Training};

/// Rows of the table of rates.
const SHOWN: usize = 13;

/// What was found.
#[derive(Debug)]
pub struct RateReport<'a> {
    /// The training whose rate is looked for.
    pub training: &'a Training,
    /// The rates that were tried.
    pub range: RateRange,
    /// One network whose rate grew.
    pub test: &'a RangeTest,
    /// Where that ran.
    pub at: &'a Place,
    /// Many networks at each rate, and where they ran.
    pub map: Option<(&'a RateMap, &'a Place)>,
    /// Why there is no map, where one was to be.
    pub no_map: Option<&'a str>,
}

/// A rate as a person types it: to two digits.
fn typed(rate: f32) -> String {
    let rounded = format!("{rate:.1e}");
    rounded.parse::<f32>().map_or(rounded, |rate| rate.to_string())
}

impl RateReport<'_> {
    /// The rate to take: the map's, where there is one, for one start is an anecdote.
    pub fn suggested(&self) -> Option<f32> {
        match &self.map {
            Some((map, _)) => map.suggested().map(|at| map.rates[at]),
            None => self.test.suggested(),
        }
    }

    /// Prints all of it.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn print(&self, detail: Detail) -> Result<(), OutputError> {
        match detail {
            Detail::Json => print(&json::lr_find(self)),
            Detail::Quiet => print(&self.verdict()),
            Detail::Normal | Detail::Verbose => {
                print(&format!("{}{}{}", self.curve(), self.odds(), self.verdict()))
            }
        }
    }

    fn curve(&self) -> String {
        let RateRange { from, to, steps } = self.range;
        let adapter = self.at.gpu().map(|gpu| gpu.adapter());
        let mut text = place(self.at.kind(), None, adapter);
        let _ = writeln!(
            text,
            "data {}, network {:?}, {}; the loss of seed {} as its rate grows from {from} to {to} over {steps} steps\n",
            self.training.data.name(),
            self.training.network.sizes(),
            self.training.optimizer.kind,
            self.training.seed,
        );
        let points: Vec<(f64, f64)> = self
            .test
            .points
            .iter()
            .map(|point| (f64::from(point.rate).ln(), point.smoothed))
            .collect();
        let logarithmic = points.iter().all(|point| point.1 > 0.0);
        let last = self.test.points.last().map_or(to, |point| point.rate);
        text += &curve::plot(&points, "loss", logarithmic, &format!("rate {from}"), &typed(last));
        let broke = if self.test.broke { "; then it got out of hand" } else { "" };
        let _ = match (self.test.steepest, self.test.lowest) {
            (Some(steepest), Some(lowest)) => writeln!(
                text,
                "It fell the fastest at a rate of {}, and was lowest at {}{broke}.",
                typed(steepest),
                typed(lowest)
            ),
            _ => writeln!(text, "It fell at none of these rates{broke}."),
        };
        text
    }

    fn odds(&self) -> String {
        let Some((map, at)) = &self.map else {
            return self.no_map.map(|why| format!("{why}\n")).unwrap_or_default();
        };
        let seeds = self.training.seed..self.training.seed + map.fates[0].len() as u64;
        let adapter = at.gpu().map(|gpu| gpu.adapter());
        let mut text = String::from("\n");
        text += &place(at.kind(), None, adapter);
        let _ = writeln!(
            text,
            "{} rates, {} seeds from {} each, until solved or {} epochs\n",
            map.rates.len(),
            seeds.end - seeds.start,
            seeds.start,
            self.training.epochs
        );
        let solved: Vec<(f64, f64)> = map
            .rates
            .iter()
            .zip(&map.counts)
            .map(|(rate, count)| (f64::from(*rate).ln(), 100.0 * count.rate().unwrap_or(0.0)))
            .collect();
        let (first, last) = (map.rates[0], map.rates[map.rates.len() - 1]);
        text += &curve::plot(&solved, "solved, %", false, &format!("rate {first}"), &typed(last));
        text.push('\n');
        text += &self.map_of(map);
        text.push('\n');
        let mut lines = vec![
            ["rate", "solved", "95 % interval", "median epochs", "diverged"]
                .map(str::to_owned)
                .to_vec(),
        ];
        let suggested = map.suggested();
        let step = (map.rates.len() - 1).div_ceil(SHOWN - 1).max(1);
        for at in (0..map.rates.len()).filter(|at| at % step == 0 || suggested == Some(*at)) {
            lines.push(row(map.rates[at], &map.counts[at], suggested == Some(at)));
        }
        text += &table::columns(&lines, 0);
        let _ = writeln!(
            text,
            "{} networks in {}{}.",
            map.counts.iter().map(|count| count.networks).sum::<u64>(),
            table::seconds(map.seconds),
            if map.stopped { ", stopped before the end" } else { "" }
        );
        text
    }

    /// Rates across, seeds down, those that were the fastest at their rate above: how many of each few
    /// solved their data.
    fn map_of(&self, map: &RateMap) -> String {
        const COLUMNS: usize = 60;
        const LINES: usize = 10;
        const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
        let columns = map.rates.len().min(COLUMNS);
        // How soon a fate came, as a share of the epochs; 1 and more for those that never solved.
        let worth = |fate: &Option<Fate>| match fate {
            Some(Fate::Solved(steps)) => {
                1.0 - f64::from(steps / map.per_epoch.max(1)) / f64::from(self.training.epochs)
            }
            _ => -1.0,
        };
        let mut cells = vec![vec![0.0; columns]; LINES];
        let mut counts = vec![vec![0usize; columns]; LINES];
        for (at, fates) in map.fates.iter().enumerate() {
            let column = at * columns / map.rates.len();
            let mut worths: Vec<f64> = fates.iter().map(worth).collect();
            worths.sort_by(|a, b| b.total_cmp(a));
            for (place, worth) in worths.iter().enumerate() {
                let line = place * LINES / worths.len();
                cells[line][column] += worth.max(0.0) + f64::from(u8::from(*worth >= 0.0));
                counts[line][column] += 1;
            }
        }
        let mut text = String::new();
        for (line, (cells, counts)) in cells.iter().zip(&counts).enumerate() {
            let shade = |(sum, count): (&f64, &usize)| {
                let share = sum / (2.0 * (*count).max(1) as f64);
                SHADES[((share * 4.0).ceil() as usize).min(4)]
            };
            let shades: String = cells.iter().zip(counts).map(shade).collect();
            let label = match line {
                0 => "seeds",
                _ => "",
            };
            let _ = writeln!(text, "{label:>9} ┤{}", shades.trim_end());
        }
        let (first, last) =
            (format!("rate {}", map.rates[0]), typed(map.rates[map.rates.len() - 1]));
        let room = columns.saturating_sub(first.len()).max(last.len() + 2);
        let _ = writeln!(text, "{:>9} └{first}{last:>room$}", "");
        text + "          (a column a rate, its fastest seeds above; the darker, the more solved and the sooner)\n"
    }

    fn verdict(&self) -> String {
        match self.suggested() {
            Some(rate) => format!("Suggested: --lr {}\n", typed(rate)),
            None => "No rate of these is to be recommended; try others with --from and --to, or another network.\n"
                .to_owned(),
        }
    }
}

fn row(rate: f32, count: &Count, is_suggested: bool) -> Vec<String> {
    let percent = |share: f64| format!("{:.0}", 100.0 * share);
    let interval = count
        .interval()
        .map_or("-".to_owned(), |(low, high)| format!("{} - {} %", percent(low), percent(high)));
    vec![
        format!("{}{}", typed(rate), if is_suggested { " <" } else { "" }),
        count.rate().map_or("-".to_owned(), |rate| format!("{} %", percent(rate))),
        interval,
        count.median_epochs().map_or("-".to_owned(), |epochs| epochs.to_string()),
        count.diverged.to_string(),
    ]
}

/// The steps of a range test as comma-separated values.
pub fn range_csv(test: &RangeTest) -> String {
    let mut text = "step,rate,loss,smoothed_loss\n".to_owned();
    for (step, point) in test.points.iter().enumerate() {
        let _ = writeln!(text, "{step},{},{},{}", point.rate, point.loss, point.smoothed);
    }
    text
}

/// What became of each seed at each rate, as comma-separated values.
pub fn rate_map_csv(map: &RateMap, first_seed: u64) -> String {
    let mut text = "rate,seed,fate,epochs\n".to_owned();
    for (rate, fates) in map.rates.iter().zip(&map.fates) {
        for (seed, fate) in (first_seed..).zip(fates) {
            let (name, epochs) = match fate {
                Some(Fate::Solved(steps)) => ("solved", (steps / map.per_epoch.max(1)).to_string()),
                Some(Fate::Diverged) => ("diverged", String::new()),
                Some(Fate::Unsolved) => ("unsolved", String::new()),
                None => ("not-trained", String::new()),
            };
            let _ = writeln!(text, "{rate},{seed},{name},{epochs}");
        }
    }
    text
}
