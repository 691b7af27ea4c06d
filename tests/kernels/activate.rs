use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::Activation;
use wgrad::reference::twins::{self, Grid};

use crate::common::{assert_apart, assert_close, numbers, stride, with_default};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch, unpadded};

fn run(kind: Activation, input: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let stride = stride(cols);
    let args = [Arg::of(input), Arg::Out(rows * stride)];
    let launched = kernels::activate(with_default(kind), rows, cols);
    unpadded(floats(&launch(&launched, &args)[0]), cols, stride)
}

fn twin<T: wgrad::reference::Real>(
    kind: Activation,
    input: &[T],
    rows: usize,
    cols: usize,
) -> Vec<T> {
    let mut output = vec![T::default(); input.len()];
    twins::activate(
        with_default(kind),
        input,
        &mut output,
        Grid { rows, cols, stride: stride(cols) },
    );
    output.chunks_exact(stride(cols)).flat_map(|row| &row[..cols]).copied().collect()
}

#[test]
fn matches_its_twin() {
    assert_matches_its_twin("activate");
}

#[test]
fn saturation_is_exact_and_stays_inside() {
    let far = [30.0, -30.0, 200.0, -200.0, 3.4e38, -3.4e38, 50.0, -50.0];
    let tanh = run(Activation::Tanh, &far, 1, 8);
    assert_close("tanh", &tanh, &[1.0f32, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0], Bound::Exact);
    let sigmoid = run(Activation::Sigmoid, &far, 1, 8);
    assert!(sigmoid.iter().all(|s| (0.0..=1.0).contains(s)), "{sigmoid:?}");
    assert_eq!((sigmoid[2], sigmoid[3]), (1.0, 0.0));
}

#[test]
fn by_hand() {
    let input = [-2.0, 0.0, 2.0, 0.25];
    let leaky = run(Activation::LeakyRelu, &input, 1, 4);
    assert_close("leaky-relu", &leaky, &[-0.02f32, 0.0, 2.0, 0.25], Bound::Exact);
    let relu = run(Activation::Relu, &input, 1, 4);
    assert_close("relu", &relu, &[0.0f32, 0.0, 2.0, 0.25], Bound::Exact);
    let bound = Bound::Mixed { absolute: 0.0, relative: 2e-6 };
    // From tables: sigmoid(2) and tanh(2), tanh(1/4).
    let sigmoid = run(Activation::Sigmoid, &input, 1, 4);
    assert_close("sigmoid", &sigmoid[1..3], &[0.5, 0.880_797_077_977_882], bound);
    let tanh = run(Activation::Tanh, &input, 1, 4);
    assert_close("tanh", &tanh[2..], &[0.964_027_580_075_817, 0.244_918_662_403_709], bound);
    // e^-2 - 1; PyTorch's gelu(2) in its tanh form; 2 sigmoid(2).
    let elu = run(Activation::Elu, &input, 1, 4);
    assert_close("elu", &elu, &[-0.864_664_716_763_387, 0.0, 2.0, 0.25], bound);
    let gelu = run(Activation::Gelu, &input, 1, 4);
    assert_close("gelu", &gelu[2..3], &[1.954_597_694_087_775], bound);
    let silu = run(Activation::Silu, &input, 1, 4);
    assert_close("silu", &silu[2..3], &[1.761_594_155_955_764], bound);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let input: Vec<f32> = numbers(64, 4).iter().map(|number| number * 3.0).collect();
    let bound = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
    for &kind in Activation::ALL {
        let output = run(kind, &input, 4, 16);
        for &other in Activation::ALL.iter().filter(|&&other| other != kind) {
            assert_apart(
                &format!("{kind} as {other}"),
                &output,
                &twin(other, &input, 4, 16),
                bound,
            );
        }
    }
}
