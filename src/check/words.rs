//! What came of a check, in words: the same in a terminal and on a page.

use super::findings::Findings;
use super::run::Report;

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
}

impl Report {
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

/// `1 network`, `2 networks`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Seconds in a suitable unit, with so many decimals below a second.
pub(crate) fn seconds(seconds: f64, decimals: usize) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.decimals$} us", s * 1e6),
        s if s < 1.0 => format!("{:.decimals$} ms", s * 1e3),
        s => format!("{s:.0$} s", decimals.max(2)),
    }
}
