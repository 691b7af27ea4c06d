//! Batch norm on the cpu engine, in f32: row by row, all units of a row at once.

use super::product::{rows_mut, rows_of};
use crate::network::{NORM_EPS, NORM_MOMENTUM, NormBlock, unbiased};

/// A layer's norm, and what it computes of a batch. Padding has mean, variance, gamma and beta 0, and so stays 0.
#[derive(Debug)]
pub(super) struct NormPass {
    pub block: NormBlock,
    /// `[stride]`: means, variances, and one over the roots of these.
    mean: Vec<f32>,
    variance: Vec<f32>,
    inverse: Vec<f32>,
    /// `gamma h + beta`, `[rows][stride]`.
    pub n: Vec<f32>,
}

impl NormPass {
    /// Without room for rows.
    pub(super) fn new(block: NormBlock) -> NormPass {
        let [mean, variance, inverse] = [(); 3].map(|()| vec![0.0; block.stride]);
        NormPass { block, mean, variance, inverse, n: Vec::new() }
    }

    /// So many rows from now on.
    pub(super) fn resize(&mut self, rows: usize) {
        self.n.resize(rows * self.block.stride, 0.0);
    }

    /// Leaves `n` of a batch by its own means and variances, or by the running estimates.
    pub(super) fn forward(&mut self, parameters: &[f32], z: &[f32], trains: bool) {
        let stride = self.block.stride;
        if trains {
            self.measure(z);
        } else {
            let (mean, variance) = parameters[self.block.running()].split_at(stride);
            self.mean.copy_from_slice(mean);
            self.variance.copy_from_slice(variance);
        }
        for (inverse, variance) in self.inverse.iter_mut().zip(&self.variance) {
            *inverse = 1.0 / (variance + NORM_EPS as f32).sqrt();
        }
        let (gamma, beta) = parameters[self.block.range()].split_at(stride);
        for (n, z) in rows_mut(&mut self.n, stride).zip(rows_of(z, stride)) {
            for at in 0..stride {
                n[at] = gamma[at] * ((z[at] - self.mean[at]) * self.inverse[at]) + beta[at];
            }
        }
    }

    /// Means and biased variances of the rows, these by a second pass.
    fn measure(&mut self, z: &[f32]) {
        let stride = self.block.stride;
        let share = stride as f32 / z.len() as f32;
        self.mean.fill(0.0);
        for z in rows_of(z, stride) {
            self.mean.iter_mut().zip(z).for_each(|(mean, z)| *mean += z);
        }
        self.mean.iter_mut().for_each(|mean| *mean *= share);
        self.variance.fill(0.0);
        for z in rows_of(z, stride) {
            for ((variance, z), mean) in self.variance.iter_mut().zip(z).zip(&self.mean) {
                *variance += (z - mean) * (z - mean);
            }
        }
        self.variance.iter_mut().for_each(|variance| *variance *= share);
    }

    /// Moves the running estimates towards those of the batch.
    pub(super) fn move_running(&self, parameters: &mut [f32], rows: usize) {
        let (momentum, unbiased) = (NORM_MOMENTUM as f32, unbiased(rows) as f32);
        let (mean, variance) = parameters[self.block.running()].split_at_mut(self.block.stride);
        for (running, mean) in mean.iter_mut().zip(&self.mean) {
            *running = (1.0 - momentum) * *running + momentum * mean;
        }
        for (running, variance) in variance.iter_mut().zip(&self.variance) {
            *running = (1.0 - momentum) * *running + momentum * (variance * unbiased);
        }
    }

    /// Of `d`, the loss's gradient with respect to `n`, makes the one with respect to `z`; leaves those of gamma
    /// and beta.
    pub(super) fn backward(
        &self,
        parameters: &[f32],
        z: &[f32],
        d: &mut [f32],
        gradients: &mut [f32],
    ) {
        let stride = self.block.stride;
        let share = stride as f32 / z.len() as f32;
        let gamma = &parameters[self.block.range()][..stride];
        let (d_gamma, d_beta) = gradients[self.block.range()].split_at_mut(stride);
        d_gamma.fill(0.0);
        d_beta.fill(0.0);
        let h = |z: &[f32], at: usize| (z[at] - self.mean[at]) * self.inverse[at];
        for (d, z) in rows_of(d, stride).zip(rows_of(z, stride)) {
            for at in 0..stride {
                d_gamma[at] += d[at] * h(z, at);
                d_beta[at] += d[at];
            }
        }
        for (d, z) in rows_mut(d, stride).zip(rows_of(z, stride)) {
            for at in 0..stride {
                let own = d[at] - share * d_beta[at] - h(z, at) * (share * d_gamma[at]);
                d[at] = gamma[at] * self.inverse[at] * own;
            }
        }
    }
}
