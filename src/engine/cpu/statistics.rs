//! What the last step shows of a network's health, from what the engine holds anyway; only the update
//! takes a copy of the parameters before it.

use super::CpuEngine;
use super::layer::LayerPass;
use crate::engine::statistics::{LayerStatistics, least_rows};
use crate::network::{Layer, LayerBlock};

/// The parameters before one step.
#[derive(Debug)]
pub(super) struct Before {
    parameters: Vec<f32>,
    /// Steps done with that step.
    step: u32,
}

impl Before {
    /// Capacity for so many.
    pub(super) fn new(len: usize) -> Before {
        Before { parameters: vec![0.0; len], step: 0 }
    }

    /// Nothing is known of the last step any more.
    pub(super) fn forget(&mut self) {
        self.step = 0;
    }

    /// Keeps `parameters`, from which the step after `steps` others goes on.
    pub(super) fn note(&mut self, parameters: &[f32], steps: u32) {
        self.parameters.copy_from_slice(parameters);
        self.step = steps + 1;
    }
}

impl CpuEngine {
    /// What the last step of the last `run` noted, layer by layer; `None` where that run was stopped
    /// before its end, or never was.
    pub fn statistics(&self) -> Option<Vec<LayerStatistics>> {
        if self.steps_done() == 0 || self.before.step != self.steps_done() {
            return None;
        }
        let rows = self.task.batches.len_of(self.steps_done() - 1);
        Some(self.pass.layers.iter().map(|pass| self.layer_statistics(pass, rows)).collect())
    }

    fn layer_statistics(&self, pass: &LayerPass, rows: usize) -> LayerStatistics {
        let LayerPass { layer, block, a, .. } = pass;
        let (before, after) =
            (&self.before.parameters[block.range()], &self.parameters()[block.range()]);
        let gradients = &self.gradients[block.range()];
        let updates = before.iter().zip(after).map(|(before, after)| after - before);
        let finite = |values: &[f32]| {
            let values = without_padding(values, *block, layer);
            values.flatten().filter(|value| !value.is_finite()).count() as u64
        };
        let is_hidden = layer.index + 1 < self.pass.layers.len();
        let counted = |least: usize, is_so: &dyn Fn(f32) -> bool| {
            let mut units = vec![0; if is_hidden { layer.fan_out } else { 0 }];
            for a in a.chunks_exact(block.stride).take(rows) {
                units.iter_mut().zip(a).for_each(|(count, &a)| *count += usize::from(is_so(a)));
            }
            units.into_iter().filter(|&rows| rows >= least).count()
        };
        let [zero, saturated] = least_rows(rows);
        LayerStatistics {
            gradient_norm: norm(gradients.iter().copied()),
            parameter_norm: norm(before.iter().copied()),
            update_norm: norm(updates),
            not_finite: finite(gradients) + finite(after),
            zero_units: counted(zero, &|a| a == 0.0),
            saturated_units: counted(saturated, &|a| layer.activation.is_saturated(a)),
        }
    }
}

/// A block's rows, padding left out.
fn without_padding<'a>(
    values: &'a [f32],
    block: LayerBlock,
    layer: &Layer,
) -> impl Iterator<Item = &'a [f32]> {
    let units = layer.fan_out;
    values.chunks_exact(block.stride).map(move |row| &row[..units])
}

/// Squares are taken in f32, as on GPUs. Padding is zero and adds nothing.
fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| f64::from(value * value)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{Batches, Dataset, Order};
    use crate::engine::{State, Task};
    use crate::network::{Activation, Layout, Loss, Network};
    use crate::optimizer::{Optimizer, RateSchedule};

    /// One step of a 1-2-1 network by hand. Inputs 1 and 2; one unit is 0 on both, the other gives 3
    /// and 6; outputs 3.5 and 6.5, targets 0.5: errors 3 and 6, by two rows 1.5 and 3.
    #[test]
    fn a_step_shows_what_it_shows_by_hand() {
        let network = Network::uniform(
            vec![1, 2, 1],
            Activation::Relu,
            Activation::Identity,
            Loss::MseHalfMean,
        );
        let network = network.unwrap();
        let data = Dataset::new("d", vec![1.0, 2.0], 1, vec![0.5, 0.5], 1).unwrap();
        let lists = [vec![-2.0, 3.0], vec![0.0, 0.0], vec![4.0, 1.0], vec![0.5]];
        let mut engine = CpuEngine::new(Task {
            batches: Batches::new(2, 0, Order::Sequential, 0),
            start: State::new(Layout::new(&network).pack(&lists)),
            learning_rate: 0.5,
            optimizer: Optimizer::default(),
            schedule: RateSchedule::default(),
            network,
            data: Arc::new(data),
        })
        .unwrap();
        assert_eq!(engine.statistics(), None);
        engine.run(1, &|| false);
        let seen = engine.statistics().unwrap();
        // d_w = [3 * 1.5 + 6 * 3, 0], d_b = 4.5; then d_w = 1 * 1.5 + 2 * 3, d_b = 4.5.
        let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let gradients = [norm(&[7.5, 4.5]), norm(&[22.5, 4.5])];
        let parameters = [norm(&[-2.0, 3.0]), norm(&[4.0, 1.0, 0.5])];
        for (layer, seen) in seen.iter().enumerate() {
            approx::assert_relative_eq!(seen.gradient_norm, gradients[layer], max_relative = 1e-6);
            approx::assert_relative_eq!(
                seen.parameter_norm,
                parameters[layer],
                max_relative = 1e-6
            );
            let update = 0.5 * gradients[layer];
            approx::assert_relative_eq!(seen.update_norm, update, max_relative = 1e-6);
            assert_eq!(seen.not_finite, 0);
        }
        // One unit is zero on both rows, the other on none.
        assert_eq!((seen[0].zero_units, seen[0].saturated_units), (1, 0));
        assert_eq!((seen[1].zero_units, seen[1].saturated_units), (0, 0));
        // A run that was stopped has not noted where its last step began.
        engine.run(3, &|| true);
        assert_eq!(engine.statistics(), None);
    }

    #[test]
    fn ends_are_those_of_the_activation() {
        for (activation, a, is_end) in [
            (Activation::Tanh, -0.995, true),
            (Activation::Tanh, 0.0, false),
            (Activation::Sigmoid, 0.005, true),
            (Activation::Sigmoid, 0.98, false),
            (Activation::Relu, 1.0, false),
        ] {
            assert_eq!(activation.is_saturated::<f32>(a), is_end, "{activation} {a}");
        }
    }
}
