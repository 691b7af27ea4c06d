//! Settings for a page: what it offers of them, and a training out of what it is given, as texts by name. Nothing here
//! reads a file.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Form, Given, SETTINGS, STOPPING_EARLY, Setting, Settings, Verb, data};
use crate::Error;
use crate::data::{CsvOptions, Samples, Source, read_csv};
use crate::train::Training;

/// Settings as texts, by name: each as it is typed behind its flag.
pub type Texts = BTreeMap<String, String>;

/// What a table is called that a page has no name for.
const TABLE: &str = "points.csv";

/// Settings that a page has no use for: rows and weights in files, and many starts, which it has other means for.
const NOT_OFFERED: [&str; 3] = ["test", "init-from", "restarts"];

/// How a setting is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Entry {
    /// On or off.
    Bool,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// One of a few names.
    Choice,
    /// Anything else, lists with commas between their values.
    Text,
}

/// The members of a family under which a setting has a meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Members {
    /// The setting that chooses one.
    pub setting: &'static str,
    /// Those.
    pub choices: Vec<&'static str>,
}

/// A setting that decides the numbers of a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Offered {
    /// Its name: the key in files.
    pub name: &'static str,
    /// Its flag.
    pub flag: String,
    /// What it is listed under.
    pub group: &'static str,
    /// How it is entered.
    pub kind: Entry,
    /// Its values, or of a text some that are often used.
    pub choices: Vec<&'static str>,
    /// What it is where it is not given, in words.
    pub default: String,
    /// What it means.
    pub help: String,
    /// Where it depends on another setting whether it has a meaning.
    pub of: Option<Members>,
}

fn is_offered(row: &Setting) -> bool {
    let is_of_numbers = row.role.decides_results() && row.heading != STOPPING_EARLY;
    row.is_in(Verb::Train) && is_of_numbers && !NOT_OFFERED.contains(&row.key)
}

/// The settings that a page offers, in the order of the table.
pub fn offered() -> Vec<Offered> {
    let offer = |row: &Setting| Offered {
        name: row.key,
        flag: format!("--{}", row.key),
        group: row.heading,
        kind: match row.kind.form {
            Form::Switch => Entry::Bool,
            Form::Whole => Entry::Integer,
            Form::Real => Entry::Number,
            Form::Name(_) => Entry::Choice,
            Form::Text | Form::List(_) => Entry::Text,
        },
        choices: match row.kind.form {
            Form::Name(names) => names.iter().map(|(name, _)| *name).collect(),
            _ if row.key == "data" => Source::NAMES.to_vec(),
            _ => Vec::new(),
        },
        default: row.default_text(),
        help: row.meaning().to_owned(),
        of: row
            .family
            .map(|family| Members { setting: family.key(), choices: family.members_with(row.key) }),
    };
    SETTINGS.iter().filter(|row| is_offered(row)).map(offer).collect()
}

/// A training that a page prepared.
#[derive(Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// The training, of one start.
    pub training: Training,
    /// Its rows.
    pub samples: Samples,
    /// Every setting that is in effect.
    pub resolved: Texts,
    /// The command that trains the same, but for where it runs.
    pub command: String,
}

/// One start of the training that these settings describe, over the rows of a table where there is one, which are
/// then not those of `data`.
///
/// # Errors
/// [`Error::Setting`] for a setting that there is not, or a value that it cannot have; [`Error::Data`],
/// [`Error::Network`] or [`Error::Value`] for what data and settings do not allow together.
pub fn prepare(texts: &Texts, table: Option<&str>) -> Result<Prepared, Error> {
    let given = given(texts, table.map(|_| TABLE))?;
    let read = |source: &Source, options: &CsvOptions| match table {
        Some(text) => Ok(read_csv(TABLE, text.as_bytes(), options)?),
        None => Err(no_file(source)),
    };
    let settings = Settings::read(&given)?;
    let samples = data::load(&settings, &read)?;
    let (training, settings) = settings.resolve_over(&samples)?;
    let resolved = texts_of(&settings.given());
    let command = format!("wgrad train{}", given.flags());
    Ok(Prepared { training, samples, resolved, command })
}

/// The settings as a file for `--config`, of one start, over the rows of `table` where they are those of a table.
///
/// # Errors
/// As [`prepare`].
pub fn to_toml(texts: &Texts, table: Option<&str>) -> Result<String, Error> {
    Ok(given(texts, table)?.toml())
}

/// What a file for `--config` says of the settings that a page offers.
///
/// # Errors
/// [`Error::Setting`] with line and key of what is wrong.
pub fn from_toml(text: &str) -> Result<Texts, Error> {
    let wrong = |reason: String| Error::setting("settings", reason);
    let mut given = Given::read(Verb::Train, text).map_err(wrong)?;
    given.retain(|row, _| is_offered(row));
    Ok(texts_of(&given))
}

fn no_file(source: &Source) -> Error {
    let reason = "is a file, which a page cannot read; give its rows";
    Error::setting(format!("--data {source}"), reason)
}

fn texts_of(given: &Given) -> Texts {
    given.rows().map(|(row, texts)| (row.key.to_owned(), texts.join(","))).collect()
}

/// What is given, of one start, and of a table where there is one.
fn given(texts: &Texts, table: Option<&str>) -> Result<Given, Error> {
    let mut given = Given::new(Verb::Train);
    let own = [("restarts", Some("1")), ("data", table)];
    let own = own.into_iter().filter_map(|(key, text)| Some((key, text?)));
    let is_own = |key: &str| key == "restarts" || key == "data" && table.is_some();
    let others = texts.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    for (key, text) in others.filter(|(key, _)| !is_own(key)).chain(own) {
        let wrong = |reason: String| Error::setting(format!("--{key} {text}"), reason);
        let at = SETTINGS.iter().position(|row| row.key == key && row.is_in(Verb::Train));
        let Some(at) = at else { return Err(wrong("is not a setting; leave it out".to_owned())) };
        let values: Vec<String> = match SETTINGS[at].kind.form {
            Form::List(_) => text.split(',').map(str::to_owned).collect(),
            _ => vec![text.to_owned()],
        };
        given.insert(at, &values).map_err(wrong)?;
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_page_is_offered_what_decides_the_numbers_of_a_training() {
        let all = offered();
        let row = |name: &str| all.iter().find(|row| row.name == name);
        for name in ["data", "noise", "layers", "activation", "loss", "init", "optimizer", "lr"] {
            assert!(row(name).is_some_and(|row| !row.help.is_empty()), "{name}");
        }
        for name in ["device", "engine", "save", "init-from", "restarts", "max-seconds", "width"] {
            assert!(row(name).is_none(), "{name}");
        }
        let momentum = row("momentum").and_then(|row| row.of.as_ref()).unwrap();
        assert_eq!((momentum.setting, momentum.choices[0]), ("optimizer", "momentum"));
        assert!(row("activation").unwrap().choices.contains(&"leaky-relu"));
    }

    #[test]
    fn texts_become_one_start_and_come_back_from_a_file() {
        let given = texts(&[("data", "circles-40"), ("layers", "2,5,1"), ("lr", "0.25")]);
        let prepared = prepare(&given, None).unwrap();
        assert_eq!(prepared.training.restarts, 1);
        assert_eq!(prepared.training.network.sizes(), [2, 5, 1]);
        assert_eq!(prepared.resolved["epochs"], "500");
        let words = "wgrad train --data circles-40 --layers 2,5,1 --restarts 1 --lr 0.25";
        assert_eq!(prepared.command, words);
        assert_eq!(from_toml(&to_toml(&given, None).unwrap()).unwrap(), given);
        let again = prepare(&from_toml(&to_toml(&prepared.resolved, None).unwrap()).unwrap(), None);
        assert_eq!(again.unwrap().resolved, prepared.resolved);
    }

    #[test]
    fn rows_of_a_table_stand_in_for_those_of_data() {
        let table = "x,y,class\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n";
        let prepared = prepare(&texts(&[("data", "circles")]), Some(table)).unwrap();
        assert_eq!(prepared.samples.train.rows(), 4);
        assert_eq!(prepared.samples.schema.inputs, ["x", "y"]);
        let file = to_toml(&texts(&[]), Some("mine.csv")).unwrap();
        assert!(file.contains("data = \"mine.csv\"") && file.contains("restarts = 1"), "{file}");
    }

    /// Each fix that is data is a setting with a value that it takes, as the page's buttons set it.
    #[test]
    fn what_the_doctor_suggests_can_be_set() {
        use crate::engine::EngineSpec;
        let mut set = std::collections::BTreeSet::new();
        for stuck in [
            &[("seed", "1")][..],
            &[("lr", "1e-4")],
            &[("lr", "20"), ("activation", "tanh")],
            &[("layers", "2,1")],
            &[("init", "zeros")],
            &[("activation", "sigmoid"), ("layers", "2,8,8,8,8,8,8,1")],
            &[("activation", "tanh"), ("init-scale", "100"), ("lr", "0.01")],
            &[("optimizer", "momentum"), ("weight-decay", "1"), ("lr", "0.01")],
        ] {
            let mut given = texts(stuck);
            given.insert("epochs".to_owned(), "300".to_owned());
            let training = prepare(&given, None).unwrap().training;
            let ended = pollster::block_on(training.run(&EngineSpec::Cpu, &mut |_| (), &|| false));
            let findings = ended.unwrap().findings(&training);
            for fix in findings.iter().flat_map(|it| &it.fixes) {
                let mut given = given.clone();
                for (name, value) in fix.settings() {
                    assert!(fix.to_string().contains(&format!("--{name} {value}")), "{fix}");
                    set.insert(name);
                    given.insert(name.to_owned(), value);
                }
                let resolved =
                    prepare(&given, None).unwrap_or_else(|error| panic!("{fix}: {error}")).resolved;
                for (name, value) in fix.settings().iter().filter(|(name, _)| *name != "restarts") {
                    assert_eq!(&resolved[*name], value, "{fix}");
                }
            }
        }
        assert!(set.len() >= 8, "{set:?}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (given, part) in [
            ([("lr", "fast")], "--lr fast"),
            ([("lrr", "1")], "--lrr 1: is not a setting"),
            ([("data", "mine.csv")], "--data mine.csv: is a file"),
            ([("momentum", "0.5")], "momentum"),
        ] {
            match prepare(&texts(&given), None) {
                Ok(prepared) => assert_eq!(prepared.resolved["optimizer"], "momentum"),
                Err(error) => assert!(error.to_string().contains(part), "{error}"),
            }
        }
    }
}
