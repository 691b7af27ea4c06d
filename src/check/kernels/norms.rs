//! Cases of the kernels that sum over a layer or all gradients: `gradient_squares`, `clip_scale` and
//! `layer_statistics`.

use crate::check::{Arg, Bound, Case, Scope, ULP, floats, numbers, stride, wide};
use crate::kernels::{self, LayerShape, STRETCH, Variant};
use crate::optimizer::{LARGE_SCALE, Optimizer};
use crate::reference::twins;

/// As many roundings as a square passes through: those of a lane, and of six halvings of 64 lanes; all terms are
/// positive.
const SQUARE_ROUNDINGS: f64 = (twins::SQUARES_EACH + 8) as f64;

/// Sums of squares: gradients of usual sizes, and up to the largest that f32 holds, alone and beside small ones.
/// Where a sum of squares is beyond f32 the scaled one holds it.
pub(super) fn gradient_squares(scope: &Scope) -> Vec<Case> {
    const LENS: [usize; 6] = [1, 65, STRETCH + 1, 63, STRETCH, 3 * STRETCH + 77];
    let mut given = Vec::new();
    for &len in scope.some(&LENS, 3) {
        given.extend([None, Some(0.25)].map(|clip| (format!("{len}"), numbers(len, 14), clip)));
    }
    let mixed = numbers(STRETCH + 1, 14).into_iter().enumerate();
    let mixed = mixed.map(|(at, g)| g * [1e38, 1.0, 1e14, 1e16][at % 4]).collect();
    for large in [mixed, vec![f32::MAX; STRETCH], vec![-1e19; 65], vec![1e20]] {
        given.push((format!("{} from {:e} on", large.len(), large[0]), large, None));
    }
    let case = |(what, gradients, clip_value): (String, Vec<f32>, Option<f32>)| {
        let stretches = gradients.len().div_ceil(STRETCH);
        let optimizer = Optimizer { clip_value: clip_value.map(f64::from), ..Optimizer::default() };
        let args = [Arg::of(&gradients), Arg::Out(4 * stretches)];
        let launch = kernels::gradient_squares(&optimizer, gradients.len());
        let clip = clip_value.map_or(String::new(), |most| format!(", clipped to {most}"));
        Case::new(format!("{what} gradients{clip}"), launch, args, move |written, findings| {
            let (mut exact, mut truth) = (vec![0.0; stretches], vec![0.0; stretches]);
            twins::gradient_squares(&gradients, &mut exact, clip_value);
            twins::gradient_squares(&wide(&gradients), &mut truth, clip_value.map(f64::from));
            let column = |at: usize| -> Vec<f32> {
                floats(&written[0]).iter().copied().skip(at).step_by(4).collect()
            };
            let [plain, unused, scaled, unused_too] = [0, 1, 2, 3].map(column);
            let zeros = vec![0.0f32; stretches];
            findings.close("x and z alone are used", &unused, &zeros, Bound::Exact);
            findings.close("x and z alone are used", &unused_too, &zeros, Bound::Exact);
            let bounds: Vec<f64> = truth.iter().map(|sum| SQUARE_ROUNDINGS * ULP * sum).collect();
            if exact.iter().all(|sum| sum.is_finite()) {
                findings.hold("sums", &plain, Some(&exact), &truth, &bounds);
                findings.close("scaled sums", &scaled, &zeros, Bound::Exact);
            } else {
                let infinities = vec![f32::INFINITY; stretches];
                findings.close("sums beyond f32", &plain, &infinities, Bound::Exact);
                let seen: Vec<f64> =
                    wide(&scaled).iter().map(|sum| sum / LARGE_SCALE.powi(2)).collect();
                findings.close("scaled sums", &seen, &truth, Bound::Each(&bounds));
            }
        })
    };
    given.into_iter().map(case).collect()
}

/// The two factors that bring a norm down: usual norms, such whose squares are beyond f32, and norms that are.
/// One that is let through leaves gradients as they are.
pub(super) fn clip_scale(scope: &Scope) -> Vec<Case> {
    // The squares of gradients, one to a sum.
    let mut given: Vec<(String, Vec<f64>, f64)> = Vec::new();
    for &len in scope.some(&[1, 257, 255, 1000], 2) {
        for clip_norm in [0.125, 3.0, 1e6] {
            let squares = numbers(len, 15).iter().map(|sum| f64::from(sum.abs())).collect();
            given.push((format!("{len} sums"), squares, clip_norm));
        }
    }
    for (gradients, clip_norm) in [
        (vec![3e38; 1000], 1.0),
        (vec![3e38; 1000], 1e-15),
        (vec![3e38; 1000], 1e38),
        (vec![1e25, 2.0, 1e15], 1.0),
        (vec![1.5e19, 1.5e19], 1.0),
        (vec![1e19], 0.9e19),
        (vec![1e20], 2e20),
    ] {
        let squares = gradients.iter().map(|g: &f64| g * g).collect();
        given.push((format!("gradients of {:e}", gradients[0]), squares, clip_norm));
    }
    let case = |(what, squares, clip_norm): (String, Vec<f64>, f64)| {
        // Other sums stand beside: they are not read.
        let scaled = |square: f64| (LARGE_SCALE.powi(2) * square) as f32;
        let is_large = squares.iter().any(|square| *square > 1e30);
        let sums: Vec<f32> = squares
            .iter()
            .flat_map(|&square| {
                [square as f32, 7.0, if is_large { scaled(square) } else { 0.0 }, 9.0]
            })
            .collect();
        let launch = kernels::clip_scale(clip_norm as f32, squares.len());
        let args = [Arg::of(&sums), Arg::Out(2)];
        let label = format!("{what} to {clip_norm:e}");
        Case::new(label, launch, args, move |written, findings| {
            let truth = twins::clip_scale(&squares, f64::from(clip_norm as f32));
            // Half the error of the sum, a root of 2 ULP, a sum, a quotient of 2.5.
            let roundings = (squares.len().div_ceil(256) + 9) as f64 / 2.0 + 6.0;
            let bound = roundings * ULP * truth;
            let factors = floats(&written[0]);
            let product = f64::from(factors[0]) * f64::from(factors[1]);
            findings.close("both factors", &[product], &[truth], Bound::Each(&[bound]));
            if !is_large {
                let narrow: Vec<f32> = squares.iter().map(|&square| square as f32).collect();
                let exact = twins::clip_scale(&narrow, clip_norm as f32);
                let (seen, truth) = (&factors[1..], &[truth][..]);
                findings.close("first factor", &factors[..1], &[1.0f32], Bound::Exact);
                findings.hold("second factor", seen, Some(&[exact]), truth, &[bound]);
            }
        })
    };
    given.into_iter().map(case).collect()
}

/// Rows that one word of the counts is about.
const GROUP: usize = 8;

/// Counts of a batch: of unit u, zero rows from (u mod 3) rows below all of them, and half of those saturated.
pub fn unit_counts(rows: usize, units: usize) -> Vec<u32> {
    let mut words = vec![0; rows.div_ceil(GROUP) * stride(units)];
    for row in 0..rows {
        for unit in 0..units {
            let is_zero = row >= unit % 3;
            let is_saturated = row.is_multiple_of(2) || unit.is_multiple_of(5);
            words[row / GROUP * stride(units) + unit] +=
                u32::from(is_zero) + (u32::from(is_saturated) << 16);
        }
    }
    words
}

/// What the fused kernels noted of a layer, added up: a hidden one's, and an output layer's, whose units are not
/// counted. Other layers stay as they were.
pub(super) fn layer_statistics(scope: &Scope) -> Vec<Case> {
    // The layer whose place is written, of three.
    const LAYER: usize = 1;
    const SIZES: [(usize, usize, usize); 5] =
        [(1, 1, 1), (7, 3, 5), (33, 600, 257), (8, 8, 4), (9, 2, 300)];
    let mut all = Vec::new();
    for &(rows, fan_in, fan_out) in scope.some(&SIZES, 3) {
        let shape = LayerShape { rows, fan_in, fan_out };
        let len = kernels::update_sums_len(shape, Variant::Direct);
        let sums: Vec<f32> = numbers(len, 31).iter().map(|sum| sum.abs()).collect();
        let words = unit_counts(rows, fan_out);
        for (least, is_hidden) in [
            ([rows, rows], true),
            ([1, 1], true),
            ([rows, rows.div_ceil(2)], true),
            ([rows + 1, rows + 1], true),
            ([1, 1], false),
        ] {
            let (sums, words) = (sums.clone(), words.clone());
            let launch = kernels::layer_statistics((LAYER, is_hidden), shape, len, least);
            let before = numbers(3 * 8, 5);
            let args = [Arg::of(&sums), Arg::of(&words), Arg::of(&before)];
            let kind = if is_hidden { "hidden" } else { "output" };
            let label = format!("{rows}x{fan_in}x{fan_out}, {kind}, from {least:?} rows");
            all.push(Case::new(label, launch, args, move |written, findings| {
                let wide: Vec<[f64; 4]> =
                    sums.chunks_exact(4).map(|s| [0, 1, 2, 3].map(|at| s[at].into())).collect();
                let least = least.map(|rows| rows as u32);
                let stride = stride(fan_out);
                let (truth, units) = twins::layer_statistics(&wide, &words, stride, fan_out, least);
                let of_layer = &written[0][8 * LAYER..][..8];
                // Every lane's own terms, and eight halvings.
                let bound = (wide.len().div_ceil(256) + 9) as f64 * ULP;
                let near = Bound::Mixed { absolute: 0.0, relative: bound };
                findings.close("sums", &floats(of_layer)[..4], &truth, near);
                let units = if is_hidden { units.map(|count| count as u32) } else { [0; 2] };
                findings.equal("units", &of_layer[4..], &[units[0], units[1], 0, 0]);
                let others = |words: &[u32]| [&words[..8], &words[16..]].concat();
                let before: Vec<u32> = before.iter().map(|value| value.to_bits()).collect();
                findings.equal("other layers", &others(&written[0]), &others(&before));
            }));
        }
    }
    all
}
