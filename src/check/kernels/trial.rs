//! Some steps of many networks by a kernel that trains whole networks, held network by network to the reference.

use super::updates::{describe, update_bound};
use crate::check::{Arg, Bound, Case, Findings, Inexact, SENTINEL, ULP, apart, floats, numbers};
use crate::data::{Batches, Order};
use crate::engine::Mapping;
use crate::engine::resident::{self, Capacity, Request};
use crate::gpu::Launch;
use crate::kernels::Trainings;
use crate::network::{Initializer, Layout, Network, Norm, Real};
use crate::optimizer::{Optimizer, RateSchedule};
use crate::reference::Reference;

/// A seed of which the low half is at its end: those of later networks carry.
const SEED: u64 = 0xffff_fffe;
/// What the kernels say of a network that goes on, and of one that is not finite any more.
const IN_TRAINING: u32 = u32::MAX;
const DIVERGED: u32 = u32::MAX - 1;

/// Some steps of many networks in one dispatch.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Which kernel that is.
    pub mapping: Mapping,
    /// What all of them are.
    pub network: Network,
    /// How they are trained.
    pub optimizer: Optimizer,
    /// Inputs, and targets with the row's weight behind them where `is_weighted`.
    pub data: [Vec<f32>; 2],
    /// Whether rows have weights.
    pub is_weighted: bool,
    /// Rows of a batch; 0 for all.
    pub batch: usize,
    /// The parameters of each network, without padding.
    pub starts: Vec<Vec<f32>>,
    /// Rates, each of as many networks.
    pub rates: Vec<f32>,
    /// Steps that were made before.
    pub first: u32,
    /// Steps to make.
    pub steps: u32,
    /// Of so many epochs the last one's losses are kept; 0 keeps none.
    pub loss_every: u32,
    /// Whether a network that is solved stops.
    pub stops_when_solved: bool,
}

/// What a trial leaves, one column a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained<T> {
    /// Parameters, and behind them each moment.
    pub state: Vec<T>,
    /// The ring of losses.
    pub losses: Vec<T>,
}

/// The four rows of XOR.
pub fn xor() -> [Vec<f32>; 2] {
    [vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], vec![0.0, 1.0, 1.0, 0.0]]
}

/// `[..][networks]` from one list per network.
pub fn interleave<T: Copy>(lists: &[Vec<T>]) -> Vec<T> {
    (0..lists[0].len()).flat_map(|index| lists.iter().map(move |list| list[index])).collect()
}

impl Trial {
    /// So many networks over XOR by gradient descent, from seeds from 0 on.
    pub fn xor(mapping: Mapping, network: &Network, networks: usize) -> Trial {
        let layout = Layout::new(network);
        let start = |seed| Initializer::HeNormal.parameters(network, seed, 1.0);
        let start = |seed| layout.unpack(&start(seed)).concat();
        Trial {
            mapping,
            network: network.clone(),
            optimizer: Optimizer::default(),
            data: xor(),
            is_weighted: false,
            batch: 0,
            starts: (0..networks as u64).map(start).collect(),
            rates: vec![0.5],
            first: 0,
            steps: 1,
            loss_every: 1,
            stops_when_solved: false,
        }
    }

    fn rows(&self) -> usize {
        self.data[0].len() / self.network.inputs()
    }

    fn batches(&self, seed: u64) -> Batches {
        Batches::new(self.rows(), self.batch, Order::Shuffled, seed)
    }

    fn rate(&self, network: usize) -> f32 {
        self.rates[network / (self.starts.len() / self.rates.len())]
    }

    /// The moments of a network that the optimizer has, each as long as its parameters.
    fn moments(&self, network: usize) -> [Option<Vec<f32>>; 2] {
        let [first, second] = self.optimizer.has_moments();
        let len = Layout::new(&self.network).count();
        let drawn = |part: u32| numbers(len, 90 + 2 * network as u32 + part);
        let squares = || drawn(1).iter().map(|v| v * v).collect();
        [first.then(|| drawn(0)), second.then(squares)]
    }

    /// Losses that the ring holds: all that are kept.
    fn ring(&self) -> u32 {
        let kept = (self.first..self.first + self.steps).filter(|&step| self.is_kept(step));
        (kept.count() as u32).max(1)
    }

    fn is_kept(&self, step: u32) -> bool {
        let epoch = step / self.batches(0).steps_per_epoch() as u32;
        self.loss_every != 0 && (epoch + 1).is_multiple_of(self.loss_every)
    }

    /// As the resident engine launches it.
    ///
    /// # Errors
    /// Why the mapping does not take the network, in words.
    pub fn launch(&self) -> Result<Launch, String> {
        let (batches, networks) = (self.batches(SEED), self.starts.len());
        let request = Request {
            network: &self.network,
            optimizer: self.optimizer,
            schedule: RateSchedule::default(),
            batches: &batches,
            networks,
            stops_when_solved: self.stops_when_solved,
            is_weighted: self.is_weighted,
            mapping: Some(self.mapping),
        };
        let what = Trainings {
            network: &self.network,
            optimizer: &self.optimizer,
            batches: &batches,
            networks,
            steps: self.steps,
            until: self.first + self.steps,
            schedule_first: self.first,
            ring_len: self.ring(),
            loss_every: self.loss_every,
        };
        resident::launch(request, Capacity::BASE, &what)
    }

    /// One for each binding.
    pub fn args(&self) -> Vec<Arg> {
        let networks = self.starts.len();
        let [inputs, targets] = &self.data;
        let width = targets.len() / self.rows();
        let mut data = Vec::new();
        for (input, target) in
            inputs.chunks_exact(self.network.inputs()).zip(targets.chunks_exact(width))
        {
            data.extend(input.iter().chain(target));
            data.resize(data.len().next_multiple_of(4), 0.0);
        }
        let numbers = self.optimizer.coefficients(0.0, 0);
        let mut rules: Vec<f32> = (0..networks).map(|network| self.rate(network)).collect();
        for own in [numbers.decay1, numbers.weight_decay] {
            rules.resize(rules.len() + networks, own as f32);
        }
        let corrections = |step| {
            let (first, second) = self.optimizer.corrections(step);
            [1.0, first as f32, second as f32, 0.0]
        };
        let schedule: Vec<[f32; 4]> =
            (self.first..self.first + self.steps).map(corrections).collect();
        let state = |network: usize| {
            let moments = self.moments(network).into_iter().flatten();
            [&self.starts[network][..], &moments.flatten().collect::<Vec<f32>>()].concat()
        };
        let states: Vec<Vec<f32>> = (0..networks).map(state).collect();
        vec![
            Arg::uniform(&data),
            Arg::of(&rules),
            Arg::of(&(0..networks as u32).collect::<Vec<u32>>()),
            Arg::of(schedule.as_flattened()),
            Arg::of(&interleave(&states)),
            Arg::Out(self.ring() as usize * networks),
            Arg::of(&vec![self.first; networks]),
            Arg::of(&vec![IN_TRAINING; networks]),
        ]
    }

    /// The same from the reference in f64, network by network; losses that are not kept are NaN.
    pub fn twin(&self) -> Trained<f64> {
        self.twin_over(f64::from)
    }

    /// The same over other numbers.
    fn twin_over<T: Real>(&self, of: impl Fn(f32) -> T) -> Trained<T> {
        let layout = Layout::new(&self.network);
        let lens: Vec<usize> = layout.tensors().iter().map(|t| t.rows * t.cols).collect();
        let packed = |flat: &[f32]| {
            let mut rest = flat.iter().copied().map(&of);
            let lists: Vec<Vec<T>> =
                lens.iter().map(|&len| rest.by_ref().take(len).collect()).collect();
            layout.pack(&lists)
        };
        let (mut states, mut rings) = (Vec::new(), Vec::new());
        let [inputs, targets] = [&self.data[0], &self.data[1]]
            .map(|values| values.iter().copied().map(&of).collect::<Vec<T>>());
        let widths = [self.network.inputs(), targets.len() / self.rows()];
        for (n, start) in self.starts.iter().enumerate() {
            let mut reference = Reference::new(&self.network, packed(start));
            let moments = self.moments(n);
            for (own, moment) in reference.moments.iter_mut().zip(&moments) {
                if let Some(moment) = moment {
                    *own = packed(moment);
                }
            }
            (reference.seed, reference.steps) = (SEED + n as u64, self.first);
            let batches = self.batches(SEED + n as u64);
            let per_epoch = batches.steps_per_epoch() as u32;
            let mut ring = vec![T::of(f64::NAN); self.ring() as usize];
            for step in self.first..self.first + self.steps {
                let gathered = |values: &[T], width: usize| -> Vec<T> {
                    batches
                        .rows_of(step)
                        .flat_map(|row| &values[row * width..][..width])
                        .copied()
                        .collect()
                };
                let (x, t) = (gathered(&inputs, widths[0]), gathered(&targets, widths[1]));
                let rate = f64::from(self.rate(n));
                let loss = reference.optimized_step(&x, &t, &self.optimizer, rate);
                if self.is_kept(step) {
                    let before = step / per_epoch / self.loss_every * per_epoch;
                    let slot = (before + step % per_epoch) % self.ring();
                    ring[slot as usize] = loss;
                }
            }
            let flat = |values: &[T]| layout.unpack(values).concat();
            let mut state = flat(&reference.parameters);
            for (own, _) in reference.moments.iter().zip(&moments).filter(|(_, it)| it.is_some()) {
                state.extend(flat(own));
            }
            states.push(state);
            rings.push(ring);
        }
        Trained { state: interleave(&states), losses: interleave(&rings) }
    }

    /// How far steps of plain descent may take parameters and losses: each adds a rounding or two of each term of
    /// its sums, and some of its own; networks this small do not amplify them over so few steps.
    pub fn bound(&self) -> Bound<'static> {
        let bound = f64::from(self.steps) * (8 + 2 * self.rows()) as f64 * ULP;
        Bound::Mixed { absolute: bound, relative: bound }
    }

    /// The gradients of each network: what a step of plain descent at a rate of 1 takes.
    fn gradients(&self) -> Vec<Vec<f64>> {
        let descent = Trial { optimizer: Optimizer::default(), rates: vec![1.0], ..self.clone() };
        let after = descent.twin().state;
        let networks = self.starts.len();
        let of = |(n, start): (usize, &Vec<f32>)| {
            let after = after.iter().skip(n).step_by(networks);
            start.iter().zip(after).map(|(&before, after)| f64::from(before) - after).collect()
        };
        self.starts.iter().enumerate().map(of).collect()
    }

    /// How far one step of another optimizer may take the state of a network with these gradients.
    fn state_bounds(&self, network: usize, g: &[f64]) -> Vec<f64> {
        let start = &self.starts[network];
        let [m, v] = &self.moments(network);
        // As of plain descent; a norm is a sum over all parameters.
        let of_norm = if self.optimizer.clip_norm.is_some() { start.len() } else { 0 };
        let roundings = (8 + 2 * self.rows() + of_norm) as f64;
        let of_gradient = |i: usize| roundings * ULP * (1.0 + g[i].abs());
        let of_parameter = |i: usize| {
            let moment = |all: &Option<Vec<f32>>| all.as_ref().map_or(0.0, |all| all[i]);
            let moments = (moment(m), moment(v));
            update_bound(&self.optimizer, g[i] as f32, start[i], moments, of_gradient(i))
        };
        let of_moment = |i: usize| {
            let g = g[i].abs() + 1.0;
            8.0 * ULP * (1.0 + g * g) + 2.0 * of_gradient(i) * g
        };
        let of_moments = [m, v].into_iter().flatten().flat_map(|_| (0..start.len()).map(of_moment));
        (0..start.len()).map(of_parameter).chain(of_moments).collect()
    }

    /// As a case.
    pub(super) fn case(self, label: &str) -> Option<Case> {
        let Trial { mapping, optimizer, batch, .. } = &self;
        let sizes: Vec<String> = self.network.sizes().iter().map(usize::to_string).collect();
        let batch = if *batch == 0 { String::new() } else { format!(", batches of {batch}") };
        let label = format!(
            "{}, {label}{batch}, {}, {} networks, {} steps",
            sizes.join("-"),
            describe(optimizer),
            self.starts.len(),
            self.steps
        );
        let (launch, args) = (self.launch().ok()?, self.args());
        debug_assert!(launch.kernel().name.contains(mapping.name()));
        Some(Case::new(label, launch, args, move |written, findings| {
            if self.stops_when_solved {
                self.judge_stops(written, findings)
            } else {
                self.judge(written, findings)
            }
        }))
    }

    fn judge(&self, written: &[Vec<u32>], findings: &mut Findings) {
        let networks = self.starts.len();
        let state = floats(&written[0]);
        if self.network.norm() != Norm::None {
            // What a norm makes of a rounding is carried along.
            let twin = self.twin_over(|number| Inexact::exact(number.into()));
            let close = |what, actual: &[f32], twin: &[Inexact], findings: &mut Findings| {
                let (truth, bounds) = apart(twin);
                findings.close(what, actual, &truth, Bound::Each(&bounds));
            };
            close("parameters", state, &twin.state, findings);
            close("losses", floats(&written[1]), &twin.losses, findings);
            return self.judge_ends(written, findings);
        }
        let twin = self.twin();
        if self.optimizer == Optimizer::default() {
            findings.close("parameters", state, &twin.state, self.bound());
        } else {
            let gradients = self.gradients();
            let bounds = gradients.iter().enumerate().map(|(n, g)| self.state_bounds(n, g));
            let bounds = interleave(&bounds.collect::<Vec<_>>());
            findings.close("parameters and moments", state, &twin.state, Bound::Each(&bounds));
        }
        if self.loss_every == 0 {
            findings.equal("losses that are not kept", &written[1], &vec![SENTINEL; networks]);
        } else {
            findings.close("losses", floats(&written[1]), &twin.losses, self.bound());
        }
        self.judge_ends(written, findings);
    }

    /// Every network has made its steps and goes on.
    fn judge_ends(&self, written: &[Vec<u32>], findings: &mut Findings) {
        let networks = self.starts.len();
        findings.equal("steps done", &written[2], &vec![self.first + self.steps; networks]);
        findings.equal("outcomes", &written[3], &vec![IN_TRAINING; networks]);
    }

    /// Of three networks the first is solved from the start, the second goes on, and of the third a parameter is
    /// no number.
    fn judge_stops(&self, written: &[Vec<u32>], findings: &mut Findings) {
        let of = |network: usize| -> Vec<f32> {
            floats(&written[0]).iter().copied().skip(network).step_by(3).collect()
        };
        findings.close("a network that is solved", &of(0), &self.starts[0], Bound::Exact);
        let twin: Vec<f64> = self.twin().state.into_iter().skip(1).step_by(3).collect();
        findings.close("a network that is not", &of(1), &twin, self.bound());
        let last = self.first + self.steps;
        findings.equal("steps done", &written[2][..2], &[self.first, last]);
        findings.equal("outcomes", &written[3], &[self.first, IN_TRAINING, DIVERGED]);
    }
}
