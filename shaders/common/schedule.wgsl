// What a step's kernels share of a training: which step it is, the rates of the steps around it, and whether
// its parameters are still numbers. For the kernels that update parameters.

struct Schedule {
    // Steps done.
    step: u32,
    // 1 once a parameter has been stored that is not finite; the host sets it back.
    not_finite: atomic<u32>,
    unused: array<u32, 62>,
    // A ring: the rate of a step, its two corrections, and nothing.
    rates: array<vec4<f32>>,
}
