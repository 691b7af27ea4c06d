//! How the columns of a table become inputs of a network: numbers as they are, yes and no as 1 and 0, texts
//! as one input for each of their values. Decided from the table that is trained on, kept in the model.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::column::{Column, MISSING, Texts};
use super::error::allocate;
use super::{DataError, DataProblem, Scaling, Table};

/// The most values of a column of texts that becomes inputs unasked ...
const MOST_VALUES: usize = 50;
/// ... and the least rows for each of them: names, dates and numbers of orders have one or two.
const ROWS_OF_VALUE: usize = 3;
/// Rows that are encoded together: what they become stays in the cache.
const ROWS_AT_ONCE: usize = 64;

/// The texts that are 0 and 1, in any case.
const FLAGS: [[&str; 2]; 2] = [["false", "true"], ["no", "yes"]];

/// How a column becomes inputs, and what stands in for a value that is missing, if anything does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Encoding {
    /// One input: the number.
    Number(Option<f64>),
    /// One input: 1 for yes or true, 0 for no or false.
    Flag(Option<bool>),
    /// An input for each of these values, 1 for that of the row and 0 for the others; the one at this place
    /// where it is missing.
    OneHot(Vec<String>, Option<usize>),
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Encoding::Number(_) => f.write_str("a number")?,
            Encoding::Flag(_) => f.write_str("0 or 1")?,
            Encoding::OneHot(values, _) => write!(f, "one-hot of {} values", values.len())?,
        }
        match self {
            Encoding::Number(Some(mean)) => write!(f, ", {} where missing", *mean as f32),
            Encoding::Flag(Some(value)) => write!(f, ", {} where missing", u8::from(*value)),
            Encoding::OneHot(values, Some(at)) => match values.get(*at) {
                Some(value) => write!(f, ", {value:?} where missing"),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Whether a text is yes or no.
fn flag(text: &str) -> Option<bool> {
    let mut all = FLAGS.iter().flat_map(|pair| pair.iter().zip([false, true]));
    all.find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|(_, value)| value)
}

impl Encoding {
    /// How many inputs it makes.
    pub fn width(&self) -> usize {
        match self {
            Encoding::Number(_) | Encoding::Flag(_) => 1,
            Encoding::OneHot(values, _) => values.len(),
        }
    }

    /// Whether what it makes is a number, to be normalized.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Encoding::Number(_))
    }

    /// Those of a table's columns; means are those of some `rows`, values those of all. Where it `fills`, something
    /// stands in for values that are missing.
    pub(super) fn fit(table: &Table, rows: &[usize], fills: bool) -> Vec<Encoding> {
        let lacks = fills;
        let of_column = |column: &Column| match column {
            Column::Texts(texts) => of_texts(texts, rows, lacks),
            column => {
                let numbers = rows.iter().map(|&row| column.number(row));
                let (count, sum) = numbers
                    .filter(|value| !value.is_nan())
                    .fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
                Encoding::Number((lacks && count > 0.0).then(|| sum / count))
            }
        };
        table.columns.iter().map(of_column).collect()
    }

    /// Whether all texts are yes or no, in any case.
    pub(super) fn is_flags(texts: &[String]) -> bool {
        !texts.is_empty() && texts.iter().all(|text| flag(text).is_some())
    }

    /// Whether every column of texts has few enough values to become inputs, or is said to be of categories.
    ///
    /// # Errors
    /// [`DataProblem::TooManyValues`] names every column that is not.
    pub(super) fn check(table: &Table) -> Result<(), DataError> {
        let refused = |(at, column): (usize, &Column)| {
            let Column::Texts(texts) = column else { return None };
            let (values, rows) = (texts.names.len(), texts.of.len() - texts.missing());
            let few =
                values <= MOST_VALUES && values < rows && values * ROWS_OF_VALUE <= rows.max(6);
            let is_fine =
                few || table.names.categorical.contains(&at) || Encoding::is_flags(&texts.names);
            (!is_fine).then(|| (table.column_name(at), values))
        };
        let columns: Vec<_> = table.columns.iter().enumerate().filter_map(refused).collect();
        match columns.is_empty() {
            true => Ok(()),
            false => Err(DataProblem::TooManyValues { columns }.of(&table.name)),
        }
    }
}

fn of_texts(texts: &Texts, rows: &[usize], lacks: bool) -> Encoding {
    let mut counts = vec![0usize; texts.names.len()];
    for &row in rows {
        if let Some(count) = counts.get_mut(texts.of[row] as usize) {
            *count += 1;
        }
    }
    // The most frequent one, the first of several.
    let most = (0..counts.len()).rev().max_by_key(|&at| counts[at]).filter(|_| lacks);
    if Encoding::is_flags(&texts.names) {
        return Encoding::Flag(most.and_then(|at| flag(&texts.names[at])));
    }
    let mut values = texts.names.clone();
    values.sort();
    let place = |at: usize| values.iter().position(|value| *value == texts.names[at]);
    let most = most.and_then(place);
    Encoding::OneHot(values, most)
}

/// A column beside its encoding.
struct Encoded<'a> {
    column: &'a Column,
    encoding: &'a Encoding,
    /// The number, or the place among the values, that each text of the column stands for.
    texts: Vec<usize>,
}

impl<'a> Encoded<'a> {
    /// # Errors
    /// [`DataProblem::UnknownValue`], [`DataProblem::MissingValues`].
    fn new(table: &'a Table, at: usize, encoding: &'a Encoding) -> Result<Encoded<'a>, DataError> {
        let column = &table.columns[at];
        let name = || table.column_name(at);
        let fills = !matches!(
            encoding,
            Encoding::Number(None) | Encoding::Flag(None) | Encoding::OneHot(_, None)
        );
        let missing = (0..table.rows).filter(|&row| column.is_missing(row)).count();
        if missing > 0 && !fills {
            let columns = vec![(name(), missing)];
            let fix = "complete these rows, or train with `missing` mean and at least one value among the training rows";
            let problem = DataProblem::MissingValues { columns, rows: table.rows, fix };
            return Err(problem.of(&table.name));
        }
        let unknown = |line: u64, value: &str, known: String| {
            let (column, value) = (name(), value.to_owned());
            Err(DataProblem::UnknownValue { line, column, value, known }.of(&table.name))
        };
        let mut places = Vec::new();
        match (column, encoding) {
            (Column::Texts(texts), Encoding::Number(_)) => {
                if let (Some(text), Some(&line)) = (texts.names.first(), texts.lines.first()) {
                    let (column, value) = (table.column_number(at), text.clone());
                    let (what, fix) = ("not a number".to_owned(), "others of its column are");
                    let problem = DataProblem::Field { line, column, value, what, fix };
                    return Err(problem.of(&table.name));
                }
            }
            (Column::Texts(texts), encoding) => {
                for (text, &line) in texts.names.iter().zip(&texts.lines) {
                    let (place, known) = match encoding {
                        Encoding::OneHot(values, _) => {
                            (values.iter().position(|value| value == text), values.join(", "))
                        }
                        _ => {
                            let bit = ["0", "1"].iter().position(|bit| bit == text);
                            let known = "yes, no, true, false, 1, 0".to_owned();
                            (flag(text).map(usize::from).or(bit), known)
                        }
                    };
                    match place {
                        Some(place) => places.push(place),
                        None => return unknown(line, text, known),
                    }
                }
            }
            // Tables are read with texts where texts were trained on.
            (column, Encoding::Flag(_) | Encoding::OneHot(..)) => {
                if let Some(row) = (0..table.rows).find(|&row| !column.is_missing(row)) {
                    return unknown(row as u64 + 1, &column.field(row).to_string(), "texts".into());
                }
            }
            (_, Encoding::Number(_)) => {}
        }
        Ok(Encoded { column, encoding, texts: places })
    }

    /// Input `at` of those that it makes of a row.
    fn value(&self, row: usize, at: usize) -> f64 {
        let place = |fill: Option<usize>| match self.column {
            Column::Texts(texts) if texts.of[row] != MISSING => self.texts[texts.of[row] as usize],
            _ => fill.unwrap_or(0),
        };
        match self.encoding {
            Encoding::Number(fill) => match self.column.number(row) {
                value if value.is_nan() => fill.unwrap_or(0.0),
                value => value,
            },
            Encoding::Flag(fill) => place(fill.map(usize::from)) as f64,
            Encoding::OneHot(_, fill) => f64::from(u8::from(place(*fill) == at)),
        }
    }
}

/// A table beside the encodings of its columns.
pub(super) struct EncodedTable<'a> {
    name: &'a str,
    columns: Vec<Encoded<'a>>,
}

impl<'a> EncodedTable<'a> {
    /// # Errors
    /// [`DataProblem::UnknownValue`], [`DataProblem::MissingValues`].
    pub(super) fn new(table: &'a Table, encodings: &'a [Encoding]) -> Result<Self, DataError> {
        let encoded = encodings.iter().enumerate().map(|(at, one)| Encoded::new(table, at, one));
        Ok(EncodedTable { name: &table.name, columns: encoded.collect::<Result<_, _>>()? })
    }

    /// Every input: the column that it comes from, and which of that one's it is.
    fn inputs(&self) -> impl Iterator<Item = (usize, usize)> {
        let of_column = |(at, one): (usize, &Encoded<'_>)| {
            (0..one.encoding.width()).map(move |part| (at, part))
        };
        self.columns.iter().enumerate().flat_map(of_column)
    }

    /// The column that each input comes from.
    pub(super) fn columns_of_inputs(&self) -> Vec<usize> {
        self.inputs().map(|(column, _)| column).collect()
    }

    /// Whether each input is a number, to be normalized.
    pub(super) fn are_numbers(&self) -> Vec<bool> {
        self.inputs().map(|(column, _)| self.columns[column].encoding.is_number()).collect()
    }

    /// One input of these rows.
    pub(super) fn input(&self, at: usize, rows: &[usize]) -> impl Iterator<Item = f64> {
        let (column, part) = self.inputs().nth(at).unwrap_or_default();
        rows.iter().map(move |&row| self.columns[column].value(row, part))
    }

    /// All inputs of these rows on a scale, `[rows][inputs]`.
    ///
    /// # Errors
    /// [`DataProblem::Unscalable`], [`DataProblem::Memory`].
    pub(super) fn rows(
        &self,
        rows: &[usize],
        scaling: Option<&Scaling>,
    ) -> Result<Vec<f32>, DataError> {
        let inputs: Vec<(usize, usize)> = self.inputs().collect();
        let mut all: Vec<f32> = allocate(self.name, rows.len() * inputs.len())?;
        all.resize(rows.len() * inputs.len(), 0.0);
        let blocks = all.chunks_mut(ROWS_AT_ONCE * inputs.len().max(1));
        for (rows, block) in rows.chunks(ROWS_AT_ONCE).zip(blocks) {
            for (at, &(column, part)) in inputs.iter().enumerate() {
                let places = block.iter_mut().skip(at).step_by(inputs.len());
                for (&row, place) in rows.iter().zip(places) {
                    let value = self.columns[column].value(row, part);
                    *place = scaling.map_or(value as f32, |scaling| scaling.scaled(at, value));
                    if !place.is_finite() {
                        let (row, input) = (row + 1, at + 1);
                        return Err(DataProblem::Unscalable { row, input, value }.of(self.name));
                    }
                }
            }
        }
        Ok(all)
    }
}
