//! Evaluation of a network on a data set: loss, accuracy, whether it is solved, dead units.

use crate::data::{Dataset, SOLVED_ROWS, Scaling, class_of};
use crate::engine::{Forward, SOLVED_WITHIN, activations};
use crate::network::{GradientAt, Link, Network};
use crate::reference::{predictions, twins};

/// The evaluation of a network on a data set.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The loss over all rows, each with its weight, summed in f64.
    pub loss: f64,
    /// `[rows][outputs]`, after the loss's link: probabilities where the loss defines them, and numbers in the
    /// unit of the targets.
    pub predictions: Vec<f64>,
    /// How far predictions are from targets that are numbers, one for each target.
    pub errors: Vec<TargetErrors>,
    /// Correct rows, where targets are 0 or 1: with one class per row the predicted class is the true one,
    /// otherwise each output is on its target's side of 1/2.
    pub right: Option<usize>,
    /// The confusion matrix, where each row has one class.
    pub confusion: Option<Confusion>,
    /// Whether every prediction is within 0.1 of its target; `None` for regression, beyond
    /// [`SOLVED_ROWS`] rows, and where they are since all rows have the same targets.
    pub solved: Option<bool>,
}

/// How far predictions are from the targets of one column, in its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TargetErrors {
    /// The root of the mean squared error.
    pub rmse: f64,
    /// The mean absolute error.
    pub mae: f64,
    /// The share of the targets' variance that is explained: 1 less the squared errors over those of the
    /// mean of these targets, 0 for a prediction as good as that. `None` where all targets are the same.
    pub r2: Option<f64>,
}

impl TargetErrors {
    /// From pairs of prediction and target.
    fn new(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> TargetErrors {
        let rows = pairs.clone().count() as f64;
        let over = |of: fn(f64, f64) -> f64| pairs.clone().map(|(p, t)| of(p, t)).sum::<f64>();
        let squares = over(|p, t| (p - t) * (p - t));
        let mean = over(|_, t| t) / rows;
        let spread: f64 = pairs.clone().map(|(_, t)| (t - mean) * (t - mean)).sum();
        TargetErrors {
            rmse: (squares / rows).sqrt(),
            mae: over(|p, t| (p - t).abs()) / rows,
            r2: (spread > 0.0).then(|| 1.0 - squares / spread),
        }
    }
}

/// A confusion matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confusion {
    /// The classes' names.
    pub classes: Vec<String>,
    /// `[true class][predicted class]`, in rows.
    pub counts: Vec<usize>,
}

/// The most classes of a confusion matrix.
const MOST_CONFUSED: usize = 1000;

impl Confusion {
    /// Counts pairs of the true and the predicted class; `None` if there are too few or too many classes.
    fn new(data: &Dataset, pairs: impl Iterator<Item = (usize, usize)>) -> Option<Confusion> {
        let classes = data.class_names();
        let count = classes.len();
        if !(2..=MOST_CONFUSED).contains(&count) {
            return None;
        }
        let mut counts = vec![0; count * count];
        pairs.for_each(|(actual, predicted)| counts[actual * count + predicted] += 1);
        Some(Confusion { classes, counts })
    }
}

/// How well one class is predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ClassScore {
    /// Rows of the class.
    pub rows: usize,
    /// The share of rows predicted to be of the class that are; `None` where none is predicted so.
    pub precision: Option<f64>,
    /// The share of the class's rows that are predicted; `None` where there are none.
    pub recall: Option<f64>,
    /// The harmonic mean of both; 0 where no row of the class is predicted, `None` where there is none.
    pub f1: Option<f64>,
}

impl Confusion {
    /// How well each class is predicted, `[classes]`.
    pub fn scores(&self) -> Vec<ClassScore> {
        let count = self.classes.len();
        let share = |part: usize, all: usize| (all > 0).then(|| part as f64 / all as f64);
        let of_class = |class: usize| {
            let rows: usize = self.counts[class * count..][..count].iter().sum();
            let predicted: usize = self.counts.iter().skip(class).step_by(count).sum();
            let right = self.counts[class * count + class];
            ClassScore {
                rows,
                precision: share(right, predicted),
                recall: share(right, rows),
                f1: share(2 * right, rows + predicted).filter(|_| rows > 0),
            }
        };
        (0..count).map(of_class).collect()
    }

    /// The mean of the classes' recalls, over those that there are.
    pub fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> = self.scores().iter().filter_map(|score| score.recall).collect();
        recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
    }
}

impl Evaluation {
    /// The same for a regression whose targets happen to be 0 and 1: no row is correct or wrong.
    #[must_use]
    pub fn of_numbers(self, data: &Dataset) -> Evaluation {
        let errors = errors(&self.predictions, &data.own_targets(), data.target_len());
        Evaluation { right: None, confusion: None, solved: None, errors, ..self }
    }

    /// The share of correct rows.
    pub fn accuracy(&self, rows: usize) -> Option<f64> {
        self.right.map(|right| right as f64 / rows as f64)
    }
}

/// Evaluates a forward pass over all rows of `data`.
pub fn evaluate(network: &Network, data: &Dataset, forward: &Forward) -> Evaluation {
    let outputs = network.outputs();
    let predictions = predictions(network.loss().link(), &forward.outputs, outputs);
    let own = Scaling::own_unit(data.target_scaling(), &predictions);
    let is_classification = data.is_classification();
    let pairs = || predictions.chunks_exact(outputs).zip(data.targets().chunks_exact(outputs));
    let has_one_class = data.is_of_one_class();
    let is_right = |(prediction, target): (&[f32], &[f32])| {
        if has_one_class || network.loss().link() == Link::Softmax {
            class_of(prediction) == class_of(target)
        } else {
            prediction.iter().zip(target).all(|(p, t)| (*p > 0.5) == (*t > 0.5))
        }
    };
    let near = |(p, t): (&f32, &f32)| (p - t).abs() <= SOLVED_WITHIN;
    Evaluation {
        loss: loss(network, data, forward) * data.loss_unit(),
        errors: match is_classification {
            true => Vec::new(),
            false => errors(&own, &data.own_targets(), outputs),
        },
        right: is_classification.then(|| pairs().filter(|pair| is_right(*pair)).count()),
        confusion: has_one_class
            .then(|| Confusion::new(data, pairs().map(|(p, t)| (class_of(t), class_of(p)))))
            .flatten(),
        solved: (is_classification && data.rows() <= SOLVED_ROWS)
            .then(|| predictions.iter().zip(data.targets()).all(near))
            .filter(|solved| !solved || !data.is_constant()),
        predictions: own,
    }
}

/// The errors of each target.
fn errors(predictions: &[f64], targets: &[f64], outputs: usize) -> Vec<TargetErrors> {
    let column = |values: &[f64], at: usize| -> Vec<f64> {
        values.iter().skip(at).step_by(outputs).copied().collect()
    };
    let of_target = |at: usize| {
        let (predictions, targets) = (column(predictions, at), column(targets, at));
        TargetErrors::new(predictions.iter().copied().zip(targets.iter().copied()))
    };
    (0..outputs).map(of_target).collect()
}

fn loss(network: &Network, data: &Dataset, forward: &Forward) -> f64 {
    let outputs = network.outputs();
    let kind = network.loss();
    let from = match kind.gradient_at() {
        GradientAt::Output => &forward.outputs,
        GradientAt::PreActivation => &forward.pre_activations,
    };
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let (from, targets) = (wide(from), wide(&data.target_rows()));
    let targets = twins::TargetRows {
        values: &targets,
        stride: data.target_width(),
        is_weighted: data.is_weighted(),
    };
    let grid = twins::Grid { rows: data.rows(), cols: outputs, stride: outputs };
    let (mut row_loss, mut d) = (vec![0.0; data.rows()], vec![0.0; from.len()]);
    let both = (kind, network.loss_parameter());
    twins::loss(both, &from, targets, &mut row_loss, &mut d, 1.0, grid);
    row_loss.iter().sum::<f64>() * kind.value_scale(data.rows(), outputs)
}

/// Rows that are checked together for dead units.
const ROWS_AT_ONCE: usize = 256;

/// For each hidden layer that can die, how many units are 0 on every row, and of how many. `parameters` are `[len]` of the
/// network's layout.
pub fn dead_units(network: &Network, parameters: &[f32], data: &Dataset) -> Vec<(usize, usize)> {
    let hidden = || {
        let hidden = network.layers().take(network.layers().len() - 1);
        hidden.filter(|layer| layer.activation.row().can_die)
    };
    if hidden().next().is_none() {
        return Vec::new();
    }
    let mut alive: Vec<Vec<bool>> = hidden().map(|layer| vec![false; layer.fan_out]).collect();
    for rows in data.inputs().chunks(ROWS_AT_ONCE * network.inputs()) {
        let activations = activations(network, parameters, rows);
        for (layer, alive) in hidden().zip(&mut alive) {
            for a in activations[layer.index].chunks_exact(layer.fan_out) {
                alive.iter_mut().zip(a).for_each(|(alive, &a)| *alive |= a != 0.0);
            }
        }
    }
    let dead = |alive: &Vec<bool>| alive.iter().filter(|alive| !**alive).count();
    alive.iter().map(|alive| (dead(alive), alive.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Activation, Loss};

    fn evaluated(output: Activation, loss: Loss, targets: &[f32], forward: Forward) -> Evaluation {
        let outputs = if loss == Loss::SoftmaxCrossEntropy { 2 } else { 1 };
        let rows = targets.len() / outputs;
        let network = Network::uniform(vec![1, outputs], Activation::Relu, output, loss).unwrap();
        let data = Dataset::new("d", vec![0.0; rows], 1, targets.to_vec(), outputs).unwrap();
        evaluate(&network, &data, &forward)
    }

    fn forward(z: &[f32], a: &[f32]) -> Forward {
        Forward { pre_activations: z.to_vec(), outputs: a.to_vec() }
    }

    #[test]
    fn probabilities_are_compared_after_the_link() {
        let logits = forward(&[-4.0, 4.0, -1.0], &[-4.0, 4.0, -1.0]);
        let e = evaluated(Activation::Identity, Loss::BceWithLogits, &[0.0, 1.0, 1.0], logits);
        assert_eq!((e.right, e.solved), (Some(2), Some(false)));
        approx::assert_relative_eq!(e.predictions[1], 0.982_013_8, max_relative = 1e-6);
        // ln(1 + e^-4) twice and ln(1 + e^1), by hand, over 3.
        approx::assert_relative_eq!(
            e.loss,
            (2.0 * 0.018_149_927_917_8 + 1.313_261_687_5) / 3.0,
            max_relative = 1e-9
        );
    }

    #[test]
    fn classes_are_the_largest_logit() {
        let logits = forward(&[9.0, -9.0, 1.0, 2.0], &[9.0, -9.0, 1.0, 2.0]);
        let e = evaluated(
            Activation::Identity,
            Loss::SoftmaxCrossEntropy,
            &[1.0, 0.0, 1.0, 0.0],
            logits,
        );
        assert_eq!((e.right, e.solved), (Some(1), Some(false)));
        assert_eq!(e.accuracy(2), Some(0.5));
    }

    /// By hand: 8 of 10 of class a are found and 2 are taken for b, of which there are 2, one of them found.
    #[test]
    fn precision_and_recall_by_hand() {
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        let confusion = Confusion { classes, counts: vec![8, 2, 0, 1, 1, 0, 0, 0, 0] };
        let [a, b, c] = confusion.scores()[..] else { panic!("three classes") };
        assert_eq!((a.rows, a.precision, a.recall), (10, Some(8.0 / 9.0), Some(0.8)));
        assert_eq!((b.rows, b.precision, b.recall), (2, Some(1.0 / 3.0), Some(0.5)));
        assert_eq!((a.f1, b.f1), (Some(16.0 / 19.0), Some(2.0 / 5.0)));
        assert_eq!((c.rows, c.precision, c.recall, c.f1), (0, None, None, None));
        approx::assert_relative_eq!(confusion.balanced_accuracy(), 0.65);
    }

    #[test]
    fn a_regression_has_no_correct_rows() {
        let values = forward(&[0.5, 1.0], &[0.5, 1.0]);
        let e = evaluated(Activation::Identity, Loss::MseHalfMean, &[0.5, 2.0], values);
        assert_eq!((e.right, e.solved, e.loss), (None, None, 0.25));
    }

    #[test]
    fn nan_solves_nothing() {
        let nan = forward(&[f32::NAN], &[f32::NAN]);
        let e = evaluated(Activation::Sigmoid, Loss::Bce, &[1.0], nan);
        assert_eq!((e.right, e.solved), (Some(0), Some(false)));
    }

    #[test]
    fn dead_units_are_those_that_are_zero_everywhere() {
        let network =
            Network::uniform(vec![1, 3, 1], Activation::Relu, Activation::Identity, Loss::MseMean)
                .unwrap();
        let data = Dataset::new("d", vec![0.0, 1.0], 1, vec![0.0, 1.0], 1).unwrap();
        let layout = crate::network::Layout::new(&network);
        let parameters =
            layout.pack(&[vec![1.0, -1.0, 1.0], vec![0.0, 0.0, -2.0], vec![1.0; 3], vec![0.0]]);
        assert_eq!(dead_units(&network, &parameters, &data), [(2, 3)]);
    }
}
