//! From the settings of data to rows.

use sha2::{Digest, Sha256};

use super::choices::{Decimal, Delimiter, Header, Stratify, TargetType, TestRows};
use super::{Settings, TABLES};
use crate::Error;
use crate::data::{CsvOptions, Missing, Normalize, Preparation, Samples, Source, Table};
use crate::network::{Activation, Loss};

/// How tables are to be read.
pub(crate) fn csv_options(settings: &Settings) -> Result<CsvOptions, Error> {
    let comment = match settings.comment.as_deref().map(str::as_bytes) {
        None => Some(b'#'),
        Some(b"none") => None,
        Some(&[mark]) if mark.is_ascii() => Some(mark),
        Some(_) => {
            let comment = settings.comment.as_deref().unwrap_or_default();
            let reason = "must be one ASCII character, as in --comment %, or none";
            return Err(Error::setting(format!("--comment {comment}"), reason));
        }
    };
    Ok(CsvOptions {
        delimiter: settings.delimiter.and_then(Delimiter::byte),
        header: settings.header.and_then(Header::is_there),
        skip_lines: settings.skip_lines.unwrap_or(0),
        comment,
        decimal_comma: settings.decimal.and_then(Decimal::is_comma),
        target: settings.target.clone().unwrap_or_default(),
        ignore: settings.ignore.clone().unwrap_or_default(),
        categorical: settings.categorical.clone().unwrap_or_default(),
        missing: settings.missing.unwrap_or(Missing::Error),
        ..CsvOptions::default()
    })
}

/// Settings of tables have no effect on other data.
pub(crate) fn check_tables(
    settings: &Settings,
    sources: [Option<&Source>; 2],
) -> Result<(), Error> {
    let [Some(source), _] = sources else { return Ok(()) };
    if sources.into_iter().flatten().any(is_table) {
        return Ok(());
    }
    match settings.given().rows().find(|(row, _)| row.heading == TABLES) {
        Some((row, texts)) => {
            let reason = format!("is about tables, which --data {source} is not; leave it out");
            Err(Error::setting(row.flag(texts), reason))
        }
        None => Ok(()),
    }
}

/// Whether the target column holds classes, where the settings decide that.
fn has_classes(settings: &Settings) -> Option<bool> {
    match (settings.target_type, settings.loss, &settings.layers) {
        (Some(target_type), _, _) => Some(target_type == TargetType::Classes),
        // As many targets as outputs may be one-of-n rows.
        (None, Some(Loss::SoftmaxCrossEntropy), None) => Some(true),
        _ => None,
    }
}

/// The number of outputs of the network, where the settings decide that.
fn outputs(settings: &Settings, table: &Table) -> Option<usize> {
    let by_layers = settings.layers.as_ref().and_then(|layers| layers.last().copied());
    let one = matches!(settings.loss, Some(Loss::Bce | Loss::BceWithLogits));
    by_layers.or((one && table.class_count() == 2).then_some(1))
}

/// Whether single targets of 0 and 1 are two classes with an output each.
fn is_by_class(settings: &Settings) -> bool {
    let outputs = settings.layers.as_ref().and_then(|layers| layers.last().copied());
    settings.loss == Some(Loss::SoftmaxCrossEntropy) && outputs.is_none_or(|outputs| outputs == 2)
}

fn is_table(source: &Source) -> bool {
    matches!(source, Source::Csv(_) | Source::Stdin)
}

/// The scaling where none is given: the range of pixels is known, the four measures of a flower have a scale
/// each, and tables are taken as they are.
fn default_normalize(source: &Source) -> Option<Normalize> {
    match source {
        Source::Digits | Source::Idx(..) => Some(Normalize::Unit),
        Source::Shape(..) => Some(Normalize::None),
        _ => None,
    }
}

/// How targets that are numbers are normalized where nobody says: unless the loss or the output activation
/// has a scale of its own.
fn default_normalize_targets(settings: &Settings) -> Normalize {
    let is_free = |loss: Loss| !loss.predicts_probabilities();
    let is_identity = |&output: &Activation| output == Activation::Identity;
    let free = settings.loss.is_none_or(is_free);
    match free && settings.output_activation.as_ref().is_none_or(is_identity) {
        true => Normalize::Standard,
        false => Normalize::None,
    }
}

/// Reads the rows of a source that has none by name.
pub(crate) type Reader<'a> = &'a dyn Fn(&Source, &CsvOptions) -> Result<Table, Error>;

/// The rows that the settings name.
pub(crate) fn load(settings: &Settings, read: Reader<'_>) -> Result<Samples, Error> {
    let source = settings.data.clone().unwrap_or(Source::Xor);
    check(settings, &source)?;
    let ends =
        settings.layers.as_deref().and_then(|layers| Some((*layers.first()?, *layers.last()?)));
    let options = CsvOptions {
        classes: has_classes(settings),
        inputs: ends.map(|ends| ends.0),
        outputs: ends.map(|ends| ends.1),
        ..csv_options(settings)?
    };
    let seed = settings.data_seed.unwrap_or(0);
    let share = match settings.test {
        Some(TestRows::Share(share)) => Some(share),
        _ => None,
    };
    let (train, own_test) = match source.by_name(settings.noise, seed) {
        Some(rows) if share.is_some() => (rows?.rows, None),
        Some(rows) => rows?.split()?,
        None => (read(&source, &options)?, None),
    };
    let (train, own_test) = match is_by_class(settings) {
        true => (train.with_classes(), own_test.map(Table::with_classes)),
        false => (train, own_test),
    };
    if !train.has_targets() {
        let name = train.name().to_owned();
        let reason = "has no targets; training needs some, as in --data idx:IMAGES,LABELS";
        return Err(Error::setting(format!("--data {name}"), reason));
    }
    let test = match settings.test.as_ref().and_then(TestRows::source) {
        None => own_test,
        Some(source) => {
            let (inputs, targets) = train.names();
            let options = CsvOptions {
                classes: Some(train.has_classes()),
                known_inputs: inputs.to_vec(),
                known_targets: targets.to_vec(),
                known_texts: train.texts(),
                ..options
            };
            Some(read_test(source, &options, settings, read)?)
        }
    };
    let preparation = Preparation {
        validation: settings.validation,
        test: share,
        is_stratified: settings.stratify != Some(Stratify::No),
        seed,
        fills: settings.missing == Some(Missing::Mean),
        normalize: settings.normalize.or(default_normalize(&source)),
        normalize_targets: Some(
            settings.normalize_targets.unwrap_or(default_normalize_targets(settings)),
        ),
        together: source.is_image(),
        class_weights: settings.class_weights.clone().unwrap_or_default(),
        outputs: outputs(settings, &train),
    };
    Ok(Samples::new(train, test, &preparation)?)
}

fn read_test(
    source: &Source,
    options: &CsvOptions,
    settings: &Settings,
    read: Reader<'_>,
) -> Result<Table, Error> {
    match source.by_name(settings.noise, settings.data_seed.unwrap_or(0)) {
        Some(rows) => {
            let (train, test) = rows?.split()?;
            Ok(test.unwrap_or(train))
        }
        None => read(source, options),
    }
}

/// Whether the settings of data fit each other, before a file is read.
fn check(settings: &Settings, source: &Source) -> Result<(), Error> {
    let test = settings.test.as_ref().and_then(TestRows::source);
    let sources = [Some(source), test];
    check_tables(settings, sources)?;
    if let Some(fraction) = settings.validation
        && !(fraction > 0.0 && fraction < 1.0)
    {
        let reason = "must be a share above 0 and below 1, as in --validation 0.2";
        return Err(Error::setting(format!("--validation {fraction}"), reason));
    }
    if let Some(noise) = settings.noise {
        let is_shape = |source: &Source| matches!(source, Source::Shape(..));
        if !sources.into_iter().flatten().any(is_shape) {
            let reason = "is for --data circles, moons and spirals; leave it out";
            return Err(Error::setting(format!("--noise {noise}"), reason));
        }
        if !(noise.is_finite() && noise >= 0.0) {
            let reason = "must be a deviation of 0 or more, as in --noise 0.1";
            return Err(Error::setting(format!("--noise {noise}"), reason));
        }
    }
    if (Some(source), &Some(Source::Stdin)) == (test, &settings.data) {
        let reason = "is read by --data already; give a file";
        return Err(Error::setting("--test -", reason));
    }
    Ok(())
}

/// SHA-256 over all inputs and targets: the same rows have the same wherever they lay.
pub(crate) fn hash(data: &crate::data::Dataset) -> String {
    let mut hash = Sha256::new();
    for value in data.inputs().iter().chain(data.targets()) {
        hash.update(value.to_le_bytes());
    }
    hex(hash)
}

/// A hash as text.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
