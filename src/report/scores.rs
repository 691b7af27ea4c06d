//! The report of a sweep whose networks are scored: accuracy or R2 of each cell.

use std::fmt::Write as _;

use super::cells::{self, varying};
use super::sweep::{SweepResult, Told};
use super::{Detail, json, table};
use crate::sweep::{CellScore, Measure, PartCell, Scored};

/// The name of what networks are measured by, in headings.
fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Accuracy => "accuracy",
        Measure::R2 => "R2",
    }
}

impl Told for CellScore {
    /// Every cell, and the best of them.
    fn text(result: &SweepResult<'_, CellScore>, _: Detail) -> String {
        let SweepResult { cells, about: Scored { measure, rows }, seconds, incomplete } = result;
        let axes = varying(cells);
        let Some((first, _)) = cells.first() else { return String::new() };
        let name = title(*measure);
        let (best_of, deviation) = (format!("best {name}"), "+-");
        let names = axes.iter().map(|&axis| first[axis].0.as_str());
        let results =
            [name, deviation, "loss", deviation, &best_of, "of seed", "networks", "diverged"];
        let head: Vec<&str> = names.chain(results).collect();
        let number = |value: f64| format!("{value:.4}");
        let lines = cells.iter().map(|(values, score)| {
            let values = axes.iter().map(|&axis| values[axis].1.to_string());
            let measure = score.spread(|one| one.measure);
            let loss = score.spread(|one| Some(one.loss));
            let best = score.best();
            let results = [
                table::or_dash(measure.map(|spread| number(spread.mean))),
                table::or_dash(measure.map(|spread| number(spread.deviation))),
                table::or_dash(loss.map(|spread| table::loss(spread.mean))),
                table::or_dash(loss.map(|spread| table::loss(spread.deviation))),
                table::or_dash(best.and_then(|best| best.measure).map(number)),
                table::or_dash(best.map(|best| best.seed)),
                score.scores.len().to_string(),
                score.diverged.len().to_string(),
            ];
            values.chain(results).collect()
        });
        let mut text = format!("on the {rows} rows, means and standard deviations\n\n");
        text += &table::columns(axes.len(), &head, lines);
        let mean = |cell: &&PartCell<CellScore>| {
            cell.1.spread(|one| one.measure).map_or(f64::MIN, |spread| spread.mean)
        };
        let best = cells.iter().rev().max_by(|a, b| mean(a).total_cmp(&mean(b)));
        if let Some(cell) = best.filter(|_| cells.len() > 1) {
            let (mean, at) = (number(mean(&cell)), cells::place(cells, cell));
            let _ = writeln!(text, "\nHighest mean: {mean} at {at}.");
        }
        if let Some(incomplete) = incomplete {
            let _ = writeln!(text, "{incomplete}");
        }
        let networks = table::counted(result.networks(), "network");
        let _ = writeln!(text, "{networks} in {}.", table::seconds(*seconds, 0));
        text
    }

    fn json(result: &SweepResult<'_, CellScore>) -> String {
        json::sweep_scores(result)
    }

    fn csv(cells: &[PartCell<CellScore>], about: &Scored) -> String {
        let Some((first, _)) = cells.first() else { return String::new() };
        let name = about.measure.name();
        let own = ["mean", "deviation", "best"].map(|what| format!("{name}_{what}"));
        let others = ["loss_mean", "loss_deviation", "best_seed", "networks", "diverged"];
        let names = first.iter().map(|(name, _)| name.clone());
        let head: Vec<String> = names.chain(own).chain(others.map(str::to_owned)).collect();
        let lines = cells.iter().map(|(values, score)| {
            let values = values.iter().map(cells::field);
            let measure = score.spread(|one| one.measure);
            let loss = score.spread(|one| Some(one.loss));
            let results = [
                table::or_empty(measure.map(|spread| spread.mean)),
                table::or_empty(measure.map(|spread| spread.deviation)),
                table::or_empty(score.best().and_then(|best| best.measure)),
                table::or_empty(loss.map(|spread| spread.mean)),
                table::or_empty(loss.map(|spread| spread.deviation)),
                table::or_empty(score.best().map(|best| best.seed)),
                score.scores.len().to_string(),
                score.diverged.len().to_string(),
            ];
            values.chain(results).collect()
        });
        table::csv(&head, lines)
    }
}
