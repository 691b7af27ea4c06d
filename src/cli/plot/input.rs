//! What there is to draw, recognized by what is in it: the folder of a run, a saved network, a table, JSON lines.

use std::path::Path;

use serde_json::Value;

use super::table::{Table, recognized};
use crate::Error;
use crate::model::{Checkpoint, Model, RunFolder, file};
use crate::settings::{Given, Settings, Verb};
use crate::train::Weights;

/// Something to draw.
pub(super) enum Input {
    /// What a training left: its network, its settings, its history, as far as they are there.
    Training(Box<Kept>),
    /// A table.
    Table(Table),
}

/// What a training left.
pub(super) struct Kept {
    /// What it is called.
    pub name: String,
    /// The network, with the weights that `--save` writes.
    pub model: Option<Model>,
    /// The settings, where they are kept.
    pub settings: Option<Settings>,
    /// Its history; no lines where there is none.
    pub history: Vec<Value>,
}

/// The name of a file or a folder, without its ending.
pub(super) fn stem(path: &Path) -> String {
    // Of `.` and `..` too.
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = if full.is_dir() { full.file_name() } else { full.file_stem() };
    name.map_or_else(|| "picture".to_owned(), |name| name.to_string_lossy().into_owned())
}

const KINDS: &str = "give the folder of a run, a saved network (.safetensors), the table of `wgrad sweep --csv`, \
                     `wgrad bench matmul` or `width` with --csv or --json, or `wgrad check --lockstep --csv`";

impl Input {
    /// Reads what is at a path.
    ///
    /// # Errors
    /// [`Error::File`] for what cannot be read, or is nothing that can be drawn.
    pub(super) fn read(path: &Path) -> Result<Input, Error> {
        if path.is_dir() {
            return Ok(Input::Training(Box::new(Kept::of_folder(path)?)));
        }
        let bytes = file::read(path)?;
        // The length of a header, and the header.
        if bytes.get(8) == Some(&b'{') && bytes.get(4..8) == Some(&[0; 4]) {
            return Ok(Input::Training(Box::new(Kept::of_file(path, &bytes)?)));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(Error::bad_file(path, format!("is nothing that can be drawn; {KINDS}")));
        };
        if text.trim_start().starts_with('{') {
            let lines = lines(path, &text)?;
            let is_run = lines.iter().any(|line| line["event"] == "epoch");
            if is_run {
                let kept = Kept { name: stem(path), model: None, settings: None, history: lines };
                return Ok(Input::Training(Box::new(kept)));
            }
            return Ok(Input::Table(Table::of_json(path, &lines)?));
        }
        match recognized(path, &text)? {
            Some(table) => Ok(Input::Table(table)),
            None => {
                let first = text.lines().next().unwrap_or_default();
                let first: String = first.chars().take(40).collect();
                let reason = format!("is no table of wgrad's, it begins with {first:?}; {KINDS}");
                Err(Error::bad_file(path, reason))
            }
        }
    }
}

/// JSON lines; a last one that is not whole is left out, as a run that is still going may be writing it.
fn lines(path: &Path, text: &str) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    let count = text.lines().count();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(value) => all.push(value),
            Err(_) if at + 1 == count => {}
            Err(error) => {
                let reason = format!("line {} is not JSON ({error}); remove that line", at + 1);
                return Err(Error::bad_file(path, reason));
            }
        }
    }
    Ok(all)
}

impl Kept {
    fn of_folder(path: &Path) -> Result<Kept, Error> {
        let (config, history) = (path.join("config.toml"), path.join("history.jsonl"));
        if !config.is_file() {
            let reason = "is not the folder of a run: it has no config.toml; give one that `wgrad --out` wrote";
            return Err(Error::bad_file(path, reason));
        }
        let read = |path: &Path| -> Result<String, Error> {
            let bytes = file::read(path)?;
            String::from_utf8(bytes).map_err(|_| Error::bad_file(path, "is not UTF-8 text"))
        };
        let settings = settings(&config, &read(&config)?)?;
        let history = match history.is_file() {
            true => lines(&history, &read(&history)?)?,
            false => Vec::new(),
        };
        // The weights that --save writes: the best on rows for validation, or those of the end.
        let is_best = settings.validation.is_some() && settings.weights != Some(Weights::Last);
        let weights = match is_best {
            true => RunFolder::weights_path(path),
            false => RunFolder::checkpoint_path(path),
        };
        let model = match weights.is_file() {
            true => Some(model(&weights, &file::read(&weights)?)?),
            false => None,
        };
        let name = stem(path);
        Ok(Kept { name, model, settings: Some(settings), history })
    }

    fn of_file(path: &Path, bytes: &[u8]) -> Result<Kept, Error> {
        let model = model(path, bytes)?;
        let settings = match Checkpoint::from_bytes(bytes) {
            Ok(checkpoint) => Some(settings(path, &checkpoint.settings)?),
            Err(_) => None,
        };
        Ok(Kept { name: stem(path), model: Some(model), settings, history: Vec::new() })
    }
}

fn model(path: &Path, bytes: &[u8]) -> Result<Model, Error> {
    Model::from_bytes(bytes).map_err(|error| Error::bad_file(path, error))
}

fn settings(path: &Path, text: &str) -> Result<Settings, Error> {
    let wrong =
        |reason: String| Error::bad_file(path, format!("its settings cannot be read: {reason}"));
    let given = Given::read(Verb::Train, text).map_err(wrong)?;
    Settings::read(&given)
}
