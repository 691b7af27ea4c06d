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
// the other, the first one first, but where it is split. With it comes how the matrices are read (common/stored.wgsl or
// stored_pairs.wgsl): they are declared as arrays of Stored, of which loaded() makes vectors.

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

// A tile of 8 x 8 elements: quarters whose columns are rows of the product, and sums of the right matrix's columns.
struct Tile {
    upper_left: mat4x4<f32>,
    upper_right: mat4x4<f32>,
    lower_left: mat4x4<f32>,
    lower_right: mat4x4<f32>,
    left_sum: vec4<f32>,
    right_sum: vec4<f32>,
}

// The tile at vectors `row` and `col`, over every `stride`-th block of terms from `first` on.
fn sum_tile(row: u32, col: u32, first: u32, stride: u32, terms: u32) -> Tile {
    var upper_left = mat4x4<f32>();
    var upper_right = mat4x4<f32>();
    var lower_left = mat4x4<f32>();
    var lower_right = mat4x4<f32>();
    var left_sum = vec4<f32>();
    var right_sum = vec4<f32>();
    for (var term = first; term < terms; term += stride) {
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
    return Tile(upper_left, upper_right, lower_left, lower_right, left_sum, right_sum);
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
