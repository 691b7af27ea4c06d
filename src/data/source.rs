//! Where rows come from: built-in data sets (gates, parity, 2-D shapes, digits, iris) or files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::shapes::{DEFAULT_ROWS, Shape};
use super::table::Table;
use super::{CsvOptions, DataError, Dataset, read_csv};
use crate::network::UnknownName;

/// The largest N of `parity-N`: 65,536 rows.
const MAX_PARITY: u32 = 16;
/// The possible numbers of rows of a shape.
const SHAPE_ROWS: std::ops::RangeInclusive<u32> = 10..=10_000_000;

/// The built-in data sets, and the files.
const CHOICES: &str = "xor, and, or, nand, parity-2 .. parity-16, circles, moons, spirals, digits, iris; or a file: FILE.csv or any other path of a table, idx:IMAGES,LABELS, or - for standard input";

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Source {
    /// Exclusive or: four rows in the order 00, 01, 10, 11.
    Xor,
    /// And.
    And,
    /// Or.
    Or,
    /// Not and.
    Nand,
    /// Whether an odd number of N inputs is 1: all 2^N rows, the first input changes slowest.
    Parity(u32),
    /// So many 2-D points of two classes.
    Shape(Shape, u32),
    /// 1,797 handwritten digits of 8 x 8 pixels (Alpaydin and Kaynak 1998; `data/README.md`).
    Digits,
    /// 150 irises of three species (Fisher 1936; `data/README.md`).
    Iris,
    /// A table as text.
    Csv(String),
    /// A table as text on standard input.
    Stdin,
    /// An IDX file of inputs, and one of their labels.
    Idx(String, Option<String>),
}

/// The rows of a built-in data set.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BuiltIn {
    /// All of them.
    pub rows: Table,
    /// Whether every fifth row is for testing.
    pub has_test: bool,
}

impl BuiltIn {
    /// The rows to train on, and those to test on: rows `i` with `i % 5 == 4`, counted from 0.
    ///
    /// # Errors
    /// [`DataProblem::Memory`](super::DataProblem::Memory).
    pub fn split(self) -> Result<(Table, Option<Table>), DataError> {
        if !self.has_test {
            return Ok((self.rows, None));
        }
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..self.rows.rows()).partition(|row| row % 5 == 4);
        Ok((self.rows.pick(&train), Some(self.rows.pick(&test))))
    }
}

impl Source {
    /// Built-in data sets, as they are named; of each kind that has a number in its name, one.
    pub const NAMES: &[&str] = &[
        "xor",
        "and",
        "or",
        "nand",
        "parity-3",
        "circles",
        "moons",
        "spirals",
        "iris",
        #[cfg(feature = "digits")]
        "digits",
    ];

    /// The rows of a gate or a parity, else `None`.
    pub fn built_in(&self) -> Option<Result<Dataset, DataError>> {
        let gate: (u32, fn(u32) -> bool) = match *self {
            Source::Xor => (2, |ones| ones == 1),
            Source::And => (2, |ones| ones == 2),
            Source::Or => (2, |ones| ones > 0),
            Source::Nand => (2, |ones| ones < 2),
            Source::Parity(inputs) => (inputs, |ones| ones % 2 == 1),
            _ => return None,
        };
        let (inputs, is_true) = gate;
        let rows = 0..1u32 << inputs;
        let bits = rows.clone().flat_map(|row| (0..inputs).rev().map(move |bit| row >> bit & 1));
        Some(Dataset::new(
            &self.to_string(),
            bits.map(|bit| bit as f32).collect(),
            inputs as usize,
            rows.map(|row| f32::from(u8::from(is_true(row.count_ones())))).collect(),
            1,
        ))
    }

    /// The rows of a built-in data set, `None` for a file: the core reads none. `noise` and `seed` are
    /// for shapes.
    ///
    /// # Errors
    /// [`DataProblem::Memory`](super::DataProblem::Memory).
    pub fn by_name(&self, noise: Option<f32>, seed: u64) -> Option<Result<BuiltIn, DataError>> {
        let rows = match self {
            Source::Shape(shape, rows) => {
                shape.points(*rows, noise.unwrap_or(shape.default_noise()), seed)
            }
            #[cfg(not(feature = "digits"))]
            Source::Digits => {
                let reason = "is left out of this build; give other data".to_owned();
                Err(super::DataProblem::Unreadable(reason).of("digits"))
            }
            #[cfg(feature = "digits")]
            Source::Digits => {
                super::idx::unpacked("digits", include_bytes!("../../data/digits.csv.gz")).and_then(
                    |text| {
                        let classes = CsvOptions { classes: Some(true), ..CsvOptions::default() };
                        read_csv("digits", &text, &classes)
                    },
                )
            }
            Source::Iris => {
                read_csv("iris", include_bytes!("../../data/iris.csv"), &CsvOptions::default())
            }
            _ => self.built_in()?.map(|data| Table::of(&data)),
        };
        let has_test = matches!(self, Source::Shape(..) | Source::Digits | Source::Iris);
        Some(rows.map(|rows| BuiltIn { rows, has_test }))
    }

    /// Whether rows come from a file, or from standard input.
    pub fn is_file(&self) -> bool {
        matches!(self, Source::Csv(_) | Source::Stdin | Source::Idx(..))
    }

    /// Whether the inputs are the pixels of an image.
    pub fn is_image(&self) -> bool {
        matches!(self, Source::Digits | Source::Idx(..))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Xor => f.pad("xor"),
            Source::And => f.pad("and"),
            Source::Or => f.pad("or"),
            Source::Nand => f.pad("nand"),
            Source::Parity(inputs) => f.pad(&format!("parity-{inputs}")),
            Source::Shape(shape, DEFAULT_ROWS) => f.pad(shape.name()),
            Source::Shape(shape, rows) => f.pad(&format!("{shape}-{rows}")),
            Source::Digits => f.pad("digits"),
            Source::Iris => f.pad("iris"),
            Source::Csv(path) => f.pad(path),
            Source::Stdin => f.pad("-"),
            Source::Idx(images, None) => f.pad(&format!("idx:{images}")),
            Source::Idx(images, Some(labels)) => f.pad(&format!("idx:{images},{labels}")),
        }
    }
}

/// The extensions of tables.
const EXTENSIONS: [&str; 4] = [".csv", ".tsv", ".txt", ".data"];

fn is_table(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_suffix(".gz").unwrap_or(&lower);
    // No built-in name has a dot or a slash in it.
    EXTENSIONS.iter().any(|end| name.ends_with(end)) || text.contains(['.', '/', '\\'])
}

/// A shape by name, with or without a number of rows.
fn shape(text: &str) -> Option<Source> {
    if let Ok(shape) = text.parse() {
        return Some(Source::Shape(shape, DEFAULT_ROWS));
    }
    let (name, rows) = text.rsplit_once('-')?;
    let rows = rows.parse().ok().filter(|rows| SHAPE_ROWS.contains(rows))?;
    Some(Source::Shape(name.parse().ok()?, rows))
}

impl FromStr for Source {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Source, UnknownName> {
        if let Some(files) = text.strip_prefix("idx:") {
            let (images, labels) = match files.split_once(',') {
                Some((images, labels)) => (images, Some(labels.to_owned())),
                None => (files, None),
            };
            if !images.is_empty() && labels.as_deref() != Some("") {
                return Ok(Source::Idx(images.to_owned(), labels));
            }
        }
        let name = text.replace('_', "-");
        match name.as_str() {
            "xor" => Ok(Source::Xor),
            "and" => Ok(Source::And),
            "or" => Ok(Source::Or),
            "nand" => Ok(Source::Nand),
            "digits" => Ok(Source::Digits),
            "iris" => Ok(Source::Iris),
            "-" => Ok(Source::Stdin),
            _ if is_table(text) => Ok(Source::Csv(text.to_owned())),
            other => other
                .strip_prefix("parity-")
                .and_then(|inputs| inputs.parse().ok())
                .filter(|inputs| (2..=MAX_PARITY).contains(inputs))
                .map(Source::Parity)
                .or_else(|| shape(other))
                .ok_or_else(|| UnknownName {
                    kind: "data set",
                    value: text.to_owned(),
                    choices: CHOICES.to_owned(),
                }),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = UnknownName;
    fn try_from(text: String) -> Result<Source, UnknownName> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> String {
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Labels;

    fn targets(name: &str) -> Vec<f32> {
        name.parse::<Source>().unwrap().built_in().unwrap().unwrap().targets().to_vec()
    }

    #[test]
    fn truth_tables() {
        assert_eq!(targets("xor"), [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(targets("and"), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(targets("or"), [0.0, 1.0, 1.0, 1.0]);
        assert_eq!(targets("nand"), [1.0, 1.0, 1.0, 0.0]);
        assert_eq!(targets("parity-2"), targets("xor"));
        assert_eq!(targets("parity_3"), [0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        let xor = Source::Xor.built_in().unwrap().unwrap();
        assert_eq!(xor.inputs(), [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn the_real_data_sets_are_whole_and_keep_every_fifth_row() {
        for (source, train, test, inputs, classes) in
            [(Source::Digits, 1438, 359, 64, 10), (Source::Iris, 120, 30, 4, 3)]
        {
            let (rows, held) = source.by_name(None, 0).unwrap().unwrap().split().unwrap();
            assert_eq!((rows.rows(), held.unwrap().rows()), (train, test));
            assert_eq!(rows.input_len(), inputs);
            assert_eq!(Labels::of(&rows, None).unwrap().names().len(), classes);
        }
        // The fifth row of the file is a 4; of its pixels the third is 0, the fourth 1, the fifth 11.
        let digits = Source::Digits.by_name(None, 0).unwrap().unwrap().split().unwrap().1.unwrap();
        assert_eq!(digits.numbers()[2..5], [0.0, 1.0, 11.0]);
        let labels = Labels::of(&digits, None).unwrap();
        let first = digits.encoded(&labels).unwrap().unwrap()[..10].to_vec();
        assert_eq!(first.iter().position(|&target| target == 1.0), Some(4));
    }

    #[test]
    fn names_and_files_are_read_and_written_alike() {
        for text in [
            "xor",
            "parity-9",
            "moons",
            "spirals-2000",
            "digits",
            "iris",
            "a/B.CSV",
            "rows.tsv.gz",
            "-",
            "idx:train-images,train-labels.gz",
            "idx:images",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        assert_eq!("moons-500".parse(), Ok(Source::Shape(Shape::Moons, 500)));
    }

    #[test]
    fn unknown_names_are_refused_with_the_choices() {
        for name in
            ["xnor", "parity-1", "parity-17", "parity-", "moons-9", "moons-x", "idx:", "idx:a,", ""]
        {
            let error = name.parse::<Source>().unwrap_err().to_string();
            assert!(error.contains("xor, and, or, nand, parity-2"), "{error}");
        }
    }
}
