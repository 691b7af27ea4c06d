//! The cpu engine's formulas: activations and losses.

use super::product::{rows_mut, rows_of};
use crate::engine::STOP_WITHIN;
use crate::network::{Activation, Layer, Loss};

/// `a = activation(z)`, in rows of `stride`. Padding of `a` is 0 and stays 0.
#[inline(always)]
pub(super) fn activate(layer: &Layer, stride: usize, z: &[f32], a: &mut [f32]) {
    #[inline(always)]
    fn each((units, stride): (usize, usize), z: &[f32], a: &mut [f32], f: impl Fn(f32) -> f32) {
        for (a, z) in rows_mut(a, stride).zip(rows_of(z, stride)) {
            let fours = a.as_chunks_mut::<4>().0.iter_mut().zip(z.as_chunks::<4>().0);
            for (at, (a, z)) in fours.enumerate() {
                // Stored as one: to read together what was just stored in parts takes long.
                let mut four = [0.0; 4];
                for lane in 0..4 {
                    if 4 * at + lane < units {
                        four[lane] = f(z[lane]);
                    }
                }
                *a = four;
            }
        }
    }
    let (sizes, parameter) = ((layer.fan_out, stride), layer.parameter as f32);
    match layer.activation {
        // Of padding too, of which it is 0.
        Activation::Relu => {
            a.iter_mut().zip(z).for_each(|(a, &z)| *a = if z > 0.0 { z } else { 0.0 });
        }
        Activation::LeakyRelu => each(sizes, z, a, |z| if z > 0.0 { z } else { parameter * z }),
        Activation::Tanh => each(sizes, z, a, f32::tanh),
        Activation::Sigmoid => each(sizes, z, a, sigmoid),
        Activation::Elu => each(sizes, z, a, |z| if z > 0.0 { z } else { z.exp_m1() }),
        Activation::Gelu => each(sizes, z, a, |z| 0.5 * z * (1.0 + gelu_tanh(z))),
        Activation::Silu => each(sizes, z, a, |z| z * sigmoid(z)),
        Activation::Identity => each(sizes, z, a, |z| z),
    }
}

/// `d *= slope`, the slope from the pre-activations and the activations. Padding of `d` is 0 and stays 0.
#[inline(always)]
pub(super) fn apply_slope(layer: &Layer, z: &[f32], a: &[f32], d: &mut [f32]) {
    #[inline(always)]
    fn each(d: &mut [f32], from: &[f32], slope: impl Fn(f32) -> f32) {
        d.iter_mut().zip(from).for_each(|(d, &from)| *d *= slope(from));
    }
    let parameter = layer.parameter as f32;
    match layer.activation {
        Activation::Relu => each(d, a, |a| if a > 0.0 { 1.0 } else { 0.0 }),
        Activation::LeakyRelu => each(d, a, |a| if a > 0.0 { 1.0 } else { parameter }),
        Activation::Tanh => each(d, a, |a| 1.0 - a * a),
        Activation::Sigmoid => each(d, a, |a| a * (1.0 - a)),
        Activation::Elu => each(d, a, |a| if a > 0.0 { 1.0 } else { a + 1.0 }),
        Activation::Gelu => each(d, z, gelu_slope),
        Activation::Silu => each(d, z, |z| {
            let s = sigmoid(z);
            s + z * s * (1.0 - s)
        }),
        Activation::Identity => {}
    }
}

#[inline(always)]
fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + (-z).exp())
}

const GELU_SCALE: f32 = 0.797_884_6;

fn gelu_tanh(z: f32) -> f32 {
    (GELU_SCALE * z * (1.0 + 0.044715 * z * z)).tanh()
}

fn gelu_slope(z: f32) -> f32 {
    let h = gelu_tanh(z);
    // Beyond, tanh is 1 or -1 in f32, and the square may overflow.
    let w = z.clamp(-10.0, 10.0);
    0.5 * (1.0 + h) + 0.5 * w * (1.0 - h * h) * GELU_SCALE * (1.0 + 0.134145 * w * w)
}

/// The gradient of a row's loss, times `scale`, from the outputs; whether every prediction is near its target. Under
/// a softmax `total` becomes the sum of its exponentials, which [`row_loss`] takes: they are most of what it costs.
#[inline(always)]
pub(super) fn loss_gradient(
    (loss, parameter): (Loss, f32),
    outputs: &[f32],
    target: &[f32],
    (d, scale): (&mut [f32], f32),
    total: &mut f32,
) -> bool {
    // A prediction that is no number is near nothing.
    let is_near = |error: f32| error.abs() <= STOP_WITHIN;
    let mut all_near = true;
    match loss {
        Loss::MseHalfMean | Loss::MseMean | Loss::Bce => {
            for ((d, y), t) in d.iter_mut().zip(outputs).zip(target) {
                all_near &= is_near(y - t);
                *d = (y - t) * scale;
            }
        }
        Loss::Huber => {
            for ((d, y), t) in d.iter_mut().zip(outputs).zip(target) {
                all_near &= is_near(y - t);
                *d = (y - t).clamp(-parameter, parameter) * scale;
            }
        }
        Loss::BceWithLogits => {
            for ((d, &z), t) in d.iter_mut().zip(outputs).zip(target) {
                let error = sigmoid(z) - t;
                all_near &= is_near(error);
                *d = error * scale;
            }
        }
        Loss::SoftmaxCrossEntropy => {
            let largest = largest(outputs);
            let mut sum = 0.0;
            for (d, &z) in d.iter_mut().zip(outputs) {
                *d = (z - largest).exp();
                sum += *d;
            }
            *total = sum;
            for (d, t) in d.iter_mut().zip(target) {
                let error = *d / sum - t;
                all_near &= is_near(error);
                *d = error * scale;
            }
        }
    }
    all_near
}

fn largest(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// A row's part of the loss; `total` is that of [`loss_gradient`].
pub(super) fn row_loss(
    (loss, parameter): (Loss, f32),
    [z, a]: [&[f32]; 2],
    target: &[f32],
    total: f32,
) -> f64 {
    let mut sum = 0.0;
    match loss {
        Loss::MseHalfMean | Loss::MseMean => {
            for (y, t) in a.iter().zip(target) {
                sum += f64::from(y - t) * f64::from(y - t);
            }
        }
        Loss::Huber => {
            for (y, t) in a.iter().zip(target) {
                let error = (y - t).abs();
                sum += f64::from(match error < parameter {
                    true => 0.5 * error * error,
                    false => parameter * (error - 0.5 * parameter),
                });
            }
        }
        Loss::Bce | Loss::BceWithLogits => {
            for (&z, t) in z.iter().zip(target) {
                sum += f64::from(z.max(0.0) - z * t + (-z.abs()).exp().ln_1p());
            }
        }
        Loss::SoftmaxCrossEntropy => {
            let largest = largest(z);
            for (z, t) in z.iter().zip(target) {
                sum += f64::from(t * (total.ln() - (z - largest)));
            }
        }
    }
    sum
}
