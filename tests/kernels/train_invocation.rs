use wgrad::engine::Mapping;

use crate::launch::assert_matches_its_twin;
use crate::trainings::{Case, network};

/// One hidden layer and two, of as many units as lanes and of a rest, and equally wide ones.
fn cases() -> Vec<Case> {
    let shapes = [&[2, 3, 1][..], &[2, 3, 2, 1], &[2, 5, 1], &[2, 4, 4, 1], &[2, 2, 2, 1]];
    shapes
        .iter()
        .map(|sizes| Case { mapping: Mapping::Invocation, network: network(sizes) })
        .collect()
}

#[test]
fn matches_its_twin_network_by_network() {
    assert_matches_its_twin("train_invocation");
}

#[test]
fn keeps_the_losses_that_are_asked_for() {
    cases().iter().for_each(Case::keeps_the_losses_that_are_asked_for);
}

#[test]
fn by_hand_a_network_of_zeros_stays_where_it_is() {
    cases().iter().for_each(Case::zeros_stay_zeros);
}

#[test]
fn a_wrong_twin_is_found_out() {
    cases().iter().for_each(Case::tells_rates_and_networks_apart);
}
