//! Functions of many numbers against those of f64.
#![cfg(test)]

use pulp::WithSimd;

use super::super::samples::on_all;
use super::*;

#[derive(Clone, Copy)]
enum Function {
    Exp,
    Sigmoid,
    Tanh,
}

struct Each<'a>(Function, &'a mut [f32]);

impl WithSimd for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(function, xs) = self;
        for chunk in xs.chunks_mut(S::F32_LANES) {
            let x = simd.partial_load_f32s(chunk);
            let y = match function {
                Function::Exp => exp(simd, x),
                Function::Sigmoid => sigmoid(simd, x),
                Function::Tanh => tanh(simd, x),
            };
            simd.partial_store_f32s(chunk, y);
        }
    }
}

/// Asserts errors of at most `absolute`, or of `relative` of the number.
#[track_caller]
fn check(function: Function, exact: impl Fn(f64) -> f64, [absolute, relative]: [f64; 2]) {
    on_all(|isa| {
        let xs: Vec<f32> = (-100_000..100_000).map(|at| at as f32 * 8e-4).collect();
        let mut ys = xs.clone();
        isa.run(Each(function, &mut ys));
        for (&x, &y) in xs.iter().zip(&ys) {
            let expected = exact(f64::from(x));
            let error = (f64::from(y) - expected).abs();
            assert!(error <= absolute.max(relative * expected), "{y} of {x}, not {expected}");
        }
    });
}

#[test]
fn functions_are_exact_to_the_last_places() {
    check(Function::Exp, f64::exp, [0.0, 1.5e-7]);
    check(Function::Sigmoid, |x| 1.0 / (1.0 + (-x).exp()), [1.2e-7, 0.0]);
    check(Function::Tanh, f64::tanh, [2.4e-7, 0.0]);
}

#[test]
fn what_is_beyond_the_numbers_is_near_its_limit_and_what_is_no_number_is_none() {
    on_all(|isa| {
        let mut xs = [-1e30, 1e30, f32::NAN];
        isa.run(Each(Function::Sigmoid, &mut xs));
        assert!(xs[0] < 1e-30 && 1.0 - 1e-7 < xs[1] && xs[2].is_nan(), "{xs:?}");
        for function in [Function::Exp, Function::Tanh] {
            let mut xs = [f32::NAN; 3];
            isa.run(Each(function, &mut xs));
            assert!(xs.iter().all(|x| x.is_nan()));
        }
    });
}
