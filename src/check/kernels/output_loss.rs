//! Cases of `output_loss`.

use super::layers::{block, launched, shape};
use super::losses::{MOST_WEIGHT, classes, weight, with_weights};
use crate::check::{
    Arg, Bound, Case, Scope, ULP, absolute, floats, loss_with_default, padded, stride, wide,
    with_default,
};
use crate::kernels;
use crate::network::{Activation, Loss};
use crate::reference::fused;
use crate::reference::twins::TargetRows;

const SCALE: f32 = 0.125;

/// A layer whose parameters are multiplied by a factor: with a large one logits are far apart.
fn case(
    ends: (Loss, Activation),
    sizes: (usize, usize, usize),
    is_weighted: bool,
    factor: f32,
) -> Case {
    let (shape, (rows, fan_in, fan_out)) = (shape(sizes), sizes);
    let input = padded(rows, fan_in, 28);
    let parameters: Vec<f32> = block(shape, 29).iter().map(|p| factor * p).collect();
    let mut target = classes(rows, fan_out);
    if is_weighted {
        target = with_weights(&target, fan_out, weight);
    }
    let args = [
        Arg::of(&input),
        Arg::of(&parameters),
        Arg::of(&target),
        Arg::Out(rows),
        Arg::Out(rows * shape.stride),
    ];
    let (loss, activation) = (loss_with_default(ends.0), with_default(ends.1));
    let launch = kernels::output_loss((loss, activation), launched(shape), SCALE, is_weighted);
    let weighted = if is_weighted { ", weighted rows" } else { "" };
    let large = if factor == 1.0 { "" } else { ", large logits" };
    let label =
        format!("{} after {} of {rows}x{fan_in}x{fan_out}{weighted}{large}", ends.0, ends.1);
    Case::new(label, launch, args, move |written, findings| {
        let (mut row_loss, mut d_output) = (vec![0.0; rows], vec![0.0; rows * shape.stride]);
        let target_stride = stride(fan_out + usize::from(is_weighted));
        let wide_target = wide(&target);
        let target = TargetRows { values: &wide_target, stride: target_stride, is_weighted };
        let (x, p) = (wide(&input), wide(&parameters));
        let kind = (loss, activation, f64::from(SCALE));
        fused::output_loss(kind, &x, &p, target, &mut row_loss, &mut d_output, shape);
        // A pre-activation is off by a sum's bound; no loss here changes by more than four times that for each
        // output (targets and predictions lie within 1), nor its gradient, and each adds a few roundings of exp
        // and log of its own. A weight multiplies it.
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        let sum = largest(&absolute(&input)) * largest(&p) * (fan_in + 1) as f64;
        let z = (fan_in + 4) as f64 * ULP * sum;
        let weight = if is_weighted { MOST_WEIGHT } else { 1.0 };
        let of_row = weight * fan_out as f64 * (4.0 * z + 32.0 * ULP * (1.0 + sum));
        let of_d = weight * f64::from(SCALE) * (4.0 * z + 32.0 * ULP);
        let near = |absolute| Bound::Mixed { absolute, relative: 8.0 * ULP };
        findings.close("row_loss", floats(&written[0]), &row_loss, near(of_row));
        let seen = floats(&written[1]);
        findings.close("d_output", seen, &d_output, near(of_d));
        let mut padding = seen.chunks_exact(shape.stride).flat_map(|row| &row[fan_out..]);
        findings.ensure(padding.all(|&d| d == 0.0), || "padding is not 0".to_owned());
    })
}

/// One loss of each link: the number of outputs is part of the pipeline.
fn is_some(loss: &Loss) -> bool {
    matches!(loss, Loss::MseMean | Loss::Bce | Loss::SoftmaxCrossEntropy)
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    const SIZES: [(usize, usize, usize); 5] =
        [(7, 13, 5), (65, 64, 10), (1, 1, 1), (4, 2, 3), (3, 130, 16)];
    let mut all: Vec<Case> = Vec::new();
    for &sizes in scope.some(&SIZES, 1) {
        let is_whole = sizes == SIZES[0] && !scope.is_quick;
        for &loss in Loss::ALL.iter().filter(|loss| is_whole || is_some(loss)) {
            if loss == Loss::SoftmaxCrossEntropy && sizes.2 == 1 {
                continue;
            }
            let output = loss.required_output().unwrap_or(Activation::Tanh);
            let case = case((loss, output), sizes, false, 1.0);
            all.push(if sizes == SIZES[0] { case } else { case.trusted() });
        }
    }
    let softmax = (Loss::SoftmaxCrossEntropy, Activation::Identity);
    all.push(case(softmax, SIZES[0], false, 200.0));
    // With so many outputs that the weight has a vector of its own, and with fewer.
    for &sizes in scope.some(&[(7, 13, 4), (65, 64, 10), (1, 1, 1)], 1) {
        let ends = [
            (Loss::SoftmaxCrossEntropy, Activation::Identity),
            (Loss::BceWithLogits, Activation::Identity),
            (Loss::MseMean, Activation::Tanh),
        ];
        for &(loss, output) in scope.some(&ends, 1) {
            if sizes.2 > 1 || loss != Loss::SoftmaxCrossEntropy {
                all.push(case((loss, output), sizes, true, 1.0).trusted());
            }
        }
    }
    all
}
