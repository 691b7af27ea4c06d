// The norm of all gradients together, and the factors that bring it down. Squares of large gradients are
// beyond f32: they are summed apart, scaled down by a power of two before they are squared (Blue 1978; nrm2 of
// BLAS does the same). Where no gradient is large, all is what a plain sum gives. Squares that vanish do no
// harm: 1e-6 is added to the norm.

// From here on a gradient is large. The squares of 2^28 smaller ones, which no network has more of, add up to
// less than 2^126; so do those of as many large ones times LARGE_SCALE.
const LARGE: f32 = 0x1p+49f;
const LARGE_SCALE: f32 = 0x1p-80f;

// Two sums of squares: of the gradients that are not large, and of those that are, times LARGE_SCALE.
fn square_sums(g: vec4<f32>) -> vec2<f32> {
    let is_large = abs(g) >= vec4<f32>(LARGE);
    let plain = select(g, vec4<f32>(), is_large);
    let scaled = select(vec4<f32>(), LARGE_SCALE * g, is_large);
    return vec2<f32>(dot(plain, plain), dot(scaled, scaled));
}

// What gradients with these sums of squares are multiplied by, one factor after the other, so that their
// norm is at most `most`: the product of both may be too small for f32.
fn clip_factors(sums: vec2<f32>, most: f32) -> vec2<f32> {
    if (sums.y > 0.0) {
        let factor = most / sqrt(sums.y + LARGE_SCALE * (LARGE_SCALE * sums.x));
        return select(vec2<f32>(LARGE_SCALE, factor), vec2<f32>(1.0, 1.0), factor * LARGE_SCALE >= 1.0);
    }
    let norm = sqrt(sums.x);
    return vec2<f32>(1.0, min(1.0, most / (norm + 1e-6)));
}

fn norm_clipped(g: vec4<f32>, factors: vec2<f32>) -> vec4<f32> {
    return factors.y * (factors.x * g);
}
