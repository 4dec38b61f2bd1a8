//! The matrix product of a 1×1 convolution: weights times columns of pixels.
//!
//! ```text
//! ys[o, p] = Σ_i w[o, i] · columns[p, i]        for each of 16 images
//! ```
//!
//! A register tile holds up to 12 output channels × 2 pixels. The columns of two pixels stay in
//! the L1 cache while all tiles of the weights pass by. Where there are 16 registers only, a tile
//! is computed as two halves.

use pulp::{Simd, WithSimd};

use super::tiles::tiles;
use super::vectors::{strip_of, strip_of_mut, strips};
use super::{Isa, Lanes};

/// Output channels of the largest tile: 24 sums, 2 columns and a weight fit in 32 registers.
const ROWS: usize = 12;

/// A matrix `(outs, ins)` in tiles of rows, so that [`gemm`] reads it front to back.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    /// `[tile][column][row of the tile]`.
    data: &'a [f32],
    outs: usize,
    ins: usize,
}

impl<'a> Packed<'a> {
    /// Packs `W`, `(outs, ins)` row-major, into `data`, which is as long.
    pub fn new(outs: usize, weights: &[f32], data: &'a mut [f32]) -> Self {
        let ins = weights.len() / outs;
        let rows = (0..outs).map(|out| weights[out * ins..][..ins].iter());
        Self::of_rows([outs, ins], rows, data)
    }

    /// Packs `Wᵀ` of the same, `(ins, outs)`: it takes gradients of outputs to those of inputs.
    pub fn transposed(outs: usize, weights: &[f32], data: &'a mut [f32]) -> Self {
        let ins = weights.len() / outs;
        let rows = (0..ins).map(|row| weights[row..].iter().step_by(ins));
        Self::of_rows([ins, outs], rows, data)
    }

    /// Rows of the packed matrix.
    pub fn outs(&self) -> usize {
        self.outs
    }

    /// Columns of the packed matrix.
    pub fn ins(&self) -> usize {
        self.ins
    }

    fn of_rows<'w, Row: Iterator<Item = &'w f32>>(
        [outs, ins]: [usize; 2],
        mut rows: impl Iterator<Item = Row>,
        data: &'a mut [f32],
    ) -> Self {
        assert_eq!(data.len(), outs * ins);
        for (first, length) in tiles(outs, ROWS) {
            let tile = &mut data[first * ins..][..length * ins];
            for (idx, row) in rows.by_ref().take(length).enumerate() {
                for (packed, weight) in tile[idx..].iter_mut().step_by(length).zip(row) {
                    *packed = *weight;
                }
            }
        }
        Self { data, outs, ins }
    }
}

/// `ys[o * stride + p] = Σ_i w[o][i] * columns[p * ins + i]`, for all pixels of `columns`, which
/// is `(pixels, ins)`. Overwrites.
pub fn gemm(isa: Isa, weights: Packed<'_>, columns: &[Lanes], ys: &mut [Lanes], stride: usize) {
    isa.run(Gemm { weights, columns, ys, stride });
}

struct Gemm<'a> {
    weights: Packed<'a>,
    columns: &'a [Lanes],
    ys: &'a mut [Lanes],
    stride: usize,
}

impl WithSimd for Gemm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, columns, ys, stride } = self;
        let ins = weights.ins;
        let pairs = columns.chunks_exact(2 * ins);
        let last = pairs.remainder();
        let n_pairs = pairs.len();
        for (idx, pair) in pairs.enumerate() {
            let (left, right) = pair.split_at(ins);
            let ys = &mut ys[2 * idx..];
            pixels(simd, weights, [left, right], ys, stride);
        }
        if !last.is_empty() {
            pixels(simd, weights, [last], &mut ys[2 * n_pairs..], stride);
        }
    }
}

/// All output channels of `P` pixels.
#[inline(always)]
fn pixels<S: Simd, const P: usize>(
    simd: S,
    weights: Packed<'_>,
    columns: [&[Lanes]; P],
    ys: &mut [Lanes],
    stride: usize,
) {
    let ins = weights.ins;
    for (first, length) in tiles(weights.outs, ROWS) {
        let packed = &weights.data[first * ins..][..length * ins];
        let ys = &mut ys[first * stride..];
        /// A tile of all its rows, or in two parts.
        macro_rules! tile {
            ($rows:literal = $upper:literal + $lower:literal) => {{
                let (packed, _) = packed.as_chunks::<$rows>();
                if S::REGISTER_COUNT < 32 {
                    part::<S, P, $rows, 0, $upper>(simd, packed, columns, ys, stride);
                    part::<S, P, $rows, $upper, $lower>(simd, packed, columns, ys, stride);
                } else {
                    part::<S, P, $rows, 0, $rows>(simd, packed, columns, ys, stride);
                }
            }};
        }
        match length {
            1 => tile!(1 = 1 + 0),
            2 => tile!(2 = 2 + 0),
            3 => tile!(3 = 3 + 0),
            4 => tile!(4 = 4 + 0),
            5 => tile!(5 = 5 + 0),
            6 => tile!(6 = 6 + 0),
            7 => tile!(7 = 4 + 3),
            8 => tile!(8 = 4 + 4),
            9 => tile!(9 = 5 + 4),
            10 => tile!(10 = 5 + 5),
            11 => tile!(11 = 6 + 5),
            _ => tile!(12 = 6 + 6),
        }
    }
}

/// `N` rows from row `FROM` of a tile of `R` rows, times the columns of `P` pixels.
#[inline(always)]
fn part<S: Simd, const P: usize, const R: usize, const FROM: usize, const N: usize>(
    simd: S,
    packed: &[[f32; R]],
    columns: [&[Lanes]; P],
    ys: &mut [Lanes],
    stride: usize,
) {
    let columns = columns.map(|column| &column[..packed.len()]);
    for strip in 0..strips::<S>() {
        let mut sums = [[simd.splat_f32s(0.0); P]; N];
        for (i, weights) in packed.iter().enumerate() {
            for n in 0..N {
                let weight = simd.splat_f32s(weights[FROM + n]);
                for p in 0..P {
                    let xs = strip_of::<S>(&columns[p][i], strip);
                    sums[n][p] = simd.mul_add_e_f32s(weight, xs, sums[n][p]);
                }
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            for (y, sum) in ys[(FROM + n) * stride..][..P].iter_mut().zip(sums) {
                *strip_of_mut::<S>(y, strip) = *sum;
            }
        }
    }
}

#[cfg(test)]
mod tests;
