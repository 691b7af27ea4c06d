// clock[0] += steps: the last dispatch of a submission, with a counter of its own. Read back, it tells
// whether all that was submitted was also done: some drivers drop work without an error.
//
// clock is [1].
// One invocation.

struct Params {
    steps: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> clock: array<u32>;

@compute @workgroup_size(1)
fn advance() {
    clock[0] += params.steps;
}
