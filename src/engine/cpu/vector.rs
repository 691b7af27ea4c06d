//! Vectors: one number of each of several networks, or four numbers of a row. Functions are made of the operations of IEEE 754 alone,
//! none of them fused, in the same order however wide vectors are: all of them give the same bits.

use std::ops::{Add, Div, Mul, Neg, Sub};

use bytemuck::Pod;
use wide::{f32x4, i32x4, u32x4};

use crate::network::Number;

/// Several numbers in a register.
pub(super) trait Vector: Number + Pod {
    /// The same number for all.
    fn splat(value: f32) -> Self;
    /// At least and at most a number. What is no number stays none.
    fn within(self, least: f32, most: f32) -> Self;
    /// Bits moved up by 23: from the last of a mantissa to the last of an exponent.
    fn shifted(self) -> Self;
    /// With the sign of another.
    fn signed_as(self, other: Self) -> Self;
    /// The one whose bits are larger, of numbers without signs: what is no number is larger than all.
    fn larger(self, other: Self) -> Self;
}

// e^x = 2^n e^r with n whole and |r| at most ln(2)/2, and e^r = 1 + r + r^2 p(r): the method and the
// coefficients of Cephes' expf (Moshier 1992). All is computed twice as large and 2^(n-1) put to it, since
// 2^128 is not an f32 but some of its products here are.

/// The closest number to ln(2) of 10 bits, whose products with n are exact, and the rest.
const LN2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
/// Twice the coefficients of p, highest power first.
const EXP: [f32; 6] = [
    2.0 * 1.987_569_1e-4,
    2.0 * 1.398_199_9e-3,
    2.0 * 8.333_452e-3,
    2.0 * 4.166_579_6e-2,
    2.0 * 1.666_666_5e-1,
    2.0 * 0.5,
];
/// Added to x / ln(2), it leaves n + 126 in the lowest bits: 23 bits further up, that is 2^(n-1).
const ROUND: f32 = 1.5 * (1 << 23) as f32 + 126.0;
/// Where exponentials are 0, and where they are infinite.
const SMALL: f32 = -87.3;
const LARGE: f32 = 88.9;

/// 2^(n-1), and `2 (e^r - 1)`.
#[inline(always)]
fn parts<V: Vector>(x: V) -> (V, V) {
    let x = x.within(SMALL, LARGE);
    let rounded = x * V::splat(std::f32::consts::LOG2_E) + V::splat(ROUND);
    let n = rounded - V::splat(ROUND);
    let r = (x - n * V::splat(LN2[0])) - n * V::splat(LN2[1]);
    let mut p = V::splat(EXP[0]);
    for coefficient in &EXP[1..] {
        p = p * r + V::splat(*coefficient);
    }
    (rounded.shifted(), (r + r) + (r * r) * p)
}

/// Within 2 units in the last place; 0 below -87, where exponentials become subnormal.
#[inline(always)]
fn exp<V: Vector>(x: V) -> V {
    let (power, rest) = parts(x);
    power * (rest + V::splat(2.0))
}

/// Within 4 units in the last place.
#[inline(always)]
fn exp_m1<V: Vector>(x: V) -> V {
    let (power, rest) = parts(x);
    // Halves, and twice their sum: where 2^n is no f32, the sum may be one.
    let half = power * (rest * V::splat(0.5)) + (power - V::splat(0.5));
    half + half
}

/// Within 6 units in the last place: `-m / (2 + m)` with `m = e^(-2 |x|) - 1`, and the sign of x.
#[inline(always)]
fn tanh<V: Vector>(x: V) -> V {
    let m = exp_m1(x.abs() * V::splat(-2.0));
    (-m / (V::splat(2.0) + m)).signed_as(x)
}

/// Four numbers: in SSE2, NEON or simd128, else an array.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(super) struct Four(f32x4);

// SAFETY: f32 and nothing else.
#[allow(unsafe_code)]
unsafe impl bytemuck::Zeroable for Four {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Pod for Four {}

impl From<[f32; 4]> for Four {
    #[inline(always)]
    fn from(list: [f32; 4]) -> Four {
        Four(f32x4::new(list))
    }
}

impl From<Four> for [f32; 4] {
    #[inline(always)]
    fn from(four: Four) -> [f32; 4] {
        four.0.to_array()
    }
}

impl Four {
    /// Each of its numbers four times.
    #[inline(always)]
    pub(super) fn lanes(self) -> [Four; 4] {
        let (low, high) = (self.0.unpack_lo(self.0), self.0.unpack_hi(self.0));
        [
            Four(low.unpack_lo(low)),
            Four(low.unpack_hi(low)),
            Four(high.unpack_lo(high)),
            Four(high.unpack_hi(high)),
        ]
    }

    /// Columns of four rows.
    #[inline(always)]
    pub(super) fn transposed(rows: [Four; 4]) -> [Four; 4] {
        let [a, b, c, d] = rows;
        let [a, b, c, d] = f32x4::transpose([a.0, b.0, c.0, d.0]);
        [Four(a), Four(b), Four(c), Four(d)]
    }
}

impl Vector for Four {
    #[inline(always)]
    fn splat(value: f32) -> Four {
        Four(f32x4::splat(value))
    }
    #[inline(always)]
    fn within(self, least: f32, most: f32) -> Four {
        let (least, most) = (Four::splat(least), Four::splat(most));
        let x = self.above(most, most, self);
        least.above(x, least, x)
    }
    #[inline(always)]
    fn shifted(self) -> Four {
        Four(bytemuck::cast(bytemuck::cast::<f32x4, u32x4>(self.0) << 23))
    }
    #[inline(always)]
    fn signed_as(self, other: Four) -> Four {
        Four(self.abs().0 | (other.0 & f32x4::splat(-0.0)))
    }
    #[inline(always)]
    fn larger(self, other: Four) -> Four {
        let [one, other] = [self, other].map(|four| bytemuck::cast::<f32x4, i32x4>(four.0));
        Four(bytemuck::cast(one.max(other)))
    }
}

/// What a vector type has as a number, from its instructions. No closures: they would not be compiled for
/// these.
macro_rules! number {
    (
        $type:ident $(<$v:ident: $bound:ident>)?:
        operators { $( $trait:ident $name:ident($a:ident, $b:ident) $operation:block )+ }
        neg($n:ident) $neg:block
        sqrt($s:ident) $sqrt:block
        abs($p:ident) $abs:block
        above($c:ident, $d:ident, $yes:ident, $no:ident) $above:block
    ) => {
        number! { @operators [$type $(<$v: $bound>)?] $( $trait $name($a, $b) $operation )+ }

        impl$(<$v: $bound>)? Neg for $type$(<$v>)? {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                let $n = self;
                $neg
            }
        }

        impl$(<$v: $bound>)? Number for $type$(<$v>)? {
            #[inline(always)]
            fn of(value: f64) -> Self {
                Self::splat(value as f32)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                exp(self)
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                exp_m1(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                tanh(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                let $s = self;
                $sqrt
            }
            #[inline(always)]
            fn abs(self) -> Self {
                let $p = self;
                $abs
            }
            #[inline(always)]
            fn above(self, $d: Self, $yes: Self, $no: Self) -> Self {
                let $c = self;
                $above
            }
        }
    };
    (@operators $type:tt) => {};
    (
        @operators [$type:ident $(<$v:ident: $bound:ident>)?]
        $trait:ident $name:ident($a:ident, $b:ident) $operation:block $($rest:tt)*
    ) => {
        impl$(<$v: $bound>)? $trait for $type$(<$v>)? {
            type Output = Self;
            #[inline(always)]
            fn $name(self, $b: Self) -> Self {
                let $a = self;
                $operation
            }
        }
        number! { @operators [$type $(<$v: $bound>)?] $($rest)* }
    };
}

number! {
    Four:
    operators {
        Add add(a, b) { Four(a.0 + b.0) }
        Sub sub(a, b) { Four(a.0 - b.0) }
        Mul mul(a, b) { Four(a.0 * b.0) }
        Div div(a, b) { Four(a.0 / b.0) }
    }
    neg(a) { Four(a.0 ^ f32x4::splat(-0.0)) }
    sqrt(a) { Four(a.0.sqrt()) }
    abs(a) { Four(a.0.abs()) }
    above(a, b, yes, no) { Four(a.0.simd_gt(b.0).bitselect(yes.0, no.0)) }
}

/// Two vectors, of which each operation is done before the next: so that one works while the other waits.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(super) struct Pair<V>(pub [V; 2]);

// SAFETY: an array of what may be made of any bits, and nothing else.
#[allow(unsafe_code)]
unsafe impl<V: Vector> bytemuck::Zeroable for Pair<V> {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl<V: Vector> Pod for Pair<V> {}

impl<V: Vector> Vector for Pair<V> {
    #[inline(always)]
    fn splat(value: f32) -> Pair<V> {
        Pair([V::splat(value); 2])
    }
    #[inline(always)]
    fn within(self, least: f32, most: f32) -> Pair<V> {
        Pair([self.0[0].within(least, most), self.0[1].within(least, most)])
    }
    #[inline(always)]
    fn shifted(self) -> Pair<V> {
        Pair([self.0[0].shifted(), self.0[1].shifted()])
    }
    #[inline(always)]
    fn signed_as(self, other: Pair<V>) -> Pair<V> {
        Pair([self.0[0].signed_as(other.0[0]), self.0[1].signed_as(other.0[1])])
    }
    #[inline(always)]
    fn larger(self, other: Pair<V>) -> Pair<V> {
        Pair([self.0[0].larger(other.0[0]), self.0[1].larger(other.0[1])])
    }
}

number! {
    Pair<V: Vector>:
    operators {
        Add add(a, b) { Pair([a.0[0] + b.0[0], a.0[1] + b.0[1]]) }
        Sub sub(a, b) { Pair([a.0[0] - b.0[0], a.0[1] - b.0[1]]) }
        Mul mul(a, b) { Pair([a.0[0] * b.0[0], a.0[1] * b.0[1]]) }
        Div div(a, b) { Pair([a.0[0] / b.0[0], a.0[1] / b.0[1]]) }
    }
    neg(a) { Pair([-a.0[0], -a.0[1]]) }
    sqrt(a) { Pair([a.0[0].sqrt(), a.0[1].sqrt()]) }
    abs(a) { Pair([a.0[0].abs(), a.0[1].abs()]) }
    above(a, b, yes, no) {
        Pair([
            a.0[0].above(b.0[0], yes.0[0], no.0[0]),
            a.0[1].above(b.0[1], yes.0[1], no.0[1]),
        ])
    }
}

/// Registers of x86-64: a new type around each, since operators of foreign ones are not ours to define.
#[cfg(target_arch = "x86_64")]
macro_rules! register {
    (
        $type:ident($register:ident), $lanes:literal networks,
        floats $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident $splat:ident
            $larger:ident $smaller:ident,
        bits $bits:ident $floats:ident $shift:ident $and:ident $or:ident $xor:ident $max:ident,
        above($a:ident, $b:ident, $yes:ident, $no:ident) $above:expr
    ) => {
        #[doc = concat!("A register of ", $lanes, " networks.")]
        #[derive(Debug, Clone, Copy)]
        #[repr(transparent)]
        pub(super) struct $type(std::arch::x86_64::$register);

        // SAFETY: f32 and nothing else.
        #[allow(unsafe_code)]
        unsafe impl bytemuck::Zeroable for $type {}
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe impl Pod for $type {}

        // SAFETY: vectors of this type are computed with in functions alone that are compiled for these
        // instructions, and those are called where the CPU was asked for them.
        #[allow(unsafe_code)]
        const _: () = {
            use std::arch::x86_64::*;

            const SIGN: f32 = -0.0;

            impl Vector for $type {
                #[inline(always)]
                fn splat(value: f32) -> $type {
                    unsafe { $type($splat(value)) }
                }
                #[inline(always)]
                fn within(self, least: f32, most: f32) -> $type {
                    // Of two of which one is no number these give the second.
                    unsafe { $type($larger($splat(least), $smaller($splat(most), self.0))) }
                }
                #[inline(always)]
                fn shifted(self) -> $type {
                    unsafe { $type($floats($shift::<23>($bits(self.0)))) }
                }
                #[inline(always)]
                fn signed_as(self, other: $type) -> $type {
                    unsafe {
                        let sign = $and($bits(other.0), $bits($splat(SIGN)));
                        $type($floats($or($bits(self.abs().0), sign)))
                    }
                }
                #[inline(always)]
                fn larger(self, other: $type) -> $type {
                    unsafe { $type($floats($max($bits(self.0), $bits(other.0)))) }
                }
            }

            number! {
                $type:
                operators {
                    Add add(a, b) { unsafe { $type($add(a.0, b.0)) } }
                    Sub sub(a, b) { unsafe { $type($sub(a.0, b.0)) } }
                    Mul mul(a, b) { unsafe { $type($mul(a.0, b.0)) } }
                    Div div(a, b) { unsafe { $type($div(a.0, b.0)) } }
                }
                neg(a) { unsafe { $type($floats($xor($bits(a.0), $bits($splat(SIGN))))) } }
                sqrt(a) { unsafe { $type($sqrt(a.0)) } }
                abs(a) {
                    let rest = f32::from_bits(!SIGN.to_bits());
                    unsafe { $type($floats($and($bits(a.0), $bits($splat(rest))))) }
                }
                above(a, b, yes, no) {
                    let ($a, $b, $yes, $no) = (a.0, b.0, yes.0, no.0);
                    unsafe { $type($above) }
                }
            }
        };
    };
}

#[cfg(target_arch = "x86_64")]
register! {
    Avx2(__m256), 8 networks,
    floats _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_div_ps _mm256_sqrt_ps _mm256_set1_ps
        _mm256_max_ps _mm256_min_ps,
    bits _mm256_castps_si256 _mm256_castsi256_ps _mm256_slli_epi32 _mm256_and_si256 _mm256_or_si256
        _mm256_xor_si256 _mm256_max_epi32,
    // Not by a blend, of which the compiler makes one instruction more where `no` is 0.
    above(a, b, yes, no)
        _mm256_xor_ps(no, _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b), _mm256_xor_ps(yes, no)))
}

#[cfg(target_arch = "x86_64")]
register! {
    Avx512(__m512), 16 networks,
    floats _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_sqrt_ps _mm512_set1_ps
        _mm512_max_ps _mm512_min_ps,
    bits _mm512_castps_si512 _mm512_castsi512_ps _mm512_slli_epi32 _mm512_and_si512 _mm512_or_si512
        _mm512_xor_si512 _mm512_max_epi32,
    above(a, b, yes, no) _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far `value` is from `exact`, in units of the last place of an f32 of that size.
    fn ulps(value: f32, exact: f64) -> f64 {
        let size = (exact.abs() as f32).max(f32::MIN_POSITIVE);
        let unit = f64::from(f32::from_bits(size.to_bits() + 1)) - f64::from(size);
        (f64::from(value) - exact).abs() / unit
    }

    /// One in some thousands of all f32 of a range of sizes, with both signs.
    fn all(least: f32, most: f32) -> impl Iterator<Item = f32> {
        (least.to_bits()..=most.to_bits()).step_by(2003).flat_map(|bits| {
            let value = f32::from_bits(bits);
            [value, -value]
        })
    }

    fn one(function: fn(Four) -> Four, x: f32) -> f32 {
        <[f32; 4]>::from(function(Four::splat(x)))[0]
    }

    #[test]
    fn functions_are_within_their_bounds_of_f64() {
        for x in all(1e-30, 88.7) {
            let wide = f64::from(x);
            if x > -86.9 {
                let error = ulps(one(exp, x), wide.exp());
                assert!(error <= 2.0, "exp {x}: {error}");
            }
            let error = ulps(one(exp_m1, x), wide.exp_m1());
            assert!(error <= 4.0, "exp_m1 {x}: {error}");
            let error = ulps(one(tanh, x), wide.tanh());
            assert!(error <= 6.0, "tanh {x}: {error}");
        }
    }

    #[test]
    fn special_values_are_those_of_f32() {
        type Both = (fn(Four) -> Four, fn(f32) -> f32);
        let functions: [Both; 3] = [(exp, f32::exp), (exp_m1, f32::exp_m1), (tanh, f32::tanh)];
        let values = [0.0, -0.0, 1e-40, -1e-40, 200.0, -200.0, 89.0, -110.0, 3e38, -3e38];
        for (here, there) in functions {
            for x in values.into_iter().chain([f32::INFINITY, f32::NEG_INFINITY]) {
                let (value, expected) = (one(here, x), there(x));
                assert!((value - expected).abs() <= 1e-37 || value == expected, "{x}: {value}");
            }
            assert!(one(here, f32::NAN).is_nan());
        }
    }
}
