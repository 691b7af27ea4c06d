//! The choices that only flags and files have names for.

use std::fmt;
use std::str::FromStr;

use crate::data::Source;
use crate::engine::Mapping;
use crate::network::named;

/// Rows to test on: a share of those that there are, or others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TestRows {
    /// A share above 0 and below 1.
    Share(f32),
    /// Rows of their own.
    Of(Source),
}

impl TestRows {
    /// The rows, where they are others.
    pub(crate) fn source(&self) -> Option<&Source> {
        match self {
            TestRows::Share(_) => None,
            TestRows::Of(source) => Some(source),
        }
    }
}

impl FromStr for TestRows {
    type Err = String;

    fn from_str(text: &str) -> Result<TestRows, String> {
        match text.parse::<f32>() {
            Ok(share) if share > 0.0 && share < 1.0 => Ok(TestRows::Share(share)),
            Ok(_) => {
                Err("must be a share above 0 and below 1, as in --test 0.2, or data".to_owned())
            }
            Err(_) => text.parse().map(TestRows::Of).map_err(|error| format!("{error}")),
        }
    }
}

impl fmt::Display for TestRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TestRows::Share(share) => share.fmt(f),
            TestRows::Of(source) => source.fmt(f),
        }
    }
}

named! {
    /// Whether rows that are held out have the shares of classes that all have.
    pub enum Stratify ("choice") {
        /// They do, as nearly as whole rows allow.
        Yes = "yes",
        /// As they come.
        No = "no",
    }
}

named! {
    /// Which engine to use.
    pub enum EngineChoice ("engine") {
        /// On an adapter the resident engine where the network fits it, else the layered one;
        /// without an adapter the cpu engine.
        Auto = "auto",
        /// Many steps, and many starts, in one dispatch: small networks.
        Resident = "resident",
        /// The same, one network per invocation.
        ResidentInvocation = "resident-invocation",
        /// The same, one network per workgroup.
        ResidentWorkgroup = "resident-workgroup",
        /// On a GPU or a software adapter.
        Layered = "layered",
        /// On the CPU.
        Cpu = "cpu",
    }
}

impl EngineChoice {
    /// For the resident engine, the mapping of networks that is asked for.
    pub(crate) fn mapping(self) -> Option<Mapping> {
        match self {
            EngineChoice::ResidentInvocation => Some(Mapping::Invocation),
            EngineChoice::ResidentWorkgroup => Some(Mapping::Workgroup),
            _ => None,
        }
    }

    /// Whether it is one of those that need an adapter.
    pub(crate) fn needs_adapter(self) -> bool {
        !matches!(self, EngineChoice::Auto | EngineChoice::Cpu)
    }
}

named! {
    /// What a target column holds.
    pub enum TargetType ("target type") {
        /// Names of classes; numbers may be among them.
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

impl Header {
    pub(crate) fn is_there(self) -> Option<bool> {
        match self {
            Header::Auto => None,
            Header::Yes => Some(true),
            Header::No => Some(false),
        }
    }
}

named! {
    /// What stands before the decimals of numbers in a table.
    pub enum Decimal ("decimal mark") {
        /// A comma where all of them have one, and none stands between fields.
        Auto = "auto",
        /// A point.
        Point = "point" | ".",
        /// A comma.
        Comma = "comma" | ",",
    }
}

impl Decimal {
    pub(crate) fn is_comma(self) -> Option<bool> {
        match self {
            Decimal::Auto => None,
            Decimal::Point => Some(false),
            Decimal::Comma => Some(true),
        }
    }
}

named! {
    /// What separates the fields of a table.
    pub enum Delimiter ("delimiter") {
        /// Whatever occurs equally often in each of the first lines.
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
    pub(crate) fn byte(self) -> Option<u8> {
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
