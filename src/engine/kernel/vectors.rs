//! [`Lanes`] seen as the vectors of an instruction set.

use pulp::Simd;

use super::{LANES, Lanes};

/// Vectors in one [`Lanes`].
#[inline(always)]
pub(super) const fn strips<S: Simd>() -> usize {
    LANES / S::F32_LANES
}

/// One of the [`strips`] of `lanes`.
#[inline(always)]
pub(super) fn strip_of<S: Simd>(lanes: &Lanes, strip: usize) -> S::f32s {
    S::as_simd_f32s(&lanes.0).0[strip]
}

/// The same, to be written.
#[inline(always)]
pub(super) fn strip_of_mut<S: Simd>(lanes: &mut Lanes, strip: usize) -> &mut S::f32s {
    &mut S::as_mut_simd_f32s(&mut lanes.0).0[strip]
}

/// All vectors of `xs`, one after the other.
#[inline(always)]
pub(super) fn vectors<S: Simd>(xs: &[Lanes]) -> &[S::f32s] {
    S::as_simd_f32s(bytemuck::cast_slice(xs)).0
}

/// The same, to be written.
#[inline(always)]
pub(super) fn vectors_mut<S: Simd>(xs: &mut [Lanes]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(bytemuck::cast_slice_mut(xs)).0
}

/// The sum of the lanes that `valid` has 1 for, whatever the others hold.
#[inline(always)]
pub(super) fn valid_sum<S: Simd>(simd: S, xs: S::f32s, valid: S::f32s) -> f32 {
    let zero = simd.splat_f32s(0.0);
    simd.reduce_sum_f32s(simd.select_f32s(simd.greater_than_f32s(valid, zero), xs, zero))
}
