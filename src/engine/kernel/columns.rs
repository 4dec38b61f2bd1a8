//! Elementwise kernels between rows `(channels, width)` and columns `(pixels, channels)`.

use pulp::{Simd, WithSimd};

use super::affine::at_least;
use super::vectors::{strip_of, strip_of_mut, strips};
use super::{Isa, Lanes, Raw};

/// Which pixels of a row are which columns: column `p` of `n` is pixel `start + step * p`.
#[derive(Clone, Copy, Debug)]
pub struct ColumnPlace {
    /// 1, or the stride of a strided convolution.
    pub step: usize,
    /// The pixel that is column 0.
    pub start: usize,
    /// Columns; those beyond the row are zero.
    pub n: usize,
    /// The first channel's index in a column.
    pub first: usize,
    /// Channels of a column.
    pub total: usize,
}

impl ColumnPlace {
    /// Columns that are pixels of a row of this width.
    fn inside(&self, width: usize) -> usize {
        width.saturating_sub(self.start).div_ceil(self.step).min(self.n)
    }
}

/// `ys[p * total + first + c] = act(scale · xs[c * width + start + step * p] + offset)`; zero where
/// the pixel is beyond the row.
pub fn affine_columns(isa: Isa, raw: Raw, ys: &mut [Lanes], place: ColumnPlace) {
    isa.run(AffineColumns { raw, ys, place });
}

struct AffineColumns<'a> {
    raw: Raw<'a>,
    ys: &'a mut [Lanes],
    place: ColumnPlace,
}

impl WithSimd for AffineColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { raw, ys, place: ColumnPlace { step, start, n, first, total } } = self;
        let width = raw.width();
        let inside = self.place.inside(width);
        let floor = simd.splat_f32s(raw.floor());
        let ys = &mut ys[..n * total];
        let rows = raw.xs.chunks_exact(width).zip(raw.affine.channels());
        for (channel, (xs, (scale, offset))) in rows.enumerate() {
            let (scale, offset) = (simd.splat_f32s(scale), simd.splat_f32s(offset));
            for p in 0..inside {
                let (x, y) = (&xs[start + step * p], &mut ys[p * total + first + channel]);
                for strip in 0..strips::<S>() {
                    let x = simd.mul_add_e_f32s(scale, strip_of::<S>(x, strip), offset);
                    *strip_of_mut::<S>(y, strip) = at_least(simd, floor, x);
                }
            }
            for p in inside..n {
                ys[p * total + first + channel] = Lanes::splat(0.0);
            }
        }
    }
}

/// `columns[p * channels + c] = a[c] · ds[c * width + p] + b[c] · ys[c * width + p] + g[c]` with
/// `[a, b, g]` of each channel: the gradient before a batch normalization.
pub fn norm_grad_columns(
    isa: Isa,
    ds: &[Lanes],
    ys: &[Lanes],
    coefficients: &[[f32; 3]],
    columns: &mut [Lanes],
) {
    isa.run(NormGradColumns { ds, ys, coefficients, columns });
}

struct NormGradColumns<'a> {
    ds: &'a [Lanes],
    ys: &'a [Lanes],
    coefficients: &'a [[f32; 3]],
    columns: &'a mut [Lanes],
}

impl WithSimd for NormGradColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { ds, ys, coefficients, columns } = self;
        let channels = coefficients.len();
        let width = ds.len() / channels;
        let rows = ds.chunks_exact(width).zip(ys.chunks_exact(width));
        for (channel, ((ds, ys), [a, b, g])) in rows.zip(coefficients).enumerate() {
            let (of_d, of_y) = (simd.splat_f32s(*a), simd.splat_f32s(*b));
            let constant = simd.splat_f32s(*g);
            for (p, (d, y)) in ds.iter().zip(ys).enumerate() {
                let column = &mut columns[p * channels + channel];
                for strip in 0..strips::<S>() {
                    let y = simd.mul_add_e_f32s(of_y, strip_of::<S>(y, strip), constant);
                    let d = simd.mul_add_e_f32s(of_d, strip_of::<S>(d, strip), y);
                    *strip_of_mut::<S>(column, strip) = d;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
