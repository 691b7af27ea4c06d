// Trains whole networks of one or two hidden layers: up to params.steps times, and to step
// params.until, forward, backward and an update by common/optimizer.wgsl, without leaving the
// invocation.
//
// data is as in common/rows.wgsl. parameters is [PARAMETERS][networks]: layer by layer the weights
// [fan_in][units] and their bias; behind them as many of each moment that the optimizer has. rules and
// schedule are as in common/rule.wgsl. seeds is [networks]: the seed of network n's orders is params.seed +
// seeds[n]. losses is a ring [ring_len][networks] of the steps whose epochs are kept, every
// loss_every-th. done is [networks], the steps made so far. outcome is [networks] as in
// common/network.wgsl; where networks are STOPS_WHEN_SOLVED, one that is solved or no longer finite makes no more steps.
// One invocation owns one network, parameters and gradients in registers; a workgroup owns 64.
//
// Registers are vectors of four, of which the units of a layer fill `lanes` each: of a hidden layer the
// parameters are [fan_in + 1][groups], biases last; of the outputs [OUTPUTS][groups], over the units of the last
// hidden layer, and then a bias each, in x. Lanes without a unit are 0, and nothing reads them: they cost nothing.
//
// Appended for each shape: what common/rows.wgsl needs; INPUTS, OUTPUTS, PARAMETERS; VECTORS of parameters
// and UNIT_VECTORS of hidden units; PLACES of the vectors of parameters; LAST, the last hidden `Layer`, and
// OUTPUTS_AT, the outputs' first vector; forward_layers and backward_layers, which call the functions below
// once a layer; SHORT_ROWS of an epoch's last batch, STOPS_WHEN_SOLVED; OPTIMIZER, DECAY, STATES (numbers that a parameter
// has with its moments), CLIP_NORM, CLIP_VALUE and SCHEDULED; DROPOUT, the words DROPOUT_BELOW which units are dropped, and
// DROPOUT_SCALE of those that are kept.

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

var<private> values: array<vec4<f32>, VECTORS>;
var<private> gradients: array<vec4<f32>, VECTORS>;
var<private> moment1: array<vec4<f32>, VECTORS>;
var<private> moment2: array<vec4<f32>, VECTORS>;
// Of one row: the pre-activations of hidden units, their activations and the gradients of these.
var<private> units_z: array<vec4<f32>, UNIT_VECTORS>;
var<private> units: array<vec4<f32>, UNIT_VECTORS>;
var<private> d_units: array<vec4<f32>, UNIT_VECTORS>;
// Where activations are dropped, what each is multiplied by; whether they are in this pass, by these masks, and of which
// row of the batch.
var<private> factors: array<vec4<f32>, select(1u, UNIT_VECTORS, DROPOUT)>;
var<private> drops: bool;
var<private> mask_keys: array<vec2<u32>, 2>;
var<private> mask_row: u32;

// Where a vector of parameters stands among all: its first, from one to the next, and how many it holds.
struct Place {
    first: u32,
    step: u32,
    count: u32,
}

// A hidden layer.
struct Layer {
    index: u32,
    kind: u32,
    parameter: f32,
    units: u32,
    lanes: u32,
    groups: u32,
    // Its first vector of parameters, and of units.
    values_at: u32,
    units_at: u32,
    // What feeds it: so many numbers, the row's inputs (FROM_DATA) or the units from a vector on, so many
    // to a vector.
    fan_in: u32,
    input_at: u32,
    input_lanes: u32,
}

const FROM_DATA: u32 = 0xffffffffu;

fn load_state(place: Place, state: u32, network: u32) -> vec4<f32> {
    let at = (state * PARAMETERS + place.first) * params.networks + network;
    let step = place.step * params.networks;
    var v = vec4<f32>(parameters[at], 0.0, 0.0, 0.0);
    if (place.count > 1u) {
        v.y = parameters[at + step];
    }
    if (place.count > 2u) {
        v.z = parameters[at + 2u * step];
    }
    if (place.count > 3u) {
        v.w = parameters[at + 3u * step];
    }
    return v;
}

fn store_state(place: Place, state: u32, network: u32, v: vec4<f32>) {
    let at = (state * PARAMETERS + place.first) * params.networks + network;
    let step = place.step * params.networks;
    parameters[at] = v.x;
    if (place.count > 1u) {
        parameters[at + step] = v.y;
    }
    if (place.count > 2u) {
        parameters[at + 2u * step] = v.z;
    }
    if (place.count > 3u) {
        parameters[at + 3u * step] = v.w;
    }
}

fn load_vector(k: u32, place: Place, network: u32) {
    values[k] = load_state(place, 0u, network);
    if (has_moment1(OPTIMIZER)) {
        moment1[k] = load_state(place, 1u, network);
    }
    if (has_moment2(OPTIMIZER)) {
        moment2[k] = load_state(place, STATES - 1u, network);
    }
}

// Whether the parameters are finite.
fn store_vector(k: u32, place: Place, network: u32) -> bool {
    store_state(place, 0u, network, values[k]);
    if (has_moment1(OPTIMIZER)) {
        store_state(place, 1u, network, moment1[k]);
    }
    if (has_moment2(OPTIMIZER)) {
        store_state(place, STATES - 1u, network, moment2[k]);
    }
    return are_finite(values[k]);
}

fn largest_of(k: u32) -> f32 {
    let g = abs(bounded(gradients[k]));
    return max(max(g.x, g.y), max(g.z, g.w));
}

// The sum of the squares of a vector's gradients times a scale.
fn square_of(k: u32, scale: f32) -> f32 {
    let g = scale * bounded(gradients[k]);
    return dot(g, g);
}

fn update_vector(k: u32, rule: Rule, clip: vec2<f32>) {
    var g = bounded(gradients[k]);
    if (CLIP_NORM) {
        g = norm_clipped(g, clip);
    }
    let after = updated(OPTIMIZER, DECAY, rule, g, values[k], moment1[k], moment2[k]);
    values[k] = after.parameter;
    if (has_moment1(OPTIMIZER)) {
        moment1[k] = after.moment1;
    }
    if (has_moment2(OPTIMIZER)) {
        moment2[k] = after.moment2;
    }
}

// The product of the first so many lanes.
fn dot_lanes(lanes: u32, a: vec4<f32>, b: vec4<f32>) -> f32 {
    switch lanes {
        case 2u: { return dot(a.xy, b.xy); }
        case 3u: { return dot(a.xyz, b.xyz); }
        default: { return dot(a, b); }
    }
}

// 0 in the lanes of a layer's group g that are no units.
fn of_units(layer: Layer, g: u32, v: vec4<f32>) -> vec4<f32> {
    let lane = vec4<u32>(0u, 1u, 2u, 3u);
    let is_unit = (lane < vec4<u32>(layer.lanes)) & (g * layer.lanes + lane < vec4<u32>(layer.units));
    return select(vec4<f32>(), v, is_unit);
}

// From now on activations are dropped as in this step.
fn take_masks(seed: vec2<u32>, step: u32) {
    if (DROPOUT) {
        drops = true;
        mask_keys[0] = mask_key(seed, step, 0u);
        if (LAST.index == 1u) {
            mask_keys[1] = mask_key(seed, step, 1u);
        }
    }
}

// What a group of a layer's units is multiplied by.
fn factors_of(layer: Layer, g: u32) -> vec4<f32> {
    if (!drops) {
        return vec4<f32>(1.0);
    }
    let key = mask_keys[layer.index];
    let first = g * layer.lanes;
    let words = vec4<u32>(mask_words(key, mask_row, first / 2u), mask_words(key, mask_row, first / 2u + 1u));
    // Of three lanes a group begins at an odd unit every other time.
    let own = select(words, words.yzww, vec4<bool>(first % 2u == 1u));
    return select(vec4<f32>(), vec4<f32>(DROPOUT_SCALE), own >= vec4<u32>(DROPOUT_BELOW));
}

// A vector of units' numbers, as far as they are kept.
fn dropped(at: u32, v: vec4<f32>) -> vec4<f32> {
    if (DROPOUT) {
        return select(vec4<f32>(), factors[at] * v, factors[at] > vec4<f32>());
    }
    return v;
}

fn input(layer: Layer, i: u32) -> f32 {
    if (layer.input_at == FROM_DATA) {
        return number(i);
    }
    let at = layer.input_at + i / layer.input_lanes;
    return dropped(at, units[at])[i % layer.input_lanes];
}

// A group of a layer's units, from what feeds it.
fn forward_group(layer: Layer, g: u32) {
    var z = values[layer.values_at + layer.fan_in * layer.groups + g];
    for (var i = 0u; i < layer.fan_in; i++) {
        z += input(layer, i) * values[layer.values_at + i * layer.groups + g];
    }
    units_z[layer.units_at + g] = z;
    units[layer.units_at + g] = of_units(layer, g, activation4(layer.kind, layer.parameter, z));
    if (DROPOUT) {
        factors[layer.units_at + g] = factors_of(layer, g);
    }
}

// From the gradients of a group of a layer's units those of its parameters, and of what feeds it.
fn backward_group(layer: Layer, g: u32) {
    let at = layer.units_at + g;
    let d = of_units(layer, g, dropped(at, d_units[at]) * slope4(layer.kind, layer.parameter, units_z[at], units[at]));
    gradients[layer.values_at + layer.fan_in * layer.groups + g] += d;
    for (var i = 0u; i < layer.fan_in; i++) {
        let k = layer.values_at + i * layer.groups + g;
        gradients[k] += input(layer, i) * d;
        if (layer.input_at != FROM_DATA) {
            // One lane as a choice among all four: FXC compiles no assignment to a lane found by an index here.
            let before = layer.input_at + i / layer.input_lanes;
            let own = vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(i % layer.input_lanes);
            d_units[before] = select(d_units[before], d_units[before] + dot_lanes(layer.lanes, d, values[k]), own);
        }
    }
}

// The outputs' pre-activations for the row; leaves what hidden units make of it.
fn forward() -> array<f32, OUTPUTS> {
    forward_layers();
    var z: array<f32, OUTPUTS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        z[o] = values[OUTPUTS_AT + OUTPUTS * LAST.groups + o].x;
        for (var g = 0u; g < LAST.groups; g++) {
            let at = LAST.units_at + g;
            z[o] += dot_lanes(LAST.lanes, dropped(at, units[at]), values[OUTPUTS_AT + o * LAST.groups + g]);
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
    let row_scale = scale * row_weight();
    var d_z = output_gradients(z, p, t);
    d_units = array<vec4<f32>, UNIT_VECTORS>();
    for (var o = 0u; o < OUTPUTS; o++) {
        let d = row_scale * d_z[o];
        gradients[OUTPUTS_AT + OUTPUTS * LAST.groups + o].x += d;
        for (var g = 0u; g < LAST.groups; g++) {
            let k = OUTPUTS_AT + o * LAST.groups + g;
            let at = LAST.units_at + g;
            gradients[k] += d * dropped(at, units[at]);
            d_units[at] += d * values[k];
        }
    }
    backward_layers();
    return are_near(p, t);
}

// Whether every prediction is near its target, over the first `rows` rows as they stand.
fn solves(rows: u32) -> bool {
    var is_near = true;
    drops = false;
    for (var at = 0u; at < rows; at++) {
        take_row(at);
        is_near = are_near(predictions(forward()), targets()) && is_near;
    }
    return is_near;
}

fn is_short(clock: Clock) -> bool {
    return SHORT_ROWS != 0u && clock.place + 1u == params.steps_per_epoch;
}

fn order_key(seed: vec2<u32>, clock: Clock) -> vec2<u32> {
    if (SHUFFLED) {
        return epoch_key(seed, clock.epoch);
    }
    return vec2<u32>(0u, 0u);
}

// The loss of a step's batch, before its update.
fn batch_loss(seed: vec2<u32>, clock: Clock, step: u32) -> f32 {
    let key = order_key(seed, clock);
    take_masks(seed, step);
    var loss = 0.0;
    for (var at = 0u; at < select(ROWS, SHORT_ROWS, is_short(clock)); at++) {
        take_row(row_of(key, params.data_rows, clock.place, at));
        mask_row = at;
        loss += row_weight() * loss_of_row(forward(), targets());
    }
    return loss * select(params.value_scale, params.short_value_scale, is_short(clock));
}

// One step, unless the network stops when solved and this forward pass, over all rows, shows it solved:
// then true.
fn train_step(seed: vec2<u32>, clock: Clock, step: u32, rule: Rule) -> bool {
    let key = order_key(seed, clock);
    take_masks(seed, step);
    let scale = select(params.gradient_scale, params.short_gradient_scale, is_short(clock));
    gradients = array<vec4<f32>, VECTORS>();
    var is_near = true;
    for (var at = 0u; at < ROWS; at++) {
        if (at >= SHORT_ROWS && is_short(clock)) {
            break;
        }
        mask_row = at;
        is_near = add_row(row_of(key, params.data_rows, clock.place, at), scale) && is_near;
    }
    if (STOPS_WHEN_SOLVED && SHOWS_SOLVED && is_near) {
        return true;
    }

    var clip = vec2<f32>(1.0, 1.0);
    if (CLIP_NORM) {
        let scale = square_scale(largest());
        clip = clip_factors(scale, squares(scale), params.update.clip_norm);
    }
    update(rule, clip);
    return false;
}

// A network for params.steps more steps, but not beyond params.until.
fn train(network: u32) {
    if (STOPS_WHEN_SOLVED && outcome[network] != IN_TRAINING) {
        return;
    }
    let own = rule_of(network);
    let low = params.seed_low + seeds[network];
    let seed = vec2<u32>(low, params.seed_high + select(0u, 1u, low < params.seed_low));
    load(network);
    keep_rows();

    let first_step = done[network];
    var clock = clock_at(first_step, params.steps_per_epoch, params.loss_every);
    var slot = slot_at(clock, params.steps_per_epoch, params.loss_every, params.ring_len);
    let steps = min(params.steps, params.until - first_step);
    var made = 0u;
    var is_solved = false;
    // Some devices run both sides of every branch: what few steps do stays out of the inner loop.
    while (made < steps && !is_solved) {
        if (STOPS_WHEN_SOLVED && !SHOWS_SOLVED && clock.place == 0u) {
            is_solved = solves(params.data_rows);
        }
        if (is_kept(clock, params.loss_every)) {
            losses[slot * params.networks + network] = batch_loss(seed, clock, first_step + made);
            slot = select(slot + 1u, 0u, slot + 1u == params.ring_len);
        }
        var plain = plain_steps(clock, params.steps_per_epoch, params.loss_every);
        if (STOPS_WHEN_SOLVED && FULL && !SHOWS_SOLVED) {
            plain = 1u;
        }
        let until = made + min(plain, steps - made);
        while (made < until && !is_solved) {
            let step = first_step + made;
            is_solved = train_step(seed, clock, step, rule_at(own, step));
            if (!is_solved) {
                made += 1u;
                if (!FULL) {
                    clock = clock_after(clock, params.steps_per_epoch, params.loss_every);
                }
            }
        }
        if (FULL) {
            clock = clock_at(first_step + made, params.steps_per_epoch, params.loss_every);
        }
    }

    let is_finite = store(network);
    done[network] = first_step + made;
    // What the last step made of it has been seen by nobody yet.
    if (STOPS_WHEN_SOLVED && clock.place == 0u && !is_solved) {
        is_solved = solves(params.data_rows);
    }
    if (!is_finite) {
        outcome[network] = DIVERGED;
    } else if (STOPS_WHEN_SOLVED && is_solved) {
        outcome[network] = first_step + made;
    }
}

@compute @workgroup_size(64)
fn train_invocation(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let network = flat_index(group, groups, lane);
    if (network < params.networks) {
        train(network);
    }
}
