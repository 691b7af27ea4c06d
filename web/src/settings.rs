//! The settings that a page offers.

use serde_json::json;
use wasm_bindgen::prelude::*;
use wgrad::settings::{self, Prepared};

use crate::value::{fail, object, texts};

/// The settings that a page offers.
#[wasm_bindgen]
pub fn schema() -> JsValue {
    object(&json!(settings::offered()))
}

/// What these settings come to over the rows of a table, or of the data they name.
///
/// # Errors
/// The library's own, with the setting at fault.
#[wasm_bindgen]
pub fn resolve(given: &JsValue, table: Option<String>) -> Result<JsValue, JsValue> {
    let prepared = settings::prepare(&texts(given)?, table.as_deref()).map_err(fail)?;
    let Prepared { resolved, command, .. } = prepared;
    Ok(object(&json!({"resolved": resolved, "command": command})))
}

/// The settings as a file for `wgrad --config`, over the rows of a file where they are those of one.
///
/// # Errors
/// The library's own, with the setting at fault.
#[wasm_bindgen]
pub fn to_toml(given: &JsValue, file: Option<String>) -> Result<String, JsValue> {
    settings::to_toml(&texts(given)?, file.as_deref()).map_err(fail)
}

/// The settings in such a file.
///
/// # Errors
/// With the line at fault.
#[wasm_bindgen]
pub fn from_toml(text: &str) -> Result<JsValue, JsValue> {
    Ok(object(&json!(settings::from_toml(text).map_err(fail)?)))
}
