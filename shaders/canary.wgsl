// rounds[0] = the loop rounds made, where params.rounds were asked for. Mesa's llvmpipe leaves
// every loop after 65,535 rounds in total without an error; this measures it on any adapter.
//
// rounds is [1].
// One invocation. Two loops, because the rounds of all loops count together.

struct Params {
    rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> rounds: array<u32>;

@compute @workgroup_size(1)
fn canary() {
    var made = 0u;
    for (var i = 0u; i < params.rounds / 2u; i++) {
        made += 1u;
    }
    for (var i = params.rounds / 2u; i < params.rounds; i++) {
        made += 1u;
    }
    rounds[0] = made;
}
