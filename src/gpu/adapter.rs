//! The adapters of this machine, and why a backend has none.

use serde::Serialize;

use super::choice::Environment;
use super::device::Gpu;
use super::error::GpuError;

/// What kind of device an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum DeviceKind {
    /// A GPU with memory of its own.
    #[serde(rename = "discrete-gpu")]
    Discrete,
    /// A GPU that shares memory with the CPU.
    #[serde(rename = "integrated-gpu")]
    Integrated,
    /// A virtual GPU of a hypervisor.
    #[serde(rename = "virtual-gpu")]
    Virtual,
    /// No GPU: the driver computes on the CPU (Mesa llvmpipe, WARP).
    #[serde(rename = "cpu")]
    Software,
    /// Unknown.
    #[serde(rename = "other")]
    Other,
}

impl DeviceKind {
    /// Its name in text reports.
    pub fn describe(self) -> &'static str {
        match self {
            DeviceKind::Discrete => "discrete GPU",
            DeviceKind::Integrated => "integrated GPU",
            DeviceKind::Virtual => "virtual GPU",
            DeviceKind::Software => "software adapter, runs on the CPU",
            DeviceKind::Other => "unknown kind",
        }
    }
}

/// Loop iterations per invocation and dispatch on a software adapter: half of the 65,535 after which
/// Mesa's llvmpipe silently stops every loop.
const SOFTWARE_ITERATIONS: u32 = 32_768;

/// What kernels are chosen by: what is fast on a GPU is slow where a driver computes on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdapterClass {
    /// A GPU.
    Gpu,
    /// A driver that computes on the CPU.
    #[non_exhaustive]
    Software {
        /// Invocations of a subgroup, where kernels may use subgroups.
        subgroup: Option<u32>,
        /// Whether they read matrices as pairs of numbers, 64 bits at a time.
        pairs: bool,
    },
}

/// The limits of an adapter that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one buffer.
    pub max_buffer_bytes: u64,
    /// Bytes of a storage binding.
    pub max_binding_bytes: u64,
    /// Bytes of a uniform binding.
    pub max_uniform_bytes: u64,
    /// Storage buffers of a kernel.
    pub max_storage_buffers: u32,
    /// Bytes of workgroup memory.
    pub max_workgroup_bytes: u32,
    /// Invocations of a workgroup.
    pub max_invocations: u32,
    /// Workgroups in each dimension of a dispatch.
    pub max_workgroups: u32,
}

/// An adapter that can be opened.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AdapterEntry {
    /// Its index in the list.
    pub index: usize,
    /// Its name from the driver.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`, in a browser `webgpu`.
    pub backend: &'static str,
    /// What kind of device it is.
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    /// The driver's name.
    pub driver: String,
    /// The driver's version and details.
    pub driver_info: String,
    /// Its limits.
    pub limits: Limits,
    /// Invocations of a subgroup, where all have the same number and kernels may use them.
    pub subgroup: Option<u32>,
    /// Whether it has integers of 64 bits.
    pub int64: bool,
    /// Whether dispatches can be timed.
    pub timestamps: bool,
    #[serde(skip)]
    pub(super) adapter: wgpu::Adapter,
}

/// A backend without an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkippedBackend {
    /// `vulkan`, `metal` or `dx12`.
    pub backend: &'static str,
    /// Why.
    pub reason: String,
}

/// Every adapter, and every backend without one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Adapters {
    /// In the order of their indices.
    pub entries: Vec<AdapterEntry>,
    /// Why the other backends have none.
    pub skipped: Vec<SkippedBackend>,
}

/// The reason for a backend that the environment excludes.
pub(super) const EXCLUDED: &str = "excluded by WGPU_BACKEND";

/// The supported backends, and the platforms they exist on.
const BACKENDS: [(wgpu::Backends, &str, bool); 3] = [
    (
        wgpu::Backends::VULKAN,
        "vulkan",
        cfg!(not(any(target_vendor = "apple", target_family = "wasm"))),
    ),
    (wgpu::Backends::METAL, "metal", cfg!(target_vendor = "apple")),
    (wgpu::Backends::DX12, "dx12", cfg!(windows)),
];

fn instance(backends: wgpu::Backends) -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    // There are no indirect dispatches here.
    descriptor.flags.remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
    descriptor.backend_options.dx12.shader_compiler = wgpu::Dx12Compiler::Auto;
    wgpu::Instance::new(descriptor)
}

impl Adapters {
    /// The adapters of every backend that `environment` allows.
    pub async fn enumerate(environment: &Environment) -> Adapters {
        let allowed = |name: &str| {
            environment.backends.as_ref().is_none_or(|backends| backends.contains(&name))
        };
        let (mut found, mut skipped) = (Vec::new(), Vec::new());
        if cfg!(target_family = "wasm") {
            let browser = wgpu::Backends::BROWSER_WEBGPU;
            found = instance(browser).enumerate_adapters(browser).await;
        }
        let backends = BACKENDS.iter().filter(|_| !cfg!(target_family = "wasm"));
        for &(backends, backend, is_here) in backends {
            let reason = if !is_here {
                "does not exist on this platform".to_owned()
            } else if !allowed(backend) {
                EXCLUDED.to_owned()
            } else {
                let instance = instance(backends);
                let adapters = instance.enumerate_adapters(backends).await;
                if !adapters.is_empty() {
                    found.extend(adapters);
                    continue;
                }
                let reason = reason_for_none(&instance, backend).await;
                match environment.drivers.filter(|_| backend == "vulkan") {
                    Some(drivers) => format!("{reason}, and {drivers} is set, which hides drivers"),
                    None => reason,
                }
            };
            skipped.push(SkippedBackend { backend, reason });
        }
        Adapters { entries: found.into_iter().enumerate().map(entry).collect(), skipped }
    }
}

/// The reason that wgpu gives for a backend without adapters: its message has a part per backend.
async fn reason_for_none(instance: &wgpu::Instance, backend: &str) -> String {
    let request = instance.request_adapter(&wgpu::RequestAdapterOptions::default());
    let Err(error) = request.await else { return "found no adapters".to_owned() };
    let message = error.to_string();
    let parts = message.split([',', ';']).map(str::trim);
    let own = parts.filter_map(|part| part.strip_prefix(backend)).map(str::trim).next();
    own.map(str::to_owned).unwrap_or(message)
}

/// What is asked of an adapter: of a browser nothing beyond what every one gives.
fn wanted(adapter: &wgpu::Adapter) -> (wgpu::Limits, wgpu::Features) {
    if cfg!(target_family = "wasm") {
        return (wgpu::Limits::default(), wgpu::Features::empty());
    }
    // For `Gpu::start_profile`, and for products on software adapters.
    let features =
        wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SUBGROUP | wgpu::Features::SHADER_INT64;
    (adapter.limits(), adapter.features() & features)
}

fn entry((index, adapter): (usize, wgpu::Adapter)) -> AdapterEntry {
    let info = adapter.get_info();
    let (limits, features) = wanted(&adapter);
    AdapterEntry {
        index,
        name: info.name,
        backend: info.backend.to_str(),
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => DeviceKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => DeviceKind::Integrated,
            wgpu::DeviceType::VirtualGpu => DeviceKind::Virtual,
            wgpu::DeviceType::Cpu => DeviceKind::Software,
            wgpu::DeviceType::Other => DeviceKind::Other,
        },
        driver: info.driver,
        driver_info: info.driver_info,
        limits: Limits {
            max_buffer_bytes: limits.max_buffer_size,
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_uniform_bytes: limits.max_uniform_buffer_binding_size,
            max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
            max_workgroup_bytes: limits.max_compute_workgroup_storage_size,
            max_invocations: limits.max_compute_invocations_per_workgroup,
            max_workgroups: limits.max_compute_workgroups_per_dimension,
        },
        subgroup: (info.subgroup_min_size == info.subgroup_max_size
            && features.contains(wgpu::Features::SUBGROUP))
        .then_some(info.subgroup_min_size),
        int64: features.contains(wgpu::Features::SHADER_INT64),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        adapter,
    }
}

impl AdapterEntry {
    /// What a device of it is opened with.
    pub(super) fn wanted(&self) -> (wgpu::Limits, wgpu::Features) {
        let (limits, mut features) = wanted(&self.adapter);
        features.set(wgpu::Features::TIMESTAMP_QUERY, self.timestamps);
        // A device is asked for nothing that it has no use for.
        features.set(wgpu::Features::SHADER_INT64, self.reads_pairs());
        (limits, features)
    }

    /// Opens the adapter.
    ///
    /// # Errors
    /// [`GpuError::Open`] with the driver's message.
    pub async fn open(&self) -> Result<Gpu, GpuError> {
        Gpu::open(self).await
    }

    /// What kernels are chosen by.
    pub fn class(&self) -> AdapterClass {
        match self.kind {
            DeviceKind::Software => AdapterClass::Software {
                // More would not fit the registers of any CPU.
                subgroup: self.subgroup.filter(|lanes| [4, 8, 16].contains(lanes)),
                pairs: self.reads_pairs(),
            },
            _ => AdapterClass::Gpu,
        }
    }

    /// Whether products read matrices as pairs of numbers. Compiled by LLVM 15 for AVX2, that is with 8 lanes, llvmpipe
    /// puts each value that it reads into its lane through memory, and the load behind that store waits: as long for 64
    /// bits as for 32, so that pairs take half. No other driver was measured, and AVX-512 has an instruction for it.
    fn reads_pairs(&self) -> bool {
        self.is_llvmpipe() && self.int64 && self.subgroup == Some(8)
    }

    /// The largest number of loop iterations per invocation and dispatch.
    pub fn max_iterations(&self) -> u32 {
        if self.is_software() { SOFTWARE_ITERATIONS } else { u32::MAX }
    }

    /// Whether its driver computes on the CPU.
    pub fn is_software(&self) -> bool {
        self.kind == DeviceKind::Software
    }

    /// Whether it is Mesa's llvmpipe, where + - * / round correctly and nothing is fused: an f32 twin with the
    /// same order of operations gives the same bits there.
    pub fn is_llvmpipe(&self) -> bool {
        self.name.contains("llvmpipe")
    }

    /// Name, backend, driver and kind in one line: the first line of every report.
    pub fn describe(&self) -> String {
        let driver = format!("{} {}", self.driver, self.driver_info);
        format!("{} ({}, {}; {})", self.name, self.backend, driver.trim(), self.kind.describe())
    }
}
