// Trains whole networks of one hidden layer: params.steps times forward, loss, backward and
// parameters -= rate * gradients, without leaving the invocation.
//
// data is [rows][INPUTS + OUTPUTS], inputs before targets. parameters is [PARAMETERS][networks]: the
// weights [INPUTS][UNITS], their bias, the weights [UNITS][OUTPUTS], their bias. rates is [cells]:
// network n has the rate of cell n / params.cell_networks, and the seed params.seed + n mod
// params.cell_networks. losses is a ring [ring_steps][networks], or nothing is kept where ring_steps
// is 0; done is [networks], the steps made so far.
// One invocation owns one network, parameters and gradients in registers; a workgroup owns 64.
//
// Appended for each shape: INPUTS, UNITS, OUTPUTS, PARAMETERS; LANES units make one vector `Units`, of
// which there are GROUPS; ROWS of a batch, KEPT of them held in registers, SHORT_ROWS of the last
// batch of an epoch, SHUFFLED; activate_units, slope_units, and unit_mask, 0 for lanes past UNITS.

struct Params {
    networks: u32,
    steps: u32,
    data_rows: u32,
    steps_per_epoch: u32,
    seed_low: u32,
    seed_high: u32,
    cell_networks: u32,
    ring_steps: u32,
    value_scale: f32,
    gradient_scale: f32,
    short_value_scale: f32,
    short_gradient_scale: f32,
}

override ACTIVATION: u32 = 0u;
override OUTPUT_ACTIVATION: u32 = 3u;
override LOSS: u32 = 2u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> data: array<f32>;
@group(0) @binding(2) var<storage, read> rates: array<f32>;
@group(0) @binding(3) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> done: array<u32>;

const ROW_LEN: u32 = INPUTS + OUTPUTS;

@compute @workgroup_size(64)
fn train_one_hidden(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let network = flat_index(group, groups, lane);
    if (network >= params.networks) {
        return;
    }
    let cell = network / params.cell_networks;
    let rate = rates[cell];
    let low = params.seed_low + network % params.cell_networks;
    let seed = vec2<u32>(low, params.seed_high + select(0u, 1u, low < params.seed_low));

    var weights: array<Units, INPUTS * GROUPS>;
    var bias: array<Units, GROUPS>;
    var top_weights: array<Units, OUTPUTS * GROUPS>;
    var top_bias: array<f32, OUTPUTS>;
    for (var unit = 0u; unit < UNITS; unit++) {
        let g = unit / LANES;
        let l = unit % LANES;
        for (var i = 0u; i < INPUTS; i++) {
            weights[i * GROUPS + g][l] = parameters[(i * UNITS + unit) * params.networks + network];
        }
        bias[g][l] = parameters[(INPUTS * UNITS + unit) * params.networks + network];
        for (var o = 0u; o < OUTPUTS; o++) {
            let at = (INPUTS + 1u) * UNITS + unit * OUTPUTS + o;
            top_weights[o * GROUPS + g][l] = parameters[at * params.networks + network];
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        top_bias[o] = parameters[(PARAMETERS - OUTPUTS + o) * params.networks + network];
    }
    var kept: array<f32, max(KEPT * ROW_LEN, 1u)>;
    for (var at = 0u; at < KEPT * ROW_LEN; at++) {
        kept[at] = data[at];
    }

    let first_step = done[network];
    var made = 0u;
    while (made < params.steps) {
        let step = first_step + made;
        let place = step % params.steps_per_epoch;
        let is_short = SHORT_ROWS != 0u && place + 1u == params.steps_per_epoch;
        let scale = select(params.gradient_scale, params.short_gradient_scale, is_short);
        var key = vec2<u32>(0u, 0u);
        if (SHUFFLED) {
            key = epoch_key(seed, step / params.steps_per_epoch);
        }
        var d_weights: array<Units, INPUTS * GROUPS>;
        var d_bias: array<Units, GROUPS>;
        var d_top_weights: array<Units, OUTPUTS * GROUPS>;
        var d_top_bias: array<f32, OUTPUTS>;
        var loss = 0.0;
        for (var row = 0u; row < ROWS; row++) {
            if (is_short && row >= SHORT_ROWS) {
                break;
            }
            var start = (place * ROWS + row) * ROW_LEN;
            if (SHUFFLED) {
                start = permuted(key, params.data_rows, place * ROWS + row) * ROW_LEN;
            }
            var x: array<f32, ROW_LEN>;
            for (var i = 0u; i < ROW_LEN; i++) {
                if (KEPT == 0u) {
                    x[i] = data[start + i];
                } else {
                    x[i] = kept[row * ROW_LEN + i];
                }
            }

            var hidden: array<Units, GROUPS>;
            for (var g = 0u; g < GROUPS; g++) {
                var z = bias[g];
                for (var i = 0u; i < INPUTS; i++) {
                    z += x[i] * weights[i * GROUPS + g];
                }
                hidden[g] = activate_units(ACTIVATION, z) * unit_mask(g);
            }
            var z: array<f32, OUTPUTS>;
            for (var o = 0u; o < OUTPUTS; o++) {
                z[o] = top_bias[o];
                for (var g = 0u; g < GROUPS; g++) {
                    z[o] += dot(hidden[g], top_weights[o * GROUPS + g]);
                }
            }

            var largest = z[0];
            var sum = 0.0;
            if (LOSS == SOFTMAX_CROSS_ENTROPY) {
                for (var o = 1u; o < OUTPUTS; o++) {
                    largest = max(largest, z[o]);
                }
                for (var o = 0u; o < OUTPUTS; o++) {
                    sum += exp(z[o] - largest);
                }
            }
            var d_hidden: array<Units, GROUPS>;
            for (var o = 0u; o < OUTPUTS; o++) {
                let t = x[INPUTS + o];
                var d = 0.0;
                if (LOSS == MSE_HALF_MEAN || LOSS == MSE_MEAN) {
                    let y = activation(OUTPUT_ACTIVATION, z[o]);
                    loss += squared_error(y, t);
                    d = scale * (y - t) * activation_slope(OUTPUT_ACTIVATION, y);
                } else if (LOSS == SOFTMAX_CROSS_ENTROPY) {
                    loss += t * (log(sum) - (z[o] - largest));
                    d = scale * (exp(z[o] - largest) / sum - t);
                } else {
                    loss += cross_entropy(z[o], t);
                    d = scale * cross_entropy_slope(z[o], t);
                }
                d_top_bias[o] += d;
                for (var g = 0u; g < GROUPS; g++) {
                    d_top_weights[o * GROUPS + g] += d * hidden[g];
                    d_hidden[g] += d * top_weights[o * GROUPS + g];
                }
            }
            for (var g = 0u; g < GROUPS; g++) {
                let d = d_hidden[g] * slope_units(ACTIVATION, hidden[g]);
                d_bias[g] += d;
                for (var i = 0u; i < INPUTS; i++) {
                    d_weights[i * GROUPS + g] += x[i] * d;
                }
            }
        }

        for (var k = 0u; k < INPUTS * GROUPS; k++) {
            weights[k] -= rate * d_weights[k];
        }
        for (var g = 0u; g < GROUPS; g++) {
            bias[g] -= rate * d_bias[g];
        }
        for (var k = 0u; k < OUTPUTS * GROUPS; k++) {
            top_weights[k] -= rate * d_top_weights[k];
        }
        for (var o = 0u; o < OUTPUTS; o++) {
            top_bias[o] -= rate * d_top_bias[o];
        }
        if (params.ring_steps != 0u) {
            let scale = select(params.value_scale, params.short_value_scale, is_short);
            losses[step % params.ring_steps * params.networks + network] = scale * loss;
        }
        made += 1u;
    }

    for (var unit = 0u; unit < UNITS; unit++) {
        let g = unit / LANES;
        let l = unit % LANES;
        for (var i = 0u; i < INPUTS; i++) {
            parameters[(i * UNITS + unit) * params.networks + network] = weights[i * GROUPS + g][l];
        }
        parameters[(INPUTS * UNITS + unit) * params.networks + network] = bias[g][l];
        for (var o = 0u; o < OUTPUTS; o++) {
            let at = (INPUTS + 1u) * UNITS + unit * OUTPUTS + o;
            parameters[at * params.networks + network] = top_weights[o * GROUPS + g][l];
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        parameters[(PARAMETERS - OUTPUTS + o) * params.networks + network] = top_bias[o];
    }
    done[network] = first_step + made;
}
