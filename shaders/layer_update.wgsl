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
// One workgroup owns a tile, or several, of weights, the uppermost also the biases of their columns: how is appended
// (see common/tile.wgsl). The sums of its invocations are added in a fixed order.

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

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Stored>;
@group(0) @binding(2) var<storage, read> d_output: array<Stored>;
@group(0) @binding(3) var<storage, read_write> schedule: Schedule;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> gradients: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> moment1: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> moment2: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> sums: array<vec4<f32>>;

var<workgroup> sum_partial: array<vec4<f32>, LANES>;

var<private> rule: Rule;
// What this invocation adds to the sums of its workgroup.
var<private> own_sums: vec4<f32>;

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

const SUMS_COLUMNS: bool = true;

fn product_shape() -> vec3<u32> {
    return vec3<u32>(params.fan_in, params.stride, (params.rows + 3u) / 4u);
}

// One vector of a row of the batch; zeros beyond the last row.
fn input_vector(row: u32, vector: u32) -> vec4<f32> {
    let v = loaded(input[min(row, params.rows - 1u) * params.input_stride + min(vector, params.input_stride - 1u)]);
    return select(vec4<f32>(), v, row < params.rows);
}

fn d_output_vector(row: u32, vector: u32) -> vec4<f32> {
    let v = loaded(d_output[min(row, params.rows - 1u) * params.stride + min(vector, params.stride - 1u)]);
    return select(vec4<f32>(), v, row < params.rows);
}

fn left_block(row: u32, term: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        input_vector(4u * term, row),
        input_vector(4u * term + 1u, row),
        input_vector(4u * term + 2u, row),
        input_vector(4u * term + 3u, row),
    );
}

fn right_block(col: u32, term: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        d_output_vector(4u * term, col),
        d_output_vector(4u * term + 1u, col),
        d_output_vector(4u * term + 2u, col),
        d_output_vector(4u * term + 3u, col),
    );
}

// Nothing is counted here.
fn finish_row(row: u32, col: u32, gradient: vec4<f32>) -> vec4<u32> {
    if (row < params.fan_in && col < params.stride) {
        own_sums += store(row, col, gradient);
    }
    return vec4<u32>();
}

fn finish_group(row: u32, col: u32, counts: vec4<u32>) {}

// The gradients of biases.
fn finish_columns(row: u32, col: u32, sum: vec4<f32>) {
    if (row == 0u && col < params.stride) {
        own_sums += store(params.fan_in, col, sum);
    }
}

@compute @workgroup_size(LANES)
fn layer_update(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = group.y * groups.x + group.x;
    let now = schedule.rates[schedule.step % params.ring_len];
    rule = Rule(now.x, now.y, now.z, params.update);
    own_sums = vec4<f32>();
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    product(at, lane, group.z);
    sum_partial[lane] = own_sums;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            sum_partial[lane] += sum_partial[lane + width];
        }
        workgroupBarrier();
    }
    // A grid that is folded may have a few groups to spare.
    if (lane == 0u && at < arrayLength(&sums)) {
        sums[at] = sum_partial[0];
    }
}
