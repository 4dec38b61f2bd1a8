//! Elementwise kernels between rows `(channels, width)` and columns `(pixels, channels)`.

use pulp::{Simd, WithSimd};

use super::vectors::{strip_of, strip_of_mut, strips};
use super::{Isa, Lanes, Raw, Target};

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
                    *strip_of_mut::<S>(y, strip) = simd.max_f32s(floor, x);
                }
            }
            for p in inside..n {
                ys[p * total + first + channel] = Lanes::splat(0.0);
            }
        }
    }
}

/// `target[c * width + start + step * p] (+)= columns[p * total + first + c]` where `act` lets it
/// through, else 0: the gradient of [`affine_columns`], yet to be multiplied by the scale. Other
/// pixels get nothing added, or 0.
pub fn relu_grad_columns(
    isa: Isa,
    columns: &[Lanes],
    place: ColumnPlace,
    raw: Raw,
    target: Target,
) {
    isa.run(ReluGradColumns { columns, place, raw, target });
}

struct ReluGradColumns<'a> {
    columns: &'a [Lanes],
    place: ColumnPlace,
    raw: Raw<'a>,
    target: Target<'a>,
}

impl WithSimd for ReluGradColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { columns, place: ColumnPlace { step, start, first, total, .. }, raw, target } =
            self;
        let width = raw.width();
        let inside = self.place.inside(width);
        let overwrites_all = !target.add && inside == width;
        if !target.add && !overwrites_all {
            target.row.fill(Lanes::splat(0.0));
        }
        let (floor, zero) = (simd.splat_f32s(raw.floor()), simd.splat_f32s(0.0));
        let rows = raw.xs.chunks_exact(width).zip(target.row.chunks_exact_mut(width));
        for (channel, ((xs, out), (scale, offset))) in rows.zip(raw.affine.channels()).enumerate() {
            let (scale, offset) = (simd.splat_f32s(scale), simd.splat_f32s(offset));
            for p in 0..inside {
                let pixel = start + step * p;
                let (x, out) = (&xs[pixel], &mut out[pixel]);
                let d = &columns[p * total + first + channel];
                for strip in 0..strips::<S>() {
                    let x = simd.mul_add_e_f32s(scale, strip_of::<S>(x, strip), offset);
                    let passes = simd.greater_than_f32s(x, floor);
                    let out = strip_of_mut::<S>(out, strip);
                    let before = if overwrites_all { zero } else { *out };
                    let d = simd.select_f32s(passes, strip_of::<S>(d, strip), zero);
                    *out = simd.add_f32s(before, d);
                }
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
