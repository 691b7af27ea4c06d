// iterations[0] = the loop iterations made, where params.iterations were asked for. Mesa's llvmpipe leaves
// every loop after 65,535 iterations in total without an error; this measures it on any adapter.
//
// iterations is [1].
// One invocation. Two loops, because the iterations of all loops count together.

struct Params {
    iterations: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> iterations: array<u32>;

@compute @workgroup_size(1)
fn canary() {
    var made = 0u;
    for (var i = 0u; i < params.iterations / 2u; i++) {
        made += 1u;
    }
    for (var i = params.iterations / 2u; i < params.iterations; i++) {
        made += 1u;
    }
    iterations[0] = made;
}
