//! What the tests of the kernels that take a whole layer share: shapes, and rows with zeros as
//! padding, which those kernels count on.

use wgrad::gpu::AdapterClass;
use wgrad::kernels::Variant;
use wgrad::network::Activation;
use wgrad::reference::Real;
use wgrad::reference::fused::LayerShape;

use crate::common::{ULP, gpu, numbers, stride};

/// Rows, units that feed the layer, units it has: within a tile of 8, on its edge, one past it, and
/// past a workgroup of tiles.
pub const LAYERS: [(usize, usize, usize); 8] = [
    (1, 1, 1),
    (4, 2, 3),
    (7, 13, 5),
    (8, 8, 8),
    (9, 9, 9),
    (33, 10, 17),
    (65, 64, 70),
    (5, 130, 260),
];

pub fn shape((rows, fan_in, fan_out): (usize, usize, usize)) -> LayerShape {
    LayerShape { rows, fan_in, fan_out, input_stride: stride(fan_in), stride: stride(fan_out) }
}

/// The same as a launch is told of it.
pub fn launched(shape: LayerShape) -> wgrad::kernels::LayerShape {
    let LayerShape { rows, fan_in, fan_out, .. } = shape;
    wgrad::kernels::LayerShape { rows, fan_in, fan_out }
}

/// `[rows][cols]` numbers, padded with zeros.
pub fn padded(rows: usize, cols: usize, stream: u32) -> Vec<f32> {
    let mut values = numbers(rows * stride(cols), stream);
    values.chunks_exact_mut(stride(cols)).for_each(|row| row[cols..].fill(0.0));
    values
}

/// The block of a layer: weights and a row of biases.
pub fn block(shape: LayerShape, stream: u32) -> Vec<f32> {
    padded(shape.fan_in + 1, shape.fan_out, stream)
}

/// What a sum of products of these absolute values may be off by, with a few roundings to spare.
pub fn sum_bound<T: Real>(terms: usize, magnitude: T) -> f64 {
    (terms + 4) as f64 * ULP * magnitude.wide()
}

/// Without their signs.
pub fn absolute(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value).abs()).collect()
}

/// Every way to compute a product that this device takes, the plainest first.
pub fn variants() -> Vec<Variant> {
    let mut all = vec![
        Variant::Direct,
        Variant::Split(2),
        Variant::Split(64),
        Variant::Staged(64),
        Variant::Staged(32),
    ];
    if let AdapterClass::Software { subgroup: Some(lanes) } = gpu().adapter().class() {
        let lanes = lanes as usize;
        all.push(Variant::Broadcast { lanes, row_blocks: 1, col_blocks: 1 });
        all.push(Variant::Broadcast { lanes, row_blocks: 2, col_blocks: 2 });
    }
    all
}

/// Whether its sums take their terms one after the other, as the twins do.
pub fn is_in_order(variant: Variant) -> bool {
    !matches!(variant, Variant::Split(_))
}

/// The same for a layer's activation: of most of them the plainest alone, since products know nothing of them.
pub fn variants_for(kind: Activation) -> Vec<Variant> {
    let mut all = variants();
    if ![Activation::Relu, Activation::Gelu].contains(&kind) {
        all.truncate(1);
    }
    all
}
