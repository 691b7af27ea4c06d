// sums[w].xz = the two sums of squares of common/norm.wgsl over the gradients of stretch w, each within
// [-clip_value, clip_value] where CLIP_VALUE: the first of the two levels of a norm.
//
// gradients is [len], in the network's Layout, in stretches of 4,096; sums is [stretches] of vectors whose
// other components are 0.
// One workgroup owns one stretch: each of 64 lanes sums every 64th square, then halves are added in a fixed
// order.

struct Params {
    len: u32,
    clip_value: f32,
}

override CLIP_VALUE: bool = false;

const LANES: u32 = 64u;
const SQUARES_EACH: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<f32>>;

var<workgroup> sum_partial: array<vec2<f32>, LANES>;

@compute @workgroup_size(LANES)
fn gradient_squares(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let stretch = group.y * groups.x + group.x;
    var sum = vec2<f32>();
    for (var i = 0u; i < SQUARES_EACH; i++) {
        let at = (stretch * SQUARES_EACH + i) * LANES + lane;
        if (at < params.len) {
            var g = vec4<f32>(gradients[at], 0.0, 0.0, 0.0);
            if (CLIP_VALUE) {
                g = clipped(g, params.clip_value);
            }
            sum += square_sums(g);
        }
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
    if (lane == 0u && stretch < arrayLength(&sums)) {
        sums[stretch] = vec4<f32>(sum_partial[0].x, 0.0, sum_partial[0].y, 0.0);
    }
}
