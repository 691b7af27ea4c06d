//! Normalization of inputs, fitted on the training rows alone.

use super::{DataError, DataProblem};
use crate::network::named;

named! {
    /// How inputs are normalized.
    pub enum Normalize ("normalize") {
        /// Not at all.
        None = "none",
        /// Minimum and maximum become 0 and 1.
        Unit = "unit",
        /// Mean and standard deviation (over all rows, `1/n`) become 0 and 1.
        Standard = "standard",
    }
}

/// `(x - offset) * factor`, per input.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    offset: Vec<f32>,
    factor: Vec<f32>,
}

impl Scaling {
    /// Offset and factor of each input; `None` if the lists differ in length or hold a value that is
    /// not finite.
    pub fn new(offset: Vec<f32>, factor: Vec<f32>) -> Option<Scaling> {
        let finite = offset.iter().chain(&factor).all(|value| value.is_finite());
        (offset.len() == factor.len() && finite).then_some(Scaling { offset, factor })
    }

    /// Fitted on these `rows` of `inputs` `[rows][cols]`, on all columns `together` (such as the pixels
    /// of an image) or on each by itself. A constant column becomes 0.
    pub(super) fn fit(
        inputs: &[f32],
        cols: usize,
        rows: &[usize],
        normalize: Normalize,
        together: bool,
    ) -> Option<Scaling> {
        let fit = match normalize {
            Normalize::None => return None,
            Normalize::Unit => unit,
            Normalize::Standard => standard,
        };
        let value = |row: &usize, col: usize| f64::from(inputs[row * cols + col]);
        let (offset, factor) = if together {
            let all = || rows.iter().flat_map(|row| (0..cols).map(move |col| value(row, col)));
            let (offset, factor) = fit(&|| Box::new(all()));
            (vec![offset; cols], vec![factor; cols])
        } else {
            let column = |col: usize| rows.iter().map(move |row| value(row, col));
            (0..cols).map(|col| fit(&|| Box::new(column(col)))).unzip()
        };
        Some(Scaling { offset, factor })
    }

    /// The offsets.
    pub fn offset(&self) -> &[f32] {
        &self.offset
    }

    /// The factors.
    pub fn factor(&self) -> &[f32] {
        &self.factor
    }

    /// Applies it to `inputs` `[rows][cols]`: the same numbers give the same bits in training and in
    /// prediction.
    ///
    /// # Errors
    /// [`DataProblem::Unscalable`] with row and input if a number leaves the range of f32.
    pub fn apply(&self, name: &str, inputs: &mut [f32]) -> Result<(), DataError> {
        let cols = self.offset.len();
        for (row, inputs) in inputs.chunks_exact_mut(cols).enumerate() {
            for (col, input) in inputs.iter_mut().enumerate() {
                let wide = f64::from(*input) - f64::from(self.offset[col]);
                let scaled = (wide * f64::from(self.factor[col])) as f32;
                if !scaled.is_finite() {
                    let (row, input, value) = (row + 1, col + 1, *input);
                    return Err(DataProblem::Unscalable { row, input, value }.of(name));
                }
                *input = scaled;
            }
        }
        Ok(())
    }
}

type Values<'a> = Box<dyn Iterator<Item = f64> + 'a>;

fn unit<'a>(values: &dyn Fn() -> Values<'a>) -> (f32, f32) {
    let ends = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    (ends.0 as f32, inverse(ends.1 - ends.0))
}

fn standard<'a>(values: &dyn Fn() -> Values<'a>) -> (f32, f32) {
    let count = values().count() as f64;
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    (mean as f32, inverse(variance.sqrt()))
}

/// `1 / width`, or 0 if that is not finite.
fn inverse(width: f64) -> f32 {
    let factor = (1.0 / width) as f32;
    if factor.is_finite() { factor } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(normalize: Normalize, together: bool, inputs: &[f32]) -> Vec<f32> {
        let mut values = inputs.to_vec();
        let scaling = Scaling::fit(&values, 2, &[0, 1], normalize, together).unwrap();
        scaling.apply("t", &mut values).unwrap();
        values
    }

    #[test]
    fn by_hand() {
        let rows = [1.0, 10.0, 3.0, 20.0];
        assert_eq!(fitted(Normalize::Unit, false, &rows), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(fitted(Normalize::Standard, false, &rows), [-1.0, -1.0, 1.0, 1.0]);
        let together = fitted(Normalize::Unit, true, &rows);
        for (value, expected) in together.iter().zip([0.0, 9.0 / 19.0, 2.0 / 19.0, 1.0]) {
            approx::assert_relative_eq!(*value, expected, max_relative = 1e-6);
        }
        assert_eq!(Scaling::fit(&rows, 2, &[0, 1], Normalize::None, false), None);
    }

    #[test]
    fn a_constant_column_becomes_zero_in_all_rows() {
        for normalize in [Normalize::Unit, Normalize::Standard] {
            let scaling =
                Scaling::fit(&[5.0, 1.0, 5.0, 2.0], 2, &[0, 1], normalize, false).unwrap();
            let mut other = [9.0, 1.0];
            scaling.apply("t", &mut other).unwrap();
            assert_eq!(other[0], 0.0, "{normalize}");
        }
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow_and_an_overflow_is_named() {
        let ends = fitted(Normalize::Unit, false, &[f32::MIN, 0.0, f32::MAX, 1.0]);
        assert!(ends[0] == 0.0 && (ends[2] - 1.0).abs() < 1e-6, "{ends:?}");
        let scaling =
            Scaling::fit(&[0.0, 0.0, 1e-20, 1.0], 2, &[0, 1], Normalize::Unit, false).unwrap();
        let error = scaling.apply("t", &mut [0.0, 0.0, 1e30, 1.0]).unwrap_err().to_string();
        assert!(
            error.contains("row 2, input 1: 1e30 is") && error.contains("normalized"),
            "{error}"
        );
    }
}
