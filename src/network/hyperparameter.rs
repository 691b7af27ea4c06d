//! Numbers that a member of a family has beside its name: the slope of leaky-relu, Huber's delta, the decays
//! of an optimizer's moments. Each is one row: its flag, its help and its range derive from it.

/// Which values a number may take, as f64 and as the f32 it is computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Range {
    /// More than 0, and a normal number in f32.
    Positive,
    /// 0 or more.
    NonNegative,
    /// At least 0 and less than 1.
    Fraction,
}

impl Range {
    /// Whether a value lies within.
    pub fn contains(self, value: f64) -> bool {
        let single = value as f32;
        match self {
            Range::Positive => single.is_normal() && value > 0.0,
            Range::NonNegative => single.is_finite() && value >= 0.0,
            Range::Fraction => (0.0..1.0).contains(&value) && single < 1.0,
        }
    }

    /// In words, as in "`momentum` 2: must be ...".
    pub const fn requirement(self) -> &'static str {
        match self {
            Range::Positive => "a positive number that f32 can hold",
            Range::NonNegative => "0 or more",
            Range::Fraction => "at least 0 and less than 1",
        }
    }
}

/// One such number.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub struct Hyperparameter {
    /// The flag without its dashes, and the key in files.
    pub name: &'static str,
    /// What it is, for `--help`.
    pub help: &'static str,
    /// Its value where nothing is said.
    pub default: f64,
    /// What it may be.
    pub range: Range,
}

impl Hyperparameter {
    /// The default as a person writes it: 0.9, 1e-8.
    pub fn default_text(&self) -> String {
        match self.default {
            small if small != 0.0 && small.abs() < 1e-4 => format!("{small:e}"),
            other => other.to_string(),
        }
    }

    /// Whether a value can be used.
    ///
    /// # Errors
    /// [`BadValue`] names the hyperparameter, the value and the fix.
    pub fn check(&self, value: f64) -> Result<(), BadValue> {
        if self.range.contains(value) {
            return Ok(());
        }
        Err(BadValue {
            setting: format!("`{}` {value}", self.name.replace('-', "_")),
            reason: format!("must be {}, as in {}", self.range.requirement(), self.default_text()),
        })
    }
}

/// A hyperparameter out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
#[non_exhaustive]
pub struct BadValue {
    /// The hyperparameter, with its value.
    pub setting: String,
    /// What is wrong with it, and the fix.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_must_be_in_range_also_as_f32() {
        for (range, good, bad) in [
            (Range::Positive, [1e-30, 5.0], [0.0, 1e-60]),
            (Range::NonNegative, [0.0, 2.0], [-1e-9, f64::INFINITY]),
            (Range::Fraction, [0.0, 0.999], [1.0, 1.0 - 1e-12]),
        ] {
            assert!(good.iter().all(|&value| range.contains(value)), "{range:?}");
            assert!(!bad.iter().any(|&value| range.contains(value)), "{range:?}");
            assert!(!range.contains(f64::NAN) && !range.contains(-1.0), "{range:?}");
        }
        let row = Hyperparameter { name: "alpha", help: "", default: 0.99, range: Range::Fraction };
        let error = row.check(1.5).unwrap_err().to_string();
        assert_eq!(error, "`alpha` 1.5: must be at least 0 and less than 1, as in 0.99");
    }
}
