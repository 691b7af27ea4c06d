//! What each network has of its own: its rate, its momentum and its decay; and how rates go from step to
//! step.

use super::ResidentEngine;
use crate::optimizer::Optimizer;

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

impl ResidentEngine {
    /// The factors and corrections of the next `count` steps, where they are not the same for all.
    pub(super) fn write_schedule(&self, count: u32) {
        if !self.scheduled {
            return;
        }
        let steps = self.step..self.step + count;
        let rates: Vec<[f32; 4]> = steps
            .map(|step| {
                let (first, second) = self.optimizer.corrections(step);
                [self.schedule.factor(step), first as f32, second as f32, 0.0]
            })
            .collect();
        self.gpu.write(&self.buffers.schedule, 0, rates.as_flattened());
    }

    /// From the next step on, other largest rates: one for each network.
    pub fn set_rates(&mut self, rates: &[f32]) {
        for (member, &rate) in self.members.iter_mut().zip(rates) {
            member.rate = rate;
        }
        let members = self.columns.iter().map(|&column| self.members[column as usize]);
        self.gpu.write(&self.buffers.rules, 0, &rules(members));
    }
}
