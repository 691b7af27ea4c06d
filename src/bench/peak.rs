//! How fast an adapter multiplies and adds, with nothing to read: what products are measured against.

use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::gpu::{Access, Binding, FieldKind, Gpu, Kernel, Params, ParamsLayout, Slice};
use crate::train::seconds_of_one;

/// What one measurement takes at least.
const MEASURED: Duration = Duration::from_millis(50);
/// Measurements, of which the best counts.
const ROUNDS: usize = 3;
/// Workgroups: enough for any device.
const GROUPS: usize = 4096;
const LANES: u32 = 64;
/// Rounds of the loop.
const TIMES: u32 = 256;
/// Vectors of four that each round multiplies and adds.
const CHAINS: u64 = 8;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct PeakParams {
    times: u32,
}

impl Params for PeakParams {
    const LAYOUT: ParamsLayout = ParamsLayout {
        bytes: 4,
        fields: &[crate::gpu::Field { name: "times", offset: 0, kind: FieldKind::U32 }],
    };
}

const BINDINGS: &[Binding] = &[Binding { name: "output", access: Access::ReadWrite }];

/// Eight chains of vectors, each independent of the others.
const SOURCE: &str = "
struct Params { times: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(64)
fn fma_peak(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = vec4<f32>(f32(id.x % 7u) * 1e-3);
    let m = vec4<f32>(0.999);
    var a = x;
    var b = x + 1.0;
    var c = x + 2.0;
    var d = x + 3.0;
    var e = x + 4.0;
    var f = x + 5.0;
    var g = x + 6.0;
    var h = x + 7.0;
    for (var i = id.z; i < params.times; i++) {
        a = fma(a, m, x);
        b = fma(b, m, x);
        c = fma(c, m, x);
        d = fma(d, m, x);
        e = fma(e, m, x);
        f = fma(f, m, x);
        g = fma(g, m, x);
        h = fma(h, m, x);
    }
    output[id.x % 64u] = a + b + c + d + e + f + g + h;
}
";

/// GFLOP/s of multiply-adds in registers.
///
/// # Errors
/// Where the device fails.
pub(super) async fn measure_peak(gpu: &Arc<Gpu>, stop: &dyn Fn() -> bool) -> Result<f64, Error> {
    let kernel = Kernel::<PeakParams>::foreign("fma_peak", SOURCE, BINDINGS, LANES);
    let lanes = LANES as usize;
    let launch =
        kernel.launch(PeakParams { times: TIMES }, GROUPS * lanes).with_iterations(TIMES as usize);
    let output = gpu.buffer("output", 4 * lanes).await?;
    let dispatch = gpu.dispatch(&launch, &[Slice::all(&output)]).await?;
    let run = async |count: u32| {
        let all = (0..count).map(|_| &dispatch);
        Ok(gpu.wait(gpu.submit(all)).await?)
    };
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        best = best.min(seconds_of_one(MEASURED, stop, run).await?);
    }
    let operations = GROUPS as u64 * u64::from(LANES) * u64::from(TIMES) * CHAINS * 4 * 2;
    Ok(operations as f64 / best / 1e9)
}
