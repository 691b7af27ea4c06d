//! Text for people and spreadsheets: aligned columns, comma-separated values, numbers with units.

use std::fmt::Display;

use crate::data::Scaling;
pub(super) use crate::text::{aligned, columns, counted, seconds};

/// Inputs, targets where they are known, and predictions: one line per row.
pub(super) fn predictions(
    inputs: impl Iterator<Item = String>,
    targets: Option<&[f64]>,
    predictions: &[f64],
    outputs: usize,
) -> String {
    let head: &[&str] = match targets {
        Some(_) => &["input", "target", "prediction"],
        None => &["input", "prediction"],
    };
    let lines = inputs.enumerate().map(|(row, input)| {
        let range = row * outputs..(row + 1) * outputs;
        let fixed = predictions[range.clone()].iter().map(|value| format!("{value:.4}"));
        let target = targets.map(|targets| joined(&targets[range]));
        let prediction = fixed.collect::<Vec<_>>().join(" ");
        [Some(input), target, Some(prediction)].into_iter().flatten().collect()
    });
    aligned(head.len(), "   ", head, lines)
}

/// Numbers of six digits with spaces between: what scaling and rounding left of them is not shown.
pub(super) fn joined<T: Copy + Into<f64>>(values: &[T]) -> String {
    values.iter().map(|&value| six_digits(value.into())).collect::<Vec<_>>().join(" ")
}

/// Whole numbers as they are, others to six digits; nothing for what is none.
pub(super) fn six_digits(value: f64) -> String {
    match value {
        value if value.is_nan() => String::new(),
        value if value.fract() == 0.0 && value.abs() < 1e15 => (value + 0.0).to_string(),
        value => {
            let decimals = (5 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
            let text = format!("{value:.decimals$}");
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
    }
}

/// A number of five digits.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-4..1e15).contains(&size) => {
            format!("{value:.4e}").parse::<f64>().unwrap_or(f64::NAN).to_string()
        }
        _ => format!("{value:.3e}"),
    }
}

/// Inputs as they were before they were scaled, to as many decimals as scaling has left of them.
pub(super) fn unscaled(scaling: &Scaling, row: &[f32]) -> String {
    let number = |(at, &value): (usize, &f32)| {
        let resolution = 1e-6 / scaling.factor()[at].abs();
        let decimals = (-resolution.log10().round()).clamp(0.0, 12.0) as usize;
        let text = format!("{:.decimals$}", scaling.unscaled(at, value));
        let short = match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.'),
            false => &text,
        };
        if short == "-0" { "0".to_owned() } else { short.to_owned() }
    };
    row.iter().enumerate().map(number).collect::<Vec<_>>().join(" ")
}

/// Comma-separated values, quoted where needed.
pub(super) fn csv<H: AsRef<str>>(
    head: &[H],
    lines: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory cannot fail.
    let _ = writer.write_record(head.iter().map(AsRef::as_ref));
    for line in lines {
        let _ = writer.write_record(line);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// A value, or a dash where there is none.
pub(super) fn or_dash(value: Option<impl Display>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

/// A value, or nothing where there is none.
pub(super) fn or_empty(value: Option<impl Display>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// `0.458` as `45.8 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
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

/// A loss with six decimals, or in scientific notation where these would be meaningless.
pub fn loss(value: f64) -> String {
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        format!("{value:.6}")
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [[0.0, 1.0], [10.5, 0.0]];
        let inputs = || rows.iter().map(|row| joined(row));
        let text = predictions(inputs(), Some(&[1.0, 0.0]), &[0.98766, 0.1], 1);
        let expected =
            "input    target   prediction\n0 1      1        0.9877\n10.5 0   0        0.1000\n";
        assert_eq!(text, expected);
        assert_eq!(
            predictions(["2".to_owned()].into_iter(), None, &[0.5], 1),
            "input   prediction\n2       0.5000\n"
        );
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
        assert_eq!(seconds(0.0000421, 0), "42 us");
        assert_eq!(seconds(0.25, 0), "250 ms");
        assert_eq!(seconds(12.345, 0), "12.35 s");
        assert_eq!(seconds(0.0123456, 3), "12.346 ms");
    }
}
