use wgrad::check::Bound;
use wgrad::check::kernels::matmul_shape;
use wgrad::kernels;
use wgrad::reference::twins::{self, MatmulShape};

use crate::common::{assert_apart, assert_close, numbers};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch, unpadded};

fn operands(shape: MatmulShape) -> (Vec<f32>, Vec<f32>) {
    let left_rows = if shape.transpose_left { shape.k } else { shape.m };
    let right_rows = if shape.transpose_right { shape.n } else { shape.k };
    (numbers(left_rows * shape.left_stride, 1), numbers(right_rows * shape.right_stride, 2))
}

fn run(left: &[f32], right: &[f32], shape: MatmulShape) -> Vec<f32> {
    let transposed = [shape.transpose_left, shape.transpose_right];
    let args = [Arg::of(left), Arg::of(right), Arg::Out(shape.m * shape.output_stride)];
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
    assert_matches_its_twin("matmul");
}

#[test]
fn by_hand() {
    // [1 2 3; 4 5 6] . [7 8; 9 10; 11 12]
    let left = [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0];
    let right = [7.0, 8.0, 0.0, 0.0, 9.0, 10.0, 0.0, 0.0, 11.0, 12.0, 0.0, 0.0];
    let output = run(&left, &right, matmul_shape([2, 3, 2], [false; 2]));
    assert_close("by hand", &output, &[58.0f32, 64.0, 139.0, 154.0], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let right_way = matmul_shape([5, 5, 5], [false; 2]);
    let (left, right) = operands(right_way);
    let output = run(&left, &right, right_way);
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    for wrong in [
        matmul_shape([5, 5, 5], [true, false]),
        matmul_shape([5, 5, 5], [false, true]),
        matmul_shape([5, 4, 5], [false; 2]),
    ] {
        let wrong = MatmulShape { left_stride: right_way.left_stride, ..wrong };
        assert_apart("transposed, or a term short", &output, &twin(&left, &right, wrong), bound);
    }
}
