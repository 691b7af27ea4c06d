use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::reference::norm::norm_statistics;
use wgrad::reference::twins::Grid;

use crate::common::{assert_apart, assert_close, numbers, stride, wide};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

/// Statistics and running estimates.
fn run(input: &[f32], running: &[f32], rows: usize, cols: usize) -> [Vec<f32>; 2] {
    let args = [Arg::of(input), Arg::Out(2 * stride(cols)), Arg::of(running)];
    let written = launch(&kernels::norm_statistics(rows, cols), &args);
    [0, 1].map(|at| floats(&written[at]).to_vec())
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("norm_statistics");
}

/// 1, 2, 6 have mean 3 and squares 4 + 1 + 9 = 14: variance 14/3, unbiased 7.
#[test]
fn by_hand() {
    let rows =
        |col: [f32; 3]| col.into_iter().flat_map(|z| [z, 0.0, 0.0, 0.0]).collect::<Vec<f32>>();
    let running = [0.0, 9.0, 9.0, 9.0, 1.0, 9.0, 9.0, 9.0];
    let [statistics, after] = run(&rows([1.0, 2.0, 6.0]), &running, 3, 1);
    let near = Bound::Mixed { absolute: 1e-6, relative: 1e-6 };
    assert_close("statistics", &[statistics[0], statistics[4]], &[3.0f32, 14.0 / 3.0], near);
    assert_close("running", &[after[0], after[4]], &[0.3f32, 0.9 + 0.7], near);
    assert_eq!(after[1..4], running[1..4], "padding stays");
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (rows, cols, stride) = (40, 3, stride(3));
    let (input, running) = (numbers(rows * stride, 3), numbers(2 * stride, 4));
    let [statistics, after] = run(&input, &running, rows, cols);
    let twin = |rows: usize| {
        let (mut statistics, mut running) = (wide(&running), wide(&running));
        let grid = Grid { rows, cols, stride };
        norm_statistics(&wide(&input), &mut statistics, &mut running, grid);
        [statistics, running]
    };
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    let columns = |values: &[f32]| [&values[..cols], &values[stride..][..cols]].concat();
    let expected = |values: &[f64]| [&values[..cols], &values[stride..][..cols]].concat();
    for (own, [right, short]) in [statistics, after].iter().zip({
        let ([a, b], [c, d]) = (twin(rows), twin(rows - 1));
        [[a, c], [b, d]]
    }) {
        assert_close("as it is", &columns(own), &expected(&right), near);
        assert_apart("a row short", &columns(own), &expected(&short), near);
    }
}
