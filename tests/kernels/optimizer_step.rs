use wgrad::check::Bound;
use wgrad::check::kernels::{RATE, RING, STEP, optimizers, schedule};
use wgrad::kernels;
use wgrad::optimizer::{Decay, Optimizer, OptimizerKind};
use wgrad::reference::twins::{self, Update};

use crate::common::{assert_apart, assert_close, numbers, with};
use crate::launch::{Arg, assert_matches_its_twin, floats, is_finite, launch};

struct Written {
    is_finite: bool,
    parameters: Vec<f32>,
    moments: [Vec<u32>; 2],
}

fn run(
    optimizer: &Optimizer,
    scale: f32,
    gradients: &[f32],
    parameters: &[f32],
    moments: [&[f32]; 2],
) -> Written {
    let moment = |index: usize| match optimizer.has_moments()[index] {
        true => Arg::of(moments[index]),
        false => Arg::Out(4),
    };
    let args = [
        Arg::of(gradients),
        // The first factor is not 1 where gradients are large.
        Arg::of(&[2.0 * scale, 0.5]),
        Arg::of(&schedule(optimizer, RATE)),
        Arg::of(parameters),
        moment(0),
        moment(1),
    ];
    // A norm is clipped where gradients are to be scaled.
    let clip_norm = (scale != 1.0).then_some(1.0);
    let optimizer = with(*optimizer, |it| it.clip_norm = clip_norm);
    let written = launch(&kernels::optimizer_step(&optimizer, RING, parameters.len()), &args);
    Written {
        is_finite: is_finite(&written[0]),
        parameters: floats(&written[1]).to_vec(),
        moments: [written[2].clone(), written[3].clone()],
    }
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("optimizer_step");
}

#[test]
fn by_hand_and_padding_stays_zero() {
    let sgd = Optimizer::default();
    let after = run(&sgd, 1.0, &[1.0, -2.0, 0.0, 0.0], &[1.0, 1.0, 5.0, 0.0], [&[0.0; 4]; 2]);
    assert_close("p - lr g", &after.parameters, &[0.75f32, 1.5, 5.0, 0.0], Bound::Exact);
    // m = 0.5 * 2 + 1 = 2; p = 1 - 0.25 * 2; with a look ahead 1 - 0.25 (1 + 0.5 * 2).
    let momentum = with(Optimizer::new(OptimizerKind::Momentum), |it| it.momentum = 0.5);
    let (g, p, m) = ([1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]);
    for kind in [OptimizerKind::Momentum, OptimizerKind::Nesterov] {
        let optimizer = with(momentum, |it| it.kind = kind);
        let after = run(&optimizer, 1.0, &g, &p, [&m, &m]);
        assert_close(kind.name(), &after.parameters, &[0.5f32, 0.0, 0.0, 0.0], Bound::Exact);
        assert_eq!(floats(&after.moments[0])[0], 2.0);
    }
    // Decay alone: g = 0.5 * 1, and p = 1 (1 - 0.25 * 0.5).
    for decay in [Decay::L2, Decay::Decoupled] {
        let optimizer = with(sgd, |it| (it.weight_decay, it.decay) = (0.5, decay));
        let after = run(&optimizer, 1.0, &[0.0; 4], &p, [&[0.0; 4]; 2]);
        assert_close(decay.name(), &after.parameters, &[0.875f32, 0.0, 0.0, 0.0], Bound::Exact);
    }
    // Padding under Adam, whose update divides.
    let adam = Optimizer::new(OptimizerKind::Adam);
    let after = run(&adam, 1.0, &[1.0, 0.0, 0.0, 0.0], &p, [&[0.0; 4]; 2]);
    assert_eq!(after.parameters[1..], [0.0; 3]);
}

#[test]
fn what_is_no_number_is_not_clipped_into_one() {
    let optimizer = with(Optimizer::default(), |it| it.clip_value = Some(0.5));
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2.0];
    let after = run(&optimizer, 1.0, &bad, &[1.0; 4], [&[0.0; 4]; 2]);
    assert!(!after.is_finite, "a parameter is none");
    let after = after.parameters;
    assert!(after[0].is_nan(), "{after:?}");
    assert_eq!(after[1..], [0.875, 1.125, 0.875]);
}

#[test]
fn parameters_that_are_not_finite_are_noted_by_their_bits() {
    let plain = Optimizer::default();
    let noted = |gradient, parameter| {
        let gradients = [0.0, 0.0, gradient, 0.0];
        !run(&plain, 1.0, &gradients, &[1.0, 1.0, parameter, 1.0], [&[0.0; 4]; 2]).is_finite
    };
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(noted(bad, 1.0) && noted(0.0, bad), "{bad}");
    }
    assert!(noted(-f32::MAX, f32::MAX), "a sum that overflows");
    assert!(!noted(-1.0, f32::MAX) && !noted(1e-42, 1e-42));
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (gradients, parameters) = (numbers(20, 10), numbers(20, 11));
    let zeros = [0.0; 20];
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    for optimizer in optimizers() {
        let actual = run(&optimizer, 1.0, &gradients, &parameters, [&zeros; 2]).parameters;
        let wrong = |other: &Optimizer, rate: f32, step| {
            let (mut p, mut m, mut v) = (parameters.clone(), vec![0.0; 20], vec![0.0; 20]);
            let twin = Update::<f32>::new(other, rate.into(), step);
            twins::optimizer_step(&twin, 1.0, &gradients, &mut p, [&mut m, &mut v]);
            p
        };
        assert_apart("uphill", &actual, &wrong(&optimizer, -RATE, STEP), near);
        if optimizer.is_corrected() {
            assert_apart("another step", &actual, &wrong(&optimizer, RATE, STEP + 1), near);
        }
        let decayed = with(optimizer, |it| it.weight_decay = optimizer.weight_decay + 0.01);
        if !optimizer.has_moments()[1] {
            assert_apart("more decay", &actual, &wrong(&decayed, RATE, STEP), near);
        }
    }
}

/// More workgroups than one dimension holds: the grid folds, and every element is still its own.
#[test]
fn a_folded_grid_reaches_every_element() {
    let len = 4 * (64 * 65_535 + 64 + 5);
    let after = run(&Optimizer::default(), 1.0, &vec![1.0; len], &vec![2.0; len], [&[0.0; 4]; 2]);
    assert!(after.parameters.iter().all(|&parameter| parameter == 1.75));
}
