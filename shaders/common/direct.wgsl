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
    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    var left_sum = vec4<f32>();
    var right_sum = vec4<f32>();
    for (var term = first; term < shape.z; term++) {
        let upper = left_block(row, term);
        let lower = left_block(row + 1u, term);
        let left = right_block(col, term);
        let right = right_block(col + 1u, term);
        upper_left = add_block(upper_left, upper, left);
        upper_right = add_block(upper_right, upper, right);
        lower_left = add_block(lower_left, lower, left);
        lower_right = add_block(lower_right, lower, right);
        left_sum = add_columns(left_sum, left);
        right_sum = add_columns(right_sum, right);
    }
    finish_tile(4u * row, col, upper_left, lower_left);
    finish_tile(4u * row, col + 1u, upper_right, lower_right);
    finish_columns(row, col, left_sum);
    finish_columns(row, col + 1u, right_sum);
}
