//! Where a function on a grid has a value: marching squares, joined to lines.

use std::collections::HashMap;

use super::scene::Point;

/// Values at the points of a grid: rows from the bottom, each from the left.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// The first and the last column's place.
    pub x: (f64, f64),
    /// The first and the last row's place.
    pub y: (f64, f64),
    /// Points of a row.
    pub cols: usize,
    /// The values.
    pub values: Vec<f64>,
}

impl Grid {
    /// Rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.cols.max(1)
    }

    /// The place of a point.
    pub fn place(&self, col: f64, row: f64) -> Point {
        let along = |range: (f64, f64), at: f64, count: usize| {
            range.0 + (range.1 - range.0) * at / (count.max(2) - 1) as f64
        };
        (along(self.x, col, self.cols), along(self.y, row, self.rows()))
    }

    /// The places of all points, in their order.
    pub fn places((x, y): ((f64, f64), (f64, f64)), cols: usize, rows: usize) -> Vec<Point> {
        let grid = Grid { x, y, cols, values: vec![0.0; cols * rows] };
        (0..cols * rows).map(|at| grid.place((at % cols) as f64, (at / cols) as f64)).collect()
    }
}

/// A side of a cell: that to the right of a point or that above it.
type Side = (usize, usize, bool);

/// The lines along which a grid has a value.
pub fn contour(grid: &Grid, level: f64) -> Vec<Vec<Point>> {
    let (cols, rows) = (grid.cols, grid.rows());
    let value = |col: usize, row: usize| grid.values[row * cols + col] - level;
    let place = |(col, row, is_up): Side| {
        let (a, b) = (value(col, row), value(col + usize::from(!is_up), row + usize::from(is_up)));
        let share = a / (a - b);
        let (dx, dy) = if is_up { (0.0, share) } else { (share, 0.0) };
        grid.place(col as f64 + dx, row as f64 + dy)
    };
    let mut pieces: Vec<(Side, Side)> = Vec::new();
    for row in 0..rows.saturating_sub(1) {
        for col in 0..cols.saturating_sub(1) {
            // Around the cell: bottom, right, top, left, each crossed if its ends differ.
            let corners = [(col, row), (col + 1, row), (col + 1, row + 1), (col, row + 1)];
            let at = corners.map(|(col, row)| value(col, row));
            if at.iter().any(|value| value.is_nan()) {
                continue;
            }
            let sides =
                [(col, row, false), (col + 1, row, true), (col, row + 1, false), (col, row, true)];
            let is_crossed = |side: usize| (at[side] > 0.0) != (at[(side + 1) % 4] > 0.0);
            let crossed: Vec<Side> =
                (0..4).filter(|&side| is_crossed(side)).map(|side| sides[side]).collect();
            match crossed[..] {
                [one, other] => pieces.push((one, other)),
                [bottom, right, top, left] => {
                    // A saddle: its middle says which corners belong together.
                    let joins = (at.iter().sum::<f64>() > 0.0) == (at[0] > 0.0);
                    let pairs = match joins {
                        true => [(bottom, right), (top, left)],
                        false => [(bottom, left), (right, top)],
                    };
                    pieces.extend(pairs);
                }
                _ => {}
            }
        }
    }
    joined(&pieces).into_iter().map(|line| line.into_iter().map(place).collect()).collect()
}

/// Pieces that meet, as lines: first those with ends, then those without.
fn joined(pieces: &[(Side, Side)]) -> Vec<Vec<Side>> {
    let mut meeting: HashMap<Side, Vec<usize>> = HashMap::new();
    for (at, &(one, other)) in pieces.iter().enumerate() {
        meeting.entry(one).or_default().push(at);
        meeting.entry(other).or_default().push(at);
    }
    let mut used = vec![false; pieces.len()];
    let mut lines = Vec::new();
    let is_end = |side: &Side| meeting[side].len() == 1;
    for wants_end in [true, false] {
        for start in 0..pieces.len() {
            let (one, other) = pieces[start];
            let first = match wants_end {
                true if is_end(&one) => one,
                true if is_end(&other) => other,
                true => continue,
                false => one,
            };
            if used[start] {
                continue;
            }
            let (mut line, mut next) = (vec![first], Some(start));
            while let Some(at) = next {
                used[at] = true;
                let (one, other) = pieces[at];
                let last = *line.last().unwrap_or(&first);
                let to = if one == last { other } else { one };
                line.push(to);
                next = meeting[&to].iter().copied().find(|&at| !used[at]);
            }
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(of: impl Fn(f64, f64) -> f64) -> Grid {
        let range = (-1.0, 1.0);
        let values =
            Grid::places((range, range), 41, 41).into_iter().map(|(x, y)| of(x, y)).collect();
        Grid { x: range, y: range, cols: 41, values }
    }

    #[test]
    fn a_plane_is_crossed_in_one_straight_line() {
        let lines = contour(&grid(|x, y| 3.0 * x + 2.0 * y), 0.5);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|(x, y)| (3.0 * x + 2.0 * y - 0.5).abs() < 1e-12));
        let ends = [lines[0][0], lines[0][lines[0].len() - 1]];
        assert!(ends.iter().all(|(_, y)| y.abs() == 1.0), "{ends:?}");
    }

    #[test]
    fn a_circle_is_one_closed_line() {
        let lines = contour(&grid(|x, y| x * x + y * y), 0.5);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        assert!(lines[0].iter().all(|(x, y)| (x.hypot(*y) - 0.5f64.sqrt()).abs() < 2e-3));
    }

    #[test]
    fn two_hills_have_two_lines_and_nothing_has_none() {
        let hill = |x: f64, y: f64, at: f64| (-20.0 * ((x - at).powi(2) + y * y)).exp();
        assert_eq!(contour(&grid(|x, y| hill(x, y, 0.5) + hill(x, y, -0.5)), 0.5).len(), 2);
        assert!(contour(&grid(|_, _| 1.0), 2.0).is_empty());
        assert!(contour(&grid(|_, _| f64::NAN), 0.0).is_empty());
    }
}
