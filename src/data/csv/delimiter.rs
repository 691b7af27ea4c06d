//! The delimiter between the fields of a table, and its lines in one form.

use crate::data::error::allocate;
use std::borrow::Cow;

use crate::data::{DataError, DataProblem};

/// Delimiters in order of preference: in a file with a semicolon in every line, commas belong to
/// the numbers.
const DELIMITERS: [u8; 5] = *b"\t;,| ";
/// Lines that the delimiter is detected from.
const SAMPLE_LINES: usize = 10;

/// The delimiter's name in messages.
pub(super) fn delimiter_name(delimiter: u8) -> &'static str {
    match delimiter {
        b'\t' => "tabs",
        b';' => "semicolons",
        b'|' => "bars",
        b' ' => "spaces",
        _ => "commas",
    }
}

/// The delimiter that occurs equally often in each of the first lines, of several the one that
/// leaves the most numbers; else one that occurs in the first line; else spaces if they occur
/// equally often; else a comma.
pub(super) fn find_delimiter(bytes: &[u8], comment: Option<u8>) -> u8 {
    let is_text = |line: &&[u8]| !line.trim_ascii().is_empty() && !is_comment(line, comment);
    let lines: Vec<&[u8]> = LogicalLines { rest: bytes, delimiters: &DELIMITERS, comment }
        .map(|line| line.text)
        .filter(is_text)
        .take(SAMPLE_LINES)
        .collect();
    let [Some(first), Some(last)] = [lines.first(), lines.last()] else { return b',' };
    let is_regular = |&delimiter: &u8| {
        let expected = count(first, delimiter);
        expected > 0 && lines.iter().all(|line| count(line, delimiter) == expected)
    };
    // In thousandths of the fields of the last line, which is not a header.
    let numbers = |delimiter: &u8| {
        let fields: Vec<&[u8]> = match *delimiter {
            b' ' => words(last).collect(),
            delimiter => last.split(|&byte| byte == delimiter).collect(),
        };
        let is_number = |field: &&&[u8]| {
            let text = std::str::from_utf8(field).unwrap_or_default().trim();
            text.parse::<f64>().is_ok() || is_decimal_comma(text)
        };
        1000 * fields.iter().filter(is_number).count() / fields.len()
    };
    let [marks @ .., space] = DELIMITERS;
    // `max_by_key` takes the last of equals, so the preferred delimiter comes last.
    let regular = marks.into_iter().filter(is_regular).rev().max_by_key(numbers);
    // A tab before the last of words parted by blanks.
    let regular =
        regular.filter(|mark| numbers(mark) > 0 || numbers(&space) == 0 || !is_regular(&space));
    if regular.is_none() && is_regular(&space) && numbers(&space) > 0 {
        return space;
    }
    let in_first = || marks.into_iter().find(|&mark| count(first, mark) > 0);
    regular.or_else(in_first).unwrap_or(if is_regular(&space) { space } else { b',' })
}

/// Whether a field is a number with a decimal comma: 3,5.
pub(super) fn is_decimal_comma(field: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = field.strip_prefix(['-', '+']).unwrap_or(field);
    unsigned.split_once(',').is_some_and(|(whole, rest)| digits(whole) && digits(rest))
}

/// Whether a field is a number whose thousands are parted: 1,234 or 1.234.567,8.
pub(super) fn has_thousands(field: &str) -> bool {
    let unsigned = field.strip_prefix(['-', '+']).unwrap_or(field);
    [(',', '.'), ('.', ',')].into_iter().any(|(separator, point)| {
        let (whole, rest) = unsigned.split_once(point).unwrap_or((unsigned, ""));
        let mut groups = whole.split(separator);
        let first = groups.next().unwrap_or_default();
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let groups: Vec<&str> = groups.collect();
        // 1.234 alone is a number with a point.
        let is_sure = separator == ',' || groups.len() > 1 || unsigned.contains(point);
        (1..=3).contains(&first.len())
            && is_number(first)
            && is_number(rest)
            && is_sure
            && !groups.is_empty()
            && groups.iter().all(|group| group.len() == 3 && is_number(group))
    })
}

/// How often a delimiter occurs in a line outside of quotes; for spaces, the number of runs.
fn count(line: &[u8], delimiter: u8) -> usize {
    if delimiter == b' ' {
        return words(line).count().saturating_sub(1);
    }
    let mut quoted = false;
    let outside = line.iter().filter(|&&byte| {
        quoted ^= byte == b'"';
        !quoted && byte == delimiter
    });
    outside.count()
}

/// The words of a line, blanks in quotes and all.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let end = match rest.first()? {
            b'"' => rest[1..].iter().position(|&byte| byte == b'"').map_or(rest.len(), |at| at + 2),
            _ => rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn is_comment(line: &[u8], comment: Option<u8>) -> bool {
    line.first().is_some_and(|first| Some(*first) == comment)
}

/// The lines of a table; a line end in quotes ends none.
struct LogicalLines<'a> {
    rest: &'a [u8],
    /// What a quote may stand behind.
    delimiters: &'a [u8],
    comment: Option<u8>,
}

/// A line without its end.
struct LogicalLine<'a> {
    text: &'a [u8],
    /// Whether a quote in it is not closed.
    is_open: bool,
}

impl<'a> Iterator for LogicalLines<'a> {
    type Item = LogicalLine<'a>;

    fn next(&mut self) -> Option<LogicalLine<'a>> {
        let bytes = self.rest;
        if bytes.is_empty() {
            return None;
        }
        let has_quotes = !is_comment(bytes, self.comment);
        let (mut at, mut is_start, mut is_open) = (0, true, false);
        while let Some(&byte) = bytes.get(at) {
            match (is_open, byte) {
                (true, b'"') if bytes.get(at + 1) == Some(&b'"') => at += 1,
                (true, b'"') => is_open = false,
                (true, _) => {}
                (false, b'\n' | b'\r') => break,
                (false, b'"') if is_start && has_quotes => is_open = true,
                (false, _) => {}
            }
            is_start = self.delimiters.contains(&byte);
            at += 1;
        }
        let end = bytes.len().min(at);
        let width = if bytes[end..].starts_with(b"\r\n") { 2 } else { 1 };
        self.rest = &bytes[bytes.len().min(end + width)..];
        Some(LogicalLine { text: &bytes[..end], is_open })
    }
}

/// Whether lines are as [`normalized_lines`] makes them, and without quotes.
fn are_normal(bytes: &[u8], delimiter: u8, comment: Option<u8>) -> bool {
    let is_normal = |line: &[u8]| {
        line.is_empty() || !is_comment(line, comment) && !line.trim_ascii().is_empty()
    };
    delimiter != b' '
        && !bytes.iter().any(|byte| b"\r\"".contains(byte))
        && bytes.split(|&byte| byte == b'\n').all(is_normal)
}

/// The same lines, each ended by one line feed: comments and blank lines are empty, and a delimiter
/// of spaces is a single space. A large file that is so already is not copied.
pub(super) fn normalized_lines<'a>(
    name: &str,
    bytes: &'a [u8],
    delimiter: u8,
    comment: Option<u8>,
) -> Result<Cow<'a, [u8]>, DataError> {
    if are_normal(bytes, delimiter, comment) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut text: Vec<u8> = allocate(name, bytes.len() + 2)?;
    let both = [delimiter, b'\t'];
    // A blank is any of them.
    let delimiters = if delimiter == b' ' { &both[..] } else { &both[..1] };
    for line in (LogicalLines { rest: bytes, delimiters, comment }) {
        let line_number = || text.iter().filter(|&&byte| byte == b'\n').count() + 1;
        if line.is_open {
            let reason = format!("line {} opens a quote that is not closed", line_number());
            return Err(DataProblem::Unreadable(reason).of(name));
        }
        let line = line.text;
        if is_comment(line, comment) {
        } else if delimiter == b' ' {
            for (index, word) in words(line).enumerate() {
                text.extend_from_slice(if index > 0 { b" " } else { b"" });
                text.extend_from_slice(word);
            }
        } else if line.contains(&delimiter) || !line.trim_ascii().is_empty() {
            // Line ends in quotes too.
            let mut parts = line.split(|&byte| byte == b'\r').peekable();
            while let Some(part) = parts.next() {
                text.extend_from_slice(part);
                if parts.peek().is_some_and(|next| !next.starts_with(b"\n")) {
                    text.push(b'\n');
                }
            }
        }
        text.push(b'\n');
    }
    Ok(Cow::Owned(text))
}
