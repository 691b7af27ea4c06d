//! The types that settings have. Flags, files and the points of an axis all give texts: here texts become
//! values, and values the one text that says them.

use super::choices::{Decimal, Delimiter, EngineChoice, Header, Stratify, TargetType, TestRows};
use crate::data::{ClassWeights, Missing, Normalize, Order, Source};
use crate::engine::Kernels;
use crate::gpu::DeviceChoice;
use crate::network::{Activation, Initializer, Loss, Norm};
use crate::optimizer::{Decay, OptimizerKind, ScheduleKind};
use crate::sweep::{self, AxisError, AxisValue};
use crate::train::{OnDivergence, Weights};

/// Names, each with its other spellings.
pub(crate) type Names = &'static [(&'static str, &'static [&'static str])];

/// How values of a type are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// A flag without a value.
    Switch,
    /// A whole number.
    Whole,
    /// Any number.
    Real,
    /// One of a few names.
    Name(Names),
    /// Any other text.
    Text,
    /// Several values with commas between them.
    List(&'static Form),
}

impl Form {
    /// As a value in TOML.
    pub(crate) fn toml(self, texts: &[String]) -> String {
        let quoted = |text: &String| toml::Value::String(text.clone()).to_string();
        let one = texts.first().cloned().unwrap_or_default();
        match self {
            Form::Switch => one,
            Form::Whole if one.parse::<u64>().is_ok() => one,
            Form::Real if one.parse::<f64>().is_ok() => {
                one.parse().map_or(one, |number| toml::Value::Float(number).to_string())
            }
            Form::Whole | Form::Real | Form::Name(_) | Form::Text => quoted(&one),
            Form::List(form) => {
                let items: Vec<String> =
                    texts.iter().map(|text| form.toml(std::slice::from_ref(text))).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }
}

/// What the table knows of a type: its form, and how any texts become those that are always used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub form: Form,
    pub normal: fn(&[String]) -> Result<Vec<String>, String>,
}

impl Kind {
    /// The points of an axis, as a person writes them.
    pub(crate) fn points(&self, text: &str) -> Result<Vec<AxisValue>, AxisError> {
        Ok(match self.form {
            Form::Real => sweep::numbers(text)?.into_iter().map(AxisValue::Number).collect(),
            Form::Whole => sweep::wholes(text)?.into_iter().map(AxisValue::Whole).collect(),
            _ => {
                let name = |text: &str| Ok((self.normal)(&[text.to_owned()])?.concat());
                sweep::names(text, name)?.into_iter().map(AxisValue::Name).collect()
            }
        })
    }
}

/// A type that settings have.
pub(crate) trait Value: Sized {
    const FORM: Form;
    const KIND: Kind = Kind { form: Self::FORM, normal: |texts| Ok(Self::read(texts)?.write()) };

    fn read(texts: &[String]) -> Result<Self, String>;
    fn write(&self) -> Vec<String>;
}

fn single(texts: &[String]) -> Result<&str, String> {
    match texts {
        [text] => Ok(text),
        _ => Err("give one value, not a list".to_owned()),
    }
}

/// A whole number as text, also of one that is written as 1e3.
fn whole(text: &str) -> std::borrow::Cow<'_, str> {
    let number = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0);
    match number.filter(|number| (0.0..=9e15).contains(number) && text.contains(['e', 'E'])) {
        Some(number) => format!("{number:.0}").into(),
        None => text.into(),
    }
}

/// Types of one text: their form, what is wrong with a text that is none, from the text and the error.
macro_rules! values {
    ($( $form:expr, $wrong:expr => $($type:ty)+; )+) => { $($(
        impl Value for $type {
            const FORM: Form = $form;
            fn read(texts: &[String]) -> Result<Self, String> {
                let text = single(texts)?;
                let text = if Self::FORM == Form::Whole { &whole(text) } else { text };
                text.parse::<$type>().map_err(|error| $wrong(text, error.to_string()))
            }
            fn write(&self) -> Vec<String> {
                vec![self.to_string()]
            }
        }
    )+)+ };
}

values! {
    Form::Switch, |_, _| "give true or false".to_owned() => bool;
    Form::Whole, |text, _| format!("{text:?} is not a whole number of 0 or more, or it is too large")
        => u32 u64 usize;
    Form::Real, |text, _| format!("{text:?} is not a number") => f32 f64;
    Form::Name(Self::NAMES), |_, error| error
        => Activation Decay Decimal Delimiter EngineChoice Header Initializer Kernels Loss Missing Norm Normalize
           OnDivergence OptimizerKind Order ScheduleKind Stratify TargetType Weights;
    Form::Text, |_, error| error => ClassWeights DeviceChoice Source String TestRows;
}

impl<T: Value> Value for Vec<T> {
    const FORM: Form = Form::List(&T::FORM);
    fn read(texts: &[String]) -> Result<Self, String> {
        let item = |text: &String| T::read(&[text.trim().to_owned()]);
        let items: Result<_, _> = texts.iter().map(item).collect();
        items.map_err(|reason| format!("{reason}; give a list, as in --layers 2,3,1"))
    }
    fn write(&self) -> Vec<String> {
        self.iter().flat_map(Value::write).collect()
    }
}
