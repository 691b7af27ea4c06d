//! Loops for the vector instructions of x86-64.

use super::*;

/// Makes a module's `train_group`. The module's imports say which instructions the names stand
/// for: the widths differ in nothing else.
macro_rules! population {
    ($features:literal) => {
        /// What the forward pass leaves for the backward pass is more than fits in registers.
        /// Aligned, as the compiler then aligns what it spills as well: else much of that would
        /// lie across two cache lines.
        #[repr(align(64))]
        struct Block {
            parameters: [Lanes; 13],
            hidden: [[Lanes; UNITS]; 4],
            delta: [Lanes; 4],
        }

        #[target_feature(enable = $features)]
        pub fn train_group(
            group: &mut [[f32; LANES * BLOCKS]; 13],
            rows: &Rows,
            rate: f32,
            epochs: u32,
        ) {
            let scale = -rate / 4.0;
            let rows = rows.map(|[x0, x1, target]| [x0, x1, scale * target]);
            let mut blocks: [Block; BLOCKS] = from_fn(|block| Block {
                // SAFETY: as many floats as a register holds are there, and any alignment will do.
                parameters: from_fn(|i| unsafe {
                    load(group[i][block * LANES..][..LANES].as_ptr())
                }),
                hidden: [[splat(0.0); UNITS]; 4],
                delta: [splat(0.0); 4],
            });
            for _ in 0..epochs {
                for block in &mut blocks {
                    forward(block, &rows, scale);
                }
                for block in &mut blocks {
                    backward(block, &rows);
                }
            }
            for (i, values) in group.iter_mut().enumerate() {
                for (lanes, block) in values.chunks_exact_mut(LANES).zip(&blocks) {
                    // SAFETY: there is room for what a register holds, and any alignment will do.
                    unsafe { store(lanes.as_mut_ptr(), block.parameters[i]) };
                }
            }
        }

        #[target_feature(enable = $features)]
        fn forward(block: &mut Block, rows: &Rows, scale: f32) {
            let p = &block.parameters;
            let mut z = [p[BIAS1]; 4];
            for j in 0..UNITS {
                for (row, [x0, x1, _]) in rows.iter().enumerate() {
                    let sum = multiply_add(splat(*x0), p[j], p[BIAS0 + j]);
                    let sum = multiply_add(splat(*x1), p[UNITS + j], sum);
                    block.hidden[row][j] = max(sum, splat(0.0));
                    z[row] = multiply_add(block.hidden[row][j], p[WEIGHTS1 + j], z[row]);
                }
            }
            for (row, [_, _, target]) in rows.iter().enumerate() {
                let output = divide(splat(scale), one_plus_exp_minus(z[row]));
                block.delta[row] = subtract(output, splat(*target));
            }
        }

        #[target_feature(enable = $features)]
        fn backward(block: &mut Block, rows: &Rows) {
            let p = block.parameters;
            let mut next = p;
            for (row, [x0, x1, _]) in rows.iter().enumerate() {
                let delta = block.delta[row];
                next[BIAS1] = add(next[BIAS1], delta);
                for j in 0..UNITS {
                    let hidden = block.hidden[row][j];
                    let back = if_positive(hidden, multiply(delta, p[WEIGHTS1 + j]));
                    next[WEIGHTS1 + j] = multiply_add(delta, hidden, next[WEIGHTS1 + j]);
                    next[BIAS0 + j] = add(next[BIAS0 + j], back);
                    next[j] = multiply_add(splat(*x0), back, next[j]);
                    next[UNITS + j] = multiply_add(splat(*x1), back, next[UNITS + j]);
                }
            }
            block.parameters = next;
        }

        #[target_feature(enable = $features)]
        fn one_plus_exp_minus(z: Lanes) -> Lanes {
            let z = clamp(z, LIMIT / LOG2_E);
            let rounded = multiply_add(z, splat(-LOG2_E), splat(ROUND));
            let power = to_float(shift_left::<23>(to_bits(rounded)));
            let f = multiply_subtract(z, splat(-LOG2_E), subtract(rounded, splat(ROUND)));
            let mut sum = splat(EXP2[5]);
            for i in (0..5).rev() {
                sum = multiply_add(sum, f, splat(EXP2[i]));
            }
            multiply_add(power, sum, splat(1.0))
        }
    };
}

/// Sixteen networks of a population per register.
pub(super) mod avx512 {
    use super::*;
    use std::arch::x86_64::{
        __m512 as Lanes, _mm512_add_ps as add, _mm512_castps_si512 as to_bits,
        _mm512_castsi512_ps as to_float, _mm512_div_ps as divide, _mm512_fmadd_ps as multiply_add,
        _mm512_fmsub_ps as multiply_subtract, _mm512_loadu_ps as load, _mm512_max_ps as max,
        _mm512_mul_ps as multiply, _mm512_set1_ps as splat, _mm512_slli_epi32 as shift_left,
        _mm512_storeu_ps as store, _mm512_sub_ps as subtract, *,
    };

    const LANES: usize = 16;
    population!("avx512f,avx512dq");

    /// One instruction: the smaller magnitude of the two (0b10), with the sign of the first.
    #[target_feature(enable = "avx512f,avx512dq")]
    fn clamp(value: Lanes, limit: f32) -> Lanes {
        _mm512_range_ps::<0b10>(value, splat(limit))
    }

    #[target_feature(enable = "avx512f,avx512dq")]
    fn if_positive(gate: Lanes, value: Lanes) -> Lanes {
        _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(gate, splat(0.0)), value)
    }
}

/// Eight networks of a population per register. Or one network: a register then holds two rows, and
/// of each the three units and a fourth that is always 1, with weights 0 and bias 1. Its weight to
/// the output is the output's bias.
pub(super) mod avx2 {
    use super::*;
    use std::arch::x86_64::{
        __m256 as Lanes, _mm256_add_ps as add, _mm256_castps_si256 as to_bits,
        _mm256_castsi256_ps as to_float, _mm256_div_ps as divide, _mm256_fmadd_ps as multiply_add,
        _mm256_fmsub_ps as multiply_subtract, _mm256_loadu_ps as load, _mm256_max_ps as max,
        _mm256_mul_ps as multiply, _mm256_set1_ps as splat, _mm256_slli_epi32 as shift_left,
        _mm256_storeu_ps as store, _mm256_sub_ps as subtract, *,
    };

    const LANES: usize = 8;
    population!("avx2,fma");

    #[target_feature(enable = "avx2,fma")]
    fn clamp(value: Lanes, limit: f32) -> Lanes {
        max(_mm256_min_ps(value, splat(limit)), splat(-limit))
    }

    #[target_feature(enable = "avx2,fma")]
    fn if_positive(gate: Lanes, value: Lanes) -> Lanes {
        _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(gate, splat(0.0)), value)
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn train_one(parameters: &mut Network, rows: &Rows, rate: f32, epochs: u32) {
        let scale = -rate / 4.0;
        // The third input is always 1, and its weights are the biases.
        let [a, b, c, d] = rows.map(|[x0, x1, _]| [[x0; 4], [x1; 4], [1.0; 4]]);
        let inputs = [0, 1, 2].map(|i| [halves(a[i], b[i]), halves(c[i], d[i])]);
        let [a, b, c, d] = rows.map(|[_, _, target]| scale * target);
        let targets = halves([a, c, a, c], [b, d, b, d]);
        let fourth = [0.0, 0.0, 1.0, parameters[BIAS1]];
        let mut network = [0, 1, 2, 3].map(|i| {
            let slots = from_fn(|j| if j < UNITS { parameters[UNITS * i + j] } else { fourth[i] });
            halves(slots, slots)
        });
        // The weights to the output are kept times -log2(e), so that they add up to y.
        network[3] = multiply(network[3], splat(-LOG2_E));
        for _ in 0..epochs {
            epoch(&mut network, &inputs, targets, splat(scale));
        }
        network[3] = multiply(network[3], splat(-1.0 / LOG2_E));
        for (i, register) in network.into_iter().enumerate() {
            let mut slots = [0.0; LANES];
            // SAFETY: there is room for what a register holds, and any alignment will do.
            unsafe { store(slots.as_mut_ptr(), register) };
            parameters[UNITS * i..][..UNITS].copy_from_slice(&slots[..UNITS]);
            parameters[BIAS1] = slots[UNITS];
        }
    }

    /// One epoch of one network. Only what waits for something else takes time here, so every sum
    /// has the order with the fewest steps after each other, and the comparisons that are waited
    /// for are of the bits as integers, which is faster.
    #[target_feature(enable = "avx2,fma")]
    fn epoch(network: &mut [Lanes; 4], inputs: &[[Lanes; 2]; 3], targets: Lanes, scale: Lanes) {
        let hidden = [0, 1].map(|pair| {
            let z = multiply_add(inputs[0][pair], network[0], network[2]);
            let z = multiply_add(inputs[1][pair], network[1], z);
            // Negative floats are negative integers.
            to_float(_mm256_max_epi32(to_bits(z), _mm256_setzero_si256()))
        });
        let [a, b] = hidden.map(|hidden| multiply(hidden, network[3]));
        let sums = add(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        // Rows 0, 2, 0, 2 in one half and 1, 3, 1, 3 in the other.
        let y = add(sums, _mm256_permute_ps::<0b01_00_11_10>(sums));
        let quotient = divide(scale, one_plus_exp2(y));
        // While the division runs: what delta will be multiplied with.
        let always_one = halves([0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]);
        let back = multiply(network[3], splat(-1.0 / LOG2_E));
        let [a, b] = hidden.map(|hidden| if_positive(subtract(hidden, always_one), back));
        let [slope0, slope1, slope2] = inputs.map(|[x, y]| [multiply(x, a), multiply(y, b)]);
        let slope3 = hidden.map(|hidden| multiply(hidden, splat(-LOG2_E)));
        let delta = subtract(quotient, targets);
        let delta = [_mm256_permute_ps::<0>(delta), _mm256_permute_ps::<0b01_01_01_01>(delta)];
        for (i, slope) in [slope0, slope1, slope2, slope3].into_iter().enumerate() {
            network[i] = add_rows(network[i], delta, slope);
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn one_plus_exp2(y: Lanes) -> Lanes {
        // As signed integers all negative floats are small, as unsigned ones all positive are.
        let y = _mm256_min_epi32(to_bits(y), to_bits(splat(LIMIT)));
        let y = to_float(_mm256_min_epu32(y, to_bits(splat(-LIMIT))));
        let rounded = add(y, splat(ROUND));
        let power = to_float(shift_left::<23>(to_bits(rounded)));
        let f = subtract(y, subtract(rounded, splat(ROUND)));
        let square = multiply(f, f);
        let [low, middle, high] =
            [0, 2, 4].map(|i| multiply_add(f, splat(EXP2[i + 1]), splat(EXP2[i])));
        let rest = multiply_add(square, high, middle);
        multiply_add(multiply(power, square), rest, multiply_add(power, low, splat(1.0)))
    }

    /// `parameter` plus delta times slope of all four rows, in both halves.
    #[target_feature(enable = "avx2,fma")]
    fn add_rows(parameter: Lanes, delta: [Lanes; 2], slope: [Lanes; 2]) -> Lanes {
        let sums = add(multiply(delta[0], slope[0]), multiply(delta[1], slope[1]));
        add(add(parameter, sums), _mm256_permute2f128_ps::<1>(sums, sums))
    }

    #[target_feature(enable = "avx2,fma")]
    fn halves(low: [f32; 4], high: [f32; 4]) -> Lanes {
        let [a, b, c, d] = low;
        let [e, f, g, h] = high;
        _mm256_setr_ps(a, b, c, d, e, f, g, h)
    }
}
