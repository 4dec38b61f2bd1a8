//! A register tile of a product: up to 8 rows times a panel.

use std::array;

use pulp::Simd;

use super::panels::Panel;

/// Rows of a band, and of the largest tile: with three vectors of a panel they have 24 sums, which fit
/// in 32 registers.
pub const BAND: usize = 8;

/// Rows of the largest tile where there are half as many registers.
pub(super) const fn rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT < 32 { BAND / 2 } else { BAND }
}

/// What the rows of a panel are multiplied by, for each of `R` rows of the product. They are read one
/// at a time: a broadcast from memory takes none of the units that multiply.
pub(super) trait Factors<const R: usize>: Copy {
    /// The same for the first `n` rows of the panel alone.
    fn first(self, n: usize) -> Self;

    /// That of row `k` of the panel for row `r` of the product.
    fn at(&self, k: usize, r: usize) -> f32;
}

/// Factors that lie row by row of the product.
#[derive(Clone, Copy)]
pub(super) struct ByRow<'a, const R: usize>(pub(super) [&'a [f32]; R]);

impl<const R: usize> Factors<R> for ByRow<'_, R> {
    #[inline(always)]
    fn first(self, n: usize) -> Self {
        Self(self.0.map(|row| &row[..n]))
    }

    #[inline(always)]
    fn at(&self, k: usize, r: usize) -> f32 {
        self.0[r][k]
    }
}

/// Factors that lie row by row of the panel.
#[derive(Clone, Copy)]
pub(super) struct ByDepth<'a, const R: usize>(pub(super) &'a [[f32; R]]);

impl<const R: usize> Factors<R> for ByDepth<'_, R> {
    #[inline(always)]
    fn first(self, n: usize) -> Self {
        Self(&self.0[..n])
    }

    #[inline(always)]
    fn at(&self, k: usize, r: usize) -> f32 {
        self.0[k][r]
    }
}

/// Where the rows of a tile are written.
pub(super) struct Target<'a> {
    /// From the first row on.
    pub(super) rows: &'a mut [f32],
    /// How far apart the rows are.
    pub(super) stride: usize,
    /// Whether there is something to add to.
    pub(super) add: bool,
}

/// The product of `R` rows of factors with a panel.
#[inline(always)]
pub(super) fn tile<S: Simd, const R: usize, F: Factors<R>>(
    simd: S,
    factors: F,
    panel: Panel<'_>,
    mut target: Target<'_>,
) {
    match panel.padded {
        48 => vectors::<S, R, 48, F>(simd, factors, panel, &mut target),
        32 => vectors::<S, R, 32, F>(simd, factors, panel, &mut target),
        _ => vectors::<S, R, 16, F>(simd, factors, panel, &mut target),
    }
}

/// All vectors of a panel of `W` columns, three at a time.
#[inline(always)]
fn vectors<S: Simd, const R: usize, const W: usize, F: Factors<R>>(
    simd: S,
    factors: F,
    panel: Panel<'_>,
    target: &mut Target<'_>,
) {
    let count = W / S::F32_LANES;
    let mut first = 0;
    while first < count {
        first += match count - first {
            1 => part::<S, R, W, 1, F>(simd, factors, (panel, first), target),
            2 | 4 => part::<S, R, W, 2, F>(simd, factors, (panel, first), target),
            _ => part::<S, R, W, 3, F>(simd, factors, (panel, first), target),
        };
    }
}

/// `V` vectors of the panel from number `first` on; gives V.
#[inline(always)]
fn part<S: Simd, const R: usize, const W: usize, const V: usize, F: Factors<R>>(
    simd: S,
    factors: F,
    (panel, first): (Panel<'_>, usize),
    target: &mut Target<'_>,
) -> usize {
    let (rows, _) = panel.data.as_chunks::<W>();
    let factors = factors.first(rows.len());
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    for (k, row) in rows.iter().enumerate() {
        let (row, _) = S::as_simd_f32s(row);
        let row: [S::f32s; V] = array::from_fn(|v| row[first + v]);
        for (r, sums) in sums.iter_mut().enumerate() {
            let factor = simd.splat_f32s(factors.at(k, r));
            for v in 0..V {
                sums[v] = simd.mul_add_e_f32s(factor, row[v], sums[v]);
            }
        }
    }
    // Another array for what follows, which would keep `sums` itself out of registers.
    let found = sums;
    for (r, sums) in found.iter().enumerate() {
        let row = &mut target.rows[r * target.stride + panel.first..][..panel.columns];
        let row = row.get_mut(first * S::F32_LANES..).unwrap_or_default();
        write(simd, row, sums, target.add);
    }
    V
}

/// Writes sums to the start of a row, which may be shorter, or adds them.
#[inline(always)]
fn write<S: Simd, const V: usize>(simd: S, row: &mut [f32], sums: &[S::f32s; V], add: bool) {
    let zero = simd.splat_f32s(0.0);
    let (whole, rest) = S::as_mut_simd_f32s(row);
    if let Some(whole) = whole.first_chunk_mut::<V>() {
        for v in 0..V {
            whole[v] = simd.add_f32s(if add { whole[v] } else { zero }, sums[v]);
        }
        return;
    }
    for (out, sum) in whole.iter_mut().zip(sums) {
        *out = simd.add_f32s(if add { *out } else { zero }, *sum);
    }
    if let Some(sum) = sums.get(whole.len()) {
        let before = if add { simd.partial_load_f32s(rest) } else { zero };
        simd.partial_store_f32s(rest, simd.add_f32s(before, *sum));
    }
}

/// Calls `$tile` with `$rows`, 1 to 8, as the constant `R`.
macro_rules! with_rows {
    ($rows:expr, $R:ident => $tile:expr) => {
        with_rows!(@each $rows, $R => $tile, 1 2 3 4 5 6 7 8)
    };
    (@each $rows:expr, $R:ident => $tile:expr, $($n:literal)*) => {
        match $rows {
            $($n => {
                const $R: usize = $n;
                $tile
            })*
            rows => unreachable!("a tile has 1 to 8 rows, not {rows}"),
        }
    };
}
pub(super) use with_rows;
