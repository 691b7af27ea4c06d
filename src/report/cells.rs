//! The cells of a sweep, as lists and maps of them need them.

use super::table;
use crate::sweep::{AxisValue, Count, PartCell};

/// One cell as it is reported: its axes by name, and its results.
pub type CellCount = PartCell<Count>;

/// The axes on which cells differ; the learning rate where they differ on none.
pub(super) fn varying<T>(cells: &[PartCell<T>]) -> Vec<usize> {
    let Some((first, _)) = cells.first() else { return Vec::new() };
    let varies = |axis: &usize| cells.iter().any(|(axes, _)| axes[*axis].1 != first[*axis].1);
    let found: Vec<usize> = (0..first.len()).filter(varies).collect();
    match found.is_empty() {
        true => first.iter().position(|(name, _)| name == "lr").into_iter().collect(),
        false => found,
    }
}

/// A point of an axis in a table of comma-separated values.
pub(super) fn field((_, value): &(String, AxisValue)) -> String {
    match value {
        AxisValue::Unused => String::new(),
        value => value.to_string(),
    }
}

/// Where a cell is, on the axes on which cells differ.
pub(super) fn place<T>(cells: &[PartCell<T>], (values, _): &PartCell<T>) -> String {
    let axes = varying(cells).into_iter();
    let at: Vec<String> =
        axes.map(|axis| format!("{} {}", values[axis].0, values[axis].1)).collect();
    at.join(", ")
}

/// The columns of [`results`].
pub(super) const RESULTS: [&str; 4] = ["solved", "95 % interval", "median epochs", "diverged"];

/// The results of a cell.
pub(super) fn results(count: &Count) -> [String; 4] {
    [
        table::or_dash(count.rate().map(table::percent)),
        interval(count),
        table::or_dash(count.median_epochs()),
        count.diverged.to_string(),
    ]
}

/// The confidence interval of the share that is solved.
pub(super) fn interval(count: &Count) -> String {
    let interval = count.interval();
    table::or_dash(
        interval.map(|(low, high)| format!("{:.1} - {}", 100.0 * low, table::percent(high))),
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Cells over the product of the points, the last axis varying fastest; 10 networks each, of
    /// which the cell's index modulo 11 solve it.
    pub(in crate::report) fn cells(axes: &[(&str, &[AxisValue])]) -> Vec<CellCount> {
        let mut all: Vec<Vec<(String, AxisValue)>> = vec![Vec::new()];
        for (name, points) in axes {
            let with = |cell: &Vec<(String, AxisValue)>, point: &AxisValue| {
                [&cell[..], &[((*name).to_owned(), point.clone())]].concat()
            };
            all = all.iter().flat_map(|c| points.iter().map(move |p| with(c, p))).collect();
        }
        let count = |index: usize| Count {
            networks: 10,
            solved: (index % 11) as u64,
            epochs: [(100 + index as u32, (index % 11) as u64)].into(),
            ..Count::default()
        };
        all.into_iter().enumerate().map(|(index, axes)| (axes, count(index))).collect()
    }
}
