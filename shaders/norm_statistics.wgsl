// statistics = the mean of each column of input, and its biased variance, from the differences to that mean;
// running = the running estimates of both, moved by momentum towards the mean and the unbiased variance.
//
// input is [rows][cols] with a stride. statistics and running are [2][stride], means above variances.
// One workgroup owns 16 columns, 16 of its invocations each: a lane takes every 16th row, then halves are added in a
// fixed order, whatever the batch.
// Ioffe and Szegedy 2015, algorithm 1; the variance in a second pass, since the mean of squares less the square of
// the mean cancels.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    momentum: f32,
    unbiased: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(3) var<storage, read_write> running: array<f32>;

fn moved(own: f32, goal: f32) -> f32 {
    return (1.0 - params.momentum) * own + params.momentum * goal;
}

@compute @workgroup_size(COLUMN_LANES)
fn norm_statistics(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let col = column_of(group, groups, lane);
    let own = min(col, params.cols - 1u);
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    let first = group.z + first_row(lane);
    var sum = 0.0;
    for (var row = first; row < params.rows; row += ROW_LANES) {
        sum += input[row * params.stride + own];
    }
    let mean = over_rows(lane, vec2<f32>(sum, 0.0)).x / f32(params.rows);
    var squares = 0.0;
    for (var row = first; row < params.rows; row += ROW_LANES) {
        let difference = input[row * params.stride + own] - mean;
        squares += difference * difference;
    }
    let variance = over_rows(lane, vec2<f32>(squares, 0.0)).x / f32(params.rows);
    if (first_row(lane) == 0u && col < params.cols) {
        let below = params.stride + col;
        statistics[col] = mean;
        statistics[below] = variance;
        running[col] = moved(running[col], mean);
        running[below] = moved(running[below], variance * params.unbiased);
    }
}
