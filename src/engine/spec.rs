//! Which engine, and where it runs.

use std::fmt;
use std::sync::Arc;

use super::layered::Kernels;
use super::resident::{self, Capacity, Mapping, Request};
use crate::Error;
use crate::data::Dataset;
use crate::gpu::Gpu;
use crate::network::named;

named! {
    /// Which way to run.
    pub enum EngineKind ("engine") {
        /// On a GPU: many steps, and many networks, in one dispatch.
        Resident = "resident",
        /// On a GPU: each step a list of dispatches, one or more per layer.
        Layered = "layered",
        /// On the CPU, in f32.
        Cpu = "cpu",
    }
}

/// Where and how a training runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EngineSpec {
    /// The cpu engine.
    Cpu,
    /// The layered engine on this GPU, of these kernels.
    Layered(Arc<Gpu>, Kernels),
    /// The resident engine on this GPU, with the mapping of a network where one is asked for.
    Resident(Arc<Gpu>, Option<Mapping>),
}

impl EngineSpec {
    /// The engine that suits so many networks on `gpu`: resident where they and their data fit.
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
    /// Where the adapter does not open any more.
    pub async fn reopened(&self) -> Result<EngineSpec, Error> {
        let open = async |gpu: &Arc<Gpu>| gpu.adapter().open().await.map(Arc::new);
        Ok(match self {
            EngineSpec::Cpu => EngineSpec::Cpu,
            EngineSpec::Layered(gpu, kernels) => EngineSpec::Layered(open(gpu).await?, *kernels),
            EngineSpec::Resident(gpu, mapping) => EngineSpec::Resident(open(gpu).await?, *mapping),
        })
    }

    /// The engine's name.
    pub fn kind(&self) -> EngineKind {
        match self {
            EngineSpec::Cpu => EngineKind::Cpu,
            EngineSpec::Layered(..) => EngineKind::Layered,
            EngineSpec::Resident(..) => EngineKind::Resident,
        }
    }

    /// How networks are mapped there, on the resident engine.
    pub fn mapping(&self, request: Request<'_>) -> Option<Mapping> {
        match self {
            EngineSpec::Resident(gpu, mapping) => resident::mapping(
                Request { mapping: *mapping, ..request },
                Capacity::of(gpu.adapter()),
            ),
            EngineSpec::Cpu | EngineSpec::Layered(..) => None,
        }
    }

    /// The GPU, where it is one.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match self {
            EngineSpec::Cpu => None,
            EngineSpec::Layered(gpu, _) | EngineSpec::Resident(gpu, _) => Some(gpu),
        }
    }
}

/// `resident engine on NAME (vulkan, DRIVER; KIND)`, `cpu engine`.
impl fmt::Display for EngineSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gpu() {
            Some(gpu) => write!(f, "{} engine on {}", self.kind(), gpu.adapter().describe()),
            None => write!(f, "{} engine", self.kind()),
        }
    }
}
