//! The check of a visitor's device.

use js_sys::Function;
use serde_json::json;
use wasm_bindgen::prelude::*;
use wgrad::check::{Findings, Options, Progress, Watch, run_watched};

use crate::device::Device;
use crate::value::{ask, fail, object, tell};

fn row(row: &Findings) -> serde_json::Value {
    json!({
        "what": row.what,
        "cases": row.cases,
        "numbers": row.compared,
        "worst": row.share,
        "at": row.at,
        "passed": row.is_pass(),
        "result": row.result(),
        "failures": row.failures.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unchecked": row.unchecked.iter().map(|it| it.reason.clone()).collect::<Vec<_>>(),
        "seconds": row.seconds,
    })
}

/// Checks the device: the quick cases of what has `filter` in its name.
///
/// # Errors
/// Where there is none, or it does not run at all.
#[wasm_bindgen]
pub async fn check(
    device: &Device,
    filter: Option<String>,
    progress: Function,
    cancelled: Function,
) -> Result<JsValue, JsValue> {
    let Some(gpu) = device.gpu().cloned() else {
        return Err(js_sys::Error::new("there is no device to check, only the CPU").into());
    };
    let mut options = Options::default();
    (options.filter, options.quick) = (filter, true);
    let mut told = 0;
    let hear = |now: Progress<'_>| {
        let Progress { what, case, done, of, last, .. } = now;
        let last = last.filter(|_| done > std::mem::replace(&mut told, done)).map(row);
        let now = json!({"done": done, "total": of, "what": what, "case": case, "row": last});
        tell(&progress, &object(&now));
    };
    let stop = || ask(&cancelled);
    let report = run_watched(&gpu, &options, &mut Watch::new(hear, stop)).await.map_err(fail)?;
    Ok(object(&json!({
        "adapter": report.adapter,
        "about": report.about,
        "rows": report.rows.iter().map(row).collect::<Vec<_>>(),
        "passed": report.is_pass(),
        "failures": report.failures(),
        "summary": report.verdict(),
        "report": report.to_string(),
        "notes": report.notes,
        "seconds": report.seconds,
        "stopped": report.stopped,
    })))
}
