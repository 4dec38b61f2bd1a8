//! 3×3 max pools: the maxima, which tap of its window each comes from, and the gradient.

use std::{array, slice};

use pulp::{Simd, WithSimd};

use super::vectors::{strip_of, vectors_mut};
use super::{Isa, Lanes, RowPlace, Windows};

mod tests;

/// The side of the window.
const SIDE: usize = 3;
const TAPS: usize = SIDE * SIDE;

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
        let Self { windows, rows, out } = self;
        for (channel, out) in out.chunks_exact_mut(windows.width).enumerate() {
            for (window, out) in slide(windows, rows, channel).zip(out) {
                for (strip, out) in vectors_mut::<S>(slice::from_mut(out)).iter_mut().enumerate() {
                    *out = maximum(simd, strips_of::<S>(window, strip));
                }
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
    place: RowPlace,
) {
    isa.run(Taps { windows, rows, out, place });
}

/// The tap of what is no output.
pub const NO_TAP: f32 = 255.0;

struct Taps<'a> {
    windows: Windows,
    rows: &'a [&'a [Lanes]; 3],
    out: &'a mut [Lanes],
    place: RowPlace,
}

impl WithSimd for Taps<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { windows, rows, out, place } = self;
        for channel in 0..windows.channels {
            let pixels = place.channel_mut(out, channel).iter_mut().step_by(place.step);
            for (window, pixel) in slide(windows, rows, channel).zip(pixels) {
                for (strip, tap) in vectors_mut::<S>(slice::from_mut(pixel)).iter_mut().enumerate()
                {
                    *tap = first_maximum(simd, strips_of::<S>(window, strip));
                }
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
/// output `ox` is at column `2 - p + s*ox`, the `before` and `step` of its [`RowPlace`], all other
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
        let Self { windows, taps, ds, out } = self;
        for (channel, out) in out.chunks_exact_mut(windows.width).enumerate() {
            let covering = slide(windows, taps, channel).zip(slide(windows, ds, channel));
            for ((taps, ds), out) in covering.zip(out) {
                for (strip, out) in vectors_mut::<S>(slice::from_mut(out)).iter_mut().enumerate() {
                    let (taps, ds) = (strips_of::<S>(taps, strip), strips_of::<S>(ds, strip));
                    *out = gathered(simd, taps, ds);
                }
            }
        }
    }
}

/// The windows of one channel, from left to right.
#[inline(always)]
fn slide<'a>(
    windows: Windows,
    rows: &[&'a [Lanes]; SIDE],
    channel: usize,
) -> impl Iterator<Item = [&'a [Lanes]; SIDE]> {
    let Windows { stride, width, padded, .. } = windows;
    let columns = (width - 1) * stride + SIDE;
    let [top, middle, bottom] = rows.map(|row| &row[channel * padded..][..columns]);
    (0..width).map(move |x| {
        let at = x * stride;
        [&top[at..][..SIDE], &middle[at..][..SIDE], &bottom[at..][..SIDE]]
    })
}

/// One strip of a window, row by row.
#[inline(always)]
fn strips_of<S: Simd>(window: [&[Lanes]; SIDE], strip: usize) -> [S::f32s; TAPS] {
    array::from_fn(|tap| strip_of::<S>(&window[tap / SIDE][tap % SIDE], strip))
}

#[inline(always)]
fn maximum<S: Simd>(simd: S, window: [S::f32s; TAPS]) -> S::f32s {
    let [mut maximum, others @ ..] = window;
    for x in others {
        maximum = simd.max_f32s(maximum, x);
    }
    maximum
}

/// The tap of the first maximum.
#[inline(always)]
fn first_maximum<S: Simd>(simd: S, window: [S::f32s; TAPS]) -> S::f32s {
    let maximum = maximum(simd, window);
    let mut first = simd.splat_f32s(NO_TAP);
    for (tap, x) in window.into_iter().enumerate().rev() {
        let is_maximum = simd.equal_f32s(x, maximum);
        first = simd.select_f32s(is_maximum, simd.splat_f32s(tap as f32), first);
    }
    first
}

/// The sum of those gradients whose tap is the input that the window is around: the last output
/// has it as its first tap.
#[inline(always)]
fn gathered<S: Simd>(simd: S, taps: [S::f32s; TAPS], ds: [S::f32s; TAPS]) -> S::f32s {
    let mut sum = simd.splat_f32s(0.0);
    for tap in 0..TAPS {
        let output = TAPS - 1 - tap;
        let is_here = simd.equal_f32s(taps[output], simd.splat_f32s(tap as f32));
        sum = simd.select_f32s(is_here, simd.add_f32s(sum, ds[output]), sum);
    }
    sum
}
