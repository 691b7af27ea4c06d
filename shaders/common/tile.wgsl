// Products of 4 x 4 tiles held in registers. A mat4x4 holds four rows of a tile, one in each of its
// columns. Every sum takes its terms one after the other, the first one first, as the plain matmul does.

// sum + left . right over four terms: row r of left holds four terms of one row of the sum, row k of
// right the four columns of term k.
fn multiply_row(sum: vec4<f32>, left: vec4<f32>, right: mat4x4<f32>) -> vec4<f32> {
    return sum + left.x * right[0] + left.y * right[1] + left.z * right[2] + left.w * right[3];
}

fn multiply_tile(sum: mat4x4<f32>, left: mat4x4<f32>, right: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        multiply_row(sum[0], left[0], right),
        multiply_row(sum[1], left[1], right),
        multiply_row(sum[2], left[2], right),
        multiply_row(sum[3], left[3], right),
    );
}

// sum + left^T . right over one term: one number of left for each row, one of right for each column.
fn add_outer(sum: mat4x4<f32>, left: vec4<f32>, right: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        sum[0] + left.x * right,
        sum[1] + left.y * right,
        sum[2] + left.z * right,
        sum[3] + left.w * right,
    );
}

// Which of four columns from `col` on are among the first `cols`, and no padding.
fn are_columns(col: u32, cols: u32) -> vec4<bool> {
    return vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(cols);
}
