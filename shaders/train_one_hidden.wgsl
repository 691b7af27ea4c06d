// Trains whole networks of one hidden layer: up to params.steps times, and to step
// params.until, forward, backward and parameters -= rate * gradients, without leaving the
// invocation.
//
// data is as in common/rows.wgsl. parameters is [PARAMETERS][networks]: the weights
// [INPUTS][UNITS], their bias, the weights [UNITS][OUTPUTS], their bias. rates and seeds are
// [networks]: network n is trained at rates[n], and the seed of its orders is params.seed +
// seeds[n]. losses is a ring [ring_len][networks] of the steps whose epochs are kept, every
// loss_every-th. done is [networks], the steps made so far. outcome is [networks], where networks
// are JUDGED: one that is solved, or no longer finite, makes no more steps.
// One invocation owns one network, parameters and gradients in registers; a workgroup owns 64.
//
// Appended for each shape: what common/rows.wgsl needs; INPUTS, UNITS, OUTPUTS, PARAMETERS; LANES
// units make one vector `Units`, of which there are GROUPS; SHORT_ROWS of an epoch's last batch,
// JUDGED; activate_units, slope_units, and unit_mask, 0 for lanes past UNITS.

struct Params {
    networks: u32,
    steps: u32,
    until: u32,
    data_rows: u32,
    steps_per_epoch: u32,
    seed_low: u32,
    seed_high: u32,
    ring_len: u32,
    loss_every: u32,
    value_scale: f32,
    gradient_scale: f32,
    short_value_scale: f32,
    short_gradient_scale: f32,
}

override ACTIVATION: u32 = 0u;
override OUTPUT_ACTIVATION: u32 = 3u;
override LOSS: u32 = 2u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> rates: array<f32>;
@group(0) @binding(3) var<storage, read> seeds: array<u32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;
@group(0) @binding(6) var<storage, read_write> done: array<u32>;
@group(0) @binding(7) var<storage, read_write> outcome: array<u32>;

var<private> weights: array<Units, INPUTS * GROUPS>;
var<private> bias: array<Units, GROUPS>;
var<private> top_weights: array<Units, OUTPUTS * GROUPS>;
var<private> top_bias: array<f32, OUTPUTS>;
var<private> d_weights: array<Units, INPUTS * GROUPS>;
var<private> d_bias: array<Units, GROUPS>;
var<private> d_top_weights: array<Units, OUTPUTS * GROUPS>;
var<private> d_top_bias: array<f32, OUTPUTS>;
var<private> hidden: array<Units, GROUPS>;

// Where the outputs' weights begin.
const TOP_AT: u32 = (INPUTS + 1u) * UNITS;

fn load_one(at: u32, network: u32) -> f32 {
    return parameters[at * params.networks + network];
}

fn load(network: u32) {
    for (var unit = 0u; unit < UNITS; unit++) {
        let g = unit / LANES;
        let l = unit % LANES;
        for (var i = 0u; i < INPUTS; i++) {
            weights[i * GROUPS + g][l] = load_one(i * UNITS + unit, network);
        }
        bias[g][l] = load_one(INPUTS * UNITS + unit, network);
        for (var o = 0u; o < OUTPUTS; o++) {
            top_weights[o * GROUPS + g][l] = load_one(TOP_AT + unit * OUTPUTS + o, network);
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        top_bias[o] = load_one(TOP_AT + UNITS * OUTPUTS + o, network);
    }
}

fn store_one(at: u32, network: u32, value: f32) -> bool {
    parameters[at * params.networks + network] = value;
    return is_finite_number(value);
}

// Whether every parameter is finite.
fn store(network: u32) -> bool {
    var is_finite = true;
    for (var unit = 0u; unit < UNITS; unit++) {
        let g = unit / LANES;
        let l = unit % LANES;
        for (var i = 0u; i < INPUTS; i++) {
            is_finite &= store_one(i * UNITS + unit, network, weights[i * GROUPS + g][l]);
        }
        is_finite &= store_one(INPUTS * UNITS + unit, network, bias[g][l]);
        for (var o = 0u; o < OUTPUTS; o++) {
            is_finite &= store_one(TOP_AT + unit * OUTPUTS + o, network, top_weights[o * GROUPS + g][l]);
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        is_finite &= store_one(TOP_AT + UNITS * OUTPUTS + o, network, top_bias[o]);
    }
    return is_finite;
}

// The outputs' pre-activations for the row; leaves its activations in hidden.
fn forward() -> array<f32, OUTPUTS> {
    for (var g = 0u; g < GROUPS; g++) {
        var z = bias[g];
        for (var i = 0u; i < INPUTS; i++) {
            z += number(i) * weights[i * GROUPS + g];
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
    return z;
}

// Adds what one row of the data set gives to the gradients; whether its predictions are near.
fn add_row(at: u32, scale: f32) -> bool {
    take_row(at);
    var result = judged(LOSS, OUTPUT_ACTIVATION, forward(), targets());
    var d_hidden: array<Units, GROUPS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        let d = scale * result.d_z[o];
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
            d_weights[i * GROUPS + g] += number(i) * d;
        }
    }
    return result.is_near;
}

fn clear_gradients() {
    d_weights = array<Units, INPUTS * GROUPS>();
    d_bias = array<Units, GROUPS>();
    d_top_weights = array<Units, OUTPUTS * GROUPS>();
    d_top_bias = array<f32, OUTPUTS>();
}

fn update(rate: f32) {
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
}

@compute @workgroup_size(64)
fn train_one_hidden(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let network = flat_index(group, groups, lane);
    if (network < params.networks) {
        train(network);
    }
}
