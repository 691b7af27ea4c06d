// Trains whole networks of one hidden layer: up to params.steps times, and to step
// params.until, forward, backward and an update by common/optimizer.wgsl, without leaving the
// invocation.
//
// data is as in common/rows.wgsl. parameters is [PARAMETERS][networks]: the weights
// [INPUTS][UNITS], their bias, the weights [UNITS][OUTPUTS], their bias; behind them as many of each moment
// that the optimizer has. rules and schedule are as in common/rule.wgsl. seeds is [networks]: the seed of
// network n's orders is params.seed + seeds[n]. losses is a ring [ring_len][networks] of the steps whose epochs are kept, every
// loss_every-th. done is [networks], the steps made so far. outcome is [networks] as in
// common/network.wgsl; where networks are JUDGED, one that is solved or no longer finite makes no more steps.
// One invocation owns one network, parameters and gradients in registers; a workgroup owns 64.
//
// Appended for each shape: what common/rows.wgsl needs; INPUTS, UNITS, OUTPUTS, PARAMETERS; LANES
// units make one vector `Units`, of which there are GROUPS; SHORT_ROWS of an epoch's last batch,
// JUDGED; activate_units, slope_units, and unit_mask, 0 for lanes past UNITS; wide_units and narrow_units, to
// and from vectors of four; OPTIMIZER, DECAY, STATES (numbers that a parameter has with
// its moments), CLIP_NORM, CLIP_VALUE and SCHEDULED.

struct Params {
    update: UpdateParams,
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
    schedule_first: u32,
}

override ACTIVATION: u32 = 0u;
override ACTIVATION_PARAMETER: f32 = 0.0;
override OUTPUT_ACTIVATION: u32 = 3u;
override OUTPUT_ACTIVATION_PARAMETER: f32 = 0.0;
override LOSS: u32 = 2u;
override LOSS_PARAMETER: f32 = 0.0;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> rules: array<f32>;
@group(0) @binding(3) var<storage, read> seeds: array<u32>;
@group(0) @binding(4) var<storage, read> schedule: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(6) var<storage, read_write> losses: array<f32>;
@group(0) @binding(7) var<storage, read_write> done: array<u32>;
@group(0) @binding(8) var<storage, read_write> outcome: array<u32>;

var<private> weights: array<Units, INPUTS * GROUPS>;
var<private> bias: array<Units, GROUPS>;
var<private> top_weights: array<Units, OUTPUTS * GROUPS>;
var<private> top_bias: array<f32, OUTPUTS>;
var<private> d_weights: array<Units, INPUTS * GROUPS>;
var<private> d_bias: array<Units, GROUPS>;
var<private> d_top_weights: array<Units, OUTPUTS * GROUPS>;
var<private> d_top_bias: array<f32, OUTPUTS>;
var<private> m_weights: array<Units, INPUTS * GROUPS>;
var<private> m_bias: array<Units, GROUPS>;
var<private> m_top_weights: array<Units, OUTPUTS * GROUPS>;
var<private> m_top_bias: array<f32, OUTPUTS>;
var<private> v_weights: array<Units, INPUTS * GROUPS>;
var<private> v_bias: array<Units, GROUPS>;
var<private> v_top_weights: array<Units, OUTPUTS * GROUPS>;
var<private> v_top_bias: array<f32, OUTPUTS>;
// The pre-activations and the activations of one row.
var<private> hidden_z: array<Units, GROUPS>;
var<private> hidden: array<Units, GROUPS>;

// Where the outputs' weights begin.
const TOP_AT: u32 = (INPUTS + 1u) * UNITS;

fn load_one(at: u32, network: u32) -> f32 {
    return parameters[at * params.networks + network];
}

fn load_moment(moment: u32, at: u32, network: u32) -> f32 {
    return load_one(moment * PARAMETERS + at, network);
}

fn load(network: u32) {
    for (var unit = 0u; unit < UNITS; unit++) {
        let g = unit / LANES;
        let l = unit % LANES;
        for (var i = 0u; i < INPUTS; i++) {
            weights[i * GROUPS + g][l] = load_one(i * UNITS + unit, network);
            if (has_moment1(OPTIMIZER)) {
                m_weights[i * GROUPS + g][l] = load_moment(1u, i * UNITS + unit, network);
            }
            if (has_moment2(OPTIMIZER)) {
                v_weights[i * GROUPS + g][l] = load_moment(STATES - 1u, i * UNITS + unit, network);
            }
        }
        bias[g][l] = load_one(INPUTS * UNITS + unit, network);
        if (has_moment1(OPTIMIZER)) {
            m_bias[g][l] = load_moment(1u, INPUTS * UNITS + unit, network);
        }
        if (has_moment2(OPTIMIZER)) {
            v_bias[g][l] = load_moment(STATES - 1u, INPUTS * UNITS + unit, network);
        }
        for (var o = 0u; o < OUTPUTS; o++) {
            top_weights[o * GROUPS + g][l] = load_one(TOP_AT + unit * OUTPUTS + o, network);
            if (has_moment1(OPTIMIZER)) {
                m_top_weights[o * GROUPS + g][l] = load_moment(1u, TOP_AT + unit * OUTPUTS + o, network);
            }
            if (has_moment2(OPTIMIZER)) {
                v_top_weights[o * GROUPS + g][l] = load_moment(STATES - 1u, TOP_AT + unit * OUTPUTS + o, network);
            }
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        top_bias[o] = load_one(TOP_AT + UNITS * OUTPUTS + o, network);
        if (has_moment1(OPTIMIZER)) {
            m_top_bias[o] = load_moment(1u, TOP_AT + UNITS * OUTPUTS + o, network);
        }
        if (has_moment2(OPTIMIZER)) {
            v_top_bias[o] = load_moment(STATES - 1u, TOP_AT + UNITS * OUTPUTS + o, network);
        }
    }
}

fn store_one(at: u32, network: u32, value: f32, m: f32, v: f32) -> bool {
    parameters[at * params.networks + network] = value;
    if (has_moment1(OPTIMIZER)) {
        parameters[(PARAMETERS + at) * params.networks + network] = m;
    }
    if (has_moment2(OPTIMIZER)) {
        parameters[((STATES - 1u) * PARAMETERS + at) * params.networks + network] = v;
    }
    return is_finite_number(value);
}

// Whether every parameter is finite.
fn store(network: u32) -> bool {
    var is_finite = true;
    for (var unit = 0u; unit < UNITS; unit++) {
        let g = unit / LANES;
        let l = unit % LANES;
        for (var i = 0u; i < INPUTS; i++) {
            is_finite &= store_one(i * UNITS + unit, network, weights[i * GROUPS + g][l], m_weights[i * GROUPS + g][l], v_weights[i * GROUPS + g][l]);
        }
        is_finite &= store_one(INPUTS * UNITS + unit, network, bias[g][l], m_bias[g][l], v_bias[g][l]);
        for (var o = 0u; o < OUTPUTS; o++) {
            is_finite &= store_one(TOP_AT + unit * OUTPUTS + o, network, top_weights[o * GROUPS + g][l], m_top_weights[o * GROUPS + g][l], v_top_weights[o * GROUPS + g][l]);
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        is_finite &= store_one(TOP_AT + UNITS * OUTPUTS + o, network, top_bias[o], m_top_bias[o], v_top_bias[o]);
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
        hidden_z[g] = z;
        hidden[g] = activate_units(ACTIVATION, ACTIVATION_PARAMETER, z) * unit_mask(g);
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
    let z = forward();
    let p = predictions(z);
    let t = targets();
    var d_z = output_gradients(z, p, t);
    var d_hidden: array<Units, GROUPS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        let d = scale * d_z[o];
        d_top_bias[o] += d;
        for (var g = 0u; g < GROUPS; g++) {
            d_top_weights[o * GROUPS + g] += d * hidden[g];
            d_hidden[g] += d * top_weights[o * GROUPS + g];
        }
    }
    for (var g = 0u; g < GROUPS; g++) {
        let d = d_hidden[g] * slope_units(ACTIVATION, ACTIVATION_PARAMETER, hidden_z[g], hidden[g]);
        d_bias[g] += d;
        for (var i = 0u; i < INPUTS; i++) {
            d_weights[i * GROUPS + g] += number(i) * d;
        }
    }
    return are_near(p, t);
}

fn clear_gradients() {
    d_weights = array<Units, INPUTS * GROUPS>();
    d_bias = array<Units, GROUPS>();
    d_top_weights = array<Units, OUTPUTS * GROUPS>();
    d_top_bias = array<f32, OUTPUTS>();
}

// The two sums of squares of all gradients.
fn squares() -> vec2<f32> {
    var sum = vec2<f32>();
    for (var k = 0u; k < INPUTS * GROUPS; k++) {
        sum += bounded_squares(wide_units(d_weights[k]));
    }
    for (var k = 0u; k < GROUPS; k++) {
        sum += bounded_squares(wide_units(d_bias[k]));
    }
    for (var k = 0u; k < OUTPUTS * GROUPS; k++) {
        sum += bounded_squares(wide_units(d_top_weights[k]));
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        sum += bounded_squares(vec4<f32>(d_top_bias[o], 0.0, 0.0, 0.0));
    }
    return sum;
}

fn update(rule: Rule, clip: vec2<f32>) {
    for (var k = 0u; k < INPUTS * GROUPS; k++) {
        var m = vec4<f32>();
        var v = vec4<f32>();
        if (has_moment1(OPTIMIZER)) {
            m = wide_units(m_weights[k]);
        }
        if (has_moment2(OPTIMIZER)) {
            v = wide_units(v_weights[k]);
        }
        let after = moved(rule, clip, wide_units(d_weights[k]), wide_units(weights[k]), m, v);
        weights[k] = narrow_units(after.parameter);
        if (has_moment1(OPTIMIZER)) {
            m_weights[k] = narrow_units(after.moment1);
        }
        if (has_moment2(OPTIMIZER)) {
            v_weights[k] = narrow_units(after.moment2);
        }
    }
    for (var k = 0u; k < GROUPS; k++) {
        var m = vec4<f32>();
        var v = vec4<f32>();
        if (has_moment1(OPTIMIZER)) {
            m = wide_units(m_bias[k]);
        }
        if (has_moment2(OPTIMIZER)) {
            v = wide_units(v_bias[k]);
        }
        let after = moved(rule, clip, wide_units(d_bias[k]), wide_units(bias[k]), m, v);
        bias[k] = narrow_units(after.parameter);
        if (has_moment1(OPTIMIZER)) {
            m_bias[k] = narrow_units(after.moment1);
        }
        if (has_moment2(OPTIMIZER)) {
            v_bias[k] = narrow_units(after.moment2);
        }
    }
    for (var k = 0u; k < OUTPUTS * GROUPS; k++) {
        var m = vec4<f32>();
        var v = vec4<f32>();
        if (has_moment1(OPTIMIZER)) {
            m = wide_units(m_top_weights[k]);
        }
        if (has_moment2(OPTIMIZER)) {
            v = wide_units(v_top_weights[k]);
        }
        let after = moved(rule, clip, wide_units(d_top_weights[k]), wide_units(top_weights[k]), m, v);
        top_weights[k] = narrow_units(after.parameter);
        if (has_moment1(OPTIMIZER)) {
            m_top_weights[k] = narrow_units(after.moment1);
        }
        if (has_moment2(OPTIMIZER)) {
            v_top_weights[k] = narrow_units(after.moment2);
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        var m = vec4<f32>();
        var v = vec4<f32>();
        if (has_moment1(OPTIMIZER)) {
            m = vec4<f32>(m_top_bias[o]);
        }
        if (has_moment2(OPTIMIZER)) {
            v = vec4<f32>(v_top_bias[o]);
        }
        let after = moved(rule, clip, vec4<f32>(d_top_bias[o]), vec4<f32>(top_bias[o]), m, v);
        top_bias[o] = after.parameter.x;
        if (has_moment1(OPTIMIZER)) {
            m_top_bias[o] = after.moment1.x;
        }
        if (has_moment2(OPTIMIZER)) {
            v_top_bias[o] = after.moment2.x;
        }
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
