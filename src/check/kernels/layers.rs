//! What the cases of the kernels that take a whole layer share: shapes, variants, and rows with zeros as padding,
//! which those kernels count on.

use crate::check::{Case, Scope, ULP, padded, stride};
use crate::gpu::AdapterClass;
use crate::kernels::{self, Variant};
use crate::network::Activation;
use crate::reference::fused::LayerShape;

/// Rows, units that feed the layer, units it has: within a tile of 8, on its edge, one past it, and
/// past a workgroup of tiles.
pub const LAYERS: [(usize, usize, usize); 9] = [
    (7, 13, 5),
    (65, 64, 70),
    (1, 1, 1),
    (33, 10, 17),
    (4, 2, 3),
    (8, 8, 8),
    (9, 9, 9),
    (5, 130, 260),
    (131, 9, 70),
];

/// A layer of these sizes.
pub fn shape((rows, fan_in, fan_out): (usize, usize, usize)) -> LayerShape {
    LayerShape { rows, fan_in, fan_out, input_stride: stride(fan_in), stride: stride(fan_out) }
}

/// The same as a launch is told of it.
pub fn launched(shape: LayerShape) -> kernels::LayerShape {
    let LayerShape { rows, fan_in, fan_out, .. } = shape;
    kernels::LayerShape { rows, fan_in, fan_out }
}

/// The block of a layer: weights and a row of biases.
pub fn block(shape: LayerShape, stream: u32) -> Vec<f32> {
    padded(shape.fan_in + 1, shape.fan_out, stream)
}

/// What a sum of so many products may be off by, of what they come to without their signs: one rounding for each
/// product and each sum, with a few to spare.
pub fn sum_bound(terms: usize, magnitude: f64) -> f64 {
    (terms + 4) as f64 * ULP * magnitude
}

/// Every way to compute a product that an adapter takes, the plainest first; where it is quick, one of each kind
/// that is chosen on its class of adapters. On software adapters a pipeline of one of these takes a driver half a
/// second, of the largest tiles seconds, and a case of it almost nothing.
pub(super) fn variants(scope: &Scope) -> Vec<Variant> {
    let of_gpus = [Variant::Split(64), Variant::Staged(64)];
    let mut all = vec![Variant::Direct];
    if !scope.is_quick || scope.class == AdapterClass::Gpu {
        all.extend(of_gpus);
    }
    // The smallest tiles and the largest: those between are made by the same lines.
    let tiles = kernels::broadcasts(scope.class);
    all.extend(tiles.last());
    if !scope.is_quick && tiles.len() > 1 {
        all.extend(tiles.first());
    }
    if !scope.is_quick {
        all.extend([Variant::Split(2), Variant::Staged(32)]);
    }
    all
}

/// A case of one of them, which is built both ways unless another of its kind is.
pub(super) fn built(case: Case, variant: Variant) -> Case {
    match variant {
        Variant::Split(2) | Variant::Staged(32) | Variant::Broadcast { row_blocks: 2.., .. } => {
            case.trusted()
        }
        _ => case,
    }
}

/// Whether its sums take their terms one after the other, as the twins do.
pub(super) fn is_in_order(variant: Variant) -> bool {
    !matches!(variant, Variant::Split(_))
}

/// The variants for a layer with an activation: all for one, two for another that needs more, of some others the
/// plainest, since products know nothing of them; and of the rest none: `activate` is held to their formulas.
pub(super) fn variants_for(kind: Activation, scope: &Scope) -> Vec<Variant> {
    match kind {
        Activation::Relu => variants(scope),
        _ if scope.is_quick => Vec::new(),
        Activation::Gelu => vec![Variant::Direct, Variant::Staged(64)],
        Activation::Tanh | Activation::Sigmoid => vec![Variant::Direct],
        _ => Vec::new(),
    }
}
