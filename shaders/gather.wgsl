// output[i] = source[rows[i]], whole rows: a mini-batch out of the data set.
//
// source is [data rows][cols], output [len][cols], both with the same stride; rows is [len].
// One invocation owns one element of output; a workgroup owns 64 in a row.

struct Params {
    len: u32,
    cols: u32,
    stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.len * params.cols) {
        return;
    }
    let row = index / params.cols;
    let col = index % params.cols;
    output[row * params.stride + col] = source[rows[row] * params.stride + col];
}
