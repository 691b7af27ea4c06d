//! The doctor: from the numbers of a run to what is wrong with it, why, and which flags help. Pure
//! functions; the trainer collects what they look at, at report boundaries and never in a step.
//!
//! A run that is well has no findings. Otherwise causes are looked for from the most specific to the
//! least, and whatever an earlier one explains is not told again:
//!
//! | cause | seen by |
//! | --- | --- |
//! | not-finite | a loss, a parameter or a gradient that is no number |
//! | symmetry | hidden units alike in all their weights |
//! | single-layer | no hidden layer, and a proof or a flat loss |
//! | exploding | the next, and a thousandfold growth: of gradients over time or towards the inputs, or of the first loss |
//! | rate-too-high | a loss that rose or bounces, or updates of a tenth of the parameters |
//! | dead-relu | hidden units that are 0 on every row |
//! | saturated | half the units of a layer at an end of their sigmoid or tanh |
//! | vanishing | gradients a thousand times smaller in an early layer than in the last |
//! | rate-too-low | a loss that hardly moved, and evenly; updates below 1e-5 of the parameters |
//! | plateau | a loss that has stopped falling |
//! | too-short | a loss that is still falling |
//!
//! The thresholds, with what speaks for them, are the constants of `case.rs`.

mod case;
mod checkup;
mod findings;
mod fixes;
mod measures;
mod separable;
#[cfg(test)]
mod tests;

pub(super) use checkup::twins;
pub use checkup::{Checkup, LayerCheckup, checkup};

use serde::Serialize;

use super::{Ended, Evaluation, Outcome, Run, Training, dead_units};
use crate::network::named;
use case::Case;

named! {
    /// What can be wrong with a training.
    pub enum Cause ("cause") {
        /// Hidden units are 0 on every row and get no gradient.
        DeadUnits = "dead-relu",
        /// Early layers get next to no gradient.
        Vanishing = "vanishing",
        /// Gradients grow beyond what a step can take.
        Exploding = "exploding",
        /// Steps leap over the valley.
        RateTooHigh = "rate-too-high",
        /// Steps are too short to get anywhere.
        RateTooLow = "rate-too-low",
        /// Hidden units are alike, and stay so.
        Symmetry = "symmetry",
        /// There is no hidden layer where one is needed.
        SingleLayer = "single-layer",
        /// The loss has stopped falling.
        Plateau = "plateau",
        /// Hidden units are at an end of their sigmoid or tanh.
        Saturated = "saturated",
        /// Numbers have left the finite ones.
        NotFinite = "not-finite",
        /// Nothing: it was only stopped too early.
        TooShort = "too-short",
    }
}

impl Cause {
    /// What a person calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Cause::DeadUnits => "Dead ReLU",
            Cause::Vanishing => "Vanishing gradients",
            Cause::Exploding => "Exploding gradients",
            Cause::RateTooHigh => "Rate too high",
            Cause::RateTooLow => "Rate too low",
            Cause::Symmetry => "Symmetry",
            Cause::SingleLayer => "Single layer",
            Cause::Plateau => "Plateau",
            Cause::Saturated => "Saturated units",
            Cause::NotFinite => "Not finite",
            Cause::TooShort => "Too short",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub cause: Cause,
    /// The layer where it is worst, from 0, where it has one.
    pub layer: Option<usize>,
    /// What was seen: a sentence with its number.
    pub what: String,
    /// How that comes about: a sentence.
    pub why: String,
    /// Flags to try, the likeliest first.
    pub fixes: Vec<String>,
}

/// Where a training left the finite numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divergence {
    /// Steps done when it was seen.
    pub step: u32,
    /// The layer of the first parameter that is none, from 0, where that is known.
    pub layer: Option<usize>,
}

/// What is known at the end of a run.
#[derive(Debug, Clone, Default)]
pub struct End<'a> {
    /// Epochs done.
    pub epochs: u32,
    /// What the network does on the rows that were learned from; `None` where it diverged.
    pub evaluation: Option<&'a Evaluation>,
    /// Its parameters; none where it diverged.
    pub parameters: &'a [f32],
    /// As [`dead_units`]; none where nobody looked.
    pub dead: Vec<(usize, usize)>,
    /// Where it diverged.
    pub diverged: Option<Divergence>,
}

/// Findings that are told at most: with more of them nobody knows where to begin.
const MOST_FINDINGS: usize = 4;

impl<'a> End<'a> {
    /// The end of a run that stayed finite. Looks for dead units over all rows where the answer can
    /// matter: a batch on which few units are 0 has shown that few are dead.
    pub fn of(training: &Training, run: &'a Run) -> End<'a> {
        let mut end = End {
            epochs: run.epochs,
            evaluation: Some(&run.evaluation),
            parameters: &run.parameters,
            ..End::default()
        };
        let case = Case::new(training, &run.history, &run.checkups, &end);
        if case.may_have_dead_units() {
            end.dead = dead_units(&training.network, &run.parameters, &training.data);
        }
        end
    }

    /// The end of one that did not.
    pub fn diverged(epochs: u32, at: Divergence) -> End<'static> {
        End { epochs, diverged: Some(at), ..End::default() }
    }
}

impl Outcome {
    /// What is wrong with the run that was kept; nothing where nobody was to look.
    pub fn findings(&self, training: &Training) -> Vec<Finding> {
        let run = &self.kept;
        if !training.doctor {
            return Vec::new();
        }
        let mut found = diagnose(training, &run.history, &run.checkups, &End::of(training, run));
        // Whoever asked for an earlier end knows that it was one.
        found.retain(|finding| finding.cause != Cause::TooShort || run.ended == Ended::Epochs);
        found
    }
}

/// What is wrong with a run, the most severe first; nothing where it is well. `checkups` may be empty:
/// then less is found. No two findings contradict each other.
pub fn diagnose(
    training: &Training,
    history: &[(u32, f32)],
    checkups: &[Checkup],
    end: &End<'_>,
) -> Vec<Finding> {
    let case = Case::new(training, history, checkups, end);
    if case.is_well() {
        return Vec::new();
    }
    if let Some(finding) = case.not_finite() {
        let cause = case.is_too_high().then(|| case.too_high());
        return [Some(finding), cause].into_iter().flatten().collect();
    }
    let is_too_high = case.is_too_high();
    let is_too_low = !is_too_high && case.is_too_low();
    if case.is_all_right() {
        return vec![match (is_too_high, is_too_low) {
            (true, _) => case.too_high(),
            (_, true) => case.too_low(),
            _ => case.too_short(),
        }];
    }
    // Nothing else is worth a word before these are mended.
    if let Some(finding) = case.symmetry().or_else(|| case.single_layer()) {
        return vec![finding];
    }
    let mut findings = Vec::new();
    findings.extend(is_too_high.then(|| case.too_high()));
    findings.extend(case.dead(is_too_high || is_too_low));
    findings.extend(case.saturated());
    if findings.is_empty() {
        let vanishing = case.vanishing();
        findings.extend(vanishing.or_else(|| is_too_low.then(|| case.too_low())));
    }
    if findings.is_empty() {
        findings.extend(case.plateau());
    }
    if findings.is_empty() && case.is_bad() && !case.is_flat() {
        findings.push(case.too_short());
    }
    findings.truncate(MOST_FINDINGS);
    findings
}
