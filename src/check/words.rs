//! What came of a check, in words: the same in a terminal and on a page.

use std::fmt;

use super::findings::Findings;
use super::run::Report;
use crate::text::{columns, counted, seconds};

impl Findings {
    /// What came of a row, in a word.
    pub fn result(&self) -> &'static str {
        match (self.failures.is_empty(), self.unchecked.is_empty(), self.cases) {
            (false, _, _) => "FAILED",
            (true, false, 0) => "not checked",
            (true, false, _) => "in part",
            (true, true, _) => "pass",
        }
    }

    /// The cells of a row: name, cases, numbers, error, time, and what came of it.
    fn cells(&self) -> Vec<String> {
        vec![
            self.what.clone(),
            self.cases.to_string(),
            self.compared.to_string(),
            if self.compared == 0 { "-".to_owned() } else { format!("{:.3}", self.share) },
            seconds(self.seconds, 0),
            self.result().to_owned(),
        ]
    }
}

/// The whole report as text, to keep or to send.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "wgrad {}", self.version)?;
        f.write_str(&self.table())?;
        for row in &self.rows {
            let (failed, unchecked) = self.faults(row);
            failed.iter().chain(&unchecked).try_for_each(|line| writeln!(f, "{line}"))?;
        }
        writeln!(f, "{}", self.verdict())
    }
}

impl Report {
    /// What was checked on which adapter, every row, and the notes.
    pub fn table(&self) -> String {
        let mut text = format!("adapter: {}\n{};\n", self.adapter, self.about);
        text += "error: the largest, as a share of the bound derived for it\n\n";
        let head = ["", "cases", "numbers", "error", "time", ""];
        text += &columns(1, &head, self.rows.iter().map(Findings::cells));
        text.push('\n');
        self.notes.iter().for_each(|note| text += &format!("{note}\n"));
        text
    }

    /// A line for each failure of a row, and one for each reason that kept cases of it from being checked.
    pub fn faults(&self, row: &Findings) -> (Vec<String>, Vec<String>) {
        let failed = row.failures.iter().map(|it| format!("FAILED {}", self.line(it)));
        let unchecked = row.unchecked.iter().map(|it| {
            let cases = counted(it.cases as u64, "case");
            format!("NOT CHECKED {}, {cases}: {}", row.what, it.reason)
        });
        (failed.collect(), unchecked.collect())
    }

    /// What came of all of it, in one line.
    pub fn verdict(&self) -> String {
        let rows = &self.rows;
        let failed: Vec<&str> = rows
            .iter()
            .filter(|row| !row.failures.is_empty())
            .map(|row| row.what.as_str())
            .collect();
        let partly: Vec<&str> = rows
            .iter()
            .filter(|row| !row.unchecked.is_empty())
            .map(|row| row.what.as_str())
            .collect();
        let cases: usize = rows.iter().map(|row| row.cases).sum();
        let numbers: usize = rows.iter().map(|row| row.compared).sum();
        let time = seconds(self.seconds, 1);
        let all = format!(
            "{}, {}, {numbers} numbers in {time}",
            counted(rows.len() as u64, "check"),
            counted(cases as u64, "case")
        );
        if !failed.is_empty() {
            return format!("failed: {} of {all}: {}", failed.len(), failed.join(", "));
        }
        if !partly.is_empty() {
            return format!(
                "not all could be checked, and what could was right: {all}; not: {}",
                partly.join(", ")
            );
        }
        if self.stopped {
            return format!("interrupted after {all}, all within their bounds");
        }
        let worst = rows.iter().max_by(|a, b| a.share.total_cmp(&b.share));
        let worst = worst.filter(|worst| worst.share > 0.0).map_or(String::new(), |worst| {
            format!(
                "; the largest error is {:.2} of its bound, at {} {}",
                worst.share, worst.what, worst.at
            )
        });
        format!("passed: {all}{worst}")
    }
}
