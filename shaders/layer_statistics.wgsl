// statistics[layer] = what the fused kernels noted of a layer in a step, added up: the sums of layer_update over
// its tiles, and how many of its units were zero on every row, or saturated on nearly every one.
//
// sums is [sums_len] of vectors, as layer_update writes them; unit_counts is [groups][stride], as layer_forward
// writes it: of each group of rows, those on which a unit was zero (low half of a word) or saturated (high half).
// groups is 0 where there are none. statistics is [layers][2]: the bits of the four sums, then both counts.
// One workgroup: each of 256 lanes takes every 256th sum and unit, then halves are added in a fixed order.

struct Params {
    sums_len: u32,
    groups: u32,
    units: u32,
    stride: u32,
    rows: u32,
    saturated_rows: u32,
    layer: u32,
}

const LANES: u32 = 256u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> unit_counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> statistics: array<vec4<u32>>;

var<workgroup> sum_partial: array<vec4<f32>, LANES>;
var<workgroup> units_partial: array<vec2<u32>, LANES>;

@compute @workgroup_size(LANES)
fn layer_statistics(@builtin(local_invocation_index) lane: u32) {
    var sum = vec4<f32>();
    for (var at = lane; at < params.sums_len; at += LANES) {
        sum += sums[at];
    }
    var units = vec2<u32>();
    for (var unit = lane; unit < params.units; unit += LANES) {
        var rows = vec2<u32>();
        for (var group = 0u; group < params.groups; group++) {
            let word = unit_counts[group * params.stride + unit];
            rows += vec2<u32>(word & 0xffffu, word >> 16u);
        }
        let least = vec2<u32>(params.rows, params.saturated_rows);
        units += select(vec2<u32>(), vec2<u32>(1u), rows >= least);
    }
    sum_partial[lane] = sum;
    units_partial[lane] = units;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            sum_partial[lane] += sum_partial[lane + width];
            units_partial[lane] += units_partial[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0u) {
        statistics[2u * params.layer] = bitcast<vec4<u32>>(sum_partial[0]);
        statistics[2u * params.layer + 1u] = vec4<u32>(units_partial[0], 0u, 0u);
    }
}
