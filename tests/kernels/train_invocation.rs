use wgrad::kernels::TRAIN_INVOCATION;

use crate::trainings::{Case, network};

/// One hidden layer, and two.
fn cases() -> [Case; 2] {
    let case = |shape, sizes| Case {
        kernel: TRAIN_INVOCATION,
        shape,
        network: network(sizes),
        lanes: 1,
        constants: &[("OUTPUT_ACTIVATION", 3.0), ("LOSS", 2.0)],
    };
    [case(0, &[2, 3, 1]), case(1, &[2, 3, 2, 1])]
}

#[test]
fn matches_its_twin_network_by_network() {
    cases().iter().for_each(Case::matches_its_twin_network_by_network);
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
