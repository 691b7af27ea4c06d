// The gradients of gamma, the sum over rows of d_output * h, and of beta, that of d_output, with
// h = (input - mean) / sqrt(variance + eps), column by column.
//
// input and d_output are [rows][cols] with a stride. statistics is [2][stride], means above variances; gradients is
// [2][stride], those of gamma above those of beta.
// One workgroup owns 16 columns, 16 of its invocations each: a lane takes every 16th row, then halves are added in a
// fixed order, whatever the batch.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>;
@group(0) @binding(3) var<storage, read> d_output: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(COLUMN_LANES)
fn norm_grad(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let col = column_of(group, groups, lane);
    let own = min(col, params.cols - 1u);
    let mean = statistics[own];
    let inverse = inverse_deviation(statistics[params.stride + own], params.eps);
    var sums = vec2<f32>();
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    for (var row = group.z + first_row(lane); row < params.rows; row += ROW_LANES) {
        let at = row * params.stride + own;
        let d = d_output[at];
        sums += vec2<f32>(d * ((input[at] - mean) * inverse), d);
    }
    sums = over_rows(lane, sums);
    if (first_row(lane) == 0u && col < params.cols) {
        gradients[col] = sums.x;
        gradients[params.stride + col] = sums.y;
    }
}
