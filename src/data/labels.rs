//! What a network's outputs mean: numbers, or named classes; and how much each class counts in the loss.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::column::Texts;
use super::table::{Table, Targets};
use super::{DataError, DataProblem, Dataset, Encoding};

/// What a network's outputs mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
        } else if Encoding::is_flags(names) {
            // No before yes, however they are written.
            sorted.sort_by_key(|(name, _)| name.to_ascii_lowercase());
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

/// How much the rows of each class count in the loss.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum ClassWeights {
    /// Every row alike.
    #[default]
    None,
    /// Every class alike: a row of a class of `n` rows weighs `rows / (classes n)`.
    Balanced,
    /// A weight for each class, in their order; only ratios matter.
    Of(Vec<f64>),
}

impl ClassWeights {
    /// The weights for the classes of the rows to train on; empty where all rows count alike.
    ///
    /// # Errors
    /// [`DataProblem::ClassWeights`] where the rows are not of one class each, or where there are other classes
    /// than weights.
    pub fn of(&self, data: &Dataset) -> Result<Vec<f64>, DataError> {
        if *self == ClassWeights::None {
            return Ok(Vec::new());
        }
        let refuse = |reason: String| {
            let weights = self.to_string();
            Err(DataProblem::ClassWeights { weights, reason }.of(data.name()))
        };
        if !data.is_of_one_class() {
            return refuse("its rows are not of one class each; leave it out".to_owned());
        }
        let names = data.class_names();
        match self {
            ClassWeights::Of(weights) if weights.len() != names.len() => refuse(format!(
                "there are {} classes, {}; give a weight for each, in this order",
                names.len(),
                names.join(", ")
            )),
            ClassWeights::Of(weights) => Ok(weights.clone()),
            _ => {
                let mut counts = vec![0.0; names.len()];
                (0..data.rows()).for_each(|row| counts[data.class_of(row)] += 1.0);
                let classes = counts.iter().filter(|&&count| count > 0.0).count() as f64;
                // A class without a row here counts as if it had one.
                let weight = |count: &f64| data.rows() as f64 / (classes * count.max(1.0));
                Ok(counts.iter().map(weight).collect())
            }
        }
    }

    /// Whether these can be the weights of so many classes: positive numbers, or none.
    pub(crate) fn are_sound(weights: &[f64], classes: usize) -> bool {
        let is_sound = |weight: &f64| weight.is_finite() && *weight > 0.0;
        weights.is_empty() || weights.len() == classes && weights.iter().all(is_sound)
    }
}

impl FromStr for ClassWeights {
    type Err = String;

    fn from_str(text: &str) -> Result<ClassWeights, String> {
        match text.trim().to_lowercase().as_str() {
            "none" => Ok(ClassWeights::None),
            "balanced" => Ok(ClassWeights::Balanced),
            _ => {
                let weights: Option<Vec<f64>> =
                    text.split(',').map(|weight| weight.trim().parse().ok()).collect();
                weights
                    .filter(|weights| ClassWeights::are_sound(weights, weights.len()))
                    .map(ClassWeights::Of)
                    .ok_or_else(|| {
                        "must be balanced, none, or a positive number for each class, as in 1,5"
                            .to_owned()
                    })
            }
        }
    }
}

impl std::fmt::Display for ClassWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClassWeights::None => f.write_str("none"),
            ClassWeights::Balanced => f.write_str("balanced"),
            ClassWeights::Of(weights) => {
                f.write_str(&weights.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
            }
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
        for part in ["3 classes", "line 3 has class \"7\"", "2 outputs", "`sizes` with 3"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(Labels::of(&table(&["a", "b"]), Some(3)).is_err());
        assert!(matches!(
            Labels::of(&table(&["a"]), None),
            Err(DataError { problem: DataProblem::OneClass(_), .. })
        ));
    }

    #[test]
    fn class_weights_are_written_as_they_are_read() {
        for text in ["none", "balanced", "1,5", "0.25,1,1000"] {
            assert_eq!(text.parse::<ClassWeights>().unwrap().to_string(), text);
        }
        assert_eq!("Balanced".parse(), Ok(ClassWeights::Balanced));
        for text in ["", "1,", "0,1", "-1,2", "inf,1", "nan,1", "balance"] {
            let error = text.parse::<ClassWeights>().unwrap_err();
            assert!(error.contains("balanced") && error.contains("1,5"), "{error}");
        }
    }

    /// 1, 2 and 5 rows of three classes: 8 / (3 n), by hand; their sum over the rows is the number of rows.
    #[test]
    fn balanced_weights_by_hand() {
        let class = |class: usize| -> Vec<f32> {
            (0..3).map(|at| f32::from(u8::from(at == class))).collect()
        };
        let targets: Vec<f32> = [1, 0, 2, 1, 2, 2, 2, 2].into_iter().flat_map(class).collect();
        let data = Dataset::new("d", vec![0.0; 8], 1, targets, 3).unwrap();
        let weights = ClassWeights::Balanced.of(&data).unwrap();
        assert_eq!(weights, [8.0 / 3.0, 4.0 / 3.0, 8.0 / 15.0]);
        let data = data.with_class_weights(&weights);
        let expected = [4.0 / 3.0, 8.0 / 3.0, 8.0 / 15.0, 4.0 / 3.0];
        assert_eq!(data.weights()[..4], expected.map(|weight: f64| weight as f32));
        // Only the ratios of given ones count.
        let given = |text: &str| {
            let weights = text.parse::<ClassWeights>().unwrap().of(&data).unwrap();
            data.clone().with_class_weights(&weights).weights().to_vec()
        };
        assert_eq!(given("1,2,3"), given("2,4,6"));
        let mean = given("1,2,3").iter().sum::<f32>() / 8.0;
        assert!((mean - 1.0).abs() < 1e-6, "{mean}");
        assert!(!data.clone().with_class_weights(&[]).is_weighted());
    }

    #[test]
    fn class_weights_are_for_rows_of_one_class_and_one_for_each() {
        let weights = |targets: &[f32], len: usize| {
            let rows = targets.len() / len;
            let data = Dataset::new("d", vec![0.0; rows], 1, targets.to_vec(), len).unwrap();
            "1,5".parse::<ClassWeights>().unwrap().of(&data)
        };
        assert_eq!(weights(&[0.0, 1.0], 1), Ok(vec![1.0, 5.0]));
        let error = weights(&[0.5, 1.0], 1).unwrap_err().to_string();
        assert!(error.contains("`class_weights` 1,5") && error.contains("one class"), "{error}");
        let error = weights(&[1.0, 0.0, 0.0], 3).unwrap_err().to_string();
        assert!(error.contains("3 classes, 0, 1, 2"), "{error}");
        // An absent class weighs as if it had one row.
        let data = Dataset::new("d", vec![0.0; 2], 1, vec![1.0, 1.0], 1).unwrap();
        assert_eq!(ClassWeights::Balanced.of(&data), Ok(vec![2.0, 1.0]));
    }
}
