//! Whether a small data set is linearly separable, as far as the perceptron can decide.

use crate::data::{Dataset, SOLVED_ROWS};

/// What is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separable {
    /// A line separates the rows.
    Yes,
    /// No line does.
    No,
    /// Undecided.
    Unknown,
}

/// The most multiply-adds to spend: some milliseconds.
const MOST_WORK: usize = 1 << 22;
/// Integers up to here stay exact in f64 over so many additions.
const MOST_EXACT: f32 = 65_536.0;

/// Runs Rosenblatt's perceptron (1958). On separable rows it terminates. On others its weights stay
/// bounded (Minsky & Papert 1969), so with integer inputs they return to an earlier point. The rows
/// added in between, each with its sign, then sum to 0, which rules out a separating line (Gordan
/// 1873). With other inputs rounding could produce such a cycle, so the answer is then unknown.
pub(super) fn separable(data: &Dataset) -> Separable {
    if data.target_len() != 1 || data.rows() > SOLVED_ROWS || !data.is_classification() {
        return Separable::Unknown;
    }
    let is_exact = data.inputs().iter().all(|x| x.fract() == 0.0 && x.abs() <= MOST_EXACT);
    let mut weights = vec![0.0; data.input_len() + 1];
    // Brent's cycle detection: compare with one point, replaced at powers of two.
    let (mut point, mut next) = (weights.clone(), 1);
    for pass in 1..=MOST_WORK / (data.rows() * weights.len()) {
        let mut is_separated = true;
        for row in 0..data.rows() {
            let sign = if data.target(row)[0] == 1.0 { 1.0 } else { -1.0 };
            let input = || data.input(row).iter().map(|&x| f64::from(x)).chain([1.0]);
            let sum: f64 = weights.iter().zip(input()).map(|(w, x)| w * x).sum();
            if sign * sum <= 0.0 {
                weights.iter_mut().zip(input()).for_each(|(w, x)| *w += sign * x);
                is_separated = false;
            }
        }
        if is_separated {
            return Separable::Yes;
        }
        if is_exact && weights == point {
            return Separable::No;
        }
        if pass == next {
            point.clone_from(&weights);
            next *= 2;
        }
    }
    Separable::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;

    #[test]
    fn gates_are_separable_and_parities_are_not() {
        let of = |source: Source| separable(&source.built_in().unwrap().unwrap());
        for source in [Source::And, Source::Or, Source::Nand] {
            assert_eq!(of(source), Separable::Yes);
        }
        for source in [Source::Xor, Source::Parity(3), Source::Parity(5), Source::Parity(6)] {
            assert_eq!(of(source), Separable::No);
        }
        assert_eq!(of(Source::Parity(7)), Separable::Unknown, "too many rows");
    }

    #[test]
    fn inputs_that_round_are_undecided() {
        let xor = vec![0.1, 0.1, 0.1, 0.7, 0.7, 0.1, 0.7, 0.7];
        let data = Dataset::new("d", xor, 2, vec![0.0, 1.0, 1.0, 0.0], 1).unwrap();
        assert_eq!(separable(&data), Separable::Unknown);
    }
}
