//! What is trained at once, and what each network has of its own: its rate, its momentum and its decay.

use crate::data::{Batches, Dataset};
use crate::engine::kinds::Mapping;
use crate::network::Network;
use crate::optimizer::{Optimizer, RateSchedule};

/// What is to be trained at once: networks of one shape over the same rows.
#[derive(Debug, Clone, Copy)]
pub struct Population<'a> {
    /// The network that all of them are.
    pub network: &'a Network,
    /// How gradients become updates; what differs from network to network is the members'.
    pub optimizer: Optimizer,
    /// How their rates go.
    pub schedule: RateSchedule,
    /// What they learn.
    pub data: &'a Dataset,
    /// In which portions; their own seeds count from this one's.
    pub batches: Batches,
    /// Each of them.
    pub members: &'a [Member],
    /// Whether a network's training ends as soon as it solves its data.
    pub stops_when_solved: bool,
    /// The mapping, where one is asked for.
    pub mapping: Option<Mapping>,
}

/// One network of a population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// Its largest learning rate.
    pub rate: f32,
    /// The first moment's decay: its momentum, or its beta1.
    pub decay1: f32,
    /// How strongly its weights decay.
    pub weight_decay: f32,
    /// Its seed, counted from that of the population's batches.
    pub seed: u32,
}

impl Member {
    /// The network of a seed, trained as `optimizer` says.
    pub fn new(optimizer: &Optimizer, rate: f32, seed: u32) -> Member {
        let numbers = optimizer.coefficients(0.0, 0);
        let (decay1, weight_decay) = (numbers.decay1 as f32, numbers.weight_decay as f32);
        Member { rate, decay1, weight_decay, seed }
    }
}

/// `[rate, decay1, weight_decay][networks]`.
pub(super) fn rules(members: impl Iterator<Item = Member> + Clone) -> Vec<f32> {
    let rows: [fn(&Member) -> f32; 3] = [|m| m.rate, |m| m.decay1, |m| m.weight_decay];
    rows.iter().flat_map(|row| members.clone().map(|member| row(&member))).collect()
}
