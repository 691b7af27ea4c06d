//! The report of a sweep: cell by cell, or as a map of two axes.

use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::cells::{CellCount, varying};
use super::map::{self, Paint};
use super::{Detail, OutputError, json, place, print, table};
use crate::engine::Place;
use crate::sweep::{AxisValue, Count, Sweep, SweepProgress};

/// A sweep, or the parts of one put together, as it ends.
#[derive(Debug)]
pub struct SweepResult<'a> {
    /// Every cell.
    pub cells: &'a [CellCount],
    /// Seconds it took.
    pub seconds: f64,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// How to train one of its networks alone, if one of them solved its data.
    pub example: Option<String>,
}

impl SweepResult<'_> {
    pub(super) fn networks(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count.networks).sum()
    }

    pub(super) fn net_epochs(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count.net_epochs).sum()
    }

    pub(super) fn net_epochs_per_second(&self) -> f64 {
        self.net_epochs() as f64 / self.seconds.max(1e-9)
    }
}

/// A sweep as it is told.
#[derive(Debug)]
pub struct SweepReport {
    detail: Detail,
    bar: ProgressBar,
}

impl SweepReport {
    /// Says what is about to be swept, and where; `note` is what there is to say of the choice.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn start(
        sweep: &Sweep,
        at: &Place,
        note: Option<&str>,
        detail: Detail,
    ) -> Result<SweepReport, OutputError> {
        match detail {
            Detail::Json => print(&json::sweep_start(sweep, at, note))?,
            Detail::Quiet => {}
            Detail::Normal | Detail::Verbose => print(&heading(sweep, at, note))?,
        }
        let bar = match detail {
            Detail::Json | Detail::Quiet => ProgressBar::hidden(),
            // Hidden by itself where standard error is no terminal.
            Detail::Normal | Detail::Verbose => {
                ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr())
            }
        };
        let style = ProgressStyle::with_template("{bar:30} {percent} %  {elapsed}, {eta} to go");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(SweepReport { detail, bar })
    }

    /// Tells how far it is.
    pub fn progress(&self, progress: SweepProgress) {
        self.bar.set_length(progress.of);
        self.bar.set_position(progress.net_epochs);
    }

    /// Takes the progress bar away.
    pub fn end_progress(&self) {
        self.bar.finish_and_clear();
    }

    /// Tells what came of it.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn finish(&self, result: &SweepResult<'_>) -> Result<(), OutputError> {
        sweep_result(result, self.detail)
    }
}

/// Every cell, and the whole.
///
/// # Errors
/// [`OutputError`].
fn sweep_result(result: &SweepResult<'_>, detail: Detail) -> Result<(), OutputError> {
    if detail == Detail::Json {
        return print(&json::sweep_result(result));
    }
    let mut text = match map::axes(result.cells) {
        Some(axes) if detail != Detail::Verbose => map::draw(result.cells, &axes, Paint::here()),
        _ => list(result.cells),
    };
    text.push_str(&summary(result));
    print(&text)
}

/// The same of a sweep that was put together from so many parts, and where they were computed.
///
/// # Errors
/// [`OutputError`].
pub fn joined_sweep(
    result: &SweepResult<'_>,
    parts: usize,
    places: &str,
    detail: Detail,
) -> Result<(), OutputError> {
    match detail {
        Detail::Json => print(&json::joined_sweep(parts, places))?,
        Detail::Quiet => {}
        Detail::Normal | Detail::Verbose => {
            let parts = counted(parts as u64, "part");
            print(&format!("{parts}, computed on: {places}\n\n"))?;
        }
    }
    sweep_result(result, detail)
}

/// `1 network`, `2 networks`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn heading(sweep: &Sweep, at: &Place, note: Option<&str>) -> String {
    let mut text = place(at.kind(), None, at.gpu().map(|gpu| gpu.adapter()));
    if let Some(note) = note {
        let _ = writeln!(text, "{note}");
    }
    let Some(cell) = sweep.cells.first() else { return text };
    let training = &cell.training;
    let batches = training.batches(training.seed);
    let batch = if batches.is_full() {
        "all in one batch".to_owned()
    } else {
        format!("batches of {}, {}", batches.batch(), training.order)
    };
    let _ = writeln!(text, "data {}: {} rows, {batch}", training.data.name(), training.data.rows());
    let cells = counted(sweep.cells.len() as u64, "cell");
    let range = sweep.shard.range(training.restarts);
    let seed = |place: u32| training.seed + u64::from(place);
    let seeds = match range.len() {
        0 => "no seed".to_owned(),
        1 => format!("seed {}", seed(range.start)),
        _ => format!("seeds {} to {}", seed(range.start), seed(range.end - 1)),
    };
    let networks = counted(range.len() as u64, "network");
    let epochs = counted(training.epochs.into(), "epoch");
    let _ = writeln!(text, "{cells} of {networks}, {seeds}, until solved or {epochs}\n");
    text
}

/// `45.8 %`.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

fn interval(count: &Count) -> String {
    count
        .interval()
        .map_or("-".to_owned(), |(low, high)| format!("{:.1} - {:.1} %", 100.0 * low, 100.0 * high))
}

/// One line for each cell.
fn list(cells: &[CellCount]) -> String {
    let axes = varying(cells);
    let Some((first, _)) = cells.first() else { return String::new() };
    let mut lines = vec![
        axes.iter()
            .map(|&axis| first[axis].0.clone())
            .chain(["solved", "95 % interval", "median epochs", "diverged"].map(str::to_owned))
            .collect::<Vec<String>>(),
    ];
    for (values, count) in cells {
        let median = count.median_epochs().map_or("-".to_owned(), |median| median.to_string());
        lines.push(
            axes.iter()
                .map(|&axis| values[axis].1.to_string())
                .chain([percent(count.rate()), interval(count), median, count.diverged.to_string()])
                .collect(),
        );
    }
    table::columns(&lines, axes.len())
}

fn summary(result: &SweepResult<'_>) -> String {
    let mut text = String::from("\n");
    let axes = varying(result.cells);
    let rate = |cell: &&CellCount| cell.1.rate().unwrap_or(-1.0);
    let best = result.cells.iter().rev().max_by(|a, b| rate(a).total_cmp(&rate(b)));
    if let Some((values, count)) = best.filter(|_| result.cells.len() > 1) {
        let at: Vec<String> =
            axes.iter().map(|&axis| format!("{} {}", values[axis].0, values[axis].1)).collect();
        let _ = writeln!(
            text,
            "Highest: {} ({}) at {}.",
            percent(count.rate()),
            interval(count),
            at.join(", ")
        );
    }
    if result.stopped {
        text.push_str("Stopped before the end, as asked; these are the networks that were done.\n");
    }
    let _ = writeln!(
        text,
        "{} made {:.3e} epochs in {}: {:.3e} a second.",
        counted(result.networks(), "network"),
        result.net_epochs() as f64,
        table::seconds(result.seconds),
        result.net_epochs_per_second(),
    );
    if let Some(example) = &result.example {
        let _ = writeln!(text, "To look at one that solved it: {example}");
    }
    text
}

/// Every cell as lines of comma-separated values, the names of the columns first.
pub fn sweep_csv(cells: &[CellCount]) -> String {
    let Some((first, _)) = cells.first() else { return String::new() };
    let names = first.iter().map(|(name, _)| name.as_str()).chain([
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
    ]);
    let mut text = names.collect::<Vec<_>>().join(",") + "\n";
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let whole = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    for (values, count) in cells {
        let interval = count.interval();
        let columns = [
            count.networks.to_string(),
            count.solved.to_string(),
            number(count.rate()),
            number(interval.map(|interval| interval.0)),
            number(interval.map(|interval| interval.1)),
            whole(count.median_epochs().map(u64::from)),
            count.diverged.to_string(),
            whole(count.first_solved.map(|first| first.0)),
            whole(count.first_solved.map(|first| first.1.into())),
            whole(count.first_unsolved),
        ];
        let values = values.iter().map(|(_, value)| match value {
            AxisValue::Unused => String::new(),
            value => value.to_string(),
        });
        text += &(values.chain(columns).collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::cells;
    use super::*;

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
        let result = SweepResult { cells: &cells, seconds: 1.0, stopped: true, example: None };
        let text = summary(&result);
        assert!(text.contains("Highest: 20.0 % (5.7 - 51.0 %) at lr 1."), "{text}");
        assert!(text.contains("Stopped before the end") && text.contains("30 networks"), "{text}");
    }

    #[test]
    fn values_by_commas_have_one_line_a_cell_and_nothing_where_nothing_is() {
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
