//! A network of one's own, which `check` and `explain` look at: that of a training's settings, or a saved one.

use std::path::Path;
use std::sync::Arc;

use super::predict;
use crate::Error;
use crate::check::random_rows;
use crate::data::{Dataset, Normalize, Samples, Schema};
use crate::model::{Model, RunFolder, file};
use crate::network::{Activation, Loss, Network};
use crate::settings::{DATA_AND_NETWORK, DEFAULT_ACTIVATION, Resolved, Setting, Settings, TABLES};

/// Rows that are made up where no data fits the layers, and those of a batch.
const DRAWN_ROWS: usize = 128;
pub(super) const DRAWN_BATCH: usize = 32;

/// The training that settings mean; where no data is given and XOR does not fit the layers, over made-up rows.
pub(super) fn resolved(settings: Settings) -> Result<Resolved, Error> {
    let layers = settings.layers.clone().unwrap_or_default();
    let fits_xor = layers.is_empty() || (layers[0] == 2 && layers[layers.len() - 1] == 1);
    if settings.data.is_some() || fits_xor {
        return settings.resolve();
    }
    let is_of_rows =
        |row: &Setting| [DATA_AND_NETWORK, TABLES].contains(&row.heading) && !row.is_in_model;
    if let Some((row, texts)) = settings.given().rows().find(|(row, _)| is_of_rows(row)) {
        let reason =
            "is about the rows of --data, and without it rows are made up here; give --data";
        return Err(Error::setting(row.flag(texts), reason));
    }
    let outputs = layers.last().copied().unwrap_or(1);
    let loss = settings.loss.unwrap_or(match settings.output_activation {
        None | Some(Activation::Identity) if outputs > 1 => Loss::SoftmaxCrossEntropy,
        None | Some(Activation::Sigmoid) => Loss::Bce,
        Some(_) => Loss::MseMean,
    });
    let output = settings.output_activation.or(loss.required_output());
    let output = output.unwrap_or(Activation::Identity);
    let network =
        Network::uniform(layers, settings.activation.unwrap_or(DEFAULT_ACTIVATION), output, loss)?;
    let rows = DRAWN_ROWS.max(settings.batch.unwrap_or(0));
    let samples = Samples {
        train: Arc::new(random_rows(&network, rows, settings.seed.unwrap_or(0))?),
        validation: None,
        test: None,
        places: Default::default(),
        schema: Schema::default(),
        normalize: Normalize::None,
        normalize_targets: Normalize::None,
        notes: Vec::new(),
    };
    let batch = Some(settings.batch.unwrap_or(DRAWN_BATCH));
    let settings =
        Settings { loss: Some(loss), output_activation: Some(output), batch, ..settings };
    settings.resolve_with(samples)
}

/// A saved network, and rows of `--data` for it, or made-up ones.
pub(super) fn saved(path: &Path, settings: &Settings) -> Result<(Model, Dataset), Error> {
    let path = RunFolder::weights_path(path);
    let model =
        Model::from_bytes(&file::read(&path)?).map_err(|error| Error::bad_file(&path, error))?;
    let given = settings.given();
    if let Some((row, texts)) = given.rows().find(|(row, _)| row.is_in_model) {
        return Err(Error::setting(row.flag(texts), "stands in the file of --model; leave it out"));
    }
    let seed = settings.seed.unwrap_or(0);
    let data = match &settings.data {
        Some(source) => predict::dataset(settings, source, &model)?,
        None => random_rows(&model.network, DRAWN_ROWS.max(settings.batch.unwrap_or(0)), seed)?,
    };
    Ok((model, data))
}
