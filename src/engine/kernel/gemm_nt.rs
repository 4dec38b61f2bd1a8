//! The matrix product of a weight gradient: a sum over pixels and images.
//!
//! ```text
//! sums[o, i] += Σ_p Σ_image dys[p, o] · columns[p, i]
//! ```
//!
//! A register tile holds the sums of up to 4 output × 6 input channels for 16 images each, over
//! all pixels of a block; only then the images are summed. The 6 columns of the block stay in the
//! L1 cache while all output channels pass by.

use pulp::{Simd, WithSimd};

use super::tiles::tiles;
use super::vectors::{strip_of, strips, valid_sum};
use super::{Isa, Lanes};

/// Output channels of the largest tile, whose 24 sums fit in 32 registers.
const ROWS: usize = 4;
/// Input channels of the largest tile.
const COLUMNS: usize = 6;
/// Pixels whose columns, those of one tile, take up half of an L1 cache.
const PIXELS: usize = 64;
/// Pixels that are a multiple of so many channels apart share so few sets of the cache that the
/// columns of a tile would not stay: they are copied.
const ALIASING: usize = 8;

/// `sums[o * ins + i] += Σ_p Σ_lane dys[p * outs + o][lane] * columns[p * ins + i][lane]` over the
/// lanes that `valid` has 1 for, whatever the others hold. `dys` is `(pixels, outs)`, `columns`
/// `(pixels, ins)`.
pub fn gemm_nt(
    isa: Isa,
    [dys, columns]: [&[Lanes]; 2],
    valid: &Lanes,
    sums: &mut [f32],
    outs: usize,
) {
    isa.run(GemmNt { dys, columns, valid, sums, outs });
}

struct GemmNt<'a> {
    dys: &'a [Lanes],
    columns: &'a [Lanes],
    valid: &'a Lanes,
    sums: &'a mut [f32],
    outs: usize,
}

impl WithSimd for GemmNt<'_> {
    type Output = ();

    #[allow(clippy::large_stack_arrays)] // 24 KiB, in the L1 cache most of the time.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let ins = self.sums.len() / self.outs;
        let mut buffer;
        let copies = if ins.is_multiple_of(ALIASING) {
            buffer = [Lanes::default(); PIXELS * COLUMNS];
            &mut buffer[..]
        } else {
            &mut []
        };
        for (first_in, columns) in tiles(ins, COLUMNS) {
            match columns {
                1 => self.columns::<S, 1>(simd, first_in, copies),
                2 => self.columns::<S, 2>(simd, first_in, copies),
                3 => self.columns::<S, 3>(simd, first_in, copies),
                4 => self.columns::<S, 4>(simd, first_in, copies),
                5 => self.columns::<S, 5>(simd, first_in, copies),
                _ => self.columns::<S, 6>(simd, first_in, copies),
            }
        }
    }
}

impl GemmNt<'_> {
    /// The sums of all output × `C` input channels from `first_in` on.
    #[inline(always)]
    fn columns<S: Simd, const C: usize>(&mut self, simd: S, first_in: usize, copies: &mut [Lanes]) {
        let Self { outs, valid, .. } = *self;
        let ins = self.sums.len() / outs;
        // 16 registers hold half as many sums.
        let longest = if S::REGISTER_COUNT < 32 { ROWS / 2 } else { ROWS };
        let blocks = self.dys.chunks(PIXELS * outs).zip(self.columns.chunks(PIXELS * ins));
        for (dys, columns) in blocks {
            let mut columns = Channels { xs: columns, total: ins, first: first_in };
            if !copies.is_empty() {
                columns = columns.copied::<C>(copies);
            }
            for (first_out, rows) in tiles(outs, longest) {
                let dys = Channels { xs: dys, total: outs, first: first_out };
                let tile = Tile { dys, columns, valid };
                let sums = &mut self.sums[first_out * ins + first_in..];
                match rows {
                    1 => tile.add::<S, 1, C>(simd, sums, ins),
                    2 => tile.add::<S, 2, C>(simd, sums, ins),
                    3 => tile.add::<S, 3, C>(simd, sums, ins),
                    _ => tile.add::<S, 4, C>(simd, sums, ins),
                }
            }
        }
    }
}

/// The channels of a tile, in all pixels of a block.
#[derive(Clone, Copy)]
struct Channels<'a> {
    /// `(pixels, channels)`.
    xs: &'a [Lanes],
    /// Channels of a pixel.
    total: usize,
    first: usize,
}

impl<'a> Channels<'a> {
    /// `N` channels of each pixel.
    #[inline(always)]
    fn pixels<const N: usize>(self) -> impl Iterator<Item = &'a [Lanes]> {
        self.xs.chunks_exact(self.total).map(move |pixel| &pixel[self.first..][..N])
    }

    /// The same `N` channels without the others.
    #[inline(always)]
    fn copied<const N: usize>(self, copies: &mut [Lanes]) -> Channels<'_> {
        for (copy, pixel) in copies.chunks_exact_mut(N).zip(self.pixels::<N>()) {
            copy.copy_from_slice(pixel);
        }
        Channels { xs: &copies[..self.xs.len() / self.total * N], total: N, first: 0 }
    }
}

struct Tile<'a> {
    dys: Channels<'a>,
    columns: Channels<'a>,
    valid: &'a Lanes,
}

impl Tile<'_> {
    /// Adds the sums of `R` output × `C` input channels to the first `C` of each row of `totals`.
    #[inline(always)]
    fn add<S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        totals: &mut [f32],
        ins: usize,
    ) {
        for strip in 0..strips::<S>() {
            let mut sums = [[simd.splat_f32s(0.0); C]; R];
            for (dys, columns) in self.dys.pixels::<R>().zip(self.columns.pixels::<C>()) {
                for c in 0..C {
                    let xs = strip_of::<S>(&columns[c], strip);
                    for r in 0..R {
                        let dy = strip_of::<S>(&dys[r], strip);
                        sums[r][c] = simd.mul_add_e_f32s(dy, xs, sums[r][c]);
                    }
                }
            }
            let valid = strip_of::<S>(self.valid, strip);
            for r in 0..R {
                let totals = &mut totals[r * ins..][..C];
                for c in 0..C {
                    totals[c] += valid_sum(simd, sums[r][c], valid);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
