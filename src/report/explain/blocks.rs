//! What an explanation is made of, whatever it is written as.

use crate::report::table;

/// A piece of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    /// A heading: 1 of the document, 2 of a part.
    Heading(usize, String),
    /// Plain words.
    Paragraph(String),
    /// Short lines, each by itself.
    Facts(Vec<String>),
    /// Something worth noting.
    Note(String),
    /// A matrix, beside what it is compared with.
    Matrix(MatrixBlock),
    /// A table with names over its columns.
    Table(TableBlock),
    /// Lines of arithmetic.
    Equations(Vec<EquationLine>),
}

/// A matrix with all that is said of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MatrixBlock {
    /// `Z1`.
    pub name: String,
    /// `X · W1 + b1`; empty for what is given.
    pub formula: String,
    /// Its shape, and where it comes from.
    pub about: String,
    /// The same numbers from one place after the other.
    pub grids: Vec<Grid>,
    /// How far these are apart, and what is left out.
    pub below: Vec<String>,
}

/// Numbers in rows and columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    /// Where they come from, where there are several.
    pub title: String,
    /// What stands over each column.
    pub head: Vec<String>,
    /// What stands before each row, and its cells.
    pub lines: Vec<(String, Vec<String>)>,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TableBlock {
    /// What stands over each column.
    pub head: Vec<String>,
    /// So many columns are of words, the others of numbers.
    pub words: usize,
    pub lines: Vec<Vec<String>>,
}

/// `name = symbols = numbers = value`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EquationLine {
    pub name: String,
    /// What it is equal to, one after the other.
    pub sides: Vec<String>,
}

/// How numbers of a matrix are written, so that they line up and can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Whole numbers.
    Whole,
    /// Six decimals.
    Fixed,
    /// Six digits and an exponent.
    Exponent,
}

/// Below this a number of six decimals would be shown as 0.
const LEAST_FIXED: f64 = 0.5e-6;

impl Style {
    /// What suits all of these.
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone) -> Style {
        let finite = values.filter(|value| value.is_finite());
        let largest = finite.clone().map(f64::abs).fold(0.0, f64::max);
        let is_whole = finite.clone().all(|value| value.fract() == 0.0);
        match largest {
            _ if is_whole && largest < 1e9 => Style::Whole,
            1e-3..1e5 => Style::Fixed,
            _ => Style::Exponent,
        }
    }

    /// A number; 0 alone is written as 0.
    pub(super) fn write(self, value: f64) -> String {
        match self {
            _ if value == 0.0 => "0".to_owned(),
            _ if !value.is_finite() => value.to_string(),
            Style::Whole => format!("{value}"),
            Style::Fixed if value.abs() >= LEAST_FIXED => format!("{value:.6}"),
            Style::Fixed => format!("{value:.1e}"),
            Style::Exponent => format!("{value:.5e}"),
        }
    }
}

/// A number by itself.
pub(super) fn number(value: f64) -> String {
    match value {
        value if !value.is_finite() => value.to_string(),
        value if value != 0.0 && value.abs() < 1e-6 => format!("{value:.3e}"),
        value => table::six_digits(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_shows_every_number_and_zero_alone_as_zero() {
        let style = |values: &[f64]| Style::of(values.iter().copied());
        assert_eq!(style(&[0.0, 1.0, -3.0]), Style::Whole);
        assert_eq!(style(&[0.0, 0.5, f64::NAN]), Style::Fixed);
        assert_eq!(style(&[1e-5, 0.0]), Style::Exponent);
        assert_eq!(style(&[0.5, 2e7]), Style::Exponent);
        for (value, text) in [(0.0, "0"), (-0.0, "0"), (0.25, "0.250000"), (1e-9, "1.0e-9")] {
            assert_eq!(Style::Fixed.write(value), text);
        }
        assert_eq!(Style::Exponent.write(-2e7), "-2.00000e7");
        assert_eq!(Style::Fixed.write(f64::NAN), "NaN");
    }
}
