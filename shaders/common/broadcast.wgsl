// The end of a product that a subgroup works through, whose other lines the host makes: one of the ways of `product`
// (see common/tile.wgsl).

// What becomes of 8 rows from `row` on. What becomes of one is long, and a driver would compile it once for each row
// of a tile: it stands in a loop, counted from `first`, which is 0.
fn finish_rows(
    row: u32,
    col: u32,
    first: u32,
    sum0: vec4<f32>,
    sum1: vec4<f32>,
    sum2: vec4<f32>,
    sum3: vec4<f32>,
    sum4: vec4<f32>,
    sum5: vec4<f32>,
    sum6: vec4<f32>,
    sum7: vec4<f32>,
) {
    var counts = vec4<u32>();
    for (var r = first; r < 8u; r++) {
        let odd = (r & 1u) == 1u;
        let two = (r & 2u) == 2u;
        let lower = select(select(sum0, sum1, odd), select(sum2, sum3, odd), two);
        let upper = select(select(sum4, sum5, odd), select(sum6, sum7, odd), two);
        counts += finish_row(row + r, col, select(lower, upper, r >= 4u));
    }
    finish_group(row, col, counts);
}
