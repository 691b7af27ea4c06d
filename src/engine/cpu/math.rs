//! The cpu engine's formulas: activations and losses. Apart from those of `crate::network`, so that the engine and the
//! reference share none.

use super::product::{fours, fours_mut, rows_mut, rows_of};
use super::vector::{Four, Vector};
use crate::engine::STOP_WITHIN;
use crate::network::{Activation, Layer, Loss, Number};

/// `a = activation(z)`, in rows of `stride`. Padding of `a` is 0 and stays 0.
#[inline(always)]
pub(super) fn activate(layer: &Layer, stride: usize, z: &[f32], a: &mut [f32]) {
    let (z, a, own) = (fours(z), fours_mut(a), stride / 4);
    let parameter = Four::splat(layer.parameter as f32);
    with_activation!(layer.activation, KIND => {
        if !fills_padding(KIND) {
            a.iter_mut().zip(z).for_each(|(a, z)| *a = value(KIND, parameter, (*z).into()).into());
        } else {
            for (z, a) in rows_of(z, own).zip(rows_mut(a, own)) {
                for (at, (z, a)) in z.iter().zip(a).enumerate() {
                    let mask = first(layer.fan_out - 4 * at);
                    *a = (mask * value(KIND, parameter, (*z).into())).into();
                }
            }
        }
    });
}

/// `d *= slope`, the slope from the pre-activations and the activations. Padding of `d` is 0 and stays 0.
#[inline(always)]
pub(super) fn apply_slope(layer: &Layer, z: &[f32], a: &[f32], d: &mut [f32]) {
    let parameter = Four::splat(layer.parameter as f32);
    with_activation!(layer.activation, KIND => {
        for ((d, z), a) in fours_mut(d).iter_mut().zip(fours(z)).zip(fours(a)) {
            *d = (Four::from(*d) * slope(KIND, [parameter, (*z).into(), (*a).into()])).into();
        }
    });
}

/// Whether it maps 0, the value of padding, to something else.
#[inline(always)]
pub(super) fn fills_padding(activation: Activation) -> bool {
    activation == Activation::Sigmoid
}

/// A mask of the first so many numbers: 1, and 0 behind them.
#[inline(always)]
pub(super) fn first(count: usize) -> Four {
    [0, 1, 2, 3].map(|lane| if lane < count { 1.0 } else { 0.0 }).into()
}

/// An activation.
#[inline(always)]
pub(super) fn value(activation: Activation, parameter: Four, z: Four) -> Four {
    let (zero, one) = (Four::splat(0.0), Four::splat(1.0));
    match activation {
        Activation::Relu => z.above(zero, z, zero),
        Activation::LeakyRelu => z.above(zero, z, parameter * z),
        Activation::Tanh => z.tanh(),
        Activation::Sigmoid => sigmoid(z),
        Activation::Elu => z.above(zero, z, z.exp_m1()),
        Activation::Gelu => Four::splat(0.5) * z * (one + gelu_tanh(z)),
        Activation::Silu => z * sigmoid(z),
        Activation::Identity => z,
    }
}

/// Its slope, from its parameter, its pre-activation and itself.
#[inline(always)]
pub(super) fn slope(activation: Activation, [parameter, z, a]: [Four; 3]) -> Four {
    let (zero, one) = (Four::splat(0.0), Four::splat(1.0));
    match activation {
        Activation::Relu => a.above(zero, one, zero),
        Activation::LeakyRelu => a.above(zero, one, parameter),
        Activation::Tanh => one - a * a,
        Activation::Sigmoid => a * (one - a),
        Activation::Elu => a.above(zero, one, a + one),
        Activation::Gelu => gelu_slope(z),
        Activation::Silu => {
            let s = sigmoid(z);
            s + z * s * (one - s)
        }
        Activation::Identity => one,
    }
}

#[inline(always)]
fn sigmoid(z: Four) -> Four {
    let one = Four::splat(1.0);
    one / (one + (-z).exp())
}

const GELU_SCALE: f32 = 0.797_884_6;

#[inline(always)]
fn gelu_tanh(z: Four) -> Four {
    (Four::splat(GELU_SCALE) * z * (Four::splat(1.0) + Four::splat(0.044715) * z * z)).tanh()
}

#[inline(always)]
fn gelu_slope(z: Four) -> Four {
    let [half, one] = [0.5, 1.0].map(Four::splat);
    let h = gelu_tanh(z);
    // Beyond, tanh is 1 or -1 in f32, and the square may overflow.
    let w = z.within(-10.0, 10.0);
    let slope = Four::splat(GELU_SCALE) * (one + Four::splat(0.134145) * w * w);
    half * (one + h) + half * w * (one - h * h) * slope
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
                let error = <[f32; 4]>::from(sigmoid(Four::splat(z)))[0] - t;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_filled_by_those_that_say_so() {
        for &activation in Activation::ALL {
            let at_zero = value(activation, Four::splat(0.5), Four::splat(0.0));
            let is_filled = <[f32; 4]>::from(at_zero)[0] != 0.0;
            assert_eq!(is_filled, fills_padding(activation), "{activation}");
        }
    }
}
