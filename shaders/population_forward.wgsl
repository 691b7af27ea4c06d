// output = activation(input . weights + bias), one layer of many networks at once, each over the same rows; where
// NORMED, the activation takes gamma * (that - mean) / sqrt(variance + eps) + beta, by the running estimates.
//
// parameters is [PARAMETERS][networks] as in train_invocation.wgsl: those of the layer, weights [fan_in][fan_out]
// and the bias, begin at params.first_parameter, where there is a norm with gamma and beta behind them; its running means
// and variances begin at params.running_at. input is [rows][stride][networks]; or, where FROM_DATA, the
// rows of a data set [..][stride] from params.first_row on, the same for every network. output is
// [rows][stride][networks]; its padding is left as it is.
// One invocation owns one element of output; a workgroup owns 64, of neighbouring networks.

struct Params {
    rows: u32,
    fan_in: u32,
    fan_out: u32,
    input_stride: u32,
    output_stride: u32,
    networks: u32,
    first_parameter: u32,
    first_row: u32,
    running_at: u32,
    eps: f32,
}

override ACTIVATION: u32 = 0u;
override ACTIVATION_PARAMETER: f32 = 0.0;
override FROM_DATA: bool = false;
override NORMED: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

fn term(network: u32, row: u32, i: u32) -> f32 {
    if (FROM_DATA) {
        return input[(params.first_row + row) * params.input_stride + i];
    }
    return input[(row * params.input_stride + i) * params.networks + network];
}

fn parameter(network: u32, at: u32) -> f32 {
    return parameters[(params.first_parameter + at) * params.networks + network];
}

fn normalized(network: u32, unit: u32, z: f32) -> f32 {
    let gamma_at = (params.fan_in + 1u) * params.fan_out + unit;
    let mean_at = params.running_at + unit;
    let mean = parameters[mean_at * params.networks + network];
    let variance = parameters[(mean_at + params.fan_out) * params.networks + network];
    let h = (z - mean) * inverse_deviation(variance, params.eps);
    return parameter(network, gamma_at) * h + parameter(network, gamma_at + params.fan_out);
}

@compute @workgroup_size(64)
fn population_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    let network = index % params.networks;
    let element = index / params.networks;
    let row = element / params.fan_out;
    let unit = element % params.fan_out;
    if (row >= params.rows) {
        return;
    }
    var sum = parameter(network, params.fan_in * params.fan_out + unit);
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    for (var i = group.z; i < params.fan_in; i++) {
        sum += term(network, row, i) * parameter(network, i * params.fan_out + unit);
    }
    let at = (row * params.output_stride + unit) * params.networks + network;
    if (NORMED) {
        sum = normalized(network, unit, sum);
    }
    output[at] = activation(ACTIVATION, ACTIVATION_PARAMETER, sum);
}
