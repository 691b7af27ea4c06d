//! Charts of a network: the space of its hidden units, its weights, and where it is wrong.

use super::axis::{Axis, ends, short};
use super::chart::{Chart, Layer, Mark, Ramp};
use super::color::{INK, Map, class};
use super::contour::{Grid, contour};
use super::rows::Rows;
use super::scene::Point;

/// How wide and how high a chart of points is.
const PLANE: f64 = 300.0;

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
        chart.layers.push(Layer::line(Vec::new(), INK, Some("probability 0.5")));
        chart.layers.extend(lines.into_iter().map(|points| Layer::line(points, INK, None)));
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
    chart.layers.push(Layer::line(curve, class(1), Some("network")));
    chart
}

/// A share as it stands in a note.
pub fn percent(share: f64) -> String {
    format!("{} %", short((1000.0 * share).round() / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

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
