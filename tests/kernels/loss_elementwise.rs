use wgrad::check::Bound;
use wgrad::network::Loss;
use wgrad::reference::twins::TargetRows;
use wgrad::reference::{Real, twins};

use crate::common::{assert_apart, assert_close, loss_with_default, numbers, stride};
use crate::launch::assert_matches_its_twin;
use crate::losses::{assert_weights_are_factors, loss_twin, run_loss};

fn twin<T: Real>(
    loss: Loss,
    output: &[T],
    target: &[T],
    scale: T,
    rows: usize,
    cols: usize,
) -> (Vec<T>, Vec<T>) {
    let twin = |output: &[T],
                target: TargetRows<'_, T>,
                row_loss: &mut [T],
                d: &mut [T],
                scale,
                grid| {
        twins::loss_elementwise(loss_with_default(loss), output, target, row_loss, d, scale, grid);
    };
    loss_twin(twin, output, target, scale, rows, cols)
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("loss_elementwise");
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
    let wrong_sign = twin(Loss::MseMean, &target, &output, 0.25, 4, 16);
    assert_apart("y and t exchanged", &d_output, &wrong_sign.1, bound);
    let no_mean = twin(Loss::MseMean, &output, &target, 1.0, 4, 16);
    assert_apart("the forgotten 1/B", &d_output, &no_mean.1, bound);
}

/// Residuals on both sides of delta, and at it.
#[test]
fn huber_by_hand() {
    // 1/2 * 1/4, 1 - 1/2, 3 - 1/2, 0.
    let (output, target) = ([0.5, 1.0, -3.0, 2.0], [0.0, 0.0, 0.0, 2.0]);
    let (row_loss, d_output) = run_loss(Loss::Huber, &output, &target, 2.0, 1, 4);
    assert_close("row_loss", &row_loss, &[3.125f32], Bound::Exact);
    assert_close("d_output", &d_output, &[1.0f32, 2.0, -2.0, 0.0], Bound::Exact);
    let squares = twin(Loss::MseMean, &output, &target, 2.0, 1, 4);
    assert_apart("squares", &d_output, &squares.1, Bound::Exact);
}

#[test]
fn cross_entropy_by_hand_and_at_zero() {
    let (row_loss, d_output) =
        run_loss(Loss::Bce, &[0.0, 2.0, -3.0, 0.0], &[1.0, 0.0, 1.0, 0.0], 2.0, 1, 3);
    // ln 2, 2 + ln(1 + e^-2), 3 + ln(1 + e^-3).
    let expected = std::f64::consts::LN_2 + 2.126_928_011_04 + 3.048_587_351_57;
    assert_close(
        "row_loss",
        &row_loss,
        &[expected],
        Bound::Mixed { absolute: 4e-6, relative: 0.0 },
    );
    // 2 (1/2 - 1), 2 sigmoid(2), 2 (sigmoid(-3) - 1).
    let slopes = [-1.0, 1.761_594_155_96, -1.905_148_253_64];
    assert_close("d_output", &d_output, &slopes, Bound::Mixed { absolute: 2e-6, relative: 0.0 });
}

#[test]
fn a_wrong_twin_of_cross_entropy_is_found_out() {
    let (output, target) = (numbers(64, 7), vec![1.0; 64]);
    let (row_loss, d_output) = run_loss(Loss::Bce, &output, &target, 0.25, 4, 16);
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    let mse = twin(Loss::MseMean, &output, &target, 0.25, 4, 16);
    assert_apart("the sigmoid left out", &d_output, &mse.1, bound);
    assert_apart("another loss", &row_loss, &mse.0, bound);
}

#[test]
fn weights_are_factors_of_their_rows() {
    let target = |rows: usize, cols: usize| -> Vec<f32> {
        numbers(rows * stride(cols), 8).iter().map(|t| t.abs()).collect()
    };
    for loss in [Loss::MseMean, Loss::Huber, Loss::BceWithLogits] {
        assert_weights_are_factors(loss, target);
    }
}
