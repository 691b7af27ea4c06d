// A layer's product, each invocation by itself: it owns a tile of 8 x 8 elements in registers, and reads what it
// needs of both matrices. One of the ways of `product` (see common/tile.wgsl); needs LANES.

fn product(group: u32, lane: u32, first: u32) {
    let shape = product_shape();
    let index = group * LANES + lane;
    let across = (shape.y + 1u) / 2u;
    let row = index / across * 2u;
    let col = index % across * 2u;
    if (4u * row >= shape.x) {
        return;
    }
    let tile = sum_tile(row, col, first, 1u, shape.z);
    finish_tile(4u * row, col, tile.upper_left, tile.lower_left);
    finish_tile(4u * row, col + 1u, tile.upper_right, tile.lower_right);
    finish_columns(row, col, tile.left_sum);
    finish_columns(row, col + 1u, tile.right_sum);
}
