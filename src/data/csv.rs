//! Comma-separated numbers, with or without a header line.

use std::io::Read;

use super::{DataError, Dataset};

/// Rows of numbers as they stood in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    name: String,
    columns: usize,
    values: Vec<f32>,
}

/// Reads `bytes` as comma-separated numbers, one row a line. A first line with no number in it
/// is a header. `name` is what errors call the table.
///
/// # Errors
/// [`DataError`] names line, column and value of the first field that is no finite number.
pub fn parse_csv(name: &str, bytes: &[u8]) -> Result<Table, DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        // The newline ends a last line that is a comment.
        .from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).chain(&b"\n"[..]));
    let (mut columns, mut values) = (None, Vec::new());
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| DataError::Unreadable {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        if index == 0 && record.iter().all(is_heading) {
            columns = Some(record.len());
            continue;
        }
        let line = record.position().map_or(index as u64 + 1, csv::Position::line);
        let expected = *columns.get_or_insert(record.len());
        if record.len() != expected {
            let found = record.len();
            return Err(DataError::Ragged { name: name.to_owned(), line, found, expected });
        }
        for (column, field) in record.iter().enumerate() {
            values.push(number(field).map_err(|what| DataError::BadField {
                name: name.to_owned(),
                line,
                column: column + 1,
                value: field.to_owned(),
                what,
            })?);
        }
    }
    match columns {
        Some(columns) if !values.is_empty() => Ok(Table { name: name.to_owned(), columns, values }),
        _ => Err(DataError::Empty { name: name.to_owned() }),
    }
}

/// Whether a field of a first line is a column's name: not empty, and no number of any kind.
fn is_heading(field: &str) -> bool {
    !field.is_empty() && field.parse::<f64>().is_err()
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

impl Table {
    /// How many columns every row has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// The first `inputs` columns of each row, and the `outputs` after them if they are there.
    ///
    /// # Errors
    /// [`DataError::Columns`] where the columns are neither `inputs` nor `inputs + outputs`.
    pub fn split(
        &self,
        inputs: usize,
        outputs: usize,
    ) -> Result<(Vec<f32>, Option<Vec<f32>>), DataError> {
        if self.columns == inputs {
            return Ok((self.values.clone(), None));
        }
        if inputs.checked_add(outputs) != Some(self.columns) {
            let (name, columns) = (self.name.clone(), self.columns);
            return Err(DataError::Columns { name, columns, inputs, outputs });
        }
        let rows = self.values.chunks_exact(self.columns);
        let left = rows.clone().flat_map(|row| &row[..inputs]).copied().collect();
        let right = rows.flat_map(|row| &row[inputs..]).copied().collect();
        Ok((left, Some(right)))
    }

    /// A data set for training: `inputs` columns, or all but the last `outputs` where that is not
    /// said, then `outputs` columns of targets.
    ///
    /// # Errors
    /// [`DataError::Columns`] where the columns are not that many, or none is left for inputs.
    pub fn dataset(&self, inputs: Option<usize>, outputs: usize) -> Result<Dataset, DataError> {
        let inputs = inputs.unwrap_or(self.columns.saturating_sub(outputs).max(1));
        match self.split(inputs, outputs)? {
            (left, Some(right)) => Dataset::new(&self.name, left, inputs, right, outputs),
            (_, None) => Err(DataError::Targets {
                name: self.name.clone(),
                columns: self.columns,
                inputs,
                outputs,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_of_xor_is_the_built_in_one() {
        let commented = "# XOR\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n# end";
        for text in
            [commented, "0,0,0\n0,1,1\n1,0,1\n1,1,0\n", "a,b,t\r\n0, 0,0\r\n0,1,1\n\n1,0,1\n1,1,0"]
        {
            let data = parse_csv("xor", text.as_bytes()).unwrap().dataset(None, 1).unwrap();
            assert_eq!(data, crate::data::Source::Xor.built_in().unwrap().unwrap());
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("", "no rows"),
            ("a,b\n", "no rows"),
            ("1,2\n3\n", "line 2 has 1 fields where the others have 2"),
            ("1,2\n3,x\n", "line 2, column 2: \"x\" is not a number"),
            ("1,2\n3,\n", "line 2, column 2: \"\" is empty"),
            ("1,2\nNaN,4\n", "line 2, column 1: \"NaN\" is not finite"),
            ("nan,2\n3,4\n", "line 1, column 1: \"nan\" is not finite"),
            ("1,inf\n", "line 1, column 2: \"inf\" is not finite"),
            ("h,i\n1,1e39\n", "line 2, column 2: \"1e39\" is beyond the range of f32"),
            ("1,\u{fffd}\n", "not a number"),
        ];
        for (text, part) in cases {
            let error = parse_csv("f.csv", text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("f.csv"), "{text:?}: {error}");
        }
        let error = parse_csv("f.csv", b"1,\xff\n").unwrap_err().to_string();
        assert!(error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn columns_split_into_inputs_and_targets() {
        let table = parse_csv("t", b"1,2,3\n4,5,6\n").unwrap();
        assert_eq!(table.split(3, 1).unwrap(), (vec![1., 2., 3., 4., 5., 6.], None));
        assert_eq!(table.split(2, 1).unwrap(), (vec![1., 2., 4., 5.], Some(vec![3., 6.])));
        assert!(table.split(2, 2).is_err());
        assert!(table.split(2, usize::MAX).is_err());
        let untaught = table.dataset(Some(3), 1).unwrap_err().to_string();
        assert!(untaught.contains("no targets"), "{untaught}");
        assert!(table.dataset(None, 3).is_err());
    }

    proptest! {
        /// Whatever the bytes, an answer or an error, never a panic; an answer is rectangular and finite.
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(table) = parse_csv("any", &bytes) {
                prop_assert_eq!(table.values.len(), table.rows() * table.columns());
                prop_assert!(table.values.iter().all(|value| value.is_finite()));
            }
        }
    }
}
