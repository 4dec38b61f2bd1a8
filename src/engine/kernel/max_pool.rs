//! 3×3 max pools: the maxima, which tap of its window each comes from, and the gradient.

use std::array;

use pulp::{Simd, WithSimd};

use super::vectors::{strips, vectors, vectors_mut};
use super::{Isa, Lanes, Place, Windows};

mod tests;

/// The side of the window.
const SIDE: usize = 3;

/// `out[c*width + x]`: the largest of `rows[ky][c*padded + x*stride + kx]`, over all `ky`, `kx`.
///
/// `rows` are padded rows `(channels, padded)`, padded with -∞; `out` is `(channels, width)`.
pub fn max_pool(isa: Isa, windows: Windows, rows: &[&[Lanes]; 3], out: &mut [Lanes]) {
    isa.run(Maxima { windows, rows, out });
}

struct Maxima<'a> {
    windows: Windows,
    rows: &'a [&'a [Lanes]; 3],
    out: &'a mut [Lanes],
}

impl WithSimd for Maxima<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { windows: Windows { stride, width, padded, .. }, rows, out } = self;
        for (channel, out) in out.chunks_exact_mut(width).enumerate() {
            let lines = lines::<S>(rows, channel * padded, padded);
            for (at, out) in vectors_mut::<S>(out).iter_mut().enumerate() {
                let taps = window::<S>(lines, first_vector::<S>(at, stride));
                *out = maximum(simd, taps);
            }
        }
    }
}

/// Which of the 9 taps of its window, row by row, holds the first maximum of output `x`, into
/// column `place.before + place.step * x` of `out`, a padded row `(channels, place.padded)`. Other
/// columns are left as they are: for [`max_pool_grad`], fill them with [`NO_TAP`].
///
/// `rows` as for [`max_pool`].
pub fn max_pool_taps(
    isa: Isa,
    windows: Windows,
    rows: &[&[Lanes]; 3],
    out: &mut [Lanes],
    place: Place,
) {
    isa.run(Taps { windows, rows, out, place });
}

/// The tap of what is no output.
pub const NO_TAP: f32 = 255.0;

struct Taps<'a> {
    windows: Windows,
    rows: &'a [&'a [Lanes]; 3],
    out: &'a mut [Lanes],
    place: Place,
}

impl WithSimd for Taps<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { windows: Windows { stride, channels, width, padded, .. }, rows, out, place } =
            self;
        for channel in 0..channels {
            let lines = lines::<S>(rows, channel * padded, padded);
            let out = vectors_mut::<S>(place.channel_mut(out, channel));
            for at in 0..width * strips::<S>() {
                let window = window::<S>(lines, first_vector::<S>(at, stride));
                let maximum = maximum(simd, window);
                let mut tap = simd.splat_f32s((SIDE * SIDE - 1) as f32);
                for (idx, x) in window.as_flattened().iter().enumerate().rev() {
                    let is_maximum = simd.equal_f32s(*x, maximum);
                    tap = simd.select_f32s(is_maximum, simd.splat_f32s(idx as f32), tap);
                }
                out[first_vector::<S>(at, place.step)] = tap;
            }
        }
    }
}

/// The gradient of an input row: each output's gradient goes to the input that its tap names,
///
/// ```text
/// out[c*width + x] = Σ_{ky,kx} ds[2-ky][c*padded + x + 2-kx] where taps[2-ky][same] == 3*ky + kx
/// ```
///
/// `out` is `(channels, width)`; `taps` and `ds` are padded rows `(channels, padded)`, and
/// `windows` has stride 1, `width` inputs in a row, and `padded ≥ width + 2`. For a pool with
/// stride `s` and `p` padding rows and columns before its input, outputs are spread out by `s`:
/// output `ox` is at column `2 - p + s*ox`, the `before` and `step` of its [`Place`], all other
/// columns hold [`NO_TAP`]. For input row `r` the three rows, `i` = 0, 1, 2 from top to bottom,
/// are those of output row `(r + p - 2 + i) / s`, where that is a whole number and such a row is;
/// else a row that is all [`NO_TAP`], whose gradients may be anything.
pub fn max_pool_grad(
    isa: Isa,
    windows: Windows,
    taps: &[&[Lanes]; 3],
    ds: &[&[Lanes]; 3],
    out: &mut [Lanes],
) {
    isa.run(Gradient { windows, taps, ds, out });
}

struct Gradient<'a> {
    windows: Windows,
    taps: &'a [&'a [Lanes]; 3],
    ds: &'a [&'a [Lanes]; 3],
    out: &'a mut [Lanes],
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { windows: Windows { width, padded, .. }, taps, ds, out } = self;
        for (channel, out) in out.chunks_exact_mut(width).enumerate() {
            let taps = lines::<S>(taps, channel * padded, padded);
            let ds = lines::<S>(ds, channel * padded, padded);
            for (at, out) in vectors_mut::<S>(out).iter_mut().enumerate() {
                let (taps, ds) = (window::<S>(taps, at), window::<S>(ds, at));
                let mut sum = simd.splat_f32s(0.0);
                let outputs = taps.as_flattened().iter().zip(ds.as_flattened());
                for (idx, (tap, d)) in outputs.rev().enumerate() {
                    let is_here = simd.equal_f32s(*tap, simd.splat_f32s(idx as f32));
                    sum = simd.select_f32s(is_here, simd.add_f32s(sum, *d), sum);
                }
                *out = sum;
            }
        }
    }
}

/// One channel of three padded rows.
#[inline(always)]
fn lines<'a, S: Simd>(rows: &[&'a [Lanes]; 3], at: usize, padded: usize) -> [&'a [S::f32s]; SIDE] {
    array::from_fn(|ky| vectors::<S>(&rows[ky][at..][..padded]))
}

/// Vector `at` of a row, with its pixel multiplied by `step`.
#[inline(always)]
fn first_vector<S: Simd>(at: usize, step: usize) -> usize {
    let (x, strip) = (at / strips::<S>(), at % strips::<S>());
    x * step * strips::<S>() + strip
}

/// The 3×3 window that begins at vector `at`.
#[inline(always)]
fn window<S: Simd>(lines: [&[S::f32s]; SIDE], at: usize) -> [[S::f32s; SIDE]; SIDE] {
    lines.map(|line| {
        let xs = &line[at..][..=(SIDE - 1) * strips::<S>()];
        array::from_fn(|kx| xs[kx * strips::<S>()])
    })
}

#[inline(always)]
fn maximum<S: Simd>(simd: S, window: [[S::f32s; SIDE]; SIDE]) -> S::f32s {
    let mut maximum = window[0][0];
    for x in window.as_flattened() {
        maximum = simd.max_f32s(maximum, *x);
    }
    maximum
}
