//! The types that settings have. Flags, files and the points of an axis all give texts: here texts become
//! values, and values the one text that says them.

use std::path::PathBuf;

use crate::cli::choices::{Delimiter, EngineChoice, Header, TargetType};
use crate::data::{Normalize, Order, Source};
use crate::engine::Kernels;
use crate::gpu::DeviceChoice;
use crate::network::{Activation, Initializer, Loss};
use crate::optimizer::{Decay, OptimizerKind, ScheduleKind};
use crate::sweep::{self, AxisError, AxisValue};
use crate::train::OnDivergence;

/// Names, each with its other spellings.
pub(in crate::cli) type Names = &'static [(&'static str, &'static [&'static str])];

/// How values of a type are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::cli) enum Form {
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
    pub(in crate::cli) fn toml(self, texts: &[String]) -> String {
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

    /// A text in this form as the point of an axis.
    pub(in crate::cli) fn point(self, text: &str) -> AxisValue {
        match (self, text.parse(), text.parse()) {
            (Form::Real, Ok(number), _) => AxisValue::Number(number),
            (Form::Whole, _, Ok(whole)) => AxisValue::Whole(whole),
            _ => AxisValue::Name(text.to_owned()),
        }
    }
}

/// What the table knows of a type: its form, and how any texts become those that are always used.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Kind {
    pub form: Form,
    pub normal: fn(&[String]) -> Result<Vec<String>, String>,
}

impl Kind {
    /// The points of an axis, as a person writes them.
    pub(in crate::cli) fn points(&self, text: &str) -> Result<Vec<AxisValue>, AxisError> {
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
pub(in crate::cli) trait Value: Sized {
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

/// Types that are one text, and what is wrong with a text that is none.
macro_rules! values {
    ($( $form:expr, $wrong:expr => $($type:ty)+; )+) => { $($(
        impl Value for $type {
            const FORM: Form = $form;
            fn read(texts: &[String]) -> Result<Self, String> {
                let text = single(texts)?;
                text.trim().parse::<$type>().map_err(|error| $wrong(text, error.to_string()))
            }
            fn write(&self) -> Vec<String> {
                vec![self.to_string()]
            }
        }
    )+)+ };
}

values! {
    Form::Switch, |_, _| "give true or false".to_owned() => bool;
    Form::Whole, whole => u32 u64 usize;
    Form::Real, |text, _| format!("{text:?} is not a number") => f32 f64;
    Form::Text, |_, error| error => Source DeviceChoice;
}

fn whole(text: &str, _: String) -> String {
    format!("{text:?} is not a whole number of 0 or more, or it is too large")
}

macro_rules! named_values {
    ($($type:ty)+) => { $(
        impl Value for $type {
            const FORM: Form = Form::Name(<$type>::NAMES);
            fn read(texts: &[String]) -> Result<Self, String> {
                single(texts)?.trim().parse().map_err(|error: crate::network::UnknownName| error.to_string())
            }
            fn write(&self) -> Vec<String> {
                vec![self.name().to_owned()]
            }
        }
    )+ };
}

named_values! {
    Activation Decay Delimiter EngineChoice Header Initializer Kernels Loss Normalize OnDivergence
    OptimizerKind Order ScheduleKind TargetType
}

impl Value for PathBuf {
    const FORM: Form = Form::Text;
    fn read(texts: &[String]) -> Result<Self, String> {
        Ok(single(texts)?.into())
    }
    fn write(&self) -> Vec<String> {
        vec![self.display().to_string()]
    }
}

impl Value for Vec<String> {
    const FORM: Form = Form::List(&Form::Text);
    fn read(texts: &[String]) -> Result<Self, String> {
        Ok(texts.to_vec())
    }
    fn write(&self) -> Vec<String> {
        self.clone()
    }
}

impl Value for Vec<usize> {
    const FORM: Form = Form::List(&Form::Whole);
    fn read(texts: &[String]) -> Result<Self, String> {
        let size = |text: &String| {
            text.trim().parse().map_err(|_| "give whole numbers, as in --layers 2,3,1".to_owned())
        };
        texts.iter().map(size).collect()
    }
    fn write(&self) -> Vec<String> {
        self.iter().map(usize::to_string).collect()
    }
}
