// Products of matrices by tiles that are held in registers. A kernel that holds one says how its matrices lie:
//   product_shape() -> vec3<u32>: rows of the product, vectors of four columns, and blocks of four terms;
//   left_block(row, term) and right_block(col, term) -> mat4x4<f32>: of a block of terms the vectors of four rows, or
//     of four columns, one for each term, with zeros for terms that there are not; rows and columns that there are
//     not may hold anything;
//   finish_row(row, col, sum) -> vec4<u32>: what becomes of a row's vector `col` of columns, and what it counts; row
//     and col may be beyond the last;
//   finish_group(row, col, counts): what becomes of the counts of 8 rows from `row` on;
//   SUMS_COLUMNS and finish_columns(row, col, sum): whether it takes the sums of the right matrix's columns too.
// One of several ways to compute it (common/direct.wgsl, split.wgsl, staged.wgsl, or lines made by the host) is
// appended, with the constant LANES: product(group, lane, first), `first` being 0. Every sum takes its terms one after
// the other, the first one first, but where it is split.

// sum + left^T . right over one term: one number of left for each row, one of right for each column.
fn add_outer(sum: mat4x4<f32>, left: vec4<f32>, right: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        sum[0] + left.x * right,
        sum[1] + left.y * right,
        sum[2] + left.z * right,
        sum[3] + left.w * right,
    );
}

// The same over a block of four terms.
fn add_block(sum: mat4x4<f32>, left: mat4x4<f32>, right: mat4x4<f32>) -> mat4x4<f32> {
    return add_outer(
        add_outer(add_outer(add_outer(sum, left[0], right[0]), left[1], right[1]), left[2], right[2]),
        left[3],
        right[3],
    );
}

// sum + right over a block of four terms, where that is wanted.
fn add_columns(sum: vec4<f32>, right: mat4x4<f32>) -> vec4<f32> {
    if (SUMS_COLUMNS) {
        return sum + right[0] + right[1] + right[2] + right[3];
    }
    return sum;
}

// What becomes of 8 rows from `row` on, one in each column of two matrices.
fn finish_tile(row: u32, col: u32, upper: mat4x4<f32>, lower: mat4x4<f32>) {
    var counts = finish_row(row, col, upper[0]);
    counts += finish_row(row + 1u, col, upper[1]);
    counts += finish_row(row + 2u, col, upper[2]);
    counts += finish_row(row + 3u, col, upper[3]);
    counts += finish_row(row + 4u, col, lower[0]);
    counts += finish_row(row + 5u, col, lower[1]);
    counts += finish_row(row + 6u, col, lower[2]);
    counts += finish_row(row + 7u, col, lower[3]);
    finish_group(row, col, counts);
}

// Which of four columns from `col` on are among the first `cols`, and no padding.
fn are_columns(col: u32, cols: u32) -> vec4<bool> {
    return vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(cols);
}
