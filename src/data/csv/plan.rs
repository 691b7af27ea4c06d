//! Which columns of a table are inputs and which are targets.

use super::CsvOptions;
use crate::data::{DataError, DataProblem};

/// The role of each column.
pub(super) struct Plan {
    pub inputs: Vec<usize>,
    pub targets: Vec<usize>,
    /// The positions of the targets among the columns that are not ignored.
    pub places: Vec<usize>,
    /// Of inputs and targets, the columns that are categories however they look.
    pub categorical: Vec<usize>,
}

impl Plan {
    pub(super) fn new(
        name: &str,
        headings: &[String],
        columns: usize,
        options: &CsvOptions,
    ) -> Result<Plan, DataError> {
        let ambiguous = |column: usize, what| {
            let heading = headings.get(column).cloned();
            let column = heading.unwrap_or_else(|| (column + 1).to_string());
            Err(DataProblem::Ambiguous { column, what }.of(name))
        };
        // A test table with a header is read by the names of the training table: the flags are
        // about that one's columns.
        let is_known = !options.known_inputs.is_empty() && !headings.is_empty();
        let find_all = |wanted: &[String]| -> Result<Vec<usize>, DataError> {
            find_columns(name, headings, columns, wanted)
        };
        let (ignored, chosen, categorical) = match is_known && !options.targets_optional {
            false => {
                let (ignored, chosen) = (find_all(&options.ignore)?, find_all(&options.target)?);
                (ignored, chosen, find_all(&options.categorical)?)
            }
            // The flags are about another table: of two columns of one name they may say which is meant.
            true => {
                let one = |wanted: &String| find_all(std::slice::from_ref(wanted)).ok();
                let is_twin = |&column: &usize| {
                    headings.iter().filter(|heading| **heading == headings[column]).count() > 1
                };
                let found = options.ignore.iter().filter_map(one).flatten();
                (found.filter(is_twin).collect(), Vec::new(), Vec::new())
            }
        };
        for (index, column) in chosen.iter().enumerate() {
            if ignored.contains(column) {
                return ambiguous(*column, "is both a target and ignored");
            }
            if chosen[..index].contains(column) {
                return ambiguous(*column, "is a target twice");
            }
        }
        if is_known {
            return Plan::by_names(name, headings, options, &ignored, chosen);
        }
        let unused = |column: &&usize| ignored.contains(*column);
        if let Some(&column) = categorical.iter().find(unused) {
            return ambiguous(column, "is both a category and ignored");
        }
        let rest: Vec<usize> = (0..columns).filter(|column| !ignored.contains(column)).collect();
        let places = &options.known_places;
        let places_fit = !places.is_empty()
            && options.inputs == Some(rest.len().saturating_sub(places.len()))
            && places.iter().all(|&place| place < rest.len());
        let targets = if !chosen.is_empty() {
            chosen
        } else if places_fit {
            places.iter().map(|&place| rest[place]).collect()
        } else {
            // One column alone is a target, and there are no inputs.
            let count = match rest.len() {
                1 if !options.targets_optional => 1,
                columns => target_count(columns, options).map_err(|problem| problem.of(name))?,
            };
            rest[rest.len() - count..].to_vec()
        };
        let place = |target: &usize| rest.iter().position(|column| column == target);
        let places = targets.iter().filter_map(place).collect();
        let inputs: Vec<usize> =
            rest.iter().copied().filter(|column| !targets.contains(column)).collect();
        if inputs.is_empty() {
            let (ignored, targets) = (ignored.len(), targets.len());
            let reason = format!(
                "no column is left for inputs: of {columns}, {ignored} are ignored and {targets} are targets; ignore fewer"
            );
            return Err(DataProblem::Unreadable(reason).of(name));
        }
        let mut plan = Plan { inputs, targets, places, categorical };
        plan.know_texts(options);
        Ok(plan)
    }

    /// Columns that held texts in training do so here.
    fn know_texts(&mut self, options: &CsvOptions) {
        if options.known_texts.len() == self.inputs.len() {
            let texts = self.inputs.iter().zip(&options.known_texts).filter(|(_, is)| **is);
            self.categorical.extend(texts.map(|(column, _)| column));
        }
    }

    /// The columns that the network was trained with, in any order.
    fn by_names(
        name: &str,
        headings: &[String],
        options: &CsvOptions,
        ignored: &[usize],
        chosen: Vec<usize>,
    ) -> Result<Plan, DataError> {
        let find = |column: &String| {
            let all = || (0..headings.len()).filter(|&index| headings[index] == *column);
            // Of two of one name the one that is not ignored is meant.
            let has_several = all().nth(1).is_some();
            let mut found = all().filter(|index| !has_several || !ignored.contains(index));
            let (column, choices) = (column.clone(), headings.join(", "));
            match (found.next(), found.next()) {
                (Some(index), None) => Ok(index),
                (None, _) => Err(DataProblem::MissingColumn { column, choices }.of(name)),
                _ => {
                    let what = "occurs twice in the header";
                    Err(DataProblem::Ambiguous { column, what }.of(name))
                }
            }
        };
        let inputs = options.known_inputs.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        if let Some(&column) = inputs.iter().find(|column| ignored.contains(column)) {
            let (column, what) =
                (headings[column].clone(), "is an input of the network and ignored");
            return Err(DataProblem::Ambiguous { column, what }.of(name));
        }
        let known = options.known_targets.iter().map(find).collect::<Result<Vec<_>, _>>();
        let targets = match known {
            _ if !chosen.is_empty() => chosen,
            Ok(known) if known.iter().any(|column| ignored.contains(column)) => Vec::new(),
            Err(_) if options.targets_optional => Vec::new(),
            known => known?,
        };
        let mut plan = Plan { inputs, targets, places: Vec::new(), categorical: Vec::new() };
        plan.know_texts(options);
        Ok(plan)
    }
}

/// How many of the last of `columns` are targets: as many as the network has outputs, one column of
/// classes, or none where targets are optional.
fn target_count(columns: usize, options: &CsvOptions) -> Result<usize, DataProblem> {
    let (inputs, outputs) = match (options.inputs, options.outputs) {
        (Some(inputs), Some(outputs)) => (inputs, outputs),
        _ if columns > 1 => return Ok(1),
        _ => return Err(DataProblem::Columns { columns, inputs: 1, outputs: 1 }),
    };
    match columns {
        _ if inputs.checked_add(outputs) == Some(columns) => Ok(outputs),
        _ if columns == inputs + 1 => Ok(1),
        _ if columns != inputs => Err(DataProblem::Columns { columns, inputs, outputs }),
        _ if options.targets_optional => Ok(0),
        _ => Err(DataProblem::NoTargets { columns, outputs }),
    }
}

/// Columns by their names, or else by their numbers from 1. The list was split at commas, and a name may have
/// some in it: then it is put together again.
fn find_columns(
    name: &str,
    headings: &[String],
    columns: usize,
    wanted: &[String],
) -> Result<Vec<usize>, DataError> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < wanted.len() {
        let of_pieces = |end: usize| {
            let text = wanted[at..end].join(",");
            let text = text.trim();
            let by_name = headings.iter().position(|heading| heading == text);
            let number = text.parse::<usize>().ok().filter(|number| (1..=columns).contains(number));
            by_name.or(number.map(|number| number - 1)).map(|column| (column, end))
        };
        let Some((column, end)) = (at + 1..=wanted.len()).find_map(of_pieces) else {
            let choices = match headings.is_empty() {
                true => format!("numbered 1 to {columns}"),
                false => headings.join(", "),
            };
            return Err(DataProblem::NoColumn { column: wanted[at].clone(), choices }.of(name));
        };
        found.push(column);
        at = end;
    }
    Ok(found)
}
