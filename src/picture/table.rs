//! Charts of tables: sweeps, benches, and trainings that were compared step by step.

use super::axis::{Axis, Scale, ends, short};
use super::chart::{Chart, Layer, Mark, Ramp};
use super::color::{Map, class};
use super::scene::Point;

/// One cell of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its place on each axis, as it is written; nothing where the axis has no meaning for it.
    pub at: Vec<String>,
    /// What came of it: a share, a mean.
    pub value: Option<f64>,
    /// The interval that it lies in.
    pub interval: Option<(f64, f64)>,
}

/// The most small multiples of a picture.
pub const MOST_MAPS: usize = 24;

/// The different values of an axis: numbers by size, names as they come.
fn values(cells: &[Cell], axis: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for cell in cells {
        if !all.contains(&cell.at[axis]) {
            all.push(cell.at[axis].clone());
        }
    }
    let number = |text: &String| text.parse::<f64>().ok();
    if all.iter().all(|text| number(text).is_some()) {
        let number = |text: &String| number(text).unwrap_or(0.0);
        all.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    all
}

/// What a sweep found: over two axes as a map for each combination of the others, over one as a curve with its
/// interval. `axes` are the names of those on which cells differ, `what` that of the value.
pub fn sweep(axes: &[String], what: &str, cells: &[Cell]) -> Vec<Chart> {
    let all: Vec<Vec<String>> = (0..axes.len()).map(|axis| values(cells, axis)).collect();
    let is_number = |axis: usize| all[axis].iter().all(|text| text.parse::<f64>().is_ok());
    // The two with the most values are shown, those of numbers first; the others are taken apart.
    let mut order: Vec<usize> = (0..axes.len()).collect();
    order.sort_by_key(|&axis| (!is_number(axis), std::cmp::Reverse(all[axis].len())));
    match order[..] {
        [] => Vec::new(),
        [only] => vec![curve(&axes[only], what, cells, only, is_number(only))],
        [first, second, ref rest @ ..] => {
            let mut groups: Vec<(Vec<String>, Vec<&Cell>)> = Vec::new();
            for cell in cells {
                let key: Vec<String> = rest.iter().map(|&axis| cell.at[axis].clone()).collect();
                match groups.iter_mut().find(|(own, _)| *own == key) {
                    Some((_, own)) => own.push(cell),
                    None => groups.push((key, vec![cell])),
                }
            }
            let range = ends(cells.iter().filter_map(|cell| cell.value));
            let count = groups.len().min(MOST_MAPS);
            let maps = groups.into_iter().take(MOST_MAPS).enumerate();
            maps.map(|(at, (key, own))| {
                let title: Vec<String> = rest
                    .iter()
                    .zip(&key)
                    .map(|(&axis, value)| format!("{} {value}", axes[axis]))
                    .collect();
                let sides = [(first, &all[first]), (second, &all[second])];
                let mut chart = map(axes, sides, what, &own, range);
                chart.title = title.join(", ");
                if at + 1 != count.min(columns(count)) {
                    chart.ramp = None;
                }
                chart
            })
            .collect()
        }
    }
}

/// Where a cell is on one axis, what came of it, and the interval that lies in.
type Found = (f64, f64, Option<(f64, f64)>);

/// How many small multiples stand side by side.
pub fn columns(count: usize) -> usize {
    match count {
        0..=3 => count.max(1),
        4 => 2,
        _ => 3,
    }
}

fn map(
    axes: &[String],
    [(first, down), (second, across)]: [(usize, &Vec<String>); 2],
    what: &str,
    cells: &[&Cell],
    range: Option<(f64, f64)>,
) -> Chart {
    let side = |count: usize| (300.0 / count as f64).clamp(16.0, 40.0);
    let size =
        (side(across.len()) * across.len() as f64, side(down.len()).min(26.0) * down.len() as f64);
    let x = Axis::names(&axes[second], across.iter().cloned());
    let y = Axis::names(&axes[first], down.iter().cloned());
    let mut chart = Chart::new("", x, y, size);
    let is_share = range.is_none_or(|(low, high)| low >= 0.0 && high <= 1.0);
    let axis = match is_share {
        true => Axis::linear(what, (0.0, 1.0)),
        false => Axis::linear(what, range.unwrap_or((0.0, 1.0))),
    };
    let mut colors = vec![Map::Sequential.color(f64::NAN); across.len() * down.len()];
    let mut texts = vec![String::new(); colors.len()];
    for cell in cells {
        let place = |all: &[String], axis: usize| all.iter().position(|one| *one == cell.at[axis]);
        let (Some(row), Some(col)) = (place(down, first), place(across, second)) else { continue };
        let at = row * across.len() + col;
        if let Some(value) = cell.value {
            colors[at] = Map::Sequential.color(axis.share(value));
            texts[at] = match is_share {
                true => format!("{:.0}", 100.0 * value),
                false => short(value),
            };
        }
    }
    chart.layers.push(Layer::Cells { cols: across.len(), colors, texts });
    chart.ramp = Some(Ramp { map: Map::Sequential, axis });
    chart
}

fn curve(name: &str, what: &str, cells: &[Cell], axis: usize, is_number: bool) -> Chart {
    let all = values(cells, axis);
    let place = |cell: &Cell| match is_number {
        true => cell.at[axis].parse().unwrap_or(0.0),
        false => all.iter().position(|value| *value == cell.at[axis]).unwrap_or(0) as f64,
    };
    let mut points: Vec<Found> =
        cells.iter().filter_map(|cell| Some((place(cell), cell.value?, cell.interval))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let x = match is_number {
        true => {
            let values: Vec<f64> = points.iter().map(|point| point.0).collect();
            let x = Axis::around_log(name, &values, 20.0);
            let is_log = x.scale == Scale::Log;
            Axis { name: format!("{name}{}", if is_log { ", log" } else { "" }), ..x }
        }
        false => Axis::names(name, all.iter().cloned()),
    };
    let seen = points.iter().flat_map(|&(_, value, interval)| {
        let (low, high) = interval.unwrap_or((value, value));
        [value, low, high]
    });
    let y = match ends(seen.clone()) {
        Some((low, high)) if low < 0.0 || high > 1.0 => Axis::around(what, seen),
        _ => Axis::linear(what, (0.0, 1.0)),
    };
    let mut chart = Chart::new("", x, y, (420.0, 220.0));
    let bars: Vec<(f64, (f64, f64))> =
        points.iter().filter_map(|&(at, _, interval)| Some((at, interval?))).collect();
    let line: Vec<Point> = points.iter().map(|&(at, value, _)| (at, value)).collect();
    if is_number {
        let points = bars.into_iter().map(|(at, (low, high))| (at, low, high)).collect();
        chart.layers.push(Layer::Band { points, color: class(0) });
        let points = line.clone();
        chart.layers.push(Layer::Line { points, color: class(0), dashed: false, name: None });
    } else {
        chart.layers.extend(bars.into_iter().map(|(at, (low, high))| Layer::Line {
            points: vec![(at, low), (at, high)],
            color: class(0),
            dashed: false,
            name: None,
        }));
    }
    chart.layers.push(Layer::Points { points: line, color: class(0), mark: Mark::Dot, name: None });
    chart
}

/// How fast an adapter is beside the CPU, over sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// What is computed.
    pub name: String,
    /// How large it is, and how many times as fast the adapter is.
    pub points: Vec<Point>,
}

/// The most sizes that are written beside their axis.
const MOST_SIZES: usize = 9;

/// From which size on an adapter is faster than the CPU: where a curve is above 1.
pub fn crossover(size: &str, all: &[Crossing]) -> Chart {
    let of = |side: fn(&Point) -> f64| -> Vec<f64> {
        all.iter().flat_map(|one| &one.points).map(side).collect()
    };
    let mut x = Axis::around_log(format!("{size}, log"), &of(|point| point.0), 1.0);
    let mut sizes = of(|point| point.0);
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    if sizes.len() <= MOST_SIZES {
        x.ticks = Some(sizes.into_iter().map(|size| (size, short(size.round()))).collect());
    }
    let ratios = [of(|point| point.1), vec![0.5, 2.0]].concat();
    let y = Axis::around_log("times as fast as the CPU, log", &ratios, 1.0);
    let ends = x.range;
    let mut chart = Chart::new("", x, y, (420.0, 260.0));
    chart.rule([(ends.0, 1.0), (ends.1, 1.0)], Some("as fast as the CPU"));
    for (at, one) in all.iter().enumerate() {
        let (color, points) = (class(at), one.points.clone());
        let name = Some(one.name.clone());
        chart.layers.push(Layer::Line { points: points.clone(), color, dashed: false, name });
        chart.layers.push(Layer::Points { points, color, mark: Mark::Dot, name: None });
    }
    chart
}

/// How far a training is from its reference after each step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drift {
    /// The largest difference of a parameter.
    pub drift: Vec<Point>,
    /// What the bound allows.
    pub bound: Vec<Point>,
    /// The largest error of one step, as a share of its bound.
    pub share: Vec<Point>,
}

/// The largest bound of a drift that is drawn.
const LARGEST_BOUND: f64 = 10.0;

/// How far a training drifts from its reference, beside its bound; and below, what each step took of its own.
pub fn drift(seen: &Drift) -> Vec<Chart> {
    let last = seen.drift.iter().map(|point| point.0).fold(1.0, f64::max);
    let first = seen.drift.iter().map(|point| point.0).fold(last, f64::min);
    let steps = |name: &str| Axis::linear(name, (first.min(last - 1.0), last));
    let positive = |points: &[Point]| -> Vec<Point> {
        points.iter().copied().filter(|point| point.1 > 0.0 && point.1.is_finite()).collect()
    };
    let (drift, mut bound) = (positive(&seen.drift), positive(&seen.bound));
    // Where it is larger than parameters are it says nothing any more.
    bound.retain(|point| point.1 <= LARGEST_BOUND);
    let all: Vec<f64> = drift.iter().chain(&bound).map(|point| point.1).collect();
    let y = Axis::around_log("difference of a parameter, log", &all, 1.0);
    let mut above = Chart::new("", steps(""), y, (440.0, 200.0));
    for (at, points, name) in [(0, drift, "largest difference"), (1, bound, "bound")] {
        let name = Some(name.to_owned());
        above.layers.push(Layer::Line { points, color: class(at), dashed: at == 1, name });
    }
    let mut below =
        Chart::new("", steps("step"), Axis::linear("share of bound", (0.0, 1.0)), (440.0, 90.0));
    let most = seen.share.iter().map(|point| point.1).filter(|share| share.is_finite());
    below.y.range.1 = most.fold(1.0, f64::max);
    let points = seen.share.iter().copied().filter(|point| point.1.is_finite()).collect();
    below.layers.push(Layer::Line { points, color: class(0), dashed: false, name: None });
    vec![above, below]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(at: &[&str], value: f64) -> Cell {
        let at = at.iter().map(|&text| text.to_owned()).collect();
        Cell { at, value: Some(value), interval: Some((value - 0.1, value + 0.1)) }
    }

    #[test]
    fn one_axis_is_a_curve_with_its_interval() {
        let cells = [cell(&["1"], 0.5), cell(&["0.01"], 0.25), cell(&["0.1"], 0.75)];
        let charts = sweep(&["lr".to_owned()], "solved", &cells);
        assert_eq!(charts.len(), 1);
        let Layer::Band { points, .. } = &charts[0].layers[0] else { panic!() };
        assert_eq!(points[0], (0.01, 0.15, 0.35));
        let Layer::Line { points, .. } = &charts[0].layers[1] else { panic!() };
        assert_eq!(points[..], [(0.01, 0.25), (0.1, 0.75), (1.0, 0.5)]);
        assert_eq!((charts[0].x.name.as_str(), charts[0].x.scale), ("lr, log", Scale::Log));
    }

    #[test]
    fn three_axes_are_maps_and_every_cell_has_its_place() {
        let axes = ["activation", "lr", "width"].map(str::to_owned);
        let mut cells = Vec::new();
        for (at, activation) in ["relu", "tanh"].into_iter().enumerate() {
            for lr in ["1", "0.1", "0.5"] {
                for width in ["2", "16"] {
                    let value = at as f64 / 10.0 + lr.parse::<f64>().unwrap() / 2.0;
                    cells.push(cell(&[activation, lr, width], value));
                }
            }
        }
        let charts = sweep(&axes, "solved", &cells);
        let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
        assert_eq!(titles, ["activation relu", "activation tanh"]);
        assert_eq!((charts[0].ramp.is_some(), charts[1].ramp.is_some()), (false, true));
        let Layer::Cells { cols, texts, .. } = &charts[1].layers[0] else { panic!() };
        assert_eq!((*cols, texts.join(" ")), (2, "15 15 35 35 60 60".to_owned()));
        let ticks = charts[0].y.ticks(9);
        assert_eq!(
            ticks.iter().map(|tick| tick.1.as_str()).collect::<Vec<_>>(),
            ["0.1", "0.5", "1"]
        );
    }

    #[test]
    fn a_crossover_has_a_line_at_one() {
        let own =
            Crossing { name: "batch 32".to_owned(), points: vec![(16.0, 0.1), (1024.0, 8.0)] };
        let chart = crossover("hidden units", &[own]);
        let Layer::Line { points, dashed: true, .. } = &chart.layers[0] else { panic!() };
        assert!(points.iter().all(|point| point.1 == 1.0));
        assert!(chart.y.range.0 < 0.1 && chart.y.range.1 > 8.0);
    }
}
