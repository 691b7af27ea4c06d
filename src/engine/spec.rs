//! Which engine, and where it runs.

use std::fmt;
use std::sync::Arc;

use super::kinds::{EngineKind, Kernels, Mapping};
use super::resident::{self, Capacity, Request};
use crate::Error;
use crate::data::Dataset;
use crate::gpu::Gpu;

/// Where and how a training runs. Printed: `cpu engine`, `resident engine on NAME (vulkan, DRIVER; KIND)`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EngineSpec {
    /// On the CPU, on up to four cores for wide layers.
    Cpu,
    /// The layered engine on this GPU, of these kernels.
    Layered(Arc<Gpu>, Kernels),
    /// The resident engine on this GPU, with the mapping of a network where one is asked for.
    Resident(Arc<Gpu>, Option<Mapping>),
}

impl EngineSpec {
    /// The engine that suits so many networks on `gpu`: resident where they and their data fit.
    #[doc(hidden)]
    pub fn on(gpu: Arc<Gpu>, request: Request<'_>, data: &Dataset) -> EngineSpec {
        if resident::suits(request, Capacity::of(gpu.adapter()))
            && resident::check_data(data, &gpu).is_ok()
        {
            EngineSpec::Resident(gpu, None)
        } else {
            EngineSpec::Layered(gpu, Kernels::Fused)
        }
    }

    /// The same engine on the same adapter, opened anew: for when its device is lost.
    ///
    /// # Errors
    /// [`Error::Gpu`] where the adapter does not open any more.
    pub async fn reopened(&self) -> Result<EngineSpec, Error> {
        let open = async |gpu: &Arc<Gpu>| gpu.adapter().open().await.map(Arc::new);
        Ok(match self {
            EngineSpec::Cpu => EngineSpec::Cpu,
            EngineSpec::Layered(gpu, kernels) => EngineSpec::Layered(open(gpu).await?, *kernels),
            EngineSpec::Resident(gpu, mapping) => EngineSpec::Resident(open(gpu).await?, *mapping),
        })
    }

    /// Which engine that is.
    pub fn kind(&self) -> EngineKind {
        match self {
            EngineSpec::Cpu => EngineKind::Cpu,
            EngineSpec::Layered(..) => EngineKind::Layered,
            EngineSpec::Resident(..) => EngineKind::Resident,
        }
    }

    /// How networks are mapped there, on the resident engine.
    #[doc(hidden)]
    pub fn mapping(&self, request: Request<'_>) -> Option<Mapping> {
        match self {
            EngineSpec::Resident(gpu, mapping) => resident::mapping(
                Request { mapping: *mapping, ..request },
                Capacity::of(gpu.adapter()),
            ),
            EngineSpec::Cpu | EngineSpec::Layered(..) => None,
        }
    }

    /// The open adapter; `None` on the CPU.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match self {
            EngineSpec::Cpu => None,
            EngineSpec::Layered(gpu, _) | EngineSpec::Resident(gpu, _) => Some(gpu),
        }
    }
}

impl fmt::Display for EngineSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gpu() {
            Some(gpu) => write!(f, "{} engine on {}", self.kind(), gpu.adapter().describe()),
            None => write!(f, "{} engine", self.kind()),
        }
    }
}
