//! Which columns of a table are inputs and which are targets.

use super::CsvOptions;
use crate::data::DataError;

/// Which columns are what.
pub(super) struct Plan {
    pub inputs: Vec<usize>,
    pub targets: Vec<usize>,
    /// Where the targets stand among the columns that are not left out.
    pub places: Vec<usize>,
}

impl Plan {
    pub(super) fn new(
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
        let places = &options.known_places;
        let are_known = !places.is_empty()
            && options.inputs == Some(rest.len().saturating_sub(places.len()))
            && places.iter().all(|&place| place < rest.len());
        let targets = if options.target.is_empty() && are_known {
            places.iter().map(|&place| rest[place]).collect()
        } else if options.target.is_empty() {
            let count = target_count(name, rest.len(), options)?;
            rest[rest.len() - count..].to_vec()
        } else {
            chosen
        };
        let is_input = |column: &usize| !targets.contains(column);
        let place = |target: &usize| rest.iter().position(|column| column == target);
        let places = targets.iter().filter_map(place).collect();
        let inputs: Vec<usize> = rest.iter().copied().filter(is_input).collect();
        if inputs.is_empty() {
            let name = name.to_owned();
            let (inputs, outputs) = (options.inputs.unwrap_or(1), targets.len().max(1));
            return Err(DataError::Columns { name, columns, inputs, outputs });
        }
        Ok(Plan { inputs, targets, places })
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
        if let Some(&column) = inputs.iter().find(|column| ignored.contains(column)) {
            return Err(DataError::Ambiguous {
                name: name.to_owned(),
                column: headings[column].clone(),
                what: "is an input of the network, and left out",
            });
        }
        if !chosen.is_empty() {
            return Ok(Plan { inputs, targets: chosen, places: Vec::new() });
        }
        let known = options.known_targets.iter().map(find).collect::<Result<Vec<_>, _>>();
        let targets = match known {
            Ok(known) if known.iter().any(|column| ignored.contains(column)) => Vec::new(),
            Ok(known) => known,
            Err(_) if options.untaught => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Plan { inputs, targets, places: Vec::new() })
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
