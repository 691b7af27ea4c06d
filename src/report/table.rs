//! Columns of numbers.

use std::fmt::Write as _;

/// Inputs, targets where they are known, and predictions: a line a row, columns aligned.
pub(super) fn predictions(
    inputs: &[f32],
    input_len: usize,
    targets: Option<&[f32]>,
    predictions: &[f32],
    outputs: usize,
) -> String {
    let list = |values: &[f32]| {
        values.iter().map(|value| format!("{value}")).collect::<Vec<_>>().join(" ")
    };
    let fixed = |values: &[f32]| {
        values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(" ")
    };
    let mut lines = vec![["input".to_owned(), "target".to_owned(), "prediction".to_owned()]];
    for (row, input) in inputs.chunks_exact(input_len).enumerate() {
        let range = row * outputs..(row + 1) * outputs;
        let target = targets.map_or(String::new(), |targets| list(&targets[range.clone()]));
        lines.push([list(input), target, fixed(&predictions[range])]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1)];
    let mut text = String::new();
    for [input, target, prediction] in &lines {
        let _ = match targets {
            Some(_) => {
                writeln!(text, "{input:<0$}   {target:<1$}   {prediction}", widths[0], widths[1])
            }
            None => writeln!(text, "{input:<0$}   {prediction}", widths[0]),
        };
    }
    text
}

/// Lines of columns, the first the heads: the first `left` columns to the left, the rest to the
/// right.
pub(super) fn columns(lines: &[Vec<String>], left: usize) -> String {
    let count = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// `134217728` as `128 MiB`.
pub(super) fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value.fract() < 0.05 || value.fract() > 0.95 { 0 } else { 1 };
    format!("{value:.digits$} {}", units[unit])
}

/// A loss as a person reads it: six decimals, or a power of ten where they say nothing.
pub(super) fn loss(value: f64) -> String {
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        format!("{value:.6}")
    } else {
        format!("{value:.3e}")
    }
}

/// Seconds as a person reads them.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let text = predictions(&[0.0, 1.0, 10.5, 0.0], 2, Some(&[1.0, 0.0]), &[0.98766, 0.1], 1);
        let expected =
            "input    target   prediction\n0 1      1        0.9877\n10.5 0   0        0.1000\n";
        assert_eq!(text, expected);
        assert_eq!(predictions(&[2.0], 1, None, &[0.5], 1), "input   prediction\n2       0.5000\n");
    }

    #[test]
    fn units() {
        assert_eq!(bytes(1 << 27), "128 MiB");
        assert_eq!(bytes((1 << 31) - 1), "2 GiB");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(
            (loss(0.25), loss(1.5e-7), loss(3e37)),
            ("0.250000".into(), "1.500e-7".into(), "3.000e37".into())
        );
        assert_eq!(seconds(0.0000421), "42 us");
        assert_eq!(seconds(0.25), "250 ms");
        assert_eq!(seconds(12.345), "12.35 s");
    }
}
