// output[row][col] += bias[col], in place.
//
// output is [rows][cols] with a stride. parameters is one layer's block; its bias row starts at
// bias_offset.
// One invocation owns one element; a workgroup owns 64 in a row.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    bias_offset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn bias_add(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.rows * params.cols) {
        return;
    }
    let col = index % params.cols;
    output[index / params.cols * params.stride + col] += parameters[params.bias_offset + col];
}
