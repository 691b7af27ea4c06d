// Activations and their slopes. The numbers are those of network::Activation::code; `parameter` is the
// activation's hyperparameter, where it has one.

const RELU: u32 = 0u;
const LEAKY_RELU: u32 = 1u;
const TANH: u32 = 2u;
const SIGMOID: u32 = 3u;
const IDENTITY: u32 = 4u;
const ELU: u32 = 5u;
const GELU: u32 = 6u;
const SILU: u32 = 7u;

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

// e^z - 1 for z <= 0, without the cancellation near 0: 2 t / (1 - t), t = tanh(z/2).
fn exp_minus_one(z: f32) -> f32 {
    let t = stable_tanh(0.5 * z);
    return 2.0 * t / (1.0 - t);
}

// The inner function of gelu, sqrt(2/pi) (z + 0.044715 z^3). Beyond 10 its tanh is 1 in any case, and z^3
// could overflow.
const GELU_SCALE: f32 = 0.7978845608028654;

fn gelu_tanh(z: f32) -> f32 {
    let w = clamp(z, -10.0, 10.0);
    return stable_tanh(GELU_SCALE * (w + 0.044715 * w * w * w));
}

fn gelu_slope(z: f32) -> f32 {
    let w = clamp(z, -10.0, 10.0);
    let h = gelu_tanh(z);
    return 0.5 * (1.0 + h) + 0.5 * w * (1.0 - h * h) * GELU_SCALE * (1.0 + 0.134145 * w * w);
}

fn activation(kind: u32, parameter: f32, z: f32) -> f32 {
    switch kind {
        case RELU: { return select(0.0, z, z > 0.0); }
        case LEAKY_RELU: { return select(parameter * z, z, z > 0.0); }
        case TANH: { return stable_tanh(z); }
        case SIGMOID: { return sigmoid(z); }
        case ELU: { return select(exp_minus_one(min(z, 0.0)), z, z > 0.0); }
        case GELU: { return 0.5 * z * (1.0 + gelu_tanh(z)); }
        case SILU: { return z * sigmoid(z); }
        default: { return z; }
    }
}

// The slope where the pre-activation is z and the activation's value is a. Only the kinds that cannot
// do without read z.
fn activation_slope(kind: u32, parameter: f32, z: f32, a: f32) -> f32 {
    switch kind {
        case RELU: { return select(0.0, 1.0, a > 0.0); }
        case LEAKY_RELU: { return select(parameter, 1.0, a > 0.0); }
        case TANH: { return 1.0 - a * a; }
        case SIGMOID: { return a * (1.0 - a); }
        case ELU: { return select(a + 1.0, 1.0, a > 0.0); }
        case GELU: { return gelu_slope(z); }
        case SILU: {
            let s = sigmoid(z);
            return s + a * (1.0 - s);
        }
        default: { return 1.0; }
    }
}

// Whether the slope follows from z and not from a alone.
fn slope_needs_z(kind: u32) -> bool {
    return kind == GELU || kind == SILU;
}

// The same for two, three and four units at once.
fn activation2(kind: u32, parameter: f32, z: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(activation(kind, parameter, z.x), activation(kind, parameter, z.y));
}

fn slope2(kind: u32, parameter: f32, z: vec2<f32>, a: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(
        activation_slope(kind, parameter, z.x, a.x),
        activation_slope(kind, parameter, z.y, a.y),
    );
}

fn activation3(kind: u32, parameter: f32, z: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(activation(kind, parameter, z.x), activation(kind, parameter, z.y), activation(kind, parameter, z.z));
}

fn slope3(kind: u32, parameter: f32, z: vec3<f32>, a: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(
        activation_slope(kind, parameter, z.x, a.x),
        activation_slope(kind, parameter, z.y, a.y),
        activation_slope(kind, parameter, z.z, a.z),
    );
}

fn activation4(kind: u32, parameter: f32, z: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activation(kind, parameter, z.x), activation(kind, parameter, z.y), activation(kind, parameter, z.z), activation(kind, parameter, z.w));
}

fn slope4(kind: u32, parameter: f32, z: vec4<f32>, a: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(
        activation_slope(kind, parameter, z.x, a.x),
        activation_slope(kind, parameter, z.y, a.y),
        activation_slope(kind, parameter, z.z, a.z),
        activation_slope(kind, parameter, z.w, a.w),
    );
}

// How near to its ends a sigmoid, a tanh or an elu counts as saturated.
const SATURATED_WITHIN: f32 = 0.01;

fn is_saturated(kind: u32, a: f32) -> bool {
    switch kind {
        case TANH: { return 1.0 - abs(a) < SATURATED_WITHIN; }
        case SIGMOID: { return a < SATURATED_WITHIN || 1.0 - a < SATURATED_WITHIN; }
        case ELU: { return 1.0 + a < SATURATED_WITHIN; }
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
