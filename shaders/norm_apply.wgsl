// normalized = gamma * (input - mean) / sqrt(variance + eps) + beta, column by column, and output =
// activation(normalized); and for each unit, of every eight rows, how many left it zero (the low half of a word) and
// how many saturated (the high half), as layer_forward counts them.
//
// input, normalized and output are [rows][cols] with a stride. statistics is [2][stride], means above variances: those
// of the batch, or the running estimates; parameters is [2][stride], gamma above beta. unit_counts is
// [rows / 8, rounded up][stride]. normalized is written where KEEP_NORMALIZED. Padding is made zero.
// One invocation owns eight rows of a column; a workgroup owns 64 in a row.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    eps: f32,
}

override ACTIVATION: u32 = 0u;
override ACTIVATION_PARAMETER: f32 = 0.0;
override KEEP_NORMALIZED: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read_write> unit_counts: array<u32>;
@group(0) @binding(6) var<storage, read_write> normalized: array<f32>;

@compute @workgroup_size(64)
fn norm_apply(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    let first = index / params.stride * 8u;
    let col = index % params.stride;
    if (first >= params.rows) {
        return;
    }
    let is_column = col < params.cols;
    let mean = statistics[col];
    let inverse = inverse_deviation(statistics[params.stride + col], params.eps);
    let gamma = parameters[col];
    let beta = parameters[params.stride + col];
    var counts = 0u;
    for (var row = first; row < min(first + 8u, params.rows); row++) {
        let at = row * params.stride + col;
        let n = gamma * ((input[at] - mean) * inverse) + beta;
        let a = select(0.0, activation(ACTIVATION, ACTIVATION_PARAMETER, n), is_column);
        output[at] = a;
        if (KEEP_NORMALIZED) {
            normalized[at] = select(0.0, n, is_column);
        }
        counts += unit_state(ACTIVATION, a);
    }
    unit_counts[first / 8u * params.stride + col] = select(0u, counts, is_column);
}
