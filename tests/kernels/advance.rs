use wgrad::kernels;
use wgrad::reference::twins;

use crate::launch::{Arg, assert_matches_its_twin, launch};

fn run(clock: u32, steps: u32) -> u32 {
    launch(&kernels::advance(steps), &[Arg::of(&[clock])])[0][0]
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("advance");
}

#[test]
fn by_hand_and_as_its_twin() {
    for (clock, steps) in [(0, 1), (41, 1), (5, 10), (u32::MAX, 1)] {
        let mut expected = [clock];
        twins::advance(&mut expected, steps);
        assert_eq!(run(clock, steps), expected[0]);
    }
    assert_eq!(run(7, 1), 8);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let mut wrong = [7];
    twins::advance(&mut wrong, 2);
    assert_ne!(run(7, 1), wrong[0]);
}
