// parameters -= learning_rate * gradients, over a whole parameter buffer. Padding has gradient 0
// and stays 0.
//
// gradients and parameters are [len], in the network's Layout.
// One invocation owns one parameter; a workgroup owns 64.

struct Params {
    len: u32,
    learning_rate: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameters: array<f32>;

@compute @workgroup_size(64)
fn sgd(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = flat_index(group, groups, lane);
    if (index >= params.len) {
        return;
    }
    parameters[index] -= params.learning_rate * gradients[index];
}
