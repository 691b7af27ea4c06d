// scale = two factors whose product is min(1, clip_norm / (norm + 1e-6)), the norm from sums of squares: the
// second of its two levels.
//
// sums is [len] of vectors whose x and z are the two sums of squares of common/norm.wgsl; scale is [2].
// One workgroup: each of 256 lanes sums every 256th, then halves are added in a fixed order.

struct Params {
    len: u32,
    clip_norm: f32,
}

const LANES: u32 = 256u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;

var<workgroup> sum_partial: array<vec2<f32>, LANES>;

@compute @workgroup_size(LANES)
fn clip_scale(@builtin(local_invocation_index) lane: u32) {
    var sum = vec2<f32>();
    for (var at = lane; at < params.len; at += LANES) {
        sum += sums[at].xz;
    }
    sum_partial[lane] = sum;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            sum_partial[lane] += sum_partial[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0u) {
        let factors = clip_factors_of(sum_partial[0], params.clip_norm);
        scale[0] = factors.x;
        scale[1] = factors.y;
    }
}
