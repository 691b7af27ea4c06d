//! Dropout (Srivastava et al. 2014), inverted: in a step each activation of a hidden layer is zero with a probability
//! `p`, and else divided by `1 - p`, so that its expectation stays. Elsewhere nothing is done.
//!
//! Which ones is a pure function of the seed, the step, the layer, the row's place in the batch and the unit: every
//! engine, a resumed run and `shaders/common/mask.wgsl` draw the same bits.

use super::{Hyperparameter, Layer, Range, Real};
use crate::random::{Purpose, seed_key, stream_id, threefry2x32};

/// The probability.
pub const DROPOUT: Hyperparameter = Hyperparameter {
    name: "dropout",
    help: "Probability with which a step sets an activation of a hidden layer to 0, and divides the others by what is left of 1",
    default: 0.0,
    range: Range::Fraction,
};

/// What a step does to the activations of one layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    key: [u32; 2],
    threshold: u32,
    scale: f64,
}

/// Random words below this are of units that are dropped with probability `p`.
pub fn dropout_threshold(p: f64) -> u32 {
    (p * 4_294_967_296.0) as u32
}

/// What the activations that are kept are multiplied by.
pub fn dropout_scale(p: f64) -> f64 {
    1.0 / (1.0 - p)
}

impl Mask {
    /// That of a layer in a step; none where nothing is dropped.
    ///
    /// ```
    /// use wgrad::network::{Activation, Loss, Mask, Network};
    ///
    /// let network = Network::uniform(vec![2, 8, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce)?;
    /// let network = network.with_dropout(0.5)?;
    /// let layers: Vec<_> = network.layers().collect();
    /// let mask = Mask::new(&layers[0], 1, 0).unwrap();
    /// assert!((0..8).all(|unit| [0.0, 2.0].contains(&mask.applied(1.0, 0, unit))));
    /// assert!(Mask::new(&layers[1], 1, 0).is_none());
    /// # Ok::<(), wgrad::network::NetworkError>(())
    /// ```
    pub fn new(layer: &Layer, seed: u64, step: u32) -> Option<Mask> {
        let stream = stream_id(Purpose::Dropout, layer.index as u32);
        (layer.dropout > 0.0).then(|| Mask {
            key: threefry2x32(seed_key(seed), [step, stream]),
            threshold: dropout_threshold(layer.dropout),
            scale: dropout_scale(layer.dropout),
        })
    }

    /// Whether a unit of a row of the batch is kept.
    pub fn keeps(&self, row: usize, unit: usize) -> bool {
        let words = threefry2x32(self.key, [(unit / 2) as u32, row as u32]);
        words[unit % 2] >= self.threshold
    }

    /// What becomes of its activation, or of the gradient with respect to what became of it.
    pub fn applied<T: Real>(&self, value: T, row: usize, unit: usize) -> T {
        if self.keeps(row, unit) { value * T::of(self.scale) } else { T::of(0.0) }
    }

    /// What the first units of a row are multiplied by, two of each draw.
    pub fn factors(&self, row: usize, to: &mut [f32]) {
        for (pair, to) in to.chunks_mut(2).enumerate() {
            let words = threefry2x32(self.key, [pair as u32, row as u32]);
            for (to, word) in to.iter_mut().zip(words) {
                *to = if word >= self.threshold { self.scale as f32 } else { 0.0 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Activation, Loss, Network};

    fn mask(p: f64, seed: u64, step: u32) -> Mask {
        let hidden = Activation::Relu;
        let network = Network::uniform(vec![2, 9, 9, 1], hidden, hidden, Loss::MseMean).unwrap();
        let network = network.with_dropout(p).unwrap();
        Mask::new(&network.layers().nth(1).unwrap(), seed, step).unwrap()
    }

    /// Each binomial share within five standard errors of `p`.
    #[test]
    fn the_share_of_units_that_are_dropped_and_the_expectation_are_as_asked_for() {
        const ROWS: usize = 400;
        const UNITS: usize = 250;
        let draws = (ROWS * UNITS) as f64;
        for p in [0.01, 0.2, 0.5, 0.9] {
            let mask = mask(p, 7, 3);
            let each = (0..ROWS).flat_map(|row| (0..UNITS).map(move |unit| (row, unit)));
            let sum: f64 = each.map(|(row, unit)| mask.applied(1.0f64, row, unit)).sum();
            let (kept, expectation) = (sum * (1.0 - p) / draws, sum / draws);
            let error = (p * (1.0 - p) / draws).sqrt();
            assert!((kept - (1.0 - p)).abs() < 5.0 * error, "{p}: {kept} are kept");
            assert!((expectation - 1.0).abs() < 5.0 * error / (1.0 - p), "{p}: {expectation}");
        }
    }

    #[test]
    fn masks_differ_by_seed_step_layer_and_row_and_come_again() {
        let row = |mask: &Mask, row| {
            let mut factors = [1.0; 64];
            mask.factors(row, &mut factors);
            factors
        };
        let own = mask(0.5, 1, 2);
        assert_eq!(row(&own, 5), row(&mask(0.5, 1, 2), 5));
        assert_ne!(row(&own, 5), row(&own, 6));
        assert_ne!(row(&own, 5), row(&mask(0.5, 1, 3), 5));
        assert_ne!(row(&own, 5), row(&mask(0.5, 1 << 32, 2), 5));
    }

    #[test]
    fn a_row_at_once_is_its_units_one_by_one() {
        for units in [1, 2, 7] {
            let (mask, mut factors) = (mask(0.3, 9, 1), vec![1.5; units]);
            mask.factors(4, &mut factors);
            let each: Vec<f32> = (0..units).map(|unit| mask.applied(1.0, 4, unit)).collect();
            assert_eq!(factors, each);
        }
    }
}
