//! The cpu engine's products: big ones by matrixmultiply, small ones in loops. Rows are padded with zeros to a
//! multiple of 4.

use super::vector::{Four, Vector};

/// A list in fours: rows are padded, so that nothing is left over.
pub(super) fn fours(list: &[f32]) -> &[[f32; 4]] {
    list.as_chunks().0
}

/// The same, to be changed.
pub(super) fn fours_mut(list: &mut [f32]) -> &mut [[f32; 4]] {
    list.as_chunks_mut().0
}

/// Rows of so many elements. Nothing is divided, as by `chunks_exact`: that takes longer than what a small network
/// does with a row.
#[inline(always)]
pub(super) fn rows_of<T>(mut list: &[T], stride: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || list.split_off(..stride))
}

/// The same, to be changed.
#[inline(always)]
pub(super) fn rows_mut<T>(mut list: &mut [T], stride: usize) -> impl Iterator<Item = &mut [T]> {
    std::iter::from_fn(move || list.split_off_mut(..stride))
}

/// `to += scale * from`.
pub(super) fn add_row(to: &mut [f32], scale: f32, from: &[f32]) {
    for (to, from) in fours_mut(to).iter_mut().zip(fours(from)) {
        *to = (Four::from(*to) + Four::splat(scale) * Four::from(*from)).into();
    }
}

/// `z = bias + x . weights`, each sum in this order; `x` in rows of `in_stride`, `weights` and `z` of `stride`.
#[inline(always)]
pub(super) fn weighted_sums(
    (mut x, in_stride): (&[f32], usize),
    (weights, bias): (&[f32], &[f32]),
    (mut z, stride): (&mut [f32], usize),
) {
    const ROWS: usize = 4;
    while let (Some(x), Some(z)) =
        (x.split_off(..ROWS * in_stride), z.split_off_mut(..ROWS * stride))
    {
        sums_of_rows::<ROWS>((x, in_stride), (weights, bias), (z, stride));
    }
    for (x, z) in rows_of(x, in_stride).zip(rows_mut(z, stride)) {
        sums_of_rows::<1>((x, in_stride), (weights, bias), (z, stride));
    }
}

/// The same of `R` rows.
#[inline(always)]
fn sums_of_rows<const R: usize>(
    (x, in_stride): (&[f32], usize),
    (weights, bias): (&[f32], &[f32]),
    (z, stride): (&mut [f32], usize),
) {
    let x: [&[f32]; R] = std::array::from_fn(|row| &x[row * in_stride..][..in_stride]);
    let (weights, z) = (fours(weights), fours_mut(z));
    for (at, bias) in fours(bias).iter().enumerate() {
        let mut sums = [Four::from(*bias); R];
        for (k, w) in rows_of(weights, stride / 4).enumerate() {
            for row in 0..R {
                sums[row] = sums[row] + Four::splat(x[row][k]) * Four::from(w[at]);
            }
        }
        for row in 0..R {
            z[row * (stride / 4) + at] = sums[row].into();
        }
    }
}

/// `d_weights = x^T . d` and the sums `d_bias` of `d`, over rows in their order, with strides as above; `units` of a row
/// of `d` are not padding.
#[inline(always)]
pub(super) fn weight_gradients(
    (x, in_stride): (&[f32], usize),
    (d, stride, units): (&[f32], usize, usize),
    (d_weights, d_bias): (&mut [f32], &mut [f32]),
) {
    let (x, d) = (fours(x), fours(d));
    let (mut d_weights, d_bias) = (fours_mut(d_weights), fours_mut(d_bias));
    let zero = Four::splat(0.0);
    for input in 0..in_stride / 4 {
        // Those of four inputs, but for padding.
        let len = d_weights.len().min(stride);
        let Some(own) = d_weights.split_off_mut(..len) else { return };
        for at in 0..stride / 4 {
            let (mut sums, mut sum) = ([zero; 4], zero);
            let rows = rows_of(x, in_stride / 4).zip(rows_of(d, stride / 4));
            if units == 1 {
                for (x, d) in rows {
                    sums[0] = sums[0] + Four::from(x[input]) * Four::splat(d[at][0]);
                    sum = sum + Four::from(d[at]);
                }
                sums = Four::transposed(sums);
            } else {
                for (x, d) in rows {
                    let d = Four::from(d[at]);
                    for k in 0..4 {
                        sums[k] = sums[k] + Four::splat(x[input][k]) * d;
                    }
                    sum = sum + d;
                }
            }
            for (to, sum) in rows_mut(own, stride / 4).zip(sums) {
                to[at] = sum.into();
            }
            d_bias[at] = sum.into();
        }
    }
}

/// `d_bias` alone.
pub(super) fn bias_gradients((d, stride): (&[f32], usize), d_bias: &mut [f32]) {
    d_bias.fill(0.0);
    rows_of(d, stride).for_each(|d| add_row(d_bias, 1.0, d));
}

/// `d_input = d . weights^T`, each sum in four parts, with strides as above; of a few `units` in their order.
#[inline(always)]
pub(super) fn input_gradients(
    (d, stride, units): (&[f32], usize, usize),
    weights: &[f32],
    (d_input, in_stride): (&mut [f32], usize),
) {
    let (d, own, in_own) = (fours(d), stride / 4, in_stride / 4);
    let (mut weights, d_input) = (fours(weights), fours_mut(d_input));
    for at in 0..in_own {
        let four = weights.split_off(..weights.len().min(stride)).unwrap_or(&[]);
        let rows = rows_mut(d_input, in_own).zip(rows_of(d, own));
        // All are stored as one: to read together what was just stored in parts takes long.
        if own == 1 {
            let mut lines = [Four::splat(0.0); 4];
            lines.iter_mut().zip(four).for_each(|(to, weights)| *to = (*weights).into());
            let columns = Four::transposed(lines);
            for (d_input, d) in rows {
                let mut sum = columns[0] * Four::splat(d[0][0]);
                for unit in 1..units.min(4) {
                    sum = sum + columns[unit] * Four::splat(d[0][unit]);
                }
                d_input[at] = sum.into();
            }
            continue;
        }
        // The number of inputs as a constant, so that sums stay in registers.
        match four.len() / own {
            4 => rows.for_each(|(d_input, d)| d_input[at] = dots::<4>(four, d)),
            3 => rows.for_each(|(d_input, d)| d_input[at] = dots::<3>(four, d)),
            2 => rows.for_each(|(d_input, d)| d_input[at] = dots::<2>(four, d)),
            _ => rows.for_each(|(d_input, d)| d_input[at] = dots::<1>(four, d)),
        }
    }
}

/// The products of `K` rows of weights with a row, and zeros.
#[inline(always)]
fn dots<const K: usize>(weights: &[[f32; 4]], d: &[[f32; 4]]) -> [f32; 4] {
    let mut sums = [Four::splat(0.0); 4];
    for k in 0..K {
        for (w, d) in weights[k * d.len()..][..d.len()].iter().zip(d) {
            sums[k] = sums[k] + Four::from(*w) * Four::from(*d);
        }
    }
    let [a, b, c, d] = Four::transposed(sums);
    ((a + c) + (b + d)).into()
}

/// A matrix within a slice: element `[i][j]` is at `i * steps.0 + j * steps.1`.
pub(super) struct View<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub cols: usize,
    pub steps: (usize, usize),
}

impl<'a> View<'a> {
    pub(super) fn rows(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> View<'a> {
        View { data, rows, cols, steps: (stride, 1) }
    }

    /// Elements from the first to one past the last.
    fn span(&self) -> usize {
        (self.rows - 1) * self.steps.0 + (self.cols - 1) * self.steps.1 + 1
    }
}

/// `output = left . right` by matrixmultiply; `output` is `[left.rows][stride]`.
pub(super) fn gemm(left: View<'_>, right: View<'_>, output: &mut [f32], stride: usize) {
    let (m, k, n) = (left.rows, left.cols, right.cols);
    assert!(k == right.rows && n <= stride, "shapes of a product");
    assert!(left.span() <= left.data.len() && right.span() <= right.data.len());
    assert!((m - 1) * stride + n <= output.len());
    // SAFETY: the asserts above hold every index that the strides and sizes can reach inside the
    // three slices, and `output` is borrowed alone.
    #[allow(unsafe_code)]
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            left.data.as_ptr(),
            left.steps.0 as isize,
            left.steps.1 as isize,
            right.data.as_ptr(),
            right.steps.0 as isize,
            right.steps.1 as isize,
            0.0,
            output.as_mut_ptr(),
            stride as isize,
            1,
        );
    }
}
