// d_bias[col] = sum over rows of d_output[row][col], from the first row to the last.
//
// d_output is [rows][cols] with a stride. gradients is one layer's block; its bias row starts at
// bias_offset.
// One invocation owns one column; a workgroup owns 64.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    bias_offset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> d_output: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(64)
fn bias_grad(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let col = flat_index(group, groups, lane);
    if (col >= params.cols) {
        return;
    }
    var sum = 0.0;
    for (var row = 0u; row < params.rows; row++) {
        sum += d_output[row * params.stride + col];
    }
    gradients[params.bias_offset + col] = sum;
}
