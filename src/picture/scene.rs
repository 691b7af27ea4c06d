//! A drawing: shapes in the order in which they are drawn, in points from the upper left corner.

use super::color::Color;

/// A place in a drawing.
pub type Point = (f64, f64);

/// Where a text stands to the point that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A text on one line, its baseline through a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// What it says.
    pub text: String,
    /// Where.
    pub at: Point,
    /// Where it stands to that.
    pub anchor: Anchor,
    /// Its size in points.
    pub size: f64,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether what is below it is kept away from it.
    pub halo: bool,
    /// Whether it runs upwards.
    pub upwards: bool,
    /// Its colour.
    pub color: Color,
}

/// A rectangle: left, top, width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// How wide it is.
    pub w: f64,
    /// How high it is.
    pub h: f64,
}

/// One shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A line through points, so many points wide; dashed or not.
    Line {
        /// Where it goes.
        points: Vec<Point>,
        /// Its colour.
        color: Color,
        /// How wide it is.
        width: f64,
        /// Whether it is dashed.
        dashed: bool,
    },
    /// An area within points, filled; this much of what lies below shows through.
    Area {
        /// Its corners.
        points: Vec<Point>,
        /// Its colour.
        color: Color,
        /// How much of it covers what is below, from 0 to 1.
        opacity: f64,
    },
    /// A circle around a point, with what it is filled with and the colour of its rim.
    Circle {
        /// Its middle.
        at: Point,
        /// Its radius.
        radius: f64,
        /// What it is filled with.
        fill: Color,
        /// The colour of its rim.
        rim: Color,
    },
    /// Text.
    Text(Text),
    /// Colours in rows from the top, stretched over a rectangle, smooth from one to the next or in squares.
    Image {
        /// Where.
        rect: Rect,
        /// How many in a row.
        cols: usize,
        /// The colours.
        pixels: Vec<Color>,
        /// Whether they pass into each other.
        smooth: bool,
    },
}

/// A whole drawing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scene {
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// What it says to those who cannot see it.
    pub title: String,
    /// What is drawn, first to last.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// A line.
    pub fn line(&mut self, points: Vec<Point>, color: Color, width: f64) {
        self.shapes.push(Shape::Line { points, color, width, dashed: false });
    }

    /// A text that begins, ends or has its middle at a point.
    pub fn text(&mut self, text: &str, at: Point, anchor: Anchor, size: f64, color: Color) {
        let text = Text {
            text: text.to_owned(),
            at,
            anchor,
            size,
            bold: false,
            halo: false,
            upwards: false,
            color,
        };
        self.shapes.push(Shape::Text(text));
    }
}
