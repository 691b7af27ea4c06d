use std::ops::Range;

use wgrad::check::padded;
use wgrad::kernels;
use wgrad::reference::fused;

use crate::launch::{Arg, SENTINEL, assert_matches_its_twin, launch};

/// Inputs and targets of a batch, where the sources hold the rows of `part`.
fn run(
    rows: &[u32],
    sources: [&[f32]; 2],
    strides: [usize; 2],
    part: Range<usize>,
) -> [Vec<u32>; 2] {
    let args = [
        Arg::of(rows),
        Arg::of(sources[0]),
        Arg::of(sources[1]),
        Arg::Out(rows.len() * strides[0]),
        Arg::Out(rows.len() * strides[1]),
    ];
    // A matrix as wide as its stride has that stride.
    let gather = kernels::gather_batch(rows.len(), strides[0], strides[1], part);
    let mut written = launch(&gather, &args);
    let targets = written.remove(1);
    [written.remove(0), targets]
}

fn twin(
    rows: &[u32],
    sources: [&[f32]; 2],
    strides: [usize; 2],
    part: Range<usize>,
) -> [Vec<u32>; 2] {
    let untouched = |stride| vec![f32::from_bits(SENTINEL); rows.len() * stride];
    let mut outputs = strides.map(untouched);
    let [input, target] = &mut outputs;
    fused::gather_batch(rows, sources, [input, target], strides, part);
    outputs.map(|output| output.iter().map(|value| value.to_bits()).collect())
}

#[test]
fn copies_the_rows_of_its_twin_bit_for_bit() {
    assert_matches_its_twin("gather_batch");
}

#[test]
fn by_hand_and_other_parts_are_left_alone() {
    let (x, t) =
        ([1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0], [7.0, 0.0, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0]);
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let other = vec![SENTINEL; 4];
    // Rows 6 and 7 are here; row 5 comes before, row 8 after them.
    let [inputs, targets] = run(&[5, 7, 8, 6], [&x, &t], [4, 4], 6..8);
    assert_eq!(inputs, [other.clone(), bits(&x[4..]), other.clone(), bits(&x[..4])].concat());
    assert_eq!(targets, [other.clone(), bits(&t[4..]), other, bits(&t[..4])].concat());
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (x, t) = (padded(10, 4, 12), padded(10, 2, 13));
    let actual = run(&[3, 1, 4], [&x, &t], [4, 4], 0..10);
    assert_ne!(actual, twin(&[3, 1, 5], [&x, &t], [4, 4], 0..10));
    assert_ne!(actual, twin(&[3, 1, 4], [&x, &t], [4, 4], 1..10));
}
