//! The checks can fail: every kernel that is broken on purpose is found out by its own cases.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;

use common::{gpu, with};
use wgrad::check::{MUTANTS, MutantOutcome, MutantReport, Options, Watch, run_mutants};

fn run(kernel: &str) -> MutantReport {
    let options = with(Options::default(), |it| it.filter = Some(kernel.to_owned()));
    let mut watch = Watch::new(|_| {}, || false);
    pollster::block_on(run_mutants(&gpu(), &options, &mut watch)).unwrap()
}

/// The mutants of kernels with this in their names.
#[track_caller]
fn assert_all_are_caught(kernel: &str) {
    let report = run(kernel);
    let failed: Vec<_> = report
        .trials
        .iter()
        .filter(|trial| {
            matches!(trial.outcome, MutantOutcome::Survived | MutantOutcome::BadPatch { .. })
        })
        .map(|trial| format!("{}: {:?}", trial.mutant, trial.outcome))
        .collect();
    assert!(report.is_pass(), "{failed:#?}");
}

#[test]
fn every_mutant_of_a_plain_kernel_is_caught() {
    let long = ["layer_", "train_"];
    let kernels = wgrad::kernels::ALL.iter().map(|kernel| kernel.name);
    for kernel in kernels.filter(|kernel| !long.iter().any(|part| kernel.starts_with(part))) {
        assert_all_are_caught(kernel);
    }
    assert_all_are_caught("layer_statistics");
}

#[test]
fn every_mutant_of_a_layers_kernel_is_caught() {
    for kernel in ["layer_forward", "layer_input_grad", "layer_update"] {
        assert_all_are_caught(kernel);
    }
}

#[test]
fn every_mutant_of_a_whole_training_is_caught() {
    assert_all_are_caught("train_");
}

#[test]
fn there_are_many_and_a_filter_that_matches_none_is_an_error() {
    assert!(MUTANTS.len() >= 40);
    let options = with(Options::default(), |it| it.filter = Some("none".to_owned()));
    let mut watch = Watch::new(|_| {}, || false);
    let error = pollster::block_on(run_mutants(&gpu(), &options, &mut watch)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}
