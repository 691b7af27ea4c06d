use wgrad::check::Bound;
use wgrad::network::Loss;
use wgrad::reference::twins;

use crate::common::{SHAPES, ULP, assert_apart, assert_close, numbers, stride, wide};
use crate::launch::hold;
use crate::losses::{loss_twin, run_loss};

#[test]
fn matches_its_twin() {
    for (rows, cols) in SHAPES {
        let len = rows * stride(cols);
        let (output, target) = (numbers(len, 7), numbers(len, 8));
        let scale = 1.0 / rows as f32;
        let (row_loss, d_output) = run_loss(Loss::MseMean, &output, &target, scale, rows, cols);
        let exact = loss_twin(twins::loss_mse, &output, &target, scale, rows, cols);
        let truth =
            loss_twin(twins::loss_mse, &wide(&output), &wide(&target), scale.into(), rows, cols);
        // A difference one rounding off, squared; then cols sums of what is never negative.
        let bounds: Vec<f64> = truth.0.iter().map(|loss| (cols + 3) as f64 * ULP * loss).collect();
        hold(&format!("row_loss {rows}x{cols}"), &row_loss, Some(&exact.0), &truth.0, &bounds);
        let bounds: Vec<f64> = truth.1.iter().map(|d| 2.0 * ULP * d.abs()).collect();
        hold(&format!("d_output {rows}x{cols}"), &d_output, Some(&exact.1), &truth.1, &bounds);
    }
}

#[test]
fn by_hand() {
    let output = [1.0, 2.0, 0.0, 0.0, -1.0, 0.5, 0.0, 0.0];
    let target = [0.0, 4.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0];
    let (row_loss, d_output) = run_loss(Loss::MseMean, &output, &target, 0.5, 2, 2);
    assert_close("row_loss", &row_loss, &[5.0f32, 0.25], Bound::Exact);
    assert_close("d_output", &d_output, &[0.5f32, -1.0, 0.0, 0.25], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (output, target) = (numbers(64, 7), numbers(64, 8));
    let (_, d_output) = run_loss(Loss::MseMean, &output, &target, 0.25, 4, 16);
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    let wrong_sign = loss_twin(twins::loss_mse, &target, &output, 0.25, 4, 16);
    assert_apart("y and t exchanged", &d_output, &wrong_sign.1, bound);
    let no_mean = loss_twin(twins::loss_mse, &output, &target, 1.0, 4, 16);
    assert_apart("the forgotten 1/B", &d_output, &no_mean.1, bound);
}
