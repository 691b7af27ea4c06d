//! Text that commands and a page have in common: aligned columns, counts, times.

use std::fmt::Write as _;

/// A table: the first `left` columns are aligned left, the others right.
pub(crate) fn columns<H: AsRef<str>>(
    left: usize,
    head: &[H],
    lines: impl IntoIterator<Item = Vec<String>>,
) -> String {
    aligned(left, "  ", head, lines)
}

/// The same with another gap between columns.
pub(crate) fn aligned<H: AsRef<str>>(
    left: usize,
    gap: &str,
    head: &[H],
    lines: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let head = head.iter().map(|name| name.as_ref().to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(lines).collect();
    let width = |column: usize| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join(gap).trim_end());
    }
    text
}

/// `1 network`, `2 networks`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Seconds in a suitable unit, with so many decimals below a second.
pub(crate) fn seconds(seconds: f64, decimals: usize) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.decimals$} us", s * 1e6),
        s if s < 1.0 => format!("{:.decimals$} ms", s * 1e3),
        s => format!("{s:.0$} s", decimals.max(2)),
    }
}
