//! What the kernels that train whole networks are held to, alike: XOR, network by network, against the
//! reference.

use wgrad::check::Bound;
use wgrad::data::{Batches, Order, Source};
use wgrad::engine::Mapping;
use wgrad::engine::resident::{self, Capacity, Request};
use wgrad::kernels::Trainings;
use wgrad::network::{Activation, Initializer, Layout, Loss, Network};
use wgrad::optimizer::{Optimizer, RateSchedule};
use wgrad::reference::Reference;

use crate::common::{ULP, assert_apart, assert_close, wide};
use crate::launch::{Arg, floats, launch};

/// A network, and who owns it: which kernel that is.
pub struct Case {
    pub mapping: Mapping,
    pub network: Network,
}

/// A network over XOR under sigmoid and cross-entropy, every hidden unit a ReLU.
pub fn network(sizes: &[usize]) -> Network {
    Network::uniform(sizes.to_vec(), Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap()
}

/// What a run leaves: parameters, losses and steps done, one column a network.
struct Run {
    parameters: Vec<f32>,
    losses: Vec<f32>,
    done: Vec<u32>,
    outcome: Vec<u32>,
}

impl Case {
    /// The starting parameters of seeds `0..networks`, without padding.
    fn starts(&self, networks: usize) -> Vec<Vec<f32>> {
        let layout = Layout::new(&self.network);
        let start = |seed| Initializer::HeNormal.parameters(&self.network, seed, 1.0);
        (0..networks as u64).map(|seed| layout.unpack(&start(seed)).concat()).collect()
    }

    fn run(&self, starts: &[Vec<f32>], rates: &[f32], steps: u32, loss_every: u32) -> Run {
        let networks = starts.len();
        let xor = Source::Xor.built_in().unwrap().unwrap();
        let row = |row| [xor.input(row), xor.target(row), &[0.0]].concat();
        let data: Vec<f32> = (0..4).flat_map(row).collect();
        let kept = steps.checked_div(loss_every).unwrap_or(0);
        let parameters = interleave(starts);
        let each = networks / rates.len();
        let mut rules: Vec<f32> = (0..networks).map(|network| rates[network / each]).collect();
        rules.resize(3 * networks, 0.0);
        let outcome = vec![u32::MAX; networks];
        let args = [
            Arg::uniform(&data),
            Arg::of(&rules),
            Arg::of(&(0..networks as u32).collect::<Vec<u32>>()),
            Arg::of(&[0.0; 4]),
            Arg::of(&parameters),
            Arg::Out(kept.max(1) as usize * networks),
            Arg::of(&vec![0; networks]),
            Arg::of(&outcome),
        ];
        let batches = Batches::new(4, 0, Order::Sequential, 0);
        let request = Request {
            network: &self.network,
            optimizer: Optimizer::default(),
            schedule: RateSchedule::default(),
            batches: &batches,
            networks,
            stops_when_solved: false,
            is_weighted: false,
            mapping: Some(self.mapping),
        };
        let trainings = Trainings {
            network: &self.network,
            optimizer: &Optimizer::default(),
            batches: &batches,
            networks,
            steps,
            until: steps,
            schedule_first: 0,
            ring_len: kept.max(1),
            loss_every,
        };
        let written =
            launch(&resident::launch(request, Capacity::BASE, &trainings).unwrap(), &args);
        Run {
            parameters: floats(&written[0]).to_vec(),
            losses: floats(&written[1]).to_vec(),
            done: written[2].clone(),
            outcome: written[3].clone(),
        }
    }

    /// The same from the reference in f64, network by network.
    fn twin(&self, starts: &[Vec<f32>], rates: &[f32], steps: u32) -> (Vec<f64>, Vec<f64>) {
        let xor = Source::Xor.built_in().unwrap().unwrap();
        let layout = Layout::new(&self.network);
        let (mut parameters, mut losses) = (Vec::new(), Vec::new());
        for (n, start) in starts.iter().enumerate() {
            let mut rest = start.iter().copied().map(f64::from);
            let lens = layout.tensors().iter().map(|tensor| tensor.rows * tensor.cols);
            let lists: Vec<Vec<f64>> = lens.map(|len| rest.by_ref().take(len).collect()).collect();
            let mut reference = Reference::new(&self.network, layout.pack(&lists));
            let rate = rates[n / (starts.len() / rates.len())];
            let step = |_| reference.step(&wide(xor.inputs()), &wide(xor.targets()), rate.into());
            losses.push((0..steps).map(step).collect::<Vec<f64>>());
            parameters.push(layout.unpack(&reference.parameters).concat());
        }
        (interleave(&parameters), interleave(&losses))
    }

    /// Networks alone and many, of one rate and of several, each compared with its twin.
    pub fn matches_its_twin_network_by_network(&self) {
        for (networks, rates, steps) in
            [(1, &[0.5][..], 1), (5, &[0.5], 20), (66, &[0.25, 0.5, 1.0], 12)]
        {
            let starts = self.starts(networks);
            let run = self.run(&starts, rates, steps, 1);
            let (parameters, losses) = self.twin(&starts, rates, steps);
            assert_close("losses", &run.losses, &losses, bound(steps));
            assert_close("parameters", &run.parameters, &parameters, bound(steps));
            assert_eq!(run.done, vec![steps; networks]);
            assert_eq!(run.outcome, vec![u32::MAX; networks], "no network stops when solved here");
        }
    }

    /// Which losses are kept changes no other number, and those kept are the same.
    pub fn keeps_the_losses_that_are_asked_for(&self) {
        let starts = self.starts(3);
        let all = self.run(&starts, &[0.5], 20, 1);
        let some = self.run(&starts, &[0.5], 20, 6);
        let none = self.run(&starts, &[0.5], 20, 0);
        let every_sixth: Vec<f32> =
            all.losses.chunks(3).skip(5).step_by(6).flatten().copied().collect();
        assert_close("every sixth loss", &some.losses, &every_sixth, Bound::Exact);
        assert_close("parameters", &some.parameters, &all.parameters, Bound::Exact);
        assert_close("parameters", &none.parameters, &all.parameters, Bound::Exact);
    }

    /// Every output is 1/2 where the targets are 0, 1, 1, 0: loss ln 2, and the sums of the
    /// gradients are 0; nothing moves.
    pub fn zeros_stay_zeros(&self) {
        let zeros = vec![0.0; self.network.parameter_count()];
        let run = self.run(std::slice::from_ref(&zeros), &[0.5], 3, 1);
        assert_close("parameters", &run.parameters, &zeros, Bound::Exact);
        let near = Bound::Mixed { absolute: 1e-6, relative: 0.0 };
        assert_close("losses", &run.losses, &[std::f64::consts::LN_2; 3], near);
    }

    /// Neither another rate nor another network passes for the right one.
    pub fn tells_rates_and_networks_apart(&self) {
        let starts = self.starts(4);
        let run = self.run(&starts, &[0.5], 5, 1);
        let (slower, _) = self.twin(&starts, &[0.4], 5);
        assert_apart("another rate", &run.parameters, &slower, bound(5));
        let (_, shifted) = self.twin(&starts[1..], &[0.5], 5);
        assert_apart("another network's losses", &run.losses[..15], &shifted, bound(5));
    }
}

/// `[parameters][networks]` from one list of parameters per network.
fn interleave<T: Copy>(lists: &[Vec<T>]) -> Vec<T> {
    (0..lists[0].len()).flat_map(|index| lists.iter().map(move |list| list[index])).collect()
}

/// Each step adds a rounding or two of each term of its sums, of four rows; networks this small
/// do not amplify them over so few steps.
fn bound(steps: u32) -> Bound<'static> {
    let bound = f64::from(steps) * 16.0 * ULP;
    Bound::Mixed { absolute: bound, relative: bound }
}
