//! Numbers to check kernels with: shapes, made-up values, and how far one rounding goes.

use rand::RngExt;

use crate::network::{Activation, Loss, row_stride};
use crate::random::{Purpose, Threefry};

/// The relative error of one rounding where WGSL grants either neighbour.
pub const ULP: f64 = 1.0 / 8_388_608.0;

/// Heights and row lengths: 1, such as no tile divides, and one past a workgroup of 64.
pub const SHAPES: [(usize, usize); 7] =
    [(1, 1), (4, 3), (5, 1), (1, 65), (7, 13), (65, 17), (33, 64)];

/// What `cols` numbers a row are padded to.
pub fn stride(cols: usize) -> usize {
    row_stride(cols)
}

/// `len` numbers in [-1, 1), the same for the same `stream`.
pub fn numbers(len: usize, stream: u32) -> Vec<f32> {
    let mut generator = Threefry::new(42, Purpose::Weights, stream);
    (0..len).map(|_| generator.random_range(-1.0..1.0)).collect()
}

/// `[rows][cols]` numbers, padded with zeros.
pub fn padded(rows: usize, cols: usize, stream: u32) -> Vec<f32> {
    let mut values = numbers(rows * stride(cols), stream);
    values.chunks_exact_mut(stride(cols)).for_each(|row| row[cols..].fill(0.0));
    values
}

/// The same numbers as f64, exactly.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// The same, without their signs.
pub fn absolute(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value).abs()).collect()
}

/// Words as the numbers they are.
pub fn floats(words: &[u32]) -> &[f32] {
    bytemuck::cast_slice(words)
}

/// The columns of a matrix without its padding.
pub fn columns<T: Copy>(values: &[T], cols: usize, stride: usize) -> Vec<T> {
    values.chunks_exact(stride).flat_map(|row| &row[..cols]).copied().collect()
}

/// An activation with its hyperparameter's default.
pub fn with_default(kind: Activation) -> (Activation, f64) {
    (kind, kind.default_parameter())
}

/// A loss with its hyperparameter's default.
pub fn loss_with_default(kind: Loss) -> (Loss, f64) {
    (kind, kind.default_parameter())
}

/// Whether an activation is made of comparisons and products alone: the same bits wherever these round
/// correctly.
pub fn is_arithmetic(kind: Activation) -> bool {
    matches!(kind, Activation::Relu | Activation::LeakyRelu | Activation::Identity)
}
