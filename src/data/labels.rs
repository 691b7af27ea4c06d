//! What a network's outputs mean: numbers, or named classes.

use serde::{Deserialize, Serialize};

use super::column::Texts;
use super::table::{Table, Targets};
use super::{DataError, DataProblem};

/// What a network's outputs mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Labels {
    /// Numbers.
    #[default]
    Numbers,
    /// One output per class: targets are one-hot rows.
    Classes(Vec<String>),
    /// One output: 0 for the first class, 1 for the second.
    Pair([String; 2]),
}

impl Labels {
    /// The labels for the targets of `table`: numbers as they are; classes in the order of their names
    /// (numbers by value), one output each, or one output for two classes if `outputs` is 1. If
    /// `outputs` is more than the number of classes, and these are whole numbers below it, the
    /// classes are all of `0..outputs`.
    ///
    /// # Errors
    /// [`DataProblem::OneClass`], [`DataProblem::ClassCount`].
    pub fn of(table: &Table, outputs: Option<usize>) -> Result<Labels, DataError> {
        let Targets::Classes(Texts { names, lines, .. }) = &table.targets else {
            return Ok(Labels::Numbers);
        };
        let mut sorted: Vec<(&String, u64)> = names.iter().zip(lines.iter().copied()).collect();
        let value = |name: &str| name.parse::<f64>();
        if names.iter().all(|name| value(name).is_ok()) {
            let value = |name: &str| value(name).unwrap_or_default();
            sorted.sort_by(|a, b| value(a.0).total_cmp(&value(b.0)));
        } else {
            sorted.sort();
        }
        let is_below = |most: usize, name: &str| {
            name.parse::<usize>().is_ok_and(|value| value < most && value.to_string() == name)
        };
        let bad = |problem: DataProblem| Err(problem.of(table.class_source()));
        match (outputs, &sorted[..]) {
            (Some(outputs), all)
                if outputs > all.len() && all.iter().all(|(name, _)| is_below(outputs, name)) =>
            {
                Ok(Labels::Classes((0..outputs).map(|class| class.to_string()).collect()))
            }
            (_, [(only, _)]) => bad(DataProblem::OneClass((*only).clone())),
            (Some(1), [(no, _), (yes, _)]) => Ok(Labels::Pair([(*no).clone(), (*yes).clone()])),
            (Some(outputs), all) if outputs != all.len() => {
                let (class, line) = all[outputs.min(all.len() - 1)];
                let (classes, class) = (all.len(), class.clone());
                bad(DataProblem::ClassCount { classes, class, line, outputs })
            }
            (_, all) => Ok(Labels::Classes(all.iter().map(|(name, _)| (*name).clone()).collect())),
        }
    }

    /// The names of the classes; empty for numbers.
    pub fn names(&self) -> &[String] {
        match self {
            Labels::Numbers => &[],
            Labels::Classes(names) => names,
            Labels::Pair(names) => names,
        }
    }

    /// The number of outputs; `None`, any number, for numbers.
    pub fn outputs(&self) -> Option<usize> {
        match self {
            Labels::Numbers => None,
            Labels::Classes(names) => Some(names.len()),
            Labels::Pair(_) => Some(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{CsvOptions, read_csv};

    fn table(classes: &[&str]) -> Table {
        let text: String = classes.iter().map(|class| format!("1,{class}\n")).collect();
        read_csv("t", text.as_bytes(), &CsvOptions { classes: Some(true), ..CsvOptions::default() })
            .unwrap()
    }

    fn names(labels: &Labels) -> Vec<&str> {
        labels.names().iter().map(String::as_str).collect()
    }

    #[test]
    fn classes_are_in_order_of_name_or_value() {
        let labels = Labels::of(&table(&["b", "c", "a", "b"]), None).unwrap();
        assert_eq!(names(&labels), ["a", "b", "c"]);
        let labels = Labels::of(&table(&["10", "9", "-1"]), None).unwrap();
        assert_eq!(names(&labels), ["-1", "9", "10"]);
    }

    #[test]
    fn outputs_decide_between_one_and_two_and_say_which_labels_there_are() {
        let two = table(&["yes", "no"]);
        assert_eq!(Labels::of(&two, Some(1)), Ok(Labels::Pair(["no".into(), "yes".into()])));
        assert_eq!(two.encoded(&Labels::of(&two, Some(1)).unwrap()), Ok(Some(vec![1.0, 0.0])));
        let encoded = two.encoded(&Labels::of(&two, None).unwrap());
        assert_eq!(encoded, Ok(Some(vec![0.0, 1.0, 1.0, 0.0])));
        let some = table(&["0", "3"]);
        assert_eq!(names(&Labels::of(&some, Some(5)).unwrap()), ["0", "1", "2", "3", "4"]);
        let error = Labels::of(&table(&["1", "2", "7"]), Some(2)).unwrap_err().to_string();
        for part in ["3 classes", "line 3 has class \"7\"", "2 outputs", "--layers with 3"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(Labels::of(&table(&["a", "b"]), Some(3)).is_err());
        assert!(matches!(
            Labels::of(&table(&["a"]), None),
            Err(DataError { problem: DataProblem::OneClass(_), .. })
        ));
    }
}
