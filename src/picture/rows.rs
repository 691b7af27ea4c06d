//! Rows of data as points, with their classes.

use super::axis::Axis;
use super::chart::{Chart, Layer, Mark};
use super::color::{GREY, INK, class};
use super::scene::Point;

/// The most classes whose names stand above a chart.
const MOST_NAMED: usize = 20;
/// How near points are to each other that share a label, as a share of the axes.
const ONE_PLACE: f64 = 0.03;

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
    pub(super) fn layers(&self) -> Vec<Layer> {
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
            let name = (is_new && self.names.len() <= MOST_NAMED).then(|| own.clone());
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
    pub(super) fn labels(&self, chart: &Chart) -> Option<Layer> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
