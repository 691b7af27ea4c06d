// parameters[first_parameter + i] of networks first_network .. + networks = limit * u, where u in
// [-1, 1) is draw i of the stream (weights, layer) under the network's seed: the starting weights
// of one layer.
//
// parameters is [..][stride], one column a network. Network n of these has the seed params.seed + n.
// One invocation owns one pair of draws of one network: a block of the generator; a workgroup owns
// the pairs of 64 networks.

struct Params {
    networks: u32,
    pairs: u32,
    len: u32,
    stride: u32,
    first_parameter: u32,
    first_network: u32,
    seed_low: u32,
    seed_high: u32,
    stream: u32,
    limit: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> parameters: array<f32>;

// 24 random bits as a number of [-1, 1); every operation is exact.
fn unit_uniform(bits: u32) -> f32 {
    return f32(bits >> 8u) * (1.0 / 8388608.0) - 1.0;
}

fn write_draw(i: u32, network: u32, bits: u32) {
    if (i < params.len) {
        let at = (params.first_parameter + i) * params.stride + params.first_network + network;
        parameters[at] = unit_uniform(bits) * params.limit;
    }
}

@compute @workgroup_size(64)
fn init_uniform(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = flat_index(group, groups, lane);
    if (at >= params.networks * params.pairs) {
        return;
    }
    let network = at % params.networks;
    let pair = at / params.networks;
    let low = params.seed_low + network;
    let seed = vec2<u32>(low, params.seed_high + select(0u, 1u, low < params.seed_low));
    let bits = threefry2x32(seed, vec2<u32>(pair, params.stream));
    write_draw(2u * pair, network, bits.x);
    write_draw(2u * pair + 1u, network, bits.y);
}
