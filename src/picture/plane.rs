//! Charts over the plane of two inputs: what a network says there, and what each of its units does.

use super::axis::{Axis, ends};
use super::chart::{Chart, Layer, Ramp};
use super::color::{INK, Map, PAPER, class};
use super::contour::{Grid, contour};
use super::rows::Rows;
use super::scene::Point;

/// How wide and how high a map of the inputs is, and that of one unit.
const PLANE: f64 = 300.0;
const UNIT: f64 = 104.0;
/// How much white a class's colour has under its points.
const PALE: f64 = 0.62;
/// Lines of equal value over a plane of numbers.
const LEVELS: usize = 7;

/// The plane of two inputs: points of a grid over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// What the inputs are called.
    pub names: [String; 2],
    /// From where to where the first goes.
    pub x: (f64, f64),
    /// From where to where the second goes.
    pub y: (f64, f64),
    /// Points of a row of the grid.
    pub cols: usize,
    /// Rows of the grid.
    pub rows: usize,
}

impl Plane {
    /// A plane that shows all points, with some space around them, or from 0 to 1 where there are none.
    pub fn around(names: [String; 2], points: &[Point], cells: usize) -> Plane {
        let range = |of: fn(&Point) -> f64| {
            let (low, high) = ends(points.iter().map(of)).unwrap_or((0.0, 1.0));
            let free = if high > low { 0.15 * (high - low) } else { 0.5f64.max(0.1 * low.abs()) };
            (low - free, high + free)
        };
        let (x, y) = (range(|point| point.0), range(|point| point.1));
        Plane { names, x, y, cols: cells, rows: cells }
    }

    /// The places of the grid's points: rows from the bottom.
    pub fn places(&self) -> Vec<Point> {
        Grid::places((self.x, self.y), self.cols, self.rows)
    }

    fn grid(&self, values: Vec<f64>) -> Grid {
        Grid { x: self.x, y: self.y, cols: self.cols, values }
    }

    /// Its axes, with half a cell around the points of the grid.
    fn axes(&self) -> [Axis; 2] {
        let axis = |name: &str, range: (f64, f64), count: usize| {
            let half = (range.1 - range.0) / (count.max(2) - 1) as f64 / 2.0;
            Axis::linear(name, (range.0 - half, range.1 + half))
        };
        let [first, second] = &self.names;
        [axis(first, self.x, self.cols), axis(second, self.y, self.rows)]
    }
}

/// What a network says at each point of a grid.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// How probable the second of two classes is.
    Probability(Vec<f64>),
    /// How probable each class is: first all points of the first.
    Classes(Vec<Vec<f64>>),
    /// A number, on this axis.
    Number(Vec<f64>, Axis),
}

/// What a network says over the plane of its inputs, with the data on it, and the lines on which it decides.
pub fn boundary(plane: &Plane, answer: &Answer, rows: &Rows) -> Chart {
    let [x, y] = plane.axes();
    let mut chart = Chart::new("", x, y, (PLANE, PLANE));
    match answer {
        Answer::Probability(values) => {
            let grid = plane.grid(values.clone());
            let colors = values.iter().map(|&value| Map::Pale.color(value)).collect();
            let lines = contour(&grid, 0.5);
            chart.layers.push(Layer::Field { grid, colors, smooth: true });
            let name = rows.names.get(1).map_or("1", String::as_str);
            let axis = Axis::linear(format!("probability of {name}"), (0.0, 1.0));
            chart.ramp = Some(Ramp { map: Map::Pale, axis });
            // Named also where there is none to be seen.
            chart.layers.push(Layer::line(Vec::new(), INK, Some("probability 0.5")));
            chart.layers.extend(lines.into_iter().map(|points| Layer::line(points, INK, None)));
        }
        Answer::Classes(all) => {
            let count = all.first().map_or(0, Vec::len);
            let winner = |at: usize| {
                let of = |class: &usize| all[*class][at];
                (0..all.len()).rev().max_by(|a, b| of(a).total_cmp(&of(b))).unwrap_or(0)
            };
            let colors = (0..count).map(|at| {
                let own = winner(at);
                let sure = all[own][at].clamp(0.0, 1.0);
                // The less sure, the paler.
                class(own).mixed(PAPER, PALE + (1.0 - PALE) * (1.0 - sure))
            });
            let colors = colors.collect();
            chart.layers.push(Layer::Field {
                grid: plane.grid(vec![0.0; count]),
                colors,
                smooth: true,
            });
            let lead = |class: usize, at: usize| {
                let others = (0..all.len()).filter(|&other| other != class);
                all[class][at] - others.map(|other| all[other][at]).fold(0.0, f64::max)
            };
            for class in 0..all.len() {
                let values = (0..count).map(|at| lead(class, at)).collect();
                let lines = contour(&plane.grid(values), 0.0);
                chart.layers.extend(lines.into_iter().map(|points| Layer::line(points, INK, None)));
            }
        }
        Answer::Number(values, axis) => {
            let grid = plane.grid(values.clone());
            let colors = values.iter().map(|&value| Map::Sequential.color(axis.share(value)));
            chart.layers.push(Layer::Field {
                colors: colors.collect(),
                grid: grid.clone(),
                smooth: true,
            });
            for (level, _) in axis.ticks(LEVELS) {
                let lines = contour(&grid, level).into_iter();
                chart.layers.extend(lines.map(|points| Layer::line(points, INK, None)));
            }
            chart.ramp = Some(Ramp { map: Map::Sequential, axis: axis.clone() });
        }
    }
    chart.layers.extend(rows.layers());
    chart
}

/// What each unit of a layer does over the plane of the inputs: a small map each, all of one scale.
pub fn units(plane: &Plane, layer: usize, values: &[Vec<f64>], columns: usize) -> Vec<Chart> {
    let (low, high) = ends(values.iter().flatten().copied()).unwrap_or((0.0, 1.0));
    let most = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
    let (map, range) = match low < 0.0 {
        true => (Map::Diverging, (-most, most)),
        false => (Map::Sequential, (0.0, most)),
    };
    let axis = Axis::linear(format!("activation, layer {layer}"), range);
    let mut charts: Vec<Chart> = Vec::new();
    for (unit, own) in values.iter().enumerate() {
        let [x, y] = plane.axes().map(Axis::bare);
        let is_dead = own.iter().all(|value| *value == 0.0);
        let dead = if is_dead { ": 0 all over" } else { "" };
        let mut chart = Chart::new(format!("unit {}{dead}", unit + 1), x, y, (UNIT, UNIT));
        let colors = own.iter().map(|&value| map.color(axis.share(value))).collect();
        chart.layers.push(Layer::Field { grid: plane.grid(own.clone()), colors, smooth: true });
        if unit + 1 == columns.min(values.len()) {
            chart.ramp = Some(Ramp { map, axis: axis.clone() });
        }
        charts.push(chart);
    }
    charts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane() -> Plane {
        let names = ["a", "b"].map(str::to_owned);
        Plane::around(names, &[(0.0, 0.0), (1.0, 1.0)], 41)
    }

    /// The contour of a known network lies where it decides: sigmoid(4 a - 2 b - 1) is 1/2 on b = 2 a - 1/2.
    #[test]
    fn the_contour_lies_on_the_analytic_boundary() {
        let plane = plane();
        let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
        let values = plane.places().iter().map(|(a, b)| sigmoid(4.0 * a - 2.0 * b - 1.0)).collect();
        let chart = boundary(&plane, &Answer::Probability(values), &Rows::default());
        let lines = chart.layers.iter().filter_map(|layer| match layer {
            Layer::Line { points, .. } => Some(points),
            _ => None,
        });
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].is_empty() && lines[1].len() > 30);
        for (a, b) in lines[1] {
            assert!((b - (2.0 * a - 0.5)).abs() < 2e-3, "{a} {b}");
        }
    }

    /// Three classes, each nearest to a corner of its own, meet where their probabilities are alike.
    #[test]
    fn borders_lie_between_the_classes_that_win() {
        let plane = plane();
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)];
        let of = |(x, y): Point| {
            let near = corners.map(|(a, b)| (-4.0 * ((x - a).powi(2) + (y - b).powi(2))).exp());
            near.map(|value| value / near.iter().sum::<f64>())
        };
        let all = plane.places().into_iter().map(of).collect::<Vec<_>>();
        let classes = (0..3).map(|class| all.iter().map(|p| p[class]).collect()).collect();
        let chart = boundary(&plane, &Answer::Classes(classes), &Rows::default());
        let mut seen = 0;
        for layer in &chart.layers {
            let Layer::Line { points, .. } = layer else { continue };
            for &point in points {
                let mut p = of(point);
                p.sort_by(f64::total_cmp);
                assert!(p[2] - p[1] < 0.03, "{point:?} {p:?}");
                seen += 1;
            }
        }
        assert!(seen > 60, "{seen}");
    }
}
