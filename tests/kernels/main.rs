//! Every kernel on the adapter against its twin: by bits on llvmpipe where nothing but + - * / is
//! involved, by derived bounds everywhere; with a value by hand, and with a twin that is wrong on
//! purpose and must be found out.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod finish_step;
mod launch;
mod layer_forward;
mod layer_input_grad;
mod layer_update;
mod losses;
mod pipelines;
mod trainings;

mod activate;
mod activate_grad;
mod advance;
mod batch_rows;
mod bias_add;
mod bias_grad;
mod canary;
mod clip_scale;
mod dropout;
mod evaluate_rows;
mod functions;
mod gather_batch;
mod gradient_squares;
mod init_uniform;
mod layer_statistics;
mod loss_elementwise;
mod loss_softmax;
mod matmul;
mod norm_apply;
mod norm_grad;
mod norm_input_grad;
mod norm_statistics;
mod optimizer_step;
mod output_loss;
mod population_forward;
mod train_invocation;
mod train_workgroup;
