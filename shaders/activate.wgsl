// output = activation(input), element by element.
//
// input (pre-activations) and output are [rows][cols] with the same stride.
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
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn activate(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.rows * params.cols) {
        return;
    }
    let at = index / params.cols * params.stride + index % params.cols;
    output[at] = activation(ACTIVATION, ACTIVATION_PARAMETER, input[at]);
}
