// parameters, moment1, moment2 = one update of each parameter by its gradient: the plain form of
// common/optimizer.wgsl. Padding has gradient 0 and stays 0.
//
// gradients, parameters, moment1 and moment2 are [len] vectors of four, in the network's Layout; moments
// that the optimizer does not have are neither read nor written. schedule is that of common/schedule.wgsl,
// its ring of ring_len rates.
// scale is [2], the factors that gradients are multiplied by where CLIP_NORM.
// One invocation owns one vector; a workgroup owns 64.

struct Params {
    update: UpdateParams,
    len: u32,
    ring_len: u32,
}

override OPTIMIZER: u32 = 0u;
override DECAY: u32 = 0u;
override CLIP_VALUE: bool = false;
override CLIP_NORM: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> schedule: Schedule;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> moment1: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec4<f32>>;

@compute @workgroup_size(64)
fn optimizer_step(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.len) {
        return;
    }
    let now = schedule.rates[schedule.step % params.ring_len];
    let rule = Rule(now.x, now.y, now.z, params.update);
    let parameter = parameters[index];
    var g = gradients[index];
    if (CLIP_VALUE) {
        g = clipped(g, params.update.clip_value);
    }
    if (CLIP_NORM) {
        g = norm_clipped(g, vec2<f32>(scale[0], scale[1]));
    }
    var m = vec4<f32>();
    var v = vec4<f32>();
    if (has_moment1(OPTIMIZER)) {
        m = moment1[index];
    }
    if (has_moment2(OPTIMIZER)) {
        v = moment2[index];
    }
    let after = updated(OPTIMIZER, DECAY, rule, g, parameter, m, v);
    if (has_moment1(OPTIMIZER)) {
        moment1[index] = after.moment1;
    }
    if (has_moment2(OPTIMIZER)) {
        moment2[index] = after.moment2;
    }
    parameters[index] = after.parameter;
    if (!are_finite(after.parameter)) {
        atomicMax(&schedule.not_finite, 1u);
    }
}
