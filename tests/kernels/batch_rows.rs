use wgrad::data::{Batches, Order};
use wgrad::kernels;
use wgrad::reference::twins;

use crate::launch::{Arg, assert_matches_its_twin, launch};

fn run(batches: Batches, step: u32) -> Vec<u32> {
    let len = batches.len_of(step);
    launch(&kernels::batch_rows(&batches, len), &[Arg::of(&[step]), Arg::Out(len)]).remove(0)
}

#[test]
fn draws_the_rows_of_its_twin_bit_for_bit() {
    assert_matches_its_twin("batch_rows");
}

#[test]
fn by_hand_rows_as_they_stand() {
    let batches = Batches::new(5, 2, Order::Sequential, 0);
    assert_eq!(run(batches, 0), [0, 1]);
    assert_eq!(run(batches, 2), [4]);
    assert_eq!(run(batches, 4), [2, 3]);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let batches = Batches::new(100, 50, Order::Shuffled, 1);
    let mut wrong = vec![0; 50];
    twins::batch_rows(&mut wrong, 100, 0, 2, 0);
    assert_ne!(run(batches, 0), wrong, "another seed");
    twins::batch_rows(&mut wrong, 100, 0, 1, 1);
    assert_ne!(run(batches, 0), wrong, "another epoch");
}
