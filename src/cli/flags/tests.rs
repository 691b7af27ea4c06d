//! What derives from the table, row by row.

use std::collections::BTreeSet;

use clap::{Args, Command, CommandFactory, FromArgMatches};

use super::*;
use crate::cli::{Cli, keep};
use crate::network::{Activation, Loss};
use crate::optimizer::OptimizerKind;
use crate::settings::{NONE, Role, Settings};

/// What builds the flags of a command, and reads them.
struct OfVerb {
    verb: Verb,
    build: fn(Command) -> Command,
    read: fn(&[&str], Option<&str>) -> Result<Given, String>,
}

fn of_verb<const VERB: u8>() -> OfVerb {
    let read = |words: &[&str], file: Option<&str>| {
        let command = Flags::<VERB>::augment_args(Command::new("wgrad"));
        let words = [&["wgrad"], words].concat();
        let matches = command.try_get_matches_from(words).map_err(|error| error.to_string())?;
        let flags = Flags::<VERB>::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        let given = flags.with_file().map_err(|error| error.to_string())?;
        Ok(given.or(Given::read(Verb::ALL[VERB as usize], file.unwrap_or_default())?))
    };
    OfVerb { verb: Verb::ALL[VERB as usize], build: Flags::<VERB>::augment_args, read }
}

fn verbs() -> [OfVerb; 9] {
    [
        of_verb::<{ Verb::Train as u8 }>(),
        of_verb::<{ Verb::Sweep as u8 }>(),
        of_verb::<{ Verb::LrFind as u8 }>(),
        of_verb::<{ Verb::Export as u8 }>(),
        of_verb::<{ Verb::Predict as u8 }>(),
        of_verb::<{ Verb::Bench as u8 }>(),
        of_verb::<{ Verb::Check as u8 }>(),
        of_verb::<{ Verb::Explain as u8 }>(),
        of_verb::<{ Verb::Plot as u8 }>(),
    ]
}

/// Two values that a setting may have.
pub(in crate::cli) fn samples(row: &Setting) -> [String; 2] {
    let two = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
    match (row.kind.form, row.key) {
        (Form::Switch, _) => two("true", "true"),
        (Form::Whole, _) => two("3", "4"),
        (Form::Real, _) => two("0.25", "0.75"),
        (Form::Name(names), _) => two(names[0].0, names[1].0),
        (Form::Text, "data" | "test") => two("and", "or"),
        (Form::Text, "class-weights") => two("1,5", "balanced"),
        (Form::Text, _) => two("gpu", "some/file.x"),
        (Form::List(_), "layers") => two("2,4,1", "2,5,1"),
        (Form::List(_), _) => two("a,b", "c"),
    }
}

/// A value as words of a command line.
fn typed(row: &Setting, value: &str) -> Vec<String> {
    let flag = format!("--{}", row.key);
    if row.kind.form == Form::Switch { vec![flag] } else { vec![flag, value.to_owned()] }
}

fn given(verb: Verb, at: usize, value: &str) -> Given {
    let texts: Vec<String> = match SETTINGS[at].kind.form {
        Form::List(_) => value.split(',').map(str::to_owned).collect(),
        _ => vec![value.to_owned()],
    };
    let mut given = Given::new(verb);
    given.insert(at, &texts).unwrap();
    given
}

#[test]
fn the_flags_of_a_command_are_its_rows_and_every_one_is_explained() {
    Cli::command().debug_assert();
    for OfVerb { verb, build, .. } in verbs() {
        let rows = SETTINGS.iter().filter(|row| row.is_in(verb));
        let mut expected: BTreeSet<&str> = rows.map(|row| row.key).collect();
        if Verb::OF_TRAININGS.contains(&verb) {
            expected.insert("config");
        }
        let command = build(Command::new("wgrad"));
        let flags: BTreeSet<&str> =
            command.get_arguments().map(|arg| arg.get_long().unwrap()).collect();
        assert_eq!(flags, expected, "{verb:?}");
        for arg in command.get_arguments() {
            let (key, help) = (arg.get_long().unwrap(), arg.get_help().unwrap().to_string());
            assert!(arg.get_help_heading().is_some_and(|heading| !heading.is_empty()), "{key}");
            let is_sentence = help.chars().next().is_some_and(char::is_uppercase);
            assert!(help.len() > 5 && is_sentence && !help.ends_with('.'), "{key}: {help}");
        }
        // A refused flag is there to say why, not to be offered.
        for row in SETTINGS.iter().filter(|row| row.is_in(verb)) {
            let arg = command.get_arguments().find(|arg| arg.get_long() == Some(row.key)).unwrap();
            assert_eq!(arg.is_hide_set(), row.refusal(verb).is_some(), "{verb:?} --{}", row.key);
        }
    }
}

#[test]
fn the_program_has_no_flag_twice_and_each_row_in_its_commands() {
    let program = Cli::command();
    for (verb, name) in [
        (Verb::Train, "train"),
        (Verb::Sweep, "sweep"),
        (Verb::LrFind, "lr-find"),
        (Verb::Export, "export"),
        (Verb::Predict, "predict"),
        (Verb::Bench, "bench"),
        (Verb::Check, "check"),
        (Verb::Explain, "explain"),
        (Verb::Plot, "plot"),
    ] {
        let command = program.find_subcommand(name).unwrap();
        let has = |key: &str| command.get_arguments().any(|arg| arg.get_id() == key);
        for row in SETTINGS.iter().filter(|row| row.is_in(verb)) {
            assert!(has(row.key), "{name} --{}", row.key);
        }
    }
    for row in SETTINGS.iter().filter(|row| row.is_in(Verb::Train)) {
        let plain = program.get_arguments().any(|arg| arg.get_id() == row.key);
        assert!(plain, "wgrad --{}", row.key);
    }
}

/// The families' numbers are settings, with the help and the default of their rows.
#[test]
fn every_number_of_a_family_is_a_setting_that_says_what_its_row_says() {
    let activations = Activation::ALL.iter().filter_map(|kind| kind.row().hyperparameter);
    let losses = Loss::ALL.iter().filter_map(|kind| kind.row().hyperparameter);
    let optimizers = OptimizerKind::ALL.iter().flat_map(|kind| kind.row().hyperparameters);
    let numbers: BTreeSet<(&str, &str)> = activations
        .map(|row| ("activation", row.name))
        .chain(losses.map(|row| ("loss", row.name)))
        .chain(optimizers.map(|row| ("optimizer", row.name)))
        .collect();
    let of_family = SETTINGS.iter().filter(|row| row.hyperparameter.is_some());
    let settings: BTreeSet<(&str, &str)> =
        of_family.filter_map(|row| Some((row.family?.key(), row.key))).collect();
    assert_eq!(settings, numbers);
    for row in SETTINGS {
        let Some(number) = row.hyperparameter else { continue };
        let help = row.help_in(Verb::Train);
        assert_eq!(row.key, number.name);
        assert!(help.starts_with(number.help), "{help}");
        if row.family.is_some() {
            assert!(help.ends_with(&format!(" [default: {:?}]", number.default)), "{help}");
        }
    }
    let help = |key: &str| SETTINGS.iter().find(|row| row.key == key).unwrap().help_in(Verb::Train);
    assert!(help("weight-decay").ends_with(" [default: 0.01 for adamw, else 0]"));
    assert!(help("decay").ends_with(" [default: decoupled for adamw, else l2]"));
    assert!(help("lr").contains("; 0.1 times that for momentum and nesterov; 0.01 for adam, "));
    let init = " [default: xavier-uniform for tanh, sigmoid and identity, else he-normal]";
    assert!(help("init").ends_with(init), "{}", help("init"));
}

#[test]
fn every_setting_is_read_by_flag_and_by_key_and_written_so_that_it_reads_back() {
    for OfVerb { verb, read, .. } in verbs() {
        for (at, row) in SETTINGS.iter().enumerate() {
            if !row.is_in(verb) || row.refusal(verb).is_some() {
                continue;
            }
            for value in samples(row) {
                let expected = given(verb, at, &value);
                let words = typed(row, &value);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                assert_eq!(read(&words, None).unwrap(), expected, "{verb:?} {words:?}");
                let text = expected.toml();
                assert!(text.starts_with(&format!("{} = ", row.key)), "{text}");
                assert_eq!(Given::read(verb, &text), Ok(expected.clone()), "{text}");
                // As the field of its name, and back.
                let typed = Settings::read(&expected).unwrap();
                assert_ne!(typed, Settings::default(), "{}", row.key);
                assert_eq!(typed.given().toml(), given(Verb::Train, at, &value).toml());
            }
        }
    }
}

#[test]
fn a_flag_wins_over_the_file_and_none_takes_it_back() {
    for (at, row) in SETTINGS.iter().enumerate().filter(|(_, row)| row.is_in(Verb::Train)) {
        let [OfVerb { read, .. }, ..] = verbs();
        let [here, there] = samples(row);
        let file = given(Verb::Train, at, &there).toml();
        let words = typed(row, &here);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(read(&words, Some(&file)).unwrap(), given(Verb::Train, at, &here));
        assert_eq!(read(&[], Some(&file)).unwrap(), given(Verb::Train, at, &there));
        if row.has_none {
            let words = typed(row, NONE);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let merged = read(&words, Some(&file)).unwrap();
            assert_eq!(Settings::read(&merged).unwrap(), Settings::default(), "{}", row.key);
        }
    }
}

#[test]
fn a_resumed_run_keeps_its_identity_and_may_change_the_rest() {
    for (at, row) in SETTINGS.iter().enumerate() {
        if !row.is_in(Verb::Train) || row.kind.form == Form::Switch {
            continue;
        }
        let [kept, now] = samples(row).map(|value| given(Verb::Train, at, &value));
        let nothing = Given::new(Verb::Train);
        let differences = |now: &Given, kept: &Given| keep::differences(now, kept).unwrap();
        assert!(differences(&kept, &kept).is_empty() && differences(&nothing, &kept).is_empty());
        let told = differences(&now, &kept);
        match row.role {
            Role::Identity => {
                let [told] = &told[..] else { panic!("{}: {told:?}", row.key) };
                let [there, here] = samples(row).map(|value| {
                    given(Verb::Train, at, &value).values(|_| true).remove(row.key).unwrap()
                });
                assert_eq!(*told, format!("{} is {there} there and {here} here", row.key));
                assert_eq!(differences(&now, &nothing).len(), 1);
                if row.has_none {
                    let none = given(Verb::Train, at, NONE);
                    assert_eq!(differences(&none, &kept).len(), 1, "{}", row.key);
                    assert!(differences(&none, &nothing).is_empty(), "{}", row.key);
                }
            }
            Role::Free | Role::Device | Role::Output => assert_eq!(told, [""; 0], "{}", row.key),
        }
    }
}

#[test]
fn what_a_command_refuses_it_refuses_by_flag_with_a_reason_and_skips_in_a_file() {
    for OfVerb { verb, read, .. } in verbs() {
        for (at, row) in SETTINGS.iter().enumerate() {
            let Some(reason) = row.refusal(verb) else { continue };
            let [value, _] = samples(row);
            let words = typed(row, &value);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let error = read(&words, None).unwrap_err();
            assert!(error.starts_with(&words.join(" ")) && error.contains(reason), "{error}");
            assert!(reason.contains("; "), "{reason}: what to do");
            let file = given(Verb::Train, at, &value).toml();
            assert_eq!(read(&[], Some(&file)).unwrap(), Given::new(verb), "{}", row.key);
        }
    }
}

#[test]
fn what_a_file_says_wrong_is_told_with_line_and_key() {
    for (text, parts) in [
        ("lr = 0.1\nlearning = 2\n", &["line 2", "learning"][..]),
        ("\n\nlr = 'fast'\n", &["line 3", "lr", "\"fast\" is not a number"]),
        ("lr = 0.1\nloss = 'bec'\n", &["line 2", "loss", "bec", "mse-half-mean"]),
        ("seed = -1\n", &["line 1", "seed", "whole number"]),
        ("seed = 1.5\n", &["line 1", "seed", "whole number"]),
        ("layers = [2, 'x']\n", &["line 1", "layers", "2,3,1"]),
        ("lr = [0.1, 0.2]\n", &["line 1", "lr", "not a list"]),
        ("no-doctor = 1\n", &["line 1", "no-doctor", "true or false"]),
        ("[training]\nlr = 0.1\n", &["line 1", "training"]),
        ("lr = \n", &["line 1"]),
        ("networks = 7\n", &["line 1", "networks"]),
    ] {
        let error = Given::read(Verb::Train, text).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}

#[test]
fn numbers_that_toml_itself_cannot_hold_are_kept() {
    let text = format!("seed = {}\n", u64::MAX);
    let given = Given::read(Verb::Train, &text).unwrap();
    assert_eq!(Settings::read(&given).unwrap().seed, Some(u64::MAX));
    assert_eq!(given.toml(), text);
    let given = Given::read(Verb::Train, "lr = 0.05\neps = 1e-7\n").unwrap();
    assert_eq!(given.toml(), "eps = 0.0000001\nlr = 0.05\n");
    assert_eq!(given.flags(), " --eps 0.0000001 --lr 0.05");
}
