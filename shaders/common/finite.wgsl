// Which numbers are finite, found by their bits: WGSL may take it that neither NaN nor infinity occurs.

// 1 for every number that is finite.
fn finite_mask(values: vec4<f32>) -> vec4<f32> {
    let exponent = bitcast<vec4<u32>>(values) & vec4<u32>(0x7f800000u);
    return select(vec4<f32>(0.0), vec4<f32>(1.0), exponent != vec4<u32>(0x7f800000u));
}

fn are_finite(values: vec4<f32>) -> bool {
    return dot(finite_mask(values), vec4<f32>(1.0)) == 4.0;
}
