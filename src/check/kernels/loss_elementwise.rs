//! Cases of `loss_elementwise`.

use super::losses::{Given, weight, with_weights};
use crate::check::{Case, Findings, SHAPES, Scope, ULP, numbers, stride};
use crate::network::Loss;

/// How far one output's cross-entropy and its gradient may be off, from WGSL's accuracies: e^x within 3 + 2|x|
/// ULP, ln within 2^-21 between 1/2 and 2, quotients 2.5 ULP.
fn cross_entropy_bounds(z: f64, t: f64) -> (f64, f64) {
    let e = (-z.abs()).exp();
    let from_exp = e * (3.0 + 2.0 * z.abs()) * ULP;
    let loss = 2f64.powi(-21) + from_exp + ULP + 3.0 * ULP * (z.abs() + (z * t).abs());
    (loss, from_exp + 5.0 * ULP)
}

/// How far row losses and gradients may be off.
fn bounds(given: &Given, (losses, gradients): (&[f64], &[f64])) -> (Vec<f64>, Vec<f64>) {
    let cols = given.cols as f64;
    // A weight is one rounding more of both.
    let weighted = if given.is_weighted { 1.0 } else { 0.0 };
    let (mut of_rows, mut of_d) = (Vec::new(), Vec::new());
    for (row, (output, target, weight)) in given.each_row().enumerate() {
        let d = &gradients[row * given.cols..][..given.cols];
        match given.loss {
            Loss::Bce | Loss::BceWithLogits => {
                let terms = output.iter().zip(target);
                let terms = terms.map(|(&z, &t)| cross_entropy_bounds(z.into(), t.into()));
                let terms: Vec<(f64, f64)> = terms.collect();
                let sum: f64 = terms.iter().map(|term| term.0).sum();
                of_rows.push(weight * sum + (cols + weighted) * ULP * losses[row]);
                let scale = f64::from(given.scale) * weight;
                of_d.extend(terms.iter().map(|term| scale * (term.1 + weighted * ULP)));
            }
            // A difference one rounding off, squared, then cols sums of what is never negative. On huber's line
            // a difference of |d| > 1 and 1/2 keeps half of |d| at least: two roundings more.
            loss => {
                let roundings = if loss == Loss::Huber { 5.0 } else { 3.0 };
                of_rows.push((cols + roundings + weighted) * ULP * losses[row]);
                of_d.extend(d.iter().map(|d| (2.0 + weighted) * ULP * d.abs()));
            }
        }
    }
    (of_rows, of_d)
}

fn judge(given: &Given, (row_loss, d_output): (&[f32], &[f32]), findings: &mut Findings) {
    let (truth, exact) = (given.twin::<f64>(), given.twin::<f32>());
    let bounds = bounds(given, (&truth.0, &truth.1));
    // Of cross-entropy exponentials and logarithms are part.
    let by_bits = !matches!(given.loss, Loss::Bce | Loss::BceWithLogits);
    findings.hold("row_loss", row_loss, by_bits.then_some(&exact.0[..]), &truth.0, &bounds.0);
    findings.hold("d_output", d_output, by_bits.then_some(&exact.1[..]), &truth.1, &bounds.1);
}

/// Where cross-entropy switches, or would overflow.
const LOGITS: [f32; 12] =
    [0.0, -0.0, 50.0, -50.0, 100.0, -100.0, 300.0, -300.0, 1e4, -1e4, 1e-30, 88.0];

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    for &loss in Loss::ALL.iter().filter(|&&loss| loss != Loss::SoftmaxCrossEntropy) {
        let is_entropy = matches!(loss, Loss::Bce | Loss::BceWithLogits);
        for &(rows, cols) in scope.some(&SHAPES, 2) {
            let len = rows * stride(cols);
            // Residuals of huber on both sides of delta.
            let factor = if is_entropy { 8.0 } else { 3.0 };
            let output: Vec<f32> = numbers(len, 7).iter().map(|y| factor * y).collect();
            let mut target = numbers(len, 8);
            if is_entropy {
                target.iter_mut().for_each(|t| *t = t.abs().round());
            }
            let scale = 1.0 / rows as f32;
            let plain = Given { loss, output, target, is_weighted: false, scale, rows, cols };
            let target = with_weights(&plain.target, cols, weight);
            let weighted = Given { target, is_weighted: true, ..plain.clone() };
            let label = || format!("{loss} of {rows}x{cols}");
            all.push(plain.case(label(), judge));
            all.push(weighted.case(label(), judge));
        }
        for t in [0.0, 1.0, 0.5].into_iter().filter(|_| is_entropy) {
            let (output, target) = (LOGITS.to_vec(), vec![t; 12]);
            let scale = 1.0 / 12.0;
            let given = Given { loss, output, target, is_weighted: false, scale, rows: 3, cols: 4 };
            all.push(given.case(format!("{loss}, large logits against {t}"), judge));
        }
    }
    all
}
