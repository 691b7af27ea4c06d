//! Where a page trains: on the browser's WebGPU, or on the CPU.

use std::sync::Arc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use wgrad::gpu::{Adapters, Environment, Gpu};

use crate::value::fail;

/// An open device, or the CPU.
#[wasm_bindgen]
#[derive(Debug, Clone)]
pub struct Device {
    /// It chooses engines as the library does.
    #[wasm_bindgen(skip)]
    pub own: wgrad::Device,
}

#[wasm_bindgen]
impl Device {
    /// The browser's adapter, which `name` is a name for where the browser gives none; nothing where there is none.
    ///
    /// # Errors
    /// Where there is one that does not open.
    pub async fn webgpu(name: String) -> Result<Option<Device>, JsValue> {
        let adapters = Adapters::enumerate(&Environment::default()).await;
        let Some(mut adapter) = adapters.entries.into_iter().next() else { return Ok(None) };
        if adapter.name.is_empty() {
            adapter.name = name;
        }
        let gpu = adapter.open().await.map_err(fail)?;
        Ok(Some(Device { own: Arc::new(gpu).into() }))
    }

    /// The CPU.
    pub fn cpu() -> Device {
        Device { own: wgrad::Device::cpu() }
    }

    /// `webgpu` or `cpu`.
    #[wasm_bindgen(getter)]
    pub fn engine(&self) -> String {
        if self.gpu().is_some() { "webgpu" } else { "cpu" }.to_owned()
    }

    /// What it is called.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.gpu().map_or_else(|| "CPU".to_owned(), |gpu| gpu.adapter().name.clone())
    }

    /// A promise of why the device was lost.
    pub fn lost(&self) -> js_sys::Promise {
        let lost = self.gpu().map(|gpu| gpu.lost());
        future_to_promise(async {
            match lost {
                Some(lost) => Ok(lost.await.to_string().into()),
                None => std::future::pending().await,
            }
        })
    }

    /// Loses the device on purpose.
    pub fn lose(&self) {
        if let Some(gpu) = self.gpu() {
            gpu.destroy();
        }
    }
}

impl Device {
    /// The GPU, if it is one.
    pub(crate) fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.own.gpu()
    }
}
