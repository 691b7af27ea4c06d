use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::reference::twins::{self, MatmulShape};

use crate::common::{ULP, assert_apart, assert_close, numbers, stride, wide};
use crate::launch::{Arg, floats, hold, launch, unpadded};

/// `m`, `k`, `n`: 1, odd, past a workgroup, long sums.
const CASES: [(usize, usize, usize); 8] = [
    (1, 1, 1),
    (4, 2, 3),
    (13, 17, 11),
    (1, 784, 10),
    (65, 3, 1),
    (5, 1, 129),
    (33, 64, 65),
    (2, 8192, 3),
];

fn shape(m: usize, k: usize, n: usize, left: bool, right: bool) -> MatmulShape {
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

fn operands(shape: MatmulShape) -> (Vec<f32>, Vec<f32>) {
    let left_rows = if shape.transpose_left { shape.k } else { shape.m };
    let right_rows = if shape.transpose_right { shape.n } else { shape.k };
    (numbers(left_rows * shape.left_stride, 1), numbers(right_rows * shape.right_stride, 2))
}

fn run(left: &[f32], right: &[f32], shape: MatmulShape) -> Vec<f32> {
    let transposed = [shape.transpose_left, shape.transpose_right];
    let args = [Arg::F32(left), Arg::F32(right), Arg::Out(shape.m * shape.output_stride)];
    let written = launch(&kernels::matmul([shape.m, shape.k, shape.n], transposed), &args);
    unpadded(floats(&written[0]), shape.n, shape.output_stride)
}

fn twin<T: wgrad::reference::Real>(left: &[T], right: &[T], shape: MatmulShape) -> Vec<T> {
    let mut output = vec![T::default(); shape.m * shape.n];
    twins::matmul(left, right, &mut output, MatmulShape { output_stride: shape.n, ..shape });
    output
}

#[test]
fn matches_its_twin_in_every_orientation() {
    for (m, k, n) in CASES {
        for (left_t, right_t) in [(false, false), (true, false), (false, true), (true, true)] {
            let shape = shape(m, k, n, left_t, right_t);
            let (left, right) = operands(shape);
            let magnitudes = |list: &[f32]| wide(list).iter().map(|v| v.abs()).collect::<Vec<_>>();
            // Each of k products and k sums may be one rounding off.
            let bounds: Vec<f64> = twin(&magnitudes(&left), &magnitudes(&right), shape)
                .iter()
                .map(|sum| (k + 2) as f64 * ULP * sum)
                .collect();
            hold(
                &format!("matmul {m}x{k}x{n}, transposed {left_t} {right_t}"),
                &run(&left, &right, shape),
                Some(&twin(&left, &right, shape)),
                &twin(&wide(&left), &wide(&right), shape),
                &bounds,
            );
        }
    }
}

#[test]
fn by_hand() {
    // [1 2 3; 4 5 6] . [7 8; 9 10; 11 12]
    let left = [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0];
    let right = [7.0, 8.0, 0.0, 0.0, 9.0, 10.0, 0.0, 0.0, 11.0, 12.0, 0.0, 0.0];
    let output = run(&left, &right, shape(2, 3, 2, false, false));
    assert_close("by hand", &output, &[58.0f32, 64.0, 139.0, 154.0], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let right_way = shape(5, 5, 5, false, false);
    let (left, right) = operands(right_way);
    let output = run(&left, &right, right_way);
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    for wrong in
        [shape(5, 5, 5, true, false), shape(5, 5, 5, false, true), shape(5, 4, 5, false, false)]
    {
        let wrong = MatmulShape { left_stride: right_way.left_stride, ..wrong };
        assert_apart("transposed, or a term short", &output, &twin(&left, &right, wrong), bound);
    }
}
