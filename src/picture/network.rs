//! Charts of what a network does: over the plane of its inputs, in the space of its hidden units, in its weights,
//! and where it is wrong.

use super::axis::{Axis, ends, short};
use super::chart::{Chart, Layer, Mark, Ramp};
use super::color::{Color, GREY, INK, Map, PAPER, class};
use super::contour::{Grid, contour};
use super::scene::Point;

/// How high a map of the inputs is, and the longest and the shortest that it may be wide.
const PLANE: f64 = 300.0;
const UNIT: f64 = 104.0;
/// How much white a class's colour has under its points.
const PALE: f64 = 0.62;
/// How near points are to each other that share a label, as a share of the axes.
const ONE_PLACE: f64 = 0.03;
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

/// Rows of data as points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Where each is.
    pub points: Vec<Point>,
    /// Its class.
    pub classes: Vec<usize>,
    /// What classes are called; where there are none, rows have numbers.
    pub names: Vec<String>,
    /// Which of them a network was not trained on.
    pub unseen: Vec<bool>,
    /// What stands beside each, where there are few.
    pub labels: Vec<String>,
}

impl Rows {
    /// The points of each class in its colour, those that were not trained on as rings.
    fn layers(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        for mark in [Mark::Dot, Mark::Ring] {
            let is_unseen = |at: usize| self.unseen.get(at).copied().unwrap_or(false);
            let of = |wanted: Option<usize>| -> Vec<Point> {
                let is_it = |&at: &usize| {
                    let is_of = wanted.is_none_or(|class| self.classes.get(at) == Some(&class));
                    is_of && is_unseen(at) == (mark == Mark::Ring)
                };
                (0..self.points.len()).filter(is_it).map(|at| self.points[at]).collect()
            };
            match self.names.is_empty() {
                true => layers.push((of(None), INK, mark, "rows".to_owned())),
                false => layers.extend(
                    self.names
                        .iter()
                        .enumerate()
                        .map(|(at, name)| (of(Some(at)), class(at), mark, name.clone())),
                ),
            }
        }
        layers.retain(|(points, ..)| !points.is_empty());
        let mut named: Vec<String> = Vec::new();
        let mut all: Vec<Layer> = Vec::new();
        for (points, color, mark, own) in layers {
            let is_new = !named.contains(&own);
            let name = is_new.then(|| own.clone());
            named.push(own);
            all.push(Layer::Points { points, color, mark, name });
        }
        if self.unseen.contains(&true) && self.unseen.contains(&false) {
            let name = Some("not trained on".to_owned());
            all.push(Layer::Points { points: Vec::new(), color: GREY, mark: Mark::Ring, name });
        }
        all
    }

    /// What stands beside points: those of one place together.
    fn labels(&self, chart: &Chart) -> Option<Layer> {
        let mut texts: Vec<(Point, String)> = Vec::new();
        for (point, label) in self.points.iter().zip(&self.labels) {
            let apart = |axis: &Axis, one: f64, other: f64| axis.share(one) - axis.share(other);
            let near = |there: &Point| {
                let (x, y) = (apart(&chart.x, there.0, point.0), apart(&chart.y, there.1, point.1));
                x.hypot(y) < ONE_PLACE
            };
            match texts.iter_mut().find(|(there, _)| near(there)) {
                Some((_, text)) if text != label => {
                    text.push_str(", ");
                    text.push_str(label);
                }
                Some(_) => {}
                None => texts.push((*point, label.clone())),
            }
        }
        (!texts.is_empty()).then_some(Layer::Labels { texts })
    }
}

fn line(points: Vec<Point>, color: Color, dashed: bool, name: Option<&str>) -> Layer {
    Layer::Line { points, color, dashed, name: name.map(str::to_owned) }
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
            chart.layers.push(Layer::Field { grid, colors });
            let name = rows.names.get(1).map_or("1", String::as_str);
            let axis = Axis::linear(format!("probability of {name}"), (0.0, 1.0));
            chart.ramp = Some(Ramp { map: Map::Pale, axis });
            // Named also where there is none to be seen.
            chart.layers.push(line(Vec::new(), INK, false, Some("probability 0.5")));
            chart.layers.extend(lines.into_iter().map(|points| line(points, INK, false, None)));
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
            chart.layers.push(Layer::Field { grid: plane.grid(vec![0.0; count]), colors });
            let lead = |class: usize, at: usize| {
                let others = (0..all.len()).filter(|&other| other != class);
                all[class][at] - others.map(|other| all[other][at]).fold(0.0, f64::max)
            };
            for class in 0..all.len() {
                let values = (0..count).map(|at| lead(class, at)).collect();
                let lines = contour(&plane.grid(values), 0.0);
                chart.layers.extend(lines.into_iter().map(|points| line(points, INK, false, None)));
            }
        }
        Answer::Number(values, axis) => {
            let grid = plane.grid(values.clone());
            let colors = values.iter().map(|&value| Map::Sequential.color(axis.share(value)));
            chart.layers.push(Layer::Field { colors: colors.collect(), grid: grid.clone() });
            for (level, _) in axis.ticks(LEVELS) {
                let lines = contour(&grid, level).into_iter();
                chart.layers.extend(lines.map(|points| line(points, INK, false, None)));
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
        chart.layers.push(Layer::Field { grid: plane.grid(own.clone()), colors });
        if unit + 1 == columns.min(values.len()) {
            chart.ramp = Some(Ramp { map, axis: axis.clone() });
        }
        charts.push(chart);
    }
    charts
}

/// Axes that show all of these points.
pub fn axes_around(names: &[String; 2], points: &[Point]) -> [Axis; 2] {
    let of = |side: fn(&Point) -> f64| points.iter().map(side);
    let [first, second] = names;
    [Axis::around(first, of(|point| point.0)), Axis::around(second, of(|point| point.1))]
}

/// Rows of data where the hidden units put them, and the line that parts two classes there, if one does.
pub fn hidden([x, y]: [Axis; 2], rows: &Rows, parting: Option<[f64; 3]>) -> Chart {
    let mut chart = Chart::new("", x, y, (PLANE, PLANE));
    // a x + b y + c = 0, as far as it runs between the axes.
    if let Some([a, b, c]) = parting {
        let (x, y) = (chart.x.range, chart.y.range);
        let corners = Grid::places((x, y), 2, 2);
        let values = corners.into_iter().map(|(x, y)| a * x + b * y + c).collect();
        let lines = contour(&Grid { x, y, cols: 2, values }, 0.0);
        chart.layers.push(line(Vec::new(), INK, false, Some("probability 0.5")));
        chart.layers.extend(lines.into_iter().map(|points| line(points, INK, false, None)));
    }
    chart.layers.extend(rows.layers());
    chart.layers.extend(rows.labels(&chart));
    chart
}

/// The most squares that a text is written into.
const MOST_WRITTEN: usize = 150;

/// The weights of one layer: a row for each input and one for the bias, a column for each unit.
pub fn weights(layer: usize, cols: usize, values: &[f64], inputs: &[String]) -> Chart {
    let most = values.iter().fold(f64::MIN_POSITIVE, |most, value| most.max(value.abs()));
    let axis = Axis::linear("weight", (-most, most));
    let rows = values.len() / cols;
    let side = |count: usize| (340.0 / count as f64).clamp(1.0, 34.0);
    // Not so flat or so narrow that nothing is seen.
    let (wide, high) = (side(cols).max(80.0 / cols as f64), side(rows).max(60.0 / rows as f64));
    let size = (wide * cols as f64, high * rows as f64);
    let few = |count: usize, room: f64| count.div_ceil((340.0 / room) as usize).max(1);
    let sparse = |name: &str, count: usize, every: usize, of: &dyn Fn(usize) -> String| {
        let ticks = (0..count).step_by(every).map(|at| (at as f64, of(at))).collect();
        let range = (-0.5, count as f64 - 0.5);
        Axis { ticks: Some(ticks), ..Axis::linear(name, range) }
    };
    let of_input = |at: usize| match inputs.get(at) {
        Some(name) => name.clone(),
        None if at + 1 == rows => "bias".to_owned(),
        None => (at + 1).to_string(),
    };
    let x = sparse("unit", cols, few(cols, 26.0), &|at| (at + 1).to_string());
    let y = sparse("", rows, few(rows, 13.0), &of_input);
    let mut chart = Chart::new(format!("layer {layer}"), x, y, size);
    let colors = values.iter().map(|&value| Map::Diverging.color(axis.share(value))).collect();
    let text = |value: &f64| match values.len() > MOST_WRITTEN {
        true => String::new(),
        false => format!("{value:.2}").replace("-0.00", "0.00"),
    };
    chart.layers.push(Layer::Cells { cols, colors, texts: values.iter().map(text).collect() });
    chart.ramp = Some(Ramp { map: Map::Diverging, axis });
    chart
}

/// Which class was taken for which: a row for each true class.
pub fn confusion(names: &[String], counts: &[usize]) -> Chart {
    let count = names.len();
    let side = (360.0 / count as f64).clamp(4.0, 44.0);
    let [x, y] = ["predicted class", "true class"].map(|of| match side < 9.0 {
        // Too many to be written.
        true => Axis::names(of, (0..count).map(|_| String::new())),
        false => Axis::names(of, names.iter().cloned()),
    });
    let mut chart = Chart::new("", x, y, (side * count as f64, side * count as f64));
    let share = |at: usize| {
        let row: usize = counts[at / count * count..][..count].iter().sum();
        counts[at] as f64 / row.max(1) as f64
    };
    let colors = (0..counts.len()).map(|at| Map::Sequential.color(share(at))).collect();
    let text = |count: &usize| if *count == 0 { String::new() } else { count.to_string() };
    chart.layers.push(Layer::Cells {
        cols: count,
        colors,
        texts: counts.iter().map(text).collect(),
    });
    let axis = Axis::linear("share of the true class", (0.0, 1.0));
    chart.ramp = Some(Ramp { map: Map::Sequential, axis });
    chart
}

/// One image of so many pixels a row, dark where its values are large.
pub fn image(title: String, cols: usize, values: &[f64]) -> Chart {
    let rows = values.len() / cols;
    let (low, high) = ends(values.iter().copied()).unwrap_or((0.0, 1.0));
    let share = |value: &f64| (value - low) / (high - low).max(f64::MIN_POSITIVE);
    let axis = |count: usize| Axis::linear("", (-0.5, count as f64 - 0.5)).bare();
    let mut chart = Chart::new(title, axis(cols), axis(rows), (72.0, 72.0));
    let colors = values.iter().map(|value| Map::Ink.color(share(value))).collect();
    chart.layers.push(Layer::Cells { cols, colors, texts: Vec::new() });
    chart
}

/// Predicted against true values of one target.
pub fn scatter(target: &str, points: Vec<Point>) -> Chart {
    let all = points.iter().flat_map(|&(x, y)| [x, y]);
    let axis = Axis::around(format!("true {target}"), all);
    let range = axis.range;
    let y = Axis { name: format!("predicted {target}"), ..axis.clone() };
    let mut chart = Chart::new("", axis, y, (PLANE, PLANE));
    chart.rule([(range.0, range.0), (range.1, range.1)], Some("predicted = true"));
    chart.layers.push(Layer::Points { points, color: class(0), mark: Mark::Dot, name: None });
    chart
}

/// What a network of one input says, over it, with the data.
pub fn fit(names: [String; 2], curve: Vec<Point>, rows: &Rows) -> Chart {
    let all = || curve.iter().chain(&rows.points);
    let [x, y] = names;
    let x = Axis::around(x, all().map(|point| point.0));
    let y = Axis::around(y, all().map(|point| point.1));
    let mut chart = Chart::new("", x, y, (420.0, 260.0));
    chart.layers.extend(rows.layers());
    chart.layers.push(line(curve, class(1), false, Some("network")));
    chart
}

/// A share as it stands in a note.
pub fn percent(share: f64) -> String {
    format!("{} %", short((1000.0 * share).round() / 10.0))
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

    #[test]
    fn points_of_one_place_share_a_label() {
        let rows = Rows {
            points: vec![(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)],
            classes: vec![0, 1, 0],
            names: vec!["0".to_owned(), "1".to_owned()],
            unseen: vec![false, false, true],
            labels: ["0 1", "1 1", "1 0"].map(str::to_owned).to_vec(),
        };
        let axis = Axis::linear("", (0.0, 1.0));
        let chart = Chart::new("", axis.clone(), axis, (9.0, 9.0));
        let Some(Layer::Labels { texts }) = rows.labels(&chart) else { panic!() };
        assert_eq!(texts, [((0.0, 0.0), "0 1, 1 0".to_owned()), ((1.0, 0.0), "1 1".to_owned())]);
        let marks: Vec<_> = rows
            .layers()
            .iter()
            .map(|layer| match layer {
                Layer::Points { mark, points, name, .. } => {
                    (*mark, points.len(), name.as_deref().unwrap_or("-").to_owned())
                }
                _ => panic!(),
            })
            .collect();
        let marks: Vec<_> =
            marks.iter().map(|(mark, len, name)| (*mark, *len, name.as_str())).collect();
        let (dot, ring) = (Mark::Dot, Mark::Ring);
        let expected = [(dot, 1, "0"), (dot, 1, "1"), (ring, 1, "-"), (ring, 0, "not trained on")];
        assert_eq!(marks, expected);
    }

    #[test]
    fn the_parting_line_ends_at_the_axes() {
        let rows = Rows { points: vec![(0.0, 0.0), (2.0, 2.0)], ..Rows::default() };
        let names = ["unit 1", "unit 2"].map(str::to_owned);
        let axes = axes_around(&names, &rows.points);
        let chart = hidden(axes, &rows, Some([1.0, 1.0, -2.0]));
        let Layer::Line { points, .. } = &chart.layers[1] else { panic!() };
        assert_eq!(points.len(), 2);
        assert!(points.iter().all(|(x, y)| (x + y - 2.0).abs() < 1e-12), "{points:?}");
    }
}
