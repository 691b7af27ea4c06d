//! The flags of a command that are settings.

#[cfg(test)]
pub(super) mod tests;

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::Error;
use crate::settings::{Form, Given, Names, SETTINGS, Setting, Verb};

/// What was given of the settings that a [`Verb`] has, by flags and by the file of `--config`.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Flags<const VERB: u8> {
    pub given: Given,
    config: Option<PathBuf>,
}

const CONFIG: &str = "config";

impl<const VERB: u8> Flags<VERB> {
    const VERB: Verb = Verb::ALL[VERB as usize];

    /// What the flags say, and the file where they say nothing.
    ///
    /// # Errors
    /// [`Error::Setting`] for a flag that this command refuses, and for a file that cannot be read.
    pub(in crate::cli) fn with_file(&self) -> Result<Given, Error> {
        for (row, texts) in self.given.rows() {
            if let Some(reason) = row.refusal(Self::VERB) {
                return Err(Error::setting(row.flag(texts), reason));
            }
        }
        let file = match &self.config {
            Some(path) => Given::read_file(Self::VERB, path)?,
            None => Given::new(Self::VERB),
        };
        Ok(self.given.clone().or(file))
    }

    fn rows() -> impl Iterator<Item = (usize, &'static Setting)> {
        SETTINGS.iter().enumerate().filter(|(_, row)| row.is_in(Self::VERB))
    }

    fn has_file() -> bool {
        Verb::OF_TRAININGS.contains(&Self::VERB)
    }
}

impl<const VERB: u8> Args for Flags<VERB> {
    fn augment_args(command: Command) -> Command {
        let command = command.args(Self::rows().map(|(_, row)| row.arg(Self::VERB)));
        if !Self::has_file() {
            return command;
        }
        command.arg(
            Arg::new(CONFIG)
                .long(CONFIG)
                .value_name("FILE.toml")
                .value_parser(value_parser!(PathBuf))
                .help("Read settings from a TOML file, with the names of the flags as keys; flags win")
                .help_heading("Output")
                .hide_short_help(true),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const VERB: u8> FromArgMatches for Flags<VERB> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Given::new(Self::VERB);
        for (at, row) in Self::rows() {
            let texts: Vec<String> = match row.kind.form {
                Form::Switch if matches.get_flag(row.key) => vec![true.to_string()],
                Form::Switch => continue,
                _ => match matches.get_many::<String>(row.key) {
                    Some(texts) => texts.cloned().collect(),
                    None => continue,
                },
            };
            let inserted = given.insert(at, &texts);
            inserted.map_err(|reason| clap::Error::raw(ErrorKind::ValueValidation, reason))?;
        }
        let config = Self::has_file().then(|| matches.get_one::<PathBuf>(CONFIG)).flatten();
        Ok(Flags { given, config: config.cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Setting {
    /// As clap takes it.
    fn arg(&'static self, verb: Verb) -> Arg {
        let arg = Arg::new(self.key)
            .long(self.key)
            .help(self.help_in(verb))
            .help_heading(self.heading_in(verb))
            .hide_short_help(!self.is_short)
            .hide(self.refusal(verb).is_some());
        if self.is_axis_in(verb) {
            return arg.value_name("LIST").allow_negative_numbers(true);
        }
        let value = move |text: &str| -> Result<String, String> {
            self.normal(verb, &[text.to_owned()]).map(|_| text.to_owned())
        };
        let arg = match self.value {
            "" => arg.value_name(self.key.to_uppercase().replace('-', "_")),
            value => arg.value_name(value),
        };
        match self.kind.form {
            Form::Switch => arg.action(ArgAction::SetTrue),
            Form::Name(names) => {
                let arg = arg.value_parser(possible_names(names)).ignore_case(true);
                match self.bare {
                    "" => arg,
                    bare => arg.num_args(0..=1).default_missing_value(bare),
                }
            }
            Form::List(_) => arg.action(ArgAction::Append).value_delimiter(',').value_parser(value),
            Form::Whole | Form::Real => arg.allow_negative_numbers(true).value_parser(value),
            Form::Text => arg.value_parser(value),
        }
    }
}

/// Names, offered and checked by clap in all their spellings.
pub(in crate::cli) fn possible_names(names: Names) -> PossibleValuesParser {
    PossibleValuesParser::new(names.iter().map(|(name, aliases)| {
        let spellings = aliases.iter().map(|alias| (*alias).to_owned());
        PossibleValue::new(*name).aliases(spellings.chain([name.replace('-', "_")]))
    }))
}
