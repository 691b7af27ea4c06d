use wgrad::engine::Mapping;

use crate::launch::assert_matches_its_twin;
use crate::trainings::{Case, network};

fn case() -> Case {
    Case { mapping: Mapping::Workgroup, network: network(&[2, 3, 1]) }
}

#[test]
fn matches_its_twin_network_by_network() {
    assert_matches_its_twin("train_workgroup");
}

#[test]
fn keeps_the_losses_that_are_asked_for() {
    case().keeps_the_losses_that_are_asked_for();
}

#[test]
fn by_hand_a_network_of_zeros_stays_where_it_is() {
    case().zeros_stay_zeros();
}

#[test]
fn a_wrong_twin_is_found_out() {
    case().tells_rates_and_networks_apart();
}
