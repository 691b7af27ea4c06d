// Trains whole networks of two hidden layers: up to params.steps times, and to step
// params.until, forward, backward and an update by common/optimizer.wgsl, without leaving the
// invocation.
//
// The bindings are those of train_one_hidden.wgsl; parameters [PARAMETERS][networks] are the weights
// [INPUTS][UNITS], their bias, the weights [UNITS][SECOND_UNITS], their bias, the weights
// [SECOND_UNITS][OUTPUTS], their bias.
// One invocation owns one network, parameters and gradients in registers; a workgroup owns 64.
//
// Appended for each shape: what train_one_hidden.wgsl needs, and once more for the second layer of
// hidden units: SECOND_UNITS, SECOND_LANES, SECOND_GROUPS, `SecondUnits`, activate_second_units,
// slope_second_units, second_unit_mask, wide_second_units, narrow_second_units.

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
override SECOND_ACTIVATION: u32 = 0u;
override SECOND_ACTIVATION_PARAMETER: f32 = 0.0;
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
var<private> second_weights: array<SecondUnits, UNITS * SECOND_GROUPS>;
var<private> second_bias: array<SecondUnits, SECOND_GROUPS>;
var<private> top_weights: array<SecondUnits, OUTPUTS * SECOND_GROUPS>;
var<private> top_bias: array<f32, OUTPUTS>;
var<private> d_weights: array<Units, INPUTS * GROUPS>;
var<private> d_bias: array<Units, GROUPS>;
var<private> d_second_weights: array<SecondUnits, UNITS * SECOND_GROUPS>;
var<private> d_second_bias: array<SecondUnits, SECOND_GROUPS>;
var<private> d_top_weights: array<SecondUnits, OUTPUTS * SECOND_GROUPS>;
var<private> d_top_bias: array<f32, OUTPUTS>;
var<private> m_weights: array<Units, INPUTS * GROUPS>;
var<private> m_bias: array<Units, GROUPS>;
var<private> m_second_weights: array<SecondUnits, UNITS * SECOND_GROUPS>;
var<private> m_second_bias: array<SecondUnits, SECOND_GROUPS>;
var<private> m_top_weights: array<SecondUnits, OUTPUTS * SECOND_GROUPS>;
var<private> m_top_bias: array<f32, OUTPUTS>;
var<private> v_weights: array<Units, INPUTS * GROUPS>;
var<private> v_bias: array<Units, GROUPS>;
var<private> v_second_weights: array<SecondUnits, UNITS * SECOND_GROUPS>;
var<private> v_second_bias: array<SecondUnits, SECOND_GROUPS>;
var<private> v_top_weights: array<SecondUnits, OUTPUTS * SECOND_GROUPS>;
var<private> v_top_bias: array<f32, OUTPUTS>;
// The pre-activations and the activations of one row.
var<private> hidden_z: array<Units, GROUPS>;
var<private> hidden: array<Units, GROUPS>;
var<private> second_z: array<SecondUnits, SECOND_GROUPS>;
var<private> second: array<SecondUnits, SECOND_GROUPS>;

// Where the second layer's weights begin, and the outputs'.
const SECOND_AT: u32 = (INPUTS + 1u) * UNITS;
const TOP_AT: u32 = SECOND_AT + (UNITS + 1u) * SECOND_UNITS;

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
    }
    for (var unit = 0u; unit < SECOND_UNITS; unit++) {
        let g = unit / SECOND_LANES;
        let l = unit % SECOND_LANES;
        for (var i = 0u; i < UNITS; i++) {
            second_weights[i * SECOND_GROUPS + g][l] = load_one(SECOND_AT + i * SECOND_UNITS + unit, network);
            if (has_moment1(OPTIMIZER)) {
                m_second_weights[i * SECOND_GROUPS + g][l] = load_moment(1u, SECOND_AT + i * SECOND_UNITS + unit, network);
            }
            if (has_moment2(OPTIMIZER)) {
                v_second_weights[i * SECOND_GROUPS + g][l] = load_moment(STATES - 1u, SECOND_AT + i * SECOND_UNITS + unit, network);
            }
        }
        second_bias[g][l] = load_one(SECOND_AT + UNITS * SECOND_UNITS + unit, network);
        if (has_moment1(OPTIMIZER)) {
            m_second_bias[g][l] = load_moment(1u, SECOND_AT + UNITS * SECOND_UNITS + unit, network);
        }
        if (has_moment2(OPTIMIZER)) {
            v_second_bias[g][l] = load_moment(STATES - 1u, SECOND_AT + UNITS * SECOND_UNITS + unit, network);
        }
        for (var o = 0u; o < OUTPUTS; o++) {
            top_weights[o * SECOND_GROUPS + g][l] = load_one(TOP_AT + unit * OUTPUTS + o, network);
            if (has_moment1(OPTIMIZER)) {
                m_top_weights[o * SECOND_GROUPS + g][l] = load_moment(1u, TOP_AT + unit * OUTPUTS + o, network);
            }
            if (has_moment2(OPTIMIZER)) {
                v_top_weights[o * SECOND_GROUPS + g][l] = load_moment(STATES - 1u, TOP_AT + unit * OUTPUTS + o, network);
            }
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        top_bias[o] = load_one(TOP_AT + SECOND_UNITS * OUTPUTS + o, network);
        if (has_moment1(OPTIMIZER)) {
            m_top_bias[o] = load_moment(1u, TOP_AT + SECOND_UNITS * OUTPUTS + o, network);
        }
        if (has_moment2(OPTIMIZER)) {
            v_top_bias[o] = load_moment(STATES - 1u, TOP_AT + SECOND_UNITS * OUTPUTS + o, network);
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
    }
    for (var unit = 0u; unit < SECOND_UNITS; unit++) {
        let g = unit / SECOND_LANES;
        let l = unit % SECOND_LANES;
        for (var i = 0u; i < UNITS; i++) {
            is_finite &= store_one(SECOND_AT + i * SECOND_UNITS + unit, network, second_weights[i * SECOND_GROUPS + g][l], m_second_weights[i * SECOND_GROUPS + g][l], v_second_weights[i * SECOND_GROUPS + g][l]);
        }
        is_finite &= store_one(SECOND_AT + UNITS * SECOND_UNITS + unit, network, second_bias[g][l], m_second_bias[g][l], v_second_bias[g][l]);
        for (var o = 0u; o < OUTPUTS; o++) {
            is_finite &= store_one(TOP_AT + unit * OUTPUTS + o, network, top_weights[o * SECOND_GROUPS + g][l], m_top_weights[o * SECOND_GROUPS + g][l], v_top_weights[o * SECOND_GROUPS + g][l]);
        }
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        is_finite &= store_one(TOP_AT + SECOND_UNITS * OUTPUTS + o, network, top_bias[o], m_top_bias[o], v_top_bias[o]);
    }
    return is_finite;
}

// The outputs' pre-activations for the row; leaves its activations in hidden and second.
fn forward() -> array<f32, OUTPUTS> {
    for (var g = 0u; g < GROUPS; g++) {
        var z = bias[g];
        for (var i = 0u; i < INPUTS; i++) {
            z += number(i) * weights[i * GROUPS + g];
        }
        hidden_z[g] = z;
        hidden[g] = activate_units(ACTIVATION, ACTIVATION_PARAMETER, z) * unit_mask(g);
    }
    for (var g = 0u; g < SECOND_GROUPS; g++) {
        var z = second_bias[g];
        for (var i = 0u; i < UNITS; i++) {
            z += hidden[i / LANES][i % LANES] * second_weights[i * SECOND_GROUPS + g];
        }
        second_z[g] = z;
        second[g] = activate_second_units(SECOND_ACTIVATION, SECOND_ACTIVATION_PARAMETER, z) * second_unit_mask(g);
    }
    var z: array<f32, OUTPUTS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        z[o] = top_bias[o];
        for (var g = 0u; g < SECOND_GROUPS; g++) {
            z[o] += dot(second[g], top_weights[o * SECOND_GROUPS + g]);
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
    var d_second: array<SecondUnits, SECOND_GROUPS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        let d = scale * d_z[o];
        d_top_bias[o] += d;
        for (var g = 0u; g < SECOND_GROUPS; g++) {
            d_top_weights[o * SECOND_GROUPS + g] += d * second[g];
            d_second[g] += d * top_weights[o * SECOND_GROUPS + g];
        }
    }
    var d_hidden: array<Units, GROUPS>;
    for (var g = 0u; g < SECOND_GROUPS; g++) {
        let d = d_second[g] * slope_second_units(SECOND_ACTIVATION, SECOND_ACTIVATION_PARAMETER, second_z[g], second[g]);
        d_second_bias[g] += d;
        for (var i = 0u; i < UNITS; i++) {
            d_second_weights[i * SECOND_GROUPS + g] += hidden[i / LANES][i % LANES] * d;
            d_hidden[i / LANES][i % LANES] += dot(d, second_weights[i * SECOND_GROUPS + g]);
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
    d_second_weights = array<SecondUnits, UNITS * SECOND_GROUPS>();
    d_second_bias = array<SecondUnits, SECOND_GROUPS>();
    d_top_weights = array<SecondUnits, OUTPUTS * SECOND_GROUPS>();
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
    for (var k = 0u; k < UNITS * SECOND_GROUPS; k++) {
        sum += bounded_squares(wide_second_units(d_second_weights[k]));
    }
    for (var k = 0u; k < SECOND_GROUPS; k++) {
        sum += bounded_squares(wide_second_units(d_second_bias[k]));
    }
    for (var k = 0u; k < OUTPUTS * SECOND_GROUPS; k++) {
        sum += bounded_squares(wide_second_units(d_top_weights[k]));
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
    for (var k = 0u; k < UNITS * SECOND_GROUPS; k++) {
        var m = vec4<f32>();
        var v = vec4<f32>();
        if (has_moment1(OPTIMIZER)) {
            m = wide_second_units(m_second_weights[k]);
        }
        if (has_moment2(OPTIMIZER)) {
            v = wide_second_units(v_second_weights[k]);
        }
        let after = moved(rule, clip, wide_second_units(d_second_weights[k]), wide_second_units(second_weights[k]), m, v);
        second_weights[k] = narrow_second_units(after.parameter);
        if (has_moment1(OPTIMIZER)) {
            m_second_weights[k] = narrow_second_units(after.moment1);
        }
        if (has_moment2(OPTIMIZER)) {
            v_second_weights[k] = narrow_second_units(after.moment2);
        }
    }
    for (var k = 0u; k < SECOND_GROUPS; k++) {
        var m = vec4<f32>();
        var v = vec4<f32>();
        if (has_moment1(OPTIMIZER)) {
            m = wide_second_units(m_second_bias[k]);
        }
        if (has_moment2(OPTIMIZER)) {
            v = wide_second_units(v_second_bias[k]);
        }
        let after = moved(rule, clip, wide_second_units(d_second_bias[k]), wide_second_units(second_bias[k]), m, v);
        second_bias[k] = narrow_second_units(after.parameter);
        if (has_moment1(OPTIMIZER)) {
            m_second_bias[k] = narrow_second_units(after.moment1);
        }
        if (has_moment2(OPTIMIZER)) {
            v_second_bias[k] = narrow_second_units(after.moment2);
        }
    }
    for (var k = 0u; k < OUTPUTS * SECOND_GROUPS; k++) {
        var m = vec4<f32>();
        var v = vec4<f32>();
        if (has_moment1(OPTIMIZER)) {
            m = wide_second_units(m_top_weights[k]);
        }
        if (has_moment2(OPTIMIZER)) {
            v = wide_second_units(v_top_weights[k]);
        }
        let after = moved(rule, clip, wide_second_units(d_top_weights[k]), wide_second_units(top_weights[k]), m, v);
        top_weights[k] = narrow_second_units(after.parameter);
        if (has_moment1(OPTIMIZER)) {
            m_top_weights[k] = narrow_second_units(after.moment1);
        }
        if (has_moment2(OPTIMIZER)) {
            v_top_weights[k] = narrow_second_units(after.moment2);
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
fn train_two_hidden(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let network = flat_index(group, groups, lane);
    if (network < params.networks) {
        train(network);
    }
}
