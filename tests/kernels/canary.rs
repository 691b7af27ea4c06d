use wgrad::kernels::{self, CANARY_ITERATIONS, count_iterations};
use wgrad::reference::twins;

use crate::common::{gpu, is_llvmpipe};
use crate::launch::{Arg, assert_matches_its_twin, launch};

fn run(iterations: u32) -> u32 {
    launch(&kernels::canary(iterations), &[Arg::Out(1)])[0][0]
}

#[test]
fn every_round_that_is_planned_for_is_made() {
    assert_matches_its_twin("canary");
}

/// llvmpipe leaves loops after 65,535 iterations in all; where that goes, this says so.
#[test]
fn the_cap_of_llvmpipe_is_where_it_is_believed_to_be() {
    let made = pollster::block_on(count_iterations(&gpu(), CANARY_ITERATIONS)).unwrap();
    if is_llvmpipe(&gpu()) {
        assert!(
            (65_000..=65_535).contains(&made) || made == CANARY_ITERATIONS,
            "{made} iterations"
        );
        assert_eq!(gpu().max_iterations(), 32_768);
    } else {
        assert!(made >= gpu().max_iterations().min(CANARY_ITERATIONS), "{made} iterations");
    }
}

#[test]
fn a_wrong_twin_is_found_out() {
    let mut wrong = [0];
    twins::canary(&mut wrong, 99);
    assert_ne!(run(100), wrong[0]);
}
