// d_input = (d_output . weights^T) * slope: how the loss changes with what went into the activation of
// the layer before, where that activation's value is input. Where the slope needs the pre-activations too,
// d_input holds them until then (see layer_forward.wgsl).
//
// d_output is [rows][fan_out], parameters the layer's block with its weights [fan_in][fan_out], input
// and d_input are [rows][fan_in]. Strides are in vectors of four; padding of d_output and of the weights
// is zero, of d_input is made zero.
// One workgroup owns a tile, or several, of d_input: how is appended (see common/tile.wgsl).

struct Params {
    rows: u32,
    fan_in: u32,
    input_stride: u32,
    stride: u32,
}

override ACTIVATION: u32 = 0u;
override ACTIVATION_PARAMETER: f32 = 0.0;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> d_output: array<Stored>;
@group(0) @binding(2) var<storage, read> parameters: array<Stored>;
@group(0) @binding(3) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_input: array<vec4<f32>>;

const SUMS_COLUMNS: bool = false;

fn product_shape() -> vec3<u32> {
    return vec3<u32>(params.rows, params.input_stride, params.stride);
}

// Four terms of four rows of d_output; beyond the last row the last again.
fn left_block(row: u32, term: u32) -> mat4x4<f32> {
    let last = params.rows - 1u;
    return transpose(mat4x4<f32>(
        loaded(d_output[min(4u * row, last) * params.stride + term]),
        loaded(d_output[min(4u * row + 1u, last) * params.stride + term]),
        loaded(d_output[min(4u * row + 2u, last) * params.stride + term]),
        loaded(d_output[min(4u * row + 3u, last) * params.stride + term]),
    ));
}

// The same of four rows of weights, which are columns here.
fn right_block(col: u32, term: u32) -> mat4x4<f32> {
    let last = params.fan_in - 1u;
    return transpose(mat4x4<f32>(
        loaded(parameters[min(4u * col, last) * params.stride + term]),
        loaded(parameters[min(4u * col + 1u, last) * params.stride + term]),
        loaded(parameters[min(4u * col + 2u, last) * params.stride + term]),
        loaded(parameters[min(4u * col + 3u, last) * params.stride + term]),
    ));
}

// Nothing is counted here.
fn finish_row(row: u32, col: u32, d: vec4<f32>) -> vec4<u32> {
    if (row < params.rows && col < params.input_stride) {
        let at = row * params.input_stride + col;
        let a = input[at];
        var z = a;
        if (slope_needs_z(ACTIVATION)) {
            z = d_input[at];
        }
        let mask = are_columns(4u * col, params.fan_in);
        d_input[at] = select(vec4<f32>(0.0), d * slope4(ACTIVATION, ACTIVATION_PARAMETER, z, a), mask);
    }
    return vec4<u32>();
}

fn finish_group(row: u32, col: u32, counts: vec4<u32>) {}

fn finish_columns(row: u32, col: u32, sum: vec4<f32>) {}

@compute @workgroup_size(LANES)
fn layer_input_grad(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    product(group.y * groups.x + group.x, lane, group.z);
}
