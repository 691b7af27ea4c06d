//! Cases of `optimizer_step`.

use super::updates::{
    RATE, RING, STEP, describe, expect_schedule, schedule, some_optimizers, update_bound,
};
use crate::check::{Arg, Bound, Case, SENTINEL, Scope, ULP, floats, numbers, wide};
use crate::kernels;
use crate::optimizer::Optimizer;
use crate::reference::twins::{self, Update};

fn case(optimizer: Optimizer, len: usize, scale: f32) -> Case {
    let (mut gradients, parameters) = (numbers(len, 10), numbers(len, 11));
    let mut first = numbers(len, 12);
    let mut second: Vec<f32> = numbers(len, 13).iter().map(|v| v * v).collect();
    // As padding is: an update that divides by nothing but a root would be no number.
    (gradients[0], first[0], second[0]) = (0.0, 0.0, 0.0);
    let moment = |index: usize, values: &[f32]| match optimizer.has_moments()[index] {
        true => Arg::of(values),
        false => Arg::Out(4),
    };
    let args = [
        Arg::of(&gradients),
        // The first factor is not 1 where gradients are large.
        Arg::of(&[2.0 * scale, 0.5]),
        Arg::of(&schedule(&optimizer, RATE)),
        Arg::of(&parameters),
        moment(0, &first),
        moment(1, &second),
    ];
    // A norm is clipped where gradients are to be scaled.
    let clip_norm = (scale != 1.0).then_some(1.0);
    let launch = kernels::optimizer_step(&Optimizer { clip_norm, ..optimizer }, RING, len);
    let label = format!("{} of {len}, gradients times {scale}", describe(&optimizer));
    Case::new(label, launch, args, move |written, findings| {
        expect_schedule(&written[0], &optimizer, true, findings);
        let twin = Update::<f32>::new(&optimizer, RATE.into(), STEP);
        let (mut exact, mut m, mut v) = (parameters.clone(), first.clone(), second.clone());
        twins::optimizer_step(&twin, scale, &gradients, &mut exact, [&mut m, &mut v]);
        let twin = Update::<f64>::new(&optimizer, RATE.into(), STEP);
        let (mut truth, mut m64, mut v64) = (wide(&parameters), wide(&first), wide(&second));
        let moments = [&mut m64[..], &mut v64[..]];
        twins::optimizer_step(&twin, scale.into(), &wide(&gradients), &mut truth, moments);
        let bound = |i: usize| {
            update_bound(&optimizer, gradients[i], parameters[i], (first[i], second[i]), 0.0)
        };
        let bounds: Vec<f64> = (0..len).map(bound).collect();
        findings.hold("parameters", floats(&written[1]), Some(&exact), &truth, &bounds);
        let names = ["moment1", "moment2"];
        for (index, (exact, truth)) in [(&m, &m64), (&v, &v64)].into_iter().enumerate() {
            let moment = &written[2 + index];
            if optimizer.has_moments()[index] {
                // Products of numbers within 1, and their sum.
                let near = vec![8.0 * ULP; len];
                findings.hold(names[index], floats(moment), Some(exact), truth, &near);
            } else {
                findings.equal("a moment it does not have", moment, &[SENTINEL; 4]);
            }
        }
    })
}

/// A parameter that is not finite is noted, and no other becomes so.
fn not_finite(bad: f32) -> Case {
    let (optimizer, parameters) = (Optimizer::default(), [1.0, 1.0, bad, 1.0]);
    let args = [
        Arg::of(&[0.0f32; 4]),
        Arg::of(&[1.0f32; 2]),
        Arg::of(&schedule(&optimizer, RATE)),
        Arg::of(&parameters),
        Arg::Out(4),
        Arg::Out(4),
    ];
    let launch = kernels::optimizer_step(&optimizer, RING, 4);
    Case::new(format!("a parameter is {bad}"), launch, args, move |written, findings| {
        expect_schedule(&written[0], &optimizer, false, findings);
        let after = floats(&written[1]);
        findings.close("others", &[after[0], after[1], after[3]], &[1.0f32; 3], Bound::Exact);
    })
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    const LENS: [(usize, f32); 4] = [(260, 0.5), (4, 1.0), (1000, 0.75), (256, 1.0)];
    let mut all: Vec<Case> = [f32::NAN, f32::NEG_INFINITY].map(not_finite).into();
    for (at, optimizer) in some_optimizers(scope).into_iter().enumerate() {
        // Where it is quick, every other with gradients that are scaled.
        let lens = if scope.is_quick { &LENS[at % 2..][..1] } else { &LENS };
        let cases = lens.iter().map(|&(len, scale)| case(optimizer, len, scale));
        let is_plain = optimizer == Optimizer::new(optimizer.kind);
        all.extend(cases.map(|case| if is_plain { case } else { case.trusted() }));
    }
    all
}
