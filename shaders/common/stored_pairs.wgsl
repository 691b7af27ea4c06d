// How four numbers of a matrix that a product reads lie in a buffer: as two pairs of 32 bits, the first number of each
// in the low half (all hosts here are little-endian). For drivers that take as long to read 64 bits as 32.

alias Stored = vec2<u64>;

fn loaded(four: Stored) -> vec4<f32> {
    let low = vec2<u32>(four);
    let high = vec2<u32>(four >> vec2<u32>(32u));
    return bitcast<vec4<f32>>(vec4<u32>(low.x, high.x, low.y, high.y));
}
