//! Two numeric axes as a map: the solve rate of every cell, and how soon half of those that solved
//! it had.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use super::cells::{CellCount, varying};
use crate::sweep::{AxisValue, Count};

/// Cells of a map at most, and characters of a line: beyond them a list says more.
const MOST_CELLS: usize = 4096;
const WIDEST: usize = 200;

/// Whether cells are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Coloured,
    Plain,
}

impl Paint {
    /// Colours on a terminal, unless NO_COLOR says otherwise (no-color.org).
    pub(super) fn here() -> Paint {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match std::io::stdout().is_terminal() && !refused {
            true => Paint::Coloured,
            false => Paint::Plain,
        }
    }

    /// A cell of a map, its background the brighter the higher the share.
    fn cell(self, text: &str, share: f64) -> String {
        /// The 256-colour palette from dark blue over green to yellow.
        const RAMP: [u8; 11] = [17, 18, 24, 30, 29, 35, 71, 107, 143, 185, 226];
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Coloured => {
                let step = ((share * 10.0).round() as usize).min(10);
                let ink = if step >= 6 { 16 } else { 255 };
                format!("\x1b[48;5;{};38;5;{ink}m{text}\x1b[0m", RAMP[step])
            }
        }
    }
}

/// Which axes a map shows: down, across, and those of which each combination has a map of its own.
#[derive(Debug, PartialEq)]
pub(super) struct MapAxes {
    down: usize,
    across: usize,
    others: Vec<usize>,
}

/// The axes of a map, where exactly two numeric ones differ. Across goes the one that needs less
/// room.
pub(super) fn axes(cells: &[CellCount]) -> Option<MapAxes> {
    let is_numeric = |axis: &usize| !matches!(cells.first(), Some((a, _)) if is_name(&a[*axis].1));
    let (numeric, others): (Vec<usize>, Vec<usize>) =
        varying(cells).into_iter().partition(is_numeric);
    let &[first, second] = &numeric[..] else { return None };
    let has_all = |&axis: &usize| cells.iter().all(|(axes, _)| axes[axis].1 != AxisValue::Unused);
    if cells.len() > MOST_CELLS || !numeric.iter().all(has_all) {
        return None;
    }
    let room = |axis: usize| {
        let points = points(cells, axis);
        let widest = points.iter().map(|point| point.to_string().len()).max().unwrap_or(0);
        points.len() * widest.max(4)
    };
    let (down, across) =
        if room(second) <= room(first) { (first, second) } else { (second, first) };
    if room(across) > WIDEST {
        return None;
    }
    Some(MapAxes { down, across, others })
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

/// A map of rates and one of epochs for each combination of the other axes.
pub(super) fn draw(cells: &[CellCount], axes: &MapAxes, paint: Paint) -> String {
    let mut text = String::new();
    let mut titles: Vec<String> = Vec::new();
    for cell in cells {
        let title = title(cell, axes);
        if titles.contains(&title) {
            continue;
        }
        let own: Vec<&CellCount> =
            cells.iter().filter(|other| self::title(other, axes) == title).collect();
        let rate = |count: &Count| match count.rate() {
            Some(rate) => (format!("{:.0}", 100.0 * rate), rate),
            None => ("-".to_owned(), 0.0),
        };
        let slowest = own.iter().filter_map(|(_, count)| count.median_epochs()).max().unwrap_or(1);
        let median = |count: &Count| match count.median_epochs() {
            Some(median) => (short(median), 1.0 - f64::from(median) / f64::from(slowest.max(1))),
            None => ("-".to_owned(), 0.0),
        };
        let widest = own.iter().filter_map(|(_, count)| count.interval());
        let widest = widest.map(|(low, high)| 50.0 * (high - low)).fold(0.0, f64::max);
        let _ = writeln!(text, "{title}solved, % (95 % interval within {widest:.1} points)");
        text += &one(cells, &own, axes, paint, rate);
        let _ = writeln!(text, "\n{title}median epochs to solve");
        text += &one(cells, &own, axes, paint, median);
        text.push('\n');
        titles.push(title);
    }
    text.pop();
    text
}

/// The other axes of a cell, as in `activation tanh: `.
fn title((values, _): &CellCount, axes: &MapAxes) -> String {
    let named = |&axis: &usize| format!("{} {}", values[axis].0, values[axis].1);
    let parts: Vec<String> = axes.others.iter().map(named).collect();
    if parts.is_empty() { String::new() } else { parts.join(", ") + ": " }
}

/// A number in at most four places.
fn short(value: u32) -> String {
    match value {
        0..=9999 => value.to_string(),
        10_000..=999_499 => format!("{:.0}k", f64::from(value) / 1e3),
        _ => format!("{:.0}M", f64::from(value) / 1e6),
    }
}

fn one(
    cells: &[CellCount],
    own: &[&CellCount],
    axes: &MapAxes,
    paint: Paint,
    show: impl Fn(&Count) -> (String, f64),
) -> String {
    let (down, across) = (points(cells, axes.down), points(cells, axes.across));
    let names = &cells[0].0;
    let corner = format!("{} \\ {}", names[axes.down].0, names[axes.across].0);
    let left =
        down.iter().map(|point| point.to_string().len()).chain([corner.len()]).max().unwrap_or(0);
    let width = across.iter().map(|point| point.to_string().len()).max().unwrap_or(0).max(4) + 1;
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
            let (shown, share) =
                own.iter().find(here).map_or((String::new(), 0.0), |(_, count)| show(count));
            text += &paint.cell(&format!("{shown:>width$}"), share);
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
        let painted = draw(&cells, &axes(&cells).unwrap(), Paint::Coloured);
        assert!(painted.contains("\x1b[48;5;17;38;5;255m    0\x1b[0m"), "{painted:?}");
    }

    #[test]
    fn long_counts_are_shortened() {
        assert_eq!([9999, 12_345, 1_500_000].map(short), ["9999", "12k", "2M"]);
    }
}
