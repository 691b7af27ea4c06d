//! Tables as text: numbers and classes with commas, semicolons, tabs or blanks between them, with or
//! without a header line.

use std::borrow::Cow;
use std::cell::Cell;
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
    lines.may_be_header = options.header.is_none();
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
    if columns == 1 && !(options.untaught && options.inputs == Some(1)) {
        let (name, line, delimiter) = (name.to_owned(), lines.line(), delimiter_name(delimiter));
        return Err(DataError::OneColumn { name, line, delimiter });
    }
    let plan = Plan::new(name, &headings, columns, options)?;
    if has_header {
        lines.may_be_header = false;
        if !lines.next()? {
            return Err(empty());
        }
    }
    let mut inputs = Vec::new();
    let mut targets = first_targets(&plan, &lines.record, options);
    let is_said = options.classes.is_some();
    loop {
        let found = lines.record.len();
        if found != columns {
            let (name, line) = (name.to_owned(), lines.line());
            return Err(DataError::Ragged { name, line, found, expected: columns });
        }
        lines.numbers(&plan.inputs, &mut inputs)?;
        match &mut targets {
            Targets::None => {}
            Targets::Numbers { values, .. } => {
                if let ([column], false) = (&plan.targets[..], is_said) {
                    lines.check_unmixed(*column, false)?;
                }
                lines.numbers(&plan.targets, values)?;
            }
            Targets::Classes(classes) => {
                let for_several = options.outputs.is_some_and(|outputs| outputs > 1);
                if !is_said && !for_several {
                    lines.check_unmixed(plan.targets[0], true)?;
                }
                lines.class(plan.targets[0], classes)?;
            }
        }
        lines.may_be_header = false;
        if !lines.next()? {
            break;
        }
    }
    // Names that do not tell columns apart are none.
    let is_named = headings
        .iter()
        .enumerate()
        .all(|(column, heading)| !heading.is_empty() && !headings[..column].contains(heading));
    let named = |columns: &[usize]| {
        let names = columns.iter().filter(|_| is_named);
        names.filter_map(|&column| headings.get(column).cloned()).collect()
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
    bytes: &'a [u8],
    reader: csv::Reader<std::io::Chain<&'a [u8], &'a [u8]>>,
    record: StringRecord,
    /// Whether this is the first line, and nobody said that it is not a header.
    may_be_header: bool,
    /// A place in `bytes` and the lines before it.
    counted: Cell<(usize, u64)>,
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
        let record = StringRecord::new();
        Lines { name, bytes, reader, record, may_be_header: false, counted: Cell::default() }
    }

    /// Reads the next that is not blank; false where there is none.
    fn next(&mut self) -> Result<bool, DataError> {
        loop {
            let read = self.reader.read_record(&mut self.record);
            let is_there = read.map_err(|error| {
                let reason = match error.kind() {
                    csv::ErrorKind::Utf8 { pos: Some(place), .. } => {
                        let line = self.line_at(place.byte() as usize);
                        format!("line {line} is not UTF-8 text; save the file as UTF-8")
                    }
                    _ => error.to_string(),
                };
                DataError::Unreadable { name: self.name.to_owned(), reason }
            })?;
            if self.record.as_slice().contains(['\n', '\r']) {
                let line = self.line();
                let reason = format!("line {line} opens a quote that is not closed there");
                return Err(DataError::Unreadable { name: self.name.to_owned(), reason });
            }
            let is_blank = self.record.len() == 1 && self.record[0].is_empty();
            if !(is_there && is_blank) {
                return Ok(is_there);
            }
        }
    }

    /// Its number, from 1.
    fn line(&self) -> u64 {
        self.line_at(self.record.position().map_or(0, |place| place.byte() as usize))
    }

    /// The number of the line whose record was looked for from this byte on: the reader passes over
    /// line ends, blank lines and comments before it begins.
    fn line_at(&self, from: usize) -> u64 {
        let (mut at, mut lines) = self.counted.get();
        if at > from {
            (at, lines) = (0, 0);
        }
        let end_of = |at: usize| {
            let rest = &self.bytes[at.min(self.bytes.len())..];
            rest.iter()
                .position(|byte| b"\r\n".contains(byte))
                .map_or(self.bytes.len(), |len| at + len)
        };
        loop {
            let end = end_of(at);
            let line = &self.bytes[at.min(end)..end];
            let is_blank = line.trim_ascii().is_empty() || line.starts_with(b"#");
            // The line that holds the byte, or the first with something in it behind it.
            if end >= self.bytes.len() || end >= from && !is_blank {
                self.counted.set((at, lines));
                return lines + 1;
            }
            at = end + if self.bytes[end..].starts_with(b"\r\n") { 2 } else { 1 };
            lines += 1;
        }
    }

    fn bad(&self, column: usize, what: &'static str) -> DataError {
        let (name, line) = (self.name.to_owned(), self.line());
        let value = self.record.get(column).unwrap_or_default().to_owned();
        let column = column + 1;
        match self.may_be_header {
            true => DataError::MaybeHeader { name, line, column, value, what },
            false => DataError::BadField { name, line, column, value, what },
        }
    }

    /// Whether the field in this column is of the kind that the fields before it are.
    fn check_unmixed(&self, column: usize, are_classes: bool) -> Result<(), DataError> {
        let field = self.record.get(column).unwrap_or_default();
        let is_number = field.parse::<f64>().is_ok_and(f64::is_finite);
        let is_missing =
            field.is_empty() || field.parse::<f64>().is_ok_and(|value| !value.is_finite());
        if is_missing || is_number != are_classes || self.may_be_header {
            return Ok(());
        }
        Err(DataError::MixedTargets {
            name: self.name.to_owned(),
            line: self.line(),
            column: column + 1,
            value: field.to_owned(),
            what: if is_number { "a number" } else { "not a number" },
        })
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

    /// Adds the class in this column, by its text; 1.0 is the class 1.
    fn class(&self, column: usize, classes: &mut Classes) -> Result<(), DataError> {
        let field = self.record.get(column).unwrap_or_default();
        if field.is_empty() {
            return Err(self.bad(column, "empty"));
        }
        if field.chars().any(char::is_control) {
            return Err(self.bad(column, "with a control character in it"));
        }
        if is_decimal_comma(field) {
            return Err(self.bad(column, DECIMAL_COMMA));
        }
        if field.parse::<f64>().is_ok_and(|value| !value.is_finite()) {
            return Err(self.bad(column, "not finite"));
        }
        let whole = field.split_once('.').filter(|(whole, rest)| {
            whole.parse::<i64>().is_ok() && rest.bytes().all(|digit| digit == b'0')
        });
        let is_known = classes.push(whole.map_or(field, |(whole, _)| whole), self.line());
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
        // A table to test on is read by the names that the one to learn from has, and what is said of
        // columns was said of that one.
        let is_known = !options.known_inputs.is_empty() && !headings.is_empty();
        let said = |wanted: &[String]| {
            if is_known && !options.untaught { Ok(Vec::new()) } else { all(wanted) }
        };
        let (ignored, chosen) = (said(&options.ignore)?, said(&options.target)?);
        let twice = |what| {
            move |column: &usize| DataError::Ambiguous {
                name: name.to_owned(),
                column: headings.get(*column).cloned().unwrap_or_else(|| (column + 1).to_string()),
                what,
            }
        };
        if let Some(column) = chosen.iter().find(|column| ignored.contains(column)) {
            return Err(twice("is both a target and left out")(column));
        }
        if let Some((_, column)) =
            chosen.iter().enumerate().find(|(at, column)| chosen[..*at].contains(column))
        {
            return Err(twice("is a target twice")(column));
        }
        if is_known {
            return Plan::by_names(name, headings, options, &ignored, chosen);
        }
        let rest: Vec<usize> = (0..columns).filter(|column| !ignored.contains(column)).collect();
        let targets = if options.target.is_empty() {
            let count = target_count(name, rest.len(), options)?;
            rest[rest.len() - count..].to_vec()
        } else {
            chosen
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

impl Plan {
    /// The columns that the network was trained with, wherever they stand.
    fn by_names(
        name: &str,
        headings: &[String],
        options: &CsvOptions,
        ignored: &[usize],
        chosen: Vec<usize>,
    ) -> Result<Plan, DataError> {
        let find = |wanted: &String| {
            let mut found = (0..headings.len()).filter(|&column| headings[column] == *wanted);
            match (found.next(), found.next()) {
                (Some(column), None) => Ok(column),
                (None, _) => Err(DataError::MissingColumn {
                    name: name.to_owned(),
                    column: wanted.clone(),
                    choices: headings.join(", "),
                }),
                _ => Err(DataError::Ambiguous {
                    name: name.to_owned(),
                    column: wanted.clone(),
                    what: "stands twice in the header",
                }),
            }
        };
        let inputs = options.known_inputs.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        if !chosen.is_empty() {
            return Ok(Plan { inputs, targets: chosen });
        }
        let known = options.known_targets.iter().map(find).collect::<Result<Vec<_>, _>>();
        let targets = match known {
            Ok(known) if known.iter().any(|column| ignored.contains(column)) => Vec::new(),
            Ok(known) => known,
            Err(_) if options.untaught => Vec::new(),
            Err(error) => return Err(error),
        };
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

/// What a delimiter is called.
fn delimiter_name(delimiter: u8) -> &'static str {
    match delimiter {
        b'\t' => "tabs",
        b';' => "semicolons",
        b'|' => "bars",
        b' ' => "blanks",
        _ => "commas",
    }
}

/// The delimiter that stands in each of the first lines as often as in the others, and leaves the
/// most numbers between; else one that stands in the first; else blanks, where nothing else stands
/// there; else a comma.
fn find_delimiter(bytes: &[u8]) -> u8 {
    let is_text = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.starts_with(b"#");
    let lines: Vec<&[u8]> =
        bytes.split(|byte| b"\r\n".contains(byte)).filter(is_text).take(LOOKED_AT).collect();
    let is_even = |delimiter: u8| {
        let mut counts = lines.iter().map(|line| count(line, delimiter));
        let first = counts.next().unwrap_or(0);
        first > 0 && counts.all(|count| count == first)
    };
    let [marks @ .., blank] = DELIMITERS;
    // In thousandths of the fields of the last line, which is no header.
    let numbers = |delimiter: u8| {
        let line = lines.last().copied().unwrap_or_default();
        let fields: Vec<&[u8]> = line.split(|&byte| byte == delimiter).collect();
        let is_number = |field: &&&[u8]| {
            let text = std::str::from_utf8(field).unwrap_or_default().trim();
            text.parse::<f64>().is_ok() || is_decimal_comma(text)
        };
        1000 * fields.iter().filter(is_number).count() / fields.len()
    };
    // Of equals the first.
    let even = marks.into_iter().filter(|&mark| is_even(mark)).rev();
    if let Some(mark) = even.max_by_key(|&mark| numbers(mark)) {
        return mark;
    }
    let in_first = |mark: &u8| lines.first().is_some_and(|line| count(line, *mark) > 0);
    match marks.into_iter().find(in_first) {
        Some(mark) => mark,
        None if is_even(blank) => blank,
        None => b',',
    }
}

const DECIMAL_COMMA: &str = "a number with a comma: decimals stand after a point";

/// Whether a field is a number as some countries write it: 3,5.
fn is_decimal_comma(field: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = field.strip_prefix(['-', '+']).unwrap_or(field);
    unsigned.split_once(',').is_some_and(|(whole, rest)| digits(whole) && digits(rest))
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
    if is_decimal_comma(field) {
        return Err(DECIMAL_COMMA);
    }
    let value = field.parse::<f64>().map_err(|_| "not a number")? as f32;
    match value.is_finite() {
        true => Ok(value),
        false if field.bytes().any(|byte| byte.is_ascii_digit()) => Err("beyond the range of f32"),
        false => Err("not finite"),
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
