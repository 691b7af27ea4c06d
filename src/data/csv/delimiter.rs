//! What stands between the fields of a table.

use std::borrow::Cow;

/// Delimiters in the order in which they are looked for: where a semicolon stands in every line,
/// commas are in the numbers.
const DELIMITERS: [u8; 5] = *b"\t;,| ";
/// Lines that are looked at for them.
const LOOKED_AT: usize = 10;

/// What a delimiter is called.
pub(super) fn delimiter_name(delimiter: u8) -> &'static str {
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
pub(super) fn find_delimiter(bytes: &[u8]) -> u8 {
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

pub(super) const DECIMAL_COMMA: &str = "a number with a comma: decimals stand after a point";

/// Whether a field is a number as some countries write it: 3,5.
pub(super) fn is_decimal_comma(field: &str) -> bool {
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
pub(super) fn single_blanks(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Vec::with_capacity(bytes.len());
    // Lines end as they do elsewhere: with either character or with both.
    let is_end = |at: &usize| match bytes[*at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    let mut start = 0;
    let ends: Vec<usize> = (0..bytes.len()).filter(is_end).chain([bytes.len()]).collect();
    for end in ends {
        let line = &bytes[start.min(end)..end];
        start = end + 1;
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
