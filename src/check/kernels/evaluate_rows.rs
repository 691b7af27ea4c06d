//! Cases of `evaluate_rows`.

use super::losses::{MOST_WEIGHT, classes, weight, with_weights};
use crate::check::{
    Arg, Bound, Case, Scope, ULP, loss_with_default, numbers, stride, wide, with_default,
};
use crate::kernels;
use crate::network::{Activation, Link, Loss};
use crate::reference::fused;
use crate::reference::twins::{Grid, TargetRows};

const SCALE: f32 = 0.125;
/// The rows begin behind so many others among the targets.
const FIRST_ROW: usize = 2;

/// What is asked of the rows.
#[derive(Clone, Copy)]
struct Asked {
    loss: Loss,
    takes_largest: bool,
    /// Whether another part came before, whose scores are gone on from.
    goes_on: bool,
    is_weighted: bool,
}

fn case(asked: Asked, (rows, cols): (usize, usize), networks: usize) -> Case {
    let Asked { loss, takes_largest, goes_on, is_weighted } = asked;
    let kind = loss.required_output().unwrap_or(Activation::Tanh);
    let numbers = numbers(rows * stride(cols) * networks, 82);
    let mut z: Vec<f32> = numbers.iter().map(|z| 3.0 * z).collect();
    let mut target = classes(FIRST_ROW + rows, cols);
    // Of equal outputs the first is the class, and so it is in the first row.
    z[..cols * networks].fill(0.25);
    target[FIRST_ROW * stride(cols)..][..cols].fill(0.0);
    target[FIRST_ROW * stride(cols)] = 1.0;
    if is_weighted {
        target = with_weights(&target, cols, weight);
    }
    let before: Vec<(f32, u32)> = (0..networks)
        .map(|network| if goes_on { (1.5 + network as f32, 7 * network as u32) } else { (0.0, 0) })
        .collect();
    let words: Vec<u32> =
        before.iter().flat_map(|&(loss, right)| [loss.to_bits(), right]).collect();
    let scores = if goes_on { Arg::of(&words) } else { Arg::Out(2 * networks) };
    let ends = (loss_with_default(loss), with_default(kind));
    let part = (FIRST_ROW..FIRST_ROW + rows, goes_on);
    let launch =
        kernels::evaluate_rows(ends, part, cols, networks, takes_largest, SCALE, is_weighted);
    let mut label = format!("{loss} of {rows}x{cols}, {networks} networks");
    for (is_so, what) in [
        (takes_largest, ", largest output"),
        (is_weighted, ", weighted rows"),
        (goes_on, ", a second part"),
    ] {
        label += if is_so { what } else { "" };
    }
    let args = [Arg::of(&z), Arg::of(&target), scores];
    Case::new(label, launch, args, move |written, findings| {
        let target_stride = stride(cols + usize::from(is_weighted));
        let own = wide(&target[FIRST_ROW * target_stride..]);
        let rows_of = TargetRows { values: &own, stride: target_stride, is_weighted };
        let grid = Grid { rows, cols, stride: stride(cols) };
        let scale = f64::from(SCALE);
        let truth =
            fused::evaluate_rows(ends, (&wide(&z), rows_of), takes_largest, scale, grid, networks);
        let seen: Vec<f32> = written[0].iter().step_by(2).map(|&w| f32::from_bits(w)).collect();
        let with_before = |(score, before): (&(f64, u32), &(f32, u32))| {
            (score.0 + f64::from(before.0), score.1 + before.1)
        };
        let total: Vec<(f64, u32)> = truth.iter().zip(&before).map(with_before).collect();
        let losses: Vec<f64> = total.iter().map(|score| score.0).collect();
        // A row's loss is off by some roundings of exp, log and tanh of numbers within 3, for each output; their
        // sum by one rounding for each row that a lane takes, and each halving; a weight multiplies it.
        let roundings = 24.0 * cols as f64 + rows as f64 / 64.0 + 9.0;
        let weight = if is_weighted { MOST_WEIGHT } else { 1.0 };
        let size = weight * scale * rows as f64;
        let bounds: Vec<f64> = losses.iter().map(|loss| roundings * ULP * (loss + size)).collect();
        findings.close("losses", &seen, &losses, Bound::Each(&bounds));
        let right: Vec<u32> = written[0].iter().skip(1).step_by(2).copied().collect();
        let expected: Vec<u32> = total.iter().map(|score| score.1).collect();
        findings.equal("right rows", &right, &expected);
    })
}

/// The loss of a network one of whose outputs is not finite is no number; that of another is as it was.
fn not_finite(bad: f32) -> Case {
    let (rows, cols, networks) = (70, 3, 2);
    let ends = (loss_with_default(Loss::MseMean), with_default(Activation::Relu));
    let mut z = vec![0.0; rows * stride(cols) * networks];
    // Of the second network, in the last row.
    z[((rows - 1) * stride(cols) + 1) * networks + 1] = bad;
    let target = vec![0.0f32; rows * stride(cols)];
    let launch = kernels::evaluate_rows(ends, (0..rows, false), cols, networks, true, 1.0, false);
    let args = [Arg::of(&z), Arg::of(&target), Arg::Out(2 * networks)];
    Case::new(format!("an output is {bad}"), launch, args, move |written, findings| {
        let losses = [0, 2].map(|at| f32::from_bits(written[0][at]));
        findings.close("loss of the other network", &losses[..1], &[0.0f32], Bound::Exact);
        findings.ensure(losses[1].is_nan(), || format!("the loss is {}, not NaN", losses[1]));
    })
}

/// One loss of each link.
fn is_some(loss: &Loss) -> bool {
    matches!(loss, Loss::MseMean | Loss::Bce | Loss::SoftmaxCrossEntropy)
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    const SIZES: [((usize, usize), usize); 6] =
        [((65, 10), 1), ((7, 5), 3), ((4, 1), 64), ((300, 3), 5), ((1, 1), 1), ((64, 2), 2)];
    let mut all: Vec<Case> = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(not_finite).into();
    for &(sizes, networks) in scope.some(&SIZES, 3) {
        for &loss in Loss::ALL.iter().filter(|loss| !scope.is_quick || is_some(loss)) {
            // The softmax speaks of one class, of several.
            let is_softmax = loss.link() == Link::Softmax;
            if is_softmax && sizes.1 == 1 {
                continue;
            }
            for takes_largest in [false, true].into_iter().filter(|&it| it || !is_softmax) {
                for (goes_on, is_weighted) in [(false, false), (true, false), (true, true)] {
                    let asked = Asked { loss, takes_largest, goes_on, is_weighted };
                    let is_wanted = !is_weighted || !scope.is_quick || is_softmax;
                    all.extend(is_wanted.then(|| case(asked, sizes, networks)));
                }
            }
        }
    }
    all
}
