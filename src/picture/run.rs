//! Charts of a run over its epochs: losses, accuracies, the rate, and what the doctor saw.

use super::axis::{Axis, Scale};
use super::chart::{Chart, Layer};
use super::color::{PAPER, class};
use super::scene::Point;

/// How wide and how high charts over epochs are.
const WIDE: f64 = 460.0;
const HIGH: f64 = 200.0;
const LOW: f64 = 90.0;
/// From how far apart the least and the largest value are on an axis is even in the logarithm.
const LOG_FROM: f64 = 30.0;

/// What is known of one run, over its epochs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunCurve {
    /// What it is called.
    pub name: String,
    /// Its loss on the rows of the training.
    pub loss: Vec<Point>,
    /// That on the rows kept for validation.
    pub validation_loss: Vec<Point>,
    /// The share of those that is right.
    pub validation_accuracy: Vec<Point>,
    /// At its end: the share of the rows of the training that is right.
    pub accuracy: Option<Point>,
    /// The learning rate.
    pub rate: Vec<Point>,
    /// Epochs before which it diverged, and went on at half the rate.
    pub halved: Vec<f64>,
}

fn line(points: &[Point], at: usize, dashed: bool, name: Option<String>) -> Layer {
    Layer::Line { points: points.to_vec(), color: class(at), dashed, name }
}

/// Loss, accuracy where there is one, and the rate, one below the other over the same epochs.
pub fn curves(runs: &[RunCurve]) -> Vec<Chart> {
    let of = |points: fn(&RunCurve) -> &Vec<Point>| -> Vec<f64> {
        runs.iter().flat_map(points).map(|point| point.1).collect()
    };
    let last = runs.iter().flat_map(|run| run.loss.iter().chain(&run.rate));
    let last = last.map(|point| point.0).fold(1.0, f64::max);
    let epochs = |name: &str| Axis::linear(name, (0.0, last));
    let is_one = runs.len() == 1;
    let name = |run: &RunCurve, what: &str| match is_one {
        true => what.to_owned(),
        false => format!("{}, {what}", run.name),
    };
    let losses = [of(|run| &run.loss), of(|run| &run.validation_loss)].concat();
    let y = Axis::around_log("loss", &losses, LOG_FROM);
    let y = if y.scale == Scale::Log { Axis { name: "loss, log".to_owned(), ..y } } else { y };
    let mut charts = vec![Chart::new("", epochs(""), y, (WIDE, HIGH))];
    let has_validation = runs.iter().any(|run| !run.validation_loss.is_empty());
    for (at, run) in runs.iter().enumerate() {
        let names = match (is_one, has_validation) {
            (true, false) => [None, None],
            (false, false) => [Some(run.name.clone()), None],
            _ => [Some(name(run, "training")), Some(name(run, "validation"))],
        };
        let [own, other] = names;
        let second = if is_one { 1 } else { at };
        charts[0].layers.push(line(&run.loss, at, false, own));
        if !run.validation_loss.is_empty() {
            charts[0].layers.push(line(&run.validation_loss, second, !is_one, other));
        }
        for &epoch in &run.halved {
            let range = charts[0].y.range;
            charts[0].rule([(epoch, range.0), (epoch, range.1)], Some("diverged: rate halved"));
        }
    }
    if !of(|run| &run.validation_accuracy).is_empty() {
        let y = Axis::linear("accuracy", (0.0, 1.0));
        let mut chart = Chart::new("", epochs(""), y, (WIDE, LOW + 30.0));
        for (at, run) in runs.iter().enumerate() {
            let second = if is_one { 1 } else { at };
            let named = Some(name(run, "validation"));
            chart.layers.push(line(&run.validation_accuracy, second, !is_one, named));
            if let Some(end) = run.accuracy {
                let (mark, color) = (super::chart::Mark::Dot, class(at));
                let named = Some(name(run, "training, at the end"));
                chart.layers.push(Layer::Points { points: vec![end], color, mark, name: named });
            }
        }
        charts.push(chart);
    }
    let rates = of(|run| &run.rate);
    if !rates.is_empty() {
        let mut y = Axis::around("learning rate", rates.into_iter());
        y.range.0 = 0.0;
        let mut chart = Chart::new("", epochs(""), y, (WIDE, LOW));
        for (at, run) in runs.iter().enumerate() {
            chart.layers.push(line(&run.rate, at, false, None));
        }
        charts.push(chart);
    }
    if let Some(last) = charts.last_mut() {
        last.x.name = "epoch".to_owned();
    }
    charts
}

/// What the doctor saw of one layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerPoint {
    /// The root mean square of its gradients.
    pub gradient: f64,
    /// The norm of the update relative to that of the parameters, where there is one.
    pub update: Option<f64>,
    /// The share of its units that were dead or saturated.
    pub idle: f64,
}

/// What it saw at one report boundary.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckupPoint {
    /// Epochs done.
    pub epoch: f64,
    /// One for each layer.
    pub layers: Vec<LayerPoint>,
}

/// Gradients, updates and idle units of each layer, one below the other.
pub fn doctor(checkups: &[CheckupPoint]) -> Vec<Chart> {
    type Of = fn(&LayerPoint) -> Option<f64>;
    let rows: [(&str, Of); 3] = [
        ("gradient, rms", |layer| Some(layer.gradient)),
        ("update / weights", |layer| layer.update),
        ("idle units", |layer| Some(layer.idle)),
    ];
    let last = checkups.iter().map(|seen| seen.epoch).fold(1.0, f64::max);
    let layers = checkups.iter().map(|seen| seen.layers.len()).max().unwrap_or(0);
    let mut charts = Vec::new();
    for (at, (name, of)) in rows.into_iter().enumerate() {
        let of_layer = |layer: usize| -> Vec<Point> {
            let value = |seen: &CheckupPoint| Some((seen.epoch, of(seen.layers.get(layer)?)?));
            checkups.iter().filter_map(value).collect()
        };
        let all: Vec<f64> = (0..layers).flat_map(of_layer).map(|point| point.1).collect();
        let y = match at {
            2 => Axis::linear(name, (0.0, 1.0)),
            _ => {
                let y = Axis::around_log(name, &all, LOG_FROM);
                let is_log = y.scale == Scale::Log;
                Axis { name: format!("{name}{}", if is_log { ", log" } else { "" }), ..y }
            }
        };
        let x = Axis::linear(if at == 2 { "epoch" } else { "" }, (0.0, last));
        let mut chart = Chart::new("", x, y, (WIDE, LOW + 30.0));
        for layer in 0..layers {
            let named = (at == 0).then(|| format!("layer {}", layer + 1));
            let color = layer_color(layer, layers);
            let points = of_layer(layer).into_iter();
            // On an axis without 0 there is none.
            let points = points.filter(|point| chart.y.scale == Scale::Linear || point.1 > 0.0);
            let points = points.collect();
            chart.layers.push(Layer::Line { points, color, dashed: false, name: named });
        }
        charts.push(chart);
    }
    charts
}

/// Layers of deep networks pass from one colour into the next.
fn layer_color(layer: usize, layers: usize) -> super::color::Color {
    match layers {
        0..=8 => class(layer),
        _ => class(0).mixed(PAPER, 0.75 * layer as f64 / layers as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> RunCurve {
        let fall =
            |from: f64| (1..=20).map(|at| (f64::from(at), from / f64::from(at * at))).collect();
        RunCurve {
            name: name.to_owned(),
            loss: fall(1.0),
            validation_loss: fall(1.5),
            rate: vec![(0.0, 0.5), (20.0, 0.5)],
            ..RunCurve::default()
        }
    }

    fn names(chart: &Chart) -> Vec<&str> {
        let name = |layer: &'_ Layer| matches!(layer, Layer::Line { name: Some(_), .. });
        let lines = chart.layers.iter().filter(|layer| name(layer));
        lines
            .filter_map(|layer| match layer {
                Layer::Line { name, .. } => name.as_deref(),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_run_has_loss_and_rate_and_several_have_names() {
        let one = curves(&[run("a")]);
        assert_eq!(one.len(), 2);
        assert_eq!(
            (one[0].y.name.as_str(), one[1].y.name.as_str()),
            ("loss, log", "learning rate")
        );
        assert_eq!((one[0].x.name.as_str(), one[1].x.name.as_str()), ("", "epoch"));
        assert_eq!(names(&one[0]), ["training", "validation"]);
        let two = curves(&[run("a"), run("b")]);
        assert_eq!(
            names(&two[0]),
            ["a, training", "a, validation", "b, training", "b, validation"]
        );
    }

    #[test]
    fn the_doctor_has_three_charts_with_a_line_for_each_layer() {
        let layer = |gradient| LayerPoint { gradient, update: None, idle: 0.5 };
        let seen = |epoch| CheckupPoint { epoch, layers: vec![layer(1.0), layer(0.0)] };
        let charts = doctor(&[seen(1.0), seen(9.0)]);
        assert_eq!(charts.len(), 3);
        assert!(charts.iter().all(|chart| chart.layers.len() == 2));
        assert_eq!(names(&charts[0]), ["layer 1", "layer 2"]);
    }
}
