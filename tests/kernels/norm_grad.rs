use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::reference::norm::norm_grad;
use wgrad::reference::twins::Grid;

use crate::common::{assert_apart, assert_close, numbers, stride, wide};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

fn run([input, statistics, d_output]: [&[f32]; 3], rows: usize, cols: usize) -> Vec<f32> {
    let args = [Arg::of(input), Arg::of(statistics), Arg::of(d_output), Arg::Out(2 * stride(cols))];
    floats(&launch(&kernels::norm_grad(rows, cols), &args)[0]).to_vec()
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("norm_grad");
}

/// 1 and 5 around 3 with a variance of 4 are -1 and 1: gradients 10 and 4 make -10 + 4 for gamma, 14 for beta.
#[test]
fn by_hand() {
    let input = [1.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0];
    let statistics = [3.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0];
    let d_output = [10.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0];
    let gradients = run([&input, &statistics, &d_output], 2, 1);
    let near = Bound::Mixed { absolute: 1e-4, relative: 0.0 };
    assert_close("by hand", &[gradients[0], gradients[4]], &[-6.0f32, 14.0], near);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (rows, cols, stride) = (37, 4, stride(4));
    let (input, mut statistics) = (numbers(rows * stride, 3), numbers(2 * stride, 4));
    statistics[stride..].iter_mut().for_each(|variance| *variance = 0.5 + variance.abs());
    let d_output = numbers(rows * stride, 5);
    let gradients = run([&input, &statistics, &d_output], rows, cols);
    let twin = |rows: usize| {
        let mut gradients = vec![0.0; 2 * stride];
        let of = [wide(&input), wide(&statistics), wide(&d_output)];
        norm_grad([&of[0], &of[1], &of[2]], &mut gradients, Grid { rows, cols, stride });
        gradients
    };
    let near = Bound::Mixed { absolute: 1e-4, relative: 1e-5 };
    assert_close("as it is", &gradients, &twin(rows), near);
    assert_apart("a row short", &gradients, &twin(rows - 1), near);
}
