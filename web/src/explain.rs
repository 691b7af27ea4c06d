//! One step in numbers.

use serde_json::Value;
use wasm_bindgen::prelude::*;
use wgrad::engine::State;
use wgrad::explain::{Options, explain as explained};
use wgrad::settings::prepare;

use crate::device::Device;
use crate::kept::Kept;
use crate::value::{fail, object, texts};

/// The next step of a run that stands as `state` says: the objects of `wgrad explain --format json`. It is made on the
/// side.
///
/// # Errors
/// Where the network is of a kind that is not explained, or the device fails.
#[wasm_bindgen]
pub async fn explain(
    device: &Device,
    given: JsValue,
    table: Option<String>,
    state: Vec<u8>,
) -> Result<JsValue, JsValue> {
    let gpu = device.gpu().cloned();
    let training = prepare(&texts(&given)?, table.as_deref()).map_err(fail)?.training;
    let Some(kept) = Kept::from_bytes(&state, &training.network) else {
        return Err(js_sys::Error::new("the run has left the finite numbers").into());
    };
    let Kept { step, parameters, moments, trainer, .. } = kept;
    let mut task = training.task(trainer.seed);
    task.learning_rate = trainer.rate;
    task.start = State::new(parameters);
    (task.start.step, task.start.moments) = (step, moments);
    let told = explained(&task, gpu.as_ref(), Options::default(), &|| false).await;
    let told = told.map_err(fail)?;
    let mut all = vec![told.start_json()];
    all.extend(told.parts_json(false));
    all.push(told.result_json());
    Ok(object(&Value::Array(all)))
}
