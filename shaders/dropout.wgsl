// output = scale * input where the step's mask keeps a unit, else 0: activations on their way forward, and gradients on
// their way back.
//
// clock[0] is the step. input and output are [rows][stride], strides multiples of 4. What stands in padding goes
// through the mask too: it is 0, and stays 0.
// One invocation owns four elements of a row; a workgroup owns 64 times as many in a row.

struct Params {
    rows: u32,
    vectors: u32,
    layer: u32,
    threshold: u32,
    scale: f32,
    seed_low: u32,
    seed_high: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> clock: array<u32>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(64)
fn dropout(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.rows * params.vectors) {
        return;
    }
    let row = index / params.vectors;
    let pair = index % params.vectors * 2u;
    let key = mask_key(vec2<u32>(params.seed_low, params.seed_high), clock[0], params.layer);
    let words = vec4<u32>(mask_words(key, row, pair), mask_words(key, row, pair + 1u));
    let is_kept = words >= vec4<u32>(params.threshold);
    output[index] = select(vec4<f32>(), params.scale * input[index], is_kept);
}
