//! Starting parameters. The same seed gives the same bits on every machine: uniform draws use only
//! exact operations, and normal draws are made in f64 with `libm`, not with the platform's `ln` and `cos`.

use rand::Rng;

use super::named::named;
use super::{Activation, Layout, Network};
use crate::random::{Purpose, Threefry, unit_normals};

named! {
    /// How weights start. Biases start at zero, norms as if they were none.
    pub enum Initializer ("initializer") {
        /// Every weight 0: hidden units stay alike for ever (the symmetry problem).
        Zeros = "zeros",
        /// Normal with standard deviation 0.01.
        Small = "small",
        /// Uniform within `sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010, eq. 16).
        XavierUniform = "xavier-uniform" | "xavier" | "glorot",
        /// Normal with variance `2 / (fan_in + fan_out)` (same source, eq. 12).
        XavierNormal = "xavier-normal",
        /// Uniform within `sqrt(6 / fan_in)`: the variance of [`Initializer::HeNormal`].
        HeUniform = "he-uniform",
        /// Normal with variance `2 / fan_in` (He et al. 2015, eq. 10).
        HeNormal = "he-normal" | "he",
    }
}

/// What one layer's weights are drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Draw {
    /// Always 0.
    Zero,
    /// Uniform in `[-limit, limit)`.
    Uniform {
        /// Half the width.
        limit: f32,
    },
    /// Normal with mean 0.
    Normal {
        /// The standard deviation.
        deviation: f64,
    },
}

impl Initializer {
    /// What suits a hidden activation: He for the relu kinds, Xavier otherwise.
    pub const fn default_for(hidden: Activation) -> Initializer {
        hidden.row().initializer
    }

    /// The distribution of one layer's weights, `scale` times as wide as the paper's.
    pub fn draw(self, fan_in: usize, fan_out: usize, scale: f32) -> Draw {
        let (fan_in, fan_sum) = (fan_in as f64, (fan_in + fan_out) as f64);
        let scale = f64::from(scale);
        let uniform = |variance: f64| Draw::Uniform { limit: (scale * variance.sqrt()) as f32 };
        let normal = |variance: f64| Draw::Normal { deviation: scale * variance.sqrt() };
        match self {
            Initializer::Zeros => Draw::Zero,
            Initializer::Small => Draw::Normal { deviation: scale * 0.01 },
            Initializer::XavierUniform => uniform(6.0 / fan_sum),
            Initializer::XavierNormal => normal(2.0 / fan_sum),
            Initializer::HeUniform => uniform(6.0 / fan_in),
            Initializer::HeNormal => normal(2.0 / fan_in),
        }
    }

    /// The starting parameters of `network` under `seed`, in its [`Layout`]; `scale` is 1 but
    /// where wider or narrower starts are asked for.
    ///
    /// Weight `[i][j]` of a layer takes draw `i * fan_out + j` of the stream (weights, layer): the
    /// values do not depend on padding, nor one layer's on another's size.
    pub fn parameters(self, network: &Network, seed: u64, scale: f32) -> Vec<f32> {
        self.parameters_in(&Layout::new(network), network, (seed, scale))
    }

    /// The same where the layout is at hand: to make one takes as long as to draw a few weights.
    pub(crate) fn parameters_in(
        self,
        layout: &Layout,
        network: &Network,
        (seed, scale): (u64, f32),
    ) -> Vec<f32> {
        let mut parameters = vec![0.0; layout.len()];
        for tensor in layout.tensors().iter().filter(|tensor| tensor.kind.start() != 0.0) {
            tensor.indices().for_each(|index| parameters[index] = tensor.kind.start());
        }
        for layer in network.layers() {
            let mut stream = Threefry::new(seed, Purpose::Weights, layer.index as u32);
            let weights = layout.weights(layer.index);
            match self.draw(layer.fan_in, layer.fan_out, scale) {
                Draw::Zero => {}
                Draw::Uniform { limit } => {
                    for index in weights.indices() {
                        parameters[index] = unit_uniform(stream.next_u32()) * limit;
                    }
                }
                Draw::Normal { deviation } => {
                    let mut spare = None;
                    for index in weights.indices() {
                        let value = spare.take().unwrap_or_else(|| {
                            let (first, second) =
                                unit_normals(stream.next_u32(), stream.next_u32());
                            spare = Some(second);
                            first
                        });
                        parameters[index] = (value * deviation) as f32;
                    }
                }
            }
        }
        parameters
    }
}

/// A uniform draw in `[-1, 1)` from 24 random bits; every operation is exact in f32.
fn unit_uniform(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Loss;

    fn wide(init: Initializer) -> (Vec<f32>, Layout) {
        let net = Network::uniform(
            vec![300, 200, 2],
            Activation::Tanh,
            Activation::Identity,
            Loss::MseMean,
        )
        .unwrap();
        (init.parameters(&net, 7, 1.0), Layout::new(&net))
    }

    #[test]
    fn variances_are_those_of_the_papers() {
        for (init, variance) in [
            (Initializer::Zeros, 0.0),
            (Initializer::Small, 1e-4),
            (Initializer::XavierUniform, 2.0 / 500.0),
            (Initializer::XavierNormal, 2.0 / 500.0),
            (Initializer::HeUniform, 2.0 / 300.0),
            (Initializer::HeNormal, 2.0 / 300.0),
        ] {
            let (parameters, layout) = wide(init);
            let weights: Vec<f64> =
                layout.weights(0).indices().map(|i| f64::from(parameters[i])).collect();
            let n = weights.len() as f64;
            let mean = weights.iter().sum::<f64>() / n;
            let seen = weights.iter().map(|w| w * w).sum::<f64>() / n;
            // 60,000 draws: the mean's standard error is sqrt(v/n), the variance's at most v sqrt(2/n).
            assert!(mean.abs() <= 5.0 * (variance / n).sqrt(), "{init}: mean {mean}");
            assert!((seen - variance).abs() <= 5.0 * variance * (2.0 / n).sqrt(), "{init}: {seen}");
            assert!(layout.bias(0).indices().all(|i| parameters[i] == 0.0));
            let padding = (0..layout.len()).filter(|&i| layout.locate(i).is_none());
            assert!(padding.into_iter().all(|i| parameters[i] == 0.0));
        }
    }

    #[test]
    fn uniform_draws_reach_both_ends() {
        assert_eq!(unit_uniform(0), -1.0);
        assert_eq!(unit_uniform(u32::MAX), 1.0 - 1.0 / 8_388_608.0);
        assert_eq!(unit_uniform(1 << 31), 0.0);
    }

    #[test]
    fn seeds_and_layers_differ_and_a_seed_repeats() {
        let net = |sizes: Vec<usize>| {
            Network::uniform(sizes, Activation::Relu, Activation::Sigmoid, Loss::Bce).unwrap()
        };
        let net_a = net(vec![4, 4, 4]);
        let first = Initializer::HeNormal.parameters(&net_a, 0, 1.0);
        assert_eq!(first, Initializer::HeNormal.parameters(&net_a, 0, 1.0));
        assert_ne!(first, Initializer::HeNormal.parameters(&net_a, 1, 1.0));
        assert_ne!(first[..16], first[64..80]);
        // A wider second layer does not change the first.
        assert_eq!(
            first[..16],
            Initializer::HeNormal.parameters(&net(vec![4, 4, 9]), 0, 1.0)[..16]
        );
    }

    /// The start of seed 0 of the XOR preset, kept so that no change can move it unnoticed.
    #[test]
    fn the_start_of_seed_0_is_what_it_always_was() {
        let net = Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce);
        let parameters = Initializer::HeNormal.parameters(&net.unwrap(), 0, 1.0);
        let bits: Vec<u32> = parameters[..4].iter().map(|p| p.to_bits()).collect();
        assert_eq!(bits, XOR_SEED_0, "{:?}", &parameters[..4]);
    }
    const XOR_SEED_0: [u32; 4] = [1_059_104_523, 3_204_002_032, 1_070_207_633, 0];
}
