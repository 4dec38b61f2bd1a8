//! Polynomials at six points: what Winograd's convolution multiplies in place of taps.
//!
//! Along one axis, weights `w` and gradients `d` are the coefficients of polynomials, and the
//! gradient of the inputs those of their product. It takes one multiplication for each of as many
//! points as it has coefficients (Toom, 1963; Cook, 1966); the sums of windows are the transpose
//! of that (Winograd, 1980):
//!
//! ```text
//! Σ_j w[j]·d[i−j] = interpolate(F·evaluate(w) ⊙ evaluate(d))
//! Σ_j w[j]·x[i+j] = evaluateᵀ(F·evaluate(w) ⊙ interpolateᵀ(x))
//! ```
//!
//! The points are 0, ±3/4, ±3/2 and ∞, where a polynomial has its last coefficient. They are exact,
//! their powers too, and what is rounded comes to about twice that of the sums themselves; with
//! the usual 0, ±1, ±2 it would be ten times (Barabasz et al., 2018, have more on that).

use pulp::Simd;

/// How many there are: a product has so many coefficients.
pub const POINTS: usize = 6;

/// The points that are finite and not 0, without their signs.
const A: f32 = 0.75;
const B: f32 = 1.5;

/// `F`: one over the product of the differences of a point to all other finite ones.
pub(super) const FACTORS: [f32; POINTS] = {
    let (a, b) = (A * A, B * B);
    let [of_a, of_b] = [0.5 / (a * (a - b)), 0.5 / (b * (b - a))];
    [1.0 / (a * b), of_a, of_a, of_b, of_b, 1.0]
};

/// The values at all points of the polynomial with the coefficients `c`, two at least.
#[inline(always)]
pub(super) fn evaluate<S: Simd, const N: usize>(simd: S, c: [S::f32s; N]) -> [S::f32s; POINTS] {
    let both = |point: f32| {
        // What is the same at the negative point, and what has the other sign there.
        let mut parts = [c[0], simd.mul_f32s(simd.splat_f32s(point), c[1])];
        let mut power = point;
        for k in 2..N {
            power *= point;
            parts[k % 2] = simd.mul_add_e_f32s(simd.splat_f32s(power), c[k], parts[k % 2]);
        }
        let [even, odd] = parts;
        [simd.add_f32s(even, odd), simd.sub_f32s(even, odd)]
    };
    let [[a, minus_a], [b, minus_b]] = [both(A), both(B)];
    [c[0], a, minus_a, b, minus_b, c[N - 1]]
}

/// The transpose of [`evaluate`].
#[inline(always)]
pub(super) fn evaluate_transposed<S: Simd, const N: usize>(
    simd: S,
    [zero, a, minus_a, b, minus_b, last]: [S::f32s; POINTS],
) -> [S::f32s; N] {
    let pairs = [
        [simd.add_f32s(a, minus_a), simd.add_f32s(b, minus_b)],
        [simd.sub_f32s(a, minus_a), simd.sub_f32s(b, minus_b)],
    ];
    let mut powers = [1.0, 1.0];
    let mut c = [zero; N];
    for (k, c) in c.iter_mut().enumerate() {
        let [of_a, of_b] = pairs[k % 2];
        *c = if k == 0 {
            simd.add_f32s(zero, simd.add_f32s(of_a, of_b))
        } else {
            powers = [powers[0] * A, powers[1] * B];
            let [a, b] = powers.map(|power| simd.splat_f32s(power));
            simd.mul_add_e_f32s(a, of_a, simd.mul_f32s(b, of_b))
        };
    }
    c[N - 1] = simd.add_f32s(c[N - 1], last);
    c
}

/// The coefficients of the polynomial with the values `F·z` at the points.
#[inline(always)]
pub(super) fn interpolate<S: Simd>(
    simd: S,
    [zero, a, minus_a, b, minus_b, last]: [S::f32s; POINTS],
) -> [S::f32s; POINTS] {
    let [of_a, of_b] = [(a, minus_a), (b, minus_b)]
        .map(|(plus, minus)| [simd.add_f32s(plus, minus), simd.sub_f32s(plus, minus)]);
    let times = |factor: f32, x, to| simd.mul_add_e_f32s(simd.splat_f32s(factor), x, to);
    let product = |factor: f32, x| simd.mul_f32s(simd.splat_f32s(factor), x);
    let even = |factor: f32, [at_a, at_b]: [f32; 2]| {
        times(at_a, of_a[0], times(at_b, of_b[0], product(factor, zero)))
    };
    let odd = |factor: f32, [at_a, at_b]: [f32; 2]| {
        times(at_a, of_a[1], times(at_b, of_b[1], product(factor, last)))
    };
    let (squares, product_of_squares) = (A * A + B * B, A * A * B * B);
    [
        product(product_of_squares, zero),
        odd(product_of_squares, [-A * B * B, -B * A * A]),
        even(-squares, [-B * B, -A * A]),
        odd(-squares, [A, B]),
        simd.add_f32s(zero, simd.add_f32s(of_a[0], of_b[0])),
        last,
    ]
}

/// The transpose of [`interpolate`].
#[inline(always)]
pub(super) fn interpolate_transposed<S: Simd>(simd: S, x: [S::f32s; POINTS]) -> [S::f32s; POINTS] {
    let times = |factor: f32, x, to| simd.mul_add_e_f32s(simd.splat_f32s(factor), x, to);
    let (squares, product_of_squares) = (A * A + B * B, A * A * B * B);
    let end =
        |from: usize| times(product_of_squares, x[from], times(-squares, x[from + 2], x[from + 4]));
    let both = |point: f32, other: f32| {
        let even = times(-other * other, x[2], x[4]);
        let odd = times(-other * other, x[1], x[3]);
        [times(point, odd, even), times(-point, odd, even)]
    };
    let [[a, minus_a], [b, minus_b]] = [both(A, B), both(B, A)];
    [end(0), a, minus_a, b, minus_b, end(1)]
}

#[cfg(test)]
mod tests;
