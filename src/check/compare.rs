//! Comparison of two lists of numbers within a bound.

use std::fmt;

/// The tolerance of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Bound<'a> {
    /// Equal values; 0 and -0 are equal.
    Exact,
    /// `absolute + relative * |expected|`.
    Mixed {
        /// The absolute part.
        absolute: f64,
        /// The part relative to the expected value.
        relative: f64,
    },
    /// One bound per element.
    Each(&'a [f64]),
}

impl Bound<'_> {
    fn at(&self, index: usize, expected: f64) -> f64 {
        match self {
            Bound::Exact => 0.0,
            Bound::Mixed { absolute, relative } => absolute + relative * expected.abs(),
            Bound::Each(bounds) => bounds.get(index).copied().unwrap_or(f64::NAN),
        }
    }
}

/// Two lists that agree.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Agreement {
    /// Numbers compared.
    pub count: usize,
    /// The largest difference as a share of its bound; 0 if all are equal.
    pub share: f64,
}

/// Two lists that do not agree.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Empty lists do not agree.
    #[error("{label}: nothing to compare")]
    Empty {
        /// What was compared.
        label: String,
    },
    /// Different lengths.
    #[error("{label}: {actual} values where {expected} were expected")]
    Length {
        /// What was compared.
        label: String,
        /// Length found.
        actual: usize,
        /// Length expected.
        expected: usize,
    },
    /// A difference that exceeds its bound or is NaN.
    #[error("{label}: {0}", worst)]
    Value {
        /// What was compared.
        label: String,
        /// The worst element.
        worst: Worst,
    },
}

/// The element whose difference is the largest share of its bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    /// Its index.
    pub index: usize,
    /// The value found.
    pub actual: f64,
    /// The value expected.
    pub expected: f64,
    /// The bound.
    pub bound: f64,
    /// How many elements exceed their bounds.
    pub beyond: usize,
    /// How many were compared.
    pub count: usize,
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Worst { index, actual, expected, bound, beyond, count } = *self;
        let difference = (actual - expected).abs();
        write!(f, "{beyond} of {count} values exceed their bound; worst at [{index}]: ")?;
        write!(f, "{actual:e} where {expected:e} was expected, {difference:e} apart")?;
        write!(f, ", bound {bound:e} ({:.2} of it used)", difference / bound)
    }
}

/// Whether every element of `actual` is within its bound of `expected`.
///
/// # Errors
/// [`Mismatch`] for different lengths, for nothing to compare, and where a difference is not
/// `<=` its bound: NaN on either side fails.
pub fn compare<A, E>(
    label: &str,
    actual: &[A],
    expected: &[E],
    bound: Bound<'_>,
) -> Result<Agreement, Mismatch>
where
    A: Copy + Into<f64>,
    E: Copy + Into<f64>,
{
    let label = label.to_owned();
    if actual.len() != expected.len() {
        let (actual, expected) = (actual.len(), expected.len());
        return Err(Mismatch::Length { label, actual, expected });
    }
    if actual.is_empty() {
        return Err(Mismatch::Empty { label });
    }
    let count = actual.len();
    let (mut beyond, mut share, mut worst) = (0, 0.0, None);
    for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let (actual, expected): (f64, f64) = (actual.into(), expected.into());
        if actual == expected {
            continue;
        }
        let bound = bound.at(index, expected);
        let difference = (actual - expected).abs();
        // NaN anywhere exceeds the bound, and an infinity equals only itself.
        let within = difference <= bound && difference.is_finite();
        let used = if within { difference / bound } else { f64::INFINITY };
        beyond += usize::from(!within);
        let rank = if difference.is_nan() { f64::INFINITY } else { difference / bound };
        if worst.is_none_or(|(_, best): (Worst, f64)| rank > best) {
            worst = Some((Worst { index, actual, expected, bound, beyond: 0, count }, rank));
        }
        share = f64::max(share, used);
    }
    match worst {
        Some((worst, _)) if beyond > 0 => {
            Err(Mismatch::Value { label, worst: Worst { beyond, ..worst } })
        }
        _ => Ok(Agreement { count, share }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIGHT: Bound<'_> = Bound::Mixed { absolute: 1e-6, relative: 1e-6 };

    #[test]
    fn agrees_within_the_bound_and_says_how_much_of_it_was_used() {
        let agreement = compare("x", &[1.0, 2.0], &[1.0, 2.0 + 1.5e-6], TIGHT).unwrap();
        assert_eq!(agreement.count, 2);
        approx::assert_abs_diff_eq!(agreement.share, 0.5, epsilon = 1e-3);
    }

    #[test]
    fn nan_never_agrees() {
        let nan = f64::NAN;
        for bound in [Bound::Exact, TIGHT, Bound::Each(&[nan]), Bound::Each(&[f64::INFINITY])] {
            assert!(compare("x", &[nan], &[1.0], bound).is_err());
            assert!(compare("x", &[1.0], &[nan], bound).is_err());
            assert!(compare("x", &[nan], &[nan], bound).is_err());
        }
        assert!(compare("x", &[2.0], &[1.0], Bound::Each(&[nan])).is_err());
    }

    #[test]
    fn infinity_agrees_only_with_itself() {
        let inf = f64::INFINITY;
        assert!(compare("x", &[inf], &[inf], Bound::Exact).is_ok());
        assert!(compare("x", &[inf], &[1.0], TIGHT).is_err());
        assert!(compare("x", &[1.0], &[inf], TIGHT).is_err());
        assert!(compare("x", &[-inf], &[inf], TIGHT).is_err());
    }

    #[test]
    fn empty_and_short_lists_do_not_agree() {
        let none: [f32; 0] = [];
        assert!(matches!(compare("x", &none, &none, TIGHT), Err(Mismatch::Empty { .. })));
        assert!(matches!(compare("x", &[1.0], &[1.0, 2.0], TIGHT), Err(Mismatch::Length { .. })));
        assert!(compare("x", &[1.0, 2.5], &[1.0, 2.0], Bound::Each(&[1.0])).is_err());
    }

    #[test]
    fn an_untouched_buffer_does_not_agree() {
        let sentinel = f32::from_bits(0x7fc0_dead);
        assert!(compare("x", &[0.0f32, sentinel], &[0.0f32, 0.0], TIGHT).is_err());
    }

    #[test]
    fn the_message_names_the_worst() {
        let error = compare("dW", &[1.0, 5.0, 2.1], &[1.0, 2.0, 2.0], TIGHT).unwrap_err();
        let text = error.to_string();
        for part in ["dW", "2 of 3", "[1]", "5e0", "2e0", "3e0"] {
            assert!(text.contains(part), "{text:?} should contain {part:?}");
        }
        let error = compare("dW", &[f64::NAN, 5.0], &[1.0, 2.0], TIGHT).unwrap_err();
        assert!(error.to_string().contains("[0]"), "{error}");
    }

    #[test]
    fn exact_means_equal() {
        assert!(compare("x", &[0.0f32, 1.0], &[-0.0f32, 1.0], Bound::Exact).is_ok());
        assert!(compare("x", &[1.0f32], &[1.0f32 + f32::EPSILON], Bound::Exact).is_err());
    }
}
