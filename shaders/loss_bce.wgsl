// row_loss[row] = sum over cols of [max(z,0) - z t + ln(1 + e^-|z|)], d_output = scale (sigmoid(z) - t):
// the losses bce and bce-with-logits.
//
// output holds the pre-activations z of the output layer, d_output the loss's gradient with
// respect to them: the slope of the sigmoid has cancelled.
// All matrices are [rows][cols] with the same stride; row_loss is [rows]. (`target` is a word that
// WGSL keeps for itself.)
// One invocation owns one row; a workgroup owns 64.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> output: array<f32>;
@group(0) @binding(2) var<storage, read> target_rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> row_loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_output: array<f32>;

@compute @workgroup_size(64)
fn loss_bce(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = flat_index(group, groups, lane);
    if (row >= params.rows) {
        return;
    }
    let start = row * params.stride;
    var sum = 0.0;
    for (var col = 0u; col < params.cols; col++) {
        let z = output[start + col];
        let t = target_rows[start + col];
        sum += cross_entropy(z, t);
        d_output[start + col] = params.scale * cross_entropy_slope(z, t);
    }
    row_loss[row] = sum;
}
