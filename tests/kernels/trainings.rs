//! What the kernels that train whole networks are held to, alike, beside the cases of `wgrad check`.

use wgrad::check::Bound;
use wgrad::check::kernels::{Trained, Trial};
use wgrad::engine::Mapping;
use wgrad::network::{Activation, Loss, Network};

use crate::common::{assert_apart, assert_close};
use crate::launch::{floats, launch};

/// A network over XOR under sigmoid and cross-entropy, every hidden unit a ReLU.
pub fn network(sizes: &[usize]) -> Network {
    Network::uniform(sizes.to_vec(), Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap()
}

/// A network, and who owns it: which kernel that is.
pub struct Case {
    pub mapping: Mapping,
    pub network: Network,
}

fn run(trial: &Trial) -> Trained<f32> {
    let written = launch(&trial.launch().unwrap(), &trial.args());
    Trained { state: floats(&written[0]).to_vec(), losses: floats(&written[1]).to_vec() }
}

impl Case {
    fn trial(&self, networks: usize, steps: u32) -> Trial {
        Trial { steps, ..Trial::xor(self.mapping, &self.network, networks) }
    }

    /// Which losses are kept changes no other number, and those kept are the same.
    pub fn keeps_the_losses_that_are_asked_for(&self) {
        let trial = self.trial(3, 20);
        let all = run(&trial);
        let some = run(&Trial { loss_every: 6, ..trial.clone() });
        let none = run(&Trial { loss_every: 0, ..trial });
        let every_sixth: Vec<f32> =
            all.losses.chunks(3).skip(5).step_by(6).flatten().copied().collect();
        assert_close("every sixth loss", &some.losses, &every_sixth, Bound::Exact);
        assert_close("parameters", &some.state, &all.state, Bound::Exact);
        assert_close("parameters", &none.state, &all.state, Bound::Exact);
    }

    /// Every output is 1/2 where the targets are 0, 1, 1, 0: loss ln 2, and the sums of the
    /// gradients are 0; nothing moves.
    pub fn zeros_stay_zeros(&self) {
        let zeros = vec![0.0; self.network.parameter_count()];
        let after = run(&Trial { starts: vec![zeros.clone()], ..self.trial(1, 3) });
        assert_close("parameters", &after.state, &zeros, Bound::Exact);
        let near = Bound::Mixed { absolute: 1e-6, relative: 0.0 };
        assert_close("losses", &after.losses, &[std::f64::consts::LN_2; 3], near);
    }

    /// Neither another rate nor another network passes for the right one.
    pub fn tells_rates_and_networks_apart(&self) {
        let trial = self.trial(4, 5);
        let after = run(&trial);
        let slower = Trial { rates: vec![0.4], ..trial.clone() }.twin();
        assert_apart("another rate", &after.state, &slower.state, trial.bound());
        let mut starts = trial.starts.clone();
        starts.rotate_left(1);
        let shifted = Trial { starts, ..trial.clone() }.twin();
        assert_apart("another network's losses", &after.losses, &shifted.losses, trial.bound());
    }
}
