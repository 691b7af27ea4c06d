use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::Activation;
use wgrad::reference::norm::norm_apply;
use wgrad::reference::twins::Grid;

use crate::common::{assert_apart, assert_close, numbers, stride, wide};
use crate::launch::{Arg, SENTINEL, assert_matches_its_twin, floats, launch};

const RELU: (Activation, f64) = (Activation::Relu, 0.0);

/// Outputs, what was normalized, and counts of units.
fn run(lists: [&[f32]; 3], keeps: bool, rows: usize, cols: usize) -> ([Vec<f32>; 2], Vec<u32>) {
    let (len, counts) = (rows * stride(cols), rows.div_ceil(8) * stride(cols));
    let [input, statistics, parameters] = lists.map(Arg::of);
    let args = [input, statistics, parameters, Arg::Out(len), Arg::Out(counts), Arg::Out(len)];
    let written = launch(&kernels::norm_apply(RELU, keeps, rows, cols), &args);
    ([0, 2].map(|at| floats(&written[at]).to_vec()), written[1].clone())
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("norm_apply");
}

/// 1 and 5 around 3 with a variance of 4 are -1 and 1; times 2 and 1 more -1 and 3.
#[test]
fn by_hand() {
    let input = [1.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0];
    let statistics = [3.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0];
    let parameters = [2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    let lists = [&input[..], &statistics, &parameters];
    let near = Bound::Mixed { absolute: 1e-5, relative: 0.0 };
    let ([a, n], counts) = run(lists, true, 2, 1);
    assert_close("normalized", &[n[0], n[4]], &[-1.0f32, 3.0], near);
    assert_close("output", &[a[0], a[4]], &[0.0f32, 3.0], near);
    assert_eq!(counts, [1, 0, 0, 0], "one row is zero");
    let ([_, n], _) = run(lists, false, 2, 1);
    assert!(n.iter().all(|n| n.to_bits() == SENTINEL), "nothing is kept");
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (rows, cols, stride) = (9, 5, stride(5));
    let (input, mut statistics) = (numbers(rows * stride, 3), numbers(2 * stride, 4));
    statistics[stride..].iter_mut().for_each(|variance| *variance = 0.5 + variance.abs());
    let parameters = numbers(2 * stride, 5);
    let ([a, _], _) = run([&input, &statistics, &parameters], true, rows, cols);
    let twin = |statistics: &[f32]| {
        let (mut a, mut n) = (vec![0.0; a.len()], vec![0.0; a.len()]);
        let of = [wide(statistics), wide(&parameters)];
        let (grid, mut counts) = (Grid { rows, cols, stride }, vec![0; 2 * stride]);
        let (of, to) = ([&of[0][..], &of[1]], [&mut a[..], &mut n]);
        norm_apply(RELU, &wide(&input), of, to, &mut counts, grid);
        a
    };
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    assert_close("as it is", &a, &twin(&statistics), near);
    let mut wrong = statistics.clone();
    wrong[stride + 2] = wrong[stride + 2].sqrt();
    assert_apart("a variance that is a root", &a, &twin(&wrong), near);
}
