// output = activation(input . weights + bias), a layer in one go; and for each unit, of every eight
// rows, how many left it zero (the low half of a word) and how many saturated (the high half).
// Where the activation's slope needs them and KEEP_PRE_ACTIVATIONS, the pre-activations are kept too, in the
// layer's d_z: the backward pass reads them there before it puts the gradients in their place.
//
// input is [rows][fan_in], parameters the layer's block: weights [fan_in][fan_out] and a row of biases
// below them; output and pre_activations are [rows][fan_out]. Strides are in vectors of four; padding of input is zero, of
// output is made zero. unit_counts is [rows / 8, rounded up][fan_out], padded alike.
// One workgroup owns a tile, or several, of output: how is appended (see common/tile.wgsl).

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
@group(0) @binding(1) var<storage, read> input: array<Stored>;
@group(0) @binding(2) var<storage, read> parameters: array<Stored>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> unit_counts: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> pre_activations: array<vec4<f32>>;

const SUMS_COLUMNS: bool = false;

fn product_shape() -> vec3<u32> {
    return vec3<u32>(params.rows, params.stride, params.input_stride);
}

// Four terms of four rows of input; beyond the last row the last again.
fn left_block(row: u32, term: u32) -> mat4x4<f32> {
    let last = params.rows - 1u;
    return transpose(mat4x4<f32>(
        loaded(input[min(4u * row, last) * params.input_stride + term]),
        loaded(input[min(4u * row + 1u, last) * params.input_stride + term]),
        loaded(input[min(4u * row + 2u, last) * params.input_stride + term]),
        loaded(input[min(4u * row + 3u, last) * params.input_stride + term]),
    ));
}

// Four columns of four rows of weights; beyond the last the row of biases, against padding of input.
fn right_block(col: u32, term: u32) -> mat4x4<f32> {
    let at = min(col, params.stride - 1u);
    return mat4x4<f32>(
        loaded(parameters[min(4u * term, params.fan_in) * params.stride + at]),
        loaded(parameters[min(4u * term + 1u, params.fan_in) * params.stride + at]),
        loaded(parameters[min(4u * term + 2u, params.fan_in) * params.stride + at]),
        loaded(parameters[min(4u * term + 3u, params.fan_in) * params.stride + at]),
    );
}

// Four units of a row, and what they count.
fn finish_row(row: u32, col: u32, sum: vec4<f32>) -> vec4<u32> {
    if (row >= params.rows || col >= params.stride) {
        return vec4<u32>(0u);
    }
    let z = sum + loaded(parameters[params.fan_in * params.stride + col]);
    let mask = are_columns(4u * col, params.fan_out);
    let a = select(vec4<f32>(0.0), activation4(ACTIVATION, ACTIVATION_PARAMETER, z), mask);
    output[row * params.stride + col] = a;
    if (KEEP_PRE_ACTIVATIONS) {
        pre_activations[row * params.stride + col] = z;
    }
    return unit_states(ACTIVATION, a);
}

fn finish_group(row: u32, col: u32, counts: vec4<u32>) {
    if (row < params.rows && col < params.stride) {
        unit_counts[row / 8u * params.stride + col] = counts;
    }
}

fn finish_columns(row: u32, col: u32, sum: vec4<f32>) {}

@compute @workgroup_size(LANES)
fn layer_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    product(group.y * groups.x + group.x, lane, group.z);
}
