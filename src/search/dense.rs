//! Matrix products and squashing functions of f64 numbers, on the widest vectors there are.
//!
//! An element of a product is one sum in one order, however wide the vectors and whatever the
//! other rows are. So a result depends neither on threads nor on how rows are put together; of
//! the instruction sets only the plain one, which rounds products before it adds them, gives
//! other last bits.

use pulp::{Simd, WithSimd};

use crate::engine::kernel::Isa;

/// Rows that one tile holds in registers, and so the best number of rows.
pub(super) const TILE_ROWS: usize = 5;

/// A matrix, or the transpose of one, as numbers and strides.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f64],
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    /// `(rows, columns)`, row by row.
    pub(super) fn of(values: &'a [f64], columns: usize) -> Self {
        Self { values, row: columns, column: 1 }
    }

    /// The transpose of `(rows, columns)`, row by row.
    pub(super) fn transposed(values: &'a [f64], columns: usize) -> Self {
        Self { values, row: 1, column: columns }
    }
}

/// y ← y + x·w, where y is `(rows, columns)`, x `(rows, depth)` and w `(depth, columns)`.
pub(super) fn add_product(isa: Isa, y: &mut [f64], x: Matrix<'_>, w: &[f64], columns: usize) {
    isa.run(Product { y, x, w, columns });
}

/// The transpose of `(rows, columns)`.
pub(super) fn transpose(values: &[f64], columns: usize) -> Vec<f64> {
    let rows = values.len() / columns;
    let mut transposed = vec![0.0; values.len()];
    // Eight rows at a time fill whole cache lines of the result.
    for (block, values) in values.chunks(8 * columns).enumerate() {
        for column in 0..columns {
            let to = &mut transposed[column * rows + 8 * block..];
            for (to, row) in to.iter_mut().zip(values.chunks_exact(columns)) {
                *to = row[column];
            }
        }
    }
    transposed
}

/// x ← 1/(1 + e⁻ˣ)
pub(super) fn sigmoid(isa: Isa, values: &mut [f64]) {
    vectorized(isa, || values.iter_mut().for_each(|x| *x = 1.0 / (1.0 + exp(-*x))));
}

/// x ← tanh x
pub(super) fn tanh(isa: Isa, values: &mut [f64]) {
    // The cancellation near 0 leaves an error of 10⁻¹⁶, absolute.
    vectorized(isa, || values.iter_mut().for_each(|x| *x = 1.0 - 2.0 / (1.0 + exp(2.0 * *x))));
}

/// Σ x·y
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let (x, x_left) = x.as_chunks::<8>();
    let (y, y_left) = y.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (x, y) in x.iter().zip(y) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    let left: f64 = x_left.iter().zip(y_left).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + left
}

/// Runs a plain loop compiled for `isa`.
pub(super) fn vectorized(isa: Isa, op: impl FnOnce()) {
    isa.run(Loop(op));
}

struct Loop<F>(F);

impl<F: FnOnce()> WithSimd for Loop<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        (self.0)();
    }
}

/// eˣ to a few units in the last place, held at the ends where it would leave the normal numbers.
#[inline(always)]
fn exp(x: f64) -> f64 {
    /// 1.5·2⁵²: a number added to it is rounded to an integer, which its last bits hold.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    /// ln 2 in two parts, the first with so few bits that its multiples are exact.
    const LN2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    /// 1/k! from k = 13 down to 0: |r| ≤ ln 2/2 leaves an error below 10⁻¹⁷.
    const TAYLOR: [f64; 14] = [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = x - k * LN2[0] - k * LN2[1];
    let mut sum = TAYLOR[0];
    for term in &TAYLOR[1..] {
        sum = sum * r + term;
    }
    // 2ᵏ by its exponent.
    sum * f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()))
}

struct Product<'a> {
    y: &'a mut [f64],
    x: Matrix<'a>,
    w: &'a [f64],
    columns: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { y, x, w, columns } = self;
        for (block, y) in y.chunks_mut(TILE_ROWS * columns).enumerate() {
            let x = Matrix { values: &x.values[block * TILE_ROWS * x.row..], ..x };
            match y.len() / columns {
                1 => rows::<S, 1>(simd, y, x, w, columns),
                2 => rows::<S, 2>(simd, y, x, w, columns),
                3 => rows::<S, 3>(simd, y, x, w, columns),
                4 => rows::<S, 4>(simd, y, x, w, columns),
                _ => rows::<S, TILE_ROWS>(simd, y, x, w, columns),
            }
        }
    }
}

#[inline(always)]
fn rows<S: Simd, const R: usize>(simd: S, y: &mut [f64], x: Matrix<'_>, w: &[f64], columns: usize) {
    // AVX2 has 16 registers, the others have 32.
    let wide = if S::F64_LANES == 4 { 2 } else { 4 };
    let mut at = 0;
    while at < columns {
        let left = (columns - at) / S::F64_LANES;
        let (y, w) = (&mut y[at..], &w[at..]);
        at += S::F64_LANES
            * match (wide <= left, wide) {
                (true, 4) => tile::<S, R, 4>(simd, y, x, w, columns),
                (true, _) => tile::<S, R, 2>(simd, y, x, w, columns),
                (false, _) if left > 0 => tile::<S, R, 1>(simd, y, x, w, columns),
                (false, _) => edge::<S, R>(simd, y, x, w, (columns, columns - at)),
            };
    }
}

/// R rows by V vectors; y and w start at their first column. Returns V.
#[inline(always)]
fn tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    y: &mut [f64],
    x: Matrix<'_>,
    w: &[f64],
    columns: usize,
) -> usize {
    let width = V * S::F64_LANES;
    let mut sums = [[simd.splat_f64s(0.0); V]; R];
    for (sums, y) in sums.iter_mut().zip(y.chunks(columns)) {
        sums.copy_from_slice(S::as_simd_f64s(&y[..width]).0);
    }
    let mut row = [simd.splat_f64s(0.0); V];
    for (k, w) in w.chunks(columns).enumerate() {
        row.copy_from_slice(S::as_simd_f64s(&w[..width]).0);
        for (r, sums) in sums.iter_mut().enumerate() {
            let x = simd.splat_f64s(x.values[r * x.row + k * x.column]);
            for (sum, &w) in sums.iter_mut().zip(&row) {
                *sum = simd.mul_add_e_f64s(x, w, *sum);
            }
        }
    }
    for (sums, y) in sums.iter().zip(y.chunks_mut(columns)) {
        S::as_mut_simd_f64s(&mut y[..width]).0.copy_from_slice(sums);
    }
    V
}

/// The last columns, fewer than a vector has lanes. Returns 1.
#[inline(always)]
fn edge<S: Simd, const R: usize>(
    simd: S,
    y: &mut [f64],
    x: Matrix<'_>,
    w: &[f64],
    (columns, width): (usize, usize),
) -> usize {
    for (r, y) in y.chunks_mut(columns).enumerate() {
        let mut sum = simd.partial_load_f64s(&y[..width]);
        for (k, w) in w.chunks(columns).enumerate() {
            let x = simd.splat_f64s(x.values[r * x.row + k * x.column]);
            sum = simd.mul_add_e_f64s(x, simd.partial_load_f64s(&w[..width]), sum);
        }
        simd.partial_store_f64s(&mut y[..width], sum);
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use rand::RngExt;

    fn uniform(n: usize, index: u64) -> Vec<f64> {
        let mut rng = generator(1, Owner::Policy, index);
        (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    #[test]
    fn products_are_the_sums_they_should_be_with_every_instruction_set() {
        for (rows, depth, columns) in [(1, 3, 1), (2, 7, 5), (4, 6, 24), (5, 8, 64), (13, 9, 77)] {
            let (x, w) = (uniform(rows * depth, 1), uniform(depth * columns, 2));
            let start = uniform(rows * columns, 3);
            let mut fused: Option<Vec<f64>> = None;
            for isa in Isa::all() {
                let mut y = start.clone();
                add_product(isa, &mut y, Matrix::of(&x, depth), &w, columns);
                let mut again = start.clone();
                let x_transposed = transpose(&x, depth);
                let by_strides = Matrix::transposed(&x_transposed, rows);
                add_product(isa, &mut again, by_strides, &w, columns);
                assert_eq!(y, again, "{} {rows} {depth} {columns}", isa.name());
                for (at, found) in y.iter().enumerate() {
                    let (row, column) = (at / columns, at % columns);
                    let terms = (0..depth).map(|k| x[row * depth + k] * w[k * columns + column]);
                    let expected = start[at] + terms.sum::<f64>();
                    assert!((found - expected).abs() < 1e-14, "{} {found}", isa.name());
                }
                if isa.name() != "plain" {
                    assert_eq!(*fused.get_or_insert_with(|| y.clone()), y, "{}", isa.name());
                }
            }
        }
    }

    #[test]
    fn squashing_functions_are_those_of_the_language_with_every_instruction_set() {
        let scales = [1e-6, 0.1, 1.0, 5.0, 40.0, 800.0];
        let mut inputs: Vec<f64> = scales
            .iter()
            .flat_map(|scale| uniform(50, 4).into_iter().map(move |x| x * scale))
            .collect();
        inputs.extend([0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY]);
        let mut bits = None;
        for isa in Isa::all() {
            let [mut opened, mut squashed] = [inputs.clone(), inputs.clone()];
            sigmoid(isa, &mut opened);
            tanh(isa, &mut squashed);
            for (at, &x) in inputs.iter().enumerate() {
                assert!((opened[at] - 1.0 / (1.0 + (-x).exp())).abs() < 4e-16, "{x}");
                assert!((squashed[at] - x.tanh()).abs() < 4e-16, "{x}");
            }
            assert_eq!(*bits.get_or_insert((opened.clone(), squashed.clone())), (opened, squashed));
        }
        let mut nan = [f64::NAN];
        tanh(Isa::best(), &mut nan);
        assert!(nan[0].is_nan());
    }
}
