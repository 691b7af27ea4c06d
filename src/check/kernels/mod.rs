//! The cases of every kernel, as plain data: for each a list of launches with what must come of them, and the
//! bounds with their derivations.

mod activate;
mod activate_grad;
mod batch_norm;
mod bias_add;
mod bias_grad;
mod dropout;
mod evaluate_rows;
mod layer_forward;
mod layer_input_grad;
mod layer_update;
mod layers;
mod loss_elementwise;
mod loss_softmax;
mod losses;
mod matmul;
mod norms;
mod optimizer_step;
mod output_loss;
mod population_forward;
mod small;
mod trainings;
mod trial;
mod updates;

pub use activate::activation_bound;
pub use layers::{LAYERS, block, launched, shape, sum_bound};
pub use losses::{classes, with_weights};
pub use matmul::matmul_shape;
pub use norms::unit_counts;
pub use population_forward::{
    population_given, population_layer, population_twin, population_units,
};
pub use trial::{Trained, Trial};
pub use updates::{RATE, RING, STEP, optimizers, schedule, update_bound};

use crate::check::{Case, Scope};

/// A kernel with its cases.
#[derive(Debug, Clone, Copy)]
pub struct KernelCases {
    /// Its name in [`kernels::ALL`](crate::kernels::ALL).
    pub name: &'static str,
    /// Its cases on an adapter.
    pub cases: fn(&Scope) -> Vec<Case>,
}

const fn of(name: &'static str, cases: fn(&Scope) -> Vec<Case>) -> KernelCases {
    KernelCases { name, cases }
}

/// Every kernel's, in the order of [`kernels::ALL`](crate::kernels::ALL).
pub const CASES: &[KernelCases] = &[
    of("batch_rows", small::batch_rows),
    of("gather_batch", small::gather_batch),
    of("matmul", matmul::cases),
    of("bias_add", bias_add::cases),
    of("norm_statistics", batch_norm::statistics),
    of("norm_apply", batch_norm::apply),
    of("activate", activate::cases),
    of("dropout", dropout::cases),
    of("loss_elementwise", loss_elementwise::cases),
    of("loss_softmax", loss_softmax::cases),
    of("activate_grad", activate_grad::cases),
    of("norm_grad", batch_norm::grad),
    of("norm_input_grad", batch_norm::input_grad),
    of("bias_grad", bias_grad::cases),
    of("gradient_squares", norms::gradient_squares),
    of("clip_scale", norms::clip_scale),
    of("optimizer_step", optimizer_step::cases),
    of("finish_step", small::finish_step),
    of("advance", small::advance),
    of("layer_forward", layer_forward::cases),
    of("output_loss", output_loss::cases),
    of("layer_input_grad", layer_input_grad::cases),
    of("layer_update", layer_update::cases),
    of("layer_statistics", norms::layer_statistics),
    of("population_forward", population_forward::cases),
    of("evaluate_rows", evaluate_rows::cases),
    of("canary", small::canary),
    of("init_uniform", small::init_uniform),
    of("train_invocation", trainings::invocation),
    of("train_workgroup", trainings::workgroup),
];

#[cfg(test)]
mod tests {
    use super::CASES;

    #[test]
    fn every_kernel_has_its_cases() {
        let kernels: Vec<&str> = crate::kernels::ALL.iter().map(|kernel| kernel.name).collect();
        let cases: Vec<&str> = CASES.iter().map(|kernel| kernel.name).collect();
        assert_eq!(cases, kernels);
    }
}
