// row_loss[row] = weight sum over cols of t (ln sum e^z - z), d_output = scale weight (softmax(z) - t): the loss
// softmax-cross-entropy. The largest z is taken off first, so that no exponential overflows. The weight is the
// row's own, 1 unless WEIGHTED.
//
// output holds the logits z; the targets of a row sum to 1.
// output and d_output are [rows][cols] with the same stride; target_rows is [rows][cols], and a weight behind each
// row where WEIGHTED, with a stride of its own; row_loss is [rows]. (`target` is a word that WGSL keeps for itself.)
// One invocation owns one row; a workgroup owns 64.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    target_stride: u32,
    scale: f32,
}

override WEIGHTED: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> output: array<f32>;
@group(0) @binding(2) var<storage, read> target_rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> row_loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_output: array<f32>;

@compute @workgroup_size(64)
fn loss_softmax(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = flat_index(group, groups, lane);
    if (row >= params.rows) {
        return;
    }
    let start = row * params.stride;
    let targets = row * params.target_stride;
    var weight = 1.0;
    if (WEIGHTED) {
        weight = target_rows[targets + params.cols];
    }
    let scale = params.scale * weight;
    var largest = output[start];
    for (var col = 1u; col < params.cols; col++) {
        largest = max(largest, output[start + col]);
    }
    var sum = 0.0;
    for (var col = 0u; col < params.cols; col++) {
        sum += exp(output[start + col] - largest);
    }
    let log_sum = log(sum);
    var loss = 0.0;
    for (var col = 0u; col < params.cols; col++) {
        let z = output[start + col] - largest;
        let t = target_rows[targets + col];
        loss += t * (log_sum - z);
        d_output[start + col] = scale * (exp(z) / sum - t);
    }
    row_loss[row] = weight * loss;
}
