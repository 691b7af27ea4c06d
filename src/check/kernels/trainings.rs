//! Cases of the kernels that train whole networks, `train_invocation` and `train_workgroup`: network by network
//! against the reference in f64.

use super::updates::{RATE, STEP, describe, update_bound};
use crate::check::{
    Arg, Bound, Case, Findings, Inexact, SENTINEL, Scope, ULP, apart, floats, numbers,
};
use crate::data::{Batches, Order};
use crate::engine::Mapping;
use crate::engine::resident::{self, Capacity, Request};
use crate::gpu::Launch;
use crate::kernels::Trainings;
use crate::network::{Activation, Initializer, Layout, Loss, Network, Norm, Real};
use crate::optimizer::{Optimizer, OptimizerKind, RateSchedule};
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
    /// Why the mapping does not take the network.
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
    fn case(self, label: &str) -> Option<Case> {
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

/// 2-3-1 networks over XOR of which one is solved, one is not, and one is no network any more.
fn stopping(mapping: Mapping, network: &Network, batch: usize) -> Trial {
    let solved = vec![1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, -1.0, 0.0, 10.0, -20.0, 0.0, -5.0];
    let trial = Trial::xor(mapping, network, 2);
    let mut broken = trial.starts[1].clone();
    broken[0] = f32::NAN;
    Trial {
        starts: vec![solved, trial.starts[1].clone(), broken],
        batch,
        steps: 4,
        loss_every: 0,
        stops_when_solved: true,
        ..trial
    }
}

/// A network with one kind of unit and the outputs that its loss takes.
fn network(sizes: &[usize], hidden: Activation, loss: Loss) -> Option<Network> {
    let output = loss.required_output().unwrap_or(Activation::Tanh);
    Network::uniform(sizes.to_vec(), hidden, output, loss).ok()
}

/// Seven rows of three inputs and two targets, of one class each; with weights where that is asked for.
fn classes(is_weighted: bool) -> [Vec<f32>; 2] {
    let mut targets = Vec::new();
    for row in 0..7 {
        targets.extend([[1.0, 0.0], [0.0, 1.0]][row * 5 % 7 % 2]);
        targets.extend(is_weighted.then_some(0.5 + row as f32 / 4.0));
    }
    [numbers(21, 70), targets]
}

/// Units per layer, and what hidden ones are.
type Shape = (&'static [usize], Activation);

fn cases(
    mapping: Mapping,
    shapes: &[Shape],
    dropping: &[(&'static [usize], Activation, usize)],
    wide: &[usize],
    scope: &Scope,
) -> Vec<Case> {
    let mut all = Vec::new();
    let plain = network(&[2, 3, 1], Activation::Relu, Loss::Bce);
    for network in plain.iter() {
        for (networks, rates, steps, loss_every) in [
            (1, &[0.5][..], 1, 1),
            (5, &[0.5], 20, 6),
            (66, &[0.25, 0.5, 1.0], 12, 1),
            (3, &[0.5], 20, 0),
        ] {
            let trial = Trial::xor(mapping, network, networks);
            let rates = rates.to_vec();
            let trial = Trial { rates, steps, loss_every, ..trial };
            all.extend(trial.case(&format!("losses of every {loss_every}")));
        }
        for &batch in scope.some(&[0, 3], 0) {
            let case = stopping(mapping, network, batch).case("stopping when solved");
            all.extend(case.map(Case::trusted));
        }
    }
    // A mask of its own for each step, row and network; what is solved is seen without one.
    for network in plain.iter().filter(|_| !scope.is_quick) {
        let Ok(network) = network.clone().with_dropout(0.5) else { continue };
        for batch in [0, 3] {
            let case = stopping(mapping, &network, batch).case("dropout, stopping when solved");
            all.extend(case.map(Case::trusted));
        }
    }
    for &(sizes, hidden, batch) in scope.some(dropping, 0) {
        let Some(network) = network(sizes, hidden, Loss::Bce) else { continue };
        let Ok(network) = network.with_dropout(0.25) else { continue };
        let trial = Trial { steps: 7, first: 2, batch, ..Trial::xor(mapping, &network, 5) };
        all.extend(trial.case(&format!("{hidden}, dropout")).map(Case::trusted));
    }
    for &(sizes, hidden) in scope.some(shapes, 0) {
        let Some(network) = network(sizes, hidden, Loss::Bce) else { continue };
        let trial = Trial { steps: 20, ..Trial::xor(mapping, &network, 5) };
        all.extend(trial.case(&format!("{hidden}")).map(Case::trusted));
    }
    // One step of each optimizer from where moments are, with what else there is: every kind of unit, losses,
    // weights, batches in an order of their own, of which the last is short.
    let of = |kind| Optimizer::new(kind);
    use OptimizerKind::{Adam, AdamW, Momentum, Nesterov, RmsProp, Sgd};
    let clipped = |kind, norm: f64| Optimizer { clip_norm: Some(norm), ..of(kind) };
    let valued = |kind, value: f64| Optimizer { clip_value: Some(value), ..of(kind) };
    let decayed = Optimizer { weight_decay: 0.0625, ..of(Momentum) };
    let rows: [(Optimizer, Activation, Loss, bool, usize); 6] = [
        (clipped(Adam, 0.125), Activation::Gelu, Loss::SoftmaxCrossEntropy, true, 3),
        (decayed, Activation::Tanh, Loss::MseMean, false, 3),
        (valued(Nesterov, 0.0625), Activation::Silu, Loss::Huber, false, 0),
        (of(RmsProp), Activation::LeakyRelu, Loss::BceWithLogits, true, 0),
        (of(AdamW), Activation::Elu, Loss::SoftmaxCrossEntropy, false, 3),
        (clipped(Sgd, 0.125), Activation::Sigmoid, Loss::Bce, false, 3),
    ];
    for &(optimizer, hidden, loss, is_weighted, batch) in scope.some(&rows, 0) {
        let Some(network) = network(wide, hidden, loss) else { continue };
        for (first, steps) in [(STEP, 1), (STEP + 1, 1)] {
            let trial = Trial {
                optimizer,
                data: classes(is_weighted),
                is_weighted,
                batch,
                rates: vec![RATE],
                first,
                steps,
                ..Trial::xor(mapping, &network, 5)
            };
            all.extend(trial.case(&format!("{hidden}, {loss}, step {first}")).map(Case::trusted));
        }
    }
    all
}

/// One hidden layer and two, of as many units as lanes and of a rest, and equally wide ones.
pub(super) fn invocation(scope: &Scope) -> Vec<Case> {
    use Activation::{Relu, Sigmoid};
    // A sigmoid of nothing is 1/2: lanes without a unit must not count.
    let shapes: [Shape; 4] = [
        (&[2, 3, 2, 1], Relu),
        (&[2, 5, 1], Sigmoid),
        (&[2, 4, 4, 1], Relu),
        (&[2, 2, 2, 1], Relu),
    ];
    // Groups of three, of which every other begins at an odd unit.
    let dropping: [(&[usize], _, _); 2] = [(&[2, 6, 1], Sigmoid, 3), (&[2, 3, 4, 1], Relu, 0)];
    cases(Mapping::Invocation, &shapes, &dropping, &[3, 2, 2], scope)
}

/// Networks with a norm, what hidden units are, how gradients are clipped, rows of a batch and the probability of dropout.
type Normed = (&'static [usize], Activation, Option<f64>, usize, f64);
const NORMED: [Normed; 4] = [
    (&[3, 5, 2], Activation::Tanh, None, 0, 0.0),
    (&[3, 70, 2], Activation::Relu, None, 4, 0.0),
    (&[3, 5, 4, 2], Activation::Gelu, Some(0.125), 5, 0.0),
    (&[3, 4, 4, 2], Activation::Sigmoid, None, 0, 0.5),
];

/// Two steps of such networks, the second of them a short batch where there is one.
fn normed(&(sizes, hidden, clip_norm, batch, dropout): &Normed) -> Option<Case> {
    let plain = network(sizes, hidden, Loss::SoftmaxCrossEntropy)?;
    let network = plain.with_norm(Norm::Batch).ok()?.with_dropout(dropout).ok()?;
    let trial = Trial {
        optimizer: Optimizer { clip_norm, ..Optimizer::default() },
        data: classes(false),
        batch,
        steps: 2,
        ..Trial::xor(Mapping::Workgroup, &network, 3)
    };
    trial.case(&format!("{hidden} behind a norm")).map(Case::trusted)
}

/// Any depth.
pub(super) fn workgroup(scope: &Scope) -> Vec<Case> {
    use Activation::{Gelu, Relu};
    let shapes: [Shape; 3] = [(&[2, 1], Relu), (&[2, 70, 1], Relu), (&[2, 3, 4, 5, 1], Gelu)];
    let dropping: [(&[usize], _, _); 2] = [(&[2, 70, 1], Relu, 0), (&[2, 3, 4, 5, 1], Gelu, 3)];
    let mut all = cases(Mapping::Workgroup, &shapes, &dropping, &[3, 5, 4, 2], scope);
    all.extend(scope.some(&NORMED, 0).iter().filter_map(normed));
    all
}

#[cfg(test)]
mod tests {
    use super::{invocation, workgroup};
    use crate::check::Scope;
    use crate::gpu::AdapterClass;

    /// A network that a mapping does not take would be left out without a word.
    #[test]
    fn every_network_fits_its_mapping() {
        let class = AdapterClass::Gpu;
        let whole =
            Scope { class, is_llvmpipe: false, iterations: u32::MAX, is_quick: false, seed: 0 };
        let quick = Scope { is_quick: true, ..whole };
        assert_eq!([&whole, &quick].map(|scope| invocation(scope).len()), [4 + 2 + 4 + 4 + 12, 4]);
        assert_eq!(
            [&whole, &quick].map(|scope| workgroup(scope).len()),
            [4 + 2 + 4 + 3 + 12 + 4, 4]
        );
    }
}
