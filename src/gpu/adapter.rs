//! Which adapters there are, and why a backend has none.

use serde::Serialize;

use super::choice::Environment;
use super::device::Gpu;
use super::error::GpuError;

/// What kind of device an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DeviceKind {
    /// A GPU with memory of its own.
    #[serde(rename = "discrete-gpu")]
    Discrete,
    /// A GPU that shares the CPU's memory.
    #[serde(rename = "integrated-gpu")]
    Integrated,
    /// A GPU seen through a hypervisor.
    #[serde(rename = "virtual-gpu")]
    Virtual,
    /// No GPU at all: the driver computes on the CPU (Mesa llvmpipe, WARP).
    #[serde(rename = "cpu")]
    Software,
    /// Unknown.
    #[serde(rename = "other")]
    Other,
}

impl DeviceKind {
    /// As printed to a person.
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

/// The limits of an adapter that bound a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Bytes of one buffer.
    pub max_buffer_bytes: u64,
    /// Bytes of a buffer that one kernel can see at once.
    pub max_binding_bytes: u64,
    /// Bytes of a uniform buffer that one kernel can see at once.
    pub max_uniform_bytes: u64,
    /// Storage buffers that one kernel can see.
    pub max_storage_buffers: u32,
    /// Bytes that the invocations of a workgroup share.
    pub max_workgroup_bytes: u32,
    /// Invocations of a workgroup.
    pub max_invocations: u32,
    /// Workgroups in each dimension of a dispatch.
    pub max_workgroups: u32,
}

/// One adapter that could be opened.
#[derive(Debug, Clone, Serialize)]
pub struct AdapterEntry {
    /// Its place in the list.
    pub index: usize,
    /// What its driver calls it.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: &'static str,
    /// What kind of device it is.
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    /// The driver's name.
    pub driver: String,
    /// The driver's version and what else it says of itself.
    pub driver_info: String,
    /// Its limits.
    pub limits: Limits,
    #[serde(skip)]
    pub(super) adapter: wgpu::Adapter,
}

/// A backend that offers no adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedBackend {
    /// `vulkan`, `metal` or `dx12`.
    pub backend: &'static str,
    /// Why.
    pub reason: String,
}

/// Every adapter, and every backend without one.
#[derive(Debug, Clone)]
pub struct Adapters {
    /// In the order of their indices.
    pub entries: Vec<AdapterEntry>,
    /// Why the other backends offer nothing.
    pub skipped: Vec<SkippedBackend>,
}

/// Why a backend is skipped that the environment left out.
pub(super) const LEFT_OUT: &str = "left out by WGPU_BACKEND";

/// The backends that are ever used, and where they exist.
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
    // Nothing here dispatches indirectly.
    descriptor.flags.remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
    descriptor.backend_options.dx12.shader_compiler = wgpu::Dx12Compiler::Auto;
    wgpu::Instance::new(descriptor)
}

impl Adapters {
    /// Asks every backend that `environment` allows.
    pub async fn enumerate(environment: &Environment) -> Adapters {
        let allowed = |name: &&str| {
            environment.backends.as_ref().is_none_or(|backends| backends.contains(name))
        };
        if cfg!(target_family = "wasm") {
            let adapters = instance(wgpu::Backends::BROWSER_WEBGPU)
                .enumerate_adapters(wgpu::Backends::BROWSER_WEBGPU)
                .await;
            return Adapters {
                entries: adapters.into_iter().enumerate().map(entry).collect(),
                skipped: Vec::new(),
            };
        }
        let (mut found, mut skipped) = (Vec::new(), Vec::new());
        for (backend, name, here) in BACKENDS {
            let reason = if !here {
                "does not exist on this platform".to_owned()
            } else if !allowed(&name) {
                LEFT_OUT.to_owned()
            } else {
                let instance = instance(backend);
                let adapters = instance.enumerate_adapters(backend).await;
                if !adapters.is_empty() {
                    found.extend(adapters);
                    continue;
                }
                reason_for_none(&instance, name).await
            };
            skipped.push(SkippedBackend { backend: name, reason });
        }
        Adapters { entries: found.into_iter().enumerate().map(entry).collect(), skipped }
    }
}

/// What wgpu says of a backend without adapters: its message has a part per backend.
async fn reason_for_none(instance: &wgpu::Instance, backend: &str) -> String {
    let request = instance.request_adapter(&wgpu::RequestAdapterOptions::default());
    let Err(error) = request.await else { return "found no adapters".to_owned() };
    let message = error.to_string();
    let parts = message.split([',', ';']).map(str::trim);
    let own = parts.filter_map(|part| part.strip_prefix(backend)).map(str::trim).next();
    own.map(str::to_owned).unwrap_or(message)
}

fn entry((index, adapter): (usize, wgpu::Adapter)) -> AdapterEntry {
    let info = adapter.get_info();
    let limits = adapter.limits();
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
        adapter,
    }
}

impl AdapterEntry {
    /// Opens the adapter.
    ///
    /// # Errors
    /// [`GpuError::Open`] with what the driver said.
    pub async fn open(&self) -> Result<Gpu, GpuError> {
        Gpu::open(self).await
    }

    /// Whether its driver computes on the CPU.
    pub fn is_software(&self) -> bool {
        self.kind == DeviceKind::Software
    }

    /// Name, backend, driver and kind in one line, as every report starts with.
    pub fn describe(&self) -> String {
        let driver = format!("{} {}", self.driver, self.driver_info);
        format!("{} ({}, {}; {})", self.name, self.backend, driver.trim(), self.kind.describe())
    }
}
