//! Two numeric axes as a map: the solve rate and the median epochs of every cell.

use std::fmt::Write as _;

use super::cells::{CellCount, varying};
use crate::picture::{Map, Paint};
use crate::sweep::{AxisValue, Count};

/// The most cells of a map, and characters of its line: beyond them a list is easier to read.
const MOST_CELLS: usize = 4096;
const MOST_COLUMNS: usize = 200;

/// The axes of a map: down, across, and the others; each combination of the others has its own map.
#[derive(Debug, PartialEq)]
pub(super) struct MapAxes {
    down: usize,
    across: usize,
    others: Vec<usize>,
}

/// The axes of a map, where cells differ in exactly two numeric axes. The narrower one goes across.
pub(super) fn axes(cells: &[CellCount]) -> Option<MapAxes> {
    let is_numeric = |axis: &usize| !matches!(cells.first(), Some((a, _)) if is_name(&a[*axis].1));
    let (numeric, others): (Vec<usize>, Vec<usize>) =
        varying(cells).into_iter().partition(is_numeric);
    let &[first, second] = &numeric[..] else { return None };
    let has_all = |&axis: &usize| cells.iter().all(|(axes, _)| axes[axis].1 != AxisValue::Unused);
    if cells.len() > MOST_CELLS || !numeric.iter().all(has_all) {
        return None;
    }
    let width = |axis: usize| {
        let points = points(cells, axis);
        points.len() * widest(&points).max(4)
    };
    let (down, across) =
        if width(second) <= width(first) { (first, second) } else { (second, first) };
    (width(across) <= MOST_COLUMNS).then_some(MapAxes { down, across, others })
}

fn is_name(value: &AxisValue) -> bool {
    matches!(value, AxisValue::Name(_))
}

/// The points of an axis, in the order of the cells.
fn points(cells: &[CellCount], axis: usize) -> Vec<&AxisValue> {
    let mut points: Vec<&AxisValue> = Vec::new();
    for (values, _) in cells {
        if !points.contains(&&values[axis].1) {
            points.push(&values[axis].1);
        }
    }
    points
}

/// The characters of the longest point.
fn widest(points: &[&AxisValue]) -> usize {
    points.iter().map(|point| point.to_string().len()).max().unwrap_or(0)
}

/// A map of solve rates and one of epochs for each combination of the other axes.
pub(super) fn draw(cells: &[CellCount], axes: &MapAxes, paint: Paint) -> String {
    let mut maps: Vec<(String, Vec<&CellCount>)> = Vec::new();
    for cell in cells {
        let title = title(cell, axes);
        match maps.iter_mut().find(|(other, _)| *other == title) {
            Some((_, own)) => own.push(cell),
            None => maps.push((title, vec![cell])),
        }
    }
    let maps = maps.iter().map(|(title, own)| {
        let rate = |count: &Count| count.rate().map(|rate| (format!("{:.0}", 100.0 * rate), rate));
        let slowest = own.iter().filter_map(|(_, count)| count.median_epochs()).max().unwrap_or(1);
        let speed = |median: u32| 1.0 - f64::from(median) / f64::from(slowest.max(1));
        let median =
            |count: &Count| count.median_epochs().map(|median| (short(median), speed(median)));
        let intervals = own.iter().filter_map(|(_, count)| count.interval());
        let widest = intervals.map(|(low, high)| 50.0 * (high - low)).fold(0.0, f64::max);
        format!(
            "{title}solved, % (95 % interval within {widest:.1} points)\n{}\n\
             {title}median epochs to solve\n{}",
            one(cells, own, axes, paint, rate),
            one(cells, own, axes, paint, median),
        )
    });
    maps.collect::<Vec<_>>().join("\n")
}

/// The other axes of a cell, as in `activation tanh: `.
fn title((values, _): &CellCount, axes: &MapAxes) -> String {
    let named = |&axis: &usize| format!("{} {}", values[axis].0, values[axis].1);
    let parts: Vec<String> = axes.others.iter().map(named).collect();
    if parts.is_empty() { String::new() } else { parts.join(", ") + ": " }
}

/// A number in at most four characters.
fn short(value: u32) -> String {
    match value {
        0..=9999 => value.to_string(),
        10_000..=999_499 => format!("{:.0}k", f64::from(value) / 1e3),
        _ => format!("{:.0}M", f64::from(value) / 1e6),
    }
}

/// One map; `show` gives a cell's text and its brightness.
fn one(
    cells: &[CellCount],
    own: &[&CellCount],
    axes: &MapAxes,
    paint: Paint,
    show: impl Fn(&Count) -> Option<(String, f64)>,
) -> String {
    let (down, across) = (points(cells, axes.down), points(cells, axes.across));
    let names = &cells[0].0;
    let corner = format!("{} \\ {}", names[axes.down].0, names[axes.across].0);
    let left = widest(&down).max(corner.len());
    let width = widest(&across).max(4) + 1;
    let mut text = format!("{corner:<left$}");
    for point in &across {
        let _ = write!(text, "{:>width$}", point.to_string());
    }
    text.push('\n');
    for row in down {
        let _ = write!(text, "{:<left$}", row.to_string());
        for col in &across {
            let here = |(values, _): &&&CellCount| {
                values[axes.down].1 == *row && values[axes.across].1 == **col
            };
            let (shown, share) = match own.iter().find(here) {
                Some((_, count)) => show(count).unwrap_or_else(|| ("-".to_owned(), 0.0)),
                None => (String::new(), 0.0),
            };
            text += &paint.on(&format!("{shown:>width$}"), Map::Sequential.color(share));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::cells;
    use super::*;

    fn widths() -> Vec<AxisValue> {
        (2..=4).map(AxisValue::Whole).collect()
    }

    fn rates() -> Vec<AxisValue> {
        [0.1, 0.17783].map(AxisValue::Number).to_vec()
    }

    #[test]
    fn two_numeric_axes_are_a_map_and_others_are_not() {
        let names: Vec<AxisValue> =
            ["relu", "tanh"].map(|name| AxisValue::Name(name.to_owned())).to_vec();
        let map = |list: &[(&str, &[AxisValue])]| axes(&cells(list));
        assert_eq!(
            map(&[("width", &widths()), ("lr", &rates())]),
            Some(MapAxes { down: 1, across: 0, others: vec![] })
        );
        assert_eq!(
            map(&[("activation", &names), ("width", &widths()), ("lr", &rates())]),
            Some(MapAxes { down: 2, across: 1, others: vec![0] })
        );
        assert_eq!(map(&[("lr", &rates())]), None);
        assert_eq!(map(&[("activation", &names), ("lr", &rates())]), None);
        let scales = rates();
        assert_eq!(map(&[("width", &widths()), ("init-scale", &scales), ("lr", &rates())]), None);
    }

    #[test]
    fn a_map_has_every_cell_in_its_place() {
        let cells = cells(&[("width", &widths()), ("lr", &rates())]);
        let text = draw(&cells, &axes(&cells).unwrap(), Paint::Plain);
        let expected = "\
solved, % (95 % interval within 26.3 points)
lr \\ width    2    3    4
0.1           0   20   40
0.17783      10   30   50

median epochs to solve
lr \\ width    2    3    4
0.1         100  102  104
0.17783     101  103  105
";
        assert_eq!(text, expected);
        let painted = draw(&cells, &axes(&cells).unwrap(), Paint::Colored);
        let none = Paint::Colored.on("    0", Map::Sequential.color(0.0));
        assert!(painted.contains(&none) && none.starts_with("\x1b["), "{painted:?}");
    }

    #[test]
    fn long_counts_are_shortened() {
        assert_eq!([9999, 12_345, 1_500_000].map(short), ["9999", "12k", "2M"]);
    }
}
