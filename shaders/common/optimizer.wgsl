// How a gradient becomes an update: crate::optimizer has the formulas. The numbers are those of
// Optimizer::code and Optimizer::decay_code. Four parameters at once.

const SGD: u32 = 0u;
const MOMENTUM: u32 = 1u;
const NESTEROV: u32 = 2u;
const ADAM: u32 = 3u;
const RMSPROP: u32 = 4u;

const NO_DECAY: u32 = 0u;
const L2_DECAY: u32 = 1u;
const DECOUPLED_DECAY: u32 = 2u;

// Which moments an update has.
fn has_moment1(optimizer: u32) -> bool {
    return optimizer == MOMENTUM || optimizer == NESTEROV || optimizer == ADAM;
}

fn has_moment2(optimizer: u32) -> bool {
    return optimizer == ADAM || optimizer == RMSPROP;
}

// What stays the same from step to step: kernels::UpdateParams.
struct UpdateParams {
    decay1: f32,
    gain1: f32,
    decay2: f32,
    gain2: f32,
    eps: f32,
    weight_decay: f32,
    clip_value: f32,
    clip_norm: f32,
}

struct Rule {
    rate: f32,
    // The factors on the moments that make up for their start at 0.
    correction1: f32,
    correction2: f32,
    params: UpdateParams,
}

// Within [-most, most]; what is no number stays none, by its bits.
fn clipped(g: vec4<f32>, most: f32) -> vec4<f32> {
    let is_nan = (bitcast<vec4<u32>>(g) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
    return select(clamp(g, vec4<f32>(-most), vec4<f32>(most)), g, is_nan);
}

fn decayed_gradient(decay: u32, rule: Rule, g: vec4<f32>, parameter: vec4<f32>) -> vec4<f32> {
    if (decay == L2_DECAY) {
        return g + rule.params.weight_decay * parameter;
    }
    return g;
}

fn kept_parameter(decay: u32, rule: Rule, parameter: vec4<f32>) -> vec4<f32> {
    if (decay == DECOUPLED_DECAY) {
        return parameter * (1.0 - rule.rate * rule.params.weight_decay);
    }
    return parameter;
}

fn next_moment1(rule: Rule, g: vec4<f32>, m: vec4<f32>) -> vec4<f32> {
    return rule.params.decay1 * m + rule.params.gain1 * g;
}

fn next_moment2(rule: Rule, g: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    return rule.params.decay2 * v + rule.params.gain2 * g * g;
}

// What is taken from a parameter, from the moments as they now are.
fn update_step(optimizer: u32, rule: Rule, g: vec4<f32>, m: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    switch optimizer {
        case MOMENTUM: { return rule.rate * m; }
        case NESTEROV: { return rule.rate * (g + rule.params.decay1 * m); }
        case ADAM: { return rule.rate * (m * rule.correction1) / (sqrt(v) * rule.correction2 + rule.params.eps); }
        case RMSPROP: { return rule.rate * g / (sqrt(v) + rule.params.eps); }
        default: { return rule.rate * g; }
    }
}

struct Updated {
    parameter: vec4<f32>,
    moment1: vec4<f32>,
    moment2: vec4<f32>,
    step_taken: vec4<f32>,
}

// All of it, of a gradient that is clipped; moments that the optimizer does not have stay what they are.
fn updated(optimizer: u32, decay: u32, rule: Rule, gradient: vec4<f32>, parameter: vec4<f32>, m: vec4<f32>, v: vec4<f32>) -> Updated {
    let g = decayed_gradient(decay, rule, gradient, parameter);
    var result = Updated(parameter, m, v, vec4<f32>());
    if (has_moment1(optimizer)) {
        result.moment1 = next_moment1(rule, g, m);
    }
    if (has_moment2(optimizer)) {
        result.moment2 = next_moment2(rule, g, v);
    }
    result.step_taken = update_step(optimizer, rule, g, result.moment1, result.moment2);
    result.parameter = kept_parameter(decay, rule, parameter) - result.step_taken;
    return result;
}
