// Losses, one output at a time. Needs common/activation.wgsl. The numbers are those of
// network::Loss::code; `parameter` is the loss's hyperparameter, where it has one.

const MSE_HALF_MEAN: u32 = 0u;
const MSE_MEAN: u32 = 1u;
const BCE: u32 = 2u;
const BCE_WITH_LOGITS: u32 = 3u;
const SOFTMAX_CROSS_ENTROPY: u32 = 4u;
const HUBER: u32 = 5u;

// Whether the gradient is with respect to the output y; else it is with respect to the pre-activation z.
fn is_of_output(loss: u32) -> bool {
    return loss == MSE_HALF_MEAN || loss == MSE_MEAN || loss == HUBER;
}

// d^2/2 near 0, beyond delta as steep as there.
fn huber(d: f32, delta: f32) -> f32 {
    return select(delta * (abs(d) - 0.5 * delta), 0.5 * d * d, abs(d) < delta);
}

// -[t ln y + (1 - t) ln(1 - y)] for y = sigmoid(z), from z: neither logarithm can meet a zero.
fn cross_entropy(z: f32, t: f32) -> f32 {
    return select(0.0, z, z > 0.0) - z * t + log(1.0 + exp(-abs(z)));
}

// The part of the loss that one output gives, without the factor of the batch. `value` is y where the loss
// is of the output, else z. Softmax, whose outputs belong together, stands elsewhere.
fn loss_value(loss: u32, parameter: f32, value: f32, t: f32) -> f32 {
    switch loss {
        case BCE, BCE_WITH_LOGITS: { return cross_entropy(value, t); }
        case HUBER: { return huber(value - t, parameter); }
        default: {
            let difference = value - t;
            return difference * difference;
        }
    }
}

// Its derivative, without the factor of the batch, at the prediction p: with respect to y = p, or to the z
// whose sigmoid or softmax is p. Taken of the three terms of cross_entropy one by one it would be wrong at
// z = 0, where networks with dead units settle.
fn loss_slope(loss: u32, parameter: f32, p: f32, t: f32) -> f32 {
    let difference = p - t;
    if (loss == HUBER) {
        // What is no number stays none, by its bits.
        let is_nan = (bitcast<u32>(difference) & 0x7fffffffu) > 0x7f800000u;
        return select(clamp(difference, -parameter, parameter), difference, is_nan);
    }
    return difference;
}

// What an output of pre-activation z and activation y predicts. Softmax, as above, stands elsewhere.
fn prediction(loss: u32, z: f32, y: f32) -> f32 {
    return select(y, sigmoid(z), loss == BCE || loss == BCE_WITH_LOGITS);
}
