//! Elementwise kernels from rows to rows. A row is `(channels, width)`.

use pulp::{Simd, WithSimd};

use super::affine::at_least;
use super::vectors::{vectors, vectors_mut};
use super::{Affine, GradRow, Isa, Lanes, Raw};

/// Where the pixels of a row lie in a padded row.
#[derive(Clone, Copy, Debug)]
pub struct Padded {
    /// Padding columns before the first pixel.
    pub before: usize,
    /// Columns of the padded row.
    pub padded: usize,
}

/// `ys[c * padded + before + x] = act(scale · xs[c * width + x] + offset)`; padding columns are
/// left as they are.
pub fn affine_padded(isa: Isa, raw: Raw, ys: &mut [Lanes], pad: Padded) {
    isa.run(AffinePadded { raw, ys, pad });
}

struct AffinePadded<'a> {
    raw: Raw<'a>,
    ys: &'a mut [Lanes],
    pad: Padded,
}

impl WithSimd for AffinePadded<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { raw, ys, pad } = self;
        let width = raw.width();
        let floor = simd.splat_f32s(raw.floor());
        let rows = raw.xs.chunks_exact(width).zip(ys.chunks_exact_mut(pad.padded));
        for ((xs, ys), (scale, offset)) in rows.zip(raw.affine.channels()) {
            let (scale, offset) = (simd.splat_f32s(scale), simd.splat_f32s(offset));
            let ys = vectors_mut::<S>(&mut ys[pad.before..][..width]);
            for (x, y) in vectors::<S>(xs).iter().zip(ys) {
                *y = at_least(simd, floor, simd.mul_add_e_f32s(scale, *x, offset));
            }
        }
    }
}

/// `ys = affine_a(a) + affine_b(b)`, rows of equal shape.
pub fn add_affine(isa: Isa, a: (&[Lanes], Affine), b: (&[Lanes], Affine), ys: &mut [Lanes]) {
    isa.run(AddAffine { a, b, ys });
}

struct AddAffine<'a> {
    a: (&'a [Lanes], Affine<'a>),
    b: (&'a [Lanes], Affine<'a>),
    ys: &'a mut [Lanes],
}

impl WithSimd for AddAffine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a: (a, affine_a), b: (b, affine_b), ys } = self;
        let width = ys.len() / affine_a.scale.len();
        let rows = a.chunks_exact(width).zip(b.chunks_exact(width)).zip(ys.chunks_exact_mut(width));
        let channels = affine_a.channels().zip(affine_b.channels());
        for (((a, b), ys), ((scale_a, offset_a), (scale_b, offset_b))) in rows.zip(channels) {
            let (scale_a, scale_b) = (simd.splat_f32s(scale_a), simd.splat_f32s(scale_b));
            let offset = simd.splat_f32s(offset_a + offset_b);
            let inputs = vectors::<S>(a).iter().zip(vectors::<S>(b));
            for ((a, b), y) in inputs.zip(vectors_mut::<S>(ys)) {
                let b = simd.mul_add_e_f32s(scale_b, *b, offset);
                *y = simd.mul_add_e_f32s(scale_a, *a, b);
            }
        }
    }
}

/// `target (+)= ds` where `act` lets it through, else 0: the gradient before a ReLU, of one after
/// it. It has yet to be multiplied by the scale.
pub fn relu_grad(isa: Isa, ds: &[Lanes], raw: Raw, target: GradRow) {
    isa.run(ReluGrad { ds, raw, target });
}

struct ReluGrad<'a> {
    ds: &'a [Lanes],
    raw: Raw<'a>,
    target: GradRow<'a>,
}

impl WithSimd for ReluGrad<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { ds, raw, target } = self;
        let width = raw.width();
        let floor = simd.splat_f32s(raw.floor());
        let zero = simd.splat_f32s(0.0);
        let rows = ds.chunks_exact(width).zip(raw.xs.chunks_exact(width));
        let rows = rows.zip(target.row.chunks_exact_mut(width));
        for (((ds, xs), out), (scale, offset)) in rows.zip(raw.affine.channels()) {
            let (scale, offset) = (simd.splat_f32s(scale), simd.splat_f32s(offset));
            let inputs = vectors::<S>(ds).iter().zip(vectors::<S>(xs));
            for ((d, x), out) in inputs.zip(vectors_mut::<S>(out)) {
                let passes = simd.greater_than_f32s(simd.mul_add_e_f32s(scale, *x, offset), floor);
                let before = if target.add { *out } else { zero };
                *out = simd.add_f32s(before, simd.select_f32s(passes, *d, zero));
            }
        }
    }
}

/// `out += xs`.
pub fn add_assign(isa: Isa, xs: &[Lanes], out: &mut [Lanes]) {
    isa.run(AddAssign { xs, out });
}

struct AddAssign<'a> {
    xs: &'a [Lanes],
    out: &'a mut [Lanes],
}

impl WithSimd for AddAssign<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (x, out) in vectors::<S>(self.xs).iter().zip(vectors_mut::<S>(self.out)) {
            *out = simd.add_f32s(*out, *x);
        }
    }
}

#[cfg(test)]
mod tests;
