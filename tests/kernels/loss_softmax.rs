use wgrad::check::Bound;
use wgrad::network::Loss;
use wgrad::reference::twins::{self, TargetRows};

use crate::common::{SHAPES, ULP, assert_apart, assert_close, numbers, stride, wide};
use crate::launch::hold;
use crate::losses::{assert_weights_are_factors, loss_twin, run_loss};

/// One-of-n targets: row `r` is of class `r mod cols`.
fn classes(rows: usize, cols: usize) -> Vec<f32> {
    let mut target = vec![0.0; rows * stride(cols)];
    for row in 0..rows {
        target[row * stride(cols) + row % cols] = 1.0;
    }
    target
}

fn check(output: &[f32], target: &[f32], rows: usize, cols: usize) {
    let scale = 1.0 / rows as f32;
    let (row_loss, d_output) =
        run_loss(Loss::SoftmaxCrossEntropy, output, target, scale, rows, cols);
    let truth =
        loss_twin(twins::loss_softmax, &wide(output), &wide(target), scale.into(), rows, cols);
    let (mut loss_bounds, mut d_bounds) = (Vec::new(), Vec::new());
    for row in output.chunks_exact(stride(cols)) {
        let z: Vec<f64> = wide(&row[..cols]);
        let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let e: Vec<f64> = z.iter().map(|z| (z - largest).exp()).collect();
        let sum: f64 = e.iter().sum();
        // e^x within 3 + 2|x| ULP, and |x| more for x itself being one rounding off.
        let off: Vec<f64> = z.iter().map(|z| (3.0 + 3.0 * (z - largest).abs()) * ULP).collect();
        let sum_off =
            e.iter().zip(&off).map(|(e, off)| e * off).sum::<f64>() / sum + cols as f64 * ULP;
        // ln within 2^-21 near 1 and 3 ULP elsewhere; then one rounding for each of the two
        // differences and the product, and cols sums.
        let log_off = sum_off + 2f64.powi(-21) + 3.0 * ULP * sum.ln();
        let spread = z.iter().map(|z| (z - largest).abs()).fold(0.0, f64::max);
        loss_bounds.push(log_off + (cols + 4) as f64 * ULP * (sum.ln() + spread));
        for (e, off) in e.iter().zip(&off) {
            // The quotient 2.5 ULP; the difference and the scale one rounding each.
            d_bounds.push(
                f64::from(scale) * (e / sum * (off + sum_off + 2.5 * ULP) + 2.0 * ULP + 1.2e-38),
            );
        }
    }
    hold(&format!("row_loss {rows}x{cols}"), &row_loss, None, &truth.0, &loss_bounds);
    hold(&format!("d_output {rows}x{cols}"), &d_output, None, &truth.1, &d_bounds);
}

#[test]
fn matches_its_twin() {
    for (rows, cols) in SHAPES {
        let output: Vec<f32> = numbers(rows * stride(cols), 7).iter().map(|z| z * 5.0).collect();
        check(&output, &classes(rows, cols), rows, cols);
    }
}

#[test]
fn large_logits_stay_finite_and_right() {
    let output = [1000.0, -1000.0, 999.0, 0.0, -3e4, 3e4, 0.0, 0.0, -500.0, -501.0, -500.5, 0.0];
    check(&output, &classes(3, 3), 3, 3);
}

#[test]
fn by_hand() {
    let (row_loss, d_output) = run_loss(
        Loss::SoftmaxCrossEntropy,
        &[1.0, 2.0, 3.0, 0.0],
        &[0.0, 0.0, 1.0, 0.0],
        1.0,
        1,
        3,
    );
    // softmax(1, 2, 3) and -ln of its last.
    let softmax = [0.090_030_573_17, 0.244_728_471_05, 0.665_240_955_77 - 1.0];
    let bound = Bound::Mixed { absolute: 2e-6, relative: 0.0 };
    assert_close("row_loss", &row_loss, &[0.407_605_964_44], bound);
    assert_close("d_output", &d_output, &softmax, bound);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (output, target) = (numbers(64, 7), classes(4, 16));
    let (row_loss, d_output) = run_loss(Loss::SoftmaxCrossEntropy, &output, &target, 0.25, 4, 16);
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    let elementwise =
        |z: &[f32], t: TargetRows<'_, f32>, row_loss: &mut [f32], d: &mut [f32], scale, grid| {
            twins::loss_elementwise((Loss::Bce, 0.0), z, t, row_loss, d, scale, grid);
        };
    let sigmoids = loss_twin(elementwise, &output, &target, 0.25, 4, 16);
    assert_apart("sigmoids instead", &d_output, &sigmoids.1, bound);
    assert_apart("sigmoids instead", &row_loss, &sigmoids.0, bound);
}

#[test]
fn weights_are_factors_of_their_rows() {
    assert_weights_are_factors(Loss::SoftmaxCrossEntropy, classes);
}
