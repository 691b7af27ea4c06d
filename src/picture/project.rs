//! Points of many dimensions in the plane in which they differ the most: their two main components.

/// How often a direction is turned towards the one of most variance.
const TURNS: usize = 500;

/// The plane of the two main components.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Projection {
    /// The mean of all points, `[len]`.
    pub mean: Vec<f64>,
    /// The two directions, each `[len]` and of length 1, at right angles; in one dimension the second is 0.
    pub axes: [Vec<f64>; 2],
    /// The share of the variance that lies along each.
    pub shares: [f64; 2],
}

/// The plane in which points `[rows][len]` differ the most, by power iteration: the same for the same points,
/// each direction with its largest part positive.
pub fn project(values: &[f64], len: usize) -> Projection {
    let rows = values.len() / len;
    let mut mean = vec![0.0; len];
    for row in values.chunks_exact(len) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / rows as f64);
    }
    let mut covariance = vec![0.0; len * len];
    for row in values.chunks_exact(len) {
        let apart: Vec<f64> = row.iter().zip(&mean).map(|(value, mean)| value - mean).collect();
        for (line, one) in covariance.chunks_exact_mut(len).zip(&apart) {
            line.iter_mut().zip(&apart).for_each(|(sum, other)| *sum += one * other / rows as f64);
        }
    }
    let all: f64 = (0..len).map(|at| covariance[at * len + at]).sum();
    let share = |variance: f64| if all > 0.0 { variance / all } else { 0.0 };
    let (first, variance) = main_direction(&covariance, &vec![0.0; len]);
    for (line, one) in covariance.chunks_exact_mut(len).zip(&first) {
        line.iter_mut().zip(&first).for_each(|(sum, other)| *sum -= variance * one * other);
    }
    let (second, rest) = main_direction(&covariance, &first);
    Projection { mean, axes: [first, second], shares: [share(variance), share(rest)] }
}

/// The direction of most variance, and how much that is. Where there is none it is any at right angles to `other`.
fn main_direction(matrix: &[f64], other: &[f64]) -> (Vec<f64>, f64) {
    let apart = |from: Vec<f64>| -> Vec<f64> {
        let along = dot(&from, other);
        from.iter().zip(other).map(|(from, other)| from - along * other).collect()
    };
    let len = other.len();
    // Not at right angles to any likely direction, and the same every time.
    let mut direction = apart((0..len).map(|at| 1.0 + (at as f64 * 0.618).fract()).collect());
    let mut variance = 0.0;
    for _ in 0..TURNS {
        let turned = apart(matrix.chunks_exact(len).map(|line| dot(line, &direction)).collect());
        let long = dot(&turned, &turned).sqrt();
        if long < 1e-12 {
            break;
        }
        variance = long;
        direction = turned.into_iter().map(|value| value / long).collect();
    }
    // In one dimension there is no second direction: its length stays 0.
    let long = dot(&direction, &direction).sqrt().max(f64::MIN_POSITIVE);
    let largest =
        direction.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
    let sign = if largest < 0.0 { -1.0 } else { 1.0 };
    (direction.into_iter().map(|value| sign * value / long).collect(), variance)
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

impl Projection {
    /// Where a point `[len]` lies in the plane: along the first direction, and along the second.
    pub fn place(&self, point: &[f64]) -> (f64, f64) {
        let apart: Vec<f64> =
            point.iter().zip(&self.mean).map(|(value, mean)| value - mean).collect();
        let [first, second] = &self.axes;
        (dot(&apart, first), dot(&apart, second))
    }

    /// Where `weights . point + bias = 0`, with `weights` `[len]`, cuts the plane: a, b and c of `a x + b y + c = 0`.
    pub fn cut(&self, weights: &[f64], bias: f64) -> [f64; 3] {
        let [first, second] = &self.axes;
        [dot(weights, first), dot(weights, second), dot(weights, &self.mean) + bias]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on an ellipse in a tilted plane of three dimensions: its axes are 3 and 1 long.
    #[test]
    fn the_main_components_of_an_ellipse() {
        let (u, v) = ([2.0 / 3.0, 2.0 / 3.0, 1.0 / 3.0], [-2.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0]);
        let at = |step: usize| {
            let angle = step as f64 * std::f64::consts::TAU / 24.0;
            (3.0 * angle.cos(), angle.sin())
        };
        let values: Vec<f64> = (0..24)
            .flat_map(|step| {
                let (a, b) = at(step);
                (0..3).map(move |side| 5.0 + a * u[side] + b * v[side])
            })
            .collect();
        let found = project(&values, 3);
        approx::assert_relative_eq!(found.shares[0], 0.9, epsilon = 1e-9);
        approx::assert_relative_eq!(found.shares[1], 0.1, epsilon = 1e-9);
        for (step, point) in values.chunks_exact(3).enumerate() {
            let ((a, b), (x, y)) = (at(step), found.place(point));
            approx::assert_relative_eq!(x, a, epsilon = 1e-9);
            approx::assert_relative_eq!(y.abs(), b.abs(), epsilon = 1e-9);
        }
        // The plane through the middle at right angles to the first component is seen as the line x = 0.
        let bias = -5.0 * u.iter().sum::<f64>();
        let [a, b, c] = found.cut(&u, bias);
        assert!((a - 1.0).abs() < 1e-9 && b.abs() < 1e-9 && c.abs() < 1e-9, "{a} {b} {c}");
    }

    #[test]
    fn points_that_are_all_the_same_have_no_variance() {
        let found = project(&[2.0; 12], 4);
        assert_eq!((found.shares, found.place(&[2.0; 4])), ([0.0; 2], (0.0, 0.0)));
        let one = project(&[2.0; 3], 1);
        assert_eq!(one.axes, [[1.0], [0.0]]);
    }

    #[test]
    fn the_directions_of_points_on_a_line_are_at_right_angles() {
        let values: Vec<f64> =
            (0..9).flat_map(|at| [1e3 * f64::from(at), 5e2, -1e3 * f64::from(at)]).collect();
        let found = project(&values, 3);
        let [first, second] = &found.axes;
        approx::assert_relative_eq!(found.shares[0], 1.0, epsilon = 1e-12);
        approx::assert_relative_eq!(dot(first, second), 0.0, epsilon = 1e-12);
        approx::assert_relative_eq!(dot(second, second), 1.0, epsilon = 1e-12);
    }
}
