//! Tables as text: numbers and classes with commas, semicolons, tabs or blanks between them, with or
//! without a header line.

use std::borrow::Cow;
use std::io::Read;

use csv::StringRecord;

use super::DataError;
use super::table::{Classes, MOST_CLASSES, Table, Targets};

/// How a table is to be read. Nothing said: the first line decides about delimiter and header, and
/// the last column is the target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CsvOptions {
    /// What stands between two fields; one blank means any number of them.
    pub delimiter: Option<u8>,
    /// Whether the first line names the columns.
    pub header: Option<bool>,
    /// The columns of targets, by name or by number from 1.
    pub target: Vec<String>,
    /// Columns to leave out, likewise.
    pub ignore: Vec<String>,
    /// Whether the one column of targets holds classes (else numbers); unsaid, its first field tells.
    pub classes: Option<bool>,
    /// Inputs of the network, where they are given.
    pub inputs: Option<usize>,
    /// Outputs of the network, where they are given.
    pub outputs: Option<usize>,
    /// Whether rows without targets will do.
    pub untaught: bool,
    /// Input columns that are taken by these names, in this order, where a header has them all.
    pub known_inputs: Vec<String>,
    /// The same of the targets, where a header has them.
    pub known_targets: Vec<String>,
}

/// Which columns are what.
struct Plan {
    inputs: Vec<usize>,
    targets: Vec<usize>,
}

/// Reads `bytes` as a table. Lines that begin with `#` are left out. `name` is what errors call it.
///
/// # Errors
/// [`DataError`] names line, column and value of the first field that is not what it should be.
pub fn read_csv(name: &str, bytes: &[u8], options: &CsvOptions) -> Result<Table, DataError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let delimiter = options.delimiter.unwrap_or_else(|| find_delimiter(bytes));
    let bytes = if delimiter == b' ' { single_blanks(bytes) } else { Cow::Borrowed(bytes) };
    let mut lines = Lines::new(name, &bytes, delimiter);
    let empty = || DataError::Empty { name: name.to_owned() };
    if !lines.next()? {
        return Err(empty());
    }
    let has_header = options.header.unwrap_or_else(|| is_header(&lines.record));
    let columns = lines.record.len();
    let headings: Vec<String> = match has_header {
        true => lines.record.iter().map(str::to_owned).collect(),
        false => Vec::new(),
    };
    let plan = Plan::new(name, &headings, columns, options)?;
    if has_header && !lines.next()? {
        return Err(empty());
    }
    let mut inputs = Vec::new();
    let mut targets = first_targets(&plan, &lines.record, options);
    loop {
        let found = lines.record.len();
        if found != columns {
            let (name, line) = (name.to_owned(), lines.line());
            return Err(DataError::Ragged { name, line, found, expected: columns });
        }
        lines.numbers(&plan.inputs, &mut inputs)?;
        match &mut targets {
            Targets::None => {}
            Targets::Numbers { values, .. } => lines.numbers(&plan.targets, values)?,
            Targets::Classes(classes) => lines.class(plan.targets[0], classes)?,
        }
        if !lines.next()? {
            break;
        }
    }
    let named = |columns: &[usize]| {
        columns.iter().filter_map(|&column| headings.get(column).cloned()).collect()
    };
    Ok(Table {
        name: name.to_owned(),
        input_names: named(&plan.inputs),
        target_names: named(&plan.targets),
        input_len: plan.inputs.len(),
        inputs,
        targets,
    })
}

/// What the first row says that targets are.
fn first_targets(plan: &Plan, first: &StringRecord, options: &CsvOptions) -> Targets {
    let len = plan.targets.len();
    let is_text = |column: &usize| {
        let field = first.get(*column).unwrap_or_default();
        !field.is_empty() && field.parse::<f64>().is_err()
    };
    match &plan.targets[..] {
        [] => Targets::None,
        [column] => {
            // One column for several outputs can only name one of them.
            let for_several = options.outputs.is_some_and(|outputs| outputs > 1);
            match options.classes.unwrap_or(for_several || is_text(column)) {
                true => Targets::Classes(Classes::default()),
                false => Targets::Numbers { values: Vec::new(), len },
            }
        }
        _ => Targets::Numbers { values: Vec::new(), len },
    }
}

/// The lines of a table, one after the other.
struct Lines<'a> {
    name: &'a str,
    reader: csv::Reader<std::io::Chain<&'a [u8], &'a [u8]>>,
    record: StringRecord,
}

impl<'a> Lines<'a> {
    fn new(name: &'a str, bytes: &'a [u8], delimiter: u8) -> Lines<'a> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .delimiter(delimiter)
            // The newline ends a last line that is a comment.
            .from_reader(bytes.chain(&b"\n"[..]));
        Lines { name, reader, record: StringRecord::new() }
    }

    /// Reads the next that is not blank; false where there is none.
    fn next(&mut self) -> Result<bool, DataError> {
        loop {
            let read = self.reader.read_record(&mut self.record);
            let is_there = read.map_err(|error| DataError::Unreadable {
                name: self.name.to_owned(),
                reason: error.to_string(),
            })?;
            let is_blank = self.record.len() == 1 && self.record[0].is_empty();
            if !(is_there && is_blank) {
                return Ok(is_there);
            }
        }
    }

    /// Its number, from 1.
    fn line(&self) -> u64 {
        self.record.position().map_or(1, csv::Position::line)
    }

    fn bad(&self, column: usize, what: &'static str) -> DataError {
        DataError::BadField {
            name: self.name.to_owned(),
            line: self.line(),
            column: column + 1,
            value: self.record.get(column).unwrap_or_default().to_owned(),
            what,
        }
    }

    /// Adds the numbers of these columns.
    fn numbers(&self, columns: &[usize], values: &mut Vec<f32>) -> Result<(), DataError> {
        values.try_reserve(columns.len()).map_err(|_| DataError::Memory {
            name: self.name.to_owned(),
            bytes: values.len().saturating_mul(2 * size_of::<f32>()),
        })?;
        for &column in columns {
            let field = self.record.get(column).unwrap_or_default();
            values.push(number(field).map_err(|what| self.bad(column, what))?);
        }
        Ok(())
    }

    /// Adds the class in this column. Numbers are named as such: 1.0 is the class 1.
    fn class(&self, column: usize, classes: &mut Classes) -> Result<(), DataError> {
        let field = self.record.get(column).unwrap_or_default();
        if field.is_empty() {
            return Err(self.bad(column, "empty"));
        }
        let is_known = match field.parse::<f64>() {
            Ok(value) if !value.is_finite() => return Err(self.bad(column, "not finite")),
            Ok(value) => classes.push(&value.to_string(), self.line()),
            Err(_) => classes.push(field, self.line()),
        };
        if is_known {
            return Ok(());
        }
        Err(DataError::TooManyClasses {
            name: self.name.to_owned(),
            line: self.line(),
            column: column + 1,
            value: field.to_owned(),
            most: MOST_CLASSES,
        })
    }
}

impl Plan {
    fn new(
        name: &str,
        headings: &[String],
        columns: usize,
        options: &CsvOptions,
    ) -> Result<Plan, DataError> {
        let place = |wanted: &String| find_column(name, headings, columns, wanted);
        let all = |wanted: &[String]| wanted.iter().map(place).collect::<Result<Vec<_>, _>>();
        let by_name = |names: &[String]| {
            let find = |wanted| headings.iter().position(|heading| heading == wanted);
            names.iter().map(find).collect::<Option<Vec<usize>>>()
        };
        if !options.known_inputs.is_empty()
            && let Some(inputs) = by_name(&options.known_inputs)
        {
            let targets = match &options.target[..] {
                [] => by_name(&options.known_targets).unwrap_or_default(),
                target => all(target)?,
            };
            if options.untaught || !targets.is_empty() {
                return Ok(Plan { inputs, targets });
            }
        }
        let ignored = all(&options.ignore)?;
        let rest: Vec<usize> = (0..columns).filter(|column| !ignored.contains(column)).collect();
        let targets = if options.target.is_empty() {
            let count = target_count(name, rest.len(), options)?;
            rest[rest.len() - count..].to_vec()
        } else {
            all(&options.target)?
        };
        let is_input = |column: &usize| !targets.contains(column);
        let inputs: Vec<usize> = rest.into_iter().filter(is_input).collect();
        if inputs.is_empty() {
            let name = name.to_owned();
            let (inputs, outputs) = (options.inputs.unwrap_or(1), targets.len().max(1));
            return Err(DataError::Columns { name, columns, inputs, outputs });
        }
        Ok(Plan { inputs, targets })
    }
}

/// How many of the last of `columns` are targets: as many as the network has outputs, one that names
/// the output, or none where rows without will do.
fn target_count(name: &str, columns: usize, options: &CsvOptions) -> Result<usize, DataError> {
    let name = name.to_owned();
    match (options.inputs, options.outputs) {
        (Some(inputs), Some(outputs)) => {
            if inputs.checked_add(outputs) == Some(columns) {
                Ok(outputs)
            } else if columns == inputs + 1 {
                Ok(1)
            } else if columns != inputs {
                Err(DataError::Columns { name, columns, inputs, outputs })
            } else if options.untaught {
                Ok(0)
            } else {
                Err(DataError::Targets { name, columns, inputs, outputs })
            }
        }
        _ if columns > 1 => Ok(1),
        _ => Err(DataError::Columns { name, columns, inputs: 1, outputs: 1 }),
    }
}

/// A column by its name, or else by its number from 1.
fn find_column(
    name: &str,
    headings: &[String],
    columns: usize,
    wanted: &str,
) -> Result<usize, DataError> {
    let by_name = headings.iter().position(|heading| heading == wanted.trim());
    let by_number = || {
        let number = wanted.trim().parse::<usize>().ok()?;
        (1..=columns).contains(&number).then(|| number - 1)
    };
    by_name.or_else(by_number).ok_or_else(|| DataError::NoColumn {
        name: name.to_owned(),
        column: wanted.to_owned(),
        choices: match headings.is_empty() {
            true => format!("numbered 1 to {columns}"),
            false => headings.join(", "),
        },
    })
}

/// Delimiters in the order in which they are looked for: where a semicolon stands in every line,
/// commas are in the numbers.
const DELIMITERS: [u8; 5] = *b"\t;,| ";
/// Lines that are looked at for them.
const LOOKED_AT: usize = 10;

/// The delimiter that stands in each of the first lines as often as in the others; else one that
/// stands in the first; else a comma.
fn find_delimiter(bytes: &[u8]) -> u8 {
    let is_text = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.starts_with(b"#");
    let lines: Vec<&[u8]> =
        bytes.split(|&byte| byte == b'\n').filter(is_text).take(LOOKED_AT).collect();
    let even = |delimiter: &u8| {
        let mut counts = lines.iter().map(|line| count(line, *delimiter));
        let first = counts.next().unwrap_or(0);
        first > 0 && counts.all(|count| count == first)
    };
    let in_first = |delimiter: &u8| {
        *delimiter != b' ' && lines.first().is_some_and(|line| count(line, *delimiter) > 0)
    };
    let found = DELIMITERS.into_iter().find(even);
    found.or_else(|| DELIMITERS.into_iter().find(in_first)).unwrap_or(b',')
}

/// How often a delimiter stands in a line outside of quotes; of blanks, how many runs.
fn count(line: &[u8], delimiter: u8) -> usize {
    if delimiter == b' ' {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        return words.count().saturating_sub(1);
    }
    let mut quoted = false;
    let outside = line.iter().filter(|&&byte| {
        quoted ^= byte == b'"';
        !quoted && byte == delimiter
    });
    outside.count()
}

/// The same lines with one blank where there were several.
fn single_blanks(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Vec::with_capacity(bytes.len());
    for line in bytes.split(|&byte| byte == b'\n') {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                text.push(b' ');
            }
            text.extend_from_slice(word);
        }
        text.push(b'\n');
    }
    Cow::Owned(text)
}

/// Whether a first line names the columns: no field is a number of any kind, and not all are empty.
fn is_header(record: &StringRecord) -> bool {
    let is_number = |field: &str| field.parse::<f64>().is_ok();
    !record.iter().any(is_number) && record.iter().any(|field| !field.is_empty())
}

fn number(field: &str) -> Result<f32, &'static str> {
    if field.is_empty() {
        return Err("empty");
    }
    let wide: f64 = field.parse().map_err(|_| "not a number")?;
    let value = wide as f32;
    match (wide.is_finite(), value.is_finite()) {
        (true, true) => Ok(value),
        (true, false) => Err("beyond the range of f32"),
        (false, _) => Err("not finite"),
    }
}

/// One row of numbers with commas between them. `name` is what errors call it.
///
/// # Errors
/// [`DataError::BadField`] with the first field that is no finite number.
pub fn parse_row(name: &str, text: &str) -> Result<Vec<f32>, DataError> {
    let fields = text.split(',').map(str::trim).enumerate();
    let number = |(column, field): (usize, &str)| {
        number(field).map_err(|what| DataError::BadField {
            name: name.to_owned(),
            line: 1,
            column: column + 1,
            value: field.to_owned(),
            what,
        })
    };
    fields.map(number).collect()
}

#[cfg(test)]
mod tests;
