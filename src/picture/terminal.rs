//! Drawings of characters: what a network says over the plane of its inputs.

use std::fmt::Write as _;

use super::axis::{Axis, short};
use super::color::{Color, Map, class};
use super::plane::{Answer, Plane};
use super::rows::Rows;

/// What characters are drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Characters of a line.
    pub columns: usize,
    /// Whether characters have colours.
    pub paint: Paint,
}

/// Whether characters have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Of the 256 that most terminals know.
    Colored,
    /// Only the terminal's own.
    Plain,
}

impl Window {
    /// What is drawn for where no terminal is: lines that fit 80 characters, without colours.
    pub const PLAIN: Window = Window { columns: 71, paint: Paint::Plain };

    /// Points of a row, and rows, of the grid over a plane: two rows to a line of characters.
    pub fn cells(self) -> usize {
        (self.columns.saturating_sub(MARGIN) / 2).clamp(16, 48) & !1
    }
}

impl Paint {
    /// A text on a background.
    pub fn on(self, text: &str, background: Color) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Colored => styled(text, [background.text_on(), background].map(code)),
        }
    }

    /// A text in a colour.
    pub fn in_color(self, text: &str, color: Color) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Colored => format!("\x1b[38;5;{}m{text}\x1b[0m", code(color)),
        }
    }
}

/// A text in one of the terminal's colours, on another.
fn styled(text: &str, [front, back]: [u8; 2]) -> String {
    format!("\x1b[38;5;{front};48;5;{back}m{text}\x1b[0m")
}

/// The nearest of a terminal's 256 colours: of its cube of 6 levels, or of its 24 greys.
fn code(color: Color) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let Color(red, green, blue) = color;
    let level = |part: u8| {
        let apart = |level: &u8| LEVELS[usize::from(*level)].abs_diff(part);
        (0..6).min_by_key(apart).unwrap_or(0)
    };
    let apart = |other: [u8; 3]| -> u32 {
        let parts = [red, green, blue].into_iter().zip(other);
        parts.map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
    };
    let cube = [red, green, blue].map(level);
    let mean = (u32::from(red) + u32::from(green) + u32::from(blue)) / 3;
    let grey = (mean.saturating_sub(3) / 10).min(23) as u8;
    match apart([8 + 10 * grey; 3]) < apart(cube.map(|level| LEVELS[usize::from(level)])) {
        true => 232 + grey,
        false => 16 + 36 * cube[0] + 6 * cube[1] + cube[2],
    }
}

/// Characters left of a drawing: a label and its tick.
pub(super) const MARGIN: usize = 11;
/// From light to dark.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
/// A probability's characters: the third begins at 1/2.
const QUARTERS: [char; 4] = [' ', '░', '▓', '█'];
/// The most rows that are marked: more would hide what is under them.
pub const MOST_MARKED: usize = 64;

/// The line of a drawing with what stands beside it, at its first and its last line.
pub(super) fn labelled(at: usize, lines: usize, [first, last]: &[String; 2], line: &str) -> String {
    let (label, tick) = match at {
        0 => (first.as_str(), '┤'),
        at if at + 1 == lines => (last.as_str(), '┤'),
        _ => ("", '│'),
    };
    format!("{label:>9} {tick}{line}\n")
}

/// The line under a drawing, with what stands at both ends of it.
pub(super) fn underlined(name: &str, [left, right]: [&str; 2], columns: usize) -> String {
    let width = columns.saturating_sub(left.chars().count());
    format!("{name:>9} └{left}{right:>width$}\n")
}

/// How one point of the grid is drawn.
struct Look<'a> {
    answer: &'a Answer,
    /// The scale of numbers.
    axis: Axis,
}

impl Look<'_> {
    fn new(answer: &Answer) -> Look<'_> {
        let axis = match answer {
            Answer::Number(_, axis) => axis.clone(),
            _ => Axis::linear("", (0.0, 1.0)),
        };
        Look { answer, axis }
    }

    /// The class that wins at a point.
    fn winner(all: &[Vec<f64>], at: usize) -> usize {
        (0..all.len())
            .rev()
            .max_by(|one, other| all[*one][at].total_cmp(&all[*other][at]))
            .unwrap_or(0)
    }

    fn color(&self, at: usize) -> Color {
        match self.answer {
            Answer::Probability(values) => Map::Diverging.color(values[at]),
            Answer::Classes(all) => class(Look::winner(all, at)).mixed(super::color::PAPER, 0.4),
            Answer::Number(values, _) => Map::Sequential.color(self.axis.share(values[at])),
        }
    }

    /// A character for two points, one above the other.
    fn shade(&self, upper: usize, lower: usize) -> char {
        let of = |shades: &[char], share: f64| {
            // Also what is no number.
            shades[((share * shades.len() as f64) as usize).min(shades.len() - 1)]
        };
        match self.answer {
            Answer::Probability(p) => of(&QUARTERS, (p[upper] + p[lower]) / 2.0),
            Answer::Classes(all) => shade_of(Look::winner(all, upper), all.len()),
            Answer::Number(v, _) => of(&SHADES, self.axis.share((v[upper] + v[lower]) / 2.0)),
        }
    }

    /// What is drawn, and what its characters mean.
    fn legend(&self, rows: &Rows, paint: Paint) -> [String; 2] {
        let name = |at: usize| rows.names.get(at).map_or(at.to_string(), Clone::clone);
        match self.answer {
            Answer::Probability(_) => {
                let ends = [0.0, 0.5, 1.0].map(|share| {
                    paint.on(&format!(" {} ", short(share)), Map::Diverging.color(share))
                });
                let legend = match paint {
                    Paint::Colored => ends.join(" "),
                    Paint::Plain => "blank below 0.25, ░ to 0.5, ▓ to 0.75, █ above".to_owned(),
                };
                [format!("probability of {}", name(1)), legend]
            }
            Answer::Classes(all) => {
                let of = |at: usize| match paint {
                    Paint::Colored => paint
                        .on(&format!(" {} ", name(at)), class(at).mixed(super::color::PAPER, 0.4)),
                    Paint::Plain => match shade_of(at, all.len()) {
                        ' ' => format!("blank {}", name(at)),
                        shade => format!("{shade} {}", name(at)),
                    },
                };
                let shown = all.len().min(MOST_NAMED);
                let legend: Vec<String> = (0..shown).map(of).collect();
                let more = if shown < all.len() { ", ..." } else { "" };
                ["the most probable class".to_owned(), format!("{}{more}", legend.join(", "))]
            }
            Answer::Number(_, axis) => {
                let (low, high) = axis.range;
                let legend = match paint {
                    Paint::Colored => {
                        let end = |share: f64| {
                            let value = short(low + share * (high - low));
                            paint.on(&format!(" {value} "), Map::Sequential.color(share))
                        };
                        [0.0, 0.5, 1.0].map(end).join(" ")
                    }
                    Paint::Plain => format!("from blank at {} to █ at {}", short(low), short(high)),
                };
                [axis.name.clone(), legend]
            }
        }
    }
}

/// The most classes that are listed.
const MOST_NAMED: usize = 10;

/// The character of a class: a shade where there are few, else a letter.
fn shade_of(at: usize, count: usize) -> char {
    match SHADES.get(at) {
        Some(&shade) if count <= SHADES.len() => shade,
        _ => char::from(b'a' + (at % 26) as u8),
    }
}

/// The mark of a row: the number of its class, where there are classes.
fn mark(rows: &Rows, at: usize) -> char {
    match rows.classes.get(at) {
        Some(_) if rows.names.is_empty() => '+',
        Some(&class) if class < 10 => char::from(b'0' + class as u8),
        Some(&class) => char::from(b'A' + ((class - 10) % 26) as u8),
        None => '+',
    }
}

/// What a network says over the plane of its inputs, with rows of data on it and what is to be said of them:
/// half-blocks in colours, or shades without. The plane has [`Window::cells`] points a side.
pub fn boundary(
    plane: &Plane,
    answer: &Answer,
    (rows, note): (&Rows, Option<&str>),
    window: Window,
) -> String {
    let (cols, lines) = (plane.cols, plane.rows / 2);
    let look = Look::new(answer);
    let [what, legend] = look.legend(rows, window.paint);
    let mut marks = vec![None; cols * lines];
    for (at, &(x, y)) in rows.points.iter().enumerate() {
        let place = |value: f64, (low, high): (f64, f64), count: usize| {
            let share = (value - low) / (high - low);
            (0.0..=1.0).contains(&share).then(|| (share * (count - 1) as f64).round() as usize)
        };
        if let (Some(col), Some(row)) = (place(x, plane.x, cols), place(y, plane.y, plane.rows)) {
            marks[(lines - 1 - row / 2) * cols + col] = Some(mark(rows, at));
        }
    }
    let mut text =
        format!("{what}, over {} across and {} upwards\n", plane.names[0], plane.names[1]);
    let labels = [short(plane.y.1), short(plane.y.0)];
    for line in 0..lines {
        let lower = (2 * (lines - 1 - line)) * cols;
        // A character, and its colours; where they are the same, they are said once.
        let cell = |col: usize| {
            let (upper, lower) = (lower + cols + col, lower + col);
            let mark = marks[line * cols + col];
            if window.paint == Paint::Plain {
                return (mark.unwrap_or_else(|| look.shade(upper, lower)), [0; 2]);
            }
            let both = [look.color(upper), look.color(lower)];
            match mark {
                Some(mark) => {
                    let back = both[0].mixed(both[1], 0.5);
                    (mark, [back.text_on(), back].map(code))
                }
                None => ('▀', both.map(code)),
            }
        };
        let cells: Vec<(char, [u8; 2])> = (0..cols).map(cell).collect();
        let runs = cells.chunk_by(|one, next| one.1 == next.1);
        let drawn: String = runs
            .map(|run| {
                let text: String = run.iter().map(|cell| cell.0).collect();
                if window.paint == Paint::Plain { text } else { styled(&text, run[0].1) }
            })
            .collect();
        text += &labelled(line, lines, &labels, drawn.trim_end());
    }
    text += &underlined("", [&short(plane.x.0), &short(plane.x.1)], cols);
    let _ = writeln!(text, "{:MARGIN$}{legend}", "");
    if !rows.points.is_empty() {
        let marks = match rows.names.is_empty() {
            true => "+".to_owned(),
            false => named(rows),
        };
        let _ = writeln!(text, "{:MARGIN$}{marks}: {}", "", note.unwrap_or("rows of the data"));
    }
    text
}

/// The marks of rows, with what their classes are called.
fn named(rows: &Rows) -> String {
    let shown = rows.names.len().min(MOST_NAMED);
    let of = |(at, name): (usize, &String)| {
        let own = at.to_string();
        if own == *name || at >= 10 { own } else { format!("{own} {name}") }
    };
    rows.names.iter().enumerate().take(shown).map(of).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(cells: usize) -> Plane {
        Plane::around(["a", "b"].map(str::to_owned), &[(0.0, 0.0), (1.0, 1.0)], cells)
    }

    fn rows() -> Rows {
        Rows {
            points: vec![(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)],
            classes: vec![0, 1, 1],
            names: ["0", "1"].map(str::to_owned).to_vec(),
            ..Rows::default()
        }
    }

    #[test]
    fn a_step_is_where_it_is() {
        let plane = plane(16);
        let right = plane.places().iter().map(|place| f64::from(place.0 > 0.5)).collect();
        let text = boundary(&plane, &Answer::Probability(right), (&rows(), None), Window::PLAIN);
        let expected = [
            "probability of 1, over a across and b upwards",
            "     1.15 ┤        ████████",
            "          │  1     ████████",
            "          │        ████████",
            "          │        ████████",
            "          │        ████████",
            "          │        ████████",
            "          │  0     █████1██",
            "    -0.15 ┤        ████████",
            "          └-0.15       1.15",
            "           blank below 0.25, ░ to 0.5, ▓ to 0.75, █ above",
            "           0, 1: rows of the data",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn classes_and_numbers_are_shades_too() {
        let plane = plane(16);
        let of = |class: usize| -> Vec<f64> {
            let near = |&(x, _): &(f64, f64)| -(x - class as f64 / 2.0).abs();
            plane.places().iter().map(near).collect()
        };
        let classes = Answer::Classes((0..3).map(of).collect());
        let named = Rows { names: ["x", "y", "z"].map(str::to_owned).to_vec(), ..rows() };
        let text = boundary(&plane, &classes, (&named, None), Window::PLAIN);
        let line = text.lines().nth(3).unwrap();
        assert!(line.ends_with("     ░░░░░░▒▒▒▒▒"), "{text}");
        assert!(
            text.contains("blank x, ░ y, ▒ z") && text.contains("0 x, 1 y, 2 z: rows"),
            "{text}"
        );

        let number = Answer::Number(
            plane.places().iter().map(|place| place.1).collect(),
            Axis::linear("h", (-0.15, 1.15)),
        );
        let text = boundary(&plane, &number, (&Rows::default(), None), Window::PLAIN);
        assert!(text.lines().nth(1).unwrap().ends_with("████████████████"), "{text}");
        assert!(text.starts_with("h, over a") && text.contains("from blank at -0.15 to █ at 1.15"));
        assert!(!text.contains("rows of the data"));
    }

    /// All of it fits the window, colours take no room, and there are many rows without all being hidden.
    #[test]
    fn what_is_drawn_fits_and_colours_end_where_they_began() {
        for columns in [20, 80, 200] {
            let window = Window { columns, paint: Paint::Colored };
            let plane = plane(window.cells());
            let values = plane.places().iter().map(|place| place.0).collect();
            let points = (0..64).map(|at| (f64::from(at) / 64.0, 0.5)).collect();
            let many = Rows { points, classes: vec![1; 64], ..rows() };
            let text = boundary(
                &plane,
                &Answer::Probability(values),
                (&many, Some("64 of 1000 rows shown")),
                window,
            );
            assert!(text.contains("64 of 1000 rows") && text.contains('▀'), "{text}");
            for line in text.lines() {
                assert_eq!(line.matches("\x1b[38").count(), line.matches("\x1b[0m").count());
                let bare: usize = line
                    .split('\x1b')
                    .map(|part| {
                        part.split_once('m')
                            .map_or(
                                part,
                                |(code, rest)| if code.starts_with('[') { rest } else { part },
                            )
                            .chars()
                            .count()
                    })
                    .sum();
                assert!(bare <= columns.max(60), "{bare}: {line}");
            }
        }
    }

    #[test]
    fn the_nearest_colour_is_taken() {
        let of = |red, green, blue| code(Color(red, green, blue));
        assert_eq!((of(0, 0, 0), of(255, 255, 255)), (16, 231));
        assert_eq!((of(255, 0, 0), of(95, 135, 175), of(238, 238, 238)), (196, 67, 255));
    }
}
