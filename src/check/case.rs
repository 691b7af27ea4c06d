//! One launch of a kernel over given numbers, with guard words around every buffer, and what must come of it.

use super::findings::{Fault, Findings};
use super::numbers::columns;
use crate::gpu::{Access, AdapterClass, Dispatch, Gpu, GpuError, Launch, Loops, Slice};
use crate::kernels::{CANARY_ITERATIONS, count_iterations};

/// Elements before and after what a kernel is given; 64 keeps the offset aligned.
const GUARD: usize = 64;
/// What outputs and guards are filled with: a NaN that no kernel computes.
pub const SENTINEL: u32 = 0x7fc0_dead;

/// What there is to check on an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Which variants of the products it takes.
    pub class: AdapterClass,
    /// Whether f32 twins are held to by bits where nothing but + - * / is involved: on llvmpipe alone.
    pub is_llvmpipe: bool,
    /// Loop iterations that an invocation was seen to make in one dispatch.
    pub iterations: u32,
    /// Fewer shapes, and each kernel only as trainings run it.
    pub is_quick: bool,
    /// Seed of what is drawn.
    pub seed: u64,
}

impl Scope {
    /// That of an open device.
    ///
    /// # Errors
    /// [`GpuError`] if it fails to count to [`CANARY_ITERATIONS`].
    pub async fn of(gpu: &Gpu, is_quick: bool) -> Result<Scope, GpuError> {
        let made = count_iterations(gpu, CANARY_ITERATIONS).await?;
        Ok(Scope {
            class: gpu.adapter().class(),
            is_llvmpipe: gpu.adapter().is_llvmpipe(),
            iterations: if made < CANARY_ITERATIONS { made } else { u32::MAX },
            is_quick,
            seed: 0,
        })
    }

    /// All of a list, or where it is quick only the first `few`.
    pub fn some<'a, T>(&self, all: &'a [T], few: usize) -> &'a [T] {
        if self.is_quick { &all[..few.min(all.len())] } else { all }
    }
}

/// One buffer of a launch, in the order of the kernel's bindings.
#[derive(Debug, Clone)]
pub enum Arg {
    /// What the kernel reads, and may write over.
    Storage(Vec<u32>),
    /// What the kernel reads as a uniform; it cannot be written, and gets no guard.
    Uniform(Vec<u32>),
    /// As many sentinels, for the kernel to write over.
    Out(usize),
}

impl Arg {
    /// Numbers of 4 bytes each, in a storage buffer.
    pub fn of<T: bytemuck::Pod>(values: &[T]) -> Arg {
        Arg::Storage(bytemuck::cast_slice(values).to_vec())
    }

    /// The same in a uniform.
    pub fn uniform<T: bytemuck::Pod>(values: &[T]) -> Arg {
        Arg::Uniform(bytemuck::cast_slice(values).to_vec())
    }

    fn words(&self) -> Vec<u32> {
        match self {
            Arg::Storage(words) | Arg::Uniform(words) => words.clone(),
            Arg::Out(len) => vec![SENTINEL; *len],
        }
    }
}

/// How a kernel is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builds {
    /// As trainings run it.
    Trusted,
    /// With all of naga's run-time checks.
    Checked,
    /// Both, which must give the same bits.
    Both,
}

/// Judges what a launch wrote: the words of every `read_write` binding.
pub type Judge = Box<dyn Fn(&[Vec<u32>], &mut Findings) + Send + Sync>;

/// One launch over given numbers, and what must come of it.
pub struct Case {
    /// Shape, variant, settings: what makes it different from the other cases of its kernel.
    pub label: String,
    /// The kernel, as the engines launch it.
    pub launch: Launch,
    /// One for each of its bindings.
    pub args: Vec<Arg>,
    /// How the kernel is built, where there is time for all.
    pub builds: Builds,
    /// What is compared.
    pub judge: Judge,
}

impl Case {
    /// A case.
    pub fn new(
        label: impl Into<String>,
        launch: Launch,
        args: impl Into<Vec<Arg>>,
        judge: impl Fn(&[Vec<u32>], &mut Findings) + Send + Sync + 'static,
    ) -> Case {
        let (label, args, judge) = (label.into(), args.into(), Box::new(judge));
        Case { label, launch, args, builds: Builds::Both, judge }
    }

    /// The same, built only as trainings run it: for one of many settings of a kernel that other cases build both
    /// ways.
    pub fn trusted(self) -> Case {
        Case { builds: Builds::Trusted, ..self }
    }

    /// Runs it and notes what is found. What is beyond the adapter's limits is left out, and that is noted too.
    pub async fn check(&self, gpu: &Gpu, scope: &Scope, findings: &mut Findings) {
        let needed = self.launch.iterations();
        if needed > scope.iterations as usize {
            let reason = format!(
                "loops of more than {} iterations, after which this adapter stops them",
                scope.iterations
            );
            return findings.leave_out(reason, 1);
        }
        let builds = if scope.is_quick { Builds::Trusted } else { self.builds };
        match written(gpu, &self.launch, &self.args, builds).await {
            Ok(written) => {
                findings.begin(&self.label);
                (self.judge)(&written, findings);
            }
            Err(Fault::Gpu(error @ (GpuError::Limit { .. } | GpuError::OutOfMemory(_)))) => {
                findings.leave_out(error.to_string(), 1);
            }
            Err(fault) => {
                findings.begin(&self.label);
                findings.fail(fault);
            }
        }
    }
}

/// What every `read_write` binding holds after one dispatch.
///
/// # Errors
/// [`Fault`] where the kernel wrote beside a buffer or into one that it may only read, where the two ways to
/// build it give different bits, and where the device fails.
pub async fn written(
    gpu: &Gpu,
    launch: &Launch,
    args: &[Arg],
    builds: Builds,
) -> Result<Vec<Vec<u32>>, Fault> {
    let is_one = builds != Builds::Both || launch.kernel().loops == Loops::Bounded;
    if is_one {
        return one(gpu, launch, args, builds == Builds::Checked).await;
    }
    let written = one(gpu, launch, args, false).await?;
    let again = one(gpu, launch, args, true).await?;
    for (binding, (trusted, checked)) in written.iter().zip(&again).enumerate() {
        if let Some(at) = (0..trusted.len()).find(|&at| trusted[at] != checked[at]) {
            return Err(Fault::Other(format!(
                "output {binding}, [{at}]: {:#010x} without naga's run-time checks, {:#010x} with them",
                trusted[at], checked[at]
            )));
        }
    }
    Ok(written)
}

async fn one(
    gpu: &Gpu,
    launch: &Launch,
    args: &[Arg],
    is_checked: bool,
) -> Result<Vec<Vec<u32>>, Fault> {
    let kernel = launch.kernel();
    if args.len() != kernel.bindings.len() {
        let (args, bindings) = (args.len(), kernel.bindings.len());
        return Err(Fault::Other(format!("{args} arguments for {bindings} bindings")));
    }
    let guard = [SENTINEL; GUARD];
    let given: Vec<Vec<u32>> = args.iter().map(Arg::words).collect();
    let mut buffers = Vec::new();
    for ((arg, words), binding) in args.iter().zip(&given).zip(kernel.bindings) {
        buffers.push(match arg {
            Arg::Uniform(_) => gpu.uniform_of(binding.name, words).await?,
            _ => gpu.buffer_of(binding.name, &[&guard[..], words, &guard].concat()).await?,
        });
    }
    let bound =
        args.iter().zip(buffers.iter().zip(&given)).map(|(arg, (buffer, words))| match arg {
            Arg::Uniform(_) => Slice::all(buffer),
            _ => Slice::range(buffer, GUARD, words.len()),
        });
    let bound: Vec<Slice<'_>> = bound.collect();
    let dispatch: Dispatch = match is_checked {
        true => gpu.checked_dispatch(launch, &bound).await?,
        false => gpu.dispatch(launch, &bound).await?,
    };
    let stored: Vec<usize> =
        (0..args.len()).filter(|&at| kernel.bindings[at].access != Access::Uniform).collect();
    let ranges: Vec<_> =
        stored.iter().map(|&at| (&buffers[at], 0..given[at].len() + 2 * GUARD)).collect();
    let seen = gpu.run_and_read::<u32>([&dispatch], &ranges).await?;
    let mut written = Vec::new();
    for (words, &at) in seen.iter().zip(&stored) {
        let binding = &kernel.bindings[at];
        let inside = &words[GUARD..words.len() - GUARD];
        if let Some((index, word)) = written_beside(words) {
            return Err(Fault::Other(format!(
                "{} has {} elements, and {word:#010x} was written at [{index}]",
                binding.name,
                inside.len()
            )));
        }
        if binding.access == Access::ReadWrite {
            written.push(inside.to_vec());
        }
    }
    Ok(written)
}

/// The first guard word that is not what it was, and where it stands, counted from what lies between.
fn written_beside(words: &[u32]) -> Option<(i64, u32)> {
    let is_guard = |at: usize| at < GUARD || at >= words.len() - GUARD;
    let at = (0..words.len()).find(|&at| is_guard(at) && words[at] != SENTINEL)?;
    Some((at as i64 - GUARD as i64, words[at]))
}

/// The columns of a matrix that a kernel wrote; fails where its padding is not what it was.
pub fn unpadded(words: &[u32], cols: usize, stride: usize, findings: &mut Findings) -> Vec<f32> {
    let is_padding = |(at, word): &(usize, &u32)| at % stride >= cols && **word != SENTINEL;
    if let Some((at, word)) = words.iter().enumerate().find(is_padding) {
        findings.fail(Fault::Other(format!("padding was written: {word:#010x} at [{at}]")));
    }
    columns(super::numbers::floats(words), cols, stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_beside_a_buffer_is_found() {
        let guarded = |inside: &[u32]| [&[SENTINEL; GUARD], inside, &[SENTINEL; GUARD]].concat();
        let mut words = guarded(&[1, 2, SENTINEL]);
        assert_eq!(written_beside(&words), None);
        words[GUARD + 3] = 7;
        assert_eq!(written_beside(&words), Some((3, 7)));
        words[GUARD - 1] = 0;
        assert_eq!(written_beside(&words), Some((-1, 0)));
    }
}
