//! Cases of `matmul`.

use crate::check::{Arg, Case, Scope, ULP, absolute, numbers, stride, unpadded, wide};
use crate::kernels;
use crate::network::Real;
use crate::reference::twins::{self, MatmulShape};

/// `m`, `k`, `n`: 1, odd, past a workgroup, long sums.
const SIZES: [(usize, usize, usize); 8] = [
    (13, 17, 11),
    (65, 3, 1),
    (1, 1, 1),
    (33, 64, 65),
    (4, 2, 3),
    (1, 784, 10),
    (5, 1, 129),
    (2, 8192, 3),
];

/// The shapes of a product of matrices padded as [`Layout`](crate::network::Layout) pads them.
pub fn matmul_shape([m, k, n]: [usize; 3], [left, right]: [bool; 2]) -> MatmulShape {
    MatmulShape {
        m,
        k,
        n,
        left_stride: stride(if left { m } else { k }),
        right_stride: stride(if right { k } else { n }),
        output_stride: stride(n),
        transpose_left: left,
        transpose_right: right,
    }
}

fn twin<T: Real>(left: &[T], right: &[T], shape: MatmulShape) -> Vec<T> {
    let mut output = vec![T::of(0.0); shape.m * shape.n];
    twins::matmul(left, right, &mut output, MatmulShape { output_stride: shape.n, ..shape });
    output
}

/// How far each sum may be off: each of k products and k sums may be one rounding off, of what the terms come
/// to without their signs.
fn bounds(left: &[f32], right: &[f32], shape: MatmulShape) -> Vec<f64> {
    let sums = twin(&absolute(left), &absolute(right), shape);
    sums.iter().map(|sum| (shape.k + 2) as f64 * ULP * sum).collect()
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    for &(m, k, n) in scope.some(&SIZES, 4) {
        for transposed in [[false, false], [true, false], [false, true], [true, true]] {
            let shape = matmul_shape([m, k, n], transposed);
            let [left_rows, right_rows] =
                [if transposed[0] { k } else { m }, if transposed[1] { n } else { k }];
            let left = numbers(left_rows * shape.left_stride, 1);
            let right = numbers(right_rows * shape.right_stride, 2);
            let args = [Arg::of(&left), Arg::of(&right), Arg::Out(m * shape.output_stride)];
            let label = format!("{m}x{k}x{n}, transposed {} {}", transposed[0], transposed[1]);
            let launch = kernels::matmul([m, k, n], transposed);
            all.push(Case::new(label, launch, args, move |written, findings| {
                let output = unpadded(&written[0], n, shape.output_stride, findings);
                let exact = twin(&left, &right, shape);
                let truth = twin(&wide(&left), &wide(&right), shape);
                let bounds = bounds(&left, &right, shape);
                findings.hold("output", &output, Some(&exact), &truth, &bounds);
            }));
        }
    }
    all
}
