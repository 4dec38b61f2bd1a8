//! exp, the logistic function and tanh of vectors, to a few units in the last place.

use pulp::Simd;

/// Beyond these exp is no normal number.
const LOWEST: f32 = -87.3;
const HIGHEST: f32 = 88.3;
/// 1.5·2²³ + 127: what is added to it is rounded to a whole number, whose low bits are the
/// exponent of that power of 2.
const ROUND: f32 = 12_583_039.0;
/// ln 2 as the sum of a short number and a small one.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// Of `(exp r − 1 − r) / r²`, |r| ≤ ln 2 / 2, the highest power first (Cephes).
const SERIES: [f32; 6] =
    [1.987_569_2e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 5e-1];

/// `exp x`; that of the nearest bound where it is no normal number; none of what is infinite or none.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, xs: S::f32s) -> S::f32s {
    // Bounds swallow what is no number, on some machines.
    let none = simd.mul_f32s(xs, simd.splat_f32s(0.0));
    let x = simd.min_f32s(simd.max_f32s(xs, simd.splat_f32s(LOWEST)), simd.splat_f32s(HIGHEST));
    let power =
        simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), simd.splat_f32s(ROUND));
    let n = simd.sub_f32s(power, simd.splat_f32s(ROUND));
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2[0]), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2[1]), r);
    let mut series = simd.splat_f32s(SERIES[0]);
    for coefficient in &SERIES[1..] {
        series = simd.mul_add_e_f32s(series, r, simd.splat_f32s(*coefficient));
    }
    let one = simd.splat_f32s(1.0);
    let fraction = simd.mul_add_e_f32s(series, simd.mul_f32s(r, r), simd.add_f32s(r, one));
    let bits = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(power), simd.splat_u32s(23));
    simd.mul_add_e_f32s(fraction, simd.transmute_f32s_u32s(bits), none)
}

/// `1 / (1 + exp −x)`
#[inline(always)]
pub(super) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// `1 − 2 / (1 + exp 2x)`: near 0 as exact as numbers near 1 are.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let power = exp(simd, simd.add_f32s(x, x));
    simd.sub_f32s(one, simd.div_f32s(simd.splat_f32s(2.0), simd.add_f32s(one, power)))
}

#[cfg(test)]
mod tests;
