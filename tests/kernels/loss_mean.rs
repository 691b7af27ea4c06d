use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::reference::twins;

use crate::common::{ULP, assert_apart, assert_close, numbers, wide};
use crate::launch::{Arg, SENTINEL, floats, hold, launch};

const RING: u32 = 5;

/// The loss that lands in the ring at `step`; every other place must stay untouched.
fn run(row_loss: &[f32], scale: f32, step: u32) -> f32 {
    let args = [Arg::F32(row_loss), Arg::U32(&[step]), Arg::Out(RING as usize)];
    let written = launch(&kernels::loss_mean(row_loss.len(), RING, scale), &args);
    let place = (step % RING) as usize;
    let others = written[0].iter().enumerate().filter(|&(index, _)| index != place);
    assert!(others.into_iter().all(|(_, &word)| word == SENTINEL), "{:x?}", written[0]);
    floats(&written[0])[place]
}

#[test]
fn matches_its_twin() {
    for rows in [1, 2, 4, 255, 256, 257, 1000, 5000] {
        let row_loss = numbers(rows, 9);
        let scale = 1.0 / rows as f32;
        let magnitude: f64 = row_loss.iter().map(|loss| f64::from(loss.abs())).sum();
        // The longest chain of sums, and the scale.
        let bound = (rows.div_ceil(256) + 9) as f64 * ULP * magnitude * f64::from(scale);
        hold(
            &format!("loss_mean of {rows}"),
            &[run(&row_loss, scale, 3)],
            Some(&[twins::loss_mean(&row_loss, scale)]),
            &[twins::loss_mean(&wide(&row_loss), scale.into())],
            &[bound],
        );
    }
}

#[test]
fn by_hand_and_around_the_ring() {
    for step in [0, 4, 5, 7, u32::MAX] {
        assert_close(
            "(1 + 2 + 3 + 6) / 4",
            &[run(&[1.0, 2.0, 3.0, 6.0], 0.25, step)],
            &[3.0f32],
            Bound::Exact,
        );
    }
}

#[test]
fn a_wrong_twin_is_found_out() {
    let row_loss = numbers(300, 9);
    let actual = run(&row_loss, 1.0, 0);
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    assert_apart("a row short", &[actual], &[twins::loss_mean(&row_loss[..299], 1.0)], bound);
    assert_apart(
        "one workgroup's rows only",
        &[actual],
        &[twins::loss_mean(&row_loss[..256], 1.0)],
        bound,
    );
}
