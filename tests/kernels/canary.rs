use wgrad::kernels::{self, CANARY_ROUNDS, count_rounds};
use wgrad::reference::twins;

use crate::common::{gpu, is_llvmpipe};
use crate::launch::{Arg, launch};

fn run(rounds: u32) -> u32 {
    launch(&kernels::canary(rounds), &[Arg::Out(1)])[0][0]
}

/// Whatever the planner allows is really done: this is what its limit stands on.
#[test]
fn every_round_that_is_planned_for_is_made() {
    for asked in [0, 1, 2, 1001, 32_767, 32_768] {
        assert!(asked <= gpu().max_rounds());
        let mut expected = [0];
        twins::canary(&mut expected, asked);
        assert_eq!(run(asked), expected[0]);
    }
}

/// llvmpipe leaves loops after 65,535 rounds in all; where that goes, this says so.
#[test]
fn the_cap_of_llvmpipe_is_where_it_is_believed_to_be() {
    let made = pollster::block_on(count_rounds(&gpu(), CANARY_ROUNDS)).unwrap();
    if is_llvmpipe(&gpu()) {
        assert!((65_000..=65_535).contains(&made) || made == CANARY_ROUNDS, "{made} rounds");
        assert_eq!(gpu().max_rounds(), 32_768);
    } else {
        assert!(made >= gpu().max_rounds().min(CANARY_ROUNDS), "{made} rounds");
    }
}

#[test]
fn a_wrong_twin_is_found_out() {
    let mut wrong = [0];
    twins::canary(&mut wrong, 99);
    assert_ne!(run(100), wrong[0]);
}
