// input[i] = source_inputs[rows[i] - first_row] and target_rows[i] = source_targets[the same], whole rows: a
// mini-batch out of one part of the data set, in one go. Rows that lie in other parts are left as they
// are.
//
// source_inputs is [source_rows][input_stride] and source_targets [source_rows][target_stride], the data
// set's rows from first_row on, padded with zeros; input and target_rows are [len] such rows; rows is
// [len]. Strides are in vectors of four.
// One invocation owns one vector of a row of both, inputs before targets; a workgroup owns 64 in a row.

struct Params {
    len: u32,
    input_stride: u32,
    target_stride: u32,
    first_row: u32,
    source_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> source_inputs: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> source_targets: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> input: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> target_rows: array<vec4<f32>>;

@compute @workgroup_size(64)
fn gather_batch(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    let stride = params.input_stride + params.target_stride;
    if (index >= params.len * stride) {
        return;
    }
    let row = index / stride;
    let at = index % stride;
    // Of an earlier part this wraps to more than there are.
    let place = rows[row] - params.first_row;
    if (place >= params.source_rows) {
        return;
    }
    if (at < params.input_stride) {
        input[row * params.input_stride + at] = source_inputs[place * params.input_stride + at];
    } else {
        let col = at - params.input_stride;
        target_rows[row * params.target_stride + col] = source_targets[place * params.target_stride + col];
    }
}
