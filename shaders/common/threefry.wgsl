// Threefry-2x32-20 (Salmon et al., SC 2011), the twin of random::threefry2x32: the same bits.

const THREEFRY_PARITY: u32 = 0x1bd11bdau;

fn threefry_round(x: vec2<u32>, rotation: u32) -> vec2<u32> {
    let sum = x.x + x.y;
    return vec2<u32>(sum, ((x.y << rotation) | (x.y >> (32u - rotation))) ^ sum);
}

fn threefry_even(x: vec2<u32>) -> vec2<u32> {
    return threefry_round(threefry_round(threefry_round(threefry_round(x, 13u), 15u), 26u), 6u);
}

fn threefry_odd(x: vec2<u32>) -> vec2<u32> {
    return threefry_round(threefry_round(threefry_round(threefry_round(x, 17u), 29u), 16u), 24u);
}

fn threefry2x32(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
    let k = vec3<u32>(key.x, key.y, THREEFRY_PARITY ^ key.x ^ key.y);
    var x = counter + k.xy;
    x = threefry_even(x) + k.yz + vec2<u32>(0u, 1u);
    x = threefry_odd(x) + k.zx + vec2<u32>(0u, 2u);
    x = threefry_even(x) + k.xy + vec2<u32>(0u, 3u);
    x = threefry_odd(x) + k.yz + vec2<u32>(0u, 4u);
    return threefry_even(x) + k.zx + vec2<u32>(0u, 5u);
}
