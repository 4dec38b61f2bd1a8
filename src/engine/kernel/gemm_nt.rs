//! The matrix product of a weight gradient: a sum over pixels and images.
//!
//! ```text
//! sums[o, i] += Σ_p Σ_image dys[p, o] · columns[p, i]
//! ```
//!
//! A register tile holds the sums of up to 4 output × 6 input channels for 16 images each, over
//! all pixels; only then the images are summed.

use pulp::{Simd, WithSimd};

use super::tiles::tiles;
use super::vectors::{strip_of, strips, valid_sum};
use super::{Isa, Lanes};

/// Output and input channels of the largest tile: 24 sums.
const TILE: [usize; 2] = [4, 6];

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

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let ins = self.sums.len() / self.outs;
        for (first_in, columns) in tiles(ins, TILE[1]) {
            for (first_out, rows) in tiles(self.outs, TILE[0]) {
                let at = [first_out, first_in];
                match rows {
                    1 => self.rows::<S, 1>(simd, at, columns),
                    2 => self.rows::<S, 2>(simd, at, columns),
                    3 => self.rows::<S, 3>(simd, at, columns),
                    _ => self.rows::<S, 4>(simd, at, columns),
                }
            }
        }
    }
}

impl GemmNt<'_> {
    #[inline(always)]
    fn rows<S: Simd, const R: usize>(&mut self, simd: S, at: [usize; 2], columns: usize) {
        match columns {
            1 => self.tile::<S, R, 1>(simd, at),
            2 => self.tile::<S, R, 2>(simd, at),
            3 => self.tile::<S, R, 3>(simd, at),
            4 => self.tile::<S, R, 4>(simd, at),
            5 => self.tile::<S, R, 5>(simd, at),
            _ => self.tile::<S, R, 6>(simd, at),
        }
    }

    /// The sums of `R` output × `C` input channels from `(out, into)` on.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const C: usize>(&mut self, simd: S, [out, into]: [usize; 2]) {
        let ins = self.sums.len() / self.outs;
        let pixels = self.dys.chunks_exact(self.outs).zip(self.columns.chunks_exact(ins));
        for strip in 0..strips::<S>() {
            let mut sums = [[simd.splat_f32s(0.0); C]; R];
            for (dys, columns) in pixels.clone() {
                let (dys, columns) = (&dys[out..][..R], &columns[into..][..C]);
                for r in 0..R {
                    let dy = strip_of::<S>(&dys[r], strip);
                    for c in 0..C {
                        let xs = strip_of::<S>(&columns[c], strip);
                        sums[r][c] = simd.mul_add_e_f32s(dy, xs, sums[r][c]);
                    }
                }
            }
            let valid = strip_of::<S>(self.valid, strip);
            for (r, row) in sums.iter().enumerate() {
                let totals = &mut self.sums[(out + r) * ins + into..][..C];
                for (total, sum) in totals.iter_mut().zip(row) {
                    *total += valid_sum(simd, *sum, valid);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
