//! Counter-based randomness: Threefry-2x32-20 (Salmon et al., "Parallel random numbers: as easy as
//! 1, 2, 3", SC 2011). Only additions, rotations and exclusive ors of 32 bits, so that
//! `shaders/common/threefry.wgsl` gives the same bits; no state, so that any draw of any stream can be
//! computed without the ones before it.

use std::convert::Infallible;

use rand::{SeedableRng, TryRng};

const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
const PARITY: u32 = 0x1BD1_1BDA;

/// The bijection: 64 bits of counter under 64 bits of key.
pub fn threefry2x32(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let keys = [key[0], key[1], PARITY ^ key[0] ^ key[1]];
    let mut x = [counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1])];
    for round in 0..20 {
        x[0] = x[0].wrapping_add(x[1]);
        x[1] = x[1].rotate_left(ROTATIONS[round % 8]) ^ x[0];
        if round % 4 == 3 {
            let injection = round / 4 + 1;
            x[0] = x[0].wrapping_add(keys[injection % 3]);
            x[1] = x[1].wrapping_add(keys[(injection + 1) % 3]).wrapping_add(injection as u32);
        }
    }
    x
}

/// The purpose of a stream. The numbers are part of what a seed means: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Purpose {
    /// A layer's starting weights.
    Weights = 1,
    /// The order of rows; the layer is 0.
    Order = 2,
    /// Generated rows; the layer is 0.
    Rows = 3,
    /// Which rows are for validation; the layer is 0.
    Validation = 4,
    /// Which units a step drops.
    Dropout = 5,
}

/// A seed as a key.
pub(crate) fn seed_key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// The second counter word of the stream (purpose, layer).
pub const fn stream_id(purpose: Purpose, layer: u32) -> u32 {
    (purpose as u32) << 16 | layer
}

/// The numbers of one stream (purpose, layer) of one seed, first to last.
///
/// Number `i` is word `i % 2` of the block at counter `(i / 2, stream)`. It has rand's traits, so that
/// that crate's distributions work with it. It repeats after 2^33 numbers.
#[derive(Debug, Clone)]
pub struct Threefry {
    key: [u32; 2],
    stream: u32,
    block: u32,
    spare: Option<u32>,
}

impl Threefry {
    /// The stream (purpose, layer) of `seed`, at its first number.
    pub fn new(seed: u64, purpose: Purpose, layer: u32) -> Threefry {
        Threefry { key: seed_key(seed), stream: stream_id(purpose, layer), block: 0, spare: None }
    }
}

/// Two independent standard normal draws (Box and Muller 1958) from 64 random bits.
pub(crate) fn unit_normals(first: u32, second: u32) -> (f64, f64) {
    const STEP: f64 = 1.0 / 4_294_967_296.0;
    let radius = libm::sqrt(-2.0 * libm::log((f64::from(first) + 0.5) * STEP));
    let angle = std::f64::consts::TAU * (f64::from(second) * STEP);
    (radius * libm::cos(angle), radius * libm::sin(angle))
}

impl TryRng for Threefry {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.spare.take().unwrap_or_else(|| {
            let [first, second] = threefry2x32(self.key, [self.block, self.stream]);
            self.block = self.block.wrapping_add(1);
            self.spare = Some(second);
            first
        }))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let low = u64::from(self.try_next_u32()?);
        Ok(low | u64::from(self.try_next_u32()?) << 32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            chunk.copy_from_slice(&self.try_next_u32()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl SeedableRng for Threefry {
    type Seed = [u8; 8];

    /// Stream 0 of a seed, for rand's own use of a generator.
    fn from_seed(seed: [u8; 8]) -> Threefry {
        Threefry { key: seed_key(u64::from_le_bytes(seed)), stream: 0, block: 0, spare: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt};

    /// Random123's `kat_vectors`, the three lines `threefry2x32 20`.
    #[test]
    fn known_answers_of_random123() {
        let pi = ([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]);
        for ((key, counter), expected) in [
            (([0; 2], [0; 2]), [0x6b20_0159, 0x99ba_4efe]),
            (([u32::MAX; 2], [u32::MAX; 2]), [0x1cb9_96fc, 0xbb00_2be7]),
            (pi, [0xc492_3a9c, 0x483d_f7a0]),
        ] {
            assert_eq!(threefry2x32(key, counter), expected);
        }
    }

    #[test]
    fn a_stream_is_its_blocks_in_order() {
        let mut stream = Threefry::new(u64::MAX - 5, Purpose::Weights, 3);
        let key = seed_key(u64::MAX - 5);
        for block in 0..10 {
            let expected = threefry2x32(key, [block, 0x0001_0003]);
            assert_eq!([stream.next_u32(), stream.next_u32()], expected);
        }
    }

    #[test]
    fn distributions_of_rand_work_with_it() {
        let mut stream = Threefry::seed_from_u64(1);
        let mean = (0..10_000).map(|_| stream.random_range(0.0..1.0)).sum::<f64>() / 10_000.0;
        // Standard error of the mean of 10,000 uniform draws: sqrt(1/12) / 100.
        assert!((mean - 0.5).abs() < 5.0 * 0.00289, "{mean}");
        let mut bytes = [0; 7];
        stream.fill_bytes(&mut bytes);
        assert_ne!(bytes, [0; 7]);
    }
}
