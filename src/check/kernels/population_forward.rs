//! Cases of `population_forward`.

use super::activate::activation_bound;
use super::layers::{launched, shape, sum_bound};
use crate::check::{
    Arg, Case, SENTINEL, Scope, ULP, absolute, floats, is_arithmetic, numbers, wide, with_default,
};
use crate::kernels;
use crate::network::{Activation, Real};
use crate::reference::fused::{self, LayerShape};

/// The layer's parameters stand behind so many others.
pub const BEFORE: usize = 3;
/// The rows begin behind so many others of a data set.
pub const FIRST_ROW: usize = 2;

/// `[rows][fan_out][networks]` of a layer of many networks.
pub fn population_twin<T: Real>(
    kind: Activation,
    (input, is_data): (&[T], bool),
    parameters: &[T],
    shape: LayerShape,
    networks: usize,
) -> Vec<T> {
    let mut output = vec![T::of(0.0); shape.rows * shape.stride * networks];
    let own = &parameters[BEFORE * networks..];
    let input = if is_data { &input[FIRST_ROW * shape.input_stride..] } else { input };
    let kind = with_default(kind);
    fused::population_forward(kind, (input, is_data), own, &mut output, shape, networks);
    let units = output.chunks_exact(networks).enumerate();
    let used = units.filter(|(at, _)| at % shape.stride < shape.fan_out);
    used.flat_map(|(_, values)| values.to_vec()).collect()
}

/// The launch of such a layer, and its arguments.
pub fn population_layer(
    kind: Activation,
    (input, is_data): (&[f32], bool),
    parameters: &[f32],
    shape: LayerShape,
    networks: usize,
) -> (crate::gpu::Launch, [Arg; 3]) {
    let first = is_data.then_some(FIRST_ROW);
    let kind = with_default(kind);
    let launch = kernels::population_forward(kind, launched(shape), networks, BEFORE, first);
    let len = shape.rows * shape.stride * networks;
    (launch, [Arg::of(input), Arg::of(parameters), Arg::Out(len)])
}

/// What was written of units, and of padding.
pub fn population_units(words: &[u32], shape: LayerShape, networks: usize) -> [Vec<u32>; 2] {
    let units = words.chunks_exact(networks).enumerate();
    let (used, padding): (Vec<_>, Vec<_>) =
        units.partition(|(at, _)| at % shape.stride < shape.fan_out);
    [used, padding].map(|all| all.into_iter().flat_map(|(_, words)| words).copied().collect())
}

/// What a layer of these sizes is given.
pub fn population_given(shape: LayerShape, networks: usize, is_data: bool) -> (Vec<f32>, Vec<f32>) {
    let rows = if is_data { FIRST_ROW + shape.rows } else { shape.rows * networks };
    let parameters = BEFORE + (shape.fan_in + 1) * shape.fan_out;
    (numbers(rows * shape.input_stride, 80), numbers(parameters * networks, 81))
}

pub(super) fn cases(scope: &Scope) -> Vec<Case> {
    const SIZES: [((usize, usize, usize), usize); 6] = [
        ((7, 13, 5), 3),
        ((4, 2, 3), 64),
        ((65, 3, 2), 70),
        ((1, 1, 1), 1),
        ((4, 2, 3), 1),
        ((3, 64, 17), 5),
    ];
    let mut all = Vec::new();
    let kinds = scope.some(Activation::ALL, 3);
    for &(sizes, networks) in scope.some(&SIZES, 3) {
        let shape = shape(sizes);
        for is_data in [true, false] {
            let (input, parameters) = population_given(shape, networks, is_data);
            for &kind in kinds {
                let (launch, args) =
                    population_layer(kind, (&input, is_data), &parameters, shape, networks);
                let from = if is_data { "data" } else { "a layer" };
                let (rows, fan_in, fan_out) = sizes;
                let label =
                    format!("{kind} of {rows}x{fan_in}x{fan_out} from {from}, {networks} networks");
                let (input, parameters) = (input.clone(), parameters.clone());
                all.push(Case::new(label, launch, args, move |written, findings| {
                    let [units, padding] = population_units(&written[0], shape, networks);
                    findings.ensure(padding.iter().all(|&word| word == SENTINEL), || {
                        "padding was written".to_owned()
                    });
                    let twin = |kind, input: &[f64], parameters: &[f64]| {
                        population_twin(kind, (input, is_data), parameters, shape, networks)
                    };
                    let (x, p) = (wide(&input), wide(&parameters));
                    let truth = twin(kind, &x, &p);
                    let z = twin(Activation::Identity, &x, &p);
                    let sums =
                        twin(Activation::Identity, &absolute(&input), &absolute(&parameters));
                    // No slope is more than 1.13, which is gelu's; and its own error.
                    let bounds: Vec<f64> = sums
                        .iter()
                        .zip(&z)
                        .map(|(&sum, &z)| {
                            1.13 * sum_bound(fan_in, sum) + activation_bound(kind, z) + ULP
                        })
                        .collect();
                    let exact =
                        population_twin(kind, (&input, is_data), &parameters, shape, networks);
                    let exact = is_arithmetic(kind).then_some(&exact[..]);
                    findings.hold("output", floats(&units), exact, &truth, &bounds);
                }));
            }
        }
    }
    all
}
