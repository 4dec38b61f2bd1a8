//! The product of rows with a matrix.
//!
//! ```text
//! ys[i, j] (+)= Σ_k xs[i, k]·m[k, j]
//! ```
//!
//! A panel of the matrix stays in the L2 cache while all rows pass by. What a row gets depends on no
//! other row, nor on how many there are.

use std::array;

use pulp::{Simd, WithSimd};

use super::panels::Panel;
use super::tile::{BAND, ByRow, Target, rows, tile, with_rows};
use super::tiles::tiles;
use super::{Isa, Panels};

/// Rows of a panel at a time, so that the cache has room for them.
const DEPTH: usize = 1024;

/// Rows of numbers, in bands of 8.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// From the first row on.
    pub values: &'a [f32],
    /// How far apart the rows of a band are.
    pub stride: usize,
    /// How far apart the bands are.
    pub band: usize,
}

/// The same, to be written.
#[derive(Debug)]
pub struct RowsMut<'a> {
    /// From the first row on.
    pub values: &'a mut [f32],
    /// How far apart the rows of a band are.
    pub stride: usize,
    /// How far apart the bands are.
    pub band: usize,
}

impl<'a> Rows<'a> {
    /// Rows that are `stride` apart.
    pub fn apart(stride: usize, values: &'a [f32]) -> Self {
        Self { values, stride, band: BAND * stride }
    }
}

impl<'a> RowsMut<'a> {
    /// Rows that are `stride` apart.
    pub fn apart(stride: usize, values: &'a mut [f32]) -> Self {
        Self { values, stride, band: BAND * stride }
    }
}

/// The first `count` rows of `ys` become those of `xs` times the matrix, or have them added.
pub fn matmul(isa: Isa, xs: Rows, matrix: Panels, ys: RowsMut, (count, add): (usize, bool)) {
    isa.run(Matmul { xs, matrix, ys, count, add });
}

struct Matmul<'a> {
    xs: Rows<'a>,
    matrix: Panels<'a>,
    ys: RowsMut<'a>,
    count: usize,
    add: bool,
}

impl WithSimd for Matmul<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { xs, matrix, ys, count, add } = self;
        let depth = matrix.depth();
        for from in (0..depth).step_by(DEPTH) {
            let to = depth.min(from + DEPTH);
            for panel in matrix.iter().map(|panel| panel.rows(from..to)) {
                for band in 0..count.div_ceil(BAND) {
                    let xs = Rows { values: &xs.values[band * xs.band + from..], ..xs };
                    let ys = Target {
                        rows: &mut ys.values[band * ys.band..],
                        stride: ys.stride,
                        add: add || from != 0,
                    };
                    let count = BAND.min(count - band * BAND);
                    band_product(simd, (xs, to - from), panel, (ys, count));
                }
            }
        }
    }
}

/// `count` rows of a band, the first `depth` values of each, times a panel.
#[inline(always)]
fn band_product<S: Simd>(
    simd: S,
    (xs, depth): (Rows<'_>, usize),
    panel: Panel<'_>,
    (ys, count): (Target<'_>, usize),
) {
    for (first, length) in tiles(count, rows::<S>()) {
        let ys = Target { rows: &mut ys.rows[first * ys.stride..], ..ys };
        with_rows!(length, R => {
            let row = |r| &xs.values[(first + r) * xs.stride..][..depth];
            tile::<S, R, _>(simd, ByRow(array::from_fn(row)), panel, ys);
        });
    }
}

#[cfg(test)]
mod tests;
