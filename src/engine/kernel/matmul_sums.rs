//! The product of a weight gradient: sums over rows.
//!
//! ```text
//! sums[i, j] += Σ_row xs[row, i]·ys[row, j]
//! ```
//!
//! Rows are taken 128 at a time, and copied so that register tiles read them front to back.

use pulp::{Simd, WithSimd};

use super::Isa;
use super::panels::{PANEL, Panel, columns};
use super::tile::{ByDepth, Target, rows, tile, with_rows};
use super::tiles::tiles;

/// Rows at a time: a panel of these stays in the L1 cache.
const BLOCK: usize = 128;

/// The rows that sums are made over.
#[derive(Clone, Copy, Debug)]
pub struct Factors<'a> {
    /// `xs`, and how far apart its rows are.
    pub xs: (&'a [f32], usize),
    /// `ys`, and how far apart its rows are.
    pub ys: (&'a [f32], usize),
    /// How many rows there are.
    pub rows: usize,
}

/// Values of scratch that [`matmul_sums`] takes for sums of `ins` rows.
pub fn matmul_sums_scratch(ins: usize) -> usize {
    BLOCK * (ins + PANEL)
}

/// Adds to `sums`, `(ins, outs)`; `scratch` holds anything.
pub fn matmul_sums(
    isa: Isa,
    factors: Factors,
    [ins, outs]: [usize; 2],
    sums: &mut [f32],
    scratch: &mut [f32],
) {
    isa.run(MatmulSums { factors, ins, outs, sums, scratch });
}

struct MatmulSums<'a> {
    factors: Factors<'a>,
    ins: usize,
    outs: usize,
    sums: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl WithSimd for MatmulSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { factors: Factors { xs, ys, rows: count }, ins, outs, sums, scratch } = self;
        let (packed_xs, packed_ys) = scratch.split_at_mut(BLOCK * ins);
        for from in (0..count).step_by(BLOCK) {
            let n = BLOCK.min(count - from);
            for (first, width) in tiles(ins, rows::<S>()) {
                let packed = packed_xs[first * n..].chunks_exact_mut(width).take(n);
                for (row, packed) in packed.enumerate() {
                    packed.copy_from_slice(&xs.0[(from + row) * xs.1..][first..][..width]);
                }
            }
            for [first, columns, padded] in columns(outs) {
                let packed = packed_ys.chunks_exact_mut(padded).take(n);
                for (row, packed) in packed.enumerate() {
                    let row = &ys.0[(from + row) * ys.1..][first..][..columns];
                    packed[..columns].copy_from_slice(row);
                    packed[columns..].fill(0.0);
                }
                let panel = Panel { first, columns, padded, data: &packed_ys[..n * padded] };
                for (first, width) in tiles(ins, rows::<S>()) {
                    let target =
                        Target { rows: &mut sums[first * outs..], stride: outs, add: true };
                    with_rows!(width, R => {
                        let (xs, _) = packed_xs[first * n..][..width * n].as_chunks::<R>();
                        tile::<S, R, _>(simd, ByDepth(xs), panel, target);
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
