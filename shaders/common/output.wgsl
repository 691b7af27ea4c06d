// What the pre-activations z of one row's outputs are worth against its targets t. Needs
// common/loss.wgsl, common/activation.wgsl and the constant OUTPUTS.

// How near every prediction must be to its target for a network to count as solved: 0.1 less a
// margin, so that rounding elsewhere does not take the verdict back.
const JUDGED_WITHIN: f32 = 0.0999;

struct Judged {
    // The loss's derivative with respect to each z, without the factor of the batch.
    d_z: array<f32, OUTPUTS>,
    is_near: bool,
}

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

fn judged(loss: u32, kind: u32, z: array<f32, OUTPUTS>, t: array<f32, OUTPUTS>) -> Judged {
    var result: Judged;
    var values = z;
    var targets = t;
    if (loss == SOFTMAX_CROSS_ENTROPY) {
        values = softmax(z);
    }
    result.is_near = true;
    for (var o = 0u; o < OUTPUTS; o++) {
        var difference = values[o] - targets[o];
        var slope = 1.0;
        if (loss == MSE_HALF_MEAN || loss == MSE_MEAN) {
            let y = activation(kind, values[o]);
            difference = y - targets[o];
            slope = activation_slope(kind, y);
        } else if (loss == BCE || loss == BCE_WITH_LOGITS) {
            difference = cross_entropy_slope(values[o], targets[o]);
        }
        result.d_z[o] = difference * slope;
        result.is_near = result.is_near && abs(difference) <= JUDGED_WITHIN;
    }
    return result;
}

// The part of the loss that one row gives, without the factor of the batch.
fn loss_of_row(loss: u32, kind: u32, z: array<f32, OUTPUTS>, t: array<f32, OUTPUTS>) -> f32 {
    var values = z;
    var targets = t;
    var largest = values[0];
    var sum = 0.0;
    if (loss == SOFTMAX_CROSS_ENTROPY) {
        for (var o = 1u; o < OUTPUTS; o++) {
            largest = max(largest, values[o]);
        }
        for (var o = 0u; o < OUTPUTS; o++) {
            sum += exp(values[o] - largest);
        }
    }
    var total = 0.0;
    for (var o = 0u; o < OUTPUTS; o++) {
        if (loss == MSE_HALF_MEAN || loss == MSE_MEAN) {
            total += squared_error(activation(kind, values[o]), targets[o]);
        } else if (loss == SOFTMAX_CROSS_ENTROPY) {
            total += targets[o] * (log(sum) - (values[o] - largest));
        } else {
            total += cross_entropy(values[o], targets[o]);
        }
    }
    return total;
}
