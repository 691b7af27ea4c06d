use wgrad::check::Bound;
use wgrad::kernels::{SGD, SgdParams};
use wgrad::reference::twins;

use crate::common::{ULP, assert_apart, assert_close, numbers, wide};
use crate::launch::{Arg, floats, hold, launch};

fn run(gradients: &[f32], parameters: &[f32], learning_rate: f32) -> Vec<f32> {
    let params = SgdParams { len: parameters.len() as u32, learning_rate };
    let args = [Arg::F32(gradients), Arg::F32(parameters)];
    floats(&launch(&SGD, &[], &params, &args, parameters.len())[0]).to_vec()
}

#[test]
fn matches_its_twin() {
    for len in [1, 64, 65, 1000] {
        let (gradients, parameters) = (numbers(len, 10), numbers(len, 11));
        let rate = 0.3f32;
        let (mut exact, mut truth) = (parameters.clone(), wide(&parameters));
        twins::sgd(&gradients, &mut exact, rate);
        twins::sgd(&wide(&gradients), &mut truth, f64::from(rate));
        let bounds: Vec<f64> = truth
            .iter()
            .zip(&gradients)
            .map(|(p, &g)| ULP * (p.abs() + f64::from(rate) * f64::from(g.abs())))
            .collect();
        hold(
            &format!("sgd of {len}"),
            &run(&gradients, &parameters, rate),
            Some(&exact),
            &truth,
            &bounds,
        );
    }
}

#[test]
fn by_hand_and_padding_stays_zero() {
    let after = run(&[1.0, -2.0, 0.0, 0.0], &[1.0, 1.0, 5.0, 0.0], 0.5);
    assert_close("p - lr g", &after, &[0.5f32, 2.0, 5.0, 0.0], Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (gradients, parameters) = (numbers(20, 10), numbers(20, 11));
    let actual = run(&gradients, &parameters, 0.5);
    let mut uphill = parameters.clone();
    twins::sgd(&gradients, &mut uphill, -0.5);
    assert_apart("uphill", &actual, &uphill, Bound::Mixed { absolute: 1e-5, relative: 1e-5 });
}

/// More workgroups than one dimension holds: the grid folds, and every element is still its own.
#[test]
fn a_folded_grid_reaches_every_element() {
    let len = 64 * 65_535 + 64 + 5;
    let after = run(&vec![1.0; len], &vec![2.0; len], 0.5);
    assert!(after.iter().all(|&parameter| parameter == 1.5));
}
