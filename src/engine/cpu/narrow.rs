//! Networks no layer of which has more than four units, as that of XOR: a row is one vector, and four rows at a time go
//! through all layers. What a layer hands to the next stays in registers, and lists are written only to be looked at,
//! or for the way back.

use super::math::{fills_padding, first, slope, value};
use super::pass::LayerPass;
use super::product::{fours, fours_mut};
use super::vector::{Four, Vector};
use crate::network::{Activation, Layer};

/// Rows that go together.
const ROWS: usize = 4;
type Rows = [Four; ROWS];

/// A match on a count from 1 to 4 whose every arm has it as a constant.
macro_rules! with_count {
    ($count:expr, $name:ident => $body:expr) => {
        match $count {
            1 => {
                const $name: usize = 1;
                $body
            }
            2 => {
                const $name: usize = 2;
                $body
            }
            3 => {
                const $name: usize = 3;
                $body
            }
            _ => {
                const $name: usize = 4;
                $body
            }
        }
    };
}

/// Every layer's `z` and `a`, `[rows][4]`.
pub(super) fn forward(layers: &mut [LayerPass], parameters: &[f32], input: &[f32]) {
    let input = fours(input);
    for at in (0..input.len()).step_by(ROWS) {
        let mut x = rows(input, at);
        for LayerPass { layer, block, z, a, .. } in &mut *layers {
            let (weights, bias) = parameters[block.range()].split_at(block.bias_offset);
            let sums = with_count!(layer.fan_in, K => sums::<K>(&x, fours(weights), fours(bias)));
            put(fours_mut(z), at, &sums);
            x = activated(layer, &sums);
            put(fours_mut(a), at, &x);
        }
    }
}

/// The gradients of all parameters and the `d_z` of all layers below the last, from its.
pub(super) fn backward(
    layers: &mut [LayerPass],
    parameters: &[f32],
    input: &[f32],
    gradients: &mut [f32],
) {
    let input = fours(input);
    for at in (0..input.len()).step_by(ROWS) {
        let Some(last) = layers.last() else { return };
        let mut d = rows(fours(&last.d_z), at);
        for index in (0..layers.len()).rev() {
            let (before, from) = layers.split_at_mut(index);
            let LayerPass { layer, block, .. } = &from[0];
            let x = rows(before.last().map_or(input, |below| fours(&below.a)), at);
            let (d_weights, d_bias) = gradients[block.range()].split_at_mut(block.bias_offset);
            let to = (fours_mut(d_weights), fours_mut(d_bias));
            with_count!(layer.fan_in, K => add_gradients::<K>(to, (&x, &d), layer.fan_out, at > 0));
            let Some(below) = before.last_mut() else { break };
            let weights = rows(fours(&parameters[block.range()][..block.bias_offset]), 0);
            d = with_count!(layer.fan_out, N => input_gradients::<N>(&weights, &d));
            let (z, parameter) =
                (rows(fours(&below.z), at), Four::splat(below.layer.parameter as f32));
            with_activation!(below.layer.activation, KIND => {
                for row in 0..ROWS {
                    d[row] = d[row] * slope(KIND, [parameter, z[row], x[row]]);
                }
            });
            put(fours_mut(&mut below.d_z), at, &d);
        }
    }
}

/// Four rows of a list from one on; zeros where there are fewer.
#[inline(always)]
fn rows(list: &[[f32; 4]], at: usize) -> Rows {
    match list.get(at..at + ROWS) {
        Some(&[a, b, c, d]) => [a, b, c, d].map(Four::from),
        _ => [0, 1, 2, 3].map(|row| list.get(at + row).map_or(Four::splat(0.0), |&row| row.into())),
    }
}

/// Puts four rows back, or as many as there are.
#[inline(always)]
fn put(list: &mut [[f32; 4]], at: usize, rows: &Rows) {
    // No loop over the rows themselves, which would keep them in memory.
    match list.get_mut(at..at + ROWS) {
        Some([a, b, c, d]) => {
            (*a, *b, *c, *d) = (rows[0].into(), rows[1].into(), rows[2].into(), rows[3].into());
        }
        _ => {
            for row in 0..ROWS {
                if let Some(to) = list.get_mut(at + row) {
                    *to = rows[row].into();
                }
            }
        }
    }
}

/// `bias + x . weights`, of `K` inputs.
#[inline(always)]
fn sums<const K: usize>(x: &Rows, weights: &[[f32; 4]], bias: &[[f32; 4]]) -> Rows {
    let (Some(weights), [bias, ..]) = (weights.first_chunk::<K>(), bias) else { return *x };
    let mut sums = [Four::from(*bias); ROWS];
    for row in 0..ROWS {
        let x = x[row].lanes();
        for k in 0..K {
            sums[row] = sums[row] + x[k] * Four::from(weights[k]);
        }
    }
    sums
}

/// The activations of four rows.
#[inline(always)]
fn activated(layer: &Layer, z: &Rows) -> Rows {
    let zero = Four::splat(0.0);
    let parameter = Four::splat(layer.parameter as f32);
    let mut a = [zero; ROWS];
    with_activation!(layer.activation, KIND => {
        let is_cheap = matches!(KIND, Activation::Relu | Activation::LeakyRelu | Activation::Identity);
        if layer.fan_out == 1 && !is_cheap {
            // One number of each row: all four at once.
            let [column, ..] = Four::transposed(*z);
            a = Four::transposed([value(KIND, parameter, column), zero, zero, zero]);
        } else {
            let mask = first(layer.fan_out);
            for row in 0..ROWS {
                a[row] = value(KIND, parameter, z[row]);
                if fills_padding(KIND) {
                    a[row] = a[row] * mask;
                }
            }
        }
    });
    a
}

/// Adds `x^T . d` and the sums of `d` to the gradients of `K` inputs' weights and of the bias, or sets them.
#[inline(always)]
fn add_gradients<const K: usize>(
    (d_weights, d_bias): (&mut [[f32; 4]], &mut [[f32; 4]]),
    (x, d): (&Rows, &Rows),
    units: usize,
    adds: bool,
) {
    let (Some(d_weights), [d_bias, ..]) = (d_weights.first_chunk_mut::<K>(), d_bias) else {
        return;
    };
    let mut sums = [Four::splat(0.0); 4];
    if units == 1 {
        sums[0] = x[0] * d[0].lanes()[0];
        for row in 1..ROWS {
            sums[0] = sums[0] + x[row] * d[row].lanes()[0];
        }
        sums = Four::transposed(sums);
    } else {
        for row in 0..ROWS {
            let x = x[row].lanes();
            for k in 0..K {
                let term = d[row] * x[k];
                sums[k] = if row == 0 { term } else { sums[k] + term };
            }
        }
    }
    let mut sum = (d[0] + d[1]) + (d[2] + d[3]);
    if adds {
        sum = sum + (*d_bias).into();
        for k in 0..K {
            sums[k] = sums[k] + d_weights[k].into();
        }
    }
    *d_bias = sum.into();
    for k in 0..K {
        d_weights[k] = sums[k].into();
    }
}

/// `d . weights^T`, of `N` units.
#[inline(always)]
fn input_gradients<const N: usize>(weights: &Rows, d: &Rows) -> Rows {
    let columns = Four::transposed(*weights);
    let mut below = [Four::splat(0.0); ROWS];
    for row in 0..ROWS {
        let d = d[row].lanes();
        below[row] = columns[0] * d[0];
        for unit in 1..N {
            below[row] = below[row] + columns[unit] * d[unit];
        }
    }
    below
}
