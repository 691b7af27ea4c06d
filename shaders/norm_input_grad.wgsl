// d_input = gamma / sqrt(variance + eps) * (d_output - avg(d_output) - h * avg(d_output * h)), column by column, with
// h = (input - mean) / sqrt(variance + eps): the gradient through mean and variance too. The averages are the
// gradients of beta and of gamma over the number of rows.
//
// input, d_output and d_input are [rows][cols] with a stride. statistics is [2][stride], means above variances;
// parameters and gradients are [2][stride], gamma above beta.
// One invocation owns one element; a workgroup owns 64 in a row.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read> gradients: array<f32>;
@group(0) @binding(5) var<storage, read> d_output: array<f32>;
@group(0) @binding(6) var<storage, read_write> d_input: array<f32>;

@compute @workgroup_size(64)
fn norm_input_grad(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.rows * params.cols) {
        return;
    }
    let col = index % params.cols;
    let at = index / params.cols * params.stride + col;
    let inverse = inverse_deviation(statistics[params.stride + col], params.eps);
    let count = f32(params.rows);
    let of_gamma = gradients[col] / count;
    let of_beta = gradients[params.stride + col] / count;
    let h = (input[at] - statistics[col]) * inverse;
    d_input[at] = parameters[col] * inverse * (d_output[at] - of_beta - h * of_gamma);
}
