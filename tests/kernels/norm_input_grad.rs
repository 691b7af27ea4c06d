use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::reference::norm::norm_input_grad;
use wgrad::reference::twins::Grid;

use crate::common::{assert_apart, assert_close, numbers, stride, wide};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch, unpadded};

/// Of input, statistics, parameters, gradients and `d_output`.
fn run(lists: [&[f32]; 5], rows: usize, cols: usize) -> Vec<f32> {
    let [input, statistics, parameters, gradients, d_output] = lists.map(Arg::of);
    let to = Arg::Out(rows * stride(cols));
    let args = [input, statistics, parameters, gradients, d_output, to];
    let written = launch(&kernels::norm_input_grad(rows, cols), &args);
    unpadded(floats(&written[0]), cols, stride(cols))
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("norm_input_grad");
}

/// 1 and 5 around 3 with a variance of 4 are -1 and 1; gradients 10 and 4 are 7 on average, and times those -3:
/// 10 - 7 - 3 and 4 - 7 + 3, as it must be of two rows, which a norm leaves at -1 and 1. With another gradient of
/// gamma, 2 on average, 10 - 7 + 2 and 4 - 7 - 2, times gamma 3 over 2.
#[test]
fn by_hand() {
    let input = [1.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0];
    let statistics = [3.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0];
    let parameters = [3.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0];
    let d_output = [10.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0];
    let near = Bound::Mixed { absolute: 1e-4, relative: 0.0 };
    for (of_gamma, expected) in [(-6.0, [0.0f32, 0.0]), (4.0, [7.5, -7.5])] {
        let gradients = [of_gamma, 0.0, 0.0, 0.0, 14.0, 0.0, 0.0, 0.0];
        let d = run([&input, &statistics, &parameters, &gradients, &d_output], 2, 1);
        assert_close("by hand", &d, &expected, near);
    }
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (rows, cols, stride) = (9, 5, stride(5));
    let (input, mut statistics) = (numbers(rows * stride, 3), numbers(2 * stride, 4));
    statistics[stride..].iter_mut().for_each(|variance| *variance = 0.5 + variance.abs());
    let (parameters, gradients) = (numbers(2 * stride, 5), numbers(2 * stride, 6));
    let d_output = numbers(rows * stride, 7);
    let d = run([&input, &statistics, &parameters, &gradients, &d_output], rows, cols);
    let twin = |gradients: &[f32]| {
        let mut d = vec![0.0; rows * stride];
        let of = [wide(&input), wide(&statistics), wide(&d_output)];
        let by = [wide(&parameters), wide(gradients)];
        let grid = Grid { rows, cols, stride };
        norm_input_grad([&of[0], &of[1], &of[2]], [&by[0], &by[1]], &mut d, grid);
        wgrad::check::columns(&d, cols, stride)
    };
    let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    assert_close("as it is", &d, &twin(&gradients), near);
    let constant = vec![0.0; 2 * stride];
    assert_apart("mean and variance as if they were constants", &d, &twin(&constant), near);
}
