//! Letters of strokes, for pictures that are pixels: SVG has the reader's own fonts. A stroke is a list of
//! points in pairs of signs, the column and the row: `24` is column 2, row 4. A column that is a letter
//! (`a` is 0) is rounded: the stroke bends around it. The baseline is row 2, capitals end at row 10 (`A`), small
//! letters at row 8. A stroke of one place twice is a dot.

use super::scene::Point;

/// The height of capitals, and the rows below the baseline.
const CAPITAL: f64 = 8.0;
const BASELINE: f64 = 2.0;
/// The height of capitals as a share of the size of a text.
const CAPITAL_SHARE: f64 = 0.72;
/// Columns between two letters.
const GAP: f64 = 2.0;
/// Pieces of a bend.
const PIECES: usize = 6;

/// A letter, how many columns wide it is, and its strokes.
type Glyph = (char, u8, &'static str);

#[rustfmt::skip]
const GLYPHS: [Glyph; 106] = [
    (' ', 2, ""), ('!', 0, "0A05 0202"), ('"', 2, "0A08 2A28"), ('#', 6, "2A12 5A42 0767 0464"),
    ('$', 5, "58fAaAa6f6f2a204 2B21"), ('%', 6, "026A 1AcAc8a8aA1A 54g4g2e2e454"),
    ('&', 6, "6218aAeAe8a5a2e266"), ('\'', 0, "0A08"), ('(', 2, "2Aa8a321"), (')', 2, "0Ac8c301"),
    ('*', 4, "2A26 0947 0749"), ('+', 4, "0646 2824"), (',', 1, "1200"), ('-', 3, "0535"), ('.', 0, "0202"),
    ('/', 4, "014A"), ('0', 4, "2AeAe2a2aA2A"), ('1', 4, "182A22"), ('2', 4, "08aAeAe60242"),
    ('3', 4, "09aAeAe626 26e6e2a203"), ('4', 4, "3A0444 3732"), ('5', 4, "4A0A06b7e7e2a203"),
    ('6', 4, "27e7e2a2a727 49eAaA04"), ('7', 4, "0A4A12"), ('8', 4, "2AeAe6a6aA2A 26e6e2a2a626"),
    ('9', 4, "25a5aAeAe525 03a2e248"), (':', 0, "0202 0707"), (';', 1, "1200 1717"), ('<', 4, "490643"),
    ('=', 4, "0747 0545"), ('>', 4, "094603"), ('?', 4, "08aAeAe62524 2222"),
    ('@', 7, "57d7d455 5755h577hAaAa262"), ('A', 6, "023A62 1555"), ('B', 5, "020A2AeAe62606 26f6f22202"),
    ('C', 6, "68gAaAa2g264"), ('D', 6, "020A2AgAg22202"), ('E', 5, "5A0A0252 0646"), ('F', 5, "5A0A02 0646"),
    ('G', 6, "68gAaAa2g26636"), ('H', 6, "020A 626A 0666"), ('I', 0, "020A"), ('J', 4, "4A45e2a204"),
    ('K', 5, "020A 5A05 2752"), ('L', 4, "0A0242"), ('M', 6, "020A356A62"), ('N', 6, "020A626A"),
    ('O', 6, "3AgAg2a2aA3A"), ('P', 5, "020A2AfAf52505"), ('Q', 6, "3AgAg2a2aA3A 4562"),
    ('R', 5, "020A2AfAf52505 2552"), ('S', 5, "58fAaAa6f6f2a204"), ('T', 6, "0A6A 3A32"),
    ('U', 6, "0A05a2g2656A"), ('V', 6, "0A326A"), ('W', 8, "0A224A628A"), ('X', 6, "0A62 026A"),
    ('Y', 6, "0A366A 3632"), ('Z', 6, "0A6A0262"), ('[', 2, "2A0A0121"), ('\\', 4, "0A41"), (']', 2, "0A2A2101"),
    ('^', 4, "082A48"), ('_', 5, "0151"), ('`', 1, "0A18"), ('a', 4, "4842 28e8e2a2a828"),
    ('b', 4, "0A02 28e8e2a2a828"), ('c', 4, "47e8a8a2e243"), ('d', 4, "4A42 28e8e2a2a828"),
    ('e', 4, "0545e8a8a2e243"), ('f', 3, "3AbA1712 0838"), ('g', 4, "28e8e2a2a828 4842e0a001"),
    ('h', 4, "0A02 06a8e84542"), ('i', 0, "0802 0A0A"), ('j', 2, "2821c000 2A2A"), ('k', 4, "0A02 4804 1542"),
    ('l', 0, "0A02"), ('m', 6, "0802 06a8d83532 36d8g86562"), ('n', 4, "0802 06a8e84542"),
    ('o', 4, "28e8e2a2a828"), ('p', 4, "0800 28e8e2a2a828"), ('q', 4, "4840 28e8e2a2a828"),
    ('r', 3, "0802 06a838"), ('s', 4, "47e8a8a5e5e2a203"), ('t', 3, "1A13b232 0838"),
    ('u', 4, "0805a2e245 4842"), ('v', 4, "082248"), ('w', 6, "0812385268"), ('x', 4, "0842 0248"),
    ('y', 4, "0822 482210"), ('z', 4, "08480242"), ('{', 3, "3AbA180614b131"), ('|', 0, "0A00"),
    ('}', 3, "0AcA283624c101"), ('~', 5, "05b7e557"), ('·', 0, "0606"), ('×', 4, "0844 0448"),
    ('–', 5, "0555"), ('²', 2, "0AaBcBc90727"), ('±', 4, "0747 2925 0343"), ('°', 2, "1BcBc9a9aB1B"),
    ('−', 4, "0646"), ('…', 4, "0202 2222 4242"), ('→', 6, "0666 486644"), ('µ', 4, "0800 05a2e245 4842"),
    // What stands for all others.
    ('\u{fffd}', 4, "02424A0A02"),
];

fn glyph(letter: char) -> Glyph {
    let found = GLYPHS.iter().find(|(own, ..)| *own == letter);
    *found.unwrap_or(&GLYPHS[GLYPHS.len() - 1])
}

/// How many points wide a text of one size is.
pub fn width(text: &str, size: f64) -> f64 {
    let columns: f64 = text.chars().map(|letter| f64::from(glyph(letter).1) + GAP).sum();
    columns * size * CAPITAL_SHARE / CAPITAL
}

/// The strokes of a text whose baseline begins at the origin, upwards negative.
pub fn strokes(text: &str, size: f64) -> Vec<Vec<Point>> {
    let unit = size * CAPITAL_SHARE / CAPITAL;
    let (mut all, mut left) = (Vec::new(), GAP / 2.0);
    for letter in text.chars() {
        let (_, columns, lines) = glyph(letter);
        for line in lines.split(' ').filter(|line| !line.is_empty()) {
            let place = |(x, y): Point| ((left + x) * unit, (BASELINE - y) * unit);
            all.push(bent(line).into_iter().map(place).collect());
        }
        left += f64::from(columns) + GAP;
    }
    all
}

/// The points of one stroke, its bends in pieces.
fn bent(line: &str) -> Vec<Point> {
    let signs = line.as_bytes().chunks_exact(2);
    let corners: Vec<(Point, bool)> = signs
        .map(|pair| {
            let row = if pair[1].is_ascii_digit() { pair[1] - b'0' } else { pair[1] - b'A' + 10 };
            let is_round = pair[0].is_ascii_lowercase();
            let column = if is_round { pair[0] - b'a' } else { pair[0] - b'0' };
            ((f64::from(column), f64::from(row)), is_round)
        })
        .collect();
    let mut points = Vec::new();
    for (at, &(corner, is_round)) in corners.iter().enumerate() {
        // Where the stroke has a corner it goes to it, and half of the way between two bends.
        let towards = |other: usize| match corners[other] {
            (there, true) => ((corner.0 + there.0) / 2.0, (corner.1 + there.1) / 2.0),
            (there, false) => there,
        };
        if !is_round || at == 0 || at + 1 == corners.len() {
            points.push(corner);
            continue;
        }
        let (from, to) = (towards(at - 1), towards(at + 1));
        for piece in 1..=PIECES {
            let t = piece as f64 / PIECES as f64;
            let bend = |a: f64, b: f64, c: f64| {
                (1.0 - t) * (1.0 - t) * a + 2.0 * t * (1.0 - t) * b + t * t * c
            };
            points.push((bend(from.0, corner.0, to.0), bend(from.1, corner.1, to.1)));
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_letter_has_strokes_within_its_width() {
        for letter in (33..127).map(|code| char::from_u32(code).unwrap()) {
            let (own, columns, lines) = glyph(letter);
            assert_eq!(own, letter);
            assert!(lines.split(' ').all(|line| line.len() >= 4 && line.len() % 2 == 0), "{own}");
            for point in lines.split(' ').flat_map(bent) {
                let fits = (0.0..=f64::from(columns)).contains(&point.0);
                assert!(fits && (0.0..=11.0).contains(&point.1), "{own} {point:?}");
            }
        }
        assert_eq!(glyph('語').0, '\u{fffd}');
    }

    #[test]
    fn a_text_is_as_wide_as_its_letters() {
        // Six columns and the gap, at 0.09 of the size each.
        approx::assert_relative_eq!(width("A", 100.0), 72.0);
        approx::assert_relative_eq!(width("AA", 10.0), 14.4, max_relative = 1e-12);
        let top = strokes("A", 100.0).concat().iter().map(|point| point.1).fold(0.0, f64::min);
        approx::assert_relative_eq!(top, -72.0);
    }
}
