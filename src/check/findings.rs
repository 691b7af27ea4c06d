//! What a check found: one row of the report.

use std::fmt;

use super::compare::{Agreement, Bound, Mismatch, compare};
use crate::gpu::GpuError;

/// What is wrong with a case.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Numbers beyond their bounds.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// A device that failed, or refused what it should take.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A case that failed. Printed, it is one line for a bug report.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// What was checked: a kernel's name, for most.
    pub what: String,
    /// The case: its shape, variant and settings.
    pub case: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.case.is_empty() { "" } else { ", " };
        write!(f, "{}{separator}{}: {}", self.what, self.case, self.fault)
    }
}

/// What this adapter does not let be checked, and how many cases that are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unchecked {
    /// Why.
    pub reason: String,
    /// Cases that were left out.
    pub cases: usize,
}

/// What was found of one thing: a row of the report.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Findings {
    /// What was checked.
    pub what: String,
    /// Cases that were run.
    pub cases: usize,
    /// Numbers that were compared.
    pub compared: usize,
    /// The largest error as a share of its bound, of those within it; 0 where all are equal.
    pub share: f64,
    /// The case, and the numbers, where that was.
    pub at: String,
    /// What failed.
    pub failures: Vec<Failure>,
    /// What could not be checked.
    pub unchecked: Vec<Unchecked>,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether f32 twins are held to by bits.
    by_bits: bool,
    /// The case that is looked at.
    case: String,
}

impl Findings {
    /// Nothing yet. With `by_bits`, [`Findings::hold`] asks for the bits of f32 twins.
    pub fn new(what: impl Into<String>, by_bits: bool) -> Findings {
        Findings { what: what.into(), by_bits, ..Findings::default() }
    }

    /// Whether everything was checked and nothing failed.
    pub fn is_pass(&self) -> bool {
        self.failures.is_empty() && self.unchecked.is_empty()
    }

    /// Counts a case: what is found from now on is of it.
    pub fn begin(&mut self, case: impl Into<String>) {
        self.case = case.into();
        self.cases += 1;
    }

    /// Notes what is wrong with this case.
    pub fn fail(&mut self, fault: impl Into<Fault>) {
        let (what, case) = (self.what.clone(), self.case.clone());
        self.failures.push(Failure { what, case, fault: fault.into() });
    }

    /// Notes that so many cases could not be checked.
    pub fn leave_out(&mut self, reason: impl Into<String>, cases: usize) {
        let reason = reason.into();
        match self.unchecked.iter_mut().find(|unchecked| unchecked.reason == reason) {
            Some(unchecked) => unchecked.cases += cases,
            None => self.unchecked.push(Unchecked { reason, cases }),
        }
    }

    /// Compares two lists of numbers.
    pub fn close<A, E>(&mut self, label: &str, actual: &[A], expected: &[E], bound: Bound<'_>)
    where
        A: Copy + Into<f64>,
        E: Copy + Into<f64>,
    {
        match compare(label, actual, expected, bound) {
            Ok(Agreement { count, share }) => {
                self.compared += count;
                if share > self.share || self.at.is_empty() {
                    self.share = share;
                    self.at = match self.case.is_empty() {
                        true => label.to_owned(),
                        false => format!("{}: {label}", self.case),
                    };
                }
            }
            Err(mismatch) => {
                self.compared += actual.len().min(expected.len());
                self.fail(mismatch);
            }
        }
    }

    /// Holds numbers to the f64 twin within `bounds` and, where `exact` says that nothing but + - * / is
    /// involved, to the f32 twin by bits on an adapter where these round correctly.
    pub fn hold(
        &mut self,
        label: &str,
        actual: &[f32],
        exact: Option<&[f32]>,
        truth: &[f64],
        bounds: &[f64],
    ) {
        self.close(label, actual, truth, Bound::Each(bounds));
        if let Some(exact) = exact.filter(|_| self.by_bits) {
            self.close(&format!("{label}, by bits"), actual, exact, Bound::Exact);
        }
    }

    /// Holds whole numbers to what they must be.
    pub fn equal(&mut self, label: &str, actual: &[u32], expected: &[u32]) {
        self.close(label, actual, expected, Bound::Exact);
    }

    /// Notes a failure unless `is_so`.
    pub fn ensure(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        if !is_so {
            self.fail(Fault::Other(otherwise()));
        }
    }
}
