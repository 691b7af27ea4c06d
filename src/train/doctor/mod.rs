//! The doctor: diagnoses a run from its statistics, and suggests settings that help. Pure functions; the
//! trainer collects the statistics at report boundaries, never within a step.
//!
//! A healthy run has no findings. Otherwise causes are checked from the most specific to the least,
//! and what an earlier one explains is not reported again:
//!
//! | cause | condition |
//! | --- | --- |
//! | not-finite | a loss, parameter or gradient is not finite |
//! | unscaled | inputs or targets far from 1 that were not normalized, and a loss that is bad or not finite |
//! | weight-decay | a bad, flat loss, and weights that decay instead of following their gradients |
//! | symmetry | hidden units with identical weights |
//! | single-layer | no hidden layer, and either a proof that one is needed or a flat loss |
//! | exploding | as rate-too-high, with a thousandfold growth: of gradients over time or towards the inputs, or of the first loss |
//! | rate-too-high | a loss that rose or bounces, or updates of a tenth of the parameters |
//! | dead-relu | hidden units that are 0 on every row |
//! | saturated | half the units of a layer close to a limit of their activation |
//! | vanishing | gradients a thousand times smaller in an early layer than in the last |
//! | rate-too-low | a loss that hardly moved, and evenly; updates below 1e-5 of the parameters |
//! | plateau | a loss that has stopped falling |
//! | too-short | a loss that is still falling |
//!
//! The thresholds and the reasons for them are the constants of `case.rs`.

mod case;
mod checkup;
mod findings;
mod fixes;
mod measures;
mod separable;
#[cfg(test)]
mod tests;

pub(super) use checkup::duplicates;
pub use checkup::{Checkup, LayerCheckup, checkup};
pub use fixes::Fix;

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
        /// Gradients grow far too large.
        Exploding = "exploding",
        /// Steps overshoot the minimum.
        RateTooHigh = "rate-too-high",
        /// Steps are too small to make progress.
        RateTooLow = "rate-too-low",
        /// Hidden units are identical and stay so.
        Symmetry = "symmetry",
        /// A hidden layer is missing.
        SingleLayer = "single-layer",
        /// The loss has stopped falling.
        Plateau = "plateau",
        /// Hidden units are saturated.
        Saturated = "saturated",
        /// Numbers are not finite.
        NotFinite = "not-finite",
        /// Inputs or targets are large, and were not normalized.
        Unscaled = "unscaled",
        /// Weight decay is stronger than the gradients.
        WeightDecay = "weight-decay",
        /// Nothing else: the run ended too early.
        TooShort = "too-short",
    }
}

impl Cause {
    /// The heading of its findings.
    pub const fn title(self) -> &'static str {
        match self {
            Cause::DeadUnits => "Dead ReLU",
            Cause::Vanishing => "Vanishing gradients",
            Cause::Exploding => "Exploding gradients",
            Cause::RateTooHigh => "Learning rate too high",
            Cause::RateTooLow => "Learning rate too low",
            Cause::Symmetry => "Symmetry",
            Cause::SingleLayer => "Single layer",
            Cause::Plateau => "Plateau",
            Cause::Saturated => "Saturated units",
            Cause::NotFinite => "Not finite",
            Cause::Unscaled => "Unscaled data",
            Cause::WeightDecay => "Weight decay",
            Cause::TooShort => "Too short",
        }
    }
}

/// A diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// The index of the layer where it is worst, if it concerns one.
    pub layer: Option<usize>,
    /// What was observed: a sentence with its number.
    pub what: String,
    /// The explanation: a sentence.
    pub why: String,
    /// What to try, the likeliest first.
    pub fixes: Vec<Fix>,
}

/// Where a training diverged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// Steps done when it was noticed.
    pub step: u32,
    /// The index of the layer of the first non-finite parameter, if known.
    pub layer: Option<usize>,
}

/// The end of a run.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct End<'a> {
    /// Epochs done.
    pub epochs: u32,
    /// The evaluation on the training rows; `None` if it diverged.
    pub evaluation: Option<&'a Evaluation>,
    /// Its parameters, `[len]` of the network's layout; empty if it diverged.
    pub parameters: &'a [f32],
    /// As [`dead_units`]; empty if they were not counted.
    pub dead: Vec<(usize, usize)>,
    /// Where it diverged, if it did.
    pub diverged: Option<Divergence>,
}

/// The most findings of a run: more would hide where to begin.
const MOST_FINDINGS: usize = 4;

impl<'a> End<'a> {
    /// The end of a run that did not diverge. Counts dead units over all rows only where that can matter:
    /// a batch on which few units are 0 has shown that few are dead.
    pub fn of(training: &Training, run: &'a Run) -> End<'a> {
        let stands = (run.epochs, &run.evaluation, &run.parameters[..]);
        End::at(training, stands, &run.history, &run.checkups)
    }

    /// The same of a run that stands so after these epochs: what it does, and its parameters.
    pub fn at(
        training: &Training,
        (epochs, evaluation, parameters): (u32, &'a Evaluation, &'a [f32]),
        history: &[(u32, f32)],
        checkups: &[Checkup],
    ) -> End<'a> {
        let mut end = End { epochs, evaluation: Some(evaluation), parameters, ..End::default() };
        if Case::new(training, history, checkups, &end).may_have_dead_units() {
            end.dead = dead_units(&training.network, parameters, &training.data);
        }
        end
    }

    /// The end of a run that diverged.
    pub fn diverged(epochs: u32, at: Divergence) -> End<'static> {
        End { epochs, diverged: Some(at), ..End::default() }
    }
}

impl Outcome {
    /// The diagnosis of the kept run; empty if the doctor is off.
    pub fn findings(&self, training: &Training) -> Vec<Finding> {
        let run = &self.kept;
        if !training.doctor {
            return Vec::new();
        }
        let mut found = diagnose(training, &run.history, &run.checkups, &End::of(training, run));
        // An early end that was asked for needs no finding.
        found.retain(|finding| finding.cause != Cause::TooShort || run.ended == Ended::Epochs);
        found
    }
}

/// The findings on a run, the most severe first; none if it is healthy. Without `checkups` fewer are
/// found. Findings never contradict each other.
pub fn diagnose(
    training: &Training,
    history: &[(u32, f32)],
    checkups: &[Checkup],
    end: &End<'_>,
) -> Vec<Finding> {
    let case = Case::new(training, history, checkups, end);
    if case.is_healthy() {
        return Vec::new();
    }
    if let Some(finding) = case.not_finite() {
        let cause = case.unscaled().or_else(|| case.is_too_high().then(|| case.too_high()));
        return [Some(finding), cause].into_iter().flatten().collect();
    }
    // Whatever else is seen follows from it.
    if let Some(finding) = case.unscaled().or_else(|| case.weight_decay()) {
        return vec![finding];
    }
    let is_too_high = case.is_too_high();
    let is_too_low = !is_too_high && case.is_too_low();
    if case.all_correct() {
        return vec![match (is_too_high, is_too_low) {
            (true, _) => case.too_high(),
            (_, true) => case.too_low(),
            _ => case.too_short(),
        }];
    }
    // Other findings are pointless before these are fixed.
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
