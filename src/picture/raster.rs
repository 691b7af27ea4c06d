//! A drawing as pixels: how far the middle of a pixel is from a line or a circle says how much of it is
//! covered.

use super::color::{Color, PAPER};
use super::font;
use super::png::Pixels;
use super::scene::{Anchor, Point, Rect, Scene, Shape, Text};

/// The lengths of dashes and of the gaps between them, in points: as in SVG.
const DASHES: [f64; 2] = [4.0, 3.0];
/// The width of a letter's strokes as a share of its size.
const STROKE: [f64; 2] = [0.095, 0.14];
/// Lines of a pixel that an area is looked at on.
const SUBROWS: usize = 4;

/// Pixels that are drawn on.
struct Canvas {
    width: usize,
    height: usize,
    /// Pixels of a point.
    scale: f64,
    colors: Vec<Color>,
    /// How much of each pixel the shape covers that is drawn.
    cover: Vec<f32>,
}

/// The pixels of a drawing, so many for each of its points.
pub fn pixels(scene: &Scene, scale: f64) -> Pixels {
    let [width, height] = [scene.width, scene.height].map(|side| (side * scale).ceil() as usize);
    let (colors, cover) = (vec![PAPER; width * height], vec![0.0; width * height]);
    let mut canvas = Canvas { width, height, scale, colors, cover };
    for shape in &scene.shapes {
        canvas.draw(shape);
    }
    Pixels { width, height, colors: canvas.colors }
}

impl Canvas {
    fn draw(&mut self, shape: &Shape) {
        match shape {
            Shape::Line { points, color, width, dashed } => {
                let lines = if *dashed { dashes(points) } else { vec![points.clone()] };
                self.lines(&lines, *width, *color);
            }
            Shape::Area { points, color, opacity } => self.area(points, *color, *opacity),
            Shape::Circle { at, radius, fill, rim } => {
                // Its rim is one point wide, half of it outside.
                self.lines(&[vec![*at]], 2.0 * radius + 1.0, *rim);
                self.lines(&[vec![*at]], 2.0 * radius - 1.0, *fill);
            }
            Shape::Text(text) => self.text(text),
            Shape::Image { rect, cols, pixels, smooth } => {
                self.image(*rect, *cols, pixels, *smooth);
            }
        }
    }

    /// The pixels between two places, those at the edges whole.
    fn range(&self, low: f64, high: f64, most: usize) -> std::ops::Range<usize> {
        let place = |at: f64| (at * self.scale).clamp(0.0, most as f64);
        place(low).floor() as usize..place(high).ceil() as usize
    }

    /// Lines with round ends, all of one colour: where they cross nothing is drawn twice.
    fn lines(&mut self, lines: &[Vec<Point>], width: f64, color: Color) {
        let radius = (width / 2.0).max(0.0);
        let reach = radius + 1.0 / self.scale;
        let mut touched = Vec::new();
        let ends = |line: &[Point]| match line {
            [one] => vec![(*one, *one)],
            line => line.windows(2).map(|pair| (pair[0], pair[1])).collect(),
        };
        for (a, b) in lines.iter().flat_map(|line| ends(line)) {
            let cols = self.range(a.0.min(b.0) - reach, a.0.max(b.0) + reach, self.width);
            let rows = self.range(a.1.min(b.1) - reach, a.1.max(b.1) + reach, self.height);
            for row in rows {
                for col in cols.clone() {
                    let at = [col, row].map(|place| (place as f64 + 0.5) / self.scale);
                    let far = distance((at[0], at[1]), a, b);
                    let covered = ((radius - far) * self.scale + 0.5).clamp(0.0, 1.0) as f32;
                    let place = row * self.width + col;
                    if covered > self.cover[place] {
                        if self.cover[place] == 0.0 {
                            touched.push(place);
                        }
                        self.cover[place] = covered;
                    }
                }
            }
        }
        self.blend(&touched, color, 1.0);
    }

    /// Mixes a colour into what is covered, and forgets what was.
    fn blend(&mut self, touched: &[usize], color: Color, opacity: f64) {
        for &place in touched {
            let share = opacity * f64::from(self.cover[place].min(1.0));
            self.colors[place] = self.colors[place].mixed(color, share);
            self.cover[place] = 0.0;
        }
    }

    fn area(&mut self, corners: &[Point], color: Color, opacity: f64) {
        let column = |of: fn(&Point) -> f64| corners.iter().map(of);
        let low = column(|point| point.1).fold(f64::INFINITY, f64::min);
        let high = column(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
        let mut touched = Vec::new();
        for row in self.range(low, high, self.height) {
            for part in 0..SUBROWS {
                let y = (row as f64 + (part as f64 + 0.5) / SUBROWS as f64) / self.scale;
                for pair in crossings(corners, y).chunks_exact(2) {
                    for col in self.range(pair[0], pair[1], self.width) {
                        let (left, right) = (col as f64, col as f64 + 1.0);
                        let inner =
                            (pair[1] * self.scale).min(right) - (pair[0] * self.scale).max(left);
                        let place = row * self.width + col;
                        if self.cover[place] == 0.0 {
                            touched.push(place);
                        }
                        self.cover[place] += (inner.max(0.0) / SUBROWS as f64) as f32;
                    }
                }
            }
        }
        touched.sort_unstable();
        touched.dedup();
        self.blend(&touched, color, opacity);
    }

    fn text(&mut self, text: &Text) {
        let width = font::width(&text.text, text.size);
        let back = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let place = |(x, y): Point| match text.upwards {
            true => (text.at.0 + y, text.at.1 - (x - back)),
            false => (text.at.0 + x - back, text.at.1 + y),
        };
        let strokes = font::strokes(&text.text, text.size);
        let strokes: Vec<Vec<Point>> =
            strokes.into_iter().map(|line| line.into_iter().map(place).collect()).collect();
        if text.halo {
            self.lines(&strokes, text.size * STROKE[0] + 3.0, PAPER);
        }
        self.lines(&strokes, text.size * STROKE[usize::from(text.bold)], text.color);
    }

    fn image(&mut self, Rect { x, y, w, h }: Rect, cols: usize, pixels: &[Color], smooth: bool) {
        let rows = pixels.len() / cols;
        for row in self.range(y, y + h, self.height) {
            for col in self.range(x, x + w, self.width) {
                let of = |place: usize, first: f64, len: f64, count: usize| {
                    let share = ((place as f64 + 0.5) / self.scale - first) / len;
                    share * count as f64
                };
                let (across, down) = (of(col, x, w, cols), of(row, y, h, rows));
                let at = |i: f64, j: f64| {
                    let within = |place: f64, count: usize| place.clamp(0.0, count as f64 - 1.0);
                    pixels[within(j, rows) as usize * cols + within(i, cols) as usize]
                };
                self.colors[row * self.width + col] = match smooth {
                    false => at(across, down),
                    true => {
                        let (i, j) = (across - 0.5, down - 0.5);
                        let (left, top) = (i.floor(), j.floor());
                        let of_row = |j: f64| at(left, j).mixed(at(left + 1.0, j), i - left);
                        of_row(top).mixed(of_row(top + 1.0), j - top)
                    }
                };
            }
        }
    }
}

/// How far a place is from a line between two points.
fn distance(at: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (px, py) = (at.0 - a.0, at.1 - a.1);
    let long = dx * dx + dy * dy;
    let along = if long > 0.0 { ((px * dx + py * dy) / long).clamp(0.0, 1.0) } else { 0.0 };
    (px - along * dx).hypot(py - along * dy)
}

/// Where the edges of an area cross a height, from left to right.
fn crossings(corners: &[Point], y: f64) -> Vec<f64> {
    let edges = corners.iter().zip(corners.iter().cycle().skip(1));
    let cross = |(a, b): (&Point, &Point)| {
        let is_across = (a.1 <= y) != (b.1 <= y);
        is_across.then(|| a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0))
    };
    let mut found: Vec<f64> = edges.filter_map(cross).collect();
    found.sort_by(f64::total_cmp);
    found
}

/// The dashes of a line.
fn dashes(points: &[Point]) -> Vec<Vec<Point>> {
    let (mut all, mut own) = (Vec::new(), points.first().copied().into_iter().collect::<Vec<_>>());
    let (mut part, mut left) = (0, DASHES[0]);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let long = (to.0 - from.0).hypot(to.1 - from.1);
            if long <= left {
                left -= long;
                own.push(to);
                break;
            }
            let share = left / long;
            from = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            own.push(from);
            if part == 0 {
                all.push(std::mem::take(&mut own));
            }
            part = 1 - part;
            (own, left) = (vec![from], DASHES[part]);
        }
    }
    if part == 0 {
        all.push(own);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(shapes: Vec<Shape>) -> Pixels {
        pixels(&Scene { width: 10.0, height: 6.0, title: String::new(), shapes }, 2.0)
    }

    #[test]
    fn a_box_covers_its_pixels_and_half_of_those_it_halves() {
        let points = vec![(1.0, 1.0), (3.25, 1.0), (3.25, 2.0), (1.0, 2.0)];
        let seen = drawn(vec![Shape::Area { points, color: Color(0, 0, 0), opacity: 1.0 }]);
        assert_eq!((seen.width, seen.height), (20, 12));
        let at = |col: usize, row: usize| seen.colors[row * 20 + col].0;
        assert_eq!([at(1, 2), at(2, 2), at(5, 3), at(6, 3), at(7, 3)], [255, 0, 0, 128, 255]);
        assert_eq!([at(3, 1), at(3, 4)], [255, 255]);
    }

    #[test]
    fn a_line_is_as_wide_as_it_is_said_to_be() {
        let points = vec![(0.0, 3.0), (10.0, 3.0)];
        let line = Shape::Line { points, color: Color(0, 0, 0), width: 1.0, dashed: false };
        let seen = drawn(vec![line]);
        let column: Vec<u8> = (0..12).map(|row| seen.colors[row * 20 + 9].0).collect();
        assert_eq!(column, [255, 255, 255, 255, 255, 0, 0, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn dashes_and_gaps_alternate() {
        let lines = dashes(&[(0.0, 0.0), (5.0, 0.0), (12.0, 0.0)]);
        assert_eq!(lines, [vec![(0.0, 0.0), (4.0, 0.0)], vec![(7.0, 0.0), (11.0, 0.0)]]);
    }

    #[test]
    fn images_are_stretched_in_squares_or_smoothly() {
        let rect = Rect { x: 0.0, y: 0.0, w: 10.0, h: 6.0 };
        let image =
            |smooth| Shape::Image { rect, cols: 2, pixels: vec![Color(0, 0, 0), PAPER], smooth };
        let row = |smooth| drawn(vec![image(smooth)]).colors[..20].to_vec();
        assert_eq!([row(false)[9], row(false)[10]], [Color(0, 0, 0), PAPER]);
        let smooth = row(true);
        assert_eq!([smooth[0].0, smooth[19].0], [0, 255]);
        assert!(smooth[9].0 > 110 && smooth[10].0 < 145, "{smooth:?}");
    }
}
