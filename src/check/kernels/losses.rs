//! What the cases of all losses share: target rows, with weights and without, and one run of a twin.

use crate::check::{Arg, Case, Findings, columns, floats, loss_with_default, stride, unpadded};
use crate::kernels;
use crate::network::{Loss, Real};
use crate::reference::twins::{self, Grid, TargetRows};

/// The weight of a row where rows are weighted.
pub(super) fn weight(row: usize) -> f32 {
    0.3 + (row % 7) as f32
}

/// The largest of them.
pub(super) const MOST_WEIGHT: f64 = 6.3;

/// Target rows with a weight behind each, from those without.
pub fn with_weights(target: &[f32], cols: usize, weight: impl Fn(usize) -> f32) -> Vec<f32> {
    let mut rows = vec![0.0; target.len() / stride(cols) * stride(cols + 1)];
    let all = rows.chunks_exact_mut(stride(cols + 1)).zip(target.chunks_exact(stride(cols)));
    for (row, (to, from)) in all.enumerate() {
        to[..cols].copy_from_slice(&from[..cols]);
        to[cols] = weight(row);
    }
    rows
}

/// One-of-n targets: row `r` is of class `7 r mod cols`.
pub fn classes(rows: usize, cols: usize) -> Vec<f32> {
    let mut target = vec![0.0; rows * stride(cols)];
    (0..rows).for_each(|row| target[row * stride(cols) + row * 7 % cols] = 1.0);
    target
}

/// Outputs and targets of a loss kernel.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub loss: Loss,
    pub output: Vec<f32>,
    /// With the row's weight behind each where `is_weighted`.
    pub target: Vec<f32>,
    pub is_weighted: bool,
    pub scale: f32,
    pub rows: usize,
    pub cols: usize,
}

impl Given {
    /// Row losses and gradients, without padding.
    pub(super) fn twin<T: Real>(&self) -> (Vec<T>, Vec<T>) {
        let Given { rows, cols, is_weighted, .. } = *self;
        let grid = Grid { rows, cols, stride: stride(cols) };
        let cast = |values: &[f32]| -> Vec<T> {
            values.iter().map(|&value| T::of(f64::from(value))).collect()
        };
        let (output, target) = (cast(&self.output), cast(&self.target));
        let (mut row_loss, mut d) = (vec![T::of(0.0); rows], vec![T::of(0.0); output.len()]);
        let target = TargetRows { values: &target, stride: self.target_stride(), is_weighted };
        let (kind, scale) = (loss_with_default(self.loss), T::of(f64::from(self.scale)));
        twins::loss(kind, &output, target, &mut row_loss, &mut d, scale, grid);
        (row_loss, columns(&d, cols, grid.stride))
    }

    fn target_stride(&self) -> usize {
        stride(self.cols + usize::from(self.is_weighted))
    }

    /// The outputs, targets and weight of each row.
    pub(super) fn each_row(&self) -> impl Iterator<Item = (&[f32], &[f32], f64)> {
        let outputs = self.output.chunks_exact(stride(self.cols));
        let targets = self.target.chunks_exact(self.target_stride());
        outputs.zip(targets).map(|(output, target)| {
            let weight = if self.is_weighted { f64::from(target[self.cols]) } else { 1.0 };
            (&output[..self.cols], &target[..self.cols], weight)
        })
    }

    /// A case, whose `judge` gets row losses and gradients without padding.
    pub(super) fn case(
        self,
        label: String,
        judge: impl Fn(&Given, (&[f32], &[f32]), &mut Findings) + Send + Sync + 'static,
    ) -> Case {
        let Given { loss, scale, rows, cols, is_weighted, .. } = self;
        let stride = stride(cols);
        let args =
            [Arg::of(&self.output), Arg::of(&self.target), Arg::Out(rows), Arg::Out(rows * stride)];
        let launch = kernels::loss(loss_with_default(loss), rows, cols, scale, is_weighted);
        let label = if is_weighted { format!("{label}, weighted rows") } else { label };
        Case::new(label, launch, args, move |written, findings| {
            let d_output = unpadded(&written[1], cols, stride, findings);
            judge(&self, (floats(&written[0]), &d_output), findings);
        })
    }
}
