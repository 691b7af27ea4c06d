//! Statistics of lists of numbers.

use super::Checkup;
use crate::network::Targets;
use crate::train::Training;

/// The norm of the gradients of all layers.
pub(super) fn gradient_norm(checkup: &Checkup) -> f64 {
    checkup.layers.iter().map(|layer| layer.gradient_norm.powi(2)).sum::<f64>().sqrt()
}

/// The median; of an even count, the upper of the middle two.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The loss of the best constant prediction.
pub(super) fn constant_loss(training: &Training) -> f64 {
    let (data, network) = (&training.data, &training.network);
    let loss = network.loss();
    let (rows, outputs) = (data.rows() as f64, data.target_len());
    let mut sums = vec![0.0; outputs];
    for row in 0..data.rows() {
        let weight = f64::from(data.weight(row));
        let both = sums.iter_mut().zip(data.target(row));
        both.for_each(|(sum, &target)| *sum += weight * f64::from(target));
    }
    // -p ln p, and 0 at 0.
    let entropy = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    let of_output = |(output, sum): (usize, f64)| {
        let mean = sum / rows;
        match loss.row().targets {
            Targets::Probabilities => entropy(mean) + entropy(1.0 - mean),
            Targets::Distribution => entropy(mean),
            Targets::Numbers => least_of_numbers(training, output, mean),
        }
    };
    let of_outputs = sums.into_iter().enumerate().map(of_output);
    let scale = loss.value_scale(data.rows(), outputs) * data.loss_unit();
    of_outputs.sum::<f64>() * rows * scale
}

/// Steps of the bisection for the best constant.
const BISECTIONS: usize = 60;

/// The mean loss of one output at the best constant, where the slopes sum to 0. The sum grows with the
/// constant; for squared errors it is 0 at the mean of the targets.
fn least_of_numbers(training: &Training, output: usize, mean: f64) -> f64 {
    let (data, loss) = (&training.data, training.network.loss());
    let parameter = training.network.loss_parameter();
    let targets = || {
        let of_row = |row| (f64::from(data.target(row)[output]), f64::from(data.weight(row)));
        (0..data.rows()).map(of_row)
    };
    let slopes = |constant: f64| {
        targets().map(move |(t, weight)| weight * loss.slope([parameter, constant, t]))
    };
    let (mut low, mut high) =
        targets().fold((mean, mean), |(low, high), (t, _)| (low.min(t), high.max(t)));
    let mut constant = mean;
    // Unless the rest of the sum is rounding.
    if slopes(mean).sum::<f64>().abs() > 1e-9 * slopes(mean).map(f64::abs).sum::<f64>() {
        for _ in 0..BISECTIONS {
            constant = 0.5 * (low + high);
            match slopes(constant).sum::<f64>() > 0.0 {
                true => high = constant,
                false => low = constant,
            }
        }
    }
    let values = targets().map(|(t, weight)| weight * loss.value([parameter, constant, t]));
    values.sum::<f64>() / data.rows() as f64
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
