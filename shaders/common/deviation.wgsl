// What a norm divides by, as a factor: eps is that of crate::network, so that a variance of 0 is none to divide by.
fn inverse_deviation(variance: f32, eps: f32) -> f32 {
    return 1.0 / sqrt(variance + eps);
}
