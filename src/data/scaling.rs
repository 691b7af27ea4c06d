//! Inputs brought to a common scale, fitted on the rows that are trained on and on no other.

use super::DataError;
use super::table::Table;
use crate::network::named;

named! {
    /// How inputs are brought to a common scale.
    pub enum Normalize ("normalize") {
        /// Not at all.
        None = "none",
        /// From the smallest and the largest to 0 and 1.
        Unit = "unit",
        /// From the mean and the standard deviation (over all rows, `1/n`) to 0 and 1.
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
    /// What is subtracted and what it is multiplied by, one each per input; `None` where the lists
    /// differ in length or hold what is not finite.
    pub fn new(offset: Vec<f32>, factor: Vec<f32>) -> Option<Scaling> {
        let finite = offset.iter().chain(&factor).all(|value| value.is_finite());
        (offset.len() == factor.len() && finite).then_some(Scaling { offset, factor })
    }

    /// Fitted on these `rows` of `inputs` `[rows][cols]`. `together` where all columns are of one kind, such as the
    /// pixels of an image, and keep their scale among each other; else each is fitted by itself. A
    /// column of one single value says nothing, and becomes 0.
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
        let column = |col: usize| rows.iter().map(move |row| f64::from(inputs[row * cols + col]));
        let all =
            || rows.iter().flat_map(|row| &inputs[row * cols..][..cols]).map(|&x| f64::from(x));
        let (offset, factor) = if together {
            let (offset, factor) = fit(&mut || Box::new(all()));
            (vec![offset; cols], vec![factor; cols])
        } else {
            (0..cols).map(|col| fit(&mut || Box::new(column(col)))).unzip()
        };
        Some(Scaling { offset, factor })
    }

    /// What is subtracted.
    pub fn offset(&self) -> &[f32] {
        &self.offset
    }

    /// What the rest is multiplied by.
    pub fn factor(&self) -> &[f32] {
        &self.factor
    }

    /// Applies it to `inputs` `[rows][cols]`. The same numbers give the same bits, in training and
    /// in prediction.
    ///
    /// # Errors
    /// [`DataError::Unscalable`] naming row and input where a number leaves the range of f32.
    pub fn apply(&self, name: &str, inputs: &mut [f32]) -> Result<(), DataError> {
        let cols = self.offset.len();
        for (row, inputs) in inputs.chunks_exact_mut(cols).enumerate() {
            for (col, input) in inputs.iter_mut().enumerate() {
                let wide = f64::from(*input) - f64::from(self.offset[col]);
                let scaled = (wide * f64::from(self.factor[col])) as f32;
                if !scaled.is_finite() {
                    let (row, input, value) = (row + 1, col + 1, *input);
                    return Err(DataError::Unscalable { name: name.to_owned(), row, input, value });
                }
                *input = scaled;
            }
        }
        Ok(())
    }

    /// The same to the inputs of a table.
    pub(super) fn apply_to(&self, table: &mut Table) -> Result<(), DataError> {
        let name = table.name.clone();
        self.apply(&name, &mut table.inputs)
    }
}

type Values<'a> = Box<dyn Iterator<Item = f64> + 'a>;

fn unit<'a>(values: &mut dyn FnMut() -> Values<'a>) -> (f32, f32) {
    let ends = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    (ends.0 as f32, inverse(ends.1 - ends.0))
}

fn standard<'a>(values: &mut dyn FnMut() -> Values<'a>) -> (f32, f32) {
    let count = values().count() as f64;
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    (mean as f32, inverse(variance.sqrt()))
}

/// `1 / width`, or 0 where there is none to speak of.
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
    fn a_column_of_one_value_becomes_nothing_everywhere() {
        for normalize in [Normalize::Unit, Normalize::Standard] {
            let scaling =
                Scaling::fit(&[5.0, 1.0, 5.0, 2.0], 2, &[0, 1], normalize, false).unwrap();
            let mut other = [9.0, 1.0];
            scaling.apply("t", &mut other).unwrap();
            assert_eq!(other[0], 0.0, "{normalize}");
        }
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow_and_what_does_is_named() {
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
