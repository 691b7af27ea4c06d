//! What settings name in files and on standard input: read here, and nowhere else.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::{Given, Resolved, Settings, Verb, data};
use crate::Error;
use crate::data::{
    CsvOptions, DataProblem, Samples, Schema, Source, Table, read_csv, read_idx, unpacked,
};
use crate::model::{Model, ModelError, RunFolder, file, parameters_of};
use crate::network::{Activation, Loss, Network, joined};

impl Given {
    /// What the file of `--config` says.
    ///
    /// # Errors
    /// [`Error::Setting`] with line and key of what is wrong.
    pub(crate) fn read_file(verb: Verb, path: &Path) -> Result<Given, Error> {
        let wrong = |reason: &str| Error::setting(format!("--config {}", path.display()), reason);
        let bytes = file::read(path).map_err(|error| match error {
            Error::File { reason, .. } => wrong(&reason),
            other => other,
        })?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8 text"))?;
        Given::read(verb, &text).map_err(|reason| wrong(&reason))
    }
}

impl Settings {
    /// The training these settings mean, and what goes with it.
    ///
    /// # Errors
    /// Data that cannot be read, a network that cannot be, settings that do not fit the data.
    pub(crate) fn resolve(self) -> Result<Resolved, Error> {
        if let Some(layers) = &self.layers {
            // Impossible sizes are refused before a file is read for them.
            let any = Activation::Identity;
            Network::uniform(layers.clone(), any, any, Loss::MseMean)?;
        }
        let samples = data::load(&self, &read)?;
        self.resolve_with(samples)
    }

    /// The same over rows that are there.
    ///
    /// # Errors
    /// As [`Settings::resolve`].
    pub(crate) fn resolve_with(self, samples: Samples) -> Result<Resolved, Error> {
        let start = self.init_from.clone();
        let (mut training, settings) = self.resolve_over(&samples)?;
        if let Some(path) = start {
            let path = RunFolder::weights_path(Path::new(&path));
            let bytes = file::read(&path)?;
            if let Ok(model) = Model::from_bytes(&bytes) {
                check_schema(&model.schema, &samples.schema)
                    .and_then(|()| check_norm(&model.network, &training.network))
                    .map_err(|reason| Error::bad_file(&path, reason))?;
            }
            let read = parameters_of(&bytes, &training.network);
            let sizes = joined(training.network.sizes(), ",");
            let parameters = read.map_err(|error| {
                let reason = match error {
                    ModelError::Tensor { name, reason } => format!("{name}: {reason}"),
                    other => other.to_string(),
                };
                let fix = format!("--init-from takes the weights of a network of --layers {sizes}");
                Error::bad_file(&path, format!("{reason}; {fix}"))
            })?;
            training.initial = Some(Arc::new(parameters));
            training.check()?;
        }
        Ok(Resolved { training, settings, samples })
    }
}

/// Whether the weights of one training mean the same in another: they are of the same columns and classes.
fn check_schema(there: &Schema, here: &Schema) -> Result<(), String> {
    let differ = |what: &str, there: &[String], here: &[String]| match there == here {
        false if !there.is_empty() && !here.is_empty() => {
            let (there, here) = (there.join(", "), here.join(", "));
            Err(format!(
                "its {what} are {there}, those of this data are {here}; weights of the one mean nothing for the other"
            ))
        }
        _ => Ok(()),
    };
    differ("inputs", &there.inputs, &here.inputs)?;
    differ("classes", there.labels.names(), here.labels.names())
}

/// Whether the weights of one network were learned with the norm that another has: behind it they mean something else.
fn check_norm(there: &Network, here: &Network) -> Result<(), String> {
    match (there.norm(), here.norm()) {
        (there, here) if there == here => Ok(()),
        (there, here) => Err(format!(
            "its norm is {there}, and that of this network {here}; give --norm {there}"
        )),
    }
}

/// A path that holds in any folder.
pub(crate) fn absolute_path(path: &str) -> String {
    std::path::absolute(path).map_or(path.to_owned(), |absolute| absolute.display().to_string())
}

/// The same source by a path that means the same in every folder.
pub(crate) fn absolute(source: Source) -> Source {
    let absolute = |path: String| absolute_path(&path);
    match source {
        Source::Csv(path) => Source::Csv(absolute(path)),
        Source::Idx(images, labels) => Source::Idx(absolute(images), labels.map(absolute)),
        other => other,
    }
}

/// The rows of a file.
pub(crate) fn read(source: &Source, options: &CsvOptions) -> Result<Table, Error> {
    match source {
        Source::Csv(path) => table(path, &file::read(Path::new(path))?, options),
        Source::Stdin => table("standard input", &stdin()?, options),
        Source::Idx(images, labels) => {
            let image_bytes = file::read(Path::new(images))?;
            let label_bytes = match labels {
                Some(path) => Some(file::read(Path::new(path))?),
                None => None,
            };
            let labels = labels.as_deref().zip(label_bytes.as_deref());
            Ok(read_idx((images, &image_bytes), labels)?)
        }
        other => Err(Error::setting(format!("--data {other}"), "has no rows")),
    }
}

fn table(name: &str, bytes: &[u8], options: &CsvOptions) -> Result<Table, Error> {
    Ok(read_csv(name, &unpacked(name, bytes)?, options)?)
}

fn stdin() -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| DataProblem::Unreadable(error.to_string()).of("standard input"))?;
    Ok(bytes)
}
