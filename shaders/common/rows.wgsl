// The rows of a data set for the kernels that train whole networks, each ROW_VECTORS times four
// numbers: inputs, targets, and where WEIGHTED the row's weight. Alone among the files here it reads a
// binding: `data`, which is declared with the shape, as uniform where it is small enough. Needs
// common/order.wgsl and the constants INPUTS, OUTPUTS, WEIGHTED, ROW_VECTORS; ROWS of a batch, KEPT of
// them in registers; FULL where a batch is all rows as they stand, SHUFFLED where it is not and each epoch
// has an order of its own.

var<private> kept_rows: array<vec4<f32>, max(KEPT * ROW_VECTORS, 1u)>;
var<private> row: array<vec4<f32>, ROW_VECTORS>;

fn keep_rows() {
    for (var at = 0u; at < KEPT * ROW_VECTORS; at++) {
        kept_rows[at] = data[at];
    }
}

// Which row stands at `at` in the batch at `place` of an epoch.
fn row_of(key: vec2<u32>, data_rows: u32, place: u32, at: u32) -> u32 {
    if (FULL) {
        return at;
    }
    if (SHUFFLED) {
        return permuted(key, data_rows, place * ROWS + at);
    }
    return place * ROWS + at;
}

fn take_row(at: u32) {
    for (var v = 0u; v < ROW_VECTORS; v++) {
        if (KEPT == 0u) {
            row[v] = data[at * ROW_VECTORS + v];
        } else {
            row[v] = kept_rows[at * ROW_VECTORS + v];
        }
    }
}

fn number(i: u32) -> f32 {
    return row[i / 4u][i % 4u];
}

fn targets() -> array<f32, OUTPUTS> {
    var t: array<f32, OUTPUTS>;
    for (var o = 0u; o < OUTPUTS; o++) {
        t[o] = number(INPUTS + o);
    }
    return t;
}

// The factor on the row's loss and gradients.
fn row_weight() -> f32 {
    if (WEIGHTED) {
        return number(INPUTS + OUTPUTS);
    }
    return 1.0;
}
