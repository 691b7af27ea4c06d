//! A loss curve in the terminal, drawn in braille characters of 2 by 4 dots.

use std::fmt::Write as _;

const COLUMNS: usize = 60;
const ROWS: usize = 8;

/// Draws `(epoch, loss)` points with a logarithmic loss axis, or a linear one if some loss is not
/// positive. Empty for fewer than two points.
pub(super) fn draw(points: &[(u32, f32)]) -> String {
    let (Some(&(first, _)), Some(&(last, _))) = (points.first(), points.last()) else {
        return String::new();
    };
    let wide: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x.into(), y.into())).collect();
    let logarithmic = points.iter().all(|point| point.1 > 0.0);
    plot(&wide, "loss", logarithmic, &format!("epoch {first}"), &last.to_string())
}

/// Draws points in ascending order of x, on a linear x axis with a label at each end, and on a
/// logarithmic or linear y axis. Empty for fewer than two points.
pub(super) fn plot(
    points: &[(f64, f64)],
    name: &str,
    logarithmic: bool,
    left: &str,
    right: &str,
) -> String {
    let (Some(&(first, _)), Some(&(last, _))) = (points.first(), points.last()) else {
        return String::new();
    };
    if first == last {
        return String::new();
    }
    let scale = |y: f64| if logarithmic { y.log10() } else { y };
    let all = || points.iter().map(|point| scale(point.1));
    let top = all().fold(f64::NEG_INFINITY, f64::max);
    let bottom = all().fold(f64::INFINITY, f64::min);
    let height = if top > bottom { top - bottom } else { 1.0 };

    let mut cells = [[0u8; COLUMNS]; ROWS];
    let mut dot = |x: usize, y: usize| {
        // The bits of Unicode's braille dots, by column and then by row.
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        cells[y / 4][x / 2] |= BITS[x % 2][y % 4];
    };
    let width = (COLUMNS * 2 - 1) as f64;
    let x_of = |x: f64| ((x - first) / (last - first) * width).round() as usize;
    let y_of = |y: f64| ((top - scale(y)) / height * (ROWS * 4 - 1) as f64).round() as usize;
    for pair in points.windows(2) {
        let ((from, from_y), (to, to_y)) =
            ((x_of(pair[0].0), y_of(pair[0].1)), (x_of(pair[1].0), y_of(pair[1].1)));
        for x in from..=to {
            let share = if to > from { (x - from) as f64 / (to - from) as f64 } else { 1.0 };
            dot(x, (from_y as f64 + share * (to_y as f64 - from_y as f64)).round() as usize);
        }
    }

    let label = |row: usize| {
        let value = match row {
            0 => top,
            row if row == ROWS - 1 => bottom,
            _ => return String::new(),
        };
        number(if logarithmic { 10f64.powf(value) } else { value })
    };
    let mut text = String::new();
    for (row, cells) in cells.iter().enumerate() {
        let line: String =
            cells.iter().filter_map(|&bits| char::from_u32(0x2800 + u32::from(bits))).collect();
        let _ = writeln!(text, "{:>9} ┤{}", label(row), line.trim_end_matches('\u{2800}'));
    }
    let axis = if logarithmic { format!("{name}, log") } else { name.to_owned() };
    let width = COLUMNS.saturating_sub(left.chars().count());
    let _ = writeln!(text, "{axis:>9} └{left}{right:>width$}");
    text
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

    #[test]
    fn a_falling_loss_goes_from_the_top_left_to_the_bottom_right() {
        let points: Vec<(u32, f32)> = (1..=100).map(|epoch| (epoch, 1.0 / epoch as f32)).collect();
        let text = draw(&points);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 1);
        assert!(
            lines[0].contains("1.0000 ┤⠑")
                || lines[0].contains("1.0000 ┤⢄")
                || lines[0].contains("1.0000 ┤")
        );
        assert!(lines[ROWS - 1].starts_with("   0.0100 ┤"));
        assert!(lines[ROWS - 1].chars().count() > 60);
        assert!(lines[ROWS].contains("epoch 1") && lines[ROWS].ends_with("100"));
    }

    #[test]
    fn flat_short_and_zero_curves_are_drawn_too() {
        assert_eq!(draw(&[]), "");
        assert_eq!(draw(&[(1, 0.5)]), "");
        assert!(draw(&[(1, 0.5), (2, 0.5)]).contains("0.5000"));
        let zero = draw(&[(1, 0.5), (2, 0.0)]);
        assert!(zero.contains("loss └") && !zero.contains("log"));
    }
}
