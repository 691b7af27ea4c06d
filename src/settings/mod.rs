//! The settings of a training, once: one table of rows, and all that derives from it. Flags, the keys of
//! files, `--print-config`, what a checkpoint keeps, what may change when a run is resumed, the axes of a
//! sweep and what makes two of its parts one, the commands that are printed, and what a command refuses; and
//! what a page offers of them ([`offered()`]) and trains ([`prepare`]).
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))] // Much of it is for commands.

mod choices;
pub(crate) mod data;
mod defaults;
#[cfg(feature = "cli")]
pub(crate) mod files;
mod given;
mod offered;
mod resolve;
mod table;
mod toolkit;
mod value;
mod words;

pub(crate) use choices::{EngineChoice, TestRows};
pub(crate) use given::Given;
pub use offered::{Entry, Members, Offered, Prepared, Texts, from_toml, offered, prepare, to_toml};
pub(crate) use resolve::Resolved;
pub(crate) use table::{DATA_AND_NETWORK, SETTINGS, STOPPING_EARLY, Settings, TABLES};
pub(crate) use toolkit::{DEFAULT_ACTIVATION, default_rate};
pub(crate) use value::{Form, Kind, Names, Value};
pub use words::{WORDS, in_flags};

use crate::network::Hyperparameter;

/// A command that has settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Verb {
    Train,
    Sweep,
    LrFind,
    Export,
    Predict,
    Bench,
    Check,
    Explain,
    Plot,
}

impl Verb {
    pub(crate) const ALL: [Verb; 9] = [
        Verb::Train,
        Verb::Sweep,
        Verb::LrFind,
        Verb::Export,
        Verb::Predict,
        Verb::Bench,
        Verb::Check,
        Verb::Explain,
        Verb::Plot,
    ];
    /// Those that have the settings of a training, from flags and from a file.
    pub(crate) const OF_TRAININGS: &'static [Verb] =
        &[Verb::Train, Verb::Sweep, Verb::LrFind, Verb::Export, Verb::Check, Verb::Explain];
}

/// What a setting decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The numbers of a run: one that is resumed keeps it.
    Identity,
    /// The numbers of a run from here on: it may change when a run is resumed.
    Free,
    /// Where a run is computed.
    Device,
    /// What is shown and written.
    Output,
}

impl Role {
    /// Whether the numbers of a sweep depend on it.
    pub(crate) fn decides_results(self) -> bool {
        matches!(self, Role::Identity | Role::Free)
    }
}

/// A choice that not all settings have a meaning under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Activation,
    Loss,
    Optimizer,
    Schedule,
}

impl Family {
    /// The setting that chooses.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Family::Activation => "activation",
            Family::Loss => "loss",
            Family::Optimizer => "optimizer",
            Family::Schedule => "schedule",
        }
    }
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The flag without its dashes, and the key in files: the field's name with `-` for `_`.
    pub key: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    /// The row of the number that this is: its help, and its default.
    pub hyperparameter: Option<&'static Hyperparameter>,
    /// The help of commands in which it means something else.
    pub help_in: &'static [(Verb, &'static str)],
    /// What `--help` says of its value where none is given.
    pub default: &'static str,
    /// The same where it follows from the rows of a family.
    pub default_of: Option<fn() -> String>,
    /// What `--help` calls its value.
    pub value: &'static str,
    /// The value of the flag alone, where it may stand so.
    pub bare: &'static str,
    pub heading: &'static str,
    /// Whether `-h` lists it too.
    pub is_short: bool,
    pub role: Role,
    /// Whether a sweep takes a list of values, and combines it with those of other axes.
    pub is_axis: bool,
    /// Whether `none` takes back what a file or a checkpoint says.
    pub has_none: bool,
    /// The choice on which it depends whether this has a meaning.
    pub family: Option<Family>,
    /// Whether it stands in the file of a saved network.
    pub is_in_model: bool,
    /// Commands that have it.
    pub verbs: &'static [Verb],
    /// Commands that refuse its flag, and why. In a file, which may be of a training, they skip it.
    pub refused: &'static [(Verb, &'static str)],
}

/// What takes back a setting that may be taken back.
pub(crate) const NONE: &str = "none";

impl Setting {
    pub(crate) fn is_in(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }

    pub(crate) fn is_axis_in(&self, verb: Verb) -> bool {
        self.is_axis && verb == Verb::Sweep
    }

    /// Why a command refuses it, if it does.
    pub(crate) fn refusal(&self, verb: Verb) -> Option<&'static str> {
        self.refused.iter().find(|(refusing, _)| *refusing == verb).map(|(_, reason)| *reason)
    }

    pub(crate) fn heading_in(&self, verb: Verb) -> &'static str {
        if self.is_axis_in(verb) { "Axes" } else { self.heading }
    }

    /// What it means, in words.
    pub(crate) fn meaning(&self) -> &'static str {
        match self.hyperparameter {
            Some(row) if self.help.is_empty() => row.help,
            _ => self.help,
        }
    }

    /// What it is where it is not given, in words; empty where nothing is to be said.
    pub(crate) fn default_text(&self) -> String {
        match (self.default_of, self.hyperparameter) {
            (Some(default), _) => default(),
            (None, Some(row)) if self.family.is_some() => format!("{:?}", row.default),
            _ => self.default.to_owned(),
        }
    }

    /// What `--help` says.
    pub(crate) fn help_in(&self, verb: Verb) -> String {
        let own = self.help_in.iter().find(|(of, _)| *of == verb).map(|(_, help)| *help);
        let mut help = own.unwrap_or(self.meaning()).to_owned();
        if self.is_axis_in(verb) {
            help += " (an axis)";
        }
        if self.has_none {
            help += " (none switches it off)";
        }
        let default = self.default_text();
        if !default.is_empty() && own.is_none() {
            help += &format!(" [default: {default}]");
        }
        // Of one value clap says it.
        if let (Form::Name(names), true) = (self.kind.form, self.is_axis_in(verb)) {
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            help += &format!(" [possible values: {}]", names.join(", "));
        }
        help
    }

    /// Texts as they are always written, where they are a value.
    pub(crate) fn normal(&self, verb: Verb, texts: &[String]) -> Result<Vec<String>, String> {
        match texts {
            _ if self.is_axis_in(verb) => Ok(vec![texts.join(",")]),
            [text] if self.has_none && text == NONE => Ok(vec![NONE.to_owned()]),
            _ => (self.kind.normal)(texts),
        }
    }

    /// A value in TOML.
    pub(crate) fn toml(&self, verb: Verb, texts: &[String]) -> String {
        if self.is_axis_in(verb) { Form::Text.toml(texts) } else { self.kind.form.toml(texts) }
    }

    /// The flag as it is typed, not quoted.
    pub(crate) fn flag(&self, texts: &[String]) -> String {
        match self.kind.form {
            Form::Switch => format!("--{}", self.key),
            _ => format!("--{} {}", self.key, texts.join(",")),
        }
    }
}

/// `a, b or c`.
pub(crate) fn listed(names: &[&str], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} {word} {last}", rest.join(", ")),
    }
}

/// A word quoted for a shell where it needs to be.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:=+%@".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
