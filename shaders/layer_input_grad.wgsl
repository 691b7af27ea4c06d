// d_input = (d_output . weights^T) * slope: how the loss changes with what went into the activation of
// the layer before, where that activation's value is input. Where the slope needs the pre-activations too,
// d_input holds them until then (see layer_forward.wgsl).
//
// d_output is [rows][fan_out], parameters the layer's block with its weights [fan_in][fan_out], input
// and d_input are [rows][fan_in]. Strides are in vectors of four; padding of d_output and of the weights
// is zero, of d_input is made zero.
// One invocation owns a tile of 8 x 8 elements of d_input in registers; a workgroup owns 64 tiles.

struct Params {
    rows: u32,
    fan_in: u32,
    input_stride: u32,
    stride: u32,
}

override ACTIVATION: u32 = 0u;
override ACTIVATION_PARAMETER: f32 = 0.0;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> d_output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_input: array<vec4<f32>>;

// Four terms of four rows of d_output; beyond the last row the last again.
fn d_output_tile(row: u32, term: u32) -> mat4x4<f32> {
    let last = params.rows - 1u;
    return mat4x4<f32>(
        d_output[min(row, last) * params.stride + term],
        d_output[min(row + 1u, last) * params.stride + term],
        d_output[min(row + 2u, last) * params.stride + term],
        d_output[min(row + 3u, last) * params.stride + term],
    );
}

// The same of four rows of weights, as columns.
fn weights_tile(row: u32, term: u32) -> mat4x4<f32> {
    let last = params.fan_in - 1u;
    return transpose(mat4x4<f32>(
        parameters[min(row, last) * params.stride + term],
        parameters[min(row + 1u, last) * params.stride + term],
        parameters[min(row + 2u, last) * params.stride + term],
        parameters[min(row + 3u, last) * params.stride + term],
    ));
}

fn store_row(row: u32, col: u32, d: vec4<f32>, mask: vec4<bool>) {
    if (row < params.rows) {
        let at = row * params.input_stride + col;
        let a = input[at];
        var z = a;
        if (slope_needs_z(ACTIVATION)) {
            z = d_input[at];
        }
        d_input[at] = select(vec4<f32>(0.0), d * slope4(ACTIVATION, ACTIVATION_PARAMETER, z, a), mask);
    }
}

fn store_tile(row: u32, col: u32, upper: mat4x4<f32>, lower: mat4x4<f32>) {
    if (col >= params.input_stride) {
        return;
    }
    let mask = are_columns(4u * col, params.fan_in);
    store_row(row, col, upper[0], mask);
    store_row(row + 1u, col, upper[1], mask);
    store_row(row + 2u, col, upper[2], mask);
    store_row(row + 3u, col, upper[3], mask);
    store_row(row + 4u, col, lower[0], mask);
    store_row(row + 5u, col, lower[1], mask);
    store_row(row + 6u, col, lower[2], mask);
    store_row(row + 7u, col, lower[3], mask);
}

@compute @workgroup_size(64)
fn layer_input_grad(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    let tiles_across = (params.input_stride + 1u) / 2u;
    let row = index / tiles_across * 8u;
    let col = index % tiles_across * 2u;
    if (row >= params.rows) {
        return;
    }
    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    for (var term = group.z; term < params.stride; term++) {
        let upper = d_output_tile(row, term);
        let lower = d_output_tile(row + 4u, term);
        let left = weights_tile(4u * col, term);
        let right = weights_tile(4u * col + 4u, term);
        upper_left = multiply_tile(upper_left, upper, left);
        upper_right = multiply_tile(upper_right, upper, right);
        lower_left = multiply_tile(lower_left, lower, left);
        lower_right = multiply_tile(lower_right, lower, right);
    }
    store_tile(row, col, upper_left, lower_left);
    store_tile(row, col + 1u, upper_right, lower_right);
}
