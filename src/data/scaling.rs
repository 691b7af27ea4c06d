//! Normalization of inputs and of targets, fitted on the training rows alone.

use crate::network::named;

named! {
    /// How inputs, or targets that are numbers, are normalized.
    pub enum Normalize ("normalize") {
        /// Not at all.
        None = "none",
        /// Minimum and maximum become 0 and 1.
        Unit = "unit",
        /// Mean and standard deviation (over all rows, `1/n`) become 0 and 1.
        Standard = "standard",
    }
}

/// `(x - offset) * factor`, per input or per target, in f64 until the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    offset: Vec<f64>,
    factor: Vec<f64>,
}

impl Scaling {
    /// Offset and factor of each, `[columns]`; `None` if the lists differ in length or hold a value that is not finite.
    pub fn new(offset: Vec<f64>, factor: Vec<f64>) -> Option<Scaling> {
        let finite = offset.iter().chain(&factor).all(|value| value.is_finite());
        (offset.len() == factor.len() && finite).then_some(Scaling { offset, factor })
    }

    /// The offsets, `[columns]`.
    pub fn offset(&self) -> &[f64] {
        &self.offset
    }

    /// The factors, `[columns]`.
    pub fn factor(&self) -> &[f64] {
        &self.factor
    }

    /// What number `at` of a row becomes: the same bits in training and in prediction.
    pub(super) fn scaled(&self, at: usize, value: f64) -> f32 {
        ((value - self.offset[at]) * self.factor[at]) as f32
    }

    /// What number `at` of a row was; the offset, where all were the same.
    pub fn unscaled(&self, at: usize, value: f32) -> f64 {
        let width = if self.factor[at] == 0.0 { 0.0 } else { 1.0 / self.factor[at] };
        f64::from(value) * width + self.offset[at]
    }

    /// The same for all rows, `[rows][len]`; as they are without a scaling.
    pub fn own_unit(scaling: Option<&Scaling>, values: &[f32]) -> Vec<f64> {
        let own = |(index, &value): (usize, &f32)| match scaling {
            Some(scaling) => scaling.unscaled(index % scaling.offset.len(), value),
            None => value.into(),
        };
        values.iter().enumerate().map(own).collect()
    }

    /// How many times as large the mean of squared errors is in the unit of the targets; 1 for several
    /// targets, which have no unit in common, and where f32 would not hold such losses.
    pub fn squared_unit(&self) -> f64 {
        let unit = match self.factor[..] {
            [factor] => 1.0 / (factor * factor),
            _ => 1.0,
        };
        if (1e-30..1e30).contains(&unit) { unit } else { 1.0 }
    }
}

/// The offset and the factor that a kind of normalization takes for some values; a constant becomes 0.
pub(super) fn fit<I: Iterator<Item = f64>>(
    normalize: Normalize,
    values: impl Fn() -> I,
) -> (f64, f64) {
    match normalize {
        Normalize::None => (0.0, 1.0),
        Normalize::Unit => {
            let ends = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
            (ends.0, inverse(ends.1 - ends.0))
        }
        Normalize::Standard => {
            let (count, sum) = values().fold((0.0, 0.0), |(n, sum), value| (n + 1.0, sum + value));
            let mean = sum / count;
            let squares: f64 = values().map(|value| (value - mean) * (value - mean)).sum();
            // What rounding alone leaves of a constant is no deviation.
            let deviation = (squares / count).sqrt();
            let noise = 4.0 * f64::EPSILON * mean.abs();
            (mean, if deviation <= noise { 0.0 } else { inverse(deviation) })
        }
    }
}

/// `1 / width`, or 0 if that is not finite.
fn inverse(width: f64) -> f64 {
    let factor = 1.0 / width;
    if factor.is_finite() { factor } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_ends_by_hand() {
        let of = |normalize, values: &[f64]| fit(normalize, || values.iter().copied());
        assert_eq!(of(Normalize::Unit, &[2.0, 4.0, 10.0]), (2.0, 0.125));
        assert_eq!(of(Normalize::Standard, &[1.0, 3.0]), (2.0, 1.0));
        assert_eq!(of(Normalize::Standard, &[7.0, 7.0]), (7.0, 0.0));
        assert_eq!(of(Normalize::Unit, &[7.0]), (7.0, 0.0));
        assert_eq!(of(Normalize::Standard, &[0.1; 7]).1, 0.0);
        assert_eq!(of(Normalize::None, &[5.0]), (0.0, 1.0));
    }

    #[test]
    fn numbers_come_back_in_their_unit() {
        let scaling = Scaling::new(vec![2e5, 0.0], vec![1e-4, 2.0]).unwrap();
        assert_eq!(scaling.scaled(0, 210_000.0), 1.0);
        assert_eq!(Scaling::own_unit(Some(&scaling), &[1.0, 3.0]), [210_000.0, 1.5]);
        assert_eq!(Scaling::own_unit(None, &[1.0, 3.0]), [1.0, 3.0]);
        assert_eq!(Scaling::new(vec![2e5], vec![1e-4]).unwrap().squared_unit().round(), 1e8);
        assert_eq!(scaling.squared_unit(), 1.0);
        assert_eq!(Scaling::new(vec![3.0], vec![0.0]).unwrap().unscaled(0, 9.0), 3.0);
        assert!(Scaling::new(vec![1.0], vec![f64::NAN]).is_none());
        assert!(Scaling::new(vec![1.0], vec![]).is_none());
    }

    /// Times that f32 does not tell apart are different once they are scaled.
    #[test]
    fn large_offsets_keep_small_differences() {
        let times = || (0..64).map(|second| 1.7e9 + f64::from(second));
        let (offset, factor) = fit(Normalize::Standard, times);
        let scaling = Scaling::new(vec![offset], vec![factor]).unwrap();
        let scaled: Vec<f32> = times().map(|time| scaling.scaled(0, time)).collect();
        assert!(scaled.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
