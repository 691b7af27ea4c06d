//! Very many small networks on the CPU: one network in each lane of its vectors, groups of them in turn.
//!
//! The networks are of one shape and trained over the same rows; each has its own start, rate, momentum,
//! weight decay and order of rows. All stand at the same step. Those that have solved their data, or left the
//! finite numbers, stop, and those left are moved together into fewer groups, so that no lane is long idle.
//!
//! The formulas are those of `crate::network` and `crate::optimizer`, over vectors: there is one place for each
//! of them, and what they are compared with, the cpu engine proper, has its own.

mod group;
mod shape;
mod step;
#[cfg(test)]
mod tests;
mod update;

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::vector::{Avx2, Avx512, Vector};
use super::vector::{Four, Pair};
use crate::engine::{NetworkStatus, Population, Request, Start};
use group::Group;
use shape::{Scratch, Shape};
use step::Work;
use update::StepRule;

/// Networks of a group of small ones, where there are wide vectors.
const MANY: usize = 64;

/// Steps that a group makes before the next: so few that networks which stop do not leave their lanes idle
/// for long, and so many that the parameters of a group are not fetched too often.
const SLICE: u32 = 32;

/// The vector instructions that steps are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    /// Those that every CPU of the target has.
    Any,
    /// Registers of 256 bits.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Registers of 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// Those that this CPU has, the best last.
    fn all_here() -> Vec<Instructions> {
        #[allow(unused_mut)]
        let mut all = vec![Instructions::Any];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                all.push(Instructions::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(Instructions::Avx512);
            }
        }
        all
    }

    /// Networks of a group of small ones, and of others: several registers full, so that what is done once for
    /// all of them takes little of the time.
    fn widths(self) -> [usize; 2] {
        if self == Instructions::Any { [16; 2] } else { [MANY, MANY / 2] }
    }
}

/// Networks in training, one in each lane.
#[derive(Debug)]
pub struct LanesEngine<'a> {
    population: Population<'a>,
    instructions: Instructions,
    shape: Shape,
    seeds: Vec<u32>,
    groups: Vec<Group>,
    scratch: Scratch,
    statuses: Vec<NetworkStatus>,
    step: u32,
}

impl<'a> LanesEngine<'a> {
    /// Whether networks like this are faster so than one after the other.
    pub fn suits(request: Request<'_>) -> bool {
        shape::suits(request)
    }

    /// The networks at their starts.
    ///
    /// # Panics
    /// Where they have a norm or dropout, which lanes do not take: [`LanesEngine::suits`] says so.
    pub fn new(population: &Population<'a>, starts: &[Start]) -> LanesEngine<'a> {
        let is_plain = !population.network.differs_in_training();
        assert!(is_plain, "lanes take neither norms nor dropout");
        let instructions = Instructions::all_here().pop().unwrap_or(Instructions::Any);
        LanesEngine::with(population, starts, instructions)
    }

    fn with(
        population: &Population<'a>,
        starts: &[Start],
        instructions: Instructions,
    ) -> LanesEngine<'a> {
        let shape = Shape::new(population, instructions.widths());
        let members = population.members;
        let mut groups: Vec<Group> = Vec::new();
        groups.resize_with(members.len().div_ceil(shape.width), || Group::new(&shape));
        for start in starts {
            for (seed, index) in (start.seed..).zip(start.networks.clone()) {
                let parameters = start.init.parameters_in(
                    &shape.layout,
                    population.network,
                    (seed, start.scale),
                );
                let (group, lane) = (index / shape.width, index % shape.width);
                groups[group].put(&shape, lane, index as u32, &members[index], &parameters);
            }
        }
        LanesEngine {
            population: *population,
            instructions,
            seeds: members.iter().map(|member| member.seed).collect(),
            groups,
            scratch: Scratch::new(&shape),
            statuses: vec![NetworkStatus::Unsolved; members.len()],
            shape,
            step: 0,
        }
    }

    /// Steps done since the start, by those that have not stopped.
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// What has become of each network by the end of the last run.
    pub fn statuses(&self) -> &[NetworkStatus] {
        &self.statuses
    }

    /// Whether every network has stopped, so that no step would do anything more.
    pub fn is_decided(&self) -> bool {
        self.groups.is_empty()
    }

    /// The parameters of each network that has not stopped, in the network's layout, with its index.
    pub fn parameters(&self) -> impl Iterator<Item = (usize, Vec<f32>)> + '_ {
        self.groups.iter().flat_map(|group| group.unpacked(&self.shape))
    }

    /// Makes `steps` steps, or fewer where `stop` says so. Networks that stop when solved make none with
    /// parameters that solve their data: looked at each time an epoch begins, and at the end. After a stop
    /// some have made more steps than others, and it is of no more use.
    pub fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) {
        let until = self.step.saturating_add(steps);
        let Population { optimizer, schedule, .. } = &self.population;
        let is_constant = StepRule::is_constant(optimizer, schedule);
        let (optimizer, schedule) = (*optimizer, *schedule);
        while self.step < until && !self.is_decided() {
            let slice = self.step..until.min(self.step.saturating_add(SLICE));
            let ruled = if is_constant { self.step..self.step + 1 } else { slice.clone() };
            let rules: Vec<StepRule> =
                ruled.map(|step| StepRule::new(&optimizer, &schedule, step)).collect();
            for at in 0..self.groups.len() {
                if stop() {
                    return;
                }
                self.advance(at, slice.clone(), &rules, slice.end == until);
            }
            self.step = slice.end;
            self.settle();
        }
    }

    /// A group's steps of a slice; looks after the last of a run whether they have solved the data.
    fn advance(&mut self, at: usize, slice: Range<u32>, rules: &[StepRule], is_last: bool) {
        let LanesEngine { population, shape, seeds, groups, scratch, .. } = self;
        let per_epoch = shape.batches.steps_per_epoch() as u32;
        let looks = is_last && shape.stops_when_solved && slice.end.is_multiple_of(per_epoch);
        let work = Work { shape, data: population.data, seeds, rules, looks };
        let group = &mut groups[at];
        match self.instructions {
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            // SAFETY: the CPU has the instructions, or they would not be in `all_here`.
            Instructions::Avx2 => unsafe {
                match shape.width == MANY {
                    true => avx2::<Pair<Pair<Avx2>>, 4>(&work, group, scratch, slice),
                    false => avx2::<Pair<Pair<Avx2>>, 2>(&work, group, scratch, slice),
                }
            },
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            // SAFETY: as above.
            Instructions::Avx512 => unsafe {
                match shape.width == MANY {
                    true => avx512::<Pair<Pair<Avx512>>, 2>(&work, group, scratch, slice),
                    false => avx512::<Pair<Avx512>, 1>(&work, group, scratch, slice),
                }
            },
            Instructions::Any => {
                step::advance::<Pair<Four>, Pair<Four>, 2>(&work, group, scratch, slice)
            }
        }
    }

    /// Notes what has become of networks, and moves those left together.
    fn settle(&mut self) {
        for group in &mut self.groups {
            let lanes = if group.are_finite() { 0..0 } else { 0..self.shape.width };
            for lane in lanes {
                let Some(member) = group.member(lane).filter(|_| !group.is_finite(lane)) else {
                    continue;
                };
                self.statuses[member as usize] = NetworkStatus::Diverged;
                if self.shape.stops_when_solved {
                    group.stop(lane, NetworkStatus::Diverged);
                }
            }
            for (member, status) in group.decided.drain(..) {
                self.statuses[member as usize] = status;
            }
        }
        let width = self.shape.width;
        let left: usize = self.groups.iter().map(Group::len).sum();
        let needed = left.div_ceil(width);
        if needed == self.groups.len() {
            return;
        }
        // The fullest stay.
        self.groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let (kept, others) = self.groups.split_at_mut(needed);
        let mut free = kept.iter_mut();
        let mut to = free.next();
        for other in others {
            while let (Some(from), Some(group)) = (other.first(true), to.as_mut()) {
                match group.first(false) {
                    Some(lane) => other.move_to(group, (from, lane), width),
                    None => to = free.next(),
                }
            }
        }
        self.groups.truncate(needed);
    }
}

/// [`step::advance`] in registers of 256 bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<W: Vector, const M: usize>(
    work: &Work<'_>,
    group: &mut Group,
    scratch: &mut Scratch,
    steps: Range<u32>,
) {
    step::advance::<Pair<Avx2>, W, M>(work, group, scratch, steps);
}

/// [`step::advance`] in registers of 512 bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512<W: Vector, const M: usize>(
    work: &Work<'_>,
    group: &mut Group,
    scratch: &mut Scratch,
    steps: Range<u32>,
) {
    step::advance::<Pair<Avx512>, W, M>(work, group, scratch, steps);
}
