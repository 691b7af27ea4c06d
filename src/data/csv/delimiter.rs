//! The delimiter between the fields of a table, and its lines in one form.

use crate::data::DataError;
use crate::data::error::allocate;

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
pub(super) fn find_delimiter(bytes: &[u8]) -> u8 {
    let is_text = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.starts_with(b"#");
    let lines: Vec<&[u8]> =
        bytes.split(|byte| b"\r\n".contains(byte)).filter(is_text).take(SAMPLE_LINES).collect();
    let [Some(first), Some(last)] = [lines.first(), lines.last()] else { return b',' };
    let is_regular = |&delimiter: &u8| {
        let expected = count(first, delimiter);
        expected > 0 && lines.iter().all(|line| count(line, delimiter) == expected)
    };
    // In thousandths of the fields of the last line, which is not a header.
    let numbers = |delimiter: &u8| {
        let fields: Vec<&[u8]> = last.split(|byte| byte == delimiter).collect();
        let is_number = |field: &&&[u8]| {
            let text = std::str::from_utf8(field).unwrap_or_default().trim();
            text.parse::<f64>().is_ok() || is_decimal_comma(text)
        };
        1000 * fields.iter().filter(is_number).count() / fields.len()
    };
    let [marks @ .., space] = DELIMITERS;
    // `max_by_key` takes the last of equals, so the preferred delimiter comes last.
    let regular = marks.into_iter().filter(is_regular).rev().max_by_key(numbers);
    let in_first = || marks.into_iter().find(|&mark| count(first, mark) > 0);
    regular.or_else(in_first).unwrap_or(if is_regular(&space) { space } else { b',' })
}

pub(super) const DECIMAL_COMMA: &str = "a number with a comma: use a decimal point";

/// Whether a field is a number with a decimal comma: 3,5.
pub(super) fn is_decimal_comma(field: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = field.strip_prefix(['-', '+']).unwrap_or(field);
    unsigned.split_once(',').is_some_and(|(whole, rest)| digits(whole) && digits(rest))
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

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The same lines, each ended by one line feed: comments and blank lines are empty, and a delimiter
/// of spaces is a single space.
pub(super) fn normalized_lines(
    name: &str,
    bytes: &[u8],
    delimiter: u8,
) -> Result<Vec<u8>, DataError> {
    let mut text = allocate(name, bytes.len() + 2)?;
    let lines = bytes
        .split(|&byte| byte == b'\n')
        .flat_map(|line| line.strip_suffix(b"\r").unwrap_or(line).split(|&byte| byte == b'\r'));
    for line in lines {
        let start = text.len();
        if delimiter == b' ' {
            for (index, word) in words(line).enumerate() {
                text.extend_from_slice(if index > 0 { b" " } else { b"" });
                text.extend_from_slice(word);
            }
        } else if line.contains(&delimiter) || !line.trim_ascii().is_empty() {
            text.extend_from_slice(line);
        }
        if text[start..].starts_with(b"#") {
            text.truncate(start);
        }
        text.push(b'\n');
    }
    Ok(text)
}
