use wgrad::data::{Batches, Order};
use wgrad::kernels;
use wgrad::reference::twins;

use crate::launch::{Arg, launch};

fn run(batches: Batches, step: u32) -> Vec<u32> {
    let len = batches.len_of(step);
    launch(&kernels::batch_rows(&batches, len), &[Arg::of(&[step]), Arg::Out(len)]).remove(0)
}

#[test]
fn draws_the_rows_of_its_twin_bit_for_bit() {
    for (rows, batch) in
        [(2, 1), (3, 2), (4, 3), (5, 4), (65, 64), (150, 32), (1797, 100), (60_000, 70)]
    {
        for seed in [0, 7, u64::MAX] {
            let batches = Batches::new(rows, batch, Order::Shuffled, seed);
            let per_epoch = batches.steps_per_epoch() as u32;
            for step in [0, per_epoch - 1, per_epoch, 3 * per_epoch + per_epoch / 2] {
                let mut expected = vec![0; batches.len_of(step)];
                let first = step % per_epoch * batch as u32;
                twins::batch_rows(&mut expected, rows as u32, first, seed, step / per_epoch);
                assert_eq!(run(batches, step), expected, "{rows} rows by {batch}, step {step}");
                let engine: Vec<u32> = batches.rows_of(step).map(|row| row as u32).collect();
                assert_eq!(engine, expected, "what the cpu engine takes");
            }
        }
    }
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
