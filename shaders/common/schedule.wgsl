// What a step's kernels share of a training: which step it is, the rates of the steps around it, and whether
// its parameters are still numbers. For the kernels that update parameters.

struct Schedule {
    // Steps done.
    step: u32,
    // 1 once a parameter has been stored that is not finite; the host sets it back.
    not_finite: atomic<u32>,
    unused: array<u32, 62>,
    // A ring: the rate of a step, its two corrections, and nothing.
    rates: array<vec4<f32>>,
}

// 1 for every number that is finite, by its bits: WGSL may take it that neither NaN nor infinity occurs.
fn finite_mask(values: vec4<f32>) -> vec4<f32> {
    let exponent = bitcast<vec4<u32>>(values) & vec4<u32>(0x7f800000u);
    return select(vec4<f32>(0.0), vec4<f32>(1.0), exponent != vec4<u32>(0x7f800000u));
}

fn are_finite(values: vec4<f32>) -> bool {
    return dot(finite_mask(values), vec4<f32>(1.0)) == 4.0;
}
