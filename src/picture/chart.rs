//! Charts as plain data: axes, and layers of data between them.

use super::axis::Axis;
use super::color::{Color, Map};
use super::contour::Grid;
use super::scene::Point;

/// How a point is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A disc.
    Dot,
    /// A circle that is empty.
    Ring,
}

/// Data between the axes of a chart, in their units.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A line.
    Line {
        /// Where it goes.
        points: Vec<Point>,
        /// Its colour.
        color: Color,
        /// Whether it is dashed.
        dashed: bool,
        /// What it is called, if it is.
        name: Option<String>,
    },
    /// An area between a lower and an upper line: at each place along the first axis both.
    Band {
        /// Place, lower and upper end.
        points: Vec<(f64, f64, f64)>,
        /// Its colour.
        color: Color,
    },
    /// Points.
    Points {
        /// Where they are.
        points: Vec<Point>,
        /// Their colour.
        color: Color,
        /// How they are marked.
        mark: Mark,
        /// What they are called, if they are.
        name: Option<String>,
    },
    /// Texts beside points.
    Labels {
        /// Where, and what.
        texts: Vec<(Point, String)>,
    },
    /// A grid of values as colours.
    Field {
        /// The values.
        grid: Grid,
        /// The colour of each.
        colors: Vec<Color>,
        /// Whether they pass into each other.
        smooth: bool,
    },
    /// Squares around the whole numbers from 0, rows from the top, each with a colour and a text.
    Cells {
        /// Squares of a row.
        cols: usize,
        /// The colours.
        colors: Vec<Color>,
        /// What stands in them; nothing where it is empty.
        texts: Vec<String>,
    },
}

impl Layer {
    /// A line that is not dashed.
    pub fn line(points: Vec<Point>, color: Color, name: Option<&str>) -> Layer {
        Layer::Line { points, color, dashed: false, name: name.map(str::to_owned) }
    }
}

/// What the colours of a map mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Ramp {
    /// The map.
    pub map: Map,
    /// What is mapped, from where to where.
    pub axis: Axis,
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// The axis across.
    pub x: Axis,
    /// The axis upwards; downwards, where there are cells.
    pub y: Axis,
    /// How wide and how high it is between its axes, in points.
    pub size: (f64, f64),
    /// What is drawn, first to last.
    pub layers: Vec<Layer>,
    /// What its colours mean, where they are of a map.
    pub ramp: Option<Ramp>,
}

impl Chart {
    /// A chart with nothing in it.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis, size: (f64, f64)) -> Chart {
        Chart { title: title.into(), x, y, size, layers: Vec::new(), ramp: None }
    }

    /// Whether its rows go downwards.
    pub fn goes_down(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer, Layer::Cells { .. }))
    }

    /// Its fields in so many shades without passages between them: what a film packs well.
    pub fn in_shades(&mut self, shades: usize) {
        for layer in &mut self.layers {
            let Layer::Field { grid, colors, smooth } = layer else { continue };
            *smooth = false;
            if let Some(Ramp { map, axis }) = &self.ramp {
                let shade =
                    |value: &f64| (axis.share(*value) * shades as f64).round() / shades as f64;
                *colors = grid.values.iter().map(|value| map.color(shade(value))).collect();
            }
        }
    }

    /// A grey line across.
    pub fn rule(&mut self, points: [Point; 2], name: Option<&str>) {
        self.layers.push(Layer::Line {
            points: points.to_vec(),
            color: super::color::GREY,
            dashed: true,
            name: name.map(str::to_owned),
        });
    }
}

/// A title over charts in columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// What it shows.
    pub title: String,
    /// Of what, and what there is to know about it; lines.
    pub notes: Vec<String>,
    /// How many charts stand side by side.
    pub columns: usize,
    /// The charts, row by row.
    pub charts: Vec<Chart>,
}
