//! What was given of the settings, by flags, a file or a checkpoint: texts, each of them known to be a value.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::{NONE, SETTINGS, Setting, Value, Verb, quoted};
use crate::Error;
use crate::network::Hyperparameter;

/// What was given of the settings that a command has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    verb: Verb,
    /// By their places in the table.
    texts: BTreeMap<usize, Vec<String>>,
}

impl Given {
    pub(crate) fn new(verb: Verb) -> Given {
        Given { verb, texts: BTreeMap::new() }
    }

    /// Puts a value in the place of what was given; an error says what is wrong with it.
    pub(crate) fn insert(&mut self, at: usize, texts: &[String]) -> Result<(), String> {
        let texts = SETTINGS[at].normal(self.verb, texts)?;
        self.texts.insert(at, texts);
        Ok(())
    }

    /// The same from a value of which it is known that it is one.
    pub(super) fn set(&mut self, at: usize, value: Option<Vec<String>>) {
        self.texts.extend(value.map(|texts| (at, texts)));
    }

    pub(crate) fn get(&self, at: usize) -> Option<&[String]> {
        self.texts.get(&at).map(Vec::as_slice)
    }

    pub(crate) fn has(&self, row: &Setting) -> bool {
        self.rows().any(|(given, _)| given.key == row.key)
    }

    /// What is given, in the order of the table.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static Setting, &[String])> {
        self.texts.iter().map(|(&at, texts)| (&SETTINGS[at], texts.as_slice()))
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&Setting, &[String]) -> bool) {
        self.texts.retain(|&at, texts| keep(&SETTINGS[at], texts));
    }

    /// Only what `other` has too, the same.
    pub(crate) fn common(&mut self, other: &Given) {
        self.texts.retain(|at, texts| other.texts.get(at) == Some(texts));
    }

    /// This, and what `other` has where this has nothing.
    pub(crate) fn or(self, mut other: Given) -> Given {
        other.texts.extend(self.texts);
        Given { verb: self.verb, ..other }
    }

    /// One setting as its type.
    pub(super) fn typed<T: Value>(&self, at: usize) -> Result<Option<T>, Error> {
        let (row, Some(texts)) = (&SETTINGS[at], self.get(at)) else { return Ok(None) };
        if row.has_none && texts == [NONE] {
            return Ok(None);
        }
        T::read(texts).map(Some).map_err(|reason| Error::setting(row.flag(texts), reason))
    }

    /// The value that is given of a hyperparameter.
    pub(crate) fn number(&self, row: &Hyperparameter) -> Result<Option<f64>, Error> {
        match SETTINGS.iter().position(|setting| setting.key == row.name) {
            Some(at) => self.typed(at),
            None => Ok(None),
        }
    }

    /// Puts the value of a hyperparameter there.
    pub(crate) fn set_number(&mut self, row: &Hyperparameter, value: f64) {
        if let Some(at) = SETTINGS.iter().position(|setting| setting.key == row.name) {
            self.set(at, Some(value.write()));
        }
    }

    /// The values of settings of these roles, by key, as they stand in a file. What was taken back by
    /// `none` is none of them.
    pub(crate) fn values(&self, wanted: impl Fn(&Setting) -> bool) -> BTreeMap<String, String> {
        let rows = self.rows().filter(|(row, _)| wanted(row));
        let rows = rows.filter(|(row, texts)| !(row.has_none && *texts == [NONE]));
        rows.map(|(row, texts)| (row.key.to_owned(), row.toml(self.verb, texts))).collect()
    }

    /// As flags, each with a blank before it.
    pub(crate) fn flags(&self) -> String {
        let words = |(row, texts): (&Setting, &[String])| {
            row.flag(texts)
                .splitn(2, ' ')
                .map(|word| format!(" {}", quoted(word)))
                .collect::<String>()
        };
        self.rows().map(words).collect()
    }

    /// As a file.
    pub(crate) fn toml(&self) -> String {
        self.rows()
            .map(|(row, texts)| format!("{} = {}\n", row.key, row.toml(self.verb, texts)))
            .collect()
    }

    /// What a file says that [`Given::toml`] or a person wrote. What this command refuses, or what only a
    /// training has, is skipped.
    ///
    /// # Errors
    /// In words, with line and key.
    pub(crate) fn read(verb: Verb, text: &str) -> Result<Given, String> {
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| match error.span() {
            Some(span) => format!("line {}: {}", line(span.start), error.message()),
            None => error.message().to_owned(),
        })?;
        let mut given = Given::new(verb);
        for (key, value) in table.get_ref() {
            let wrong = |reason: String| format!("line {}: {reason}", line(key.span().start));
            let at = SETTINGS.iter().position(|row| *row.key == **key.get_ref());
            let Some(at) =
                at.filter(|&at| SETTINGS[at].is_in(verb) || SETTINGS[at].is_in(Verb::Train))
            else {
                return Err(wrong(format!(
                    "{} is not a setting; --help lists them",
                    key.get_ref()
                )));
            };
            let row = &SETTINGS[at];
            if !row.is_in(verb) || row.refusal(verb).is_some() {
                continue;
            }
            texts(value.get_ref())
                .and_then(|texts| given.insert(at, &texts))
                .map_err(|reason| wrong(format!("{}: {reason}", key.get_ref())))?;
        }
        Ok(given)
    }
}

/// A value in a file as the texts that a flag would have.
fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    Ok(match value {
        DeValue::String(text) => vec![text.to_string()],
        DeValue::Integer(whole) => vec![
            i128::from_str_radix(whole.as_str(), whole.radix())
                .map_err(|_| format!("{whole} is too large"))?
                .to_string(),
        ],
        DeValue::Float(number) => vec![number.as_str().to_owned()],
        DeValue::Boolean(value) => vec![value.to_string()],
        DeValue::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| texts(item.get_ref())).collect();
            items?.concat()
        }
        DeValue::Datetime(_) | DeValue::Table(_) => {
            return Err("give a text, a number, true or false, or a list".to_owned());
        }
    })
}
