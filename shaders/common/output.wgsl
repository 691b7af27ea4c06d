// What the pre-activations z of one row's outputs are worth against its targets t. Needs
// common/loss.wgsl, common/activation.wgsl, the constant OUTPUTS and the overrides LOSS, LOSS_PARAMETER,
// OUTPUT_ACTIVATION and OUTPUT_ACTIVATION_PARAMETER.

// How near every prediction must be to its target for a network to count as solved: 0.1 less a
// margin, so that rounding elsewhere does not take the verdict back.
const STOP_WITHIN: f32 = 0.0999;

fn softmax(z: array<f32, OUTPUTS>) -> array<f32, OUTPUTS> {
    var logits = z;
    var largest = logits[0];
    for (var o = 1u; o < OUTPUTS; o++) {
        largest = max(largest, logits[o]);
    }
    var sum = 0.0;
    for (var o = 0u; o < OUTPUTS; o++) {
        logits[o] = exp(logits[o] - largest);
        sum += logits[o];
    }
    for (var o = 0u; o < OUTPUTS; o++) {
        logits[o] /= sum;
    }
    return logits;
}

fn predictions(z: array<f32, OUTPUTS>) -> array<f32, OUTPUTS> {
    if (LOSS == SOFTMAX_CROSS_ENTROPY) {
        return softmax(z);
    }
    var values = z;
    for (var o = 0u; o < OUTPUTS; o++) {
        values[o] = prediction(LOSS, values[o], activation(OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, values[o]));
    }
    return values;
}

// Whether every prediction p is near its target. Compared by their bits, which for numbers of one sign are in
// their order and for what is not finite beyond: WGSL may take it that neither NaN nor infinity occurs.
fn are_near(p: array<f32, OUTPUTS>, t: array<f32, OUTPUTS>) -> bool {
    var values = p;
    var targets = t;
    var result = true;
    for (var o = 0u; o < OUTPUTS; o++) {
        let distance = bitcast<u32>(values[o] - targets[o]) & 0x7fffffffu;
        result = result && distance <= bitcast<u32>(STOP_WITHIN);
    }
    return result;
}

// The loss's derivative with respect to each z, without the factor of the batch.
fn output_gradients(z: array<f32, OUTPUTS>, p: array<f32, OUTPUTS>, t: array<f32, OUTPUTS>) -> array<f32, OUTPUTS> {
    var inputs = z;
    var values = p;
    var targets = t;
    for (var o = 0u; o < OUTPUTS; o++) {
        var d = loss_slope(LOSS, LOSS_PARAMETER, values[o], targets[o]);
        if (is_of_output(LOSS)) {
            d *= activation_slope(OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, inputs[o], values[o]);
        }
        values[o] = d;
    }
    return values;
}

// The part of the loss that one row gives, without the factor of the batch.
fn loss_of_row(z: array<f32, OUTPUTS>, t: array<f32, OUTPUTS>) -> f32 {
    var values = z;
    var targets = t;
    var largest = values[0];
    var sum = 0.0;
    if (LOSS == SOFTMAX_CROSS_ENTROPY) {
        for (var o = 1u; o < OUTPUTS; o++) {
            largest = max(largest, values[o]);
        }
        for (var o = 0u; o < OUTPUTS; o++) {
            sum += exp(values[o] - largest);
        }
    }
    var total = 0.0;
    for (var o = 0u; o < OUTPUTS; o++) {
        if (LOSS == SOFTMAX_CROSS_ENTROPY) {
            total += targets[o] * (log(sum) - (values[o] - largest));
        } else if (is_of_output(LOSS)) {
            let y = activation(OUTPUT_ACTIVATION, OUTPUT_ACTIVATION_PARAMETER, values[o]);
            total += loss_value(LOSS, LOSS_PARAMETER, y, targets[o]);
        } else {
            total += loss_value(LOSS, LOSS_PARAMETER, values[o], targets[o]);
        }
    }
    return total;
}
