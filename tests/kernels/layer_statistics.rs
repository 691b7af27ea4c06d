use wgrad::check::Bound;
use wgrad::check::kernels::unit_counts;
use wgrad::kernels::{self, LayerShape, Variant};
use wgrad::reference::twins::layer_statistics;

use crate::common::{assert_apart, numbers};
use crate::launch::{Arg, assert_matches_its_twin, launch};

/// The layer whose place is written, of three.
const LAYER: usize = 1;

/// The four sums, and the units that are zero and that are saturated.
fn run(
    is_hidden: bool,
    shape: LayerShape,
    sums: &[[f32; 4]],
    counts: &[u32],
    least: [usize; 2],
) -> ([f32; 4], [usize; 2]) {
    let launched = kernels::layer_statistics((LAYER, is_hidden), shape, 4 * sums.len(), least);
    let before = numbers(3 * 8, 5);
    let args = [Arg::of(sums.as_flattened()), Arg::of(counts), Arg::of(&before)];
    let written = launch(&launched, &args).remove(0);
    let others = |words: &[u32]| [&words[..8], &words[16..]].concat();
    assert_eq!(others(&written), others(bytemuck::cast_slice(&before)), "other layers stay");
    let of_layer = &written[8 * LAYER..][..8];
    assert_eq!(of_layer[6..], [0, 0]);
    let sums = [0, 1, 2, 3].map(|at| f32::from_bits(of_layer[at]));
    (sums, [of_layer[4] as usize, of_layer[5] as usize])
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("layer_statistics");
}

#[test]
fn by_hand() {
    let shape = LayerShape { rows: 10, fan_in: 2, fan_out: 3 };
    // Two groups of rows: unit 0 is zero on 8 + 2 rows, unit 1 on 9, unit 2 on none and saturated on all.
    let words = [8, 8, 8 << 16, 0, 2, 1, 2 << 16, 0];
    let (sums, units) = run(true, shape, &[[1.0, 2.0, 3.0, 4.0]], &words, [10, 10]);
    assert_eq!((sums, units), ([1.0, 2.0, 3.0, 4.0], [1, 1]));
    assert_eq!(run(true, shape, &[[0.0; 4]], &words, [9, 10]).1, [2, 1]);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let shape = LayerShape { rows: 8, fan_in: 600, fan_out: 40 };
    let len = kernels::update_sums_len(shape, Variant::Direct);
    let sums = numbers(len, 3);
    let (sums, _) = sums.as_chunks::<4>();
    let words = unit_counts(8, 40);
    let (actual, units) = run(true, shape, sums, &words, [8, 4]);
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    let wide = |sums: &[[f32; 4]]| -> Vec<[f64; 4]> {
        sums.iter().map(|sum| sum.map(f64::from)).collect()
    };
    let twin = |sums: &[[f32; 4]], words| layer_statistics(&wide(sums), words, 40, 40, [8, 4]);
    assert_apart("one sum short", &actual, &twin(&sums[1..], &words).0, near);
    assert_ne!(units, twin(sums, &words[1..]).1, "a unit off");
}
