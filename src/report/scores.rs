//! The report of a sweep whose networks are scored: accuracy or R2 of each cell.

use std::fmt::Write as _;

use super::{Detail, OutputError, json, print, table};
use crate::sweep::{AxisValue, CellScore, Measure, Scores, Sweep};

/// The axes on which cells differ; the learning rate where they differ on none.
fn varying(sweep: &Sweep) -> Vec<usize> {
    let Some(first) = sweep.cells.first() else { return Vec::new() };
    let differs =
        |axis: &usize| sweep.cells.iter().any(|cell| cell.axes[*axis].1 != first.axes[*axis].1);
    let found: Vec<usize> = (0..first.axes.len()).filter(differs).collect();
    match found.is_empty() {
        true => first.axes.iter().position(|(name, _)| *name == "lr").into_iter().collect(),
        false => found,
    }
}

/// The name of what networks are measured by, in headings.
fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Accuracy => "accuracy",
        Measure::R2 => "R2",
    }
}

/// Every cell, and the best of them.
///
/// # Errors
/// [`OutputError`].
pub fn scores(sweep: &Sweep, scores: &Scores, detail: Detail) -> Result<(), OutputError> {
    print(&detail.choose(|| json::scores(sweep, scores), || text(sweep, scores)))
}

fn text(sweep: &Sweep, scores: &Scores) -> String {
    let axes = varying(sweep);
    let Some(first) = sweep.cells.first() else { return String::new() };
    let name = title(scores.measure);
    let (best_of, deviation) = (format!("best {name}"), "+-");
    let names = axes.iter().map(|&axis| first.axes[axis].0);
    let results = [name, deviation, "loss", deviation, &best_of, "of seed", "networks", "diverged"];
    let head: Vec<&str> = names.chain(results).collect();
    let number = |value: f64| format!("{value:.4}");
    let lines = sweep.cells.iter().zip(&scores.cells).map(|(cell, score)| {
        let values = axes.iter().map(|&axis| cell.axes[axis].1.to_string());
        let (measure, loss) = (score.spread(|one| one.measure), score.spread(|one| Some(one.loss)));
        let best = score.best();
        let results = [
            table::or_dash(measure.map(|spread| number(spread.mean))),
            table::or_dash(measure.map(|spread| number(spread.deviation))),
            table::or_dash(loss.map(|spread| table::loss(spread.mean))),
            table::or_dash(loss.map(|spread| table::loss(spread.deviation))),
            table::or_dash(best.and_then(|best| best.measure).map(number)),
            table::or_dash(best.map(|best| best.seed)),
            score.scores.len().to_string(),
            score.diverged.to_string(),
        ];
        values.chain(results).collect()
    });
    let mut text = format!("on the {} rows, means and standard deviations\n\n", scores.rows);
    text += &table::columns(axes.len(), &head, lines);
    let mean = |score: &CellScore| score.spread(|one| one.measure).map_or(f64::MIN, |it| it.mean);
    let cells = sweep.cells.iter().zip(&scores.cells);
    let best = cells.rev().max_by(|a, b| mean(a.1).total_cmp(&mean(b.1)));
    if let Some((cell, score)) = best.filter(|_| sweep.cells.len() > 1) {
        let at: Vec<String> = axes
            .iter()
            .map(|&axis| format!("{} {}", cell.axes[axis].0, cell.axes[axis].1))
            .collect();
        let _ = writeln!(text, "\nHighest mean: {} at {}.", number(mean(score)), at.join(", "));
    }
    if scores.stopped {
        text.push_str("Interrupted; only the networks trained so far are told of.\n");
    }
    let networks: usize = scores.cells.iter().map(|cell| cell.scores.len()).sum();
    let networks = table::counted(networks as u64, "network");
    let _ = writeln!(text, "{networks} in {}.", table::seconds(scores.seconds, 0));
    text
}

/// Every cell as a line of comma-separated values.
pub fn scores_csv(sweep: &Sweep, scores: &Scores) -> String {
    let Some(first) = sweep.cells.first() else { return String::new() };
    let name = scores.measure.name();
    let own = ["mean", "deviation", "best"].map(|what| format!("{name}_{what}"));
    let others = ["loss_mean", "loss_deviation", "best_seed", "networks", "diverged"];
    let names = first.axes.iter().map(|(name, _)| (*name).to_owned());
    let head: Vec<String> = names.chain(own).chain(others.map(str::to_owned)).collect();
    let lines = sweep.cells.iter().zip(&scores.cells).map(|(cell, score)| {
        let values = cell.axes.iter().map(|(_, value)| match value {
            AxisValue::Unused => String::new(),
            value => value.to_string(),
        });
        let (measure, loss) = (score.spread(|one| one.measure), score.spread(|one| Some(one.loss)));
        let results = [
            table::or_empty(measure.map(|spread| spread.mean)),
            table::or_empty(measure.map(|spread| spread.deviation)),
            table::or_empty(score.best().and_then(|best| best.measure)),
            table::or_empty(loss.map(|spread| spread.mean)),
            table::or_empty(loss.map(|spread| spread.deviation)),
            table::or_empty(score.best().map(|best| best.seed)),
            score.scores.len().to_string(),
            score.diverged.to_string(),
        ];
        values.chain(results).collect()
    });
    table::csv(&head, lines)
}
