//! A matrix of a step: its numbers, where they come from, and what they were compared with.

use crate::check::Inexact;

/// Rows up to which all of a matrix is shown, and of larger ones so many; differences are taken of these.
pub const SHOWN_ROWS: usize = 12;
/// The same of columns.
pub const SHOWN_COLS: usize = 8;

/// Where the numbers of a matrix come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Read from a buffer of the device into which no kernel of this step has written.
    Buffer,
    /// Read from the buffer that these kernels wrote, one after the other.
    Kernels(Vec<&'static str>),
    /// From the reference in f32: the whole step was made without a device.
    Reference,
    /// From the reference in f64, beside a step on a device: no kernel writes it there.
    NoKernel,
}

/// What a central difference says of a gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Numeric {
    /// The difference, and how far the derivative of the f64 reference may be from it.
    Difference {
        /// The difference.
        value: f64,
        /// The bound.
        bound: f64,
    },
    /// A unit or a residual lies at a bend, where no central difference is a derivative.
    AtBend,
    /// None was taken: it is outside what is shown, or there are too many.
    NotTaken,
}

/// What is worth noting of a matrix, by units and rows counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// The unit is 0 on every row of the batch, and its activation can stay so for ever.
    Dead {
        /// Its column.
        unit: usize,
    },
    /// The unit is saturated on every row of the batch.
    Saturated {
        /// Its column.
        unit: usize,
    },
    /// The activation's slope is 0: nothing goes back through this unit for this row.
    ZeroSlope {
        /// The row.
        row: usize,
        /// The column.
        unit: usize,
    },
    /// No row gives this unit a gradient.
    NoGradient {
        /// Its column.
        unit: usize,
    },
}

/// The same numbers from the f64 reference, and how far f32 arithmetic may be from them.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// Row by row, `[rows][cols]`.
    pub values: Vec<f64>,
    /// How far f32 may be from each, derived, `[rows][cols]`.
    pub bounds: Vec<f64>,
}

impl Comparison {
    pub(super) fn new(numbers: &[Inexact]) -> Comparison {
        let (values, bounds) = crate::check::apart(numbers);
        Comparison { values, bounds }
    }

    /// The largest difference from these numbers, `[rows][cols]`, and the bound there.
    pub fn worst(&self, values: &[f64]) -> Option<(f64, f64)> {
        let apart = values.iter().zip(&self.values).map(|(one, other)| (one - other).abs());
        apart.zip(self.bounds.iter().copied()).max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Whether every number of `[rows][cols]` is within its bound.
    pub fn is_close(&self, values: &[f64]) -> bool {
        let pairs = values.iter().zip(&self.values).zip(&self.bounds);
        values.len() == self.values.len()
            && pairs.into_iter().all(|((one, other), bound)| (one - other).abs() <= *bound)
    }
}

/// One matrix.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Matrix {
    /// As formulas call it: `W1`, `dZ2`.
    pub name: String,
    /// Its rows: those of the batch, or the inputs of a layer.
    pub rows: usize,
    /// Its columns: units, inputs or outputs.
    pub cols: usize,
    /// What a row and what a column of it is; empty where there is but one.
    pub axes: [&'static str; 2],
    /// How it is computed; empty for what is given.
    pub formula: String,
    /// What it is, or what the formula means, in words; may be empty.
    pub meaning: String,
    /// Where its numbers come from.
    pub source: Source,
    /// Row by row, `[rows][cols]`.
    pub values: Vec<f64>,
    /// The same from the f64 reference, where it is not given.
    pub reference: Option<Comparison>,
    /// Of a gradient, the same by central differences, one for each number, `[rows][cols]`.
    pub differences: Option<Vec<Numeric>>,
    /// What is worth noting.
    pub marks: Vec<Mark>,
}

impl Matrix {
    /// What is given: nothing computes it.
    pub(super) fn given(
        name: impl Into<String>,
        axes: [&'static str; 2],
        cols: usize,
        values: Vec<f64>,
    ) -> Matrix {
        Matrix {
            name: name.into(),
            rows: values.len() / cols.max(1),
            cols,
            axes,
            formula: String::new(),
            meaning: String::new(),
            source: Source::Buffer,
            values,
            reference: None,
            differences: None,
            marks: Vec::new(),
        }
    }

    /// One number of it.
    pub fn at(&self, row: usize, col: usize) -> f64 {
        self.values.get(row * self.cols + col).copied().unwrap_or(f64::NAN)
    }

    /// Whether every number is within its bound of the reference; `None` where there is none.
    pub fn is_close(&self) -> Option<bool> {
        self.reference.as_ref().map(|reference| reference.is_close(&self.values))
    }

    /// The largest distance of the f64 reference's derivatives from their differences, with its bound.
    pub fn worst_difference(&self) -> Option<(f64, f64)> {
        let taken = self.differences_taken();
        taken.map(|(_, apart, bound)| (apart, bound)).max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Whether these are all within their bounds; `None` where none was taken.
    pub fn agrees_with_differences(&self) -> Option<bool> {
        let mut taken = self.differences_taken().peekable();
        taken.peek()?;
        Some(taken.all(|(_, apart, bound)| apart <= bound))
    }

    /// Each difference that was taken: where, how far the reference is from it, and the bound.
    fn differences_taken(&self) -> impl Iterator<Item = (usize, f64, f64)> {
        let all = self.differences.iter().flatten().enumerate();
        all.filter_map(|(at, numeric)| match numeric {
            Numeric::Difference { value, bound } => {
                let analytic = self.reference.as_ref()?.values.get(at)?;
                Some((at, (analytic - value).abs(), *bound))
            }
            _ => None,
        })
    }
}
