//! Data that cannot be used: what is wrong, where it stands, and what to do.

use crate::network::Loss;

/// Data that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DataError {
    /// No row.
    #[error("{name}: no rows; a data set needs at least one")]
    Empty {
        /// The data set.
        name: String,
    },
    /// A row with more or fewer fields than the first.
    #[error(
        "{name}: line {line} has {found} fields where the others have {expected}; make every row as long as the first"
    )]
    Ragged {
        /// The data set.
        name: String,
        /// Line of the file, from 1.
        line: u64,
        /// Fields found.
        found: usize,
        /// Fields of the first row.
        expected: usize,
    },
    /// A field that is no finite f32.
    #[error(
        "{name}: line {line}, column {column}: {value:?} is {what}; every field must be a finite number (--ignore leaves a column out)"
    )]
    BadField {
        /// The data set.
        name: String,
        /// Line of the file, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Not text, not a table, or not what it was packed as.
    #[error("{name}: {reason}")]
    Unreadable {
        /// The data set.
        name: String,
        /// What the reader said.
        reason: String,
    },
    /// Columns that a network cannot take.
    #[error(
        "{name}: {columns} columns do not fit a network of {inputs} inputs and {outputs} outputs; give {inputs} columns of inputs and {outputs} of targets, or other --layers"
    )]
    Columns {
        /// The data set.
        name: String,
        /// Columns found.
        columns: usize,
        /// Inputs of the network.
        inputs: usize,
        /// Outputs of the network.
        outputs: usize,
    },
    /// Inputs alone, where training needs targets.
    #[error(
        "{name}: its {columns} columns are the network's {inputs} inputs and no targets; add {outputs} columns of targets, or use other --layers"
    )]
    Targets {
        /// The data set.
        name: String,
        /// Columns found.
        columns: usize,
        /// Inputs of the network.
        inputs: usize,
        /// Outputs of the network.
        outputs: usize,
    },
    /// A prediction beyond the range of f32.
    #[error(
        "{name}: the prediction of row {row} is not finite: its inputs are too large for this network"
    )]
    Prediction {
        /// The data set.
        name: String,
        /// The row, from 1.
        row: usize,
    },
    /// Rows of one shape for a network of another.
    #[error(
        "{name}: rows of {input_len} inputs and {target_len} targets do not fit a network of {inputs} inputs and {outputs} outputs; use --layers {input_len},...,{target_len}"
    )]
    Shape {
        /// The data set.
        name: String,
        /// Inputs of a row.
        input_len: usize,
        /// Targets of a row.
        target_len: usize,
        /// Inputs of the network.
        inputs: usize,
        /// Outputs of the network.
        outputs: usize,
    },
    /// Targets that the loss is not defined for.
    #[error(
        "{name}: row {row} has target {value}, but loss {loss} needs {needed}; use --loss mse-mean, --target-type classes, or other data"
    )]
    BadTarget {
        /// The data set.
        name: String,
        /// The row, from 1.
        row: usize,
        /// The target.
        value: f32,
        /// The loss.
        loss: Loss,
        /// What it needs.
        needed: &'static str,
    },
    /// More rows than a row number can name.
    #[error("{name}: {rows} rows; at most {} are supported", u32::MAX)]
    TooManyRows {
        /// The data set.
        name: String,
        /// How many there are.
        rows: usize,
    },
    /// A column that is asked for and not there.
    #[error("{name}: no column {column:?}; its columns are {choices}")]
    NoColumn {
        /// The data set.
        name: String,
        /// What was asked for: a name, or a number from 1.
        column: String,
        /// The columns there are.
        choices: String,
    },
    /// A column that the network was trained with and the file has not.
    #[error(
        "{name}: has no column {column:?}, by which the network was trained; its columns are {choices}; name them alike, or leave the header out"
    )]
    MissingColumn {
        /// The data set.
        name: String,
        /// Its name.
        column: String,
        /// The columns there are.
        choices: String,
    },
    /// A column with two tasks, or two columns of one name.
    #[error("{name}: column {column:?} {what}; name each column once")]
    Ambiguous {
        /// The data set.
        name: String,
        /// Its name.
        column: String,
        /// What is said of it.
        what: &'static str,
    },
    /// A table of one column.
    #[error(
        "{name}: line {line} has one field, where a table needs columns of inputs and one of targets; it was read with {delimiter} between fields, --delimiter says another"
    )]
    OneColumn {
        /// The data set.
        name: String,
        /// Line of the file, from 1.
        line: u64,
        /// What was taken to stand between fields.
        delimiter: &'static str,
    },
    /// A first line that may be a header.
    #[error(
        "{name}: line {line}, column {column}: {value:?} is {what}; if this line names the columns, say --header yes"
    )]
    MaybeHeader {
        /// The data set.
        name: String,
        /// Line of the file, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A column of targets in which some fields are numbers and others are not.
    #[error(
        "{name}: line {line}, column {column}: {value:?} is {what}, unlike the targets before it; say --target-type classes where it names a class, else mend the field"
    )]
    MixedTargets {
        /// The data set.
        name: String,
        /// Line of the file, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// What stands there.
        value: String,
        /// What it is.
        what: &'static str,
    },
    /// An input that no scale brings into the range of f32.
    #[error(
        "{name}: row {row}, input {input}: {value:e} is beyond the range of f32 once it is normalized; use --normalize none, or other data"
    )]
    Unscalable {
        /// The data set.
        name: String,
        /// The row, from 1.
        row: usize,
        /// The input, from 1.
        input: usize,
        /// Its value.
        value: f32,
    },
    /// A class that training knows nothing of.
    #[error(
        "{name}: line {line} is of class {class:?}, which is none of the classes trained for: {known}; remove such rows, or train with some"
    )]
    UnknownClass {
        /// The data set.
        name: String,
        /// Line of the file, or row, from 1.
        line: u64,
        /// The class.
        class: String,
        /// The classes there are.
        known: String,
    },
    /// All rows of one class.
    #[error("{name}: every row is of class {class:?}; telling classes apart needs at least two")]
    OneClass {
        /// The data set.
        name: String,
        /// The class.
        class: String,
    },
    /// As many classes as the network has no outputs for.
    #[error(
        "{name}: {classes} classes (line {line} is of class {class:?}) for a network of {outputs} outputs; end --layers with {classes}"
    )]
    ClassCount {
        /// The data set.
        name: String,
        /// How many there are.
        classes: usize,
        /// The last of them.
        class: String,
        /// Where it comes first: line of the file, or row, from 1.
        line: u64,
        /// Outputs of the network.
        outputs: usize,
    },
    /// Labels that are hardly classes.
    #[error(
        "{name}: line {line}, column {column}: {value:?} is one label more than the {most} there may be; name the column of classes with --target, or use --target-type numbers"
    )]
    TooManyClasses {
        /// The data set.
        name: String,
        /// Line of the file, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// What stands there.
        value: String,
        /// How many there may be.
        most: usize,
    },
    /// Not an IDX file, or one that does not hold what it says.
    #[error("{name}: {reason}; expected an IDX file, such as MNIST's, plain or packed with gzip")]
    Idx {
        /// The data set.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Images and labels that do not belong together.
    #[error("{name}: {images} rows of inputs and {labels} labels; give files that belong together")]
    IdxCounts {
        /// Both files.
        name: String,
        /// Rows of the first.
        images: usize,
        /// Rows of the second.
        labels: usize,
    },
    /// Rows as long as others are not.
    #[error("{name}: rows of {found} inputs, where {other} has {expected}; give files of one kind")]
    InputCount {
        /// The data set.
        name: String,
        /// Inputs of its rows.
        found: usize,
        /// The data set it goes with.
        other: String,
        /// Inputs of that one's rows.
        expected: usize,
    },
    /// Numbers in one file where another has classes, or more of them.
    #[error(
        "{name}: its targets are {found}, where {other} has {expected}; give files of one kind"
    )]
    TargetKind {
        /// The data set.
        name: String,
        /// What its targets are.
        found: String,
        /// The data set it goes with.
        other: String,
        /// What that one's are.
        expected: String,
    },
    /// Too few rows to keep some aside.
    #[error("{name}: a share of {fraction} of {rows} rows is {kept}; use a {fix} --validation")]
    Split {
        /// The data set.
        name: String,
        /// Its rows.
        rows: usize,
        /// The share asked for.
        fraction: f32,
        /// What that leaves.
        kept: &'static str,
        /// What would do.
        fix: &'static str,
    },
    /// More than the host's memory holds.
    #[error(
        "{name}: out of memory: it needs {bytes} bytes; use fewer rows, or a machine with more"
    )]
    Memory {
        /// The data set.
        name: String,
        /// What is needed.
        bytes: usize,
    },
}

impl DataError {
    /// Its exit code, as in [`crate::Error::exit_code`]: a bad file, but for a flag that names what
    /// is not there, and for too little memory.
    pub fn exit_code(&self) -> u8 {
        match self {
            DataError::NoColumn { .. } | DataError::Split { .. } | DataError::Ambiguous { .. } => 2,
            DataError::Memory { .. } => 4,
            _ => 6,
        }
    }
}

/// Room for `len` numbers, or the bytes that are not there.
pub(super) fn room<T>(name: &str, len: usize) -> Result<Vec<T>, DataError> {
    let mut list = Vec::new();
    match list.try_reserve_exact(len) {
        Ok(()) => Ok(list),
        Err(_) => Err(DataError::Memory {
            name: name.to_owned(),
            bytes: len.saturating_mul(size_of::<T>()),
        }),
    }
}
