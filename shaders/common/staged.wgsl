// A layer's product for GPUs: a workgroup owns a tile of LANES x 64 elements, whose terms it brings into its memory
// 16 at a time, term by term, so that each number is read once from the buffers for a whole tile; while 16 terms are
// multiplied, the next are already on their way to registers. Each invocation owns 8 rows and twice four columns,
// 32 apart. One of the ways of `product` (see common/tile.wgsl); needs LANES, 32 or 64.

const SLAB_BLOCKS: u32 = 4u;
const TILE_VECTORS: u32 = 16u;

// [terms][LANES / 4] and [terms][TILE_VECTORS].
var<workgroup> left_tile: array<vec4<f32>, 4u * SLAB_BLOCKS * LANES / 4u>;
var<workgroup> right_tile: array<vec4<f32>, 4u * SLAB_BLOCKS * TILE_VECTORS>;

// A block of terms; zeros beyond the last, which change no sum.
fn left_or_zero(row: u32, term: u32, terms: u32) -> mat4x4<f32> {
    if (term < terms) {
        return left_block(row, term);
    }
    return mat4x4<f32>();
}

fn right_or_zero(col: u32, term: u32, terms: u32) -> mat4x4<f32> {
    if (term < terms) {
        return right_block(col, term);
    }
    return mat4x4<f32>();
}

fn put_left(block: u32, row: u32, values: mat4x4<f32>) {
    let at = 4u * block * (LANES / 4u) + row;
    left_tile[at] = values[0];
    left_tile[at + LANES / 4u] = values[1];
    left_tile[at + 2u * (LANES / 4u)] = values[2];
    left_tile[at + 3u * (LANES / 4u)] = values[3];
}

fn put_right(block: u32, col: u32, values: mat4x4<f32>) {
    let at = 4u * block * TILE_VECTORS + col;
    right_tile[at] = values[0];
    right_tile[at + TILE_VECTORS] = values[1];
    right_tile[at + 2u * TILE_VECTORS] = values[2];
    right_tile[at + 3u * TILE_VECTORS] = values[3];
}

fn product(group: u32, lane: u32, first: u32) {
    let shape = product_shape();
    let across = (shape.y + TILE_VECTORS - 1u) / TILE_VECTORS;
    let tile_row = group / across * (LANES / 4u);
    let tile_col = group % across * TILE_VECTORS;
    // Which blocks it brings: one of rows, one of columns, and where there are fewer invocations another.
    let own_row = lane % (LANES / 4u);
    let row_block = lane / (LANES / 4u);
    let own_col = lane % TILE_VECTORS;
    let col_block = lane / TILE_VECTORS;
    // Which part of the tile it owns.
    let row = lane / 8u * 2u;
    let col = lane % 8u;

    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    var left_sum = vec4<f32>();
    var right_sum = vec4<f32>();
    var next_left = left_or_zero(tile_row + own_row, first + row_block, shape.z);
    var next_right = right_or_zero(tile_col + own_col, first + col_block, shape.z);
    var next_other = mat4x4<f32>();
    if (LANES < 64u) {
        next_other = right_or_zero(tile_col + own_col, first + col_block + 2u, shape.z);
    }
    for (var term = first; term < shape.z; term += SLAB_BLOCKS) {
        workgroupBarrier();
        put_left(row_block, own_row, next_left);
        put_right(col_block, own_col, next_right);
        if (LANES < 64u) {
            put_right(col_block + 2u, own_col, next_other);
        }
        workgroupBarrier();
        let next = term + SLAB_BLOCKS;
        next_left = left_or_zero(tile_row + own_row, next + row_block, shape.z);
        next_right = right_or_zero(tile_col + own_col, next + col_block, shape.z);
        if (LANES < 64u) {
            next_other = right_or_zero(tile_col + own_col, next + col_block + 2u, shape.z);
        }
        for (var k = 0u; k < 4u * SLAB_BLOCKS; k++) {
            let upper = left_tile[k * (LANES / 4u) + row];
            let lower = left_tile[k * (LANES / 4u) + row + 1u];
            let left = right_tile[k * TILE_VECTORS + col];
            let right = right_tile[k * TILE_VECTORS + col + 8u];
            upper_left = add_outer(upper_left, upper, left);
            upper_right = add_outer(upper_right, upper, right);
            lower_left = add_outer(lower_left, lower, left);
            lower_right = add_outer(lower_right, lower, right);
            if (SUMS_COLUMNS) {
                left_sum += left;
                right_sum += right;
            }
        }
    }
    row_of_tile(tile_row + row, tile_col + col, shape.x, upper_left, lower_left, left_sum);
    row_of_tile(tile_row + row, tile_col + col + 8u, shape.x, upper_right, lower_right, right_sum);
}

fn row_of_tile(row: u32, col: u32, rows: u32, upper: mat4x4<f32>, lower: mat4x4<f32>, sum: vec4<f32>) {
    if (4u * row < rows) {
        finish_tile(4u * row, col, upper, lower);
        finish_columns(row, col, sum);
    }
}
