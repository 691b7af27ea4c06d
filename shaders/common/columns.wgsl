// Sums over the rows of a batch, for 16 columns of a workgroup at once: 16 invocations share a column. Lanes next to
// each other have columns next to each other.

const COLUMNS: u32 = 16u;
const ROW_LANES: u32 = 16u;
const COLUMN_LANES: u32 = 256u;

var<workgroup> column_partial: array<vec2<f32>, COLUMN_LANES>;

fn column_of(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * COLUMNS + lane % COLUMNS;
}

fn first_row(lane: u32) -> u32 {
    return lane / COLUMNS;
}

// The sums over the invocations that share a column, for each of them.
fn over_rows(lane: u32, own: vec2<f32>) -> vec2<f32> {
    column_partial[lane] = own;
    workgroupBarrier();
    for (var width = ROW_LANES / 2u; width > 0u; width /= 2u) {
        if (first_row(lane) < width) {
            column_partial[lane] += column_partial[lane + width * COLUMNS];
        }
        workgroupBarrier();
    }
    let sums = column_partial[lane % COLUMNS];
    // What comes next may put other numbers there.
    workgroupBarrier();
    return sums;
}
