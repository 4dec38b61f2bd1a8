//! Products of polynomials against plain sums, and transposes against what they transpose.
#![cfg(test)]

use pulp::{Scalar, Simd};

use super::*;

/// Column `j` of a linear map of `N` values.
fn columns<const N: usize, const M: usize>(map: impl Fn([f32; N]) -> [f32; M]) -> [[f32; M]; N] {
    std::array::from_fn(|j| map(std::array::from_fn(|k| f32::from(u8::from(j == k)))))
}

#[track_caller]
fn assert_transposed<const N: usize, const M: usize>(map: [[f32; M]; N], other: [[f32; N]; M]) {
    for (j, column) in map.iter().enumerate() {
        for (i, value) in column.iter().enumerate() {
            assert!((value - other[i][j]).abs() < 1e-6, "{i} {j}: {value}, {}", other[i][j]);
        }
    }
}

/// `y` of `N` and `w` of `7 − N` coefficients, multiplied and transposed.
fn check<const N: usize, const K: usize>() {
    let simd = Scalar::new();
    assert_transposed(
        columns(|c: [f32; N]| evaluate(simd, c)),
        columns(|z| evaluate_transposed::<Scalar, N>(simd, z)),
    );
    assert_transposed(
        columns(|z| interpolate(simd, z)),
        columns(|x| interpolate_transposed(simd, x)),
    );
    let y: [f32; N] = std::array::from_fn(|k| 1.0 - 0.7 * k as f32);
    let w: [f32; K] = std::array::from_fn(|k| 0.5 + k as f32);
    let (y_at, w_at) = (evaluate(simd, y), evaluate(simd, w));
    let values = std::array::from_fn(|p| simd.mul_f32s(FACTORS[p] * w_at[p], y_at[p]));
    for (i, found) in interpolate(simd, values).into_iter().enumerate() {
        let terms = (0..K).filter_map(|j| Some(w[j] * y.get(i.checked_sub(j)?)?));
        let wanted: f32 = terms.sum();
        assert!((found - wanted).abs() < 1e-5, "{i}: {found} instead of {wanted}");
    }
}

#[test]
fn values_at_the_points_are_those_of_a_product() {
    check::<4, 3>();
    check::<2, 5>();
    check::<3, 4>();
}
