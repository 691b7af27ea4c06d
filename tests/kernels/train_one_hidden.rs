use wgrad::check::Bound;
use wgrad::data::Source;
use wgrad::kernels::{TRAIN_ONE_HIDDEN, TrainParams};
use wgrad::network::{Activation, Initializer, Layout, Loss, Network};
use wgrad::reference::Reference;

use crate::common::{ULP, assert_apart, assert_close, wide};
use crate::launch::{Arg, floats, launch};

fn network() -> Network {
    Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap()
}

/// `[parameters][networks]` from one list of parameters per network.
fn interleave(lists: &[Vec<f32>]) -> Vec<f32> {
    (0..lists[0].len()).flat_map(|index| lists.iter().map(move |list| list[index])).collect()
}

/// The starting parameters of seeds `0..networks`, without padding.
fn starts(networks: usize) -> Vec<Vec<f32>> {
    let layout = Layout::new(&network());
    let start = |seed| Initializer::HeNormal.parameters(&network(), seed);
    (0..networks as u64).map(|seed| layout.unpack(&start(seed)).concat()).collect()
}

/// Parameters, losses and steps done after `steps` steps of XOR, one rate for each cell.
fn run(starts: &[Vec<f32>], rates: &[f32], steps: u32) -> (Vec<f32>, Vec<f32>, Vec<u32>) {
    let networks = starts.len();
    let xor = Source::Xor.built_in().unwrap().unwrap();
    let data: Vec<f32> =
        (0..4).flat_map(|row| [xor.input(row), xor.target(row)].concat()).collect();
    let params = TrainParams {
        networks: networks as u32,
        steps,
        data_rows: 4,
        steps_per_epoch: 1,
        seed_low: 0,
        seed_high: 0,
        cell_networks: (networks / rates.len()) as u32,
        ring_steps: steps,
        value_scale: 0.25,
        gradient_scale: 0.25,
        short_value_scale: 0.0,
        short_gradient_scale: 0.0,
    };
    let constants = [
        ("ACTIVATION", Activation::Relu.code().into()),
        ("OUTPUT_ACTIVATION", Activation::Sigmoid.code().into()),
        ("LOSS", Loss::Bce.code().into()),
    ];
    let parameters = interleave(starts);
    let args = [
        Arg::F32(&data),
        Arg::F32(rates),
        Arg::F32(&parameters),
        Arg::Out(steps as usize * networks),
        Arg::U32(&vec![0; networks]),
    ];
    let written = launch(&TRAIN_ONE_HIDDEN, &constants, &params, &args, networks);
    (floats(&written[0]).to_vec(), floats(&written[1]).to_vec(), written[2].clone())
}

/// The same from the reference in f64, network by network.
fn twin(starts: &[Vec<f32>], rates: &[f32], steps: u32) -> (Vec<f64>, Vec<f64>) {
    let xor = Source::Xor.built_in().unwrap().unwrap();
    let layout = Layout::new(&network());
    let lens = [6, 3, 3, 1];
    let (mut parameters, mut losses) = (Vec::new(), Vec::new());
    for (n, start) in starts.iter().enumerate() {
        let mut rest = start.iter().copied().map(f64::from);
        let lists: Vec<Vec<f64>> =
            lens.iter().map(|&len| rest.by_ref().take(len).collect()).collect();
        let mut reference = Reference::new(&network(), layout.pack(&lists));
        let rate = rates[n / (starts.len() / rates.len())];
        let step = |_| reference.step(&wide(xor.inputs()), &wide(xor.targets()), rate.into());
        losses.push((0..steps).map(step).collect::<Vec<f64>>());
        parameters.push(layout.unpack(&reference.parameters).concat());
    }
    let interleave = |lists: &[Vec<f64>]| -> Vec<f64> {
        (0..lists[0].len()).flat_map(|i| lists.iter().map(move |list| list[i])).collect()
    };
    (interleave(&parameters), interleave(&losses))
}

/// Each step adds a rounding or two of each term of its sums, of four rows; networks this small
/// do not amplify them over so few steps.
fn bound(steps: u32) -> Bound<'static> {
    let bound = f64::from(steps) * 16.0 * ULP;
    Bound::Mixed { absolute: bound, relative: bound }
}

#[test]
fn matches_its_twin_network_by_network() {
    for (networks, rates, steps) in
        [(1, &[0.5][..], 1), (5, &[0.5], 20), (66, &[0.25, 0.5, 1.0], 12)]
    {
        let starts = starts(networks);
        let (parameters, losses, done) = run(&starts, rates, steps);
        let (expected_parameters, expected_losses) = twin(&starts, rates, steps);
        assert_close("losses", &losses, &expected_losses, bound(steps));
        assert_close("parameters", &parameters, &expected_parameters, bound(steps));
        assert_eq!(done, vec![steps; networks]);
    }
}

#[test]
fn by_hand_a_network_of_zeros_learns_only_its_last_bias() {
    // Every output is 1/2 where the targets are 0, 1, 1, 0: loss ln 2, and the sums of the
    // gradients are 0; nothing moves.
    let (parameters, losses, _) = run(&[vec![0.0; 13]], &[0.5], 3);
    assert_close("parameters", &parameters, &[0.0f32; 13], Bound::Exact);
    let near = Bound::Mixed { absolute: 1e-6, relative: 0.0 };
    assert_close("losses", &losses, &[std::f64::consts::LN_2; 3], near);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let starts = starts(4);
    let (parameters, losses, _) = run(&starts, &[0.5], 5);
    let (slower, _) = twin(&starts, &[0.4], 5);
    assert_apart("another rate", &parameters, &slower, bound(5));
    let (_, shifted) = twin(&starts[1..], &[0.5], 5);
    assert_apart("another network's losses", &losses[..15], &shifted, bound(5));
}
