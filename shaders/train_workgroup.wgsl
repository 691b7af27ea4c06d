// Trains whole networks of any number of layers: up to params.steps times, and to step params.until,
// forward, backward and an update by common/optimizer.wgsl, without leaving the workgroup.
//
// The bindings are those of train_invocation.wgsl; parameters [PARAMETERS][networks] are, layer by
// layer, the weights [fan_in][fan_out] and their bias; behind them as many of each moment.
// One workgroup owns one network; parameters, activations and their gradients of one batch lie in
// its memory. In turn its invocations own the activations of a layer, the rows of the batch, the
// gradients of a layer's inputs, and the parameters, each every 64th.
//
// Appended for each shape: what common/rows.wgsl needs; LEARNED of the parameters, the first ones, and behind them the
// running means and variances of each layer with a norm; NORMED, NORM_EPS, NORM_MOMENTUM and the UNBIASED factors of a
// batch and of the short one, where there are some; INPUTS, OUTPUTS, PARAMETERS, UNITS (of all
// layers), SHORT_ROWS of an epoch's last batch, STOPS_WHEN_SOLVED; forward_layers, backward_layers and
// update_layers, which call the functions below once a layer; KEPT_GRADIENTS, PARAMETERS where CLIP_NORM, else
// 1; OPTIMIZER, DECAY, STATES (numbers that a parameter has with its moments), CLIP_NORM, CLIP_VALUE and
// SCHEDULED; DROPOUT, the words DROPOUT_BELOW which units are dropped, and DROPOUT_SCALE of those that are kept.

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

const LANES: u32 = 64u;
// Offset of a layer whose activations are the data set's.
const FROM_DATA: u32 = 0xffffffffu;

var<workgroup> parameters_tile: array<f32, PARAMETERS * STATES>;
var<workgroup> gradients_tile: array<f32, KEPT_GRADIENTS>;
// Layer by layer [ROWS][units]; of the last layer the pre-activations.
var<workgroup> activations_tile: array<f32, ROWS * UNITS>;
var<workgroup> d_tile: array<f32, ROWS * UNITS>;
// Where activations are dropped, what each is multiplied by.
var<workgroup> factors_tile: array<f32, select(1u, ROWS * UNITS, DROPOUT)>;
// Of norms, layer by layer: what they take [ROWS][units]; of each unit its mean and the inverse of its deviation, and the
// gradients of gamma and beta.
var<workgroup> z_tile: array<f32, select(1u, ROWS * UNITS, NORMED)>;
var<workgroup> statistics_tile: array<vec2<f32>, select(1u, UNITS, NORMED)>;
var<workgroup> d_norm_tile: array<vec2<f32>, select(1u, UNITS, NORMED)>;
var<workgroup> rows_tile: array<u32, ROWS>;
var<workgroup> loss_partial: array<f32, ROWS>;
var<workgroup> near_partial: array<u32, LANES>;
var<workgroup> square_partial: array<vec2<f32>, select(1u, LANES, CLIP_NORM)>;
// What one invocation found and all must know: two numbers of the network, and a verdict.
var<workgroup> found_tile: array<u32, 3>;

// The step that a forward pass is of, if it is of one: what masks are drawn from.
struct Draw {
    seed: vec2<u32>,
    step: u32,
    trains: bool,
}

// A layer's.
struct Mask {
    key: vec2<u32>,
    drops: bool,
}

const NO_DRAW: Draw = Draw(vec2<u32>(0u, 0u), 0u, false);
const NO_MASK: Mask = Mask(vec2<u32>(0u, 0u), false);

fn mask_of(draw: Draw, layer: u32) -> Mask {
    if (draw.trains) {
        return Mask(mask_key(draw.seed, draw.step, layer), true);
    }
    return NO_MASK;
}

// What the activation of a unit is multiplied by.
fn factor_of(mask: Mask, row_in_batch: u32, unit: u32) -> f32 {
    if (!mask.drops) {
        return 1.0;
    }
    let words = mask_words(mask.key, row_in_batch, unit / 2u);
    return select(0.0, DROPOUT_SCALE, select(words.x, words.y, unit % 2u == 1u) >= DROPOUT_BELOW);
}

// A number, as far as its unit is kept.
fn dropped(at: u32, value: f32) -> f32 {
    if (DROPOUT) {
        let factor = factors_tile[at];
        return select(0.0, factor * value, factor > 0.0);
    }
    return value;
}

// One layer from `before` (an offset among activations, or FROM_DATA) to `after`, with its parameters at
// `at`; the last one's kind is IDENTITY here. Where the slope needs the pre-activations, the layer's gradients
// hold them until the backward pass.
fn forward_layer(lane: u32, rows: u32, kind: u32, parameter: f32, at: u32, fan_in: u32, fan_out: u32, before: u32, after: u32, mask: Mask) {
    for (var element = lane; element < rows * fan_out; element += LANES) {
        let row_in_batch = element / fan_out;
        let unit = element % fan_out;
        var z = parameters_tile[at + fan_in * fan_out + unit];
        for (var i = 0u; i < fan_in; i++) {
            z += input(row_in_batch, i, fan_in, before) * parameters_tile[at + i * fan_out + unit];
        }
        activations_tile[after + element] = activation(kind, parameter, z);
        if (DROPOUT) {
            factors_tile[after + element] = factor_of(mask, row_in_batch, unit);
        }
        if (slope_needs_z(kind)) {
            d_tile[after + element] = z;
        }
    }
    workgroupBarrier();
}

// The norm of a layer whose sums lie at `to`, and its activation: in a step by means and variances of the rows, which move
// the running ones; else by these. Gamma and beta are at `at`. An invocation goes over the rows of a unit.
fn norm_layer(lane: u32, rows: u32, kind: u32, parameter: f32, at: u32, running_at: u32, to: u32, units_at: u32, units: u32, trains: bool) {
    for (var unit = lane; unit < units; unit += LANES) {
        var mean = parameters_tile[running_at + unit];
        var variance = parameters_tile[running_at + units + unit];
        if (trains) {
            let running = vec2<f32>(mean, variance);
            mean = 0.0;
            for (var row_in_batch = 0u; row_in_batch < rows; row_in_batch++) {
                mean += activations_tile[to + row_in_batch * units + unit];
            }
            mean /= f32(rows);
            variance = 0.0;
            for (var row_in_batch = 0u; row_in_batch < rows; row_in_batch++) {
                let difference = activations_tile[to + row_in_batch * units + unit] - mean;
                variance += difference * difference;
            }
            variance /= f32(rows);
            let unbiased = variance * select(SHORT_UNBIASED, UNBIASED, rows == ROWS);
            let moved = (1.0 - NORM_MOMENTUM) * running + NORM_MOMENTUM * vec2<f32>(mean, unbiased);
            parameters_tile[running_at + unit] = moved.x;
            parameters_tile[running_at + units + unit] = moved.y;
        }
        let inverse = inverse_deviation(variance, NORM_EPS);
        statistics_tile[units_at + unit] = vec2<f32>(mean, inverse);
        for (var row_in_batch = 0u; row_in_batch < rows; row_in_batch++) {
            let element = to + row_in_batch * units + unit;
            let z = activations_tile[element];
            let n = parameters_tile[at + unit] * ((z - mean) * inverse) + parameters_tile[at + units + unit];
            z_tile[element] = z;
            activations_tile[element] = activation(kind, parameter, n);
            if (slope_needs_z(kind)) {
                d_tile[element] = n;
            }
        }
    }
    workgroupBarrier();
}

// The gradients of gamma and beta, and of what the norm takes, from those of what it gives.
fn norm_backward(lane: u32, rows: u32, at: u32, running_at: u32, to: u32, units_at: u32, units: u32) {
    for (var unit = lane; unit < units; unit += LANES) {
        let own = statistics_tile[units_at + unit];
        var sums = vec2<f32>();
        for (var row_in_batch = 0u; row_in_batch < rows; row_in_batch++) {
            let element = to + row_in_batch * units + unit;
            let d = d_tile[element];
            sums += vec2<f32>(d * ((z_tile[element] - own.x) * own.y), d);
        }
        d_norm_tile[units_at + unit] = sums;
        let averages = sums / f32(rows);
        let factor = parameters_tile[at + unit] * own.y;
        for (var row_in_batch = 0u; row_in_batch < rows; row_in_batch++) {
            let element = to + row_in_batch * units + unit;
            let h = (z_tile[element] - own.x) * own.y;
            d_tile[element] = factor * (d_tile[element] - averages.y - h * averages.x);
        }
    }
    workgroupBarrier();
}

fn input(row_in_batch: u32, i: u32, fan_in: u32, before: u32) -> f32 {
    if (before == FROM_DATA) {
        return data[rows_tile[row_in_batch] * ROW_VECTORS + i / 4u][i % 4u];
    }
    let at = before + row_in_batch * fan_in + i;
    return dropped(at, activations_tile[at]);
}

// The gradients of a layer's inputs, which are the activations of a kind at `before`, from those at
// `after`.
fn backward_layer(lane: u32, rows: u32, kind: u32, parameter: f32, at: u32, fan_in: u32, fan_out: u32, before: u32, after: u32) {
    for (var element = lane; element < rows * fan_in; element += LANES) {
        let row_in_batch = element / fan_in;
        let i = element % fan_in;
        var d = 0.0;
        for (var unit = 0u; unit < fan_out; unit++) {
            d += d_tile[after + row_in_batch * fan_out + unit] * parameters_tile[at + i * fan_out + unit];
        }
        d = dropped(before + element, d);
        let a = activations_tile[before + element];
        d_tile[before + element] = d * activation_slope(kind, parameter, d_tile[before + element], a);
    }
    workgroupBarrier();
}

// The update of the parameter `at` by a gradient within its bounds.
fn update_parameter(rule: Rule, at: u32, g: f32) {
    var m = vec4<f32>();
    var v = vec4<f32>();
    if (has_moment1(OPTIMIZER)) {
        m = vec4<f32>(parameters_tile[PARAMETERS + at]);
    }
    if (has_moment2(OPTIMIZER)) {
        v = vec4<f32>(parameters_tile[(STATES - 1u) * PARAMETERS + at]);
    }
    let after = updated(OPTIMIZER, DECAY, rule, vec4<f32>(g), vec4<f32>(parameters_tile[at]), m, v);
    parameters_tile[at] = after.parameter.x;
    if (has_moment1(OPTIMIZER)) {
        parameters_tile[PARAMETERS + at] = after.moment1.x;
    }
    if (has_moment2(OPTIMIZER)) {
        parameters_tile[(STATES - 1u) * PARAMETERS + at] = after.moment2.x;
    }
}

// Where the norm is clipped, what update_layers left to be done: all that each lane owns.
fn update_by_norm(lane: u32, rule: Rule) {
    var sum = vec2<f32>();
    workgroupBarrier();
    for (var at = lane; at < LEARNED; at += LANES) {
        sum += square_sums(vec4<f32>(gradients_tile[at], 0.0, 0.0, 0.0));
    }
    square_partial[lane] = sum;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            square_partial[lane] += square_partial[lane + width];
        }
        workgroupBarrier();
    }
    let clip = clip_factors_of(square_partial[0], params.update.clip_norm);
    for (var at = lane; at < LEARNED; at += LANES) {
        update_parameter(rule, at, norm_clipped(vec4<f32>(gradients_tile[at]), clip).x);
    }
}

// Gamma and beta of a layer.
fn update_norm(lane: u32, rule: Rule, at: u32, running_at: u32, to: u32, units_at: u32, units: u32) {
    for (var element = lane; element < 2u * units; element += LANES) {
        let d = d_norm_tile[units_at + element % units];
        take_gradient(rule, at + element, select(d.x, d.y, element >= units));
    }
}

// What becomes of a gradient: an update, or where the norm of all is clipped a number that waits for it.
fn take_gradient(rule: Rule, at: u32, gradient: f32) {
    let g = bounded(vec4<f32>(gradient)).x;
    if (CLIP_NORM) {
        gradients_tile[at] = g;
    } else {
        update_parameter(rule, at, g);
    }
}

fn update_layer(lane: u32, rows: u32, rule: Rule, at: u32, fan_in: u32, fan_out: u32, before: u32, after: u32) {
    for (var element = lane; element < (fan_in + 1u) * fan_out; element += LANES) {
        let i = element / fan_out;
        let unit = element % fan_out;
        var gradient = 0.0;
        for (var row_in_batch = 0u; row_in_batch < rows; row_in_batch++) {
            let d = d_tile[after + row_in_batch * fan_out + unit];
            if (i < fan_in) {
                gradient += input(row_in_batch, i, fan_in, before) * d;
            } else {
                gradient += d;
            }
        }
        take_gradient(rule, at + element, gradient);
    }
}

// The pre-activations of every output, for `rows` rows of the batch at `place`.
fn forward(lane: u32, key: vec2<u32>, place: u32, rows: u32, draw: Draw) {
    for (var at = lane; at < rows; at += LANES) {
        rows_tile[at] = row_of(key, params.data_rows, place, at);
    }
    workgroupBarrier();
    forward_layers(lane, rows, draw);
}

fn outputs_of(row_in_batch: u32) -> array<f32, OUTPUTS> {
    var z: array<f32, OUTPUTS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        z[o] = activations_tile[ROWS * (UNITS - OUTPUTS) + row_in_batch * OUTPUTS + o];
    }
    return z;
}

// The gradients of the outputs' pre-activations, and, where `keeps`, the rows' losses; notes
// whether every prediction is near its target.
fn judge(lane: u32, rows: u32, scale: f32, keeps: bool) {
    var is_near = true;
    for (var at = lane; at < rows; at += LANES) {
        take_row(rows_tile[at]);
        let z = outputs_of(at);
        let p = predictions(z);
        let t = targets();
        is_near = is_near && are_near(p, t);
        let weight = row_weight();
        var d_z = output_gradients(z, p, t);
        for (var o = 0u; o < OUTPUTS; o++) {
            d_tile[ROWS * (UNITS - OUTPUTS) + at * OUTPUTS + o] = scale * weight * d_z[o];
        }
        if (keeps) {
            loss_partial[at] = weight * loss_of_row(z, t);
        }
    }
    near_partial[lane] = select(0u, 1u, is_near);
    workgroupBarrier();
}

// Whether all that judge noted was near.
fn all_near(lane: u32) -> bool {
    if (lane == 0u) {
        var all = 1u;
        for (var at = 0u; at < LANES; at++) {
            all &= near_partial[at];
        }
        found_tile[2] = all;
    }
    return workgroupUniformLoad(&found_tile)[2] == 1u;
}

// Whether every prediction is near its target, over all rows as they stand.
fn solves(lane: u32) -> bool {
    var is_near = true;
    for (var place = 0u; place * ROWS < params.data_rows; place++) {
        let rows = min(ROWS, params.data_rows - place * ROWS);
        for (var at = lane; at < rows; at += LANES) {
            rows_tile[at] = place * ROWS + at;
        }
        workgroupBarrier();
        forward_layers(lane, rows, NO_DRAW);
        judge(lane, rows, 0.0, false);
        is_near = all_near(lane) && is_near;
    }
    return is_near;
}

@compute @workgroup_size(64)
fn train_workgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let network = group.y * groups.x + group.x;
    if (network >= params.networks) {
        return;
    }
    if (lane == 0u) {
        found_tile[0] = done[network];
        found_tile[1] = select(IN_TRAINING, outcome[network], STOPS_WHEN_SOLVED);
    }
    let found = workgroupUniformLoad(&found_tile);
    if (found[1] != IN_TRAINING) {
        return;
    }
    let first_step = found[0];
    let own = rule_of(network);
    let low = params.seed_low + seeds[network];
    let seed = vec2<u32>(low, params.seed_high + select(0u, 1u, low < params.seed_low));
    for (var at = lane; at < PARAMETERS * STATES; at += LANES) {
        parameters_tile[at] = parameters[at * params.networks + network];
    }

    var clock = clock_at(first_step, params.steps_per_epoch, params.loss_every);
    var slot = slot_at(clock, params.steps_per_epoch, params.loss_every, params.ring_len);
    let steps = min(params.steps, params.until - first_step);
    var made = 0u;
    var is_solved = false;
    while (made < steps) {
        workgroupBarrier();
        if (STOPS_WHEN_SOLVED && !SHOWS_SOLVED && clock.place == 0u) {
            is_solved = solves(lane);
            if (is_solved) {
                break;
            }
        }
        let is_short = SHORT_ROWS != 0u && clock.place + 1u == params.steps_per_epoch;
        let rows = select(ROWS, SHORT_ROWS, is_short);
        var key = vec2<u32>(0u, 0u);
        if (SHUFFLED) {
            key = epoch_key(seed, clock.epoch);
        }
        let keeps = is_kept(clock, params.loss_every);
        forward(lane, key, clock.place, rows, Draw(seed, first_step + made, true));
        judge(lane, rows, select(params.gradient_scale, params.short_gradient_scale, is_short), keeps);
        if (keeps) {
            if (lane == 0u) {
                var loss = 0.0;
                for (var at = 0u; at < rows; at++) {
                    loss += loss_partial[at];
                }
                let scale = select(params.value_scale, params.short_value_scale, is_short);
                losses[slot * params.networks + network] = scale * loss;
            }
            slot = select(slot + 1u, 0u, slot + 1u == params.ring_len);
        }
        if (STOPS_WHEN_SOLVED && SHOWS_SOLVED) {
            is_solved = all_near(lane);
            if (is_solved) {
                break;
            }
        }
        backward_layers(lane, rows);
        let rule = rule_at(own, first_step + made);
        update_layers(lane, rows, rule);
        if (CLIP_NORM) {
            update_by_norm(lane, rule);
        }
        clock = clock_after(clock, params.steps_per_epoch, params.loss_every);
        made += 1u;
    }
    workgroupBarrier();

    var is_finite = true;
    for (var at = lane; at < PARAMETERS * STATES; at += LANES) {
        let value = parameters_tile[at];
        parameters[at * params.networks + network] = value;
        is_finite = is_finite && (at >= PARAMETERS || are_finite(vec4<f32>(value)));
    }
    // What the last step made of it has been seen by nobody yet.
    if (STOPS_WHEN_SOLVED && clock.place == 0u && !is_solved) {
        is_solved = solves(lane);
    }
    near_partial[lane] = select(0u, 1u, is_finite);
    workgroupBarrier();
    is_finite = all_near(lane);
    if (lane == 0u) {
        done[network] = first_step + made;
        if (!is_finite) {
            outcome[network] = DIVERGED;
        } else if (STOPS_WHEN_SOLVED && is_solved) {
            outcome[network] = first_step + made;
        }
    }
}
