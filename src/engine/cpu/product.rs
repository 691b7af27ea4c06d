//! The cpu engine's products: big ones by matrixmultiply, small ones in loops. Rows are padded with zeros to a
//! multiple of 4.

/// Four numbers of a row.
type Four = [f32; 4];

fn fours(list: &[f32]) -> &[Four] {
    list.as_chunks().0
}

fn fours_mut(list: &mut [f32]) -> &mut [Four] {
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

/// `sum + scale * term`. All four at once: element by element the compiler may leave it at one at a time.
#[inline(always)]
fn add_scaled(sum: Four, scale: f32, term: Four) -> Four {
    [
        sum[0] + scale * term[0],
        sum[1] + scale * term[1],
        sum[2] + scale * term[2],
        sum[3] + scale * term[3],
    ]
}

/// `to += scale * from`.
pub(super) fn add_row(to: &mut [f32], scale: f32, from: &[f32]) {
    for (to, from) in fours_mut(to).iter_mut().zip(fours(from)) {
        *to = add_scaled(*to, scale, *from);
    }
}

/// `z = bias + x . weights`, each sum in this order; `x` in rows of `in_stride`, `weights` and `z` of `stride`.
// Inlined, as those below, where strides are known and loops over a row vanish.
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
        let mut sums = [*bias; R];
        for (k, w) in rows_of(weights, stride / 4).enumerate() {
            for row in 0..R {
                sums[row] = add_scaled(sums[row], x[row][k], w[at]);
            }
        }
        for row in 0..R {
            z[row * (stride / 4) + at] = sums[row];
        }
    }
}

/// `d_weights = x^T . d` and the sums `d_bias` of `d`, over rows in their order, with strides as above.
#[inline(always)]
pub(super) fn weight_gradients(
    (x, in_stride): (&[f32], usize),
    (d, stride): (&[f32], usize),
    (d_weights, d_bias): (&mut [f32], &mut [f32]),
) {
    let (x, d) = (fours(x), fours(d));
    let (mut d_weights, d_bias) = (fours_mut(d_weights), fours_mut(d_bias));
    for input in 0..in_stride / 4 {
        // Those of four inputs, but for padding.
        let len = d_weights.len().min(stride);
        let Some(own) = d_weights.split_off_mut(..len) else { return };
        for at in 0..stride / 4 {
            let (mut sums, mut sum) = ([[0.0; 4]; 4], [0.0; 4]);
            for (x, d) in rows_of(x, in_stride / 4).zip(rows_of(d, stride / 4)) {
                for k in 0..4 {
                    sums[k] = add_scaled(sums[k], x[input][k], d[at]);
                }
                sum = add_scaled(sum, 1.0, d[at]);
            }
            for (to, sum) in rows_mut(own, stride / 4).zip(sums) {
                to[at] = sum;
            }
            d_bias[at] = sum;
        }
    }
}

/// `d_bias` alone.
pub(super) fn bias_gradients((d, stride): (&[f32], usize), d_bias: &mut [f32]) {
    d_bias.fill(0.0);
    rows_of(d, stride).for_each(|d| add_row(d_bias, 1.0, d));
}

/// `d_input = d . weights^T`, each sum in four parts, with strides as above.
#[inline(always)]
pub(super) fn input_gradients(
    (d, stride): (&[f32], usize),
    weights: &[f32],
    (d_input, in_stride): (&mut [f32], usize),
) {
    let (d, weights) = (fours(d), fours(weights));
    for (d_input, d) in rows_mut(d_input, in_stride).zip(rows_of(d, stride / 4)) {
        for (d_input, w) in d_input.iter_mut().zip(rows_of(weights, stride / 4)) {
            let mut sums = [0.0; 4];
            for (w, d) in w.iter().zip(d) {
                for lane in 0..4 {
                    sums[lane] += w[lane] * d[lane];
                }
            }
            *d_input = (sums[0] + sums[2]) + (sums[1] + sums[3]);
        }
    }
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
