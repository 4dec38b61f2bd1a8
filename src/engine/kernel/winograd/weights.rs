//! The weights of Winograd's convolution, and their gradients: 16 windows at once.

use std::array;

use pulp::{Simd, WithSimd};

use super::{FACTORS, LANES, Lanes, PAIRS, POINTS, evaluate, evaluate_transposed};
use crate::engine::kernel::Isa;
use crate::engine::kernel::vectors::{strip_of, strip_of_mut, strips};

/// `U` of `weights`, `(windows, kernel, kernel)` with a kernel of 3 or 5: `(36, windows)`.
pub fn winograd_weights(isa: Isa, kernel: usize, weights: &[f32], transformed: &mut [f32]) {
    match kernel {
        3 => isa.run(Weights::<3> { weights, transformed }),
        5 => isa.run(Weights::<5> { weights, transformed }),
        _ => unreachable!("no window of {kernel}×{kernel} has tiles"),
    }
}

struct Weights<'a, const K: usize> {
    weights: &'a [f32],
    transformed: &'a mut [f32],
}

impl<const K: usize> WithSimd for Weights<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, transformed } = self;
        let windows = transformed.len() / PAIRS;
        for (block, weights) in weights.chunks(LANES * K * K).enumerate() {
            let mut taps = [[Lanes::default(); K]; K];
            for (lane, window) in weights.as_chunks::<K>().0.chunks_exact(K).enumerate() {
                for (taps, row) in taps.iter_mut().zip(window) {
                    taps.iter_mut().zip(row).for_each(|(tap, weight)| tap.0[lane] = *weight);
                }
            }
            let values = pairs_of::<S, K>(simd, &taps);
            let n = weights.len() / (K * K);
            let out = transformed.chunks_exact_mut(windows);
            for (out, values) in out.zip(values.as_flattened()) {
                out[block * LANES..][..n].copy_from_slice(&values.0[..n]);
            }
        }
    }
}

/// `F·E·w·Eᵀ·F`.
#[inline(always)]
fn pairs_of<S: Simd, const K: usize>(simd: S, taps: &[[Lanes; K]; K]) -> [[Lanes; POINTS]; POINTS] {
    let mut values = [[Lanes::default(); POINTS]; POINTS];
    for strip in 0..strips::<S>() {
        // By row of the window, then along the columns of what that gives.
        let rows: [_; K] = array::from_fn(|ky| {
            let row: [_; K] = array::from_fn(|kx| strip_of::<S>(&taps[ky][kx], strip));
            evaluate(simd, row)
        });
        for j in 0..POINTS {
            let column: [_; K] = array::from_fn(|ky| rows[ky][j]);
            for (i, value) in evaluate(simd, column).into_iter().enumerate() {
                let factor = simd.splat_f32s(FACTORS[i] * FACTORS[j]);
                *strip_of_mut::<S>(&mut values[i][j], strip) = simd.mul_f32s(factor, value);
            }
        }
    }
    values
}

/// `∂w`, as [`winograd_weights`] reads `w`, of `∂U`, `(36, windows)`.
pub fn winograd_weight_grads(isa: Isa, kernel: usize, transformed: &[f32], grads: &mut [f32]) {
    match kernel {
        3 => isa.run(WeightGrads::<3> { transformed, grads }),
        5 => isa.run(WeightGrads::<5> { transformed, grads }),
        _ => unreachable!("no window of {kernel}×{kernel} has tiles"),
    }
}

struct WeightGrads<'a, const K: usize> {
    transformed: &'a [f32],
    grads: &'a mut [f32],
}

impl<const K: usize> WithSimd for WeightGrads<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { transformed, grads } = self;
        let windows = transformed.len() / PAIRS;
        for (block, grads) in grads.chunks_mut(LANES * K * K).enumerate() {
            let n = grads.len() / (K * K);
            let mut values = [[Lanes::default(); POINTS]; POINTS];
            let found = transformed.chunks_exact(windows);
            for (values, found) in values.as_flattened_mut().iter_mut().zip(found) {
                values.0[..n].copy_from_slice(&found[block * LANES..][..n]);
            }
            let taps = taps_of::<S, K>(simd, &values);
            for (lane, window) in grads.as_chunks_mut::<K>().0.chunks_exact_mut(K).enumerate() {
                for (taps, row) in taps.iter().zip(window) {
                    taps.iter().zip(row).for_each(|(tap, grad)| *grad = tap.0[lane]);
                }
            }
        }
    }
}

/// `Eᵀ·F·∂U·F·E`.
#[inline(always)]
fn taps_of<S: Simd, const K: usize>(
    simd: S,
    values: &[[Lanes; POINTS]; POINTS],
) -> [[Lanes; K]; K] {
    let mut taps = [[Lanes::default(); K]; K];
    for strip in 0..strips::<S>() {
        let rows: [[_; K]; POINTS] = array::from_fn(|i| {
            let row = array::from_fn(|j| {
                let factor = simd.splat_f32s(FACTORS[i] * FACTORS[j]);
                simd.mul_f32s(factor, strip_of::<S>(&values[i][j], strip))
            });
            evaluate_transposed(simd, row)
        });
        for kx in 0..K {
            let column = array::from_fn(|i| rows[i][kx]);
            let found: [_; K] = evaluate_transposed(simd, column);
            for (taps, tap) in taps.iter_mut().zip(found) {
                *strip_of_mut::<S>(&mut taps[kx], strip) = tap;
            }
        }
    }
    taps
}
