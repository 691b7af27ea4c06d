use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::reference::fused;

use crate::common::{assert_apart, assert_close, numbers};
use crate::launch::{Arg, SENTINEL, assert_matches_its_twin, floats, launch};

const RING: usize = 5;

/// The loss that lands in the ring at `step`, every other place of it untouched, and the clock.
fn run(row_loss: &[f32], scale: f32, step: u32) -> (f32, u32) {
    let args = [Arg::of(row_loss), Arg::of(&[step]), Arg::Out(RING)];
    let written = launch(&kernels::finish_step(row_loss.len(), RING as u32, scale), &args);
    let place = step as usize % RING;
    let others = written[1].iter().enumerate().filter(|&(index, _)| index != place);
    assert!(others.into_iter().all(|(_, &word)| word == SENTINEL), "{:x?}", written[1]);
    (floats(&written[1])[place], written[0][0])
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("finish_step");
}

#[test]
fn by_hand_and_around_the_ring() {
    for step in [0, 4, 5, 7, u32::MAX] {
        let (loss, clock) = run(&[1.0, 2.0, 3.0, 6.0], 0.25, step);
        assert_close("(1 + 2 + 3 + 6) / 4", &[loss], &[3.0f32], Bound::Exact);
        assert_eq!(clock, step.wrapping_add(1));
    }
}

#[test]
fn a_wrong_twin_is_found_out() {
    let row_loss = numbers(300, 9);
    let (mut clock, mut short) = (0, [0.0; RING]);
    fused::finish_step(&row_loss[..299], &mut clock, &mut short, 1.0);
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    assert_apart("a row short", &[run(&row_loss, 1.0, 0).0], &short[..1], near);
    fused::finish_step(&row_loss[..256], &mut 0, &mut short, 1.0);
    assert_apart("one row for each lane", &[run(&row_loss, 1.0, 0).0], &short[..1], near);
}
