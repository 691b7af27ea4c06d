//! Runs one kernel over lists of numbers, with guard words on both sides of every buffer.

use wgrad::check::Bound;
use wgrad::gpu::{Access, Buffer, Gpu, Launch, Slice};

use crate::common::{assert_close, gpu, is_llvmpipe};

/// Elements before and after what a kernel is given; 64 keeps the offset aligned.
const GUARD: usize = 64;
/// What outputs and guards are filled with: a NaN that no kernel computes.
pub const SENTINEL: u32 = 0x7fc0_dead;

/// One buffer of a launch, in the order of the kernel's bindings.
pub enum Arg<'a> {
    /// What the kernel reads.
    F32(&'a [f32]),
    /// What the kernel reads as a uniform; it cannot be written, and gets no guard.
    Uniform(&'a [f32]),
    /// What the kernel reads.
    U32(&'a [u32]),
    /// As many sentinels, for the kernel to write over.
    Out(usize),
    /// What the kernel reads before it writes over it.
    InOut(&'a [f32]),
}

impl Arg<'_> {
    fn words(&self) -> Vec<u32> {
        match self {
            Arg::F32(values) | Arg::InOut(values) | Arg::Uniform(values) => {
                bytemuck::cast_slice(values).to_vec()
            }
            Arg::U32(values) => values.to_vec(),
            Arg::Out(len) => vec![SENTINEL; *len],
        }
    }
}

/// The contents of every `read_write` binding after one dispatch, as words.
pub fn launch(launch: &Launch, args: &[Arg<'_>]) -> Vec<Vec<u32>> {
    let gpu = gpu();
    pollster::block_on(async {
        let written = dispatch(&gpu, launch, args, false).await;
        let again = dispatch(&gpu, launch, args, true).await;
        let name = launch.kernel().name;
        assert_eq!(written, again, "{name} with naga's checks and without");
        written
    })
}

async fn dispatch(gpu: &Gpu, launch: &Launch, args: &[Arg<'_>], checked: bool) -> Vec<Vec<u32>> {
    let kernel = launch.kernel();
    assert_eq!(args.len(), kernel.bindings.len(), "one argument per binding");
    let guard = [SENTINEL; GUARD];
    let mut buffers = Vec::new();
    for (arg, binding) in args.iter().zip(kernel.bindings) {
        buffers.push(match arg {
            Arg::Uniform(values) => gpu.uniform_of(binding.name, values).await.unwrap(),
            _ => {
                let words = [&guard[..], &arg.words(), &guard].concat();
                gpu.buffer_of(binding.name, &words).await.unwrap()
            }
        });
    }
    let lens: Vec<usize> = args.iter().map(|arg| arg.words().len()).collect();
    let bound: Vec<Slice<'_>> = args
        .iter()
        .zip(buffers.iter().zip(&lens))
        .map(|(arg, (buffer, &len))| match arg {
            Arg::Uniform(_) => Slice::all(buffer),
            _ => Slice::range(buffer, GUARD, len),
        })
        .collect();
    let dispatch = match checked {
        true => gpu.checked_dispatch(launch, &bound).await.unwrap(),
        false => gpu.dispatch(launch, &bound).await.unwrap(),
    };
    gpu.wait(gpu.submit([&dispatch])).await.unwrap();
    let mut written = Vec::new();
    for ((buffer, &len), binding) in buffers.iter().zip(&lens).zip(kernel.bindings) {
        if binding.access == Access::Uniform {
            continue;
        }
        let words = read(gpu, buffer, len + 2 * GUARD).await;
        let (before, rest) = words.split_at(GUARD);
        let (inside, after) = rest.split_at(len);
        assert!(before == guard && after == guard, "{} wrote beside {}", kernel.name, binding.name);
        if binding.access == Access::ReadWrite {
            written.push(inside.to_vec());
        }
    }
    written
}

async fn read(gpu: &Gpu, buffer: &Buffer, len: usize) -> Vec<u32> {
    gpu.read::<u32>(&[(buffer, 0..len)]).await.unwrap().remove(0)
}

/// Words as the numbers they are.
pub fn floats(words: &[u32]) -> &[f32] {
    bytemuck::cast_slice(words)
}

/// A result with the sentinels of padding left out; fails where padding was written.
#[track_caller]
pub fn unpadded(values: &[f32], cols: usize, stride: usize) -> Vec<f32> {
    for row in values.chunks_exact(stride) {
        let padding = &row[cols..];
        assert!(
            padding.iter().all(|p| p.to_bits() == SENTINEL),
            "padding was written: {padding:?}"
        );
    }
    values.chunks_exact(stride).flat_map(|row| &row[..cols]).copied().collect()
}

/// Holds a result to its twins: to the f64 one within `bounds` everywhere, and, where `exact` says
/// that nothing but + - * / is involved, to the f32 one by bits on llvmpipe.
#[track_caller]
pub fn hold(label: &str, actual: &[f32], exact: Option<&[f32]>, truth: &[f64], bounds: &[f64]) {
    assert_close(label, actual, truth, Bound::Each(bounds));
    if let Some(exact) = exact
        && is_llvmpipe(&gpu())
    {
        assert_close(&format!("{label}, by bits"), actual, exact, Bound::Exact);
    }
}
