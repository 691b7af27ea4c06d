// output = activation(input . weights + bias), a layer in one go; and for each unit, of every eight
// rows, how many left it zero (the low half of a word) and how many saturated (the high half).
// Where the activation's slope needs them and KEEP_PRE_ACTIVATIONS, the pre-activations are kept too, in the
// layer's d_z: the backward pass reads them there before it puts the gradients in their place.
//
// input is [rows][fan_in], parameters the layer's block: weights [fan_in][fan_out] and a row of biases
// below them; output and pre_activations are [rows][fan_out]. Strides are in vectors of four; padding of input is zero, of
// output is made zero. unit_counts is [rows / 8, rounded up][fan_out], padded alike.
// One invocation owns a tile of 8 x 8 elements of output in registers, and reads what it needs of the
// two matrices in vectors; a workgroup owns 64 tiles.

struct Params {
    rows: u32,
    fan_in: u32,
    fan_out: u32,
    input_stride: u32,
    stride: u32,
}

override ACTIVATION: u32 = 0u;
override ACTIVATION_PARAMETER: f32 = 0.0;
override KEEP_PRE_ACTIVATIONS: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> unit_counts: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> pre_activations: array<vec4<f32>>;

// Four terms of four rows of input; beyond the last row the last again.
fn input_tile(row: u32, term: u32) -> mat4x4<f32> {
    let last = params.rows - 1u;
    return mat4x4<f32>(
        input[min(row, last) * params.input_stride + term],
        input[min(row + 1u, last) * params.input_stride + term],
        input[min(row + 2u, last) * params.input_stride + term],
        input[min(row + 3u, last) * params.input_stride + term],
    );
}

// Four columns of four rows of weights; beyond the last the row of biases, against padding of input.
fn weights_tile(row: u32, col: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        parameters[min(row, params.fan_in) * params.stride + col],
        parameters[min(row + 1u, params.fan_in) * params.stride + col],
        parameters[min(row + 2u, params.fan_in) * params.stride + col],
        parameters[min(row + 3u, params.fan_in) * params.stride + col],
    );
}

fn store_row(row: u32, col: u32, z: vec4<f32>, mask: vec4<bool>) -> vec4<u32> {
    if (row >= params.rows) {
        return vec4<u32>(0u);
    }
    let a = select(vec4<f32>(0.0), activation4(ACTIVATION, ACTIVATION_PARAMETER, z), mask);
    output[row * params.stride + col] = a;
    if (KEEP_PRE_ACTIVATIONS) {
        pre_activations[row * params.stride + col] = z;
    }
    return unit_states(ACTIVATION, a);
}

// Eight rows of four units, and what they count.
fn store_tile(row: u32, col: u32, upper: mat4x4<f32>, lower: mat4x4<f32>) {
    if (col >= params.stride) {
        return;
    }
    let bias = parameters[params.fan_in * params.stride + col];
    let mask = are_columns(4u * col, params.fan_out);
    var counts = store_row(row, col, upper[0] + bias, mask);
    counts += store_row(row + 1u, col, upper[1] + bias, mask);
    counts += store_row(row + 2u, col, upper[2] + bias, mask);
    counts += store_row(row + 3u, col, upper[3] + bias, mask);
    counts += store_row(row + 4u, col, lower[0] + bias, mask);
    counts += store_row(row + 5u, col, lower[1] + bias, mask);
    counts += store_row(row + 6u, col, lower[2] + bias, mask);
    counts += store_row(row + 7u, col, lower[3] + bias, mask);
    unit_counts[row / 8u * params.stride + col] = counts;
}

@compute @workgroup_size(64)
fn layer_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    let tiles_across = (params.stride + 1u) / 2u;
    let row = index / tiles_across * 8u;
    let col = index % tiles_across * 2u;
    if (row >= params.rows) {
        return;
    }
    let right_col = min(col + 1u, params.stride - 1u);
    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    for (var term = group.z; term < params.input_stride; term++) {
        let upper = input_tile(row, term);
        let lower = input_tile(row + 4u, term);
        let left = weights_tile(4u * term, col);
        let right = weights_tile(4u * term, right_col);
        upper_left = multiply_tile(upper_left, upper, left);
        upper_right = multiply_tile(upper_right, upper, right);
        lower_left = multiply_tile(lower_left, lower, left);
        lower_right = multiply_tile(lower_right, lower, right);
    }
    store_tile(row, col, upper_left, lower_left);
    store_tile(row, col + 1u, upper_right, lower_right);
}
