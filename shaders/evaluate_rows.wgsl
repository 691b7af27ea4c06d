// scores[network] = what rows that are not learned from are worth to a network: scale * the sum of their
// losses, each times the row's weight (1 unless WEIGHTED), and how many of them are right; or that and what was
// there before, where the rows come in several parts.
//
// z is [rows][stride][networks], the pre-activations of the outputs; target_rows is [..][target_stride],
// from params.first_row on, a weight behind a row's targets where WEIGHTED. A row is right where its largest
// prediction stands where its largest target does, the first of equal ones, where params.takes_largest, as always
// under the softmax; else where every prediction is on its target's side of 1/2.
// scores is [networks]: the bits of the loss, those of no number where a z is none, and the count.
// One workgroup owns a network: each of 64 lanes takes every 64th row, then halves are added in a fixed order.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    target_stride: u32,
    networks: u32,
    first_row: u32,
    takes_largest: u32,
    goes_on: u32,
    scale: f32,
}

override OUTPUT_ACTIVATION: u32 = 0u;
override OUTPUT_ACTIVATION_PARAMETER: f32 = 0.0;
override LOSS: u32 = 0u;
override LOSS_PARAMETER: f32 = 0.0;
override WEIGHTED: bool = false;

const LANES: u32 = 64u;
const NOT_A_NUMBER: u32 = 0x7fc00000u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> target_rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> scores: array<vec2<u32>>;

var<workgroup> loss_partial: array<f32, LANES>;
var<workgroup> right_partial: array<u32, LANES>;
var<workgroup> finite_partial: array<u32, LANES>;

// Found by its bits: WGSL may take it that neither NaN nor infinity occurs.
fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

fn output(network: u32, row: u32, col: u32) -> f32 {
    return z[(row * params.stride + col) * params.networks + network];
}

fn expected(row: u32, col: u32) -> f32 {
    return target_rows[(params.first_row + row) * params.target_stride + col];
}

fn activated(value: f32) -> f32 {
    return activation(OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, value);
}

// Without the factor of the rows. All loops count from `first`, which is 0.
fn loss_of_row(network: u32, row: u32, first: u32) -> f32 {
    var largest = output(network, row, 0u);
    var log_sum = 0.0;
    if (LOSS == SOFTMAX_CROSS_ENTROPY) {
        for (var col = first; col < params.cols; col++) {
            largest = max(largest, output(network, row, col));
        }
        var sum = 0.0;
        for (var col = first; col < params.cols; col++) {
            sum += exp(output(network, row, col) - largest);
        }
        log_sum = log(sum);
    }
    var total = 0.0;
    for (var col = first; col < params.cols; col++) {
        let value = output(network, row, col);
        let t = expected(row, col);
        if (LOSS == SOFTMAX_CROSS_ENTROPY) {
            total += t * (log_sum - (value - largest));
        } else if (is_of_output(LOSS)) {
            total += loss_value(LOSS, LOSS_PARAMETER, activated(value), t);
        } else {
            total += loss_value(LOSS, LOSS_PARAMETER, value, t);
        }
    }
    if (WEIGHTED) {
        total *= expected(row, params.cols);
    }
    return total;
}

// x: whether the row is right, y: whether all its z are finite.
fn judged(network: u32, row: u32, first: u32) -> vec2<bool> {
    var largest = vec2<f32>();
    var largest_at = vec2<u32>();
    var result = vec2<bool>(true, true);
    for (var col = first; col < params.cols; col++) {
        let value = output(network, row, col);
        let both = vec2<f32>(prediction(LOSS, value, activated(value)), expected(row, col));
        let is_larger = vec2<bool>(col == 0u) | (both > largest);
        largest = select(largest, both, is_larger);
        largest_at = select(largest_at, vec2<u32>(col), is_larger);
        result.x = result.x && (both.x > 0.5) == (both.y > 0.5);
        result.y = result.y && is_finite(value);
    }
    if (params.takes_largest != 0u) {
        result.x = largest_at.x == largest_at.y;
    }
    return result;
}

@compute @workgroup_size(LANES)
fn evaluate_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // A grid that is folded may have a few groups to spare: they look at the last network again.
    let index = group.y * groups.x + group.x;
    let network = min(index, params.networks - 1u);
    var loss = 0.0;
    var right = 0u;
    var is_sound = true;
    // The grid has one layer: group.z is 0. Counting from it keeps Mesa's lavapipe from compiling the
    // shader again for every small value that a loop of params.* iterations would have, at each dispatch.
    for (var row = lane; row < params.rows; row += LANES) {
        loss += loss_of_row(network, row, group.z);
        let seen = judged(network, row, group.z);
        right += select(0u, 1u, seen.x);
        is_sound = is_sound && seen.y;
    }
    loss_partial[lane] = loss;
    right_partial[lane] = right;
    finite_partial[lane] = select(0u, 1u, is_sound);
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            loss_partial[lane] += loss_partial[lane + width];
            right_partial[lane] += right_partial[lane + width];
            finite_partial[lane] &= finite_partial[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0u && index == network) {
        var total = params.scale * loss_partial[0];
        var count = right_partial[0];
        is_sound = finite_partial[0] == 1u;
        if (params.goes_on != 0u) {
            let before = bitcast<f32>(scores[network].x);
            is_sound = is_sound && is_finite(before);
            total += before;
            count += scores[network].y;
        }
        scores[network] = vec2<u32>(select(NOT_A_NUMBER, bitcast<u32>(total), is_sound), count);
    }
}
