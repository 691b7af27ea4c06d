// Activations and their slopes. The numbers are those of network::Activation::code.

const RELU: u32 = 0u;
const LEAKY_RELU: u32 = 1u;
const TANH: u32 = 2u;
const SIGMOID: u32 = 3u;
const IDENTITY: u32 = 4u;

const LEAKY_SLOPE: f32 = 0.01;

// 1 / (1 + e^-z), with an exponent that is never positive: nothing overflows.
fn sigmoid(z: f32) -> f32 {
    let e = exp(-abs(z));
    return select(e, 1.0, z >= 0.0) / (1.0 + e);
}

// The built-in tanh loses all digits near 0 and is NaN for large z on some drivers. Below 1/2 a
// polynomial: (tanh(z)/z - 1)/z^2 interpolated in z^2 at the Chebyshev points of [0, 1/4], within
// 4.5e-9 of tanh before rounding. Above it the exponential.
fn stable_tanh(z: f32) -> f32 {
    let s = z * z;
    let near = z + z * s * (-0.3333333 + s * (0.13333225 + s * (-0.053933468 + s * (0.021470683 - 0.006942942 * s))));
    let e = exp(-2.0 * abs(z));
    let far = sign(z) * (1.0 - e) / (1.0 + e);
    return select(far, near, abs(z) < 0.5);
}

fn activation(kind: u32, z: f32) -> f32 {
    switch kind {
        case RELU: { return select(0.0, z, z > 0.0); }
        case LEAKY_RELU: { return select(LEAKY_SLOPE * z, z, z > 0.0); }
        case TANH: { return stable_tanh(z); }
        case SIGMOID: { return sigmoid(z); }
        default: { return z; }
    }
}

// The slope where the activation's value is a.
fn activation_slope(kind: u32, a: f32) -> f32 {
    switch kind {
        case RELU: { return select(0.0, 1.0, a > 0.0); }
        case LEAKY_RELU: { return select(LEAKY_SLOPE, 1.0, a > 0.0); }
        case TANH: { return 1.0 - a * a; }
        case SIGMOID: { return a * (1.0 - a); }
        default: { return 1.0; }
    }
}

// The same for two, three and four units at once.
fn activation2(kind: u32, v: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(activation(kind, v.x), activation(kind, v.y));
}

fn slope2(kind: u32, v: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(activation_slope(kind, v.x), activation_slope(kind, v.y));
}

fn activation3(kind: u32, v: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(activation(kind, v.x), activation(kind, v.y), activation(kind, v.z));
}

fn slope3(kind: u32, v: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(activation_slope(kind, v.x), activation_slope(kind, v.y), activation_slope(kind, v.z));
}

fn activation4(kind: u32, v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activation(kind, v.x), activation(kind, v.y), activation(kind, v.z), activation(kind, v.w));
}

fn slope4(kind: u32, v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activation_slope(kind, v.x), activation_slope(kind, v.y), activation_slope(kind, v.z), activation_slope(kind, v.w));
}

// How near to its ends a sigmoid, or a tanh, counts as saturated.
const SATURATED_WITHIN: f32 = 0.01;

fn is_saturated(kind: u32, a: f32) -> bool {
    switch kind {
        case TANH: { return 1.0 - abs(a) < SATURATED_WITHIN; }
        case SIGMOID: { return a < SATURATED_WITHIN || 1.0 - a < SATURATED_WITHIN; }
        default: { return false; }
    }
}

// 1 where an activation is 0, and 2^16 where it is saturated.
fn unit_state(kind: u32, a: f32) -> u32 {
    return select(0u, 1u, a == 0.0) + select(0u, 0x10000u, is_saturated(kind, a));
}

fn unit_states(kind: u32, a: vec4<f32>) -> vec4<u32> {
    return vec4<u32>(unit_state(kind, a.x), unit_state(kind, a.y), unit_state(kind, a.z), unit_state(kind, a.w));
}
