//! A picture as a drawing: how much room axes and titles take, and how all of it looks.

use super::axis::Axis;
use super::chart::{Chart, Layer, Mark, Picture, Ramp};
use super::color::{Color, FAINT, GREY, INK};
use super::font;
use super::scene::{Anchor, Point, Rect, Scene, Shape, Text};

/// Sizes of texts, in points.
const TITLE: f64 = 14.0;
const HEADING: f64 = 11.0;
const BODY: f64 = 10.0;
/// Free space around a picture, and between its charts.
const BORDER: f64 = 14.0;
const BETWEEN: f64 = 18.0;
/// The height of a line of text.
const LINE: f64 = 14.0;
/// From an axis to the numbers beside it.
const TICK: f64 = 5.0;
/// Points of an axis for each of its ticks at least.
const PER_TICK_ACROSS: f64 = 52.0;
const PER_TICK_UP: f64 = 28.0;
/// The widest picture that leaves room for another one beside it.
const COLUMN: f64 = 580.0;
/// The width of the ramp of a map.
const RAMP: f64 = 9.0;
/// The widths of lines of data and of axes.
const DATA: f64 = 1.6;
const THIN: f64 = 0.8;
/// The radius of a point, where there are few and where there are many.
const RADIUS: [f64; 3] = [4.0, 2.6, 1.7];

/// The room a chart takes around what is between its axes.
struct Frame {
    left: f64,
    top: f64,
    right: f64,
    below: f64,
}

fn most_up(chart: &Chart) -> usize {
    (chart.size.1 / PER_TICK_UP).max(2.0) as usize
}

fn most_of_ramp(chart: &Chart) -> usize {
    (chart.size.1 / 22.0).clamp(4.0, 6.0) as usize
}

fn most_across(chart: &Chart) -> usize {
    (chart.size.0 / PER_TICK_ACROSS).max(2.0) as usize
}

fn widest<'a>(texts: impl Iterator<Item = &'a (f64, String)>) -> f64 {
    texts.map(|(_, text)| font::width(text, BODY)).fold(0.0, f64::max)
}

/// Whether the names along an axis are so long that they have to run upwards.
fn are_upwards(axis: &Axis, length: f64) -> bool {
    let Some(ticks) = axis.ticks.as_ref().filter(|ticks| ticks.len() > 1) else { return false };
    let room = length / (axis.range.1 - axis.range.0);
    widest(ticks.iter()) + 4.0 > room
}

impl Frame {
    fn of(chart: &Chart) -> Frame {
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
            10.0 + RAMP + TICK + widest(ticks.iter()) + named(&ramp.axis)
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
enum Key {
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
const KEY_SIGN: f64 = 18.0;

/// The names of a chart in lines that are no wider than it: each with its place.
fn key_lines(chart: &Chart) -> Vec<Vec<(&str, Color, Key, f64)>> {
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

/// Draws a chart whose space between the axes begins at a point.
struct Drawn<'a> {
    scene: &'a mut Scene,
    chart: &'a Chart,
    area: Rect,
    /// Where points are, where they are few.
    marked: Vec<Point>,
}

impl Drawn<'_> {
    fn place(&self, (x, y): Point) -> Point {
        let Rect { x: left, y: top, w, h } = self.area;
        let up = self.chart.y.share(y);
        let down = if self.chart.goes_down() { up } else { 1.0 - up };
        (left + w * self.chart.x.share(x), top + h * down)
    }

    fn draw(&mut self) {
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
                    let white = Color(255, 255, 255);
                    let (fill, rim) = match mark {
                        Mark::Dot => (*color, white),
                        Mark::Ring => (white, *color),
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
            Layer::Field { grid, colors } => {
                // Each value colours the space around its point, so that half a cell reaches out at each side.
                let half = |range: (f64, f64), count: usize| {
                    (range.1 - range.0) / (count.max(2) - 1) as f64 / 2.0
                };
                let (dx, dy) = (half(grid.x, grid.cols), half(grid.y, grid.rows()));
                let (x, top) = self.place((grid.x.0 - dx, grid.y.1 + dy));
                let (right, below) = self.place((grid.x.1 + dx, grid.y.0 - dy));
                let rect = Rect { x, y: top, w: right - x, h: below - top };
                let pixels = colors.chunks_exact(grid.cols).rev().flatten().copied().collect();
                let image = Shape::Image { rect, cols: grid.cols, pixels, smooth: true };
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
                        let white = Color(255, 255, 255);
                        let (fill, rim) = match mark {
                            Mark::Dot => (color, white),
                            Mark::Ring => (white, color),
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
        let left = x + w + 10.0;
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

/// A picture as a drawing.
pub fn scene(picture: &Picture) -> Scene {
    let columns = picture.columns.clamp(1, picture.charts.len().max(1));
    let frames: Vec<Frame> = picture.charts.iter().map(Frame::of).collect();
    let rows = picture.charts.len().div_ceil(columns);
    // All of a column begin at one place, and all of a row.
    let most = |at: &dyn Fn(usize) -> bool, of: &dyn Fn(usize) -> f64| {
        (0..frames.len()).filter(|&chart| at(chart)).map(of).fold(0.0, f64::max)
    };
    let lefts: Vec<f64> =
        (0..columns).map(|col| most(&|at| at % columns == col, &|at| frames[at].left)).collect();
    let wides = (0..columns).map(|col| {
        let right = |at: usize| picture.charts[at].size.0 + frames[at].right;
        most(&|at| at % columns == col, &right)
    });
    let wides: Vec<f64> = wides.collect();
    let tops: Vec<f64> =
        (0..rows).map(|row| most(&|at| at / columns == row, &|at| frames[at].top)).collect();
    let highs = (0..rows).map(|row| {
        let below = |at: usize| picture.charts[at].size.1 + frames[at].below;
        most(&|at| at / columns == row, &below)
    });
    let highs: Vec<f64> = highs.collect();
    let gaps = |count: usize| count.saturating_sub(1) as f64 * BETWEEN;
    let inner = lefts.iter().chain(&wides).sum::<f64>() + gaps(columns);
    let of_notes = picture.notes.iter().map(|note| font::width(note, BODY));
    let of_texts = of_notes.fold(font::width(&picture.title, TITLE), f64::max);
    let head = TITLE + 6.0 + LINE * picture.notes.len() as f64 + 4.0;
    let mut scene = Scene {
        width: (inner.max(of_texts) + 2.0 * BORDER).ceil(),
        height: (2.0 * BORDER + head + tops.iter().chain(&highs).sum::<f64>() + gaps(rows)).ceil(),
        title: picture.title.clone(),
        shapes: Vec::new(),
    };
    scene.shapes.push(Shape::Text(Text {
        text: picture.title.clone(),
        at: (BORDER, BORDER + TITLE - 2.0),
        anchor: Anchor::Start,
        size: TITLE,
        bold: true,
        halo: false,
        upwards: false,
        color: INK,
    }));
    for (at, note) in picture.notes.iter().enumerate() {
        let down = BORDER + TITLE + 4.0 + LINE * at as f64 + BODY;
        scene.text(note, (BORDER, down), Anchor::Start, BODY, GREY);
    }
    for (at, chart) in picture.charts.iter().enumerate() {
        let (row, col) = (at / columns, at % columns);
        let before = |all: &[f64], more: &[f64], count: usize| {
            all[..=count].iter().chain(&more[..count]).sum::<f64>() + count as f64 * BETWEEN
        };
        let area = Rect {
            x: BORDER + before(&lefts, &wides, col),
            y: BORDER + head + before(&tops, &highs, row),
            w: chart.size.0,
            h: chart.size.1,
        };
        Drawn { scene: &mut scene, chart, area, marked: Vec::new() }.draw();
    }
    scene
}

/// Drawings in two columns, each below the shorter one, and those that are wider across both.
pub fn arranged(scenes: Vec<Scene>) -> Scene {
    let is_wide = |scene: &Scene| scene.width > COLUMN;
    let narrow = |of: &dyn Fn(&Scene) -> f64| {
        scenes.iter().filter(|scene| !is_wide(scene)).map(of).fold(0.0, f64::max)
    };
    let column = narrow(&|scene| scene.width);
    let mut all = Scene::default();
    let mut below = [0.0, 0.0];
    for scene in scenes {
        let at = if is_wide(&scene) { None } else { Some(usize::from(below[1] < below[0])) };
        let (left, top) = match at {
            Some(at) => (column * at as f64, below[at]),
            None => (0.0, f64::max(below[0], below[1])),
        };
        match at {
            Some(at) => below[at] = top + scene.height,
            None => below = [top + scene.height; 2],
        }
        all.width = all.width.max(left + scene.width);
        all.height = all.height.max(top + scene.height);
        let titles = [all.title, scene.title].join(", ");
        all.title = titles.trim_start_matches(", ").to_owned();
        all.shapes.extend(scene.shapes.into_iter().map(|shape| shape.moved(left, top)));
    }
    all
}

impl Shape {
    /// The same shape so much further to the right and down.
    fn moved(mut self, right: f64, down: f64) -> Shape {
        let shift = |point: &mut Point| *point = (point.0 + right, point.1 + down);
        match &mut self {
            Shape::Line { points, .. } | Shape::Area { points, .. } => {
                points.iter_mut().for_each(shift);
            }
            Shape::Box { rect, .. } | Shape::Image { rect, .. } => {
                (rect.x, rect.y) = (rect.x + right, rect.y + down);
            }
            Shape::Circle { at, .. } => shift(at),
            Shape::Text(text) => shift(&mut text.at),
        }
        self
    }
}
