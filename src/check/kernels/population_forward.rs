//! Cases of `population_forward`.

use super::activate::activation_bound;
use super::layers::{launched, shape, sum_bound};
use crate::check::{
    Arg, Bound, Case, SENTINEL, Scope, ULP, absolute, apart, exactly, floats, is_arithmetic,
    numbers, wide, with_default,
};
use crate::kernels;
use crate::network::{Activation, Real};
use crate::reference::fused::{self, LayerShape};

/// The layer's parameters stand behind so many others.
pub const BEFORE: usize = 3;
/// The rows begin behind so many others of a data set.
pub const FIRST_ROW: usize = 2;

/// Where, from the layer's first parameter on, the running estimates of its norm stand: behind some of another layer.
fn running_at(shape: LayerShape) -> usize {
    (shape.fan_in + 3) * shape.fan_out + 2
}

/// `[rows][fan_out][networks]` of a layer of many networks.
pub fn population_twin<T: Real>(
    kind: Activation,
    (input, is_data): (&[T], bool),
    (parameters, is_normed): (&[T], bool),
    shape: LayerShape,
    networks: usize,
) -> Vec<T> {
    let mut output = vec![T::of(0.0); shape.rows * shape.stride * networks];
    let own = &parameters[BEFORE * networks..];
    let input = if is_data { &input[FIRST_ROW * shape.input_stride..] } else { input };
    let kind = with_default(kind);
    let running = is_normed.then(|| running_at(shape));
    fused::population_forward(kind, (input, is_data), own, running, &mut output, shape, networks);
    let units = output.chunks_exact(networks).enumerate();
    let used = units.filter(|(at, _)| at % shape.stride < shape.fan_out);
    used.flat_map(|(_, values)| values.to_vec()).collect()
}

/// The launch of such a layer, and its arguments.
pub fn population_layer(
    kind: Activation,
    (input, is_data): (&[f32], bool),
    (parameters, is_normed): (&[f32], bool),
    shape: LayerShape,
    networks: usize,
) -> (crate::gpu::Launch, [Arg; 3]) {
    let first = is_data.then_some(FIRST_ROW);
    let kind = with_default(kind);
    let at = (BEFORE, is_normed.then(|| BEFORE + running_at(shape)));
    let launch = kernels::population_forward(kind, launched(shape), networks, at, first);
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
    let mean_at = BEFORE + running_at(shape);
    let mut parameters = numbers((mean_at + 2 * shape.fan_out) * networks, 81);
    let variances = parameters.iter_mut().skip((mean_at + shape.fan_out) * networks);
    variances.for_each(|variance| *variance = 0.25 + variance.abs());
    (numbers(rows * shape.input_stride, 80), parameters)
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
            for (kind, is_normed) in
                kinds.iter().map(|&kind| (kind, false)).chain([(Activation::Tanh, true)])
            {
                let parameters = parameters.clone();
                let (launch, args) = population_layer(
                    kind,
                    (&input, is_data),
                    (&parameters, is_normed),
                    shape,
                    networks,
                );
                let from = if is_data { "data" } else { "a layer" };
                let norm = if is_normed { " behind a norm" } else { "" };
                let (rows, fan_in, fan_out) = sizes;
                let label = format!(
                    "{kind}{norm} of {rows}x{fan_in}x{fan_out} from {from}, {networks} networks"
                );
                let input = input.clone();
                all.push(Case::new(label, launch, args, move |written, findings| {
                    let [units, padding] = population_units(&written[0], shape, networks);
                    findings.ensure(padding.iter().all(|&word| word == SENTINEL), || {
                        "padding was written".to_owned()
                    });
                    if is_normed {
                        let (x, p) = (exactly(&input), exactly(&parameters));
                        let all = population_twin(kind, (&x, is_data), (&p, true), shape, networks);
                        let (truth, bounds) = apart(&all);
                        findings.close("output", floats(&units), &truth, Bound::Each(&bounds));
                        return;
                    }
                    let twin = |kind, input: &[f64], parameters: &[f64]| {
                        let parameters = (parameters, false);
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
                    let exact = (&parameters[..], false);
                    let exact = population_twin(kind, (&input, is_data), exact, shape, networks);
                    let exact = is_arithmetic(kind).then_some(&exact[..]);
                    findings.hold("output", floats(&units), exact, &truth, &bounds);
                }));
            }
        }
    }
    all
}
