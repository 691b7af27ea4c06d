// gradient = input^T . d_output, and for the biases the sums of d_output's columns; then at once, unless
// the gradients are to be kept, the update of common/optimizer.wgsl. Of each workgroup's share also
// the sums of the squares of gradients (clipped by value), parameters (before) and updates, and how
// many gradients and new parameters are not finite, by their bits. Where gradients are kept there are no
// updates yet: the two sums of squares of common/norm.wgsl stand in the places of gradients and updates.
//
// input is [rows][fan_in], d_output [rows][fan_out]; parameters and gradients are the layer's block:
// weights [fan_in][fan_out] and a row of biases below them; so are moment1 and moment2, where the optimizer
// has them. Strides are in vectors of four; padding of d_output is zero, and so is that of the gradients.
// schedule is that of common/schedule.wgsl. sums is [workgroups][gradients, parameters, updates,
// not finite].
// One invocation owns a tile of 8 x 8 weights in registers, the uppermost tiles also the biases of their
// columns; a workgroup owns 64 tiles, whose sums are added in a fixed order.

struct Params {
    update: UpdateParams,
    rows: u32,
    fan_in: u32,
    fan_out: u32,
    input_stride: u32,
    stride: u32,
    ring_len: u32,
}

override KEEP_GRADIENTS: bool = false;
override OPTIMIZER: u32 = 0u;
override DECAY: u32 = 0u;
override CLIP_VALUE: bool = false;

const LANES: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> d_output: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> schedule: Schedule;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> gradients: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> moment1: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> moment2: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> sums: array<vec4<f32>>;

var<workgroup> sum_partial: array<vec4<f32>, LANES>;

var<private> rule: Rule;

// One row of four weights, or four biases; returns what it adds to the sums.
fn store(row: u32, col: u32, sum: vec4<f32>) -> vec4<f32> {
    let at = row * params.stride + col;
    let gradient = select(vec4<f32>(0.0), sum, are_columns(4u * col, params.fan_out));
    let parameter = parameters[at];
    var g = gradient;
    if (CLIP_VALUE) {
        g = clipped(gradient, params.update.clip_value);
    }
    var after = parameter;
    var update = vec4<f32>();
    if (KEEP_GRADIENTS) {
        gradients[at] = gradient;
    } else {
        var m = vec4<f32>();
        var v = vec4<f32>();
        if (has_moment1(OPTIMIZER)) {
            m = moment1[at];
        }
        if (has_moment2(OPTIMIZER)) {
            v = moment2[at];
        }
        let result = updated(OPTIMIZER, DECAY, rule, g, parameter, m, v);
        if (has_moment1(OPTIMIZER)) {
            moment1[at] = result.moment1;
        }
        if (has_moment2(OPTIMIZER)) {
            moment2[at] = result.moment2;
        }
        update = result.step_taken;
        after = result.parameter;
        parameters[at] = after;
        if (!are_finite(after)) {
            atomicMax(&schedule.not_finite, 1u);
        }
    }
    let is_finite = finite_mask(gradient) * finite_mask(after);
    var squares = vec2<f32>(dot(g, g), dot(update, update));
    if (KEEP_GRADIENTS) {
        squares = square_sums(g);
    }
    return vec4<f32>(
        squares.x,
        dot(parameter, parameter),
        squares.y,
        4.0 - dot(is_finite, vec4<f32>(1.0)),
    );
}

fn store_row(row: u32, col: u32, gradient: vec4<f32>) -> vec4<f32> {
    if (row >= params.fan_in || col >= params.stride) {
        return vec4<f32>(0.0);
    }
    return store(row, col, gradient);
}

fn store_tile(row: u32, col: u32, tile: mat4x4<f32>) -> vec4<f32> {
    return store_row(row, col, tile[0])
        + store_row(row + 1u, col, tile[1])
        + store_row(row + 2u, col, tile[2])
        + store_row(row + 3u, col, tile[3]);
}

fn store_bias(row: u32, col: u32, gradient: vec4<f32>) -> vec4<f32> {
    if (row != 0u || col >= params.stride) {
        return vec4<f32>(0.0);
    }
    return store(params.fan_in, col, gradient);
}

// What one invocation does, from the term `first` on; returns its sums.
fn update_tile(row: u32, col: u32, first: u32) -> vec4<f32> {
    let upper_row = row / 4u;
    let lower_row = min(upper_row + 1u, params.input_stride - 1u);
    let right_col = min(col + 1u, params.stride - 1u);
    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    var left_bias = vec4<f32>();
    var right_bias = vec4<f32>();
    for (var term = first; term < params.rows; term++) {
        let upper = input[term * params.input_stride + upper_row];
        let lower = input[term * params.input_stride + lower_row];
        let left = d_output[term * params.stride + col];
        let right = d_output[term * params.stride + right_col];
        upper_left = add_outer(upper_left, upper, left);
        upper_right = add_outer(upper_right, upper, right);
        lower_left = add_outer(lower_left, lower, left);
        lower_right = add_outer(lower_right, lower, right);
        left_bias += left;
        right_bias += right;
    }
    var sum = store_tile(row, col, upper_left);
    sum += store_tile(row, col + 1u, upper_right);
    sum += store_tile(row + 4u, col, lower_left);
    sum += store_tile(row + 4u, col + 1u, lower_right);
    sum += store_bias(row, col, left_bias);
    sum += store_bias(row, col + 1u, right_bias);
    return sum;
}

@compute @workgroup_size(LANES)
fn layer_update(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    let tiles_across = (params.stride + 1u) / 2u;
    let row = index / tiles_across * 8u;
    let col = index % tiles_across * 2u;
    let now = schedule.rates[schedule.step % params.ring_len];
    rule = Rule(now.x, now.y, now.z, params.update);
    var sum = vec4<f32>();
    if (row < params.fan_in) {
        // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
        // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
        sum = update_tile(row, col, group.z);
    }
    sum_partial[lane] = sum;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            sum_partial[lane] += sum_partial[lane + width];
        }
        workgroupBarrier();
    }
    // A grid that is folded may have a few groups to spare.
    let at = group.y * groups.x + group.x;
    if (lane == 0u && at < arrayLength(&sums)) {
        sums[at] = sum_partial[0];
    }
}
