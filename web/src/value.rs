//! Between the library's values and a page's.

#[cfg(feature = "playground")]
#[cfg(feature = "playground")]
use js_sys::Float32Array;
use js_sys::{Array, Function, JSON, Object, Reflect};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use wgrad::Error;
use wgrad::settings::{Texts, in_flags};

/// A plain object.
pub(crate) fn object(value: &Value) -> JsValue {
    // What serde wrote can be parsed.
    JSON::parse(&value.to_string()).unwrap_or(JsValue::NULL)
}

/// The same with lists of numbers.
#[cfg(feature = "playground")]
pub(crate) fn with_lists(value: &Value, lists: &[(&str, &[f32])]) -> JsValue {
    let object = object(value);
    for (name, list) in lists {
        set(&object, name, &Float32Array::from(*list));
    }
    object
}

/// Sets a field of a plain object.
pub(crate) fn set(object: &JsValue, name: &str, value: &JsValue) {
    // Plain objects take any field.
    let _ = Reflect::set(object, &name.into(), value);
}

/// Settings out of a flat object of texts or numbers; lists may be arrays.
pub(crate) fn texts(given: &JsValue) -> Result<Texts, JsValue> {
    let Some(given) = given.dyn_ref::<Object>() else { return Ok(Texts::new()) };
    let mut texts = Texts::new();
    for entry in Object::entries(given).iter() {
        let entry: Array = entry.unchecked_into();
        let (key, value) = (entry.get(0), entry.get(1));
        if let Some(key) = key.as_string()
            && !(value.is_undefined() || value.is_null())
        {
            let text: String = value.unchecked_into::<Object>().to_string().into();
            texts.insert(key, text);
        }
    }
    Ok(texts)
}

/// An error for a page, in the words of its settings: with the one at fault where it is one's.
pub(crate) fn fail(error: impl Into<Error>) -> JsValue {
    let message = in_flags(&error.into().to_string());
    let thrown: JsValue = js_sys::Error::new(&message).into();
    if let Some(flag) = message.strip_prefix("--") {
        let name = flag.split([' ', ':']).next().unwrap_or_default();
        set(&thrown, "setting", &name.into());
    }
    thrown
}

/// Calls a page's function, whose own errors are its own matter.
pub(crate) fn tell(listener: &Function, value: &JsValue) {
    let _ = listener.call1(&JsValue::NULL, value);
}

/// A page's answer to a question.
pub(crate) fn ask(question: &Function) -> bool {
    question.call0(&JsValue::NULL).is_ok_and(|answer| answer.is_truthy())
}
