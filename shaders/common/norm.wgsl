// The norm of all gradients together, and the factors that bring it down. Where gradients are so large that
// the sum of their squares is beyond f32, they are squared times LARGE_SCALE, a power of two, as nrm2 of BLAS
// does it. Squares that vanish do no harm: 1e-6 is added to the norm.

// 2^28 gradients, as many as a network may have parameters, have squares that add up to less than 2^124 with it.
const LARGE_SCALE: f32 = 0x1p-80f;
// The squares of as many gradients that are smaller than this add up to less than 2^126 without it.
const LARGE: f32 = 0x1p+49f;
const LARGE_SUM: f32 = 0x1p+126f;

// What gradients are to be multiplied by before they are squared, where the largest absolute one is known.
fn square_scale(largest: f32) -> f32 {
    return select(1.0, LARGE_SCALE, largest >= LARGE);
}

// Where it is not: the sum of squares, and that of the gradients times LARGE_SCALE.
fn square_sums(g: vec4<f32>) -> vec2<f32> {
    let scaled = LARGE_SCALE * g;
    return vec2<f32>(dot(g, g), dot(scaled, scaled));
}

// What gradients are multiplied by, one factor after the other, so that their norm is at most `most`: the
// product of both may be too small for f32. `sum` is that of the squares of the gradients times `scale`.
fn clip_factors(scale: f32, sum: f32, most: f32) -> vec2<f32> {
    let norm = sqrt(sum);
    // 1e-6 is nothing beside a norm that had to be scaled.
    let factor = most / select(norm, norm + 1e-6, scale == 1.0);
    return select(vec2<f32>(scale, factor), vec2<f32>(1.0, 1.0), scale * factor >= 1.0);
}

// The same from both sums.
fn clip_factors_of(sums: vec2<f32>, most: f32) -> vec2<f32> {
    if (sums.x < LARGE_SUM) {
        return clip_factors(1.0, sums.x, most);
    }
    return clip_factors(LARGE_SCALE, sums.y, most);
}

fn norm_clipped(g: vec4<f32>, factors: vec2<f32>) -> vec4<f32> {
    return factors.y * (factors.x * g);
}
