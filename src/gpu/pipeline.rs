//! Pipelines and dispatches. The one place that builds pipelines: it compares a kernel with the limits
//! of the device, because wgpu does not do it for every limit (gfx-rs/wgpu issues 8946 and 7429).

use std::ops::Range;
use std::sync::atomic::Ordering;

use web_time::Instant;

use super::device::{Buffer, Gpu, fault};
use super::error::GpuError;
use super::kernel::{Access, Binding, KernelRow, Launch, Loops, Source};

/// What a pipeline is built from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PipelineKey {
    name: &'static str,
    source: Source,
    bindings: &'static [Binding],
    lines: String,
    /// Names and the bits of their values.
    constants: Vec<(&'static str, u64)>,
    checked: bool,
}

impl PipelineKey {
    fn new(launch: &Launch, checked: bool) -> PipelineKey {
        let KernelRow { name, source, bindings, .. } = launch.kernel;
        let constants = launch.constants.iter().map(|(name, value)| (*name, value.to_bits()));
        let (lines, constants) = (launch.lines.clone(), constants.collect());
        PipelineKey { name, source, bindings, lines, constants, checked }
    }
}

/// A compiled kernel, ready to be bound.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    raw: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// A range of elements of a buffer, to be bound.
#[derive(Debug, Clone)]
pub struct Slice<'a> {
    buffer: &'a Buffer,
    offset: usize,
    len: usize,
}

impl<'a> Slice<'a> {
    /// All of `buffer`.
    pub fn all(buffer: &'a Buffer) -> Slice<'a> {
        Slice { buffer, offset: 0, len: (buffer.bytes() / 4) as usize }
    }

    /// `len` elements of `buffer` from `offset` on, a multiple of 64.
    pub fn range(buffer: &'a Buffer, offset: usize, len: usize) -> Slice<'a> {
        Slice { buffer, offset, len }
    }
}

/// What a dispatch may write: a range of elements of a buffer.
#[derive(Debug, Clone)]
pub struct Output {
    /// The buffer.
    pub buffer: Buffer,
    /// Its elements that are bound.
    pub range: Range<usize>,
}

/// A pipeline with its buffers and its grid: it can be recorded any number of times.
#[derive(Debug, Clone)]
pub struct Dispatch {
    name: &'static str,
    /// What it may write, in the order of its bindings.
    outputs: Vec<Output>,
    params: Buffer,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    grid: [u32; 2],
}

impl Dispatch {
    /// The kernel's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it may write, in the order of its bindings.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Sets the params of the next submissions to those of a launch of the same kernel.
    ///
    /// # Errors
    /// [`GpuError::Validation`] if it launches another kernel.
    pub fn set_params(&self, gpu: &Gpu, launch: &Launch) -> Result<(), GpuError> {
        if launch.kernel.name != self.name {
            return Err(GpuError::Validation {
                what: self.name.to_owned(),
                message: format!("it cannot take the params of {}", launch.kernel.name),
            });
        }
        gpu.write(&self.params, 0, &launch.params);
        Ok(())
    }

    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.dispatch_workgroups(self.grid[0], self.grid[1], 1);
    }
}

/// What to do about a network, a batch or a data set that is too large.
const SMALLER: &str = "use smaller `sizes`, a smaller `batch` or fewer rows, or `EngineSpec::Cpu`";

/// The workgroups for `invocations`, as x and y of at most `most` each; x is `most` if y is above 1.
fn grid(invocations: usize, lanes: u32, most: u32) -> Option<[u32; 2]> {
    let groups = u32::try_from(invocations.div_ceil(lanes as usize)).ok()?;
    let x = groups.clamp(1, most);
    let y = groups.div_ceil(x).max(1);
    (y <= most).then_some([x, y])
}

impl Gpu {
    async fn pipeline(&self, launch: &Launch, checked: bool) -> Result<Pipeline, GpuError> {
        let key = PipelineKey::new(launch, checked);
        if let Some(made) = self.cache().get(&key) {
            return Ok(made.clone());
        }
        let Launch { kernel, lines, constants, .. } = launch;
        self.check_limits(kernel)?;
        let started = Instant::now();
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(kernel.name),
            source: wgpu::ShaderSource::Wgsl(format!("{}\n{lines}", kernel.source).into()),
        };
        let module = if checked {
            self.device.create_shader_module(descriptor)
        } else {
            let mut checks = wgpu::ShaderRuntimeChecks::checked();
            checks.force_loop_bounding = false;
            // SAFETY: only the bounding of loops is switched off, and only for kernels of this crate
            // (no other crate can make one that is not `Loops::Bounded`) whose every loop counts up to
            // a bound that it does not change, so that none is endless.
            #[allow(unsafe_code)]
            unsafe {
                self.device.create_shader_module_trusted(descriptor, checks)
            }
        };
        let params = std::iter::once(wgpu::BufferBindingType::Uniform);
        let rest = kernel.bindings.iter().map(|binding| match binding.access {
            Access::Uniform => wgpu::BufferBindingType::Uniform,
            Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
            Access::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
        });
        let entries: Vec<_> = (0..)
            .zip(params.chain(rest))
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout = self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(kernel.name),
            entries: &entries,
        });
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel.name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let raw = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(kernel.name),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        if let Some(error) = scope.pop().await {
            return Err(fault(kernel.name, error));
        }
        self.faults.check()?;
        self.pipelines_us.fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
        let made = Pipeline { raw, layout };
        self.cache().insert(key, made.clone());
        Ok(made)
    }

    fn check_limits(&self, kernel: &KernelRow) -> Result<(), GpuError> {
        let limits = &self.adapter().limits;
        let is_storage = |binding: &&Binding| binding.access != Access::Uniform;
        let storage_buffers = kernel.bindings.iter().filter(is_storage).count();
        for (wanted, unit, limit, allowed) in [
            (kernel.lanes, "invocations", "workgroup size", limits.max_invocations),
            (kernel.workgroup_bytes, "bytes", "workgroup memory", limits.max_workgroup_bytes),
            (
                storage_buffers as u32,
                "bindings",
                "number of storage buffers",
                limits.max_storage_buffers,
            ),
        ] {
            if wanted > allowed {
                return Err(GpuError::Limit {
                    what: format!("kernel {}", kernel.name),
                    wanted: wanted.into(),
                    unit,
                    limit,
                    allowed: allowed.into(),
                    fix: "choose another adapter with `device`, or use `EngineSpec::Cpu`",
                });
            }
        }
        Ok(())
    }

    /// Whether one storage binding can hold `len` elements.
    ///
    /// # Errors
    /// [`GpuError::Limit`] with `what`.
    pub fn check_binding(&self, what: &str, len: usize) -> Result<(), GpuError> {
        self.check_bound(what, len, Access::Read)
    }

    fn check_bound(&self, what: &str, len: usize, access: Access) -> Result<(), GpuError> {
        let limits = &self.adapter().limits;
        let (limit, allowed) = match access {
            Access::Uniform => ("largest uniform binding", limits.max_uniform_bytes),
            Access::Read | Access::ReadWrite => ("largest binding", limits.max_binding_bytes),
        };
        let wanted = len as u64 * 4;
        if wanted <= allowed {
            return Ok(());
        }
        let what = what.to_owned();
        Err(GpuError::Limit { what, wanted, unit: "bytes", limit, allowed, fix: SMALLER })
    }

    /// Whether an invocation can make `iterations` loop iterations in a dispatch.
    ///
    /// # Errors
    /// [`GpuError::Limit`] with `what`.
    pub fn check_iterations(&self, what: &str, iterations: usize) -> Result<(), GpuError> {
        let (wanted, allowed) = (iterations as u64, u64::from(self.max_iterations()));
        if wanted <= allowed {
            return Ok(());
        }
        let (what, limit) = (what.to_owned(), "largest number of loop iterations per dispatch");
        Err(GpuError::Limit { what, wanted, unit: "loop iterations", limit, allowed, fix: SMALLER })
    }

    /// Binds `buffers` to a launch. Its pipeline is built once and kept.
    ///
    /// # Errors
    /// [`GpuError::Limit`] if the kernel, a binding, the grid or the loop iterations are beyond the
    /// device's limits, [`GpuError::Validation`] if the kernel does not compile.
    pub async fn dispatch(
        &self,
        launch: &Launch,
        buffers: &[Slice<'_>],
    ) -> Result<Dispatch, GpuError> {
        self.bind(launch, buffers, launch.kernel.loops == Loops::Bounded).await
    }

    /// The same with all of naga's run-time checks, for tests to compare with.
    ///
    /// # Errors
    /// As [`Gpu::dispatch`].
    pub async fn checked_dispatch(
        &self,
        launch: &Launch,
        buffers: &[Slice<'_>],
    ) -> Result<Dispatch, GpuError> {
        self.bind(launch, buffers, true).await
    }

    async fn bind(
        &self,
        launch: &Launch,
        buffers: &[Slice<'_>],
        checked: bool,
    ) -> Result<Dispatch, GpuError> {
        let pipeline = self.pipeline(launch, checked).await?;
        let Launch { kernel, params, invocations, iterations, .. } = launch;
        let limits = &self.adapter().limits;
        for (bound, binding) in buffers.iter().zip(kernel.bindings) {
            let what = format!("{} of {}", binding.name, kernel.name);
            self.check_bound(&what, bound.len, binding.access)?;
        }
        self.check_iterations(kernel.name, *iterations)?;
        let Some(grid) = grid(*invocations, kernel.lanes, limits.max_workgroups) else {
            return Err(GpuError::Limit {
                what: format!("the grid of {}", kernel.name),
                wanted: invocations.div_ceil(kernel.lanes as usize) as u64,
                unit: "workgroups",
                limit: "largest number of workgroups",
                allowed: u64::from(limits.max_workgroups).pow(2),
                fix: SMALLER,
            });
        };
        let uniform = self.uniform_of(kernel.name, params).await?;
        let storage = buffers.iter().map(|bound| wgpu::BufferBinding {
            buffer: &bound.buffer.raw,
            offset: bound.offset as u64 * 4,
            size: wgpu::BufferSize::new(bound.len as u64 * 4),
        });
        let entries: Vec<_> = (0..)
            .zip(std::iter::once(uniform.raw.as_entire_buffer_binding()).chain(storage))
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(buffer),
            })
            .collect();
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.name),
            layout: &pipeline.layout,
            entries: &entries,
        });
        if let Some(error) = scope.pop().await {
            return Err(fault(kernel.name, error));
        }
        let written = buffers.iter().zip(kernel.bindings);
        let written = written.filter(|(_, binding)| binding.access == Access::ReadWrite);
        let outputs = written.map(|(bound, _)| Output {
            buffer: bound.buffer.clone(),
            range: bound.offset..bound.offset + bound.len,
        });
        let (outputs, pipeline) = (outputs.collect(), pipeline.raw);
        Ok(Dispatch { name: kernel.name, outputs, params: uniform, pipeline, group, grid })
    }
}

#[cfg(test)]
mod tests {
    use super::grid;

    #[test]
    fn grids_cover_all_invocations_and_fold_at_the_limit() {
        const MOST: u32 = 65_535;
        assert_eq!(grid(0, 64, MOST), Some([1, 1]));
        assert_eq!(grid(1, 64, MOST), Some([1, 1]));
        assert_eq!(grid(65, 64, MOST), Some([2, 1]));
        assert_eq!(grid(64 * 65_535, 64, MOST), Some([65_535, 1]));
        assert_eq!(grid(64 * 65_535 + 1, 64, MOST), Some([65_535, 2]));
        assert_eq!(grid(4_300_000_000, 64, MOST), Some([65_535, 1026]));
        assert_eq!(grid(64 * 5 * 5 + 1, 64, 5), None);
        for invocations in [1, 63, 64, 10_000_000, 100_000_000] {
            let [x, y] = grid(invocations, 64, MOST).unwrap();
            assert!(u64::from(x) * u64::from(y) * 64 >= invocations as u64);
        }
    }
}
