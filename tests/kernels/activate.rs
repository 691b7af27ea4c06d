use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::Activation;
use wgrad::reference::twins::{self, Grid};

use crate::common::{
    SHAPES, ULP, assert_apart, assert_close, is_arithmetic, numbers, stride, wide, with_default,
};
use crate::launch::{Arg, floats, hold, launch, unpadded};

/// Below this, an exponential may be flushed to zero.
const TINY: f64 = 1.2e-38;

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

/// How far the formulas of `common/activation.wgsl` may be from the truth at `z`, from WGSL's
/// accuracies: e^x within 3 + 2|x| ULP, a quotient 2.5 ULP, the rest one rounding each.
pub fn bound(kind: Activation, z: f64) -> f64 {
    let value = |kind: Activation, z| twins::activation(kind, kind.default_parameter(), z);
    let a = value(kind, z).abs();
    match kind {
        Activation::Relu | Activation::Identity => 0.0,
        // A factor of 0.01 that is itself rounded, and one product.
        Activation::LeakyRelu => 2.0 * ULP * a,
        Activation::Sigmoid => {
            let e = (-z.abs()).exp();
            let from_exp = e * (3.0 + 2.0 * z.abs()) * ULP;
            // For z < 0 the exponential is the numerator too.
            from_exp + 4.0 * ULP * a + TINY
        }
        // The correction is at most 0.08 of the result, and each of its eight roundings counts
        // with that; the sum is one more.
        Activation::Tanh if z.abs() < 0.5 => (4.5e-9 + (1.0 + 8.0 * 0.083) * ULP) * a,
        // 2 t / (1 - t) with t = tanh(z/2): its derivative is 2 / (1 - t)^2; a difference, a quotient.
        Activation::Elu if z > 0.0 => 0.0,
        Activation::Elu => {
            let t = value(Activation::Tanh, z / 2.0);
            2.0 / (1.0 - t).powi(2) * bound(Activation::Tanh, z / 2.0) + 5.0 * ULP * a + TINY
        }
        Activation::Gelu => 0.5 * z.abs() * gelu_tanh_bound(z) + 4.0 * ULP * a + TINY,
        Activation::Silu => z.abs() * bound(Activation::Sigmoid, z) + 2.0 * ULP * a + TINY,
        Activation::Tanh => {
            let e = (-2.0 * z.abs()).exp();
            let from_exp = 2.0 * e * (3.0 + 4.0 * z.abs()) * ULP / (1.0 + e).powi(2);
            from_exp + 5.0 * ULP * a + TINY
        }
    }
}

/// How far the inner tanh of gelu may be from the truth: its argument, a sum of terms of one sign, by six
/// roundings; and its own bound.
pub fn gelu_tanh_bound(z: f64) -> f64 {
    let w = z.clamp(-10.0, 10.0);
    let argument = 0.797_884_560_802_865_4 * (w + 0.044715 * w.powi(3));
    let slope = 1.0 - argument.tanh().powi(2);
    slope * 6.0 * ULP * argument.abs() + bound(Activation::Tanh, argument)
}

/// Where formulas switch, saturate, or would overflow.
const SPECIALS: [f32; 24] = [
    0.0,
    -0.0,
    1e-45,
    1e-38,
    1e-20,
    -1e-20,
    1e-4,
    -1e-4,
    0.499_999_97,
    0.5,
    -0.5,
    0.500_000_06,
    1.0,
    -1.0,
    9.0,
    -9.0,
    20.0,
    -20.0,
    44.0,
    45.0,
    88.0,
    -88.0,
    -104.0,
    3.4e38,
];

#[test]
fn matches_its_twin() {
    for &kind in Activation::ALL {
        for (rows, cols) in SHAPES {
            let input: Vec<f32> =
                numbers(rows * stride(cols), 4).iter().map(|number| number * 6.0).collect();
            let truth = twin(kind, &wide(&input), rows, cols);
            let inside = twin(Activation::Identity, &wide(&input), rows, cols);
            let bounds: Vec<f64> = inside.iter().map(|&z| bound(kind, z)).collect();
            let exact = twin(kind, &input, rows, cols);
            let bits = is_arithmetic(kind);
            let label = format!("activate {kind} {rows}x{cols}");
            let actual = run(kind, &input, rows, cols);
            hold(&label, &actual, bits.then_some(&exact[..]), &truth, &bounds);
        }
    }
}

#[test]
fn holds_where_formulas_switch_or_saturate() {
    for &kind in Activation::ALL {
        let truth = twin(kind, &wide(&SPECIALS), 1, SPECIALS.len());
        // Subnormal inputs may be flushed.
        let bounds: Vec<f64> = SPECIALS.iter().map(|&z| bound(kind, z.into()) + TINY).collect();
        let actual = run(kind, &SPECIALS, 1, SPECIALS.len());
        assert_close(
            &format!("activate {kind}, special values"),
            &actual,
            &truth,
            Bound::Each(&bounds),
        );
    }
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
