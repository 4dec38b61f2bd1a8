//! Gradient of the weights of a depthwise convolution.

use std::array;

use pulp::{Simd, WithSimd};

use super::vectors::{strip_of, strips, valid_sum, vectors};
use super::{Isa, Lanes, PaddedRows, Windows};

mod tests;

/// Sums over images.
#[derive(Debug)]
pub struct WeightSums<'a> {
    /// 1 for each image that counts, 0 for the others, whatever they hold.
    pub valid: &'a Lanes,
    /// `(channels, kernel, kernel)`: what is found is added.
    pub sums: &'a mut [f32],
}

/// Adds to `sums[c*k*k + ky*k + kx]`, over output rows `j`, pixels `x` and images that count,
/// `Σ ds[j][c*ds.padded + ds.before + x] · rows[j*stride + ky][c*padded + x*stride + kx]`.
///
/// `rows` are those that [`depthwise`](super::depthwise()) read to make the outputs that `ds` are
/// the gradients of, one row of `ds` for each output row.
pub fn depthwise_weight_grad(
    isa: Isa,
    windows: Windows,
    rows: &[&[Lanes]],
    ds: PaddedRows<'_>,
    sums: WeightSums<'_>,
) {
    let Windows { kernel, stride, channels, .. } = windows;
    assert_eq!(sums.sums.len(), channels * kernel * kernel);
    assert_eq!(ds.rows.len(), windows.output_rows(rows.len()));
    let pass = Pass { windows, rows, ds, sums };
    match (kernel, stride) {
        (3, 1) => isa.run(Tiled::<3, 1>(pass)),
        (3, 2) => isa.run(Tiled::<3, 2>(pass)),
        (5, 1) => isa.run(Tiled::<5, 1>(pass)),
        (5, 2) => isa.run(Tiled::<5, 2>(pass)),
        (7, 1) => isa.run(Tiled::<7, 1>(pass)),
        (7, 2) => isa.run(Tiled::<7, 2>(pass)),
        _ => isa.run(Any(pass)),
    }
}

struct Pass<'a> {
    windows: Windows,
    rows: &'a [&'a [Lanes]],
    ds: PaddedRows<'a>,
    sums: WeightSums<'a>,
}

/// Pixels are taken in pairs, which share the inputs that both windows cover; the sums of as many
/// rows of the window as there are registers for are made at once.
struct Tiled<'a, const K: usize, const STRIDE: usize>(Pass<'a>);

const PAIR: usize = 2;

impl<const K: usize, const STRIDE: usize> WithSimd for Tiled<'_, K, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for channel in 0..self.0.windows.channels {
            for strip in 0..strips::<S>() {
                if K * K + 2 * PAIR < S::REGISTER_COUNT {
                    self.tap_rows::<S, K>(simd, [channel, 0], strip);
                } else {
                    for ky in (0..K - 1).step_by(2) {
                        self.tap_rows::<S, 2>(simd, [channel, ky], strip);
                    }
                    self.tap_rows::<S, 1>(simd, [channel, K - 1], strip);
                }
            }
        }
    }
}

impl<const K: usize, const STRIDE: usize> Tiled<'_, K, STRIDE> {
    /// The sums of `R` rows of the window, from `ky` on.
    #[inline(always)]
    fn tap_rows<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        [channel, ky]: [usize; 2],
        strip: usize,
    ) {
        let Pass { windows: Windows { width, padded, .. }, rows, ds, .. } = self.0;
        let mut taps = [[simd.splat_f32s(0.0); K]; R];
        for (row, d) in ds.rows.iter().enumerate() {
            let d = vectors::<S>(&d[channel * ds.padded..][ds.before..][..width]);
            let xs: [_; R] = array::from_fn(|r| {
                vectors::<S>(&rows[row * STRIDE + ky + r][channel * padded..][..padded])
            });
            let paired = width - width % PAIR;
            for x in (0..paired).step_by(PAIR) {
                add_products::<S, K, STRIDE, R, PAIR>(simd, &mut taps, (d, xs), x, strip);
            }
            for x in paired..width {
                add_products::<S, K, STRIDE, R, 1>(simd, &mut taps, (d, xs), x, strip);
            }
        }
        self.add_sums(simd, [channel, ky], strip, taps);
    }

    /// Adds the sums over lanes.
    #[inline(always)]
    fn add_sums<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        [channel, ky]: [usize; 2],
        strip: usize,
        taps: [[S::f32s; K]; R],
    ) {
        let WeightSums { valid, sums } = &mut self.0.sums;
        let zero = simd.splat_f32s(0.0);
        let counts = simd.greater_than_f32s(strip_of::<S>(valid, strip), zero);
        // Another array for the loop below, which would keep `taps` itself out of registers.
        let mut counted = [[zero; K]; R];
        for (counted, taps) in counted.iter_mut().zip(taps) {
            for (counted, tap) in counted.iter_mut().zip(taps) {
                *counted = simd.select_f32s(counts, tap, zero);
            }
        }
        let sums = &mut sums[(channel * K + ky) * K..][..R * K];
        for (sum, counted) in sums.iter_mut().zip(counted.as_flattened()) {
            *sum += simd.reduce_sum_f32s(*counted);
        }
    }
}

/// Adds the products of the windows at pixel `x` and its right neighbors, `N` in all.
#[inline(always)]
fn add_products<S: Simd, const K: usize, const STRIDE: usize, const R: usize, const N: usize>(
    simd: S,
    taps: &mut [[S::f32s; K]; R],
    (d, xs): (&[S::f32s], [&[S::f32s]; R]),
    x: usize,
    strip: usize,
) {
    let ds: [_; N] = array::from_fn(|idx| d[(x + idx) * strips::<S>() + strip]);
    let first = x * STRIDE * strips::<S>() + strip;
    for (taps, xs) in taps.iter_mut().zip(xs) {
        let xs = &xs[first..][..=((N - 1) * STRIDE + K - 1) * strips::<S>()];
        for (idx, d) in ds.into_iter().enumerate() {
            for (kx, tap) in taps.iter_mut().enumerate() {
                let x = xs[(idx * STRIDE + kx) * strips::<S>()];
                *tap = simd.mul_add_e_f32s(d, x, *tap);
            }
        }
    }
}

/// Any window, one tap after the other.
struct Any<'a>(Pass<'a>);

impl WithSimd for Any<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pass { windows, rows, ds, sums } = self.0;
        let Windows { kernel, stride, channels, width, padded } = windows;
        let taps = (0..channels * kernel).flat_map(|at| (0..kernel).map(move |kx| (at, kx)));
        for ((at, kx), total) in taps.zip(sums.sums) {
            let (channel, ky) = (at / kernel, at % kernel);
            for strip in 0..strips::<S>() {
                let mut sum = simd.splat_f32s(0.0);
                for (row, ds_row) in ds.rows.iter().enumerate() {
                    let ds = ds_row[channel * ds.padded..][ds.before..][..width].iter();
                    let xs = rows[row * stride + ky][channel * padded..][kx..padded].iter();
                    for (d, x) in ds.zip(xs.step_by(stride)) {
                        let (d, x) = (strip_of::<S>(d, strip), strip_of::<S>(x, strip));
                        sum = simd.mul_add_e_f32s(d, x, sum);
                    }
                }
                *total += valid_sum(simd, sum, strip_of::<S>(sums.valid, strip));
            }
        }
    }
}
