// Which units a step drops, the twin of network::Mask: the same bits. Needs common/threefry.wgsl.

// Stream (dropout, layer 0) of random::stream_id.
const DROPOUT_STREAM: u32 = 0x50000u;

// The key of a layer's mask in a step.
fn mask_key(seed: vec2<u32>, step: u32, layer: u32) -> vec2<u32> {
    return threefry2x32(seed, vec2<u32>(step, DROPOUT_STREAM | layer));
}

// The random words of units 2 pair and 2 pair + 1 of a row of the batch. Words below the threshold are of units that
// are dropped.
fn mask_words(key: vec2<u32>, row: u32, pair: u32) -> vec2<u32> {
    return threefry2x32(key, vec2<u32>(pair, row));
}
