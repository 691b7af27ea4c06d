//! Data that cannot be used: what is wrong, where, and how to fix it.

use crate::network::Loss;

/// Data that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name}: {problem}{}", assumed.as_ref().map(|assumed| format!(" ({assumed})")).unwrap_or_default())]
#[non_exhaustive]
pub struct DataError {
    /// The data set.
    pub name: String,
    /// What is wrong with it.
    pub problem: DataProblem,
    /// Of a table, what was taken for delimiter, names and columns.
    pub assumed: Option<Box<String>>,
}

/// What is wrong with a data set. Lines, rows and columns count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataProblem {
    /// No rows.
    #[error("no rows; a data set needs at least one")]
    Empty,
    /// A row with more or fewer fields than the first.
    #[error(
        "line {line} has {found} field{} where the others have {expected}; make every row as long as the first",
        if *found == 1 { "" } else { "s" }
    )]
    Ragged {
        /// Line of the file.
        line: u64,
        /// Fields found.
        found: usize,
        /// Fields of the first row.
        expected: usize,
    },
    /// A field that cannot be used.
    #[error("line {line}, column {column}: {value:?} is {what}; {fix}")]
    Field {
        /// Line of the file.
        line: u64,
        /// Its column.
        column: usize,
        /// Its text.
        value: String,
        /// What is wrong with it.
        what: String,
        /// How to fix it.
        fix: &'static str,
    },
    /// A file that cannot be read as what it should be: the reason.
    #[error("{0}")]
    Unreadable(String),
    /// A number of columns that does not fit the network.
    #[error(
        "{columns} columns do not fit a network of {inputs} inputs and {outputs} outputs; use {inputs} columns of inputs and {outputs} of targets, or other `sizes`"
    )]
    Columns {
        /// Columns found.
        columns: usize,
        /// Inputs of the network.
        inputs: usize,
        /// Outputs of the network.
        outputs: usize,
    },
    /// Inputs without the targets that training needs.
    #[error(
        "its {columns} columns are the network's {columns} inputs and no targets; add {outputs} columns of targets, or use other `sizes`"
    )]
    NoTargets {
        /// Columns found.
        columns: usize,
        /// Outputs of the network.
        outputs: usize,
    },
    /// A prediction beyond the range of f32, for this row.
    #[error("the prediction of row {0} is not finite: its inputs are too large for this network")]
    Prediction(usize),
    /// Rows whose lengths do not fit the network.
    #[error(
        "rows of {input_len} inputs and {target_len} targets do not fit a network of {inputs} inputs and {outputs} outputs; use `sizes` {input_len},...,{target_len}"
    )]
    Shape {
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
        "row {row} has target {value}, but loss {loss} needs {needed}; use `loss` mse-mean, `classes: true`, or other data"
    )]
    BadTarget {
        /// The row.
        row: usize,
        /// The target.
        value: f32,
        /// The loss.
        loss: Loss,
        /// What it needs.
        needed: &'static str,
    },
    /// More rows than 32 bits can number.
    #[error("{0} rows; at most 4294967295 are supported")]
    TooManyRows(usize),
    /// A column that a flag names and the file does not have.
    #[error("no column {column:?}; its columns are {choices}")]
    NoColumn {
        /// The name, or the number from 1, that was given.
        column: String,
        /// The columns of the file.
        choices: String,
    },
    /// A column that the network was trained with and the file does not have.
    #[error(
        "no column {column:?}, which the network was trained with; its columns are {choices}; rename the columns, or remove the header"
    )]
    MissingColumn {
        /// Its name.
        column: String,
        /// The columns of the file.
        choices: String,
    },
    /// A column with two roles, or two columns of one name.
    #[error("column {column:?} {what}; name each column once")]
    Ambiguous {
        /// Its name.
        column: String,
        /// The conflict.
        what: &'static str,
    },
    /// Two columns of one name.
    #[error(
        "columns {first} and {second} are both named {column:?}; rename one, or leave one out with `ignore` {second}"
    )]
    SameNames {
        /// The name.
        column: String,
        /// The number of the first of them, from 1.
        first: usize,
        /// The number of the second.
        second: usize,
    },
    /// A table of one column.
    #[error(
        "line {line} has one field, but a table needs columns of inputs and one of targets; fields were split at {delimiter}, use `delimiter` to change that"
    )]
    OneColumn {
        /// Line of the file.
        line: u64,
        /// The delimiter that was used.
        delimiter: &'static str,
    },
    /// An input that leaves the range of f32 when it is normalized.
    #[error(
        "row {row}, input {input}: {value:e} is beyond the range of f32 once it is normalized; use `normalize` none, or other data"
    )]
    Unscalable {
        /// The row.
        row: usize,
        /// The input.
        input: usize,
        /// Its value.
        value: f64,
    },
    /// A class that the network was not trained for.
    #[error(
        "line {line} has class {class:?}, which is none of the trained classes {known}; remove such rows, or train with some"
    )]
    UnknownClass {
        /// Line of the file, or row.
        line: u64,
        /// The class.
        class: String,
        /// The trained classes.
        known: String,
    },
    /// Values that are missing, by column.
    #[error("missing values in {}; {fix}", listed(columns, rows))]
    MissingValues {
        /// The columns, and how many values each lacks.
        columns: Vec<(String, usize)>,
        /// Rows of the table.
        rows: usize,
        /// What to do about them.
        fix: &'static str,
    },
    /// Columns of texts with too many values to be inputs.
    #[error(
        "texts with many values cannot be inputs: {}; leave them out with `ignore` {}, or name those that are categories with `categorical`",
        columns.iter().map(|(name, values)| format!("{name} has {values} different ones")).collect::<Vec<_>>().join(", "),
        columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(",")
    )]
    TooManyValues {
        /// The columns, and how many values each has.
        columns: Vec<(String, usize)>,
    },
    /// A text in a column of inputs that was not there in training.
    #[error("line {line}, column {column}: {value:?} was not trained on; known are {known}")]
    UnknownValue {
        /// Line of the file, or row.
        line: u64,
        /// The column.
        column: String,
        /// The text.
        value: String,
        /// What there was in training.
        known: String,
    },
    /// Every row has this class.
    #[error("every row has class {0:?}; classification needs at least two classes")]
    OneClass(String),
    /// A number of classes that the network does not have outputs for.
    #[error(
        "{classes} classes (line {line} has class {class:?}) for a network of {outputs} outputs; end `sizes` with {classes}"
    )]
    ClassCount {
        /// How many there are.
        classes: usize,
        /// One that has no output.
        class: String,
        /// Its first line, or row.
        line: u64,
        /// Outputs of the network.
        outputs: usize,
    },
    /// Class weights that do not fit the classes.
    #[error("`class_weights` {weights}: {reason}")]
    ClassWeights {
        /// The weights.
        weights: String,
        /// What is wrong with them, and the fix.
        reason: String,
    },
    /// Rows unlike those of the data set that they are used with.
    #[error("{found}, where {other} has {expected}; use files of the same kind")]
    Unlike {
        /// What its rows have.
        found: String,
        /// The other data set.
        other: String,
        /// What its rows have.
        expected: String,
    },
    /// A validation split that takes no row, or every row.
    #[error("a fraction of {fraction} of {rows} rows is {part}; use a {fix} {flag}")]
    Split {
        /// Rows of the data set.
        rows: usize,
        /// The fraction for validation.
        fraction: f32,
        /// The rows which that is.
        part: &'static str,
        /// How to change the fraction.
        fix: &'static str,
        /// The flag that it is given with.
        flag: &'static str,
    },
    /// So many bytes, which the host's memory does not hold.
    #[error("out of memory: it needs {0} bytes; use fewer rows, or a machine with more memory")]
    Memory(usize),
}

impl DataProblem {
    /// The error of the data set `name`.
    pub fn of(self, name: impl Into<String>) -> DataError {
        DataError { name: name.into(), problem: self, assumed: None }
    }
}

impl DataError {
    /// The exit code, as in [`crate::Error::exit_code`]: a bad file, except for flags that do not
    /// fit the file and for too little memory.
    pub fn exit_code(&self) -> u8 {
        match self.problem {
            DataProblem::NoColumn { .. }
            | DataProblem::Split { .. }
            | DataProblem::Ambiguous { .. } => 2,
            DataProblem::Memory(_) => 4,
            _ => 6,
        }
    }
}

/// Columns with the number of rows that lack each, the first as a share of all.
fn listed(columns: &[(String, usize)], rows: &usize) -> String {
    let counted = |(at, (name, count)): (usize, &(String, usize))| match at {
        0 => format!("{name} ({count} of {rows} rows)"),
        _ => format!("{name} ({count})"),
    };
    columns.iter().enumerate().map(counted).collect::<Vec<_>>().join(", ")
}

/// An empty list with room for `len` numbers, or the error of too little memory.
pub(super) fn allocate<T>(name: &str, len: usize) -> Result<Vec<T>, DataError> {
    let mut list = Vec::new();
    let bytes = len.saturating_mul(size_of::<T>());
    list.try_reserve_exact(len).map_err(|_| DataProblem::Memory(bytes).of(name))?;
    Ok(list)
}
