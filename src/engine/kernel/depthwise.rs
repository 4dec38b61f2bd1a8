//! Depthwise convolution: each channel with its own window of weights.

use pulp::{Simd, WithSimd};

use super::vectors::{strips, vectors, vectors_mut};
use super::{Isa, Lanes, Windows};

mod tests;

/// Where outputs go.
#[derive(Debug)]
pub enum Target<'a> {
    /// `(pixels, channels)`, the pixels of all output rows one after the other: what a matrix
    /// product reads.
    Columns(&'a mut [Lanes]),
    /// `(rows, channels, width)`.
    Rows(&'a mut [Lanes]),
}

/// Output row `j`, pixel `x`, channel `c` is
/// `Σ_{ky,kx} weights[c*k*k + ky*k + kx] · rows[j*stride + ky][c*padded + x*stride + kx]`.
///
/// `rows` are padded rows `(channels, padded)`, as many as the windows need: they make
/// `(rows.len() - kernel) / stride + 1` output rows. `weights` is `(channels, kernel, kernel)`.
///
/// The gradient of the input is the same of the padded gradient of the output, spread out by the
/// stride, with stride 1 and each window of weights turned by half a turn.
///
/// Kernels 3, 5 and 7 with strides 1 and 2 are fast; others are not.
pub fn depthwise(
    isa: Isa,
    windows: Windows,
    rows: &[&[Lanes]],
    weights: &[f32],
    target: Target<'_>,
) {
    let Windows { kernel, stride, channels, width, padded } = windows;
    assert_eq!(weights.len(), channels * kernel * kernel);
    assert!((width - 1) * stride + kernel <= padded, "windows reach into the next channel");
    let pass = Pass { windows, rows, weights, target };
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
    weights: &'a [f32],
    target: Target<'a>,
}

impl<'a> Pass<'a> {
    /// Outputs, and the distances of two neighboring channels and pixels.
    fn outputs(target: Target<'a>, windows: Windows) -> (&'a mut [Lanes], usize, usize) {
        match target {
            Target::Columns(outputs) => (outputs, 1, windows.channels),
            Target::Rows(outputs) => (outputs, windows.width, 1),
        }
    }
}

/// Outputs are computed in blocks of neighbors, whose sums stay in registers.
struct Tiled<'a, const K: usize, const STRIDE: usize>(Pass<'a>);

impl<const K: usize, const STRIDE: usize> WithSimd for Tiled<'_, K, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.0.windows.width {
            8.. => self.blocks::<S, 8>(simd),
            4.. => self.blocks::<S, 4>(simd),
            _ => self.blocks::<S, 1>(simd),
        }
    }
}

impl<const K: usize, const STRIDE: usize> Tiled<'_, K, STRIDE> {
    #[inline(always)]
    fn blocks<S: Simd, const BLOCK: usize>(self, simd: S) {
        let Pass { windows, rows, weights, target } = self.0;
        let Windows { kernel, channels, width, padded, .. } = windows;
        let (outputs, channel_step, pixel_step) = Pass::outputs(target, windows);
        let outputs = vectors_mut::<S>(outputs);
        let (weights, _) = weights.as_chunks::<K>();
        for (channel, weights) in weights.chunks_exact(kernel).enumerate() {
            for row in 0..windows.output_rows(rows.len()) {
                let lines = &rows[row * STRIDE..][..kernel];
                let first = row * channels * width + channel * channel_step;
                for block in 0..width.div_ceil(BLOCK) {
                    // The last block ends with the row: it may compute some pixels once more.
                    let x = (block * BLOCK).min(width - BLOCK);
                    for strip in 0..strips::<S>() {
                        let at = (channel * padded + x * STRIDE) * strips::<S>() + strip;
                        let sums = block_sums::<S, K, STRIDE, BLOCK>(simd, lines, at, weights);
                        for (idx, sum) in sums.into_iter().enumerate() {
                            let at = first + (x + idx) * pixel_step;
                            outputs[at * strips::<S>() + strip] = sum;
                        }
                    }
                }
            }
        }
    }
}

/// The sums of neighboring windows, of which the first begins at vector `at` of `lines`.
///
/// That there are `K` lines is not in their type: else the compiler unrolls their loop too, takes
/// the sums apart, one output after the other, and runs out of registers.
#[inline(always)]
fn block_sums<S: Simd, const K: usize, const STRIDE: usize, const BLOCK: usize>(
    simd: S,
    lines: &[&[Lanes]],
    at: usize,
    weights: &[[f32; K]],
) -> [S::f32s; BLOCK] {
    let mut sums = [simd.splat_f32s(0.0); BLOCK];
    for (line, weights) in lines.iter().zip(weights) {
        let xs = &vectors::<S>(line)[at..][..=((BLOCK - 1) * STRIDE + K - 1) * strips::<S>()];
        for kx in 0..K {
            let weight = simd.splat_f32s(weights[kx]);
            for idx in 0..BLOCK {
                let x = xs[(idx * STRIDE + kx) * strips::<S>()];
                sums[idx] = simd.mul_add_e_f32s(weight, x, sums[idx]);
            }
        }
    }
    sums
}

/// Any window, one output after the other.
struct Any<'a>(Pass<'a>);

impl WithSimd for Any<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pass { windows, rows, weights, target } = self.0;
        let Windows { kernel, stride, channels, width, padded } = windows;
        let (outputs, channel_step, pixel_step) = Pass::outputs(target, windows);
        let outputs = vectors_mut::<S>(outputs);
        for (channel, weights) in weights.chunks_exact(kernel * kernel).enumerate() {
            for row in 0..windows.output_rows(rows.len()) {
                let first = row * channels * width + channel * channel_step;
                for (x, strip) in (0..width).flat_map(|x| (0..strips::<S>()).map(move |s| (x, s))) {
                    let mut sum = simd.splat_f32s(0.0);
                    let lines = &rows[row * stride..][..kernel];
                    for (line, weights) in lines.iter().zip(weights.chunks_exact(kernel)) {
                        let line = vectors::<S>(&line[channel * padded..][..padded]);
                        let xs = line[x * stride * strips::<S>() + strip..].iter();
                        for (x, weight) in xs.step_by(strips::<S>()).zip(weights) {
                            sum = simd.mul_add_e_f32s(simd.splat_f32s(*weight), *x, sum);
                        }
                    }
                    outputs[(first + x * pixel_step) * strips::<S>() + strip] = sum;
                }
            }
        }
    }
}
