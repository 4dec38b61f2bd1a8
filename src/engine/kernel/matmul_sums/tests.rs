//! Sums over random rows against plain sums in f64.
#![cfg(test)]

use super::super::samples::{Samples, assert_near, on_all};
use super::*;

fn check(isa: Isa, [count, ins, outs]: [usize; 3]) {
    let mut samples = Samples::new((count * ins + outs) as u64);
    let strides = [ins + 2, outs + 3];
    let [xs, ys] = strides.map(|stride| samples.floats(count * stride));
    let before = samples.floats(ins * outs);
    let mut sums = before.clone();
    let mut scratch = vec![f32::NAN; matmul_sums_scratch(ins)];
    let factors = Factors { xs: (&xs, strides[0]), ys: (&ys, strides[1]), rows: count };
    matmul_sums(isa, factors, [ins, outs], &mut sums, &mut scratch);
    for (at, &found) in sums.iter().enumerate() {
        let (i, j) = (at / outs, at % outs);
        let term = |row| f64::from(xs[row * strides[0] + i]) * f64::from(ys[row * strides[1] + j]);
        let sum: f64 = (0..count).map(term).sum();
        assert_near(f64::from(found), sum + f64::from(before[at]), (count as f64).sqrt() + 1.0);
    }
}

#[test]
fn sums_are_plain_for_every_shape() {
    on_all(|isa| {
        for n in 1..=20 {
            check(isa, [1 + n * 13 % 29, n, 1 + n * 11 % 53]);
        }
        for shape in [[300, 17, 100], [128, 8, 48], [129, 64, 17], [1, 1, 1]] {
            check(isa, shape);
        }
    });
}

/// A thread may make the sums of some of the rows.
#[test]
fn a_row_of_sums_does_not_depend_on_the_others() {
    on_all(|isa| {
        let mut samples = Samples::new(5);
        let (count, ins, outs) = (200, 21, 50);
        let [xs, ys] = [samples.floats(count * ins), samples.floats(count * outs)];
        let mut scratch = vec![0.0; matmul_sums_scratch(ins)];
        let mut sums = |first: usize, ins_here: usize| {
            let mut sums = vec![0.0; ins_here * outs];
            let factors = Factors { xs: (&xs[first..], ins), ys: (&ys, outs), rows: count };
            matmul_sums(isa, factors, [ins_here, outs], &mut sums, &mut scratch);
            sums
        };
        let all = sums(0, ins);
        let parts: Vec<f32> =
            [(0, 9), (9, 1), (10, 11)].iter().flat_map(|&(a, n)| sums(a, n)).collect();
        assert!(all.iter().zip(&parts).all(|(a, b)| a.to_bits() == b.to_bits()));
    });
}
