// output[i] = source[rows[i] - first_row], whole rows: what a mini-batch takes out of one part of the
// data set. Rows that lie in other parts are left as they are.
//
// source is [source_rows][cols], the data set's rows from first_row on; output is [len][cols], both
// with the same stride; rows is [len].
// One invocation owns one element of output; a workgroup owns 64 in a row.

struct Params {
    len: u32,
    cols: u32,
    stride: u32,
    first_row: u32,
    source_rows: u32,
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
    // Of an earlier part this wraps to more than there are.
    let place = rows[row] - params.first_row;
    if (place < params.source_rows) {
        output[row * params.stride + col] = source[place * params.stride + col];
    }
}
