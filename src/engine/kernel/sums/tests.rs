//! Sums against plain loops in f64.
#![cfg(test)]

use super::super::LANES;
use super::super::samples::{Samples, assert_near, on_all};
use super::*;

/// Sums and sums of sizes, of terms that `term` says for a place and a lane.
fn plain(
    [rows, channels, width]: [usize; 3],
    channel: usize,
    valid: usize,
    term: impl Fn(usize, usize) -> f64,
) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for row in 0..rows {
        for x in 0..width {
            for lane in 0..valid {
                let term = term((row * channels + channel) * width + x, lane);
                sums[0] += term;
                sums[1] += term.abs();
            }
        }
    }
    sums
}

#[test]
fn sums_are_the_plain_ones_and_leave_images_out() {
    on_all(|isa| {
        for (idx, shape) in [[1, 1, 1], [5, 3, 7], [8, 20, 8], [3, 4, 32], [2, 3, 65], [9, 2, 14]]
            .iter()
            .enumerate()
        {
            let [rows, channels, width] = *shape;
            let valid = [LANES, 5, 1][idx % 3];
            let mut samples = Samples::new(idx as u64);
            let ds = samples.lanes_valid_below(valid, rows * channels * width);
            let ys = samples.lanes_valid_below(valid, rows * channels * width);
            let mut of_ys = vec![[1.0, 2.0]; channels];
            channel_sums(isa, &ys, width, &Lanes::first(valid), &mut of_ys);
            let mut of_both = vec![[1.0, 2.0]; channels];
            grad_sums(isa, [&ds, &ys], width, &Lanes::first(valid), &mut of_both);
            for channel in 0..channels {
                let d = |at: usize, lane: usize| f64::from(ds[at].0[lane]);
                let y = |at: usize, lane: usize| f64::from(ys[at].0[lane]);
                let check = |got: f64, before: f64, term: &dyn Fn(usize, usize) -> f64| {
                    let [sum, scale] = plain(*shape, channel, valid, term);
                    assert_near(got, before + sum, scale);
                };
                check(of_ys[channel][0], 1.0, &y);
                check(of_ys[channel][1], 2.0, &|at, lane| y(at, lane) * y(at, lane));
                check(of_both[channel][0], 1.0, &d);
                check(of_both[channel][1], 2.0, &|at, lane| d(at, lane) * y(at, lane));
            }
        }
    });
}
