//! Plain Rust, twice: row after row as one writes it first, and over all four rows together.

use super::*;

/// A loop over the rows, with the exponential of the standard library.
pub(super) fn train_plain(p: &mut Network, rows: &Rows, rate: f32, epochs: u32) {
    for _ in 0..epochs {
        let mut gradients = [0.0; 13];
        for [x0, x1, target] in *rows {
            let mut hidden = [0.0; UNITS];
            let mut z = p[BIAS1];
            for j in 0..UNITS {
                hidden[j] = (p[BIAS0 + j] + x0 * p[j] + x1 * p[UNITS + j]).max(0.0);
                z += hidden[j] * p[WEIGHTS1 + j];
            }
            let delta = (1.0 / (1.0 + (-z).exp()) - target) / 4.0;
            gradients[BIAS1] += delta;
            for j in 0..UNITS {
                let back = if hidden[j] > 0.0 { delta * p[WEIGHTS1 + j] } else { 0.0 };
                gradients[WEIGHTS1 + j] += delta * hidden[j];
                gradients[BIAS0 + j] += back;
                gradients[j] += back * x0;
                gradients[UNITS + j] += back * x1;
            }
        }
        for (parameter, gradient) in p.iter_mut().zip(gradients) {
            *parameter -= rate * gradient;
        }
    }
}

/// Sums and arrays go over the four rows, and compilers make short vectors of that.
pub(super) fn train_one(p: &mut Network, rows: &Rows, rate: f32, epochs: u32) {
    let scale = -rate / 4.0;
    let [x0, x1, targets] = [0, 1, 2].map(|i| rows.map(|row| row[i]));
    for _ in 0..epochs {
        let hidden: [[f32; 4]; UNITS] = from_fn(|j| {
            from_fn(|row| {
                let z = p[BIAS0 + j] + x0[row] * p[j] + x1[row] * p[UNITS + j];
                // `f32::max` has a rule for NaN that costs more than the comparison.
                if z > 0.0 { z } else { 0.0 }
            })
        });
        let delta: [f32; 4] = from_fn(|row| {
            let term = |j: usize| hidden[j][row] * p[WEIGHTS1 + j];
            let z = (p[BIAS1] + term(0)) + (term(1) + term(2));
            scale / one_plus_exp2(-LOG2_E * z) - scale * targets[row]
        });
        p[BIAS1] += sum(|row| delta[row]);
        for j in 0..UNITS {
            let back: [f32; 4] =
                from_fn(
                    |row| {
                        if hidden[j][row] > 0.0 { delta[row] * p[WEIGHTS1 + j] } else { 0.0 }
                    },
                );
            p[WEIGHTS1 + j] += sum(|row| delta[row] * hidden[j][row]);
            p[BIAS0 + j] += sum(|row| back[row]);
            p[j] += sum(|row| back[row] * x0[row]);
            p[UNITS + j] += sum(|row| back[row] * x1[row]);
        }
    }
}

fn sum(term: impl Fn(usize) -> f32) -> f32 {
    (term(0) + term(1)) + (term(2) + term(3))
}

fn one_plus_exp2(y: f32) -> f32 {
    let y = if y < LIMIT { y } else { LIMIT };
    let y = if y > -LIMIT { y } else { -LIMIT };
    let rounded = y + ROUND;
    let power = f32::from_bits(rounded.to_bits() << 23);
    let f = y - (rounded - ROUND);
    let pair = |i: usize| EXP2[i] + f * EXP2[i + 1];
    (1.0 + power * pair(0)) + power * (f * f) * (pair(2) + f * f * pair(4))
}
