//! A chart as shapes: its layers, its axes, what stands above it and beside it.

use super::axis::Axis;
use super::chart::{Chart, Layer, Mark, Ramp};
use super::color::{Color, FAINT, GREY, INK, PAPER};
use super::font;
use super::frame::{
    BODY, Frame, HEADING, KEY_SIGN, Key, LINE, RAMP, TICK, TO_RAMP, are_upwards, key_lines,
    most_across, most_of_ramp, most_up, widest,
};
use super::scene::{Anchor, Point, Rect, Scene, Shape, Text};

/// The widths of lines of data and of axes.
const DATA: f64 = 1.6;
const THIN: f64 = 0.8;
/// The radius of a point, where there are few and where there are many.
const RADIUS: [f64; 3] = [4.0, 2.6, 1.7];

/// Draws a chart whose space between the axes begins at a point.
pub struct Drawn<'a> {
    pub scene: &'a mut Scene,
    pub chart: &'a Chart,
    pub area: Rect,
    /// Where points are, where they are few.
    pub marked: Vec<Point>,
}

impl Drawn<'_> {
    fn place(&self, (x, y): Point) -> Point {
        let Rect { x: left, y: top, w, h } = self.area;
        let up = self.chart.y.share(y);
        let down = if self.chart.goes_down() { up } else { 1.0 - up };
        (left + w * self.chart.x.share(x), top + h * down)
    }

    pub fn draw(&mut self) {
        let is_field = |layer: &Layer| matches!(layer, Layer::Field { .. } | Layer::Cells { .. });
        let (under, over): (Vec<_>, Vec<_>) = self.chart.layers.iter().partition(|it| is_field(it));
        under.iter().for_each(|layer| self.layer(layer));
        self.axes(under.is_empty());
        over.iter().for_each(|layer| self.layer(layer));
        self.heading();
        if let Some(ramp) = &self.chart.ramp {
            self.ramp(ramp);
        }
    }

    fn layer(&mut self, layer: &Layer) {
        match layer {
            Layer::Line { points, color, dashed, .. } => {
                let lines = points.split(|(x, y)| !(x.is_finite() && y.is_finite()));
                for line in lines.filter(|line| !line.is_empty()) {
                    let points = line.iter().map(|&point| self.place(point)).collect();
                    let (color, dashed) = (*color, *dashed);
                    let width = if dashed { 1.0 } else { DATA };
                    self.scene.shapes.push(Shape::Line { points, color, width, dashed });
                }
            }
            Layer::Band { points, color } => {
                let upper = points.iter().map(|&(x, _, high)| self.place((x, high)));
                let lower = points.iter().rev().map(|&(x, low, _)| self.place((x, low)));
                let points = upper.chain(lower).collect();
                self.scene.shapes.push(Shape::Area { points, color: *color, opacity: 0.2 });
            }
            Layer::Points { points, color, mark, .. } => {
                let of_all = self.chart.layers.iter().map(|layer| match layer {
                    Layer::Points { points, .. } => points.len(),
                    _ => 0,
                });
                let radius = match of_all.sum::<usize>() {
                    0..=40 => RADIUS[0],
                    41..=400 => RADIUS[1],
                    _ => RADIUS[2],
                };
                for &point in points {
                    let mut at = self.place(point);
                    // Few points of one place stand side by side.
                    let near = |there: &&Point| (there.0 - at.0).hypot(there.1 - at.1) < radius;
                    if radius == RADIUS[0] {
                        at.0 += 1.5 * radius * self.marked.iter().filter(near).count() as f64;
                        self.marked.push(self.place(point));
                    }

                    let (fill, rim) = match mark {
                        Mark::Dot => (*color, PAPER),
                        Mark::Ring => (PAPER, *color),
                    };
                    self.scene.shapes.push(Shape::Circle { at, radius, fill, rim });
                }
            }
            Layer::Labels { texts } => {
                for (point, text) in texts {
                    let (x, y) = self.place(*point);
                    // On the side on which there is more room.
                    let (dx, anchor) = match x > self.area.x + 0.7 * self.area.w {
                        true => (-7.0, Anchor::End),
                        false => (7.0, Anchor::Start),
                    };
                    let dy = if y < self.area.y + 12.0 { 12.0 } else { -4.0 };
                    self.scene.text(text, (x + dx, y + dy), anchor, BODY, INK);
                    if let Some(Shape::Text(text)) = self.scene.shapes.last_mut() {
                        text.halo = true;
                    }
                }
            }
            Layer::Field { grid, colors, smooth } => {
                // Each value colours the space around its point, so that half a cell reaches out at each side.
                let half = |range: (f64, f64), count: usize| {
                    (range.1 - range.0) / (count.max(2) - 1) as f64 / 2.0
                };
                let (dx, dy) = (half(grid.x, grid.cols), half(grid.y, grid.rows()));
                let (x, top) = self.place((grid.x.0 - dx, grid.y.1 + dy));
                let (right, below) = self.place((grid.x.1 + dx, grid.y.0 - dy));
                let rect = Rect { x, y: top, w: right - x, h: below - top };
                let pixels = colors.chunks_exact(grid.cols).rev().flatten().copied().collect();
                let image = Shape::Image { rect, cols: grid.cols, pixels, smooth: *smooth };
                self.scene.shapes.push(image);
            }
            Layer::Cells { cols, colors, texts } => self.cells(*cols, colors, texts),
        }
    }

    fn cells(&mut self, cols: usize, colors: &[Color], texts: &[String]) {
        let (left, top) = self.place((-0.5, -0.5));
        let rows = colors.len().div_ceil(cols);
        let (right, below) = self.place((cols as f64 - 0.5, rows as f64 - 0.5));
        let rect = Rect { x: left, y: top, w: right - left, h: below - top };
        let pixels = colors.to_vec();
        self.scene.shapes.push(Shape::Image { rect, cols, pixels, smooth: false });
        let room = (rect.w / cols as f64 - 2.0, rect.h / rows as f64);
        let longest = texts.iter().map(|text| font::width(text, BODY)).fold(0.0, f64::max);
        let size = if longest > 0.0 { BODY * (room.0 / longest).min(1.0) } else { BODY };
        // Rather none than what nobody can read.
        if size < 6.0 || room.1 < size {
            return;
        }
        for (at, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            let (x, y) = self.place(((at % cols) as f64, (at / cols) as f64));
            let color = colors[at].text_on();
            self.scene.text(text, (x, y + 0.36 * size), Anchor::Middle, size, color);
        }
    }

    fn axes(&mut self, has_grid: bool) {
        let Rect { x, y, w, h } = self.area;
        let (right, below) = (x + w, y + h);
        let names = |axis: &Axis| axis.ticks.is_some();
        for (value, text) in self.chart.y.ticks(most_up(self.chart)) {
            let up = self.place((self.chart.x.range.0, value)).1;
            if has_grid && !names(&self.chart.y) {
                self.scene.line(vec![(x, up), (right, up)], FAINT, THIN);
            }
            self.scene.text(&text, (x - TICK, up + 0.36 * BODY), Anchor::End, BODY, GREY);
        }
        let upwards = are_upwards(&self.chart.x, w);
        for (value, text) in self.chart.x.ticks(most_across(self.chart)) {
            let across = self.place((value, self.chart.y.range.0)).0;
            if has_grid && !names(&self.chart.x) {
                self.scene.line(vec![(across, y), (across, below)], FAINT, THIN);
            }
            let at = match upwards {
                true => (across + 0.36 * BODY, below + TICK),
                false => (across, below + TICK + 0.8 * BODY),
            };
            let anchor = if upwards { Anchor::End } else { Anchor::Middle };
            self.scene.shapes.push(Shape::Text(Text {
                text,
                at,
                anchor,
                size: BODY,
                bold: false,
                halo: false,
                upwards,
                color: GREY,
            }));
        }
        let corners = vec![(x, y), (right, y), (right, below), (x, below), (x, y)];
        let color = if has_grid { FAINT } else { GREY };
        self.scene.line(corners, color, THIN);
        let frame = Frame::of(self.chart);
        let middle = (x + w / 2.0, y + h / 2.0);
        if !self.chart.x.name.is_empty() {
            let at = (middle.0, below + frame.below - 2.0);
            self.scene.text(&self.chart.x.name, at, Anchor::Middle, BODY, INK);
        }
        if !self.chart.y.name.is_empty() {
            self.upwards(&self.chart.y.name, (x - frame.left + BODY - 1.0, middle.1));
        }
    }

    fn upwards(&mut self, text: &str, at: Point) {
        self.scene.shapes.push(Shape::Text(Text {
            text: text.to_owned(),
            at,
            anchor: Anchor::Middle,
            size: BODY,
            bold: false,
            halo: false,
            upwards: true,
            color: INK,
        }));
    }

    /// The title of a chart, and what its colours are called.
    fn heading(&mut self) {
        let Rect { x, y, .. } = self.area;
        let lines = key_lines(self.chart);
        let first = y - lines.len() as f64 * LINE + BODY - 3.0;
        for (at, line) in lines.into_iter().enumerate() {
            let base = first + at as f64 * LINE - 1.0;
            for (name, color, key, left) in line {
                let (left, middle) = (x + left, base - 0.34 * BODY);
                let sign = match key {
                    Key::Line(dashed) => Shape::Line {
                        points: vec![(left, middle), (left + 13.0, middle)],
                        color,
                        width: if dashed { 1.0 } else { 2.0 },
                        dashed,
                    },
                    Key::Point(mark) => {
                        let (fill, rim) = match mark {
                            Mark::Dot => (color, PAPER),
                            Mark::Ring => (PAPER, color),
                        };
                        Shape::Circle { at: (left + 8.0, middle), radius: 3.5, fill, rim }
                    }
                };
                self.scene.shapes.push(sign);
                self.scene.text(name, (left + KEY_SIGN, base), Anchor::Start, BODY, INK);
            }
        }
        if !self.chart.title.is_empty() {
            let top = y - Frame::of(self.chart).top;
            let at = (x, top + HEADING);
            self.scene.text(&self.chart.title, at, Anchor::Start, HEADING, INK);
        }
    }

    /// What the colours of a map mean, to the right of the chart.
    fn ramp(&mut self, ramp: &Ramp) {
        let Rect { x, y, w, h } = self.area;
        let left = x + w + TO_RAMP;
        let steps = 64;
        let share = |step: usize| 1.0 - step as f64 / (steps - 1) as f64;
        let pixels = (0..steps).map(|step| ramp.map.color(share(step))).collect();
        let rect = Rect { x: left, y, w: RAMP, h };
        self.scene.shapes.push(Shape::Image { rect, cols: 1, pixels, smooth: true });
        let ticks = ramp.axis.ticks(most_of_ramp(self.chart));
        for (value, text) in &ticks {
            let up = y + h * (1.0 - ramp.axis.share(*value));
            let at = (left + RAMP + TICK, up + 0.36 * BODY);
            self.scene.line(vec![(left + RAMP, up), (left + RAMP + 2.0, up)], GREY, THIN);
            self.scene.text(text, at, Anchor::Start, BODY, GREY);
        }
        if !ramp.axis.name.is_empty() {
            let right = left + RAMP + TICK + widest(ticks.iter());
            self.upwards(&ramp.axis.name, (right + LINE - 2.0, y + h / 2.0));
        }
    }
}
