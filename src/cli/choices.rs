//! The choices that only flags and files have names for.

use crate::engine::Mapping;
use crate::network::named;

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
    pub(super) fn mapping(self) -> Option<Mapping> {
        match self {
            EngineChoice::ResidentInvocation => Some(Mapping::Invocation),
            EngineChoice::ResidentWorkgroup => Some(Mapping::Workgroup),
            _ => None,
        }
    }

    /// Whether it is one of those that need an adapter.
    pub(super) fn needs_adapter(self) -> bool {
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
    pub(super) fn is_there(self) -> Option<bool> {
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
    pub(super) fn is_comma(self) -> Option<bool> {
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
    pub(super) fn byte(self) -> Option<u8> {
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
