// The rule by which a network is updated, for the kernels that train whole networks: like common/rows.wgsl
// it reads their bindings. rules is [rate, decay1, weight_decay][networks]; schedule holds, where SCHEDULED,
// the factor on the rate and the two corrections of each step from params.schedule_first on. Needs
// common/optimizer.wgsl and common/norm.wgsl.

fn rule_of(network: u32) -> Rule {
    var own = params.update;
    own.decay1 = rules[params.networks + network];
    own.weight_decay = rules[2u * params.networks + network];
    return Rule(rules[network], 1.0, 1.0, own);
}

fn rule_at(own: Rule, step: u32) -> Rule {
    if (!SCHEDULED) {
        return own;
    }
    let now = schedule[step - params.schedule_first];
    var rule = own;
    rule.rate = own.rate * now.x;
    rule.correction1 = now.y;
    rule.correction2 = now.z;
    return rule;
}

// A gradient within its bounds.
fn bounded(g: vec4<f32>) -> vec4<f32> {
    if (CLIP_VALUE) {
        return clipped(g, params.update.clip_value);
    }
    return g;
}

fn bounded_squares(g: vec4<f32>) -> vec2<f32> {
    return square_sums(bounded(g));
}
