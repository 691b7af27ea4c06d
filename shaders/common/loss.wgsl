// The parts of the losses that one output gives. Needs common/activation.wgsl. The numbers are
// those of network::Loss::code.

const MSE_HALF_MEAN: u32 = 0u;
const MSE_MEAN: u32 = 1u;
const BCE: u32 = 2u;
const BCE_WITH_LOGITS: u32 = 3u;
const SOFTMAX_CROSS_ENTROPY: u32 = 4u;

fn squared_error(y: f32, t: f32) -> f32 {
    let difference = y - t;
    return difference * difference;
}

// -[t ln y + (1 - t) ln(1 - y)] for y = sigmoid(z), from z: neither logarithm can meet a zero.
fn cross_entropy(z: f32, t: f32) -> f32 {
    return select(0.0, z, z > 0.0) - z * t + log(1.0 + exp(-abs(z)));
}

// Its derivative with respect to z. Taken of the three terms above one by one it would be wrong
// at z = 0, where networks with dead units settle.
fn cross_entropy_slope(z: f32, t: f32) -> f32 {
    return sigmoid(z) - t;
}
