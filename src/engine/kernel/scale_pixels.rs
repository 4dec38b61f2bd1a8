//! Each pixel of a row times a factor of its own.

use pulp::{Simd, WithSimd};

use super::vectors::{strips, vectors, vectors_mut};
use super::{Isa, Lanes, RowPlace};

mod tests;

/// `out[c*padded + before + step*x] = factors[x] · xs[c*width + x]`, with `padded`, `before` and
/// `step` of `place`; other columns of `out` are left as they are.
///
/// `xs` is `(channels, width)`, `factors` is `(width)`, `out` is `(channels, padded)`. Average
/// pools divide by how many inputs each window covers.
pub fn scale_pixels(isa: Isa, xs: &[Lanes], factors: &[f32], out: &mut [Lanes], place: RowPlace) {
    isa.run(ScalePixels { xs, factors, out, place });
}

struct ScalePixels<'a> {
    xs: &'a [Lanes],
    factors: &'a [f32],
    out: &'a mut [Lanes],
    place: RowPlace,
}

impl WithSimd for ScalePixels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { xs, factors, out, place } = self;
        for (channel, xs) in xs.chunks_exact(factors.len()).enumerate() {
            let pixels = place.channel_mut(out, channel).iter_mut().step_by(place.step);
            for ((x, factor), pixel) in xs.iter().zip(factors).zip(pixels) {
                let factor = simd.splat_f32s(*factor);
                let xs = vectors::<S>(std::slice::from_ref(x));
                let ys = vectors_mut::<S>(std::slice::from_mut(pixel));
                for strip in 0..strips::<S>() {
                    ys[strip] = simd.mul_f32s(factor, xs[strip]);
                }
            }
        }
    }
}
