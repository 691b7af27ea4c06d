//! The mutants: which kernel, what is wrong with it, and the patch.

/// What a mutant asks of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Subgroups: it is a mutant of the products by subgroups.
    Subgroups,
    /// That invocations run in an order that is known: it is a race.
    KnownOrder,
    /// Products that read their matrices as pairs of numbers: it is a mutant of that.
    Pairs,
}

/// A kernel that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mutant {
    /// The kernel.
    pub kernel: &'static str,
    /// What is wrong with it.
    pub name: &'static str,
    /// The WGSL that is replaced: it stands once in each launch that is patched.
    pub from: &'static str,
    /// By what.
    pub to: &'static str,
    /// What it asks of an adapter.
    pub needs: Needs,
}

impl std::fmt::Display for Mutant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kernel, self.name)
    }
}

/// The mutants of one kernel: what is wrong with each, and its patch.
macro_rules! mutants {
    ($( $kernel:ident { $( $name:literal: $from:literal => $to:literal $(, $needs:ident)?; )+ } )+) => {
        /// Every mutant, kernel by kernel.
        pub const MUTANTS: &[Mutant] = &[$( $(
            Mutant {
                kernel: stringify!($kernel),
                name: $name,
                from: $from,
                to: $to,
                needs: [$( Needs::$needs, )? Needs::Nothing][0],
            },
        )+ )+];
    };
}

mutants! {
    batch_rows {
        "the halves of the seed swapped":
            "vec2<u32>(params.seed_low, params.seed_high)"
            => "vec2<u32>(params.seed_high, params.seed_low)";
        "a round of the permutation left out":
            "low ^= threefry2x32(key, vec2<u32>(high, 5u)).x & low_mask;"
            => "";
        "a rotation of the generator off by one":
            "16u), 24u)"
            => "16u), 25u)";
        "an epoch does not begin again":
            "step % params.steps_per_epoch * params.batch"
            => "step * params.batch";
        "every epoch in the same order":
            "epoch_key(seed, step / params.steps_per_epoch)"
            => "epoch_key(seed, 0u)";
    }
    gather_batch {
        "the first row of a part forgotten":
            "rows[row] - params.first_row"
            => "rows[row]";
        "one row too many":
            "place >= params.source_rows"
            => "place > params.source_rows";
        "targets with the stride of inputs":
            "target_rows[row * params.target_stride + col]"
            => "target_rows[row * params.input_stride + col]";
    }
    matmul {
        "a transposed operand":
            "select(1u, params.left_stride, TRANSPOSE_LEFT)"
            => "select(params.left_stride, 1u, TRANSPOSE_LEFT)";
        "the last term left out":
            "i < params.k; i++"
            => "i + 1u < params.k; i++";
        "the sign":
            "sum += left["
            => "sum -= left[";
        "the stride of the other operand":
            "select(params.right_stride, 1u, TRANSPOSE_RIGHT)"
            => "select(params.left_stride, 1u, TRANSPOSE_RIGHT)";
    }
    bias_add {
        "the bias skipped":
            "+= parameters[params.bias_offset + col]"
            => "+= 0.0";
        "the bias of the row":
            "let col = index % params.cols;"
            => "let col = index / params.cols;";
    }
    norm_statistics {
        "the variance around 0":
            "let difference = input[row * params.stride + own] - mean;"
            => "let difference = input[row * params.stride + own];";
        "the unbiased variance in the batch":
            "statistics[below] = variance;"
            => "statistics[below] = variance * params.unbiased;";
        "the biased variance in the running estimate":
            "moved(running[below], variance * params.unbiased)"
            => "moved(running[below], variance)";
        "running estimates that hardly stay":
            "(1.0 - params.momentum) * own + params.momentum * goal"
            => "params.momentum * own + (1.0 - params.momentum) * goal";
        "the sums of lanes not added up":
            "column_partial[lane] += column_partial[lane + width * COLUMNS];"
            => "";
        "a column too many":
            "lane % COLUMNS;\n}"
            => "lane % COLUMNS + 1u;\n}";
    }
    norm_apply {
        "gamma skipped":
            "gamma * ((input[at] - mean) * inverse) + beta"
            => "(input[at] - mean) * inverse + beta";
        "beta skipped":
            "gamma * ((input[at] - mean) * inverse) + beta"
            => "gamma * ((input[at] - mean) * inverse)";
        "the mean not taken off":
            "(input[at] - mean)"
            => "(input[at])";
        "eps beside the root":
            "1.0 / sqrt(variance + eps)"
            => "1.0 / (sqrt(variance) + eps)";
        "what the activation takes as what is kept":
            "select(0.0, n, is_column)"
            => "a";
        "a row left out of the counts":
            "counts += unit_state(ACTIVATION, a);"
            => "counts += select(0u, unit_state(ACTIVATION, a), row > first);";
        "padding that is not 0":
            "select(0.0, activation(ACTIVATION, ACTIVATION_PARAMETER, n), is_column)"
            => "activation(ACTIVATION, ACTIVATION_PARAMETER, n)";
    }
    dropout {
        "the halves of the seed swapped":
            "vec2<u32>(params.seed_low, params.seed_high)"
            => "vec2<u32>(params.seed_high, params.seed_low)";
        "the same mask in every step":
            "clock[0], params.layer"
            => "0u, params.layer";
        "the same mask in every layer":
            "DROPOUT_STREAM | layer"
            => "DROPOUT_STREAM";
        "the same mask for every row":
            "vec2<u32>(pair, row)"
            => "vec2<u32>(pair, 0u)";
        "dropped where they are to be kept":
            "words >= vec4<u32>(params.threshold)"
            => "words < vec4<u32>(params.threshold)";
        "what is kept not scaled":
            "params.scale * input[index]"
            => "input[index]";
        "one draw for both pairs":
            "mask_words(key, row, pair + 1u)"
            => "mask_words(key, row, pair)";
    }
    activate {
        "relu from the other side":
            "return select(0.0, z, z > 0.0);"
            => "return select(z, 0.0, z > 0.0);";
        "leaky-relu without its slope":
            "select(parameter * z, z, z > 0.0)"
            => "select(z, z, z > 0.0)";
        "the sign of a coefficient of tanh":
            "0.021470683 - 0.006942942 * s"
            => "0.021470683 + 0.006942942 * s";
        "sigmoid from the other side":
            "select(e, 1.0, z >= 0.0)"
            => "select(1.0, e, z >= 0.0)";
        "elu as far as e^z":
            "return 2.0 * t / (1.0 - t);"
            => "return 2.0 * t / (1.0 - t) + 1.0;";
        "the sign in gelu":
            "0.5 * z * (1.0 + gelu_tanh(z))"
            => "0.5 * z * (1.0 - gelu_tanh(z))";
        "silu without its factor":
            "return z * sigmoid(z);"
            => "return sigmoid(z);";
    }
    loss_elementwise {
        "no mean over the rows":
            "params.scale * weight"
            => "weight";
        "the weight of a row left out of the loss":
            "row_loss[row] = weight * sum;"
            => "row_loss[row] = sum;";
        "the sign of the target in cross-entropy":
            "- z * t + log("
            => "+ z * t + log(";
        "huber without its half":
            "0.5 * d * d, abs(d) < delta"
            => "d * d, abs(d) < delta";
        "targets with the stride of outputs":
            "row * params.target_stride"
            => "row * params.stride";
        "the sign of the gradient":
            "let difference = p - t;"
            => "let difference = t - p;";
    }
    loss_softmax {
        "the largest logit not taken off":
            "largest = max(largest, output[start + col]);"
            => "";
        "the sum of exponentials left out of the gradient":
            "exp(z) / sum - t"
            => "exp(z) - t";
        "the target left out of the gradient":
            "exp(z) / sum - t"
            => "exp(z) / sum";
        "the weight of a row left out":
            "params.scale * weight"
            => "params.scale";
    }
    activate_grad {
        "no derivative":
            " * activation_slope(ACTIVATION, ACTIVATION_PARAMETER, input[at], output[at])"
            => "";
        "the pre-activation taken for the activation":
            "ACTIVATION_PARAMETER, input[at], output[at])"
            => "ACTIVATION_PARAMETER, output[at], input[at])";
        "the square in the slope of tanh":
            "return 1.0 - a * a;"
            => "return 1.0 - a;";
        "relu with a slope at 0":
            "return select(0.0, 1.0, a > 0.0);"
            => "return select(0.0, 1.0, a >= 0.0);";
        "half the slope of silu":
            "return s + a * (1.0 - s);"
            => "return s;";
        "the square in the slope of gelu":
            "(1.0 - h * h)"
            => "(1.0 - h)";
    }
    norm_grad {
        "both gradients of beta":
            "gradients[col] = sums.x;"
            => "gradients[col] = sums.y;";
        "the mean not taken off":
            "(input[at] - mean) * inverse"
            => "input[at] * inverse";
        "every other round of rows left out":
            "row += ROW_LANES"
            => "row += 2u * ROW_LANES";
        "divided by the variance":
            "1.0 / sqrt(variance + eps)"
            => "1.0 / (variance + eps)";
    }
    norm_input_grad {
        "not through the mean":
            "d_output[at] - of_beta - h"
            => "d_output[at] - h";
        "not through the variance":
            " - h * of_gamma"
            => "";
        "gamma skipped":
            "parameters[col] * inverse *"
            => "inverse *";
        "a sum for an average":
            "gradients[col] / count"
            => "gradients[col]";
        "the gradient of the row above":
            "gradients[params.stride + col] / count"
            => "gradients[col] * 1.0 / count";
    }
    bias_grad {
        "the last row left out":
            "row < params.rows; row++"
            => "row + 1u < params.rows; row++";
        "in the place of weights":
            "gradients[params.bias_offset + col]"
            => "gradients[col]";
    }
    gradient_squares {
        "values not clipped":
            "if (CLIP_VALUE) {"
            => "if (false) {";
        "large gradients not scaled":
            "let scaled = LARGE_SCALE * g;"
            => "let scaled = g;";
        "one lane short":
            "for (var width = LANES / 2u; width > 0u"
            => "for (var width = LANES / 4u; width > 0u";
        "no barrier before lanes are added":
            "sum_partial[lane] = sum;\n    workgroupBarrier();"
            => "sum_partial[lane] = sum;", KnownOrder;
    }
    clip_scale {
        "norms let through that are too large":
            "scale * factor >= 1.0"
            => "scale * factor >= 0.0";
        "no root":
            "let norm = sqrt(sum);"
            => "let norm = sum;";
        "the wrong sum of large squares":
            "sums[at].xz"
            => "sums[at].xy";
        "sums of other lanes left out":
            "at < params.len; at += LANES"
            => "at < min(params.len, LANES); at += LANES";
    }
    optimizer_step {
        "uphill":
            "- result.step_taken;"
            => "+ result.step_taken;";
        "moments swapped":
            "rule, g, parameter, m, v);"
            => "rule, g, parameter, v, m);";
        "the norm not clipped":
            "g = norm_clipped(g, vec2<f32>(scale[0], scale[1]));"
            => "";
        "one of the factors of a norm":
            "vec2<f32>(scale[0], scale[1])"
            => "vec2<f32>(1.0, scale[1])";
        "no correction of the first moment":
            "m * rule.correction1"
            => "m";
        "no correction of the second moment":
            "sqrt(v) * rule.correction2"
            => "sqrt(v)";
        "decoupled decay without the rate":
            "1.0 - rule.rate * rule.params.weight_decay"
            => "1.0 - rule.params.weight_decay";
        "the sign of l2 decay":
            "return g + rule.params.weight_decay * parameter;"
            => "return g - rule.params.weight_decay * parameter;";
        "nesterov that does not look ahead":
            "rule.rate * (g + rule.params.decay1 * m)"
            => "rule.rate * m";
        "the square in the second moment":
            "rule.params.gain2 * g * g"
            => "rule.params.gain2 * g";
        "no eps under rmsprop":
            "rule.rate * g / (sqrt(v) + rule.params.eps)"
            => "rule.rate * g / sqrt(v)";
        "the rate of another step":
            "schedule.rates[schedule.step % params.ring_len]"
            => "schedule.rates[(schedule.step + 1u) % params.ring_len]";
        "values clipped from one side":
            "vec4<f32>(-most), vec4<f32>(most)"
            => "vec4<f32>(-1e9), vec4<f32>(most)";
        "numbers that are not finite pass unnoticed":
            "atomicMax(&schedule.not_finite, 1u);"
            => "";
    }
    finish_step {
        "no mean over the rows":
            "sum_partial[0] * params.scale"
            => "sum_partial[0]";
        "the clock stands still":
            "clock[0] = step + 1u;"
            => "clock[0] = step;";
        "beyond the ring":
            "losses[step % params.ring_len]"
            => "losses[step % (params.ring_len + 1u)]";
        "no barrier between halvings":
            "        }\n        workgroupBarrier();\n    }"
            => "        }\n    }", KnownOrder;
    }
    advance {
        "always one step":
            "clock[0] += params.steps;"
            => "clock[0] += 1u;";
    }
    layer_forward {
        "the bias skipped":
            "let z = sum + loaded(parameters[params.fan_in * params.stride + col]);"
            => "let z = sum;";
        "the last row left out":
            "if (row >= params.rows || col >= params.stride) {"
            => "if (row + 1u >= params.rows || col >= params.stride) {";
        "padding that is not 0":
            "are_columns(4u * col, params.fan_out)"
            => "are_columns(4u * col, params.fan_out + 1u)";
        "activations kept for pre-activations":
            "pre_activations[row * params.stride + col] = z;"
            => "pre_activations[row * params.stride + col] = a;";
        "units of another group counted":
            "unit_counts[row / 8u * params.stride + col] = counts;"
            => "unit_counts[row / 4u * params.stride + col] = counts;";
        "rows of weights swapped":
            "parameters[min(4u * term + 1u, params.fan_in)"
            => "parameters[min(4u * term + 2u, params.fan_in)";
        "direct: halves of a tile swapped":
            "finish_tile(4u * row, col + 1u, tile.upper_right, tile.lower_right);"
            => "finish_tile(4u * row, col + 1u, tile.lower_right, tile.upper_right);";
        "split: every invocation sums all terms":
            "first + slice"
            => "first";
        "split: the wrong partner":
            "split_partial[v * LANES + lane + width]"
            => "split_partial[v * LANES + lane + 1u]";
        "split: no barrier before halves are added":
            "    workgroupBarrier();\n    for (var width = SPLIT / 2u"
            => "    for (var width = SPLIT / 2u", KnownOrder;
        "staged: the wrong stride of a tile":
            "left_tile[k * (LANES / 4u) + row + 1u]"
            => "left_tile[k * (LANES / 4u) + row]";
        "staged: columns of another invocation":
            "right_tile[k * TILE_VECTORS + col + 8u]"
            => "right_tile[k * TILE_VECTORS + col + 4u]";
        "staged: the same terms again":
            "next_left = left_or_zero(tile_row + own_row, next + row_block, shape.z);"
            => "next_left = left_or_zero(tile_row + own_row, term + row_block, shape.z);";
        "staged: no barrier before a tile is read":
            "        workgroupBarrier();\n        let next = term + SLAB_BLOCKS;"
            => "        let next = term + SLAB_BLOCKS;", KnownOrder;
        "broadcast: odd and even rows swapped":
            "let odd = (r & 1u) == 1u;"
            => "let odd = (r & 1u) == 0u;", Subgroups;
        "broadcast: the fifth row of eight for the first":
            "select(lower, upper, r >= 4u)"
            => "select(lower, upper, r > 4u)", Subgroups;
        "broadcast: rows and columns of tiles swapped":
            "let row = group / across"
            => "let row = group % across", Subgroups;
        "broadcast: what the invocation has itself":
            "subgroupBroadcast(left0[0][0], 0u)"
            => "left0[0][0]", Subgroups;
        "pairs: both numbers the first":
            "vec4<u32>(low.x, high.x, low.y, high.y)"
            => "vec4<u32>(low.x, low.x, low.y, low.y)", Pairs;
        "pairs: the first and the second swapped":
            "vec4<u32>(low.x, high.x, low.y, high.y)"
            => "vec4<u32>(low.y, high.y, low.x, high.x)", Pairs;
    }
    output_loss {
        "the bias skipped":
            " + parameters[params.fan_in * OUTPUT_VECTORS + o / 4u][o % 4u]"
            => "";
        "no mean over the rows":
            "params.gradient_scale * weight"
            => "weight";
        "no derivative of the output":
            "d *= activation_slope(OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, inputs[o], values[o]);"
            => "";
        "the weight of a row left out of the loss":
            "row_loss[row] = weight * loss_of_row(z, t);"
            => "row_loss[row] = loss_of_row(z, t);";
        "the largest logit not taken off":
            "largest = max(largest, values[o]);"
            => "largest = 0.0;";
        "the targets of the row before":
            "target_rows[row * TARGET_VECTORS + o / 4u]"
            => "target_rows[max(row, 1u) * TARGET_VECTORS - TARGET_VECTORS + o / 4u]";
    }
    layer_input_grad {
        "no derivative":
            "d * slope4(ACTIVATION, ACTIVATION_PARAMETER, z, a)"
            => "d";
        "the activation taken for the pre-activation":
            "z = d_input[at];"
            => "z = a;";
        "a row of weights twice":
            "parameters[min(4u * col + 1u, last) * params.stride + term]"
            => "parameters[min(4u * col, last) * params.stride + term]";
        "padding that is not 0":
            "are_columns(4u * col, params.fan_in)"
            => "are_columns(4u * col, params.fan_in + 4u)";
        "direct: halves of a tile swapped":
            "finish_tile(4u * row, col, tile.upper_left, tile.lower_left);"
            => "finish_tile(4u * row, col, tile.lower_left, tile.upper_left);";
        "split: the last term left out":
            "first + slice, SPLIT, shape.z)"
            => "first + slice, SPLIT, shape.z - 1u)";
        "staged: upper rows for lower ones":
            "lower_right = add_outer(lower_right, lower, right);"
            => "lower_right = add_outer(lower_right, upper, right);";
        "broadcast: the last row of eight left out":
            "for (var r = first; r < 8u; r++)"
            => "for (var r = first; r < 7u; r++)", Subgroups;
    }
    layer_update {
        "the gradient of biases in the last row of weights":
            "store(params.fan_in, col, sum)"
            => "store(params.fan_in - 1u, col, sum)";
        "biases updated by every tile":
            "if (row == 0u && col < params.stride) {"
            => "if (col < params.stride) {";
        "clipped gradients kept":
            "gradients[at] = gradient;"
            => "gradients[at] = g;";
        "moments swapped":
            "rule, g, parameter, m, v);"
            => "rule, g, parameter, v, m);";
        "inputs with the stride of outputs":
            "input[min(row, params.rows - 1u) * params.input_stride"
            => "input[min(row, params.rows - 1u) * params.stride";
        "squares of parameters after the update":
            "dot(parameter, parameter)"
            => "dot(after, after)";
        "values not clipped":
            "if (CLIP_VALUE) {"
            => "if (false) {";
        "numbers that are not finite pass unnoticed":
            "atomicMax(&schedule.not_finite, 1u);"
            => "";
        "numbers that are not finite are not counted":
            "4.0 - dot(is_finite, vec4<f32>(1.0)),"
            => "0.0,";
        "no barrier before lanes are added":
            "sum_partial[lane] = own_sums;\n    workgroupBarrier();"
            => "sum_partial[lane] = own_sums;", KnownOrder;
        "direct: biases of the wrong columns":
            "finish_columns(row, col + 1u, tile.right_sum);"
            => "finish_columns(row, col + 1u, tile.left_sum);";
        "split: biases of the wrong columns":
            "split_partial[LANES + lane]);\n        }"
            => "split_partial[lane]);\n        }";
        "staged: biases of the wrong columns":
            "right_sum += right;"
            => "right_sum += left;";
        "broadcast: biases left out":
            "columns0 = add_columns(columns0, right0);"
            => "", Subgroups;
    }
    layer_statistics {
        "saturated rows read off by a bit":
            "word >> 16u"
            => "word >> 15u";
        "one row too many":
            "rows >= least"
            => "rows > least";
        "the place of another layer":
            "statistics[2u * params.layer + 1u]"
            => "statistics[2u * params.layer]";
    }
    population_forward {
        "the bias skipped":
            "var sum = parameter(network, params.fan_in * params.fan_out + unit);"
            => "var sum = 0.0;";
        "the first row of a part forgotten":
            "(params.first_row + row) * params.input_stride"
            => "row * params.input_stride";
        "gamma and beta swapped":
            "return parameter(network, gamma_at) * h + parameter(network, gamma_at + params.fan_out);"
            => "return parameter(network, gamma_at + params.fan_out) * h + parameter(network, gamma_at);";
        "transposed weights":
            "parameter(network, i * params.fan_out + unit)"
            => "parameter(network, unit * params.fan_in + i)";
    }
    evaluate_rows {
        "no factor of the loss":
            "params.scale * loss_partial[0]"
            => "loss_partial[0]";
        "right whatever the target":
            "(both.x > 0.5) == (both.y > 0.5)"
            => "(both.x > 0.5) == (both.x > 0.5)";
        "every other row of a lane":
            "row < params.rows; row += LANES"
            => "row < params.rows; row += 2u * LANES";
        "the part before forgotten":
            "total += before;"
            => "";
        "weights of rows left out":
            "total *= expected(row, params.cols);"
            => "";
        "numbers that are not finite pass unnoticed":
            "finite_partial[lane] = select(0u, 1u, is_sound);"
            => "finite_partial[lane] = 1u;";
        "of equal outputs the last":
            "both > largest"
            => "both >= largest";
    }
    canary {
        "the last iteration left out":
            "i < params.iterations; i++"
            => "i + 1u < params.iterations; i++";
    }
    init_uniform {
        "no carry into the high half of a seed":
            "select(0u, 1u, low < params.seed_low)"
            => "0u";
        "a bit too few":
            "bits >> 8u"
            => "bits >> 9u";
        "the same word twice":
            "write_draw(2u * pair + 1u, network, bits.y);"
            => "write_draw(2u * pair + 1u, network, bits.x);";
        "a draw too many":
            "if (i < params.len) {"
            => "if (i < params.len + 1u) {";
    }
    train_invocation {
        "the bias skipped":
            "var z = values[layer.values_at + layer.fan_in * layer.groups + g];"
            => "var z = vec4<f32>();";
        "no derivative":
            "dropped(at, d_units[at]) * slope4(layer.kind, layer.parameter, units_z[at], units[at])"
            => "dropped(at, d_units[at])";
        "moments swapped":
            "values[k], moment1[k], moment2[k]);"
            => "values[k], moment2[k], moment1[k]);";
        "gradients of the step before":
            "    gradients = array<vec4<f32>, VECTORS>();\n"
            => "";
        "activations dropped, their gradients not":
            "dropped(at, d_units[at]) * slope4"
            => "d_units[at] * slope4";
        "units of a group of three with the words of others":
            "vec4<bool>(first % 2u == 1u)"
            => "vec4<bool>(false)";
        "the same mask for every row":
            "        mask_row = at;\n        is_near"
            => "        is_near";
        "no mean over the rows":
            "let row_scale = scale * row_weight();"
            => "let row_scale = row_weight();";
        "weights of rows left out":
            "let row_scale = scale * row_weight();"
            => "let row_scale = scale;";
        "the last batch of an epoch as long as others":
            "let scale = select(params.gradient_scale, params.short_gradient_scale, is_short(clock));"
            => "let scale = params.gradient_scale;";
        "the norm not clipped":
            "g = norm_clipped(g, clip);"
            => "";
        "values not clipped":
            "return clipped(g, params.update.clip_value);"
            => "return g;";
        "every epoch in the same order":
            "epoch_key(seed, clock.epoch)"
            => "epoch_key(seed, 0u)";
        "no carry into the high half of a seed":
            "params.seed_high + select(0u, 1u, low < params.seed_low)"
            => "params.seed_high";
        "no correction of moments":
            "rule.correction2 = now.z;"
            => "";
        "a network that diverged goes on":
            "outcome[network] = DIVERGED;"
            => "outcome[network] = IN_TRAINING;";
        "a network that is solved goes on":
            "if (STOPS_WHEN_SOLVED && SHOWS_SOLVED && is_near) {"
            => "if (false) {";
        "units beyond the last of a layer":
            "let is_unit = (lane < vec4<u32>(layer.lanes)) & (g * layer.lanes + lane < vec4<u32>(layer.units));"
            => "let is_unit = lane < vec4<u32>(layer.lanes);";
    }
    train_workgroup {
        "the bias skipped":
            "var z = parameters_tile[at + fan_in * fan_out + unit];"
            => "var z = 0.0;";
        "no gradient of biases":
            "                gradient += d;\n"
            => "";
        "no derivative":
            "d * activation_slope(kind, parameter, d_tile[before + element], a)"
            => "d";
        "activations dropped, their gradients not":
            "d = dropped(before + element, d);"
            => "";
        "the mask of the step before":
            "mask_key(draw.seed, draw.step, layer)"
            => "mask_key(draw.seed, draw.step - 1u, layer)";
        "the word of the other unit of a pair":
            "unit % 2u == 1u"
            => "unit % 2u == 0u";
        "the variance from the running mean":
            "            mean /= f32(rows);"
            => "            mean = running.x;";
        "the running variance as it is in the batch":
            "variance * select(SHORT_UNBIASED, UNBIASED, rows == ROWS)"
            => "variance";
        "no gradient through the variance":
            " - h * averages.x"
            => "";
        "gamma updated by the gradient of beta":
            "select(d.x, d.y, element >= units)"
            => "d.y";
        "no barrier between layers":
            "            d_tile[after + element] = z;\n        }\n    }\n    workgroupBarrier();"
            => "            d_tile[after + element] = z;\n        }\n    }", KnownOrder;
        "moments swapped":
            "vec4<f32>(parameters_tile[at]), m, v);"
            => "vec4<f32>(parameters_tile[at]), v, m);";
        "no factor of the loss":
            "losses[slot * params.networks + network] = scale * loss;"
            => "losses[slot * params.networks + network] = loss;";
        "weights of rows left out":
            "scale * weight * d_z[o]"
            => "scale * d_z[o]";
        "the norm not clipped":
            "norm_clipped(vec4<f32>(gradients_tile[at]), clip).x"
            => "gradients_tile[at]";
        "the place of another moment":
            "parameters_tile[(STATES - 1u) * PARAMETERS + at] = after.moment2.x;"
            => "parameters_tile[PARAMETERS + at] = after.moment2.x;";
        "the last row of a batch left out":
            "row_in_batch < rows; row_in_batch++) {\n            let d = d_tile[after"
            => "row_in_batch + 1u < rows; row_in_batch++) {\n            let d = d_tile[after";
        "a network that diverged goes on":
            "outcome[network] = DIVERGED;"
            => "outcome[network] = IN_TRAINING;";
        "solved where one row is":
            "            all &= near_partial[at];"
            => "            all |= near_partial[at];";
    }
}

#[cfg(test)]
mod tests {
    use super::MUTANTS;

    #[test]
    fn every_kernel_has_a_mutant_and_no_two_have_the_same_name() {
        for kernel in crate::kernels::ALL {
            let own = MUTANTS.iter().filter(|mutant| mutant.kernel == kernel.name);
            assert!(own.count() > 0, "{}", kernel.name);
        }
        let mut names: Vec<String> = MUTANTS.iter().map(ToString::to_string).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
