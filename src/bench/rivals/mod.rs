//! CPU opponents for the GPU kernels: one fixed small network, trained as fast as a CPU can.
//!
//! The network has 2 inputs, 3 hidden ReLU units and 1 sigmoid output. The loss is the binary
//! cross-entropy, mean over four rows, and each epoch is one step of gradient descent over all
//! four. The rows are data like any other: nothing here relies on their values.
//!
//! A network is 13 numbers, in order: `weights0` \[2]\[3] (from input `i` to unit `j` at
//! `3 * i + j`), `bias0` \[3], `weights1` \[3], `bias1`.

// Functions for instructions that not every CPU has are unsafe to call.
#![allow(unsafe_code)]

mod scalar;
#[cfg(target_arch = "x86_64")]
mod wide;

use std::array::from_fn;

type Network = [f32; 13];
/// Four rows of two inputs and one target.
type Rows = [[f32; 3]; 4];

const UNITS: usize = 3;
const BIAS0: usize = 6;
const WEIGHTS1: usize = 9;
const BIAS1: usize = 12;

/// Which loop, and which instructions it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Row after row, as one writes it first.
    Plain,
    /// Plain Rust too, but over all rows together, as suits any CPU of the target.
    Scalar,
    /// Registers of 256 bits, and fused multiply-add.
    Avx2,
    /// Registers of 512 bits.
    Avx512,
}

impl Level {
    /// The levels that this CPU has, lowest first.
    pub fn all_here() -> Vec<Level> {
        [Level::Plain, Level::Scalar, Level::Avx2, Level::Avx512]
            .into_iter()
            .filter(|l| l.is_here())
            .collect()
    }

    /// The name for tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Level::Plain => "plain",
            Level::Scalar => "scalar",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn is_here(self) -> bool {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
        match self {
            Level::Plain | Level::Scalar => true,
            Level::Avx2 => avx2,
            Level::Avx512 => avx2 && avx512,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_here(self) -> bool {
        matches!(self, Level::Plain | Level::Scalar)
    }
}

/// Trains one network in place. What counts is how soon one epoch can follow the other.
///
/// Panics if this CPU does not have `level`.
pub fn train_one(
    parameters: &mut [f32; 13],
    rows: &[[f32; 3]; 4],
    rate: f32,
    epochs: u32,
    level: Level,
) {
    assert!(level.is_here(), "this CPU does not have {}", level.name());
    match level {
        // 512 bits would be slower: all four rows fit, but sums over them cross more lanes.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the CPU has the instructions, as asserted above.
        Level::Avx2 | Level::Avx512 => unsafe {
            wide::avx2::train_one(parameters, rows, rate, epochs)
        },
        Level::Plain => scalar::train_plain(parameters, rows, rate, epochs),
        _ => scalar::train_one(parameters, rows, rate, epochs),
    }
}

/// Trains many networks in place, each as [`train_one`] does. What counts is how many epochs of
/// how many networks are done in a second.
///
/// `parameters` is \[13]\[`networks`], so that one parameter of neighbouring networks fills a
/// register. Each of `threads` threads trains one range of the networks.
///
/// Panics if `parameters` has another length, or this CPU does not have `level`.
pub fn train_many(
    parameters: &mut [f32],
    networks: usize,
    rows: &[[f32; 3]; 4],
    rate: f32,
    epochs: u32,
    level: Level,
    threads: usize,
) {
    assert!(level.is_here(), "this CPU does not have {}", level.name());
    assert_eq!(parameters.len(), 13 * networks, "parameters must be [13][networks]");
    if networks == 0 {
        return;
    }
    // Whole groups of vectors, so that only the last thread has lanes to fill up.
    let is_wide = matches!(level, Level::Avx2 | Level::Avx512);
    let group = if is_wide { 16 * BLOCKS } else { 1 };
    let share = networks.div_ceil(threads.max(1)).next_multiple_of(group);
    let mut shares: Vec<_> = parameters.chunks_mut(networks).map(|p| p.chunks_mut(share)).collect();
    std::thread::scope(|scope| {
        for _ in 0..networks.div_ceil(share) {
            let columns: Vec<_> = shares.iter_mut().filter_map(Iterator::next).collect();
            scope.spawn(move || match level {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the CPU has the instructions, as asserted above.
                Level::Avx2 => in_groups(columns, |group| unsafe {
                    wide::avx2::train_group(group, rows, rate, epochs)
                }),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the CPU has the instructions, as asserted above.
                Level::Avx512 => in_groups(columns, |group| unsafe {
                    wide::avx512::train_group(group, rows, rate, epochs)
                }),
                _ => in_groups(columns, |group: &mut [[f32; 1]; 13]| {
                    let mut network = group.map(|[value]| value);
                    train_one(&mut network, rows, rate, epochs, level);
                    *group = network.map(|value| [value]);
                }),
            });
        }
    });
}

/// Copies networks out of their 13 columns in groups, trains each group, and copies them back. The
/// last group is filled up with networks of zeros.
fn in_groups<const SIZE: usize>(
    mut columns: Vec<&mut [f32]>,
    train: impl Fn(&mut [[f32; SIZE]; 13]),
) {
    let networks = columns[0].len();
    for start in (0..networks).step_by(SIZE) {
        let here = start..networks.min(start + SIZE);
        let mut group = [[0.0; SIZE]; 13];
        for (values, column) in group.iter_mut().zip(&columns) {
            values[..here.len()].copy_from_slice(&column[here.clone()]);
        }
        train(&mut group);
        for (values, column) in group.iter().zip(&mut columns) {
            column[here.clone()].copy_from_slice(&values[..here.len()]);
        }
    }
}

// The sigmoid of z is 1 / (1 + 2^y) with y = -log2(e) * z. With y = n + f, n whole and f at most a
// half, 2^y is a float with the exponent n, times a polynomial in f.

const LOG2_E: f32 = std::f32::consts::LOG2_E;

/// y stays within this of zero. The sigmoid is as good as 0 or 1 there, and its products are not
/// yet infinite or subnormal, which is slow.
const LIMIT: f32 = 100.0;

/// Added to y, it leaves n + 127 in the lowest bits: 23 bits further left, that is 2^n.
const ROUND: f32 = 1.5 * (1 << 23) as f32 + 127.0;

/// 2^f for f in -0.5..=0.5, lowest power first; relative error below 1e-7. The second is not quite
/// ln(2): this fits better.
#[allow(clippy::approx_constant)]
const EXP2: [f32; 6] =
    [1.0, 0.693_147, 0.240_222_42, 0.055_507_336, 0.009_671_513, 0.001_326_472_8];

/// Blocks of networks, one network per lane, that are trained in turns: while one waits for its
/// divisions, another has work.
const BLOCKS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts that differ, of networks one after the other.
    fn starts(networks: usize) -> Vec<Network> {
        use rand::RngExt;
        let mut generator = crate::random::Threefry::new(1, crate::random::Purpose::Weights, 0);
        (0..networks).map(|_| from_fn(|_| generator.random_range(-1.5..1.5))).collect()
    }

    /// The same loop in f64, from the formulas.
    fn truth(start: &Network, rows: &Rows, rate: f64, epochs: u32) -> [f64; 13] {
        let mut p = start.map(f64::from);
        for _ in 0..epochs {
            let mut next = p;
            for [x0, x1, target] in rows.map(|row| row.map(f64::from)) {
                let hidden: [f64; UNITS] =
                    from_fn(|j| (p[BIAS0 + j] + x0 * p[j] + x1 * p[UNITS + j]).max(0.0));
                let z: f64 = (0..UNITS).map(|j| hidden[j] * p[WEIGHTS1 + j]).sum();
                let step = rate * (1.0 / (1.0 + (-z - p[BIAS1]).exp()) - target) / 4.0;
                next[BIAS1] -= step;
                for j in 0..UNITS {
                    let back = if hidden[j] > 0.0 { step * p[WEIGHTS1 + j] } else { 0.0 };
                    next[WEIGHTS1 + j] -= step * hidden[j];
                    next[BIAS0 + j] -= back;
                    next[j] -= back * x0;
                    next[UNITS + j] -= back * x1;
                }
            }
            p = next;
        }
        p
    }

    const XOR: Rows = [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]];
    const OTHER: Rows = [[0.3, -1.2, 0.8], [0.5, 1.1, 0.1], [-0.7, 0.2, 1.0], [1.4, 0.9, 0.4]];

    /// Every epoch rounds a few dozen operations, on numbers of the order of 1.
    #[test]
    fn every_loop_computes_what_the_formulas_say() {
        const EPOCHS: u32 = 40;
        let bound = f64::from(EPOCHS) * 32.0 / 8_388_608.0;
        for rows in [XOR, OTHER] {
            for level in Level::all_here() {
                for start in starts(20) {
                    let mut trained = start;
                    train_one(&mut trained, &rows, 0.5, EPOCHS, level);
                    let expected = truth(&start, &rows, 0.5, EPOCHS);
                    for (value, expected) in trained.iter().zip(expected) {
                        let apart = (f64::from(*value) - expected).abs();
                        assert!(apart <= bound, "{}: {value}, not {expected}", level.name());
                    }
                }
            }
        }
    }

    /// Whatever is left over at the end of a group, a thread, or both.
    #[test]
    fn a_population_of_any_size_is_its_networks() {
        for level in Level::all_here() {
            for (networks, threads) in [(1, 1), (15, 2), (64, 3), (65, 2), (200, 7), (33, 0)] {
                let starts = starts(networks);
                let mut columns: Vec<f32> =
                    (0..13).flat_map(|i| starts.iter().map(move |start| start[i])).collect();
                train_many(&mut columns, networks, &OTHER, 0.5, 30, level, threads);
                for (at, start) in starts.iter().enumerate() {
                    let mut alone = *start;
                    train_one(&mut alone, &OTHER, 0.5, 30, level);
                    for (i, value) in alone.iter().enumerate() {
                        let together = columns[i * networks + at];
                        assert!((value - together).abs() <= 1e-4, "{}: {at}", level.name());
                    }
                }
            }
        }
    }

    #[test]
    fn wild_rates_break_nothing() {
        for level in Level::all_here() {
            let mut network = starts(1)[0];
            train_one(&mut network, &XOR, 1e30, 50, level);
            train_many(&mut [1e20; 13 * 3], 3, &XOR, 1e3, 50, level, 2);
        }
    }
}
