//! Curves of braille characters, of 2 by 4 dots each.

use super::axis::ends;
use super::color::Color;
use super::scene::Point;
use super::terminal::{MARGIN, Window, labelled, underlined};

/// Lines of characters.
const ROWS: usize = 8;
/// The most characters of a line: wider curves show nothing more.
const MOST_COLUMNS: usize = 100;
/// Dots of a dotted line: every third is drawn.
const DOTTED: usize = 3;

/// A line from point to point, in ascending order of x.
#[derive(Debug, Clone, PartialEq)]
pub struct Stroke {
    /// Where it goes.
    pub points: Vec<Point>,
    /// Whether it is dotted, to be told from another without colours.
    pub is_dotted: bool,
    /// Its colour.
    pub color: Color,
}

/// The axes of curves: an even one across with a text at each end, and one upwards with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves<'a> {
    /// What is drawn upwards.
    pub name: &'a str,
    /// Whether that is even in the logarithm.
    pub logarithmic: bool,
    /// What stands at the ends of the axis across.
    pub ends: [String; 2],
}

impl Curves<'_> {
    /// Draws lines, the last on top. Empty where none of them has two different places.
    pub fn draw(&self, strokes: &[Stroke], window: Window) -> String {
        let all = || strokes.iter().flat_map(|stroke| &stroke.points);
        let Some((first, last)) = ends(all().map(|point| point.0)) else { return String::new() };
        let scale = |y: f64| if self.logarithmic { y.log10() } else { y };
        let Some((bottom, top)) = ends(all().map(|point| scale(point.1))) else {
            return String::new();
        };
        if first == last {
            return String::new();
        }
        let height = if top > bottom { top - bottom } else { 1.0 };
        let columns = window.columns.saturating_sub(MARGIN).clamp(20, MOST_COLUMNS);
        let width = (columns * 2 - 1) as f64;
        let x_of = |x: f64| ((x - first) / (last - first) * width).round() as usize;
        let y_of = |y: f64| (top - scale(y)) / height * (ROWS * 4 - 1) as f64;
        let mut cells = vec![(0u8, None); columns * ROWS];
        for stroke in strokes {
            let mut dot = |x: usize, y: f64| {
                // The bits of Unicode's braille dots, by column and then by row.
                const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
                if y.is_finite() && (!stroke.is_dotted || x.is_multiple_of(DOTTED)) {
                    let y = y.round() as usize;
                    let (bits, color) = &mut cells[y / 4 * columns + x / 2];
                    *bits |= BITS[x % 2][y % 4];
                    *color = Some(stroke.color);
                }
            };
            for pair in stroke.points.windows(2) {
                let (from, to) = (x_of(pair[0].0), x_of(pair[1].0));
                let (from_y, to_y) = (y_of(pair[0].1), y_of(pair[1].1));
                for x in from..=to {
                    let share =
                        if to > from { (x - from) as f64 / (to - from) as f64 } else { 1.0 };
                    dot(x, from_y + share * (to_y - from_y));
                }
            }
        }
        let value = |value: f64| number(if self.logarithmic { 10f64.powf(value) } else { value });
        let labels = [value(top), value(bottom)];
        let mut text = String::new();
        for (at, cells) in cells.chunks_exact(columns).enumerate() {
            let end = cells.iter().rposition(|cell| cell.0 != 0).map_or(0, |at| at + 1);
            let mut line = String::new();
            for run in cells[..end].chunk_by(|one, next| one.1 == next.1) {
                let of = |cell: &(u8, Option<Color>)| char::from_u32(0x2800 + u32::from(cell.0));
                let drawn: String = run.iter().filter_map(of).collect();
                line += &match run[0].1 {
                    Some(color) => window.paint.in_color(&drawn, color),
                    None => drawn,
                };
            }
            text += &labelled(at, ROWS, &labels, &line);
        }
        let name =
            if self.logarithmic { format!("{}, log", self.name) } else { self.name.to_owned() };
        text + &underlined(&name, self.ends.each_ref().map(String::as_str), columns)
    }

    /// One line, as where no terminal is.
    pub fn one(&self, points: &[Point]) -> String {
        let color = super::color::class(0);
        let stroke = Stroke { points: points.to_vec(), is_dotted: false, color };
        self.draw(&[stroke], Window::PLAIN)
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        0.0 => format!("{value:.4}"),
        small if small < 0.001 => format!("{value:.1e}"),
        large if large >= 10_000.0 => format!("{value:.2e}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Paint, class};

    fn curves(logarithmic: bool, left: &str, right: &str) -> Curves<'static> {
        Curves { name: "loss", logarithmic, ends: [left.to_owned(), right.to_owned()] }
    }

    #[test]
    fn a_falling_loss_goes_from_the_top_left_to_the_bottom_right() {
        let points: Vec<Point> =
            (1..=100).map(|epoch| (epoch.into(), 1.0 / f64::from(epoch))).collect();
        let text = curves(true, "epoch 1", "100").one(&points);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 1);
        assert!(lines[0].starts_with("   1.0000 ┤⠁"), "{text}");
        assert!(lines[ROWS - 1].starts_with("   0.0100 ┤"), "{text}");
        assert!(lines[ROWS - 1].chars().count() > 60);
        assert!(lines[ROWS].starts_with("loss, log └epoch 1") && lines[ROWS].ends_with("100"));
    }

    #[test]
    fn flat_short_and_zero_curves_are_drawn_too() {
        let linear = curves(false, "1", "2");
        assert_eq!(linear.one(&[]), "");
        assert_eq!(linear.one(&[(1.0, 0.5)]), "");
        assert!(linear.one(&[(1.0, 0.5), (2.0, 0.5)]).contains("0.5000"));
        let zero = linear.one(&[(1.0, 0.5), (2.0, 0.0)]);
        assert!(zero.contains("loss └") && !zero.contains("log"));
    }

    /// Two lines on one scale: dots of the dotted one are at every third place, and colours take no room.
    #[test]
    fn lines_are_told_apart_with_colours_and_without() {
        let line = |y: f64, is_dotted| Stroke {
            points: vec![(0.0, y), (1.0, y)],
            is_dotted,
            color: class(usize::from(is_dotted)),
        };
        let strokes = [line(0.0, true), line(1.0, false)];
        let plain = Window { columns: 31, paint: Paint::Plain };
        let text = curves(false, "0", "1").draw(&strokes, plain);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("   1.0000 ┤{}", "⠉".repeat(20)));
        assert_eq!(lines[7], format!("   0.0000 ┤{}", "⡀⢀⠀".repeat(7).trim_end_matches('⠀')));
        let colored = Window { paint: Paint::Colored, ..plain };
        let painted = curves(false, "0", "1").draw(&strokes, colored);
        assert!(painted.contains(&format!("m{}\x1b[0m", "⠉".repeat(20))), "{painted}");
    }

    #[test]
    fn a_wide_window_has_a_wide_curve_and_a_narrow_one_some() {
        for (columns, drawn) in [(0, 20), (80, 69), (500, MOST_COLUMNS)] {
            let stroke =
                Stroke { points: vec![(0.0, 1.0), (1.0, 1.0)], is_dotted: false, color: class(0) };
            let text =
                curves(false, "0", "1").draw(&[stroke], Window { columns, paint: Paint::Plain });
            let line = text.lines().next().unwrap().chars().count();
            assert_eq!(line, MARGIN + drawn);
        }
    }
}
