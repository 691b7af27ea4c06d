//! What `--help` says of defaults that follow from the members of a family: each has its own in its row.

use super::listed;
use crate::network::{Activation, Initializer};
use crate::optimizer::{DefaultRate, OptimizerKind};

/// Members by their values, in the order in which the values come.
fn grouped<T: ToString>(
    members: impl Iterator<Item = (&'static str, T)>,
) -> Vec<(String, Vec<&'static str>)> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, value) in members {
        let value = value.to_string();
        match groups.iter_mut().find(|group| group.0 == value) {
            Some((_, names)) => names.push(name),
            None => groups.push((value, vec![name])),
        }
    }
    groups
}

/// `0.01 for adamw, else 0`: the most common value is the one of the others.
fn told<T: ToString>(members: impl Iterator<Item = (&'static str, T)>) -> String {
    let mut groups = grouped(members);
    groups.sort_by_key(|(_, names)| names.len());
    let others = groups.pop().map(|(value, _)| format!("else {value}"));
    let own = groups.iter().map(|(value, names)| format!("{value} for {}", listed(names, "and")));
    own.chain(others).collect::<Vec<_>>().join(", ")
}

pub(super) fn initializer() -> String {
    let suited = |&kind: &Activation| (kind.name(), Initializer::default_for(kind));
    told(Activation::ALL.iter().map(suited))
}

pub(super) fn weight_decay() -> String {
    told(OptimizerKind::ALL.iter().map(|kind| (kind.name(), kind.row().weight_decay)))
}

pub(super) fn decay() -> String {
    told(OptimizerKind::ALL.iter().map(|kind| (kind.name(), kind.row().decay)))
}

/// The rates of plain gradient descent, and what other optimizers make of them.
pub(super) fn rate() -> String {
    let rate = |kind: &OptimizerKind| {
        let rate = match kind.row().rate {
            DefaultRate::Share(share) => format!("{share} times that"),
            DefaultRate::Fixed(rate) => rate.to_string(),
        };
        (kind.name(), rate)
    };
    let plain = "0.5 for gates, parity and digits, 0.3 for shapes, else 0.1";
    let is_own = |(rate, _): &(String, Vec<&str>)| rate != "1 times that";
    let groups = grouped(OptimizerKind::ALL.iter().map(rate)).into_iter().filter(is_own);
    let own = groups.map(|(rate, names)| format!("; {rate} for {}", listed(&names, "and")));
    [plain.to_owned()].into_iter().chain(own).collect()
}
