//! Data sets that are known by name: the gates and parity.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DataError, Dataset};

/// The largest N of `parity-N`: 65,536 rows.
const MAX_PARITY: u32 = 16;

/// A name that is no data set's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("data set {name:?} is unknown; choose one of {choices}, or a path ending in .csv")]
pub struct SourceError {
    /// The name given.
    pub name: String,
    /// The names there are.
    pub choices: &'static str,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// Exclusive or: four rows in the order 00, 01, 10, 11.
    Xor,
    /// And.
    And,
    /// Or.
    Or,
    /// Not and.
    Nand,
    /// Whether an odd number of N inputs is 1, all 2^N rows, the first input the slowest.
    Parity(u32),
    /// A file of comma-separated numbers.
    Csv(String),
}

impl Source {
    const CHOICES: &'static str = "xor, and, or, nand, parity-2 .. parity-16";

    /// The rows of a data set known by name, or `None` for a file: the core reads none.
    pub fn built_in(&self) -> Option<Result<Dataset, DataError>> {
        let gate: (u32, fn(u32) -> bool) = match *self {
            Source::Xor => (2, |ones| ones == 1),
            Source::And => (2, |ones| ones == 2),
            Source::Or => (2, |ones| ones > 0),
            Source::Nand => (2, |ones| ones < 2),
            Source::Parity(inputs) => (inputs, |ones| ones % 2 == 1),
            Source::Csv(_) => return None,
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
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Xor => f.pad("xor"),
            Source::And => f.pad("and"),
            Source::Or => f.pad("or"),
            Source::Nand => f.pad("nand"),
            Source::Parity(inputs) => f.pad(&format!("parity-{inputs}")),
            Source::Csv(path) => f.pad(path),
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Source, SourceError> {
        match text.replace('_', "-").as_str() {
            "xor" => Ok(Source::Xor),
            "and" => Ok(Source::And),
            "or" => Ok(Source::Or),
            "nand" => Ok(Source::Nand),
            _ if text.to_ascii_lowercase().ends_with(".csv") => Ok(Source::Csv(text.to_owned())),
            other => other
                .strip_prefix("parity-")
                .and_then(|inputs| inputs.parse().ok())
                .filter(|inputs| (2..=MAX_PARITY).contains(inputs))
                .map(Source::Parity)
                .ok_or_else(|| SourceError { name: text.to_owned(), choices: Source::CHOICES }),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = SourceError;
    fn try_from(text: String) -> Result<Source, SourceError> {
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
    fn unknown_names_are_refused_with_the_choices() {
        for name in ["xnor", "parity-1", "parity-17", "parity-", "parity-x", ""] {
            let error = name.parse::<Source>().unwrap_err().to_string();
            assert!(error.contains("xor, and, or, nand, parity-2"), "{error}");
        }
        assert_eq!("a/B.CSV".parse(), Ok(Source::Csv("a/B.CSV".to_owned())));
    }
}
