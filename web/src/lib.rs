//! The playground's module: wgrad behind functions that a page calls. `web/page/wgrad.js` is what pages use of it.
//!
//! Settings come as a flat object of texts by the names of `wgrad --config`; plain objects come as JSON, and large lists
//! of numbers as typed arrays. Nothing here blocks: whatever may take time is a promise.

#[cfg(feature = "reference")]
mod check;
mod device;
#[cfg(feature = "reference")]
mod explain;
mod kept;
#[cfg(feature = "playground")]
mod odds;
#[cfg(feature = "playground")]
mod run;
#[cfg(feature = "playground")]
mod settings;
mod value;

use wasm_bindgen::prelude::*;

/// The library's version.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
