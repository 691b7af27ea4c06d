//! The params struct of each kernel, as `repr(C)`; `tests/shaders.rs` holds them to the WGSL ones.

use bytemuck::{Pod, Zeroable};

use crate::gpu::{Field, ParamsLayout};

/// Declares a params struct and its layout as the compiler sees it.
macro_rules! params {
    ($(#[$meta:meta])* $type:ident { $( $(#[$doc:meta])* $field:ident: $scalar:ident, )+ }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, Pod, Zeroable)]
        pub struct $type { $( $(#[$doc])* pub $field: $scalar, )+ }

        impl $type {
            /// Size and members.
            pub const LAYOUT: ParamsLayout = ParamsLayout {
                bytes: size_of::<$type>(),
                fields: &[$( Field {
                    name: stringify!($field),
                    offset: std::mem::offset_of!($type, $field),
                    scalar: stringify!($scalar),
                }, )+],
            };
        }
    };
}

params! {
    /// Of `matmul`.
    MatmulParams {
        /// Rows of the output.
        m: u32,
        /// Terms of each sum.
        k: u32,
        /// Columns of the output.
        n: u32,
        /// Elements from one stored row of `left` to the next.
        left_stride: u32,
        /// Elements from one stored row of `right` to the next.
        right_stride: u32,
        /// Elements from one row of `output` to the next.
        output_stride: u32,
    }
}

params! {
    /// Of `bias_add` and `bias_grad`.
    BiasParams {
        /// Rows of the matrix.
        rows: u32,
        /// Its columns.
        cols: u32,
        /// Elements from one row to the next.
        stride: u32,
        /// From the start of the layer's block to its bias row.
        bias_offset: u32,
    }
}

params! {
    /// Of `activate` and `activate_grad`.
    ActivateParams {
        /// Rows of the matrices.
        rows: u32,
        /// Their columns.
        cols: u32,
        /// Elements from one row to the next.
        stride: u32,
    }
}

params! {
    /// Of the losses.
    LossParams {
        /// Rows of the batch.
        rows: u32,
        /// Outputs.
        cols: u32,
        /// Elements from one row to the next.
        stride: u32,
        /// The factor of the gradient.
        scale: f32,
    }
}

params! {
    /// Of `loss_mean`.
    LossMeanParams {
        /// Rows of the batch.
        rows: u32,
        /// Numbers that the ring of losses holds.
        ring_len: u32,
        /// The factor of the loss.
        scale: f32,
    }
}

params! {
    /// Of `optimizer_step`.
    OptimizerParams {
        /// Vectors of four parameters, padding included.
        len: u32,
        /// Steps whose rates the ring holds.
        ring_len: u32,
        /// The first moment's decay.
        decay1: f32,
        /// What of a gradient goes into it.
        gain1: f32,
        /// The second moment's decay.
        decay2: f32,
        /// What of a gradient's square goes into it.
        gain2: f32,
        /// Added to the root of the second moment.
        eps: f32,
        /// How strongly weights decay.
        weight_decay: f32,
        /// The largest absolute value of a gradient.
        clip_value: f32,
    }
}

params! {
    /// Of `gradient_squares`.
    GradientSquaresParams {
        /// Gradients, padding included.
        len: u32,
        /// The largest absolute value of one.
        clip_value: f32,
    }
}

params! {
    /// Of `clip_scale`.
    ClipScaleParams {
        /// Sums of squares.
        len: u32,
        /// The largest norm.
        clip_norm: f32,
    }
}

params! {
    /// Of `batch_rows`.
    BatchRowsParams {
        /// Rows of this step's batch.
        len: u32,
        /// Rows of the data set.
        data_rows: u32,
        /// Rows of a batch that is not the short last one.
        batch: u32,
        /// Steps in an epoch.
        steps_per_epoch: u32,
        /// The seed's low half.
        seed_low: u32,
        /// The seed's high half.
        seed_high: u32,
        /// 1 to permute, 0 to take rows as they stand.
        shuffled: u32,
    }
}

params! {
    /// Of `gather_batch`. Strides are in vectors of four.
    GatherBatchParams {
        /// Rows to gather.
        len: u32,
        /// From one row of inputs to the next.
        input_stride: u32,
        /// From one row of targets to the next.
        target_stride: u32,
        /// The data set's row that the sources begin with.
        first_row: u32,
        /// Rows of the sources.
        source_rows: u32,
    }
}

params! {
    /// Of `layer_forward`. Strides are in vectors of four.
    LayerForwardParams {
        /// Rows of the batch.
        rows: u32,
        /// Units that feed the layer.
        fan_in: u32,
        /// Units it has.
        fan_out: u32,
        /// From one row of the input to the next.
        input_stride: u32,
        /// From one row of everything else to the next.
        stride: u32,
    }
}

params! {
    /// Of `layer_input_grad`. Strides are in vectors of four.
    LayerInputGradParams {
        /// Rows of the batch.
        rows: u32,
        /// Units that feed the layer.
        fan_in: u32,
        /// From one row of the input to the next.
        input_stride: u32,
        /// From one row of everything else to the next.
        stride: u32,
    }
}

params! {
    /// Of `layer_update`. Strides are in vectors of four.
    LayerUpdateParams {
        /// Rows of the batch.
        rows: u32,
        /// Units that feed the layer.
        fan_in: u32,
        /// Units it has.
        fan_out: u32,
        /// From one row of the input to the next.
        input_stride: u32,
        /// From one row of everything else to the next.
        stride: u32,
        /// Steps whose rates the ring holds.
        ring_len: u32,
        /// The first moment's decay.
        decay1: f32,
        /// What of a gradient goes into it.
        gain1: f32,
        /// The second moment's decay.
        decay2: f32,
        /// What of a gradient's square goes into it.
        gain2: f32,
        /// Added to the root of the second moment.
        eps: f32,
        /// How strongly weights decay.
        weight_decay: f32,
        /// The largest absolute value of a gradient.
        clip_value: f32,
    }
}

params! {
    /// Of `output_loss`. Strides are in vectors of four.
    OutputLossParams {
        /// Rows of the batch.
        rows: u32,
        /// Units that feed the layer.
        fan_in: u32,
        /// From one row of the input to the next.
        input_stride: u32,
        /// The factor on differences.
        gradient_scale: f32,
    }
}

params! {
    /// Of `gather`.
    GatherParams {
        /// Rows to gather.
        len: u32,
        /// Columns.
        cols: u32,
        /// Elements from one row to the next, in both matrices.
        stride: u32,
        /// The data set's row that the source begins with.
        first_row: u32,
        /// Rows of the source.
        source_rows: u32,
    }
}

params! {
    /// Of `advance`.
    AdvanceParams {
        /// Steps to count.
        steps: u32,
    }
}

params! {
    /// Of `canary`.
    CanaryParams {
        /// Rounds asked for.
        rounds: u32,
    }
}

params! {
    /// Of `init_uniform`.
    InitUniformParams {
        /// Networks to draw for.
        networks: u32,
        /// Pairs of weights of the layer, the last perhaps of one.
        pairs: u32,
        /// Weights of the layer.
        len: u32,
        /// Networks in the buffer.
        stride: u32,
        /// The layer's first weight among a network's parameters.
        first_parameter: u32,
        /// The first network to draw for.
        first_network: u32,
        /// The low half of its seed.
        seed_low: u32,
        /// The high half of its seed.
        seed_high: u32,
        /// The stream (weights, layer).
        stream: u32,
        /// Half the width of the distribution.
        limit: f32,
    }
}

params! {
    /// Of the kernels that train whole networks.
    TrainParams {
        /// Networks.
        networks: u32,
        /// Steps to make in one dispatch.
        steps: u32,
        /// Steps since the start, beyond which none is made.
        until: u32,
        /// Rows of the data set.
        data_rows: u32,
        /// Steps in an epoch.
        steps_per_epoch: u32,
        /// The low half of the seed that the networks' own count from.
        seed_low: u32,
        /// Its high half.
        seed_high: u32,
        /// Steps whose losses the ring holds.
        ring_len: u32,
        /// Of so many epochs the last one's losses are kept; 0 to keep none.
        loss_every: u32,
        /// The factor of a whole batch's loss.
        value_scale: f32,
        /// The factor of a whole batch's gradient.
        gradient_scale: f32,
        /// The factor of the short last batch's loss.
        short_value_scale: f32,
        /// The factor of the short last batch's gradient.
        short_gradient_scale: f32,
        /// The step that the schedule begins with.
        schedule_first: u32,
        /// What of a gradient goes into the first moment.
        gain1: f32,
        /// The second moment's decay.
        decay2: f32,
        /// What of a gradient's square goes into it.
        gain2: f32,
        /// Added to the root of the second moment.
        eps: f32,
        /// The largest norm of all gradients together.
        clip_norm: f32,
        /// The largest absolute value of one.
        clip_value: f32,
    }
}
