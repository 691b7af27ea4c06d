// The output layer and the loss in one go: z = input . weights + bias, row_loss the loss of each row times its
// weight, without the factor of the batch, d_output = gradient_scale * weight * dLoss/dz. The weight is 1 unless
// WEIGHTED, where it stands behind the row's targets.
//
// input is [rows][fan_in], parameters the layer's block: weights [fan_in][outputs] and a row of biases
// below them; target_rows and d_output are [rows][outputs], row_loss is [rows]. Strides are in vectors of
// four; padding of input is zero, of d_output is made zero. The host appends the constants OUTPUTS and
// OUTPUT_VECTORS, outputs and vectors of them, TARGET_VECTORS, those of a row of targets, and WEIGHTED.
// One invocation owns a row, its outputs in registers; a workgroup owns 64 rows.

struct Params {
    rows: u32,
    fan_in: u32,
    input_stride: u32,
    gradient_scale: f32,
}

override OUTPUT_ACTIVATION: u32 = 0u;
override OUTPUT_ACTIVATION_PARAMETER: f32 = 0.0;
override LOSS: u32 = 0u;
override LOSS_PARAMETER: f32 = 0.0;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> target_rows: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> row_loss: array<f32>;
@group(0) @binding(5) var<storage, read_write> d_output: array<vec4<f32>>;

// A row's pre-activations, summed from the term `first` on.
fn pre_activations(row: u32, first: u32) -> array<f32, OUTPUTS> {
    var sums: array<vec4<f32>, OUTPUT_VECTORS>;
    for (var term = first; term < params.input_stride; term++) {
        let x = input[row * params.input_stride + term];
        // Beyond the last row of weights stands the row of biases, against padding of input.
        let at = 4u * term * OUTPUT_VECTORS;
        let second = min(4u * term + 1u, params.fan_in) * OUTPUT_VECTORS;
        let third = min(4u * term + 2u, params.fan_in) * OUTPUT_VECTORS;
        let fourth = min(4u * term + 3u, params.fan_in) * OUTPUT_VECTORS;
        for (var v = 0u; v < OUTPUT_VECTORS; v++) {
            sums[v] = sums[v]
                + x.x * parameters[at + v]
                + x.y * parameters[second + v]
                + x.z * parameters[third + v]
                + x.w * parameters[fourth + v];
        }
    }
    var z: array<f32, OUTPUTS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        z[o] = sums[o / 4u][o % 4u] + parameters[params.fan_in * OUTPUT_VECTORS + o / 4u][o % 4u];
    }
    return z;
}

@compute @workgroup_size(64)
fn output_loss(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = flat_index(group, groups, lane);
    if (row >= params.rows) {
        return;
    }
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    let z = pre_activations(row, group.z);
    var t: array<f32, OUTPUTS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        t[o] = target_rows[row * TARGET_VECTORS + o / 4u][o % 4u];
    }
    var weight = 1.0;
    if (WEIGHTED) {
        weight = target_rows[row * TARGET_VECTORS + OUTPUTS / 4u][OUTPUTS % 4u];
    }
    row_loss[row] = weight * loss_of_row(z, t);
    var d_z = output_gradients(z, predictions(z), t);
    let scale = params.gradient_scale * weight;
    var d: array<vec4<f32>, OUTPUT_VECTORS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        d[o / 4u][o % 4u] = scale * d_z[o];
    }
    for (var v = 0u; v < OUTPUT_VECTORS; v++) {
        d_output[row * OUTPUT_VECTORS + v] = d[v];
    }
}
