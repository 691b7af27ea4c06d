//! How much room the axes, the title and the names of a chart take.

use super::axis::Axis;
use super::chart::{Chart, Layer, Mark};
use super::color::Color;
use super::font;

/// Sizes of texts, in points.
pub const TITLE: f64 = 14.0;
pub const HEADING: f64 = 11.0;
pub const BODY: f64 = 10.0;
/// The height of a line of text.
pub const LINE: f64 = 14.0;
/// From an axis to the numbers beside it.
pub const TICK: f64 = 5.0;
/// The width of the ramp of a map, and its distance from the chart.
pub const RAMP: f64 = 9.0;
pub const TO_RAMP: f64 = 10.0;
/// Points of an axis for each of its ticks at least.
const PER_TICK_ACROSS: f64 = 52.0;
const PER_TICK_UP: f64 = 28.0;
const PER_TICK_OF_RAMP: f64 = 22.0;

/// The room a chart takes around what is between its axes.
pub struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub below: f64,
}

pub fn most_up(chart: &Chart) -> usize {
    (chart.size.1 / PER_TICK_UP).max(2.0) as usize
}

pub fn most_of_ramp(chart: &Chart) -> usize {
    (chart.size.1 / PER_TICK_OF_RAMP).clamp(4.0, 6.0) as usize
}

pub fn most_across(chart: &Chart) -> usize {
    (chart.size.0 / PER_TICK_ACROSS).max(2.0) as usize
}

pub fn widest<'a>(texts: impl Iterator<Item = &'a (f64, String)>) -> f64 {
    texts.map(|(_, text)| font::width(text, BODY)).fold(0.0, f64::max)
}

/// Whether the names along an axis are so long that they have to run upwards.
pub fn are_upwards(axis: &Axis, length: f64) -> bool {
    let Some(ticks) = &axis.ticks else { return false };
    let places: Vec<f64> = ticks.iter().map(|(value, _)| length * axis.share(*value)).collect();
    let room = places.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    widest(ticks.iter()) + 4.0 > room
}

impl Frame {
    pub fn of(chart: &Chart) -> Frame {
        let (wide, _) = chart.size;
        let of_y = widest(chart.y.ticks(most_up(chart)).iter());
        let named = |axis: &Axis| if axis.name.is_empty() { 0.0 } else { LINE };
        let y_name = if chart.y.name.is_empty() { 0.0 } else { LINE + 3.0 };
        let ticks = chart.x.ticks(most_across(chart));
        let of_x = match (ticks.is_empty(), are_upwards(&chart.x, wide)) {
            (true, _) => 0.0,
            (false, true) => TICK + widest(ticks.iter()),
            (false, false) => TICK + BODY,
        };
        let keys = key_lines(chart).len() as f64 * LINE;
        let title = if chart.title.is_empty() { 0.0 } else { LINE + 3.0 };
        let ramp = chart.ramp.as_ref().map_or(0.0, |ramp| {
            let ticks = ramp.axis.ticks(most_of_ramp(chart));
            TO_RAMP + RAMP + TICK + widest(ticks.iter()) + named(&ramp.axis)
        });
        Frame {
            left: y_name + if of_y > 0.0 { of_y + TICK } else { 0.0 },
            top: title + keys + if keys > 0.0 { 3.0 } else { 0.0 },
            right: ramp.max(half_of_last(&ticks)),
            below: of_x + named(&chart.x),
        }
    }
}

/// How far the last number of an axis may reach beyond its end.
fn half_of_last(ticks: &[(f64, String)]) -> f64 {
    ticks.last().map_or(0.0, |(_, text)| font::width(text, BODY) / 2.0)
}

/// What is named in a chart: its colour, and how it is drawn.
pub enum Key {
    Line(bool),
    Point(Mark),
}

fn keys(chart: &Chart) -> Vec<(&str, Color, Key)> {
    let of = |layer: &'_ Layer| match layer {
        Layer::Line { name: Some(_), color, dashed, .. } => Some((*color, Key::Line(*dashed))),
        Layer::Points { name: Some(_), color, mark, .. } => Some((*color, Key::Point(*mark))),
        _ => None,
    };
    let name = |layer: &'_ Layer| match layer {
        Layer::Line { name, .. } | Layer::Points { name, .. } => name.is_some(),
        _ => false,
    };
    let named = chart.layers.iter().filter(|layer| name(layer));
    named
        .filter_map(|layer| match layer {
            Layer::Line { name: Some(name), .. } | Layer::Points { name: Some(name), .. } => {
                of(layer).map(|(color, key)| (name.as_str(), color, key))
            }
            _ => None,
        })
        .collect()
}

/// From one name of a key to the next, and the sign before it.
const KEY_GAP: f64 = 14.0;
pub const KEY_SIGN: f64 = 18.0;

/// The names of a chart in lines that are no wider than it: each with its place.
pub fn key_lines(chart: &Chart) -> Vec<Vec<(&str, Color, Key, f64)>> {
    let mut lines: Vec<Vec<_>> = Vec::new();
    let mut at = f64::INFINITY;
    for (name, color, key) in keys(chart) {
        let wide = KEY_SIGN + font::width(name, BODY);
        if at + wide > chart.size.0 {
            lines.push(Vec::new());
            at = 0.0;
        }
        if let Some(line) = lines.last_mut() {
            line.push((name, color, key, at));
        }
        at += wide + KEY_GAP;
    }
    lines
}
