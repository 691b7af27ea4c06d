use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::{Activation, Layer, Loss, Mask, Network};
use wgrad::reference::twins::{self, Grid};

use crate::common::{assert_apart, assert_close, numbers, stride, wide, with};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

/// A hidden layer of so many units, half of which are dropped.
fn layer(units: usize) -> Layer {
    let (hidden, output) = (Activation::Relu, Activation::Identity);
    let network = Network::uniform(vec![1, units, 1], hidden, output, Loss::MseMean).unwrap();
    network.with_dropout(0.5).unwrap().layers().next().unwrap()
}

fn run(layer: &Layer, (seed, step): (u64, u32), input: &[f32], rows: usize) -> Vec<f32> {
    let args = [Arg::of(&[step]), Arg::of(input), Arg::Out(input.len())];
    floats(&launch(&kernels::dropout(layer, seed, rows), &args)[0]).to_vec()
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("dropout");
}

/// Of 0.5 what is kept is doubled, and the same units come back to 0 in the gradient of what was dropped.
#[test]
fn by_hand() {
    let (layer, rows) = (layer(4), 8);
    let (ones, threes) = (vec![1.0; 4 * rows], vec![-3.0; 4 * rows]);
    let forward = run(&layer, (1, 2), &ones, rows);
    assert!(forward.iter().all(|&value| value == 0.0 || value == 2.0), "{forward:?}");
    assert!(forward.contains(&0.0) && forward.contains(&2.0), "{forward:?}");
    let back = run(&layer, (1, 2), &threes, rows);
    let expected: Vec<f32> = forward.iter().map(|value| -3.0 * value).collect();
    assert_close("back", &back, &expected, Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (rows, units) = (9, 5);
    let (layer, input) = (layer(units), numbers(rows * stride(units), 3));
    let actual = run(&layer, (1 << 33, 4), &input, rows);
    let grid = Grid { rows, cols: units, stride: stride(units) };
    let columns = |all: &[f32]| {
        all.chunks_exact(grid.stride).flat_map(|row| &row[..units]).copied().collect::<Vec<f32>>()
    };
    let twin = |layer: &Layer, seed, step| {
        let mut output = wide(&input);
        twins::dropout(&Mask::new(layer, seed, step).unwrap(), &wide(&input), &mut output, grid);
        columns(&output.iter().map(|&value| value as f32).collect::<Vec<_>>())
    };
    let near = Bound::Mixed { absolute: 0.0, relative: 1e-6 };
    let actual = columns(&actual);
    assert_close("as it is", &actual, &twin(&layer, 1 << 33, 4), near);
    assert_apart("another seed", &actual, &twin(&layer, 1 << 32, 4), near);
    assert_apart("another step", &actual, &twin(&layer, 1 << 33, 5), near);
    let other = with(layer, |it| it.index = 1);
    assert_apart("another layer", &actual, &twin(&other, 1 << 33, 4), near);
    let more = with(layer, |it| it.dropout = 0.6);
    assert_apart("another probability", &actual, &twin(&more, 1 << 33, 4), near);
}
