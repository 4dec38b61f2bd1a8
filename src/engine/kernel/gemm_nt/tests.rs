//! Sums over pixels and images against plain loops in f64.
#![cfg(test)]

use super::super::LANES;
use super::super::samples::{Samples, assert_near, on_all};
use super::*;

fn check(isa: Isa, [outs, ins, pixels]: [usize; 3], valid: usize) {
    let mut samples = Samples::new((outs * ins) as u64);
    let dys = samples.lanes_valid_below(valid, pixels * outs);
    let columns = samples.lanes_valid_below(valid, pixels * ins);
    let before = samples.floats(outs * ins);
    let mut sums = before.clone();
    gemm_nt(isa, [&dys, &columns], &Lanes::first(valid), &mut sums, outs);
    for out in 0..outs {
        for i in 0..ins {
            let mut want = f64::from(before[out * ins + i]);
            let mut scale = want.abs();
            for p in 0..pixels {
                for lane in 0..valid {
                    let (dy, x) = (dys[p * outs + out].0[lane], columns[p * ins + i].0[lane]);
                    want += f64::from(dy) * f64::from(x);
                    scale += f64::from(dy * x).abs();
                }
            }
            assert_near(f64::from(sums[out * ins + i]), want, scale);
        }
    }
}

#[test]
fn sums_are_the_plain_ones_for_every_size_and_leave_images_out() {
    on_all(|isa| {
        for outs in 1..=14 {
            for ins in 1..=14 {
                check(isa, [outs, ins, 1 + (outs + ins) % 4], 1 + (outs * ins) % LANES);
            }
        }
        for outs in [20, 36, 40, 60, 72, 80] {
            check(isa, [outs, outs / 2 + 1, 9], 5);
        }
        check(isa, [40, 160, 64], LANES);
        check(isa, [3, 27, 65], 0);
        check(isa, [5, 16, 130], 7);
        check(isa, [6, 15, 130], 7);
    });
}
