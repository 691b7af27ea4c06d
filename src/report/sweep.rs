//! The report of a sweep: cell by cell, or as a map of two axes.

use std::fmt::Write as _;

use indicatif::ProgressBar;

use super::cells::{self, CellCount, varying};
use super::map;
use super::{Detail, OutputError, batches, engine_line, json, print, progress_bar, table, window};
use crate::engine::EngineSpec;
use crate::sweep::{Count, PartCell, Sweep, SweepProgress, Tally};

/// What a sweep found out, as it is told.
pub trait Told: Tally {
    /// Every cell, and the totals, for people.
    fn text(result: &SweepResult<'_, Self>, detail: Detail) -> String;

    /// The same as JSON lines.
    fn json(result: &SweepResult<'_, Self>) -> String;

    /// Every cell as a line of comma-separated values.
    fn csv(cells: &[PartCell<Self>], about: &Self::About) -> String;
}

/// The results of a sweep, or of its parts joined.
#[derive(Debug)]
pub struct SweepResult<'a, T: Tally = Count> {
    /// Every cell.
    pub cells: &'a [PartCell<T>],
    /// What is told beside them.
    pub about: &'a T::About,
    /// Seconds it took.
    pub seconds: f64,
    /// Why not all networks are in it, where they are not, as a sentence.
    pub incomplete: Option<String>,
}

impl<T: Tally> SweepResult<'_, T> {
    pub(super) fn networks(&self) -> u64 {
        self.cells.iter().map(|(_, cell)| cell.networks()).sum()
    }
}

impl SweepResult<'_> {
    pub(super) fn net_epochs(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count.net_epochs).sum()
    }

    pub(super) fn net_epochs_per_second(&self) -> f64 {
        self.net_epochs() as f64 / self.seconds.max(1e-9)
    }
}

/// The report of a sweep while it runs.
#[derive(Debug)]
pub struct SweepReport {
    detail: Detail,
    bar: ProgressBar,
}

impl SweepReport {
    /// Prints what is about to be swept, and where; `note` explains the choice of the engine.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn start(
        sweep: &Sweep,
        at: &EngineSpec,
        note: Option<&str>,
        detail: Detail,
    ) -> Result<SweepReport, OutputError> {
        let json = || json::sweep_start(sweep, at, note);
        print(&detail.choose(json, || heading(sweep, at, note)))?;
        Ok(SweepReport::silent(detail))
    }

    /// Nothing but a progress bar, where something else goes to standard output.
    pub fn silent(detail: Detail) -> SweepReport {
        let bar = progress_bar(detail, 100, "{bar:30} {percent} %  {elapsed}, {eta} to go");
        SweepReport { detail, bar }
    }

    /// Moves the progress bar.
    pub fn progress(&self, progress: SweepProgress) {
        self.bar.set_length(progress.of);
        self.bar.set_position(progress.net_epochs);
    }

    /// Removes the progress bar.
    pub fn end_progress(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints the results.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn finish<T: Told>(&self, result: &SweepResult<'_, T>) -> Result<(), OutputError> {
        sweep_result(result, self.detail)
    }
}

/// Every cell, and the totals.
fn sweep_result<T: Told>(result: &SweepResult<'_, T>, detail: Detail) -> Result<(), OutputError> {
    print(&match detail {
        Detail::Json => T::json(result),
        _ => T::text(result, detail),
    })
}

impl Told for Count {
    fn text(result: &SweepResult<'_>, detail: Detail) -> String {
        let table = match map::axes(result.cells) {
            Some(axes) if detail != Detail::Verbose => {
                map::draw(result.cells, &axes, window().paint)
            }
            _ => list(result.cells),
        };
        table + &summary(result)
    }

    fn json(result: &SweepResult<'_>) -> String {
        json::sweep_counts(result)
    }

    fn csv(cells: &[CellCount], _: &Option<String>) -> String {
        sweep_csv(cells)
    }
}

/// The results of a sweep joined from so many parts, and where they were computed.
///
/// # Errors
/// [`OutputError`].
pub fn joined_sweep<T: Told>(
    result: &SweepResult<'_, T>,
    parts: usize,
    specs: &str,
    detail: Detail,
) -> Result<(), OutputError> {
    let count = table::counted(parts as u64, "part");
    print(&detail.choose(
        || json::joined_sweep(parts, specs),
        || format!("{count}, computed on: {specs}\n\n"),
    ))?;
    sweep_result(result, detail)
}

fn heading(sweep: &Sweep, at: &EngineSpec, note: Option<&str>) -> String {
    let mut text = engine_line(at, None, note);
    let Some(cell) = sweep.cells.first() else { return text };
    let training = &cell.training;
    let range = sweep.shard.range(training.restarts);
    let seed = |index: u32| training.seed + u64::from(index);
    let seeds = match range.len() {
        0 => "no seed".to_owned(),
        1 => format!("seed {}", seed(range.start)),
        _ => format!("seeds {} to {}", seed(range.start), seed(range.end - 1)),
    };
    let _ = writeln!(
        text,
        "{}\n{} of {}, {seeds}, {}{}\n",
        batches(training),
        table::counted(sweep.cells.len() as u64, "cell"),
        table::counted(range.len() as u64, "network"),
        if sweep.is_counted() { "until solved or " } else { "" },
        table::counted(training.epochs.into(), "epoch"),
    );
    text
}

/// One line per cell.
fn list(cells: &[CellCount]) -> String {
    let axes = varying(cells);
    let Some((first, _)) = cells.first() else { return String::new() };
    let names = axes.iter().map(|&axis| first[axis].0.as_str());
    let head: Vec<&str> = names.chain(cells::RESULTS).collect();
    let lines = cells.iter().map(|(values, count)| {
        let values = axes.iter().map(|&axis| values[axis].1.to_string());
        values.chain(cells::results(count)).collect()
    });
    table::columns(axes.len(), &head, lines)
}

fn summary(result: &SweepResult<'_>) -> String {
    let mut text = String::from("\n");
    let rate = |cell: &&CellCount| cell.1.rate().unwrap_or(-1.0);
    let best = result.cells.iter().rev().max_by(|a, b| rate(a).total_cmp(&rate(b)));
    if let Some(cell @ (_, count)) = best.filter(|_| result.cells.len() > 1) {
        let [solved, interval, ..] = cells::results(count);
        let _ = writeln!(
            text,
            "Highest: {solved} ({interval}) at {}.",
            cells::place(result.cells, cell)
        );
    }
    if let Some(incomplete) = &result.incomplete {
        let _ = writeln!(text, "{incomplete}");
    }
    let _ = writeln!(
        text,
        "{} made {:.3e} epochs in {}: {:.3e} epochs per second.",
        table::counted(result.networks(), "network"),
        result.net_epochs() as f64,
        table::seconds(result.seconds, 0),
        result.net_epochs_per_second(),
    );
    if let Some(example) = result.about {
        let _ = writeln!(text, "To train one that solved it: {example}");
    }
    text
}

fn sweep_csv(cells: &[CellCount]) -> String {
    let Some((first, _)) = cells.first() else { return String::new() };
    let names = first.iter().map(|(name, _)| name.as_str());
    let head: Vec<&str> = names
        .chain([
            "networks",
            "solved",
            "rate",
            "rate_low",
            "rate_high",
            "median_epochs",
            "diverged",
            "first_solved_seed",
            "first_solved_epochs",
            "first_unsolved_seed",
        ])
        .collect();
    let lines = cells.iter().map(|(values, count)| {
        let (interval, first) = (count.interval(), count.first_solved);
        let values = values.iter().map(cells::field);
        let columns = [
            count.networks.to_string(),
            count.solved.to_string(),
            table::or_empty(count.rate()),
            table::or_empty(interval.map(|interval| interval.0)),
            table::or_empty(interval.map(|interval| interval.1)),
            table::or_empty(count.median_epochs()),
            count.diverged.to_string(),
            table::or_empty(first.map(|first| first.0)),
            table::or_empty(first.map(|first| first.1)),
            table::or_empty(count.first_unsolved),
        ];
        values.chain(columns).collect()
    });
    table::csv(&head, lines)
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::cells;
    use super::*;
    use crate::sweep::AxisValue;

    fn rates() -> [AxisValue; 3] {
        [0.1, 0.5, 1.0].map(AxisValue::Number)
    }

    #[test]
    fn a_list_shows_the_axes_that_differ() {
        let relu = [AxisValue::Name("relu".to_owned())];
        let text = list(&cells(&[("activation", &relu), ("lr", &rates())]));
        let expected = "\
lr   solved  95 % interval  median epochs  diverged
0.1   0.0 %   0.0 - 27.8 %            100         0
0.5  10.0 %   1.8 - 40.4 %            101         0
1    20.0 %   5.7 - 51.0 %            102         0
";
        assert_eq!(text, expected);
        let one = cells(&[("activation", &relu), ("lr", &rates()[..1])]);
        assert!(list(&one).starts_with("lr "), "{}", list(&one));
    }

    #[test]
    fn the_highest_rate_is_named_with_its_axes() {
        let cells = cells(&[("lr", &rates())]);
        let incomplete = Some("Interrupted.".to_owned());
        let result = SweepResult { cells: &cells, about: &None, seconds: 1.0, incomplete };
        let text = summary(&result);
        assert!(text.contains("Highest: 20.0 % (5.7 - 51.0 %) at lr 1."), "{text}");
        assert!(text.contains("Interrupted") && text.contains("30 networks"), "{text}");
    }

    #[test]
    fn csv_has_one_line_per_cell_and_empty_fields_for_missing_values() {
        let mut cells = cells(&[("lr", &rates()[..1])]);
        cells[0].1 = Count { networks: 2, first_unsolved: Some(7), ..Count::default() };
        let text = sweep_csv(&cells);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("lr,networks,solved,rate,rate_low"), "{text}");
        assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
        assert!(
            lines[1].starts_with("0.1,2,0,0,0,0.65") && lines[1].ends_with(",,0,,,7"),
            "{text}"
        );
    }
}
