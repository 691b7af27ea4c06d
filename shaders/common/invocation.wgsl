// The life of a network that one invocation owns, whatever its layers. Like common/rows.wgsl it is
// for the kernels that train whole networks alone, and uses their bindings and their functions: load,
// store, forward (a row to the outputs' pre-activations), clear_gradients, add_row, squares, update. Needs
// common/network.wgsl, common/rows.wgsl, common/rule.wgsl, common/output.wgsl and the constants JUDGED and
// SHORT_ROWS.

// Whether every prediction is near its target, over the first `rows` rows as they stand.
fn solves(rows: u32) -> bool {
    var is_near = true;
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
fn batch_loss(seed: vec2<u32>, clock: Clock) -> f32 {
    let key = order_key(seed, clock);
    var loss = 0.0;
    for (var at = 0u; at < select(ROWS, SHORT_ROWS, is_short(clock)); at++) {
        take_row(row_of(key, params.data_rows, clock.place, at));
        loss += loss_of_row(forward(), targets());
    }
    return loss * select(params.value_scale, params.short_value_scale, is_short(clock));
}

// One step, unless the network is judged and this forward pass, over all rows, shows it solved:
// then true.
fn train_step(seed: vec2<u32>, clock: Clock, rule: Rule) -> bool {
    let key = order_key(seed, clock);
    let scale = select(params.gradient_scale, params.short_gradient_scale, is_short(clock));
    clear_gradients();
    var is_near = true;
    for (var at = 0u; at < ROWS; at++) {
        if (at >= SHORT_ROWS && is_short(clock)) {
            break;
        }
        is_near = add_row(row_of(key, params.data_rows, clock.place, at), scale) && is_near;
    }
    if (JUDGED && FULL && is_near) {
        return true;
    }

    var clip = vec2<f32>(1.0, 1.0);
    if (CLIP_NORM) {
        clip = clip_factors(squares(), params.update.clip_norm);
    }
    update(rule, clip);
    return false;
}

// A parameter's update by a gradient that is not clipped yet.
fn moved(rule: Rule, clip: vec2<f32>, gradient: vec4<f32>, parameter: vec4<f32>, m: vec4<f32>, v: vec4<f32>) -> Updated {
    var g = bounded(gradient);
    if (CLIP_NORM) {
        g = norm_clipped(g, clip);
    }
    return updated(OPTIMIZER, DECAY, rule, g, parameter, m, v);
}

// A network for params.steps more steps, but not beyond params.until.
fn train(network: u32) {
    if (JUDGED && outcome[network] != IN_TRAINING) {
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
        if (JUDGED && !FULL && clock.place == 0u) {
            is_solved = solves(params.data_rows);
        }
        if (is_kept(clock, params.loss_every)) {
            losses[slot * params.networks + network] = batch_loss(seed, clock);
            slot = select(slot + 1u, 0u, slot + 1u == params.ring_len);
        }
        let plain = plain_steps(clock, params.steps_per_epoch, params.loss_every);
        let until = made + min(plain, steps - made);
        while (made < until && !is_solved) {
            is_solved = train_step(seed, clock, rule_at(own, first_step + made));
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
    if (JUDGED && clock.place == 0u && !is_solved) {
        is_solved = solves(params.data_rows);
    }
    if (!is_finite) {
        outcome[network] = DIVERGED;
    } else if (JUDGED && is_solved) {
        outcome[network] = first_step + made;
    }
}
