// A layer's product for few tiles of long sums: SPLIT invocations share a tile of 8 x 8 elements, each takes every
// SPLIT-th block of terms, and halves are added in a fixed order. One of the ways of `product` (see
// common/tile.wgsl); needs LANES and SPLIT, a power of two.

// Of half a tile, [vectors][LANES].
var<workgroup> split_partial: array<vec4<f32>, 8u * LANES>;

// The sum of a matrix over the invocations that share a tile, for the first of them.
fn add_up(lane: u32, slice: u32, upper: mat4x4<f32>, lower: mat4x4<f32>) {
    workgroupBarrier();
    split_partial[lane] = upper[0];
    split_partial[LANES + lane] = upper[1];
    split_partial[2u * LANES + lane] = upper[2];
    split_partial[3u * LANES + lane] = upper[3];
    split_partial[4u * LANES + lane] = lower[0];
    split_partial[5u * LANES + lane] = lower[1];
    split_partial[6u * LANES + lane] = lower[2];
    split_partial[7u * LANES + lane] = lower[3];
    workgroupBarrier();
    for (var width = SPLIT / 2u; width > 0u; width /= 2u) {
        if (slice < width) {
            for (var v = 0u; v < 8u; v++) {
                split_partial[v * LANES + lane] += split_partial[v * LANES + lane + width];
            }
        }
        workgroupBarrier();
    }
}

fn summed(lane: u32, vector: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        split_partial[vector * LANES + lane],
        split_partial[(vector + 1u) * LANES + lane],
        split_partial[(vector + 2u) * LANES + lane],
        split_partial[(vector + 3u) * LANES + lane],
    );
}

fn product(group: u32, lane: u32, first: u32) {
    let shape = product_shape();
    let slice = lane % SPLIT;
    let index = group * (LANES / SPLIT) + lane / SPLIT;
    let across = (shape.y + 1u) / 2u;
    let row = index / across * 2u;
    let col = index % across * 2u;
    let tile = sum_tile(row, col, first + slice, SPLIT, shape.z);
    let finishes = slice == 0u && 4u * row < shape.x;
    add_up(lane, slice, tile.upper_left, tile.lower_left);
    if (finishes) {
        finish_tile(4u * row, col, summed(lane, 0u), summed(lane, 4u));
    }
    add_up(lane, slice, tile.upper_right, tile.lower_right);
    if (finishes) {
        finish_tile(4u * row, col + 1u, summed(lane, 0u), summed(lane, 4u));
    }
    if (SUMS_COLUMNS) {
        let none = vec4<f32>();
        add_up(lane, slice, mat4x4<f32>(tile.left_sum, tile.right_sum, none, none), mat4x4<f32>());
        if (finishes) {
            finish_columns(row, col, split_partial[lane]);
            finish_columns(row, col + 1u, split_partial[LANES + lane]);
        }
    }
}
