// output[m][n] = sum over k of left[m][k] right[k][n], from the first term to the last.
//
// left is [m][k], or [k][m] with TRANSPOSE_LEFT; right is [k][n], or [n][k] with TRANSPOSE_RIGHT;
// each row-major with its own stride. Forward: input . weights. Backward: input^T . d_output gives
// d_weights, d_output . weights^T gives d_input.
// One invocation owns one element of output; a workgroup owns 64 in a row.

struct Params {
    m: u32,
    k: u32,
    n: u32,
    left_stride: u32,
    right_stride: u32,
    output_stride: u32,
}

override TRANSPOSE_LEFT: bool = false;
override TRANSPOSE_RIGHT: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn matmul(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.m * params.n) {
        return;
    }
    let row = index / params.n;
    let col = index % params.n;
    let left_start = select(row * params.left_stride, row, TRANSPOSE_LEFT);
    let left_step = select(1u, params.left_stride, TRANSPOSE_LEFT);
    let right_start = select(col, col * params.right_stride, TRANSPOSE_RIGHT);
    let right_step = select(params.right_stride, 1u, TRANSPOSE_RIGHT);
    var sum = 0.0;
    for (var i = 0u; i < params.k; i++) {
        sum += left[left_start + i * left_step] * right[right_start + i * right_step];
    }
    output[row * params.output_stride + col] = sum;
}
