//! Numbers out of lists of numbers.

use super::Checkup;
use crate::network::Loss;
use crate::train::Training;

/// The norm of all layers' gradients together.
pub(super) fn gradient_norm(checkup: &Checkup) -> f64 {
    checkup.layers.iter().map(|layer| layer.gradient_norm.powi(2)).sum::<f64>().sqrt()
}

/// The middle one; of an even count, the upper of two.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The loss of the best outputs that are the same for every row: their targets' mean.
pub(super) fn constant_loss(training: &Training) -> f64 {
    let (data, loss) = (&training.data, training.network.loss());
    let (rows, outputs) = (data.rows() as f64, data.target_len());
    let mut sums = vec![(0.0, 0.0); outputs];
    for row in data.targets().chunks_exact(outputs) {
        for ((sum, squares), &target) in sums.iter_mut().zip(row) {
            *sum += f64::from(target);
            *squares += f64::from(target).powi(2);
        }
    }
    // Of a share p: -p ln p, and 0 at 0.
    let entropy = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    let of_output = |(sum, squares): (f64, f64)| {
        let mean = sum / rows;
        match loss {
            Loss::MseHalfMean | Loss::MseMean => squares / rows - mean * mean,
            Loss::Bce | Loss::BceWithLogits => entropy(mean) + entropy(1.0 - mean),
            Loss::SoftmaxCrossEntropy => entropy(mean),
        }
    };
    sums.into_iter().map(of_output).sum::<f64>() * rows * loss.value_scale(data.rows(), outputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_a_value_of_the_list() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(4.0));
        assert_eq!(median(Vec::new()), None);
    }
}
