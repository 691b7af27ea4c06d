//! Which launches share a pipeline: those that differ in nothing that is compiled.

use wgrad::gpu::{Access, Binding, GpuError, Kernel, Slice};
use wgrad::kernels::{AdvanceParams, advance, canary};

use crate::common::gpu;
use crate::launch::{Arg, launch};

/// Writes one number under two overrides.
const SOURCE: &str = "
struct Params { steps: u32 }
override FIRST: u32 = 1u;
override SECOND: u32 = 2u;
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> number: array<u32>;
@compute @workgroup_size(1)
fn probe() { number[0] = params.steps * 100u + FIRST * 10u + SECOND; }
";

/// The same entry point, and another number.
const OTHER: &str = "
struct Params { steps: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> number: array<u32>;
@compute @workgroup_size(1)
fn probe() { number[0] = params.steps; }
";

fn probe(source: &'static str) -> Kernel<AdvanceParams> {
    const BINDINGS: &[Binding] = &[Binding { name: "number", access: Access::ReadWrite }];
    Kernel::foreign("probe", source, BINDINGS, 1)
}

#[test]
fn another_source_or_another_constant_is_another_pipeline() {
    let run = |source, constants: &[(&'static str, f64)]| {
        let base = probe(source).launch(AdvanceParams { steps: 7 }, 1);
        let all = constants.iter().fold(base, |l, &(name, value)| l.constant(name, value));
        launch(&all, &[Arg::Out(1)])[0][0]
    };
    assert_eq!(run(SOURCE, &[]), 712);
    assert_eq!(run(OTHER, &[]), 7, "another source under the same name");
    // The same value, of another constant.
    assert_eq!(run(SOURCE, &[("FIRST", 5.0)]), 752);
    assert_eq!(run(SOURCE, &[("SECOND", 5.0)]), 715);
}

#[test]
fn a_dispatch_takes_no_params_of_another_kernel() {
    let gpu = gpu();
    pollster::block_on(async {
        let clock = gpu.buffer("clock", 1).await.unwrap();
        let dispatch = gpu.dispatch(&advance(1), &[Slice::all(&clock)]).await.unwrap();
        assert!(dispatch.set_params(&gpu, &advance(4)).is_ok());
        let error = dispatch.set_params(&gpu, &canary(9)).unwrap_err();
        assert!(matches!(error, GpuError::Validation { .. }), "{error}");
        assert!(error.to_string().contains("params of canary"), "{error}");
        gpu.wait(gpu.submit([&dispatch])).await.unwrap();
        let seen = gpu.read::<u32>(&[(&clock, 0..1)]).await.unwrap();
        assert_eq!(seen[0], [4]);
    });
}

/// Copies go with whichever submission comes next; of those of several threads none may come after what its own thread
/// submits behind it.
#[test]
fn a_copy_comes_before_what_its_thread_submits_next() {
    const ROUNDS: u32 = 200;
    let gpu = gpu();
    let count = |gpu: &wgrad::gpu::Gpu| {
        pollster::block_on(async {
            let clock = gpu.buffer("clock", 1).await.unwrap();
            let kept = gpu.buffer("kept", 1).await.unwrap();
            let dispatch = gpu.dispatch(&advance(1), &[Slice::all(&clock)]).await.unwrap();
            for round in 0..ROUNDS {
                gpu.copy([[clock.clone(), kept.clone()]]);
                gpu.submit([&dispatch]);
                let seen = gpu.read::<u32>(&[(&kept, 0..1), (&clock, 0..1)]).await.unwrap();
                assert_eq!((seen[0][0], seen[1][0]), (round, round + 1));
            }
        });
    };
    std::thread::scope(|scope| {
        let threads = [(); 8].map(|()| scope.spawn(|| count(&gpu)));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
