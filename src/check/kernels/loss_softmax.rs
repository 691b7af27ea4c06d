//! Cases of `loss_softmax`.

use super::losses::{Given, classes, weight, with_weights};
use crate::check::{Case, Findings, SHAPES, Scope, ULP, numbers, stride, wide};
use crate::network::Loss;

/// How far row losses and gradients may be off.
fn bounds(given: &Given) -> (Vec<f64>, Vec<f64>) {
    let cols = given.cols as f64;
    let weighted = if given.is_weighted { ULP } else { 0.0 };
    let (mut of_rows, mut of_d) = (Vec::new(), Vec::new());
    for (output, _, weight) in given.each_row() {
        let z: Vec<f64> = wide(output);
        let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let e: Vec<f64> = z.iter().map(|z| (z - largest).exp()).collect();
        let sum: f64 = e.iter().sum();
        // e^x within 3 + 2|x| ULP, and |x| more for x itself being one rounding off.
        let off: Vec<f64> = z.iter().map(|z| (3.0 + 3.0 * (z - largest).abs()) * ULP).collect();
        let sum_off = e.iter().zip(&off).map(|(e, off)| e * off).sum::<f64>() / sum + cols * ULP;
        // ln within 2^-21 near 1 and 3 ULP elsewhere; then one rounding for each of the two
        // differences and the product, and cols sums.
        let log_off = sum_off + 2f64.powi(-21) + 3.0 * ULP * sum.ln();
        let spread = z.iter().map(|z| (z - largest).abs()).fold(0.0, f64::max);
        let of_row = log_off + ((cols + 4.0) * ULP + weighted) * (sum.ln() + spread);
        of_rows.push(weight * of_row);
        for (e, off) in e.iter().zip(&off) {
            // The quotient 2.5 ULP; the difference and the scale one rounding each; what underflows.
            let share = e / sum * (off + sum_off + 2.5 * ULP);
            let scale = f64::from(given.scale) * weight;
            of_d.push(scale * (share + 2.0 * ULP + weighted + 1.2e-38));
        }
    }
    (of_rows, of_d)
}

fn judge(given: &Given, (row_loss, d_output): (&[f32], &[f32]), findings: &mut Findings) {
    let (truth, bounds) = (given.twin::<f64>(), bounds(given));
    findings.hold("row_loss", row_loss, None, &truth.0, &bounds.0);
    findings.hold("d_output", d_output, None, &truth.1, &bounds.1);
}

/// Logits far from each other, and large ones that are near.
const LOGITS: [f32; 12] =
    [1000.0, -1000.0, 999.0, 0.0, -3e4, 3e4, 0.0, 0.0, -500.0, -501.0, -500.5, 0.0];

pub(super) fn cases(_: &Scope) -> Vec<Case> {
    let loss = Loss::SoftmaxCrossEntropy;
    let given = |output, rows: usize, cols| {
        let (target, scale) = (classes(rows, cols), 1.0 / rows as f32);
        Given { loss, output, target, is_weighted: false, scale, rows, cols }
    };
    let mut all = vec![given(LOGITS.to_vec(), 3, 3).case("large logits".to_owned(), judge)];
    for (rows, cols) in SHAPES {
        let output = numbers(rows * stride(cols), 7).iter().map(|z| z * 5.0).collect();
        let plain = given(output, rows, cols);
        let target = with_weights(&plain.target, cols, weight);
        let weighted = Given { target, is_weighted: true, ..plain.clone() };
        all.push(plain.case(format!("{rows}x{cols}"), judge));
        all.push(weighted.case(format!("{rows}x{cols}"), judge));
    }
    all
}
