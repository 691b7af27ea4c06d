//! For networks whose layers all have at most four units, such as that of XOR: each row is one vector, and four rows pass
//! through all layers together. What one layer hands to the next stays in registers; lists are written for inspection
//! and for the backward pass.

use super::layer::LayerPass;
use super::math::{fills_padding, first, slope, value};
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
            count => {
                debug_assert_eq!(count, 4, "inputs or units of a narrow layer");
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

/// The gradients of all parameters and the `d_z` of all layers below the last, from that of the last.
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
// An iterator over the rows would keep them in memory.
#[allow(clippy::needless_range_loop)]
fn put(list: &mut [[f32; 4]], at: usize, rows: &Rows) {
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

#[cfg(test)]
mod tests {
    use crate::engine::cpu::pass::Pass;
    use crate::network::{Activation, Initializer, Layout, Loss, Network, row_stride};

    /// Numbers in rows of `len`, padded.
    fn numbers(rows: usize, len: usize, scale: f32) -> Vec<f32> {
        let number = |at: usize| scale * ((at * 37 % 23) as f32 / 11.5 - 1.0);
        let stride = row_stride(len);
        let padded = |at: usize| if at % stride < len { number(at) } else { 0.0 };
        (0..rows * stride).map(padded).collect()
    }

    /// What a step leaves: every layer's lists, and the gradients.
    fn step(network: &Network, rows: usize, is_narrow: bool) -> Vec<Vec<f32>> {
        let mut pass = Pass::new(network, rows);
        assert!(pass.is_narrow);
        pass.is_narrow = is_narrow;
        let parameters = Initializer::HeNormal.parameters(network, 3, 1.0);
        let input = numbers(rows, network.inputs(), 2.0);
        let target = numbers(rows, network.outputs(), 1.0);
        let layout = Layout::new(network);
        let mut gradients = vec![0.0; layout.len()];
        // Twice: nothing of the first is left over.
        for _ in 0..2 {
            pass.forward(&parameters, &input, Some((0, 0)));
            pass.loss_gradient(&target, false);
            pass.backward(&parameters, &input, &mut gradients);
        }
        // Padding stays 0, or padded parameters would move.
        for layer in &pass.layers {
            for list in [&layer.z, &layer.a, &layer.d_z] {
                let is_padding = |at: usize| at % 4 >= layer.layer.fan_out;
                assert!((0..list.len()).all(|at| !is_padding(at) || list[at] == 0.0), "{layer:?}");
            }
        }
        let mut padding = (0..gradients.len()).filter(|&at| layout.locate(at).is_none());
        assert!(padding.all(|at| gradients[at] == 0.0));
        let lists =
            |layer: &super::LayerPass| [layer.z.clone(), layer.a.clone(), layer.d_z.clone()];
        pass.layers.iter().flat_map(lists).chain([gradients]).collect()
    }

    /// The loops for any network add the same numbers, up to nine rows of four products, in another order: each is
    /// rounded by half a unit in the last place of what is of the order of 10 at most.
    #[test]
    fn four_rows_at_a_time_give_what_the_loops_for_any_network_give() {
        const NEAR: f32 = 9.0 * 4.0 * 10.0 * f32::EPSILON;
        for sizes in [vec![2, 3, 1], vec![1, 1], vec![2, 1, 4], vec![4, 4, 4], vec![3, 4, 2, 4, 1]]
        {
            for &hidden in Activation::ALL {
                let (output, loss) = (Activation::Tanh, Loss::MseMean);
                let network = Network::uniform(sizes.clone(), hidden, output, loss).unwrap();
                for rows in [1, 3, 4, 5, 8, 9] {
                    let (narrow, any) = (step(&network, rows, true), step(&network, rows, false));
                    for (list, (narrow, any)) in narrow.iter().zip(&any).enumerate() {
                        assert_eq!(narrow.len(), any.len());
                        for (at, (one, other)) in narrow.iter().zip(any).enumerate() {
                            let label = format!("{sizes:?} {hidden}, {rows} rows, {list}, {at}");
                            assert!((one - other).abs() <= NEAR, "{label}: {one}, not {other}");
                        }
                    }
                }
            }
        }
    }
}
