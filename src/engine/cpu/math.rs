//! The cpu engine's arithmetic: activations, losses, rows and products.

use crate::engine::STOP_WITHIN;
use crate::network::{Activation, Layer, Loss};

/// `a = activation(z)`.
pub(super) fn activate(layer: &Layer, z: &[f32], a: &mut [f32]) {
    fn each(a: &mut [f32], z: &[f32], f: impl Fn(f32) -> f32) {
        a.iter_mut().zip(z).for_each(|(a, &z)| *a = f(z));
    }
    let parameter = layer.parameter as f32;
    match layer.activation {
        Activation::Relu => each(a, z, |z| if z > 0.0 { z } else { 0.0 }),
        Activation::LeakyRelu => each(a, z, |z| if z > 0.0 { z } else { parameter * z }),
        Activation::Tanh => each(a, z, f32::tanh),
        Activation::Sigmoid => each(a, z, sigmoid),
        Activation::Elu => each(a, z, |z| if z > 0.0 { z } else { z.exp_m1() }),
        Activation::Gelu => each(a, z, |z| 0.5 * z * (1.0 + gelu_tanh(z))),
        Activation::Silu => each(a, z, |z| z * sigmoid(z)),
        Activation::Identity => a.copy_from_slice(z),
    }
}

/// `d *= slope`, the slope from the pre-activations and the activations. Padding of `d` is 0 and stays 0.
pub(super) fn apply_slope(layer: &Layer, z: &[f32], a: &[f32], d: &mut [f32]) {
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

/// One row's part of the loss, and whether every prediction is near its target; the unscaled gradient goes
/// into `d`.
pub(super) fn row_loss(
    (loss, parameter): (Loss, f32),
    value: &[f32],
    target: &[f32],
    d: &mut [f32],
) -> (f64, bool) {
    let (mut sum, mut is_near) = (0.0, true);
    // A prediction that is no number is near nothing.
    let mut compare = |prediction: f32, t: f32| {
        let error = prediction - t;
        is_near &= error.abs() <= STOP_WITHIN;
        error
    };
    match loss {
        Loss::MseHalfMean | Loss::MseMean => {
            for ((d, &y), &t) in d.iter_mut().zip(value).zip(target) {
                *d = compare(y, t);
                sum += f64::from(*d) * f64::from(*d);
            }
        }
        Loss::Huber => {
            for ((d, &y), &t) in d.iter_mut().zip(value).zip(target) {
                let error = compare(y, t);
                *d = error.clamp(-parameter, parameter);
                sum += f64::from(match error.abs() < parameter {
                    true => 0.5 * error * error,
                    false => parameter * (error.abs() - 0.5 * parameter),
                });
            }
        }
        Loss::Bce | Loss::BceWithLogits => {
            for ((d, &z), &t) in d.iter_mut().zip(value).zip(target) {
                *d = compare(sigmoid(z), t);
                sum += f64::from(z.max(0.0) - z * t + (-z.abs()).exp().ln_1p());
            }
        }
        Loss::SoftmaxCrossEntropy => {
            let largest = value.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut total = 0.0;
            for (d, &z) in d.iter_mut().zip(value) {
                *d = (z - largest).exp();
                total += *d;
            }
            for ((d, &z), &t) in d.iter_mut().zip(value).zip(target) {
                *d = compare(*d / total, t);
                sum += f64::from(t * (total.ln() - (z - largest)));
            }
        }
    }
    (sum, is_near)
}

/// `to += scale * from`, four at a time: rows are padded to a multiple of 4.
pub(super) fn add_scaled(to: &mut [f32], from: &[f32], scale: f32) {
    let (to, from) = (to.as_chunks_mut::<4>().0, from.as_chunks::<4>().0);
    for (to, from) in to.iter_mut().zip(from) {
        // Whole fours in and out: element by element the compiler may leave it at one at a time.
        let (sum, term) = (*to, *from);
        *to = [0, 1, 2, 3].map(|lane| sum[lane] + scale * term[lane]);
    }
}

/// The product of two padded rows, summed in four lanes.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0; 4];
    for (left, right) in left.as_chunks::<4>().0.iter().zip(right.as_chunks::<4>().0) {
        for lane in 0..4 {
            sums[lane] += left[lane] * right[lane];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

/// A matrix within a slice: element `[i][j]` is at `i * steps.0 + j * steps.1`.
pub(super) struct View<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub cols: usize,
    pub steps: (usize, usize),
}

impl<'a> View<'a> {
    pub(super) fn rows(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> View<'a> {
        View { data, rows, cols, steps: (stride, 1) }
    }

    /// Elements from the first to one past the last.
    fn span(&self) -> usize {
        (self.rows - 1) * self.steps.0 + (self.cols - 1) * self.steps.1 + 1
    }
}

/// `output = left . right` by matrixmultiply; `output` is `[left.rows][stride]`.
pub(super) fn gemm(left: View<'_>, right: View<'_>, output: &mut [f32], stride: usize) {
    let (m, k, n) = (left.rows, left.cols, right.cols);
    assert!(k == right.rows && n <= stride, "shapes of a product");
    assert!(left.span() <= left.data.len() && right.span() <= right.data.len());
    assert!((m - 1) * stride + n <= output.len());
    // SAFETY: the asserts above hold every index that the strides and sizes can reach inside the
    // three slices, and `output` is borrowed alone.
    #[allow(unsafe_code)]
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            left.data.as_ptr(),
            left.steps.0 as isize,
            left.steps.1 as isize,
            right.data.as_ptr(),
            right.steps.0 as isize,
            right.steps.1 as isize,
            0.0,
            output.as_mut_ptr(),
            stride as isize,
            1,
        );
    }
}
