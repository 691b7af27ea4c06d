use wgrad::check::Bound;
use wgrad::check::kernels::classes;
use wgrad::network::Loss;
use wgrad::reference::twins::{self, TargetRows};

use crate::common::{assert_apart, assert_close, numbers};
use crate::launch::assert_matches_its_twin;
use crate::losses::{assert_weights_are_factors, loss_twin, run_loss};

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("loss_softmax");
}

#[test]
fn by_hand() {
    let (row_loss, d_output) = run_loss(
        Loss::SoftmaxCrossEntropy,
        &[1.0, 2.0, 3.0, 0.0],
        &[0.0, 0.0, 1.0, 0.0],
        1.0,
        1,
        3,
    );
    // softmax(1, 2, 3) and -ln of its last.
    let softmax = [0.090_030_573_17, 0.244_728_471_05, 0.665_240_955_77 - 1.0];
    let bound = Bound::Mixed { absolute: 2e-6, relative: 0.0 };
    assert_close("row_loss", &row_loss, &[0.407_605_964_44], bound);
    assert_close("d_output", &d_output, &softmax, bound);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let (output, target) = (numbers(64, 7), classes(4, 16));
    let (row_loss, d_output) = run_loss(Loss::SoftmaxCrossEntropy, &output, &target, 0.25, 4, 16);
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    let elementwise =
        |z: &[f32], t: TargetRows<'_, f32>, row_loss: &mut [f32], d: &mut [f32], scale, grid| {
            twins::loss_elementwise((Loss::Bce, 0.0), z, t, row_loss, d, scale, grid);
        };
    let sigmoids = loss_twin(elementwise, &output, &target, 0.25, 4, 16);
    assert_apart("sigmoids instead", &d_output, &sigmoids.1, bound);
    assert_apart("sigmoids instead", &row_loss, &sigmoids.0, bound);
}

#[test]
fn weights_are_factors_of_their_rows() {
    assert_weights_are_factors(Loss::SoftmaxCrossEntropy, classes);
}
