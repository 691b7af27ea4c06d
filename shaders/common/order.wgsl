// The order of rows, the twin of data::order: the same bits. Needs common/threefry.wgsl.

// Stream (order, layer 0) of random::stream_id.
const ORDER_STREAM: u32 = 0x20000u;

fn epoch_key(seed: vec2<u32>, epoch: u32) -> vec2<u32> {
    return threefry2x32(seed, vec2<u32>(epoch, ORDER_STREAM));
}

// One trip through a Feistel network of six rounds on high and low bits.
fn feistel(key: vec2<u32>, value: u32, high_bits: u32, low_bits: u32) -> u32 {
    let high_mask = (1u << high_bits) - 1u;
    let low_mask = (1u << low_bits) - 1u;
    var high = value >> low_bits;
    var low = value & low_mask;
    high ^= threefry2x32(key, vec2<u32>(low, 0u)).x & high_mask;
    low ^= threefry2x32(key, vec2<u32>(high, 1u)).x & low_mask;
    high ^= threefry2x32(key, vec2<u32>(low, 2u)).x & high_mask;
    low ^= threefry2x32(key, vec2<u32>(high, 3u)).x & low_mask;
    high ^= threefry2x32(key, vec2<u32>(low, 4u)).x & high_mask;
    low ^= threefry2x32(key, vec2<u32>(high, 5u)).x & low_mask;
    return (high << low_bits) | low;
}

// More trips than a walk that goes on with a chance below 1/2 ever takes: with it the loop is one
// whose end a compiler can see.
const MOST_TRIPS: u32 = 128u;

// Where a permutation of 0..rows sends position: walked until it lands on a row. Its loop has no way out but its
// end: FXC takes a return or a break here for one that leaves a workgroup's barriers to some invocations.
fn permuted(key: vec2<u32>, rows: u32, position: u32) -> u32 {
    let bits = max(32u - countLeadingZeros(rows - 1u), 2u);
    let high_bits = bits / 2u;
    var value = position;
    for (var trip = 0u; trip < MOST_TRIPS && (trip == 0u || value >= rows); trip++) {
        value = feistel(key, value, high_bits, bits - high_bits);
    }
    return value;
}
