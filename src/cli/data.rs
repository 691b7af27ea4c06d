//! From the flags about data to rows: files are read here, and nowhere else.

use std::io::Read;
use std::path::Path;

use super::bad_setting;
use super::settings::Settings;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::data::{
    CsvOptions, DataError, Normalize, Preparation, Samples, Source, Table, read_csv, read_idx,
    unpacked,
};
use crate::model::file;
use crate::network::named;

named! {
    /// What a column of targets holds.
    pub enum TargetType ("target type") {
        /// Names of classes, of which numbers may be some.
        Classes = "classes",
        /// Numbers.
        Numbers = "numbers",
    }
}

named! {
    /// Whether a table begins with the names of its columns.
    pub enum Header ("header") {
        /// It does where no field of the first line is a number.
        Auto = "auto",
        /// It does.
        Yes = "yes",
        /// It does not.
        No = "no",
    }
}

named! {
    /// What stands between the fields of a table.
    pub enum Delimiter ("delimiter") {
        /// What stands equally often in each of the first lines.
        Auto = "auto",
        /// A comma.
        Comma = "comma" | ",",
        /// A semicolon.
        Semicolon = "semicolon" | ";",
        /// A tab.
        Tab = "tab" | "\t",
        /// A vertical bar.
        Pipe = "pipe" | "|",
        /// Any number of blanks.
        Blank = "blank" | "space" | " ",
    }
}

impl Delimiter {
    fn byte(self) -> Option<u8> {
        Some(match self {
            Delimiter::Auto => return None,
            Delimiter::Comma => b',',
            Delimiter::Semicolon => b';',
            Delimiter::Tab => b'\t',
            Delimiter::Pipe => b'|',
            Delimiter::Blank => b' ',
        })
    }
}

impl Header {
    fn is_there(self) -> Option<bool> {
        match self {
            Header::Auto => None,
            Header::Yes => Some(true),
            Header::No => Some(false),
        }
    }
}

/// How tables are to be read, as flags say it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableFlags<'a> {
    pub target: Option<&'a [String]>,
    pub ignore: Option<&'a [String]>,
    pub header: Option<Header>,
    pub delimiter: Option<Delimiter>,
}

impl TableFlags<'_> {
    /// The same for the reader.
    pub(super) fn options(self) -> CsvOptions {
        CsvOptions {
            delimiter: self.delimiter.and_then(Delimiter::byte),
            header: self.header.and_then(Header::is_there),
            target: self.target.unwrap_or_default().to_vec(),
            ignore: self.ignore.unwrap_or_default().to_vec(),
            ..CsvOptions::default()
        }
    }

    /// Flags about tables mean nothing where there is none.
    pub(super) fn check(self, sources: [Option<&Source>; 2]) -> Result<(), Error> {
        let [Some(source), _] = sources else { return Ok(()) };
        if sources.into_iter().flatten().any(is_table) {
            return Ok(());
        }
        let given = [
            ("--target", self.target.is_some()),
            ("--ignore", self.ignore.is_some()),
            ("--header", self.header.is_some()),
            ("--delimiter", self.delimiter.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(bad_setting(
                *flag,
                format!("is about tables, which --data {source} is not; leave it out"),
            )),
            None => Ok(()),
        }
    }
}

fn is_table(source: &Source) -> bool {
    matches!(source, Source::Csv(_) | Source::Stdin)
}

/// The scale that suits data where nothing is said: that of pixels is known, and four measures of a
/// flower have each their own; a table is taken as it stands.
pub(super) fn default_normalize(source: &Source) -> Normalize {
    match source {
        Source::Digits | Source::Idx(..) => Normalize::Unit,
        Source::Iris => Normalize::Standard,
        _ => Normalize::None,
    }
}

/// The rows that settings mean.
pub(super) fn load(settings: &Settings) -> Result<Samples, Error> {
    let source = settings.data.clone().unwrap_or(Source::Xor);
    check(settings, &source)?;
    let flags = settings.table_flags();
    let ends =
        settings.layers.as_deref().and_then(|layers| Some((*layers.first()?, *layers.last()?)));
    let options = CsvOptions {
        classes: settings.classes(),
        inputs: ends.map(|ends| ends.0),
        outputs: ends.map(|ends| ends.1),
        ..flags.options()
    };
    let seed = settings.data_seed.unwrap_or(0);
    let (train, own_test) = match source.by_name(settings.noise, seed) {
        Some(rows) => rows?.split()?,
        None => (read(&source, &options)?, None),
    };
    if !train.is_taught() {
        let name = train.name().to_owned();
        let reason = "has no targets; training needs some, as in --data idx:IMAGES,LABELS";
        return Err(bad_setting(format!("--data {name}"), reason));
    }
    let test = match &settings.test {
        None => own_test,
        Some(source) => {
            let (inputs, targets) = train.names();
            let options = CsvOptions {
                classes: Some(train.has_classes()),
                known_inputs: inputs.to_vec(),
                known_targets: targets.to_vec(),
                ..options
            };
            Some(read_test(source, &options, settings)?)
        }
    };
    let preparation = Preparation {
        validation: settings.validation,
        seed,
        normalize: settings.normalize.unwrap_or(default_normalize(&source)),
        together: source.is_image(),
        outputs: settings.wanted_outputs(&train),
    };
    Ok(Samples::new(train, test, &preparation)?)
}

fn read_test(source: &Source, options: &CsvOptions, settings: &Settings) -> Result<Table, Error> {
    match source.by_name(settings.noise, settings.data_seed.unwrap_or(0)) {
        Some(rows) => {
            let (train, test) = rows?.split()?;
            Ok(test.unwrap_or(train))
        }
        None => read(source, options),
    }
}

/// What flags say of each other and of the data, before a file is read.
fn check(settings: &Settings, source: &Source) -> Result<(), Error> {
    let sources = [Some(source), settings.test.as_ref()];
    settings.table_flags().check(sources)?;
    if settings.target_type.is_some() && !is_table(source) {
        let reason = format!("is about tables, which --data {source} is not; leave it out");
        return Err(bad_setting("--target-type", reason));
    }
    if let Some(fraction) = settings.validation
        && !(fraction > 0.0 && fraction < 1.0)
    {
        let reason = "must be a share above 0 and below 1, as in --validation 0.2";
        return Err(bad_setting(format!("--validation {fraction}"), reason));
    }
    if let Some(noise) = settings.noise {
        let is_shape = |source: &Source| matches!(source, Source::Shape(..));
        if !sources.into_iter().flatten().any(is_shape) {
            let reason = "is for --data circles, moons and spirals; leave it out";
            return Err(bad_setting(format!("--noise {noise}"), reason));
        }
        if !(noise.is_finite() && noise >= 0.0) {
            let reason = "must be a deviation of 0 or more, as in --noise 0.1";
            return Err(bad_setting(format!("--noise {noise}"), reason));
        }
    }
    if (Some(source), &Some(Source::Stdin)) == (settings.test.as_ref(), &settings.data) {
        let reason = "is read by --data already; give a file";
        return Err(bad_setting("--test -", reason));
    }
    Ok(())
}

/// The rows of a file.
pub(super) fn read(source: &Source, options: &CsvOptions) -> Result<Table, Error> {
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
        other => Err(bad_setting(format!("--data {other}"), "has no rows")),
    }
}

fn table(name: &str, bytes: &[u8], options: &CsvOptions) -> Result<Table, Error> {
    Ok(read_csv(name, &unpacked(name, bytes)?, options)?)
}

fn stdin() -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| DataError::Unreadable {
        name: "standard input".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(bytes)
}
/// SHA-256 over all inputs and targets: the same rows have the same wherever they lay.
pub(super) fn hash(data: &crate::data::Dataset) -> String {
    let mut hash = Sha256::new();
    for value in data.inputs().iter().chain(data.targets()) {
        hash.update(value.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
