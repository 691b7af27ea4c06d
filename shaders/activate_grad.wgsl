// d_input = d_output * slope, element by element: the chain rule through an activation.
//
// input holds the pre-activations and output the activations, from which the slope follows. All are
// [rows][cols] with the same stride.
// One invocation owns one element; a workgroup owns 64 in a row.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
}

override ACTIVATION: u32 = 0u;
override ACTIVATION_PARAMETER: f32 = 0.0;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> output: array<f32>;
@group(0) @binding(3) var<storage, read> d_output: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_input: array<f32>;

@compute @workgroup_size(64)
fn activate_grad(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.rows * params.cols) {
        return;
    }
    let at = index / params.cols * params.stride + index % params.cols;
    d_input[at] = d_output[at] * activation_slope(ACTIVATION, ACTIVATION_PARAMETER, input[at], output[at]);
}
