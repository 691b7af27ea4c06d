use wgrad::check::Bound;
use wgrad::kernels;
use wgrad::network::{Activation, Initializer, Layout, Loss, Network};
use wgrad::reference::twins;

use crate::common::{assert_apart, assert_close};
use crate::launch::{Arg, assert_matches_its_twin, floats, launch};

/// `[parameters][stride]` after one layer's draw; what is not drawn stays a sentinel.
fn run(networks: usize, len: usize, seed: u64, layer: u32, limit: f32) -> Vec<u32> {
    let args = [Arg::Out((len + 4) * (networks + 3))];
    let layer = (layer as usize, len);
    let draw = kernels::init_uniform(1..1 + networks, networks + 3, 2, layer, (seed, limit));
    launch(&draw, &args).remove(0)
}

#[test]
fn draws_its_twins_numbers_bit_for_bit_and_nothing_else() {
    assert_matches_its_twin("init_uniform");
}

/// The start of a network is the same whether the host draws it or the GPU.
#[test]
fn is_the_hosts_initialiser() {
    let network =
        Network::uniform(vec![3, 5, 2], Activation::Tanh, Activation::Sigmoid, Loss::Bce).unwrap();
    let layout = Layout::new(&network);
    for init in [Initializer::XavierUniform, Initializer::HeUniform] {
        for scale in [1.0, 0.3] {
            let host = layout.unpack(&init.parameters(&network, 9, scale));
            for layer in network.layers() {
                let wgrad::network::Draw::Uniform { limit } =
                    init.draw(layer.fan_in, layer.fan_out, scale)
                else {
                    panic!("{init} is uniform")
                };
                let len = layer.fan_in * layer.fan_out;
                let words = run(1, len, 9, layer.index as u32, limit);
                let column: Vec<f32> =
                    (0..len).map(|i| f32::from_bits(words[(2 + i) * 4 + 1])).collect();
                let label = format!("{init}, layer {}", layer.index);
                assert_close(&label, &column, &host[2 * layer.index], Bound::Exact);
            }
        }
    }
}

/// Random123's known answer for a key and counter of zeros but for the stream: the twin of the
/// generator is held to it elsewhere; here the step from bits to a number is taken by hand.
#[test]
fn by_hand_from_the_bits_of_the_generator() {
    let bits = wgrad::random::threefry2x32([7, 0], [0, 0x1_0000]);
    let words = run(1, 2, 7, 0, 2.0);
    let by_hand = bits.map(|bits| (f64::from(bits >> 8) / 8_388_608.0 - 1.0) * 2.0);
    let drawn: Vec<f32> = (0..2).map(|i| f32::from_bits(words[(2 + i) * 4 + 1])).collect();
    assert_close("two draws", &drawn, &by_hand, Bound::Exact);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let words = run(1, 4, 7, 0, 1.0);
    let drawn: Vec<f32> = (0..4).map(|i| floats(&words)[(2 + i) * 4 + 1]).collect();
    for (layer, seed) in [(1, 7), (0, 8)] {
        let mut wrong = vec![0.0; 4];
        twins::init_uniform(&mut wrong, layer, seed, 1.0);
        assert_apart("another stream", &drawn, &wrong, Bound::Exact);
    }
}
