//! The integer functions of `shaders/common/`, probed alone: the same bits as on the host.

use wgrad::gpu::{Access, Binding, Kernel};
use wgrad::kernels::{AdvanceParams, COMMON};
use wgrad::random::threefry2x32;

use crate::launch::{Arg, launch};

/// Every invocation hashes its own counter under the key in `seed`.
const PROBE: &str = "
struct Params { steps: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> seed: array<u32>;
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;
@compute @workgroup_size(64)
fn probe_threefry(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = threefry2x32(vec2<u32>(seed[0], seed[1]), vec2<u32>(id.x, params.steps));
    bits[2u * id.x] = x.x;
    bits[2u * id.x + 1u] = x.y;
}
";

fn probe() -> Kernel<AdvanceParams> {
    let threefry = COMMON.iter().find(|(name, _)| *name == "threefry").unwrap().1;
    let source = Box::leak(format!("{PROBE}{threefry}").into_boxed_str());
    const BINDINGS: &[Binding] = &[
        Binding { name: "seed", access: Access::Read },
        Binding { name: "bits", access: Access::ReadWrite },
    ];
    Kernel::foreign("probe_threefry", source, BINDINGS, 64)
}

#[test]
fn threefry_gives_the_hosts_bits() {
    const COUNTERS: usize = 1 << 16;
    let probe = probe();
    for (key, stream) in [([0, 0], 0), ([1, 2], 0x1_0000), ([u32::MAX, 0x1319_8a2e], 0x2_0003)] {
        let params = AdvanceParams { steps: stream };
        let args = [Arg::of(&key), Arg::Out(2 * COUNTERS)];
        let bits = launch(&probe.launch(params, COUNTERS), &args).remove(0);
        let expected: Vec<u32> =
            (0..COUNTERS as u32).flat_map(|counter| threefry2x32(key, [counter, stream])).collect();
        assert!(bits == expected, "streams differ under key {key:?}");
    }
}
